#include "arrow/validate.h"

#include <inttypes.h>
#include <string.h>

typedef struct check { /* one array under check */
    const dbk_field *f;
    const dbk_array *a;
    dbk_error *err;
} check;

/* "utf8 array of 7 rows: <what>" */
static dbk_status bad(const check *c, const char *what, int64_t row) {
    return dbk_error_set(c->err, DBK_DATA_LOSS,
                         "%s array of %" PRId64 " rows: %s (row %" PRId64 ")",
                         dbk_type_name(dbk_field_storage(c->f)), c->a->length, what, row);
}

static dbk_status need_bytes(const check *c, size_t buffer, int64_t count, size_t bits) {
    size_t total_bits = 0;
    size_t have = c->a->buffers[buffer].size;
    bool fits = dbk_mul_size((size_t)count, bits, &total_bits) && total_bits <= SIZE_MAX - 7;
    if (fits && (total_bits + 7) / 8 <= have) {
        return DBK_OK;
    }
    return dbk_error_set(c->err, DBK_DATA_LOSS,
                         "%s array of %" PRId64 " rows: buffer %zu has %zu bytes, too few",
                         dbk_type_name(dbk_field_storage(c->f)), c->a->length, buffer, have);
}

/* ---- loads: buffers are aligned, memcpy keeps the compiler honest ---- */

static int32_t get32(const uint8_t *p, int64_t i) {
    int32_t v;
    memcpy(&v, p + i * 4, sizeof v);
    return v;
}

static int64_t get64(const uint8_t *p, int64_t i) {
    int64_t v;
    memcpy(&v, p + i * 8, sizeof v);
    return v;
}

/* Entry i of a buffer of 32- or 64-bit signed numbers. */
static int64_t get_wide(const uint8_t *p, bool wide, int64_t i) {
    return wide ? get64(p, i) : get32(p, i);
}

/* ---- offsets ---- */

/* Offsets are fine when no offset and no step to the next one is negative. Both are sign bits, so
 * the scan is two operations per offset without a branch, four offsets at a time. */
#if defined(__GNUC__)
typedef uint32_t vec32 __attribute__((vector_size(16)));
typedef uint64_t vec64 __attribute__((vector_size(16)));

static uint32_t scan32(const uint8_t *p, int64_t n, int64_t *done) {
    vec32 acc = {0};
    int64_t i = 0;
    for (; i + 8 <= n; i += 8) { /* reads offsets i .. i + 8 */
        vec32 a, b, c, d;
        memcpy(&a, p + i * 4, sizeof a);
        memcpy(&b, p + i * 4 + 4, sizeof b);
        memcpy(&c, p + i * 4 + 16, sizeof c);
        memcpy(&d, p + i * 4 + 20, sizeof d);
        acc |= a | (b - a) | c | (d - c);
    }
    *done = i;
    return acc[0] | acc[1] | acc[2] | acc[3];
}

static uint64_t scan64(const uint8_t *p, int64_t n, int64_t *done) {
    vec64 acc = {0};
    int64_t i = 0;
    for (; i + 4 <= n; i += 4) {
        vec64 a, b, c, d;
        memcpy(&a, p + i * 8, sizeof a);
        memcpy(&b, p + i * 8 + 8, sizeof b);
        memcpy(&c, p + i * 8 + 16, sizeof c);
        memcpy(&d, p + i * 8 + 24, sizeof d);
        acc |= a | (b - a) | c | (d - c);
    }
    *done = i;
    return acc[0] | acc[1];
}
#else
static uint32_t scan32(const uint8_t *p, int64_t n, int64_t *done) {
    (void)p;
    (void)n;
    *done = 0;
    return 0;
}
static uint64_t scan64(const uint8_t *p, int64_t n, int64_t *done) {
    (void)p;
    (void)n;
    *done = 0;
    return 0;
}
#endif

static bool offsets_rise(const uint8_t *p, bool wide, int64_t n) {
    int64_t i = 0;
    bool bad_sign = wide ? (scan64(p, n, &i) >> 63) != 0 : (scan32(p, n, &i) >> 31) != 0;
    int64_t last = get_wide(p, wide, i);
    bad_sign |= last < 0;
    for (; i < n; i++) {
        int64_t next = get_wide(p, wide, i + 1);
        bad_sign |= next < last;
        last = next;
    }
    return !bad_sign;
}

