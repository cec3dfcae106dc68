/* arrow/schema.h: what a schema and its fields look like inside the room.
 *
 * What:    a tree of dbk_field; every text, child and metadata pair lives in the schema's arena, so
 *          nothing in it is freed piecewise.
 * Threads: filled by one thread, immutable once published.
 * Owner:   the counted dbk_schema. Slices in a field are NUL-terminated and live as long as it. */
#ifndef DBK_ARROW_SCHEMA_H
#define DBK_ARROW_SCHEMA_H

#include "arrow/arena.h"
#include "arrow/arrow.h"

#include <stdatomic.h>

#define DBK_ARROW_MAX_DEPTH 64 /* nesting of fields; deeper schemas are DataLoss */

/* X(name, text for messages, layout, parameters, bits per value (0: variable, nested or by width),
 *   alignment of its value or offset buffer in bytes, C Data format or its prefix) */
#define DBK_TYPE_MAP(X)                                                               \
    X(NULL, "null", NULL, NONE, 0, 1, "n")                                            \
    X(BOOL, "bool", BITS, NONE, 1, 1, "b")                                            \
    X(INT8, "int8", FIXED, NONE, 8, 1, "c")                                           \
    X(INT16, "int16", FIXED, NONE, 16, 2, "s")                                        \
    X(INT32, "int32", FIXED, NONE, 32, 4, "i")                                        \
    X(INT64, "int64", FIXED, NONE, 64, 8, "l")                                        \
    X(UINT8, "uint8", FIXED, NONE, 8, 1, "C")                                         \
    X(UINT16, "uint16", FIXED, NONE, 16, 2, "S")                                      \
    X(UINT32, "uint32", FIXED, NONE, 32, 4, "I")                                      \
    X(UINT64, "uint64", FIXED, NONE, 64, 8, "L")                                      \
    X(FLOAT16, "float16", FIXED, NONE, 16, 2, "e")                                    \
    X(FLOAT32, "float32", FIXED, NONE, 32, 4, "f")                                    \
    X(FLOAT64, "float64", FIXED, NONE, 64, 8, "g")                                    \
    X(DECIMAL32, "decimal32", FIXED, DECIMAL, 32, 4, "d:")                            \
    X(DECIMAL64, "decimal64", FIXED, DECIMAL, 64, 8, "d:")                            \
    X(DECIMAL128, "decimal128", FIXED, DECIMAL, 128, 8, "d:")                         \
    X(DECIMAL256, "decimal256", FIXED, DECIMAL, 256, 8, "d:")                         \
    X(BINARY, "binary", VAR32, NONE, 0, 4, "z")                                       \
    X(LARGE_BINARY, "large_binary", VAR64, NONE, 0, 8, "Z")                           \
    X(BINARY_VIEW, "binary_view", VIEW, NONE, 128, 4, "vz")                           \
    X(UTF8, "utf8", VAR32, NONE, 0, 4, "u")                                           \
    X(LARGE_UTF8, "large_utf8", VAR64, NONE, 0, 8, "U")                               \
    X(UTF8_VIEW, "utf8_view", VIEW, NONE, 128, 4, "vu")                               \
    X(FIXED_BINARY, "fixed_size_binary", FIXED, WIDTH, 0, 1, "w:")                    \
    X(DATE32, "date32", FIXED, NONE, 32, 4, "tdD")                                    \
    X(DATE64, "date64", FIXED, NONE, 64, 8, "tdm")                                    \
    X(TIME32, "time32", FIXED, UNIT, 32, 4, "tt")                                     \
    X(TIME64, "time64", FIXED, UNIT, 64, 8, "tt")                                     \
    X(TIMESTAMP, "timestamp", FIXED, ZONE, 64, 8, "ts")                               \
    X(DURATION, "duration", FIXED, UNIT, 64, 8, "tD")                                 \
    X(INTERVAL_MONTHS, "interval_months", FIXED, NONE, 32, 4, "tiM")                  \
    X(INTERVAL_DAY_TIME, "interval_day_time", FIXED, NONE, 64, 4, "tiD")              \
    X(INTERVAL_MONTH_DAY_NANO, "interval_month_day_nano", FIXED, NONE, 128, 8, "tin") \
    X(LIST, "list", LIST32, NONE, 0, 4, "+l")                                         \
    X(LARGE_LIST, "large_list", LIST64, NONE, 0, 8, "+L")                             \
    X(LIST_VIEW, "list_view", LISTVIEW32, NONE, 0, 4, "+vl")                          \
    X(LARGE_LIST_VIEW, "large_list_view", LISTVIEW64, NONE, 0, 8, "+vL")              \
    X(FIXED_LIST, "fixed_size_list", FIXED_LIST, WIDTH, 0, 1, "+w:")                  \
    X(STRUCT, "struct", STRUCT, NONE, 0, 1, "+s")                                     \
    X(MAP, "map", LIST32, SORTED, 0, 4, "+m")                                         \
    X(SPARSE_UNION, "sparse_union", SPARSE, IDS, 0, 1, "+us:")                        \
    X(DENSE_UNION, "dense_union", DENSE, IDS, 0, 4, "+ud:")                           \
    X(RUN_END, "run_end_encoded", RUN_END, NONE, 0, 1, "+r")

typedef enum dbk_type {
#define DBK_TYPE_ENUM(name, text, layout, params, bits, align, format) DBK_TYPE_##name,
    DBK_TYPE_MAP(DBK_TYPE_ENUM)
#undef DBK_TYPE_ENUM
} dbk_type;
#define DBK_TYPE_COUNT ((int)DBK_TYPE_RUN_END + 1)

