#include "metadata/parts.h"

/* One column of a result while it is made. */
typedef struct cells {
    const dbk_shape_column *shape;
    const dbk_batch *in;
    bool has_source;
    size_t source;
    bool has_result; /* PARAM_KIND: the column is_result */
    size_t result;
    dbk_slice catalog; /* that was asked; ptr NULL: none */
    dbk_column *out;
    dbk_buf scratch;
} cells;

/* The source's text in a row; ptr NULL: null, or there is no such column. */
static dbk_status source_text(cells *c, int64_t row, dbk_slice *out, dbk_error *err) {
    *out = (dbk_slice){0};
    return c->has_source ? dbk_batch_text(c->in, c->source, row, &c->scratch, out, err) : DBK_OK;
}

/* ---- what goes into a cell; ptr NULL: null ---- */

static dbk_slice text_of(const cells *c, dbk_slice source) {
    bool yes = dbk_slice_eq(source, DBK_SLICE("true"));
    switch (c->shape->rule) {
    case DBK_CELL_CATALOG:
        return c->has_source ? source : c->catalog;
    case DBK_CELL_OR_EMPTY:
        return source.ptr != NULL ? source : DBK_SLICE("");
    case DBK_CELL_TABLE_TYPE:
        return source.len > 0 ? source : DBK_SLICE("TABLE");
    case DBK_CELL_EMPTY:
        return DBK_SLICE("");
    case DBK_CELL_IS_NULLABLE:
        return yes                                        ? DBK_SLICE("YES")
               : dbk_slice_eq(source, DBK_SLICE("false")) ? DBK_SLICE("NO")
                                                          : DBK_SLICE("");
    case DBK_CELL_YES_NO:
        return yes ? DBK_SLICE("YES") : DBK_SLICE("NO");
    case DBK_CELL_COPY:
        return source;
    case DBK_CELL_NULL:
    case DBK_CELL_CONST:
    case DBK_CELL_TYPE_CODE:
    case DBK_CELL_NULLABLE:
    case DBK_CELL_PARAM_KIND:
    case DBK_CELL_RADIX:
        break;
    }
    return (dbk_slice){0};
}

static int64_t radix_of(dbk_slice type_text) { /* 0: none */
    static const struct {
        const char *name;
        int64_t radix;
    } rows[] = {{"DECIMAL", 10}, {"DEC", 10}, {"NUMERIC", 10},
                {"FLOAT", 2},    {"REAL", 2}, {"DOUBLE", 2}};
    dbk_slice word = dbk_type_word(type_text);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (dbk_slice_eq_nocase(word, dbk_slice_of(rows[i].name))) {
            return rows[i].radix;
        }
    }
    return 0;
}

static int64_t mode_of(dbk_slice mode) {
    return dbk_slice_eq(mode, DBK_SLICE("IN"))      ? 1
           : dbk_slice_eq(mode, DBK_SLICE("INOUT")) ? 2
           : dbk_slice_eq(mode, DBK_SLICE("OUT"))   ? 4
                                                    : 0;
}

static int64_t nullable_of(dbk_slice text) {
    return dbk_slice_eq(text, DBK_SLICE("true"))    ? 1
           : dbk_slice_eq(text, DBK_SLICE("false")) ? 0
                                                    : 2;
}

static dbk_status param_kind(cells *c, int64_t row, dbk_slice mode, int64_t *out, dbk_error *err) {
    *out = mode_of(mode); /* before the scratch is used again */
    dbk_slice result = {0};
    dbk_status st = DBK_OK;
    if (c->has_result) {
        st = dbk_batch_text(c->in, c->result, row, &c->scratch, &result, err);
    }
    if (dbk_slice_eq_nocase(result, DBK_SLICE("yes"))) {
        *out = 5;
    }
    return st;
}

/* Values that do not fit the target's width are null, as in the peer's cast. */
static bool fits(char type, int64_t v) {
    switch (type) {
    case 'i':
        return v >= INT32_MIN && v <= INT32_MAX;
    case 's':
        return v >= INT16_MIN && v <= INT16_MAX;
    default:
        return v >= INT8_MIN && v <= INT8_MAX;
    }
}

static dbk_status number_of(cells *c, int64_t row, int64_t *out, bool *is_null, dbk_error *err) {
    dbk_slice source = {0};
    *is_null = false;
    if (c->shape->rule == DBK_CELL_CONST) {
        *out = c->shape->value;
        return DBK_OK;
    }
    if (c->shape->rule == DBK_CELL_NULL || !c->has_source) {
        *is_null = c->shape->rule == DBK_CELL_NULL || c->shape->rule == DBK_CELL_COPY ||
                   c->shape->rule == DBK_CELL_RADIX;
    }
    if (*is_null) {
        return DBK_OK;
    }
    if (c->shape->rule == DBK_CELL_COPY) {
        return dbk_batch_i64(c->in, c->source, row, &c->scratch, out, is_null, err);
    }
    dbk_status st = source_text(c, row, &source, err);
    if (st != DBK_OK) {
        return st;
    }
    if (c->shape->rule == DBK_CELL_PARAM_KIND) {
        return param_kind(c, row, source, out, err);
    }
    if (c->shape->rule == DBK_CELL_RADIX) {
        *out = radix_of(source);
        *is_null = *out == 0;
    } else {
        *out = c->shape->rule == DBK_CELL_NULLABLE ? nullable_of(source)
                                                   : dbk_metadata_type_code(source);
    }
    return DBK_OK;
}

