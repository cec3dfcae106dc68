/* Schema messages: flatbuffer metadata to a dbk_schema. */
#include "arrow/ipc_read.h"

#include <inttypes.h>
#include <string.h>

/* The Type union of Schema.fbs. */
enum {
    FB_NULL = 1,
    FB_INT,
    FB_FLOATING_POINT,
    FB_BINARY,
    FB_UTF8,
    FB_BOOL,
    FB_DECIMAL,
    FB_DATE,
    FB_TIME,
    FB_TIMESTAMP,
    FB_INTERVAL,
    FB_LIST,
    FB_STRUCT,
    FB_UNION,
    FB_FIXED_SIZE_BINARY,
    FB_FIXED_SIZE_LIST,
    FB_MAP,
    FB_DURATION,
    FB_LARGE_BINARY,
    FB_LARGE_UTF8,
    FB_LARGE_LIST,
    FB_RUN_END_ENCODED,
    FB_BINARY_VIEW,
    FB_UTF8_VIEW,
    FB_LIST_VIEW,
    FB_LARGE_LIST_VIEW
};

/* Far beyond what a type can use; keeps the text of a value short. */
#define DECIMAL_SCALE_MAX 1000

/* Tables and texts of a flatbuffer may be shared, so that a short message could describe a schema
 * that is exponentially larger. Both budgets are far above what any honest writer needs. */
typedef struct reading {
    dbk_schema *schema;
    size_t fields_left;
    size_t text_left;
    dbk_error *err;
} reading;

static dbk_status bad(const reading *r, const char *what, int64_t value) {
    return dbk_error_set(r->err, DBK_DATA_LOSS, "Arrow schema: %s %" PRId64, what, value);
}

static dbk_status read_text(reading *r, const dbk_fb_table *t, unsigned slot, dbk_slice *out) {
    dbk_slice text = {NULL, 0};
    dbk_status st = dbk_fb_text(t, slot, &text, r->err);
    if (st != DBK_OK || text.ptr == NULL) {
        return st;
    }
    if (text.len > r->text_left) {
        return bad(r, "its texts are longer than its message; text length", (int64_t)text.len);
    }
    r->text_left -= text.len;
    return dbk_schema_text(r->schema, text, out, r->err);
}

static dbk_status read_metadata(reading *r, const dbk_fb_table *t, unsigned slot,
                                dbk_metadata *out) {
    dbk_status st = DBK_OK;
    dbk_fb_vector pairs = {0};
    DBK_TRY(dbk_fb_elements(t, slot, 4, &pairs, r->err));
    for (size_t i = 0; i < pairs.count; i++) {
        dbk_fb_table pair;
        dbk_slice key = {"", 0};
        dbk_slice value = {"", 0};
        DBK_TRY(dbk_fb_element_table(&pairs, i, &pair, r->err));
        DBK_TRY(dbk_fb_text(&pair, 0, &key, r->err));
        DBK_TRY(dbk_fb_text(&pair, 1, &value, r->err));
        if (key.len + value.len + 32 > r->text_left) { /* 32: shared empty pairs cost memory too */
            st = bad(r, "its texts are longer than its message; pair length",
                     (int64_t)(key.len + value.len));
            goto done;
        }
        r->text_left -= key.len + value.len + 32;
        DBK_TRY(dbk_metadata_add(r->schema, out, key, value, r->err));
    }

done:
    return st;
}

/* ---- types with parameters; all leave f->type set ---- */

static dbk_status read_int(const reading *r, const dbk_fb_table *t, dbk_type *out) {
    dbk_status st = DBK_OK;
    int32_t bits = 0;
    uint8_t is_signed = 0;
    DBK_TRY(dbk_fb_i32(t, 0, 0, &bits, r->err));
    DBK_TRY(dbk_fb_u8(t, 1, 0, &is_signed, r->err));
    switch (bits) {
    case 8:
        *out = is_signed ? DBK_TYPE_INT8 : DBK_TYPE_UINT8;
        break;
    case 16:
        *out = is_signed ? DBK_TYPE_INT16 : DBK_TYPE_UINT16;
        break;
    case 32:
        *out = is_signed ? DBK_TYPE_INT32 : DBK_TYPE_UINT32;
        break;
    case 64:
        *out = is_signed ? DBK_TYPE_INT64 : DBK_TYPE_UINT64;
        break;
    default:
        st = bad(r, "integer with a bit width of", bits);
        break;
    }

done:
    return st;
}

