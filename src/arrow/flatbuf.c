#include "arrow/flatbuf.h"

/* ---- reading ---- */

static uint16_t load_u16(const uint8_t *p) {
    return (uint16_t)(p[0] | p[1] << 8);
}

static dbk_status outside(const char *what, size_t pos, size_t size, dbk_error *err) {
    return dbk_error_set(err, DBK_DATA_LOSS,
                         "Arrow metadata is broken: the %s at byte %zu does not lie inside its %zu "
                         "bytes",
                         what, pos, size);
}

static bool inside(size_t pos, size_t need, size_t size) {
    return pos <= size && size - pos >= need;
}

static dbk_status table_at(const uint8_t *data, size_t size, size_t pos, dbk_fb_table *out,
                           dbk_error *err) {
    if (!inside(pos, 4, size)) {
        return outside("table", pos, size, err);
    }
    /* The vtable is at pos minus a signed offset. */
    int64_t vtable = (int64_t)pos - (int32_t)dbk_load_u32(data + pos);
    if (vtable < 0 || !inside((size_t)vtable, 4, size)) {
        return outside("table's vtable", pos, size, err);
    }
    dbk_fb_table t = {.data = data, .size = size, .pos = pos, .vtable = (size_t)vtable};
    t.vtable_size = load_u16(data + t.vtable);
    t.table_size = load_u16(data + t.vtable + 2);
    if (t.vtable_size < 4 || !inside(t.vtable, t.vtable_size, size) ||
        !inside(pos, t.table_size, size)) {
        return outside("table's vtable", pos, size, err);
    }
    *out = t;
    return DBK_OK;
}

/* Position of a slot's value; 0: absent (a value is never at byte 0). */
static dbk_status slot_pos(const dbk_fb_table *t, unsigned slot, size_t width, size_t *out,
                           dbk_error *err) {
    size_t entry = 4 + (size_t)slot * 2;
    *out = 0;
    if (entry + 2 > t->vtable_size) {
        return DBK_OK;
    }
    uint16_t at = load_u16(t->data + t->vtable + entry);
    if (at == 0) {
        return DBK_OK;
    }
    if (at < 4 || !inside(at, width, t->table_size)) {
        return outside("table's value", t->pos + at, t->size, err);
    }
    *out = t->pos + at;
    return DBK_OK;
}

/* Follows the offset stored at pos. */
static dbk_status follow(const uint8_t *data, size_t size, size_t pos, size_t *out,
                         dbk_error *err) {
    uint32_t offset = dbk_load_u32(data + pos);
    if (offset == 0 || !inside(pos, (size_t)offset + 4, size)) {
        return outside("offset", pos, size, err);
    }
    *out = pos + offset;
    return DBK_OK;
}

dbk_status dbk_fb_root(dbk_slice bytes, dbk_fb_table *out, dbk_error *err) {
    const uint8_t *data = (const uint8_t *)bytes.ptr;
    size_t pos = 0;
    if (bytes.len < 8) {
        return outside("root", 0, bytes.len, err);
    }
    dbk_status st = follow(data, bytes.len, 0, &pos, err);
    return st == DBK_OK ? table_at(data, bytes.len, pos, out, err) : st;
}

dbk_status dbk_fb_u8(const dbk_fb_table *t, unsigned slot, uint8_t absent, uint8_t *out,
                     dbk_error *err) {
    size_t pos = 0;
    dbk_status st = slot_pos(t, slot, 1, &pos, err);
    if (st == DBK_OK) {
        *out = pos != 0 ? t->data[pos] : absent;
    }
    return st;
}

dbk_status dbk_fb_i16(const dbk_fb_table *t, unsigned slot, int16_t absent, int16_t *out,
                      dbk_error *err) {
    size_t pos = 0;
    dbk_status st = slot_pos(t, slot, 2, &pos, err);
    if (st == DBK_OK) {
        *out = pos != 0 ? (int16_t)load_u16(t->data + pos) : absent;
    }
    return st;
}

dbk_status dbk_fb_i32(const dbk_fb_table *t, unsigned slot, int32_t absent, int32_t *out,
                      dbk_error *err) {
    size_t pos = 0;
    dbk_status st = slot_pos(t, slot, 4, &pos, err);
    if (st == DBK_OK) {
        *out = pos != 0 ? (int32_t)dbk_load_u32(t->data + pos) : absent;
    }
    return st;
}

dbk_status dbk_fb_i64(const dbk_fb_table *t, unsigned slot, int64_t absent, int64_t *out,
                      dbk_error *err) {
    size_t pos = 0;
    dbk_status st = slot_pos(t, slot, 8, &pos, err);
    if (st == DBK_OK) {
        *out = pos != 0 ? dbk_load_i64(t->data + pos) : absent;
    }
    return st;
}

dbk_status dbk_fb_child(const dbk_fb_table *t, unsigned slot, bool *present, dbk_fb_table *out,
                        dbk_error *err) {
    dbk_status st = DBK_OK;
    size_t pos = 0;
    DBK_TRY(slot_pos(t, slot, 4, &pos, err));
    *present = pos != 0;
    if (pos != 0) {
        DBK_TRY(follow(t->data, t->size, pos, &pos, err));
        DBK_TRY(table_at(t->data, t->size, pos, out, err));
    }

done:
    return st;
}

