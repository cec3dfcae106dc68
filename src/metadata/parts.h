/* metadata/parts.h: what the files of this room share. */
#ifndef DBK_METADATA_PARTS_H
#define DBK_METADATA_PARTS_H

#include "metadata/metadata.h"

#define DBK_NAME_MAX 255 /* bytes of a name or pattern: spec metadata.md 2.2 [ran] */

/* Judges the arguments of a call. */
DBK_MUST_USE dbk_status dbk_metadata_check(const dbk_metadata_request *r, dbk_error *err);
/* The code point at the start of s (UTF-8, not empty); returns its length in bytes. */
size_t dbk_utf8_next(dbk_slice s, uint32_t *out);

/* ---- quoting (pattern.c): append to out ---- */

DBK_MUST_USE dbk_status dbk_put_identifier(dbk_buf *out, dbk_slice name, dbk_error *err);
/* A LIKE pattern as the literal of a SHOW command, quotes included. */
DBK_MUST_USE dbk_status dbk_put_show_pattern(dbk_buf *out, dbk_slice pattern, dbk_error *err);
/* A LIKE pattern as the literal behind LIKE in a query, quotes included. */
DBK_MUST_USE dbk_status dbk_put_like_pattern(dbk_buf *out, dbk_slice pattern, dbk_error *err);

/* ---- LIKE patterns, matched here (pattern.c) ---- */

bool dbk_pattern_is_all(dbk_slice pattern); /* nothing but %, at least one */
bool dbk_pattern_has_wildcard(dbk_slice pattern);
/* The name a pattern without wildcards stands for. */
DBK_MUST_USE dbk_status dbk_pattern_name(dbk_slice pattern, dbk_str *out, dbk_error *err);
bool dbk_pattern_matches(dbk_slice pattern, dbk_slice name); /* in any case */

/* ---- columns of the results (shapes.c) ---- */

typedef enum dbk_cell_rule {
    DBK_CELL_NULL,
    DBK_CELL_COPY,        /* the source column, cast to the target's type */
    DBK_CELL_CATALOG,     /* the same; the asked catalog when there is no such column */
    DBK_CELL_OR_EMPTY,    /* the same; "" for null */
    DBK_CELL_TABLE_TYPE,  /* the same; TABLE for null and "" */
    DBK_CELL_CONST,       /* value */
    DBK_CELL_EMPTY,       /* "" */
    DBK_CELL_TYPE_CODE,   /* of a type text */
    DBK_CELL_NULLABLE,    /* true 1, false 0, else 2 */
    DBK_CELL_IS_NULLABLE, /* true YES, false NO, else "" */
    DBK_CELL_YES_NO,      /* true YES, else NO */
    DBK_CELL_PARAM_KIND,  /* 5 for a result (column is_result), else by mode */
    DBK_CELL_RADIX        /* of a type text */
} dbk_cell_rule;

typedef struct dbk_shape_column {
    const char *name;
    char type; /* u utf8, i int32, s int16, c int8, b bool */
    bool nullable;
    dbk_cell_rule rule;
    const char *source; /* the server's column; NULL: none */
    int64_t value;
} dbk_shape_column;

typedef struct dbk_shape {
    const dbk_shape_column *columns;
    size_t count;
} dbk_shape;

dbk_shape dbk_metadata_shape(dbk_metadata_call call);

/* ---- types (types.c) ---- */

/* The word before parameters, without blanks around: "DECIMAL" of " decimal(3,1)", in its case. */
dbk_slice dbk_type_word(dbk_slice type_text);

#endif