static dbk_status read_decimal(const reading *r, const dbk_fb_table *t, dbk_field *f) {
    static const struct {
        int32_t bits, max_precision;
        dbk_type type;
    } sizes[] = {{32, 9, DBK_TYPE_DECIMAL32},
                 {64, 18, DBK_TYPE_DECIMAL64},
                 {128, 38, DBK_TYPE_DECIMAL128},
                 {256, 76, DBK_TYPE_DECIMAL256}};
    dbk_status st = DBK_OK;
    int32_t bits = 0;
    DBK_TRY(dbk_fb_i32(t, 0, 0, &f->precision, r->err));
    DBK_TRY(dbk_fb_i32(t, 1, 0, &f->scale, r->err));
    DBK_TRY(dbk_fb_i32(t, 2, 128, &bits, r->err));
    if (f->scale > DECIMAL_SCALE_MAX || f->scale < -DECIMAL_SCALE_MAX) {
        st = bad(r, "decimal with a scale of", f->scale);
        goto done;
    }
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        if (bits == sizes[i].bits) {
            f->type = sizes[i].type;
            return f->precision >= 1 && f->precision <= sizes[i].max_precision
                       ? DBK_OK
                       : bad(r, "decimal with a precision of", f->precision);
        }
    }
    st = bad(r, "decimal with a bit width of", bits);

done:
    return st;
}

/* An enum of Schema.fbs (slot 0, a short) picks one of `count` types. */
static dbk_status pick(const reading *r, const dbk_fb_table *t, const dbk_type *choices,
                       size_t count, int16_t absent, dbk_field *f) {
    int16_t i = 0;
    dbk_status st = dbk_fb_i16(t, 0, absent, &i, r->err);
    if (st != DBK_OK) {
        return st;
    }
    if (i < 0 || (size_t)i >= count) {
        return bad(r, "unknown unit, precision or mode", i);
    }
    f->type = choices[i];
    return DBK_OK;
}

static dbk_status read_unit(const reading *r, const dbk_fb_table *t, int16_t absent,
                            dbk_unit *out) {
    int16_t unit = 0;
    dbk_status st = dbk_fb_i16(t, 0, absent, &unit, r->err);
    if (st == DBK_OK && (unit < 0 || unit > (int16_t)DBK_UNIT_NS)) {
        st = bad(r, "unknown time unit", unit);
    }
    if (st == DBK_OK) {
        *out = (dbk_unit)unit;
    }
    return st;
}

static dbk_status read_time(const reading *r, const dbk_fb_table *t, dbk_field *f) {
    dbk_status st = DBK_OK;
    int32_t bits = 0;
    DBK_TRY(read_unit(r, t, (int16_t)DBK_UNIT_MS, &f->unit));
    DBK_TRY(dbk_fb_i32(t, 1, 32, &bits, r->err));
    if (bits != (f->unit <= DBK_UNIT_MS ? 32 : 64)) {
        st = bad(r, "time whose unit does not go with a bit width of", bits);
        goto done;
    }
    f->type = bits == 32 ? DBK_TYPE_TIME32 : DBK_TYPE_TIME64;

done:
    return st;
}

static dbk_status read_timestamp(reading *r, const dbk_fb_table *t, dbk_field *f) {
    f->type = DBK_TYPE_TIMESTAMP;
    dbk_status st = read_unit(r, t, (int16_t)DBK_UNIT_S, &f->unit);
    return st == DBK_OK ? read_text(r, t, 1, &f->timezone) : st;
}

static dbk_status read_width(const reading *r, const dbk_fb_table *t, dbk_type type, dbk_field *f) {
    f->type = type;
    dbk_status st = dbk_fb_i32(t, 0, 0, &f->width, r->err);
    return st == DBK_OK && f->width < 0 ? bad(r, "a fixed size of", f->width) : st;
}

static dbk_status read_map(const reading *r, const dbk_fb_table *t, dbk_field *f) {
    uint8_t sorted = 0;
    f->type = DBK_TYPE_MAP;
    dbk_status st = dbk_fb_u8(t, 0, 0, &sorted, r->err);
    f->keys_sorted = sorted != 0;
    return st;
}

/* Type ids default to 0, 1, 2, ...; the children are known only later, so that the vector is kept
 * until then (finish_union). */