dbk_status dbk_fb_elements(const dbk_fb_table *t, unsigned slot, size_t element_size,
                           dbk_fb_vector *out, dbk_error *err) {
    dbk_status st = DBK_OK;
    size_t pos = 0;
    DBK_TRY(slot_pos(t, slot, 4, &pos, err));
    *out = (dbk_fb_vector){.data = t->data, .size = t->size};
    if (pos != 0) {
        DBK_TRY(follow(t->data, t->size, pos, &pos, err));
        out->count = dbk_load_u32(t->data + pos); /* follow leaves 4 bytes there */
        out->pos = pos + 4;
        if (out->count > (t->size - out->pos) / element_size) {
            st = outside("vector", pos, t->size, err);
        }
    }

done:
    return st;
}

dbk_status dbk_fb_text(const dbk_fb_table *t, unsigned slot, dbk_slice *out, dbk_error *err) {
    dbk_fb_vector v = {0};
    dbk_status st = dbk_fb_elements(t, slot, 1, &v, err);
    if (st == DBK_OK) {
        *out = v.pos == 0 ? (dbk_slice){NULL, 0} : dbk_slice_n(v.data + v.pos, v.count);
    }
    return st;
}

dbk_status dbk_fb_element_table(const dbk_fb_vector *v, size_t i, dbk_fb_table *out,
                                dbk_error *err) {
    size_t pos = 0;
    dbk_status st = follow(v->data, v->size, v->pos + i * 4, &pos, err);
    return st == DBK_OK ? table_at(v->data, v->size, pos, out, err) : st;
}

/* ---- writing ---- */

/* Room for size zeroed bytes at a multiple of align; gives the position. */
static size_t writer_add(dbk_fbw *w, size_t size, size_t align) {
    if (w->st != DBK_OK) {
        return 0;
    }
    size_t pad = (align - w->buf.len % align) % align;
    w->st = dbk_buf_reserve(&w->buf, pad + size, w->err);
    if (w->st != DBK_OK) {
        return 0;
    }
    size_t pos = w->buf.len + pad;
    memset(w->buf.ptr + w->buf.len, 0, pad + size);
    w->buf.len += pad + size;
    return pos;
}

void dbk_fbw_put(dbk_fbw *w, size_t pos, int64_t value, size_t size) {
    if (w->st != DBK_OK) {
        return;
    }
    for (size_t i = 0; i < size; i++) {
        w->buf.ptr[pos + i] = (char)(uint8_t)((uint64_t)value >> (8 * i));
    }
}

void dbk_fbw_root(dbk_fbw *w) {
    (void)writer_add(w, 4, 4);
}

void dbk_fbw_point(dbk_fbw *w, size_t ref_pos, size_t target_pos) {
    dbk_fbw_put(w, ref_pos, (int64_t)(target_pos - ref_pos), 4);
}

dbk_fbw_table dbk_fbw_add_table(dbk_fbw *w, const uint8_t *slot_sizes, size_t slot_count) {
    dbk_fbw_table t = {0};
    size_t size = 4;                                /* the offset to the vtable */
    for (size_t width = 8; width > 0; width /= 2) { /* widest first: aligned without much padding */
        for (size_t i = 0; i < slot_count; i++) {
            if (slot_sizes[i] == width) {
                size = (size + width - 1) / width * width;
                t.at[i] = (uint16_t)size;
                size += width;
            }
        }
    }
    size_t vtable = writer_add(w, 4 + slot_count * 2, 2);
    t.pos = writer_add(w, size, 8);
    dbk_fbw_put(w, vtable, (int64_t)(4 + slot_count * 2), 2);
    dbk_fbw_put(w, vtable + 2, (int64_t)size, 2);
    for (size_t i = 0; i < slot_count; i++) {
        dbk_fbw_put(w, vtable + 4 + i * 2, t.at[i], 2);
    }
    dbk_fbw_put(w, t.pos, (int64_t)(t.pos - vtable), 4);
    return t;
}

void dbk_fbw_set(dbk_fbw *w, const dbk_fbw_table *t, unsigned slot, int64_t value, size_t size) {
    dbk_fbw_put(w, t->pos + t->at[slot], value, size);
}

size_t dbk_fbw_slot_pos(const dbk_fbw_table *t, unsigned slot) {
    return t->pos + t->at[slot];
}

size_t dbk_fbw_add_text(dbk_fbw *w, dbk_slice text) {
    size_t pos = writer_add(w, 4 + text.len + 1, 4);
    dbk_fbw_put(w, pos, (int64_t)text.len, 4);
    if (w->st == DBK_OK && text.len > 0) {
        memcpy(w->buf.ptr + pos + 4, text.ptr, text.len);
    }
    return pos;
}

size_t dbk_fbw_add_vector(dbk_fbw *w, size_t count, size_t element_size, size_t align) {
    /* The elements are aligned, the count of 4 bytes is directly before them. */
    if (align > 4 && w->st == DBK_OK && (w->buf.len + 4) % align != 0) {
        (void)writer_add(w, align - (w->buf.len + 4) % align, 1);
    }
    size_t pos = writer_add(w, 4 + count * element_size, 4);
    dbk_fbw_put(w, pos, (int64_t)count, 4);
    return pos;
}
