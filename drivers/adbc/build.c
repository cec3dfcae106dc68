#include "build.h"

#include <stdlib.h>
#include <string.h>

struct node {
    char *name;
    char format[24];
    unsigned flags;
    node **children;
    size_t count;
    size_t width;  /* bytes of a value; 0: bits, or none */
    text validity; /* one bit a row */
    text data;     /* values, a union's type ids */
    text offsets;  /* int32: texts, lists, maps; a union's places in its children */
    int64_t length, nulls;
};

/* ---- life ---- */

static size_t width_of(const char *format) {
    static const char letters[] = "cCsSiIlLg";
    static const size_t widths[] = {1, 1, 2, 2, 4, 4, 8, 8, 8};
    const char *found = strchr(letters, format[0]);
    return found != NULL && format[0] != '\0' && format[1] == '\0' ? widths[found - letters] : 0;
}

static bool is(const node *n, const char *format) {
    return strcmp(n->format, format) == 0;
}

static bool is_union(const node *n) {
    return strncmp(n->format, "+ud", 3) == 0;
}

static bool has_offsets(const node *n) {
    return is(n, "u") || is(n, "z") || is(n, "+l") || is(n, "+m");
}

static void add_offset(node *n, int64_t value) {
    int32_t offset = (int32_t)value;
    n->offsets.failed |= value > INT32_MAX;
    text_add_n(&n->offsets, (const char *)&offset, sizeof offset);
}

node *node_new(const char *name, const char *format, unsigned flags) {
    node *n = calloc(1, sizeof *n);
    char *copy = strdup(name);
    if (n == NULL || copy == NULL) {
        free(n);
        free(copy);
        return NULL;
    }
    n->name = copy;
    n->flags = flags;
    (void)strncat(n->format, format, sizeof n->format - 1);
    n->width = width_of(format);
    if (has_offsets(n)) {
        add_offset(n, 0);
    }
    return n;
}

void node_free(node *n) {
    if (n == NULL) {
        return;
    }
    for (size_t i = 0; i < n->count; i++) {
        node_free(n->children[i]);
    }
    text_reset(&n->validity);
    text_reset(&n->data);
    text_reset(&n->offsets);
    free(n->children);
    free(n->name);
    free(n);
}

static node *parent(const char *name, const char *format, unsigned flags, size_t count,
                    node **takes_children) {
    bool whole = true;
    node *n = node_new(name, format, flags);
    node **children = calloc(count + 1, sizeof(node *));
    for (size_t i = 0; i < count; i++) {
        whole = whole && takes_children[i] != NULL;
    }
    if (n == NULL || children == NULL || !whole) {
        for (size_t i = 0; i < count; i++) {
            node_free(takes_children[i]);
        }
        free(children);
        node_free(n);
        return NULL;
    }
    for (size_t i = 0; i < count; i++) {
        children[i] = takes_children[i];
    }
    n->children = children;
    n->count = count;
    return n;
}

node *node_struct(const char *name, size_t count, node **takes_children) {
    return parent(name, "+s", 0, count, takes_children);
}

node *node_list(const char *name, unsigned flags, node *takes_item) {
    return parent(name, "+l", flags, 1, &takes_item);
}

node *node_map(const char *name, node *takes_key, node *takes_value) {
    node *pair[] = {takes_key, takes_value};
    node *entries = parent("entries", "+s", NODE_REQUIRED, 2, pair);
    return parent(name, "+m", 0, 1, &entries);
}

node *node_union(const char *name, size_t count, node **takes_children) {
    char format[24] = "+ud:";
    for (size_t i = 0; i < count; i++) {
        char id[3] = {(char)('0' + i), i + 1 < count ? ',' : '\0', '\0'};
        (void)strncat(format, id, sizeof format - strlen(format) - 1);
    }
    return parent(name, format, 0, count, takes_children);
}

node *node_child(const node *n, size_t at) {
    return n->children[at];
}

void node_require(node *n) {
    n->flags |= NODE_REQUIRED;
}

int64_t node_length(const node *n) {
    return n->length;
}

/* ---- rows ---- */

static void set_bit(text *bits, int64_t at, bool value) {
    if (at % 8 == 0) {
        text_add_n(bits, "", 1);
    }
    if (value && !bits->failed) {
        bits->ptr[at / 8] = (char)(bits->ptr[at / 8] | 1 << (at % 8));
    }
}

static void end_row(node *n, bool valid) {
    set_bit(&n->validity, n->length, valid);
    n->length++;
    n->nulls += valid ? 0 : 1;
}

void node_add_null(node *n) {
    static const char zeros[8] = {0};
    if (is(n, "b")) {
        set_bit(&n->data, n->length, false);
    } else if (n->width > 0) {
        text_add_n(&n->data, zeros, n->width);
    } else if (is(n, "u") || is(n, "z")) {
        add_offset(n, (int64_t)n->data.len);
    } else if (is(n, "+l") || is(n, "+m")) {
        add_offset(n, n->children[0]->length);
    }
    for (size_t i = 0; is(n, "+s") && i < n->count; i++) {
        node_add_null(n->children[i]);
    }
    end_row(n, false);
}

/* Little-endian, as Arrow and the machines this is built for are. */
void node_add_int(node *n, int64_t value) {
    if (is(n, "b")) {
        set_bit(&n->data, n->length, value != 0);
    } else {
        text_add_n(&n->data, (const char *)&value, n->width);
    }
    end_row(n, true);
}

void node_add_double(node *n, double value) {
    text_add_n(&n->data, (const char *)&value, sizeof value);
    end_row(n, true);
}