static dbk_status read_union(const reading *r, const dbk_fb_table *t, dbk_field *f) {
    static const dbk_type modes[] = {DBK_TYPE_SPARSE_UNION, DBK_TYPE_DENSE_UNION};
    return pick(r, t, modes, 2, 0, f);
}

static dbk_status finish_union(reading *r, const dbk_fb_table *t, dbk_field *f) {
    dbk_fb_vector ids = {0};
    bool seen[128] = {false};
    dbk_status st = dbk_fb_elements(t, 1, 4, &ids, r->err);
    if (st != DBK_OK) {
        return st;
    }
    if (f->child_count > 128 || (ids.pos != 0 && ids.count != f->child_count)) {
        return bad(r, "union whose type ids do not go with its number of children,",
                   (int64_t)f->child_count);
    }
    f->type_ids = dbk_arena_alloc(&r->schema->arena, f->child_count);
    if (f->type_ids == NULL) {
        return dbk_error_oom(r->err, "reading an Arrow schema");
    }
    for (size_t i = 0; i < f->child_count; i++) {
        uint32_t id = ids.pos != 0 ? dbk_load_u32(ids.data + ids.pos + i * 4) : (uint32_t)i;
        if (id > 127 || seen[id]) {
            return bad(r, "union with a wrong or repeated type id,", (int32_t)id);
        }
        seen[id] = true;
        f->type_ids[i] = (int8_t)id;
    }
    return DBK_OK;
}

static dbk_status read_type(reading *r, uint8_t tag, const dbk_fb_table *t, dbk_field *f) {
    static const dbk_type plain[] = {
        [FB_NULL] = DBK_TYPE_NULL,
        [FB_BINARY] = DBK_TYPE_BINARY,
        [FB_UTF8] = DBK_TYPE_UTF8,
        [FB_BOOL] = DBK_TYPE_BOOL,
        [FB_LIST] = DBK_TYPE_LIST,
        [FB_STRUCT] = DBK_TYPE_STRUCT,
        [FB_LARGE_BINARY] = DBK_TYPE_LARGE_BINARY,
        [FB_LARGE_UTF8] = DBK_TYPE_LARGE_UTF8,
        [FB_LARGE_LIST] = DBK_TYPE_LARGE_LIST,
        [FB_RUN_END_ENCODED] = DBK_TYPE_RUN_END,
        [FB_BINARY_VIEW] = DBK_TYPE_BINARY_VIEW,
        [FB_UTF8_VIEW] = DBK_TYPE_UTF8_VIEW,
        [FB_LIST_VIEW] = DBK_TYPE_LIST_VIEW,
        [FB_LARGE_LIST_VIEW] = DBK_TYPE_LARGE_LIST_VIEW,
    };
    static const dbk_type floats[] = {DBK_TYPE_FLOAT16, DBK_TYPE_FLOAT32, DBK_TYPE_FLOAT64};
    static const dbk_type dates[] = {DBK_TYPE_DATE32, DBK_TYPE_DATE64};
    static const dbk_type intervals[] = {DBK_TYPE_INTERVAL_MONTHS, DBK_TYPE_INTERVAL_DAY_TIME,
                                         DBK_TYPE_INTERVAL_MONTH_DAY_NANO};
    switch (tag) {
    case FB_INT:
        return read_int(r, t, &f->type);
    case FB_FLOATING_POINT:
        return pick(r, t, floats, 3, 0, f);
    case FB_DECIMAL:
        return read_decimal(r, t, f);
    case FB_DATE:
        return pick(r, t, dates, 2, 1, f);
    case FB_TIME:
        return read_time(r, t, f);
    case FB_TIMESTAMP:
        return read_timestamp(r, t, f);
    case FB_INTERVAL:
        return pick(r, t, intervals, 3, 0, f);
    case FB_UNION:
        return read_union(r, t, f);
    case FB_FIXED_SIZE_BINARY:
        return read_width(r, t, DBK_TYPE_FIXED_BINARY, f);
    case FB_FIXED_SIZE_LIST:
        return read_width(r, t, DBK_TYPE_FIXED_LIST, f);
    case FB_MAP:
        return read_map(r, t, f);
    case FB_DURATION:
        f->type = DBK_TYPE_DURATION;
        return read_unit(r, t, (int16_t)DBK_UNIT_MS, &f->unit);
    default:
        if (tag == 0 || tag > FB_LARGE_LIST_VIEW) {
            return bad(r, "unknown type number", tag);
        }
        f->type = plain[tag];
        return DBK_OK;
    }
}

