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

/* X(name, text for messages, bits per value (0: variable or nested), alignment in bytes) */
#define DBK_TYPE_MAP(X)                                           \
    X(NULL, "null", 0, 1)                                         \
    X(BOOL, "bool", 1, 1)                                         \
    X(INT8, "int8", 8, 1)                                         \
    X(INT16, "int16", 16, 2)                                      \
    X(INT32, "int32", 32, 4)                                      \
    X(INT64, "int64", 64, 8)                                      \
    X(UINT8, "uint8", 8, 1)                                       \
    X(UINT16, "uint16", 16, 2)                                    \
    X(UINT32, "uint32", 32, 4)                                    \
    X(UINT64, "uint64", 64, 8)                                    \
    X(FLOAT16, "float16", 16, 2)                                  \
    X(FLOAT32, "float32", 32, 4)                                  \
    X(FLOAT64, "float64", 64, 8)                                  \
    X(DECIMAL32, "decimal32", 32, 4)                              \
    X(DECIMAL64, "decimal64", 64, 8)                              \
    X(DECIMAL128, "decimal128", 128, 8)                           \
    X(DECIMAL256, "decimal256", 256, 8)                           \
    X(BINARY, "binary", 0, 4)                                     \
    X(LARGE_BINARY, "large_binary", 0, 8)                         \
    X(BINARY_VIEW, "binary_view", 128, 4)                         \
    X(UTF8, "utf8", 0, 4)                                         \
    X(LARGE_UTF8, "large_utf8", 0, 8)                             \
    X(UTF8_VIEW, "utf8_view", 128, 4)                             \
    X(FIXED_BINARY, "fixed_size_binary", 0, 1)                    \
    X(DATE32, "date32", 32, 4)                                    \
    X(DATE64, "date64", 64, 8)                                    \
    X(TIME32, "time32", 32, 4)                                    \
    X(TIME64, "time64", 64, 8)                                    \
    X(TIMESTAMP, "timestamp", 64, 8)                              \
    X(DURATION, "duration", 64, 8)                                \
    X(INTERVAL_MONTHS, "interval_months", 32, 4)                  \
    X(INTERVAL_DAY_TIME, "interval_day_time", 64, 4)              \
    X(INTERVAL_MONTH_DAY_NANO, "interval_month_day_nano", 128, 8) \
    X(LIST, "list", 0, 4)                                         \
    X(LARGE_LIST, "large_list", 0, 8)                             \
    X(LIST_VIEW, "list_view", 0, 4)                               \
    X(LARGE_LIST_VIEW, "large_list_view", 0, 8)                   \
    X(FIXED_LIST, "fixed_size_list", 0, 1)                        \
    X(STRUCT, "struct", 0, 1)                                     \
    X(MAP, "map", 0, 4)                                           \
    X(SPARSE_UNION, "sparse_union", 0, 1)                         \
    X(DENSE_UNION, "dense_union", 0, 4)                           \
    X(RUN_END, "run_end_encoded", 0, 1)

typedef enum dbk_type {
#define DBK_TYPE_ENUM(name, text, bits, align) DBK_TYPE_##name,
    DBK_TYPE_MAP(DBK_TYPE_ENUM)
#undef DBK_TYPE_ENUM
} dbk_type;
#define DBK_TYPE_COUNT ((int)DBK_TYPE_RUN_END + 1)

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
size_t dbk_type_bits(dbk_type t);      /* per value; 0: variable, nested or FIXED_BINARY */
size_t dbk_type_align(dbk_type t);     /* of its value or offset buffer */
/* Bits per stored value of a fixed-width field (dictionary: of its indices); 0: not fixed width. */
size_t dbk_field_bits(const dbk_field *f);
/* The C Data Interface format of the stored values ("tsu:Etc/UTC", "d:10,2"), appended. */
DBK_MUST_USE dbk_status dbk_field_format(const dbk_field *f, dbk_buf *out, dbk_error *err);

#endif
