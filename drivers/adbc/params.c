#include "params.h"

#include <stdlib.h>
#include <string.h>

void params_reset(params *p) {
    if (p->batch.release != NULL) {
        p->batch.release(&p->batch);
    }
    if (p->schema.release != NULL) {
        p->schema.release(&p->schema);
    }
    if (p->stream.release != NULL) {
        p->stream.release(&p->stream);
    }
    free(p->columns);
    *p = (params){0};
}

static AdbcStatusCode fail_stream(params *p, const char *doing, struct AdbcError *error) {
    const char *why = p->stream.get_last_error(&p->stream);
    return fail(error, ADBC_STATUS_INVALID_ARGUMENT, "%s the bound rows: %s", doing,
                why != NULL ? why : "the stream failed without a message");
}

static AdbcStatusCode read_columns(params *p, struct AdbcError *error) {
    if (p->stream.get_schema(&p->stream, &p->schema) != 0) {
        return fail_stream(p, "reading the schema of", error);
    }
    if (strcmp(p->schema.format, "+s") != 0) {
        return fail(error, ADBC_STATUS_INVALID_ARGUMENT, "bound rows must be a struct of columns");
    }
    p->count = (size_t)p->schema.n_children;
    p->columns = calloc(p->count + 1, sizeof *p->columns);
    if (p->columns == NULL) {
        return fail_memory(error);
    }
    for (size_t i = 0; i < p->count; i++) {
        const struct ArrowSchema *field = p->schema.children[i];
        text type = {0};
        bool known = column_of(field, &p->columns[i]) && column_sql_type(&p->columns[i], &type);
        text_reset(&type);
        if (!known) {
            return fail(error, ADBC_STATUS_NOT_IMPLEMENTED,
                        "column %s: values of Arrow type '%s' cannot be sent", p->columns[i].name,
                        field->format);
        }
    }
    return ADBC_STATUS_OK;
}

AdbcStatusCode params_open(params *p, struct AdbcError *error) {
    if (p->columns != NULL) {
        return ADBC_STATUS_OK;
    }
    AdbcStatusCode status = read_columns(p, error);
    if (status != ADBC_STATUS_OK) { /* a second attempt must not find half of them */
        free(p->columns);
        p->columns = NULL;
        p->count = 0;
        if (p->schema.release != NULL) {
            p->schema.release(&p->schema);
        }
    }
    return status;
}

static void attach(params *p) {
    for (size_t i = 0; i < p->count; i++) {
        column_attach(&p->columns[i], p->batch.children[i]);
    }
}

AdbcStatusCode params_next(params *p, bool *there, struct AdbcError *error) {
    if (p->batch.release != NULL && ++p->row < p->batch.length) {
        *there = true;
        return ADBC_STATUS_OK;
    }
    do {
        if (p->batch.release != NULL) {
            p->batch.release(&p->batch);
        }
        if (p->stream.get_next(&p->stream, &p->batch) != 0) {
            p->batch.release = NULL;
            return fail_stream(p, "reading", error);
        }
        p->row = 0;
    } while (p->batch.release != NULL && p->batch.length == 0);
    *there = p->batch.release != NULL;
    if (*there && p->batch.n_children != p->schema.n_children) {
        return fail(error, ADBC_STATUS_INVALID_ARGUMENT,
                    "a bound batch has %lld columns, its schema %lld",
                    (long long)p->batch.n_children, (long long)p->schema.n_children);
    }
    if (*there) {
        attach(p);
    }
    return ADBC_STATUS_OK;
}

int64_t params_row(const params *p) {
    return p->batch.offset + p->row;
}

/* The type that this value needs; only unsigned numbers above the largest BIGINT are sent as decimals: a
 * column of BIGINTs is compared with the others as it is. */
static void value_type(const column *c, int64_t row, text *out) {
    int64_t n = 0;
    if (c->kind == CELL_UINT && c->width == 8) {
        bool large = !cell_is_null(c, row) && cell_int(c, row, &n) && n < 0;
        text_add(out, large ? "DECIMAL(20,0)" : "BIGINT");
    } else if (c->kind == CELL_BINARY || c->kind == CELL_LIST || c->kind == CELL_MAP ||
               c->kind == CELL_STRUCT) {
        text_add(out, "STRING"); /* hex and JSON; the SQL turns them back */
    } else {
        (void)column_sql_type(c, out);
    }
}

AdbcStatusCode params_bind(const params *p, kernel_statement_t *stmt, bool by_name,
                           struct AdbcError *error) {
    text value = {0};
    text type = {0};
    int64_t row = params_row(p);
    AdbcStatusCode status = ADBC_STATUS_OK;
    for (size_t i = 0; status == ADBC_STATUS_OK && i < p->count; i++) {
        const column *c = &p->columns[i];
        text_clear(&value);
        text_clear(&type);
        value_type(c, row, &type);
        if (!cell_is_null(c, row) && !cell_write(c, row, &value)) {
            status = fail(error, ADBC_STATUS_NOT_IMPLEMENTED,
                          "column %s: a value of Arrow type '%s' cannot be sent", c->name,
                          c->schema->format);
        } else if (value.failed || type.failed) {
            status = fail_memory(error);
        } else if (dbk_statement_bind_parameter_n(stmt, by_name ? c->name : NULL, text_str(&type),
                                                  cell_is_null(c, row) ? NULL : text_str(&value),
                                                  value.len) != KernelStatusCode_Success) {
            status = fail_kernel(error, "binding a parameter");
        }
    }
    text_reset(&value);
    text_reset(&type);
    return status;
}