/* ---- fields ---- */

static dbk_status read_dictionary(reading *r, const dbk_fb_table *field, dbk_field *f) {
    dbk_status st = DBK_OK;
    dbk_fb_table t;
    dbk_fb_table index;
    bool present = false;
    bool has_index = false;
    uint8_t ordered = 0;
    dbk_dictionary_type *d = NULL;
    DBK_TRY(dbk_fb_child(field, 4, &present, &t, r->err));
    if (!present) {
        goto done;
    }
    d = dbk_arena_alloc(&r->schema->arena, sizeof *d);
    if (d == NULL) {
        st = dbk_error_oom(r->err, "reading an Arrow schema");
        goto done;
    }
    d->index_type = DBK_TYPE_INT32; /* Schema.fbs: "when indexType is null, signed int32" */
    DBK_TRY(dbk_fb_i64(&t, 0, 0, &d->id, r->err));
    DBK_TRY(dbk_fb_child(&t, 1, &has_index, &index, r->err));
    if (has_index) {
        DBK_TRY(read_int(r, &index, &d->index_type));
    }
    DBK_TRY(dbk_fb_u8(&t, 2, 0, &ordered, r->err));
    d->ordered = ordered != 0;
    f->dictionary = d;

done:
    return st;
}

static dbk_status check_children(const reading *r, const dbk_field *f) {
    size_t want = 0;
    switch (dbk_type_layout(f->type)) {
    case DBK_LAYOUT_STRUCT:
    case DBK_LAYOUT_SPARSE:
    case DBK_LAYOUT_DENSE:
        return DBK_OK;
    case DBK_LAYOUT_LIST32:
    case DBK_LAYOUT_LIST64:
    case DBK_LAYOUT_LISTVIEW32:
    case DBK_LAYOUT_LISTVIEW64:
    case DBK_LAYOUT_FIXED_LIST:
        want = 1;
        break;
    case DBK_LAYOUT_RUN_END:
        want = 2;
        break;
    case DBK_LAYOUT_NULL:
    case DBK_LAYOUT_BITS:
    case DBK_LAYOUT_FIXED:
    case DBK_LAYOUT_VAR32:
    case DBK_LAYOUT_VAR64:
    case DBK_LAYOUT_VIEW:
        break;
    }
    if (f->child_count != want) {
        return dbk_error_set(r->err, DBK_DATA_LOSS,
                             "Arrow schema: field \"%s\" of type %s has %zu children, %zu expected",
                             f->name.ptr != NULL ? f->name.ptr : "", dbk_type_name(f->type),
                             f->child_count, want);
    }
    if (f->type == DBK_TYPE_MAP &&
        (f->children[0].type != DBK_TYPE_STRUCT || f->children[0].child_count != 2 ||
         f->children[0].dictionary != NULL)) {
        return bad(r, "map whose entries are no struct of key and value; children",
                   (int64_t)f->children[0].child_count);
    }
    if (f->type == DBK_TYPE_RUN_END &&
        (f->children[0].dictionary != NULL ||
         (f->children[0].type != DBK_TYPE_INT16 && f->children[0].type != DBK_TYPE_INT32 &&
          f->children[0].type != DBK_TYPE_INT64))) {
        return bad(r, "run ends of type number", (int64_t)f->children[0].type);
    }
    return DBK_OK;
}