/* ---- columns ---- */

static dbk_status put_cell(cells *c, int64_t row, bool *is_null, dbk_error *err) {
    dbk_status st = DBK_OK;
    dbk_slice text = {0};
    int64_t number = 0;
    if (c->shape->type == 'u') {
        DBK_TRY(source_text(c, row, &text, err));
        text = text_of(c, text);
        *is_null = text.ptr == NULL;
        if (!*is_null) {
            return dbk_column_put_bytes(c->out, text, err);
        }
    } else {
        DBK_TRY(number_of(c, row, &number, is_null, err));
        *is_null = *is_null || !fits(c->shape->type, number);
        if (!*is_null) {
            return dbk_column_put_i64(c->out, number, err);
        }
    }
    DBK_TRY(dbk_column_put_null(c->out, err));
done:
    return st;
}

static dbk_status put_column(cells *c, const int64_t *rows, size_t count, dbk_metadata_call call,
                             dbk_error *err) {
    dbk_status st = DBK_OK;
    for (size_t i = 0; i < count; i++) {
        bool is_null = false;
        DBK_TRY(put_cell(c, rows[i], &is_null, err));
        if (is_null && !c->shape->nullable) {
            return dbk_error_set(err, DBK_DATA_LOSS,
                                 "reshape %s: Invalid argument error: Column '%s' is declared as "
                                 "non-nullable but contains null values",
                                 dbk_metadata_word(call), c->shape->name);
        }
    }
done:
    return st;
}

/* ---- which rows ---- */

static dbk_status same_name(const dbk_batch *in, const char *column, int64_t row, dbk_slice want,
                            bool *same, dbk_error *err) {
    dbk_status st = DBK_OK;
    dbk_buf scratch = {0};
    dbk_slice got = {0};
    size_t at = 0;
    if (want.ptr == NULL || !*same) {
        return DBK_OK;
    }
    if (dbk_schema_find(dbk_batch_schema(in), column, &at)) {
        DBK_TRY(dbk_batch_text(in, at, row, &scratch, &got, err));
    }
    *same = got.ptr != NULL && dbk_slice_eq_nocase(got, want);
done:
    dbk_buf_reset(&scratch);
    return st;
}

/* The numbers of the rows to take, all of them but for a filter by parent. Free with dbk_free. */
static dbk_status choose_rows(const dbk_metadata_request *r, const dbk_batch *in, int64_t **out,
                              size_t *count, dbk_error *err) {
    dbk_status st = DBK_OK;
    int64_t row_count = dbk_batch_row_count(in);
    int64_t *rows = dbk_alloc_array((size_t)row_count, sizeof *rows);
    size_t n = 0;
    if (rows == NULL) {
        return dbk_error_oom(err, "the rows of a catalog call");
    }
    for (int64_t row = 0; row < row_count; row++) {
        bool keep = true;
        if (r->call == DBK_METADATA_FOREIGN_KEYS && r->filter_parent) {
            DBK_TRY(same_name(in, "parentCatalogName", row, r->parent_catalog, &keep, err));
            DBK_TRY(same_name(in, "parentNamespace", row, r->parent_schema, &keep, err));
            DBK_TRY(same_name(in, "parentTableName", row, r->parent_table, &keep, err));
        }
        if (keep) {
            rows[n++] = row;
        }
    }
    *out = rows;
    *count = n;
    rows = NULL;
done:
    dbk_free(rows);
    return st;
}

dbk_status dbk_metadata_reshape(const dbk_metadata_request *r, dbk_schema *schema,
                                dbk_slice catalog, const dbk_batch *in, dbk_batch **out,
                                dbk_error *err) {
    dbk_status st = DBK_OK;
    dbk_builder *b = NULL;
    int64_t *rows = NULL;
    size_t count = 0;
    dbk_shape shape = dbk_metadata_shape(r->call);
    const dbk_schema *wire = dbk_batch_schema(in);
    cells c = {.in = in, .catalog = catalog};
    c.has_result = dbk_schema_find(wire, "is_result", &c.result);
    DBK_TRY(choose_rows(r, in, &rows, &count, err));
    DBK_TRY(dbk_builder_new(schema, &b, err));
    for (size_t i = 0; i < shape.count; i++) {
        c.shape = &shape.columns[i];
        c.has_source = c.shape->source != NULL && dbk_schema_find(wire, c.shape->source, &c.source);
        c.out = dbk_builder_column(b, i);
        DBK_TRY(put_column(&c, rows, count, r->call, err));
    }
    DBK_TRY(dbk_builder_finish(b, (int64_t)count, (dbk_block_owner){0}, out, err));
done:
    dbk_buf_reset(&c.scratch);
    dbk_builder_free(b);
    dbk_free(rows);
    return st;
}