static dbk_status check_offsets(const check *c, bool wide, uint64_t limit) {
    int64_t n = c->a->length;
    const uint8_t *p = c->a->buffers[1].data;
    dbk_status st =
        n < INT64_MAX ? need_bytes(c, 1, n + 1, wide ? 64 : 32) : bad(c, "impossible length", n);
    if (st != DBK_OK) {
        return st;
    }
    if (!offsets_rise(p, wide, n)) {
        int64_t row = 0;
        while (row < n && get_wide(p, wide, row) >= 0 &&
               get_wide(p, wide, row + 1) >= get_wide(p, wide, row)) {
            row++;
        }
        return bad(c, "an offset is negative or before the one of the row above", row);
    }
    if ((uint64_t)get_wide(p, wide, n) > limit) {
        return bad(c, "the last offset lies behind the end of the data", n);
    }
    return DBK_OK;
}

/* ---- the layouts ---- */

static dbk_status check_list_view(const check *c, bool wide) {
    const uint8_t *offsets = c->a->buffers[1].data;
    const uint8_t *sizes = c->a->buffers[2].data;
    int64_t limit = c->a->children[0].length;
    dbk_status st = need_bytes(c, 1, c->a->length, wide ? 64 : 32);
    if (st == DBK_OK) {
        st = need_bytes(c, 2, c->a->length, wide ? 64 : 32);
    }
    for (int64_t i = 0; st == DBK_OK && i < c->a->length; i++) {
        int64_t start = get_wide(offsets, wide, i);
        int64_t count = get_wide(sizes, wide, i);
        if (start < 0 || count < 0 || start > limit || count > limit - start) {
            st = bad(c, "a list lies outside the items", i);
        }
    }
    return st;
}

static bool view_fits(const dbk_array *a, const uint8_t *view) {
    int32_t size = get32(view, 0);
    if (size < 0 || size <= 12) { /* up to 12 bytes are in the view itself */
        return size >= 0;
    }
    int32_t buffer = get32(view, 2);
    int32_t offset = get32(view, 3);
    return buffer >= 0 && (size_t)buffer < a->buffer_count - 2 && offset >= 0 &&
           (uint64_t)offset + (uint64_t)size <= a->buffers[2 + (size_t)buffer].size;
}

static dbk_status check_views(const check *c) {
    dbk_status st = need_bytes(c, 1, c->a->length, 128);
    const uint8_t *views = c->a->buffers[1].data;
    for (int64_t i = 0; st == DBK_OK && i < c->a->length; i++) {
        if (!view_fits(c->a, views + i * 16) && !dbk_array_is_null(c->a, i)) {
            st = bad(c, "a view points outside its data buffer", i);
        }
    }
    return st;
}

static dbk_status check_children_length(const check *c) { /* struct, sparse union */
    for (size_t i = 0; i < c->a->child_count; i++) {
        if (c->a->children[i].length < c->a->length) {
            return dbk_error_set(c->err, DBK_DATA_LOSS,
                                 "%s array of %" PRId64 " rows: child %zu has %" PRId64 " rows",
                                 dbk_type_name(c->f->type), c->a->length, i,
                                 c->a->children[i].length);
        }
    }
    return DBK_OK;
}

static dbk_status check_union(const check *c, bool dense) {
    int8_t child_of[128];
    const uint8_t *ids = c->a->buffers[0].data;
    dbk_status st = need_bytes(c, 0, c->a->length, 8);
    memset(child_of, -1, sizeof child_of);
    for (size_t i = 0; i < c->f->child_count; i++) {
        child_of[c->f->type_ids[i]] = (int8_t)i; /* at most 128 children, checked with the schema */
    }
    if (st == DBK_OK) {
        st = dense ? need_bytes(c, 1, c->a->length, 32) : check_children_length(c);
    }
    for (int64_t i = 0; st == DBK_OK && i < c->a->length; i++) {
        if (ids[i] > 127 || child_of[ids[i]] < 0) {
            st = bad(c, "a type id that the union does not have", i);
        } else if (dense) {
            int32_t at = get32(c->a->buffers[1].data, i);
            if (at < 0 || at >= c->a->children[child_of[ids[i]]].length) {
                st = bad(c, "an offset outside the union's child", i);
            }
        }
    }
    return st;
}

static int64_t run_end(const dbk_field *f, const uint8_t *p, int64_t i) {
    if (f->type == DBK_TYPE_INT16) {
        int16_t v;
        memcpy(&v, p + i * 2, sizeof v);
        return v;
    }
    return get_wide(p, f->type == DBK_TYPE_INT64, i);
}

