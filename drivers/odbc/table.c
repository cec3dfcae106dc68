#include "odbc.h"

#include <stdlib.h>
#include <string.h>

/* Rows that are made here, and their export as an Arrow batch, so that one fetch serves all results. */

table *table_new(const table_column *columns, size_t width) {
    table *t = calloc(1, sizeof *t);
    if (t != NULL) {
        t->columns = columns;
        t->width = width;
    }
    return t;
}

void table_row(table *t) {
    if (t->rows == t->cap && !t->failed) {
        size_t cap = t->cap == 0 ? 16 : t->cap * 2;
        table_cell *grown = realloc(t->cells, cap * t->width * sizeof *grown);
        if (grown == NULL) {
            t->failed = true;
            return;
        }
        t->cells = grown;
        t->cap = cap;
    }
    if (t->failed) {
        return;
    }
    for (size_t i = 0; i < t->width; i++) {
        t->cells[t->rows * t->width + i] = (table_cell){.null = true};
    }
    t->rows++;
}

void table_set_text(table *t, size_t index, text value) {
    if (t->failed || value.ptr == NULL) {
        return;
    }
    table_cell *c = &t->cells[(t->rows - 1) * t->width + index];
    free(c->text);
    c->text = text_copy(value);
    c->null = false;
    t->failed = c->text == NULL;
}

void table_set_number(table *t, size_t index, int64_t value) {
    if (!t->failed) {
        t->cells[(t->rows - 1) * t->width + index] = (table_cell){.number = value};
    }
}

const table_cell *table_at(const table *t, size_t row, size_t index) {
    return &t->cells[row * t->width + index];
}

static int compare_cells(const table_cell *a, const table_cell *b) {
    if (a->null || b->null) {
        return (int)b->null - (int)a->null; /* NULL first */
    }
    if (a->text != NULL && b->text != NULL) {
        return strcmp(a->text, b->text);
    }
    return (a->number > b->number) - (a->number < b->number);
}

typedef struct ordering {
    const table *t;
    const size_t *by;
    size_t count;
} ordering;

static int compare_rows(const void *a, const void *b, void *context) {
    const ordering *o = context;
    size_t x = *(const size_t *)a, y = *(const size_t *)b;
    for (size_t i = 0; i < o->count; i++) {
        int c = compare_cells(table_at(o->t, x, o->by[i]), table_at(o->t, y, o->by[i]));
        if (c != 0) {
            return c;
        }
    }
    return (x > y) - (x < y); /* equal rows stay in their order */
}

void table_sort(table *t, const size_t *by, size_t count) {
    if (t->failed || t->rows < 2) {
        return;
    }
    size_t *order = malloc(t->rows * sizeof *order);
    table_cell *sorted = malloc(t->cap * t->width * sizeof *sorted);
    if (order == NULL || sorted == NULL) {
        free(order);
        free(sorted);
        t->failed = true;
        return;
    }
    for (size_t i = 0; i < t->rows; i++) {
        order[i] = i;
    }
    ordering o = {t, by, count};
    qsort_r(order, t->rows, sizeof *order, compare_rows, &o);
    for (size_t i = 0; i < t->rows; i++) {
        memcpy(sorted + i * t->width, table_at(t, order[i], 0), t->width * sizeof *sorted);
    }
    free(order);
    free(t->cells);
    t->cells = sorted;
}

void table_free(table *t) {
    if (t == NULL) {
        return;
    }
    for (size_t i = 0; i < t->rows * t->width; i++) {
        free(t->cells[i].text);
    }
    free(t->cells);
    free(t);
}

/* ---- Arrow ----------------------------------------------------------------------------------------------- */

static void release_column(struct ArrowArray *a) {
    for (int64_t i = 0; i < a->n_buffers; i++) {
        void *memory;
        memcpy(&memory, &a->buffers[i], sizeof memory); /* const only for readers */
        free(memory);
    }
    free((void *)a->buffers);
    a->release = NULL;
}

static void release_table(struct ArrowArray *a) {
    for (int64_t i = 0; i < a->n_children; i++) {
        if (a->children[i] != NULL && a->children[i]->release != NULL) {
            a->children[i]->release(a->children[i]);
        }
        free(a->children[i]);
    }
    free(a->children);
    a->release = NULL;
}

static void fill_texts(const table *t, size_t index, int32_t *offsets, char *bytes) {
    int32_t at = 0;
    for (size_t row = 0; row < t->rows; row++) {
        const table_cell *c = table_at(t, row, index);
        size_t len = c->text == NULL ? 0 : strlen(c->text);
        offsets[row] = at;
        if (len > 0) {
            memcpy(bytes + at, c->text, len);
        }
        at += (int32_t)len;
    }
    offsets[t->rows] = at;
}

static void fill_numbers(const table *t, size_t index, void *values) {
    for (size_t row = 0; row < t->rows; row++) {
        int64_t v = table_at(t, row, index)->number;
        if (t->columns[index].type == 's') {
            ((int16_t *)values)[row] = (int16_t)v;
        } else {
            ((int32_t *)values)[row] = (int32_t)v;
        }
    }
}

static bool export_column(const table *t, size_t index, struct ArrowArray *out) {
    bool is_text = t->columns[index].type == 'u';
    size_t bytes = 1;
    uint8_t *validity = calloc(t->rows / 8 + 1, 1);
    void *values = calloc(t->rows + 1, is_text || t->columns[index].type == 'i' ? 4 : 2);
    for (size_t row = 0; row < t->rows; row++) {
        const table_cell *c = table_at(t, row, index);
        bytes += c->text == NULL ? 0 : strlen(c->text);
        if (!c->null && validity != NULL) {
            validity[row / 8] = (uint8_t)(validity[row / 8] | 1U << row % 8);
        }
    }
    char *content = is_text && bytes < INT32_MAX ? malloc(bytes) : NULL;
    const void **buffers = calloc(3, sizeof *buffers);
    if (validity == NULL || values == NULL || buffers == NULL || (is_text && content == NULL)) {
        free(validity);
        free(values);
        free(content);
        free((void *)buffers);
        return false;
    }
    if (is_text) {
        fill_texts(t, index, values, content);
    } else {
        fill_numbers(t, index, values);
    }
    buffers[0] = validity;
    buffers[1] = values;
    buffers[2] = content;
    *out = (struct ArrowArray){.length = (int64_t)t->rows,
                               .null_count = -1,
                               .n_buffers = is_text ? 3 : 2,
                               .buffers = buffers,
                               .release = release_column};
    return true;
}

bool table_export(const table *t, struct ArrowArray *out) {
    if (t->failed) {
        return false;
    }
    *out = (struct ArrowArray){.length = (int64_t)t->rows,
                               .n_children = (int64_t)t->width,
                               .children = calloc(t->width, sizeof(struct ArrowArray *)),
                               .release = release_table};
    bool ok = out->children != NULL;
    out->n_children = ok ? out->n_children : 0;
    for (size_t i = 0; ok && i < t->width; i++) {
        out->children[i] = calloc(1, sizeof(struct ArrowArray));
        ok = out->children[i] != NULL && export_column(t, i, out->children[i]);
    }
    if (!ok) {
        out->release(out);
    }
    return ok;
}