/* What the buffers of a type are; see arrow/batch.h. Switch over this, not over the 43 types. */
typedef enum dbk_layout {
    DBK_LAYOUT_NULL,
    DBK_LAYOUT_BITS,  /* bool */
    DBK_LAYOUT_FIXED, /* dbk_field_bits wide, whole bytes */
    DBK_LAYOUT_VAR32, /* binary, utf8 with 32-bit offsets */
    DBK_LAYOUT_VAR64,
    DBK_LAYOUT_VIEW,
    DBK_LAYOUT_LIST32, /* list, map */
    DBK_LAYOUT_LIST64,
    DBK_LAYOUT_LISTVIEW32,
    DBK_LAYOUT_LISTVIEW64,
    DBK_LAYOUT_FIXED_LIST,
    DBK_LAYOUT_STRUCT,
    DBK_LAYOUT_SPARSE,
    DBK_LAYOUT_DENSE,
    DBK_LAYOUT_RUN_END
} dbk_layout;

/* Which members of dbk_field beyond the type matter. */
typedef enum dbk_params {
    DBK_PARAMS_NONE,
    DBK_PARAMS_UNIT,
    DBK_PARAMS_ZONE, /* unit and timezone */
    DBK_PARAMS_DECIMAL,
    DBK_PARAMS_WIDTH,
    DBK_PARAMS_SORTED,
    DBK_PARAMS_IDS
} dbk_params;

typedef enum dbk_unit { DBK_UNIT_S, DBK_UNIT_MS, DBK_UNIT_US, DBK_UNIT_NS } dbk_unit;

typedef struct dbk_metadata { /* key-value pairs in order; keys may repeat */
    size_t count, cap;
    struct dbk_metadata_pair {
        dbk_slice key, value;
    } * pairs;
} dbk_metadata;

typedef struct dbk_dictionary_type {
    int64_t id;          /* of the stream it came from; the writer numbers anew */
    dbk_type index_type; /* an INT or UINT type */
    bool ordered;
} dbk_dictionary_type;

/* Children by type: LIST.. and MAP one (MAP's is a STRUCT of key and value), STRUCT and unions any
 * number, RUN_END two (run ends int16/32/64, values), all others none. */
typedef struct dbk_field {
    dbk_slice name;
    dbk_type type; /* of the values, also for a dictionary-encoded field */
    bool nullable;
    bool keys_sorted;                /* MAP */
    dbk_unit unit;                   /* TIME32/64, TIMESTAMP, DURATION */
    int32_t precision, scale;        /* DECIMAL* */
    int32_t width;                   /* FIXED_BINARY: bytes; FIXED_LIST: items */
    dbk_slice timezone;              /* TIMESTAMP; ptr NULL: none */
    int8_t *type_ids;                /* unions: child_count ids, 0..127 */
    dbk_dictionary_type *dictionary; /* NULL: not dictionary-encoded */
    dbk_metadata metadata;
    size_t child_count;
    struct dbk_field *children;
} dbk_field;

struct dbk_schema {
    atomic_size_t refs;
    dbk_arena arena;
    dbk_metadata metadata;
    size_t column_count;
    dbk_field *columns;
};

/* A schema with column_count zeroed columns (type NULL, no name, not nullable: fill them in). */
DBK_MUST_USE dbk_status dbk_schema_new(size_t column_count, dbk_schema **out, dbk_error *err);
/* Copies text into the schema's arena, NUL added. */
DBK_MUST_USE dbk_status dbk_schema_text(dbk_schema *s, dbk_slice text, dbk_slice *out,
                                        dbk_error *err);
/* Gives f `count` zeroed children in the arena of s. */
DBK_MUST_USE dbk_status dbk_field_add_children(dbk_schema *s, dbk_field *f, size_t count,
                                               dbk_error *err);
/* Deep copy of src (of any schema) into dst, a field of s. */
DBK_MUST_USE dbk_status dbk_field_copy(dbk_schema *s, dbk_field *dst, const dbk_field *src,
                                       dbk_error *err);
/* Appends a copy of the pair to m, which belongs to s. */
DBK_MUST_USE dbk_status dbk_metadata_add(dbk_schema *s, dbk_metadata *m, dbk_slice key,
                                         dbk_slice value, dbk_error *err);
DBK_MUST_USE dbk_status dbk_metadata_copy(dbk_schema *s, dbk_metadata *dst, const dbk_metadata *src,
                                          dbk_error *err);

bool dbk_field_same_type(const dbk_field *a, const dbk_field *b);
/* The type of the stored values: the index type of a dictionary-encoded field. */
static inline dbk_type dbk_field_storage(const dbk_field *f) {
    return f->dictionary != NULL ? f->dictionary->index_type : f->type;
}
const char *dbk_type_name(dbk_type t); /* "utf8"; never NULL */
dbk_layout dbk_type_layout(dbk_type t);
dbk_params dbk_type_params(dbk_type t);
size_t dbk_type_bits(dbk_type t);  /* per value; 0: variable, nested or by width */
size_t dbk_type_align(dbk_type t); /* of its value or offset buffer */
/* Bits per stored value of a fixed-width field (dictionary: of its indices); 0: not fixed width. */
size_t dbk_field_bits(const dbk_field *f);
/* The C Data Interface format of the stored values ("tsu:Etc/UTC", "d:10,2"), appended. */
DBK_MUST_USE dbk_status dbk_field_format(const dbk_field *f, dbk_buf *out, dbk_error *err);

#endif