static dbk_status check_run_ends(const check *c) {
    const dbk_array *ends = &c->a->children[0];
    const uint8_t *p = ends->buffers[1].data;
    int64_t last = 0;
    if (ends->null_count != 0) {
        return bad(c, "run ends must not be null", 0);
    }
    if (c->a->children[1].length < ends->length) {
        return bad(c, "fewer values than run ends", c->a->children[1].length);
    }
    for (int64_t i = 0; i < ends->length; i++) {
        int64_t end = run_end(&c->f->children[0], p, i);
        if (end <= last) {
            return bad(c, "run ends must rise from 1 on", i);
        }
        last = end;
    }
    return last < c->a->length ? bad(c, "the last run ends before the last row", last) : DBK_OK;
}

static dbk_status check_fixed_list(const check *c) {
    int64_t items = 0;
    if (!dbk_mul_i64(c->a->length, c->f->width, &items) || c->a->children[0].length < items) {
        return bad(c, "fewer items than its rows need", c->a->children[0].length);
    }
    return DBK_OK;
}

/* ---- dictionary indices ---- */

static uint64_t index_at(const uint8_t *p, size_t bits, int64_t i) { /* negative ones are huge */
    switch (bits) {
    case 8:
        return (uint64_t)(int64_t)(int8_t)p[i];
    case 16: {
        int16_t v;
        memcpy(&v, p + i * 2, sizeof v);
        return (uint64_t)(int64_t)v;
    }
    case 32:
        return (uint64_t)(int64_t)get32(p, i);
    default:
        return (uint64_t)get64(p, i);
    }
}

static dbk_status check_indices(const check *c) {
    dbk_type t = dbk_field_storage(c->f);
    size_t bits = dbk_type_bits(t);
    bool is_unsigned = t >= DBK_TYPE_UINT8 && t <= DBK_TYPE_UINT64;
    uint64_t mask = is_unsigned && bits < 64 ? ((uint64_t)1 << bits) - 1 : UINT64_MAX;
    uint64_t limit = (uint64_t)c->a->dictionary->length;
    const uint8_t *p = c->a->buffers[1].data;
    for (int64_t i = 0; i < c->a->length; i++) {
        if ((index_at(p, bits, i) & mask) >= limit && !dbk_array_is_null(c->a, i)) {
            return dbk_error_set(c->err, DBK_DATA_LOSS,
                                 "dictionary index in row %" PRId64
                                 " is outside the dictionary's %" PRIu64 " values",
                                 i, limit);
        }
    }
    return DBK_OK;
}

/* ---- all ---- */

static dbk_status check_layout(const check *c) {
    const dbk_array *a = c->a;
    switch (dbk_type_layout(dbk_field_storage(c->f))) {
    case DBK_LAYOUT_NULL:
        return DBK_OK;
    case DBK_LAYOUT_BITS:
        return need_bytes(c, 1, a->length, 1);
    case DBK_LAYOUT_FIXED:
        return need_bytes(c, 1, a->length, dbk_field_bits(c->f));
    case DBK_LAYOUT_VAR32:
        return check_offsets(c, false, a->buffers[2].size);
    case DBK_LAYOUT_VAR64:
        return check_offsets(c, true, a->buffers[2].size);
    case DBK_LAYOUT_VIEW:
        return check_views(c);
    case DBK_LAYOUT_LIST32:
        return check_offsets(c, false, (uint64_t)a->children[0].length);
    case DBK_LAYOUT_LIST64:
        return check_offsets(c, true, (uint64_t)a->children[0].length);
    case DBK_LAYOUT_LISTVIEW32:
        return check_list_view(c, false);
    case DBK_LAYOUT_LISTVIEW64:
        return check_list_view(c, true);
    case DBK_LAYOUT_FIXED_LIST:
        return check_fixed_list(c);
    case DBK_LAYOUT_STRUCT:
        return check_children_length(c);
    case DBK_LAYOUT_SPARSE:
        return check_union(c, false);
    case DBK_LAYOUT_DENSE:
        return check_union(c, true);
    case DBK_LAYOUT_RUN_END:
        return check_run_ends(c);
    }
    return DBK_OK;
}

dbk_status dbk_array_check(const dbk_field *f, const dbk_array *a, dbk_error *err) {
    check c = {f, a, err};
    dbk_status st = DBK_OK;
    if (dbk_type_has_validity(dbk_field_storage(f)) && a->buffers[0].data != NULL) {
        DBK_TRY(need_bytes(&c, 0, a->length, 1));
    }
    DBK_TRY(check_layout(&c));
    if (f->dictionary != NULL) {
        DBK_TRY(check_indices(&c));
    }

done:
    return st;
}
