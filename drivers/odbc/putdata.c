#include "odbc.h"

#include <stdlib.h>
#include <string.h>

/* Data at execution: SQLExecute answers SQL_NEED_DATA, SQLParamData names the parameter, SQLPutData brings
 * its value in pieces, the last SQLParamData executes. Contract 6.4. */

enum { STATEMENT_BYTES_MAX = 16 << 20 };

void dae_reset(dae *d) {
    for (size_t i = 0; i < d->count; i++) {
        buf_free(&d->values[i]);
    }
    free(d->values);
    free(d->numbers);
    free(d->nulls);
    *d = (dae){0};
}

SQLRETURN dae_begin(stmt *s, bool direct) {
    dae *d = &s->dae;
    dae_reset(d);
    size_t markers = s->sql.marker_count, count = 0;
    SQLULEN sets = s->apd->array_size > 0 ? s->apd->array_size : 1;
    for (SQLULEN set = 0; set < sets; set++) {
        for (size_t i = 0; i < markers; i++) {
            count += params_at_exec(s, set, i);
        }
    }
    if (count == 0) {
        return SQL_SUCCESS;
    }
    d->numbers = calloc(count, sizeof *d->numbers);
    d->values = calloc(count, sizeof *d->values);
    d->nulls = calloc(count, sizeof *d->nulls);
    if (d->numbers == NULL || d->values == NULL || d->nulls == NULL) {
        dae_reset(d);
        return fail_memory(&s->h);
    }
    for (SQLULEN set = 0; set < sets; set++) {
        for (size_t i = 0; i < markers; i++) {
            if (params_at_exec(s, set, i)) {
                d->numbers[d->count++] = set * markers + i;
            }
        }
    }
    d->active = true;
    d->direct = direct;
    return SQL_NEED_DATA;
}

/* A parameter that waits for data was unbound through the descriptor; the execution ends. */
static SQLRETURN unbound(stmt *s, size_t index) {
    dae_reset(&s->dae);
    return fail(&s->h, "07002", "Parameter %zu is not bound any more.", index + 1);
}

SQLRETURN dae_param_data(stmt *s, SQLPOINTER *token) {
    dae *d = &s->dae;
    if (!d->active) {
        return fail(&s->h, "HY010", "No parameter waits for data.");
    }
    if (d->at < d->count) {
        size_t number = d->numbers[d->at++];
        size_t index = number % s->sql.marker_count;
        if (index >= s->apd->count) {
            return unbound(s, index);
        }
        if (token != NULL) {
            *token = params_data_of(s->apd, &s->apd->records[index], number / s->sql.marker_count);
        }
        return SQL_NEED_DATA;
    }
    d->active = false; /* the values stay until the run has read them */
    return execute_start(s);
}

static size_t total(const dae *d) {
    size_t bytes = 0;
    for (size_t i = 0; i < d->count; i++) {
        bytes += d->values[i].len;
    }
    return bytes;
}

SQLRETURN dae_put(stmt *s, SQLPOINTER data, SQLLEN length) {
    dae *d = &s->dae;
    if (!d->active || d->at == 0) {
        return fail(&s->h, "HY010", "SQLPutData comes after SQLParamData has named a parameter.");
    }
    size_t index = d->numbers[d->at - 1] % s->sql.marker_count;
    if (index >= s->apd->count) {
        return unbound(s, index);
    }
    SQLSMALLINT c_type = s->apd->records[index].c_type;
    buf *value = &d->values[d->at - 1];
    if (length == SQL_NULL_DATA || length == SQL_DEFAULT_PARAM) {
        d->nulls[d->at - 1] = true;
        return SQL_SUCCESS;
    }
    SQLLEN fixed = c_type_size(c_type);
    size_t bytes = (size_t)length;
    if (fixed > 0) {
        bytes = (size_t)fixed;
        buf_clear(value);
    } else if (length == SQL_NTS && data != NULL && c_type != SQL_C_BINARY) {
        unsigned unit = c_type == SQL_C_WCHAR ? s->h.env->unit : 1;
        bytes = wide_length(data, unit) * unit;
    } else if (length < 0) {
        return fail(&s->h, "HY090", "A length of %ld is not valid.", (long)length);
    }
    if (data == NULL && bytes > 0) {
        return fail(&s->h, "HY009", "The data pointer is NULL.");
    }
    if (total(d) + bytes > STATEMENT_BYTES_MAX) {
        return fail(&s->h, "22001",
                    "The values of one statement are limited to %d bytes; load larger ones through "
                    "a volume.",
                    (int)STATEMENT_BYTES_MAX);
    }
    buf_add(value, data, bytes);
    return value->failed ? fail_memory(&s->h) : SQL_SUCCESS;
}