static dbk_status read_field(reading *r, const dbk_fb_table *t, unsigned depth, dbk_field *f) {
    dbk_status st = DBK_OK;
    dbk_fb_table type;
    dbk_fb_vector children = {0};
    bool has_type = false;
    uint8_t nullable = 0;
    uint8_t tag = 0;
    if (depth > DBK_ARROW_MAX_DEPTH) {
        return bad(r, "nested deeper than", DBK_ARROW_MAX_DEPTH);
    }
    f->name = (dbk_slice){"", 0};
    DBK_TRY(read_text(r, t, 0, &f->name));
    DBK_TRY(dbk_fb_u8(t, 1, 0, &nullable, r->err));
    f->nullable = nullable != 0;
    DBK_TRY(dbk_fb_u8(t, 2, 0, &tag, r->err));
    DBK_TRY(dbk_fb_child(t, 3, &has_type, &type, r->err));
    if (!has_type) {
        st = bad(r, "field without a type, number", tag);
        goto done;
    }
    DBK_TRY(read_type(r, tag, &type, f));
    DBK_TRY(read_dictionary(r, t, f));
    DBK_TRY(read_metadata(r, t, 6, &f->metadata));
    DBK_TRY(dbk_fb_elements(t, 5, 4, &children, r->err));
    if (children.count > r->fields_left) {
        st = bad(r, "more fields than its message has room for,", (int64_t)children.count);
        goto done;
    }
    r->fields_left -= children.count;
    DBK_TRY(dbk_field_add_children(r->schema, f, children.count, r->err));
    for (size_t i = 0; i < children.count; i++) {
        dbk_fb_table child;
        DBK_TRY(dbk_fb_element_table(&children, i, &child, r->err));
        DBK_TRY(read_field(r, &child, depth + 1, &f->children[i]));
    }
    if (dbk_type_params(f->type) == DBK_PARAMS_IDS) {
        DBK_TRY(finish_union(r, &type, f));
    }
    DBK_TRY(check_children(r, f));

done:
    return st;
}

/* ---- messages ---- */

dbk_status dbk_ipc_read_message(dbk_slice metadata, dbk_ipc_message *out, dbk_error *err) {
    dbk_status st = DBK_OK;
    dbk_fb_table t;
    dbk_ipc_message m = {.metadata_size = metadata.len};
    uint8_t kind = 0;
    int64_t body = 0;
    bool has_header = false;
    DBK_TRY(dbk_fb_root(metadata, &t, err));
    DBK_TRY(dbk_fb_i16(&t, 0, 0, &m.version, err));
    DBK_TRY(dbk_fb_u8(&t, 1, 0, &kind, err));
    DBK_TRY(dbk_fb_child(&t, 2, &has_header, &m.header, err));
    DBK_TRY(dbk_fb_i64(&t, 3, 0, &body, err));
    if (m.version != DBK_IPC_V4 && m.version != DBK_IPC_V5) {
        st = dbk_error_set(err, DBK_DATA_LOSS,
                           "Arrow metadata version V%d is not supported (V4 and V5 are)",
                           m.version + 1);
        goto done;
    }
    if (kind < DBK_IPC_SCHEMA || kind > DBK_IPC_BATCH || !has_header) {
        st = dbk_error_set(err, DBK_DATA_LOSS,
                           "Arrow message of unknown kind %u (schema, dictionary and record batch "
                           "are known)",
                           kind);
        goto done;
    }
    DBK_TRY(dbk_size_from_i64(body, SIZE_MAX / 4, "the body length of an Arrow message",
                              &m.body_size, err));
    m.kind = (dbk_ipc_kind)kind;
    *out = m;

done:
    return st;
}

static dbk_status check_endianness(const dbk_fb_table *header, dbk_error *err) {
    int16_t endianness = 0;
    dbk_status st = dbk_fb_i16(header, 0, 0, &endianness, err);
    if (st != DBK_OK || endianness == 0) {
        return st;
    }
    return dbk_error_set(err, DBK_DATA_LOSS,
                         "the Arrow stream is big-endian; only little-endian data is supported");
}

dbk_status dbk_ipc_read_schema(const dbk_ipc_message *m, dbk_schema **out, dbk_error *err) {
    dbk_status st = DBK_OK;
    dbk_fb_vector fields = {0};
    reading r = {
        .fields_left = m->metadata_size / 8, .text_left = m->metadata_size * 16, .err = err};

    DBK_TRY(check_endianness(&m->header, err));
    DBK_TRY(dbk_fb_elements(&m->header, 1, 4, &fields, err));
    if (fields.count > r.fields_left) {
        st = bad(&r, "more fields than its message has room for,", (int64_t)fields.count);
        goto done;
    }
    r.fields_left -= fields.count;
    DBK_TRY(dbk_schema_new(fields.count, &r.schema, err));
    DBK_TRY(read_metadata(&r, &m->header, 2, &r.schema->metadata));
    for (size_t i = 0; i < fields.count; i++) {
        dbk_fb_table field;
        DBK_TRY(dbk_fb_element_table(&fields, i, &field, err));
        DBK_TRY(read_field(&r, &field, 1, &r.schema->columns[i]));
    }
    *out = r.schema;
    r.schema = NULL;

done:
    dbk_schema_unref(r.schema);
    return st;
}