void node_add_text(node *n, const char *s, size_t len) {
    text_add_n(&n->data, s, len);
    add_offset(n, (int64_t)n->data.len);
    end_row(n, true);
}

void node_add_str(node *n, const char *s) {
    if (s == NULL) {
        node_add_null(n);
    } else {
        node_add_text(n, s, strlen(s));
    }
}

void node_end(node *n) {
    if (!is(n, "+s")) {
        add_offset(n, n->children[0]->length);
    }
    end_row(n, true);
}

void node_choose(node *n, size_t child) {
    char id = (char)child;
    text_add_n(&n->data, &id, 1);
    add_offset(n, n->children[child]->length - 1);
    n->length++;
}

/* ---- giving away ---- */

static bool is_broken(const node *n) {
    bool broken = n->validity.failed || n->data.failed || n->offsets.failed;
    for (size_t i = 0; i < n->count; i++) {
        broken = broken || is_broken(n->children[i]);
    }
    return broken;
}

static void release_schema(struct ArrowSchema *s) {
    for (int64_t i = 0; i < s->n_children; i++) {
        if (s->children[i]->release != NULL) {
            s->children[i]->release(s->children[i]);
        }
    }
    free(s->private_data);
    s->release = NULL;
}

static void release_array(struct ArrowArray *a) {
    for (int64_t i = 0; i < a->n_children; i++) {
        if (a->children[i]->release != NULL) {
            a->children[i]->release(a->children[i]);
        }
    }
    void **owned = a->private_data;
    for (size_t i = 0; i < 3; i++) {
        free(owned[i]);
    }
    free(owned);
    a->release = NULL;
}

/* One block: the pointers to the children, the children, the texts. */
static bool give_schema(const node *n, struct ArrowSchema *out) {
    size_t names = strlen(n->name) + 1;
    size_t room = n->count * (sizeof(struct ArrowSchema *) + sizeof(struct ArrowSchema));
    char *block = calloc(1, room + names + sizeof n->format);
    if (block == NULL) {
        return false;
    }
    char *texts = block + room;
    memcpy(texts, n->name, names);
    memcpy(texts + names, n->format, sizeof n->format);
    bool nullable = (n->flags & NODE_REQUIRED) == 0;
    struct ArrowSchema **pointers = (void *)block;
    struct ArrowSchema *children = (void *)(block + n->count * sizeof *pointers);
    *out = (struct ArrowSchema){.format = texts + names,
                                .name = texts,
                                .flags = nullable ? ARROW_FLAG_NULLABLE : 0,
                                .n_children = (int64_t)n->count,
                                .children = n->count > 0 ? pointers : NULL,
                                .release = release_schema,
                                .private_data = block};
    bool whole = true;
    for (size_t i = 0; i < n->count; i++) {
        pointers[i] = &children[i];
        whole = whole && give_schema(n->children[i], pointers[i]);
    }
    if (!whole) {
        out->release(out);
    }
    return whole;
}

static void *take_bytes(text *t) {
    static const size_t some = 8; /* an empty buffer is no NULL pointer */
    void *bytes = t->ptr != NULL ? t->ptr : calloc(1, some);
    *t = (text){0};
    return bytes;
}

/* The buffers in Arrow's order; the count of those that this format has. */
static int64_t take_buffers(node *n, void **owned) {
    if (is(n, "n")) {
        return 0;
    }
    if (is_union(n)) {
        owned[0] = take_bytes(&n->data);
        owned[1] = take_bytes(&n->offsets);
        return 2;
    }
    int64_t count = 0;
    owned[count++] = take_bytes(&n->validity);
    if (has_offsets(n)) {
        owned[count++] = take_bytes(&n->offsets);
    }
    if (n->count == 0) {
        owned[count++] = take_bytes(&n->data);
    }
    return count;
}

static bool give_array(node *n, struct ArrowArray *out) {
    size_t pointers = 3 + n->count;
    size_t room = pointers * sizeof(void *) + n->count * sizeof(struct ArrowArray);
    void **owned = calloc(1, room);
    if (owned == NULL) {
        return false;
    }
    int64_t buffers = take_buffers(n, owned);
    bool whole = true;
    for (int64_t i = 0; i < buffers; i++) {
        whole = whole && owned[i] != NULL;
    }
    struct ArrowArray **children = (void *)(owned + 3);
    struct ArrowArray *items = (void *)(owned + pointers);
    *out = (struct ArrowArray){.length = n->length,
                               .null_count = n->nulls,
                               .n_buffers = buffers,
                               .n_children = (int64_t)n->count,
                               .buffers = (const void **)(void *)owned,
                               .children = n->count > 0 ? children : NULL,
                               .release = release_array,
                               .private_data = owned};
    for (size_t i = 0; i < n->count; i++) {
        children[i] = &items[i];
        whole = whole && give_array(n->children[i], children[i]);
    }
    if (!whole) {
        out->release(out);
    }
    return whole;
}

AdbcStatusCode node_schema(node *takes, struct ArrowSchema *out, struct AdbcError *error) {
    bool given = takes != NULL && !is_broken(takes) && give_schema(takes, out);
    node_free(takes);
    return given ? ADBC_STATUS_OK : fail_memory(error);
}

AdbcStatusCode node_stream(node *takes, struct ArrowArrayStream *out, struct AdbcError *error) {
    struct ArrowSchema schema = {0};
    struct ArrowArray array = {0};
    bool given = takes != NULL && !is_broken(takes) && give_schema(takes, &schema);
    if (given && !give_array(takes, &array)) {
        schema.release(&schema);
        given = false;
    }
    node_free(takes);
    return given ? stream_of_batch(&schema, &array, out, error) : fail_memory(error);
}
