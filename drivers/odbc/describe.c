#include "odbc.h"

#include <stdlib.h>
#include <string.h>

/* What a prepared statement will give and take, before it is executed: DESCRIBE QUERY, one request, kept
 * until the next SQLPrepare. Contract 1.4 and 6.3. */

typedef struct fields { /* rows of DESCRIBE QUERY */
    column *columns;
    size_t count;
} fields;

static char *text_at(const struct ArrowArray *a, int64_t row) {
    const int32_t *offsets = (const int32_t *)a->buffers[1] + a->offset + row;
    return text_copy(
        (text){(const char *)a->buffers[2] + offsets[0], (size_t)(offsets[1] - offsets[0])});
}

static bool add_fields(stmt *s, const struct ArrowArray *batch, fields *f) {
    column *grown = realloc(f->columns, (f->count + (size_t)batch->length + 1) * sizeof *grown);
    if (grown == NULL) {
        return false;
    }
    f->columns = grown;
    for (int64_t row = 0; row < batch->length; row++) {
        column *c = &f->columns[f->count];
        *c = (column){.name = text_at(batch->children[0], row),
                      .type_text = text_at(batch->children[1], row)};
        if (c->name == NULL || c->type_text == NULL) {
            return false;
        }
        type_describe(&s->h.dbc->set, c->type_text, c);
        f->count++;
    }
    return true;
}

static SQLRETURN read_fields(stmt *s, kernel_executed_statement_t *executed, fields *f) {
    kernel_result_stream_t *stream = NULL;
    SQLRETURN rc = SQL_SUCCESS;
    if (kernel_executed_statement_get_result_stream(executed, &stream) !=
        KernelStatusCode_Success) {
        return fail_kernel(&s->h, AT_STATEMENT);
    }
    for (bool more = true; more && rc == SQL_SUCCESS;) {
        struct ArrowArray array = {0};
        struct ArrowSchema schema = {0};
        if (kernel_result_stream_next_batch(stream, &array, &schema) != KernelStatusCode_Success) {
            rc = fail_kernel(&s->h, AT_STATEMENT);
            break;
        }
        more = array.release != NULL;
        if (more && (array.n_children < 2 || strcmp(schema.children[0]->format, "u") != 0 ||
                     strcmp(schema.children[1]->format, "u") != 0)) {
            rc = fail(&s->h, "HY000", "DESCRIBE QUERY answered without names and types.");
        } else if (more && !add_fields(s, &array, f)) {
            rc = fail_memory(&s->h);
        }
        if (more) {
            array.release(&array);
            schema.release(&schema);
        }
    }
    (void)kernel_result_stream_close(stream);
    return rc;
}

/* Runs sql and waits; SQLCancel and the query timeout end it. */
static SQLRETURN ask_once(stmt *s, const buf *sql, fields *f) {
    SQLRETURN rc = kernel_stmt_need(s);
    dbk_future *future = NULL;
    dbk_loop *loop = op_loop(&s->op);
    if (rc != SQL_SUCCESS) {
        return rc;
    }
    if (loop == NULL ||
        dbk_statement_set_sql_n(s->kernel, sql->ptr, sql->len) != KernelStatusCode_Success ||
        dbk_statement_execute_start(loop, s->kernel, NULL, NULL, &future) !=
            KernelStatusCode_Success) {
        return fail_kernel(&s->h, AT_STATEMENT);
    }
    op_busy(&s->op, true);
    (void)op_started(s, future, NULL);
    op_wait_here(s, future);
    kernel_executed_statement_t *executed = NULL;
    if (dbk_future_take_executed(future, &executed) != KernelStatusCode_Success) {
        rc = op_failed(s);
    } else {
        rc = read_fields(s, executed, f);
        (void)kernel_executed_statement_close(executed);
    }
    op_done(s);
    op_busy(&s->op, false);
    return rc;
}

static SQLRETURN ask(stmt *s, const buf *sql, fields *f) {
    SQLRETURN rc = ask_once(s, sql, f);
    return rc == SQL_ERROR && stmt_recover(s) ? ask_once(s, sql, f) : rc;
}

/* The statement with '?' in the place of each marker. */
static void without_markers(const sql_text *t, buf *out) {
    size_t at = 0;
    for (size_t i = 0; i < t->marker_count; i++) {
        buf_add(out, t->sql.ptr + at, t->markers[i] - at);
        buf_add_text(out, "'?'");
        at = t->markers[i] + 1;
    }
    buf_add(out, t->sql.ptr + at, t->sql.len - at);
    while (out->len > 0 && !out->failed && strchr("; \t\r\n", out->ptr[out->len - 1]) != NULL) {
        out->ptr[--out->len] = '\0';
    }
}

static bool is_plain_query(const sql_text *t) { /* DESCRIBE QUERY takes no SHOW and no DESCRIBE */
    static const char *const words[] = {"SELECT", "WITH", "VALUES", "TABLE", "FROM"};
    text sql = text_trim((text){t->sql.ptr, t->sql.len});
    while (sql.len > 0 && sql.ptr[0] == '(') {
        sql = text_trim((text){sql.ptr + 1, sql.len - 1});
    }
    size_t skipped = sql.len == 0 ? 0 : sql_skip(sql.ptr, sql.len, 0);
    sql = text_trim((text){sql.ptr + skipped, sql.len - skipped});
    for (size_t i = 0; i < COUNT_OF(words); i++) {
        size_t len = strlen(words[i]);
        if (sql.len > len && text_is((text){sql.ptr, len}, words[i])) {
            return true;
        }
    }
    return false;
}

SQLRETURN describe_columns(stmt *s, SQLUSMALLINT fn) {
    (void)fn;
    if (s->executed || s->described || s->res.open) {
        return SQL_SUCCESS;
    }
    if (!s->prepared) {
        return fail(&s->h, "HY010", "The statement was neither prepared nor executed.");
    }
    if (s->sql.kind != SQL_KIND_QUERY) {
        s->described = true;
        return SQL_SUCCESS;
    }
    if (s->h.dbc->set.prepare_metadata == DESCRIBE_NONE) {
        return fail(&s->h, "HY010",
                    "Columns are known after the execution (PrepareMetadata=none).");
    }
    bool run_it = s->h.dbc->set.prepare_metadata == DESCRIBE_RUN || !is_plain_query(&s->sql);
    buf sql = {0};
    fields f = {0};
    buf_add_text(&sql, run_it ? "DESCRIBE QUERY SELECT * FROM (" : "DESCRIBE QUERY ");
    without_markers(&s->sql, &sql);
    buf_add_text(&sql, run_it ? ")" : "");
    SQLRETURN rc = sql.failed ? fail_memory(&s->h) : ask(s, &sql, &f);
    buf_free(&sql);
    if (rc == SQL_ERROR) {
        columns_free(f.columns, f.count);
        return rc;
    }
    result_reset(&s->res);
    s->res.columns = f.columns;
    s->res.column_count = f.count;
    s->described = true;
    return rc;
}

/* ---- Parameters -------------------------------------------------------------------------------------------- */

typedef struct scan { /* words, names in backticks, and single characters of an SQL text */
    const char *s;
    size_t len, at;
    text token;
} scan;

static bool is_name_char(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           (unsigned char)c >= 0x80;
}

static bool next_token(scan *p) {
    while (p->at < p->len) {
        size_t start = p->at, skipped = sql_skip(p->s, p->len, start);
        char c = p->s[start];
        if (skipped != start) {
            p->at = skipped;
            if (c == '-' || c == '/') {
                continue; /* a comment */
            }
        } else if (is_name_char(c)) {
            while (p->at < p->len && is_name_char(p->s[p->at])) {
                p->at++;
            }
        } else {
            p->at++;
            if (strchr(" \t\r\n", c) != NULL) {
                continue;
            }
        }
        p->token = (text){p->s + start, p->at - start};
        return true;
    }
    return false;
}

static bool is_name(text t) {
    return t.len > 0 && (t.ptr[0] == '`' || is_name_char(t.ptr[0]));
}

/* a.b.c from the token after the current one on; empty: none. The scan stands behind it. */
static text take_path(scan *p) {
    if (!next_token(p) || !is_name(p->token)) {
        return (text){0};
    }
    text path = p->token;
    for (;;) {
        scan ahead = *p;
        if (!next_token(&ahead) || !text_is(ahead.token, ".") || !next_token(&ahead) ||
            !is_name(ahead.token)) {
            return path;
        }
        *p = ahead;
        path.len = (size_t)(p->s + p->at - path.ptr);
    }
}

static const column *find_field(const fields *f, text name) {
    if (name.len > 1 && name.ptr[0] == '`') {
        name = (text){name.ptr + 1, name.len - 2};
    }
    for (size_t i = 0; i < f->count; i++) {
        if (text_is(name, f->columns[i].name)) {
            return &f->columns[i];
        }
    }
    return NULL;
}

typedef struct
    guess { /* the only table, and for each marker the column it is compared with or put in */
    text table;
    text *names;      /* of markers; empty: not known */
    size_t *ordinals; /* INSERT without a list: the place in the tuple, from 1 */
} guess;

static void guess_insert(const sql_text *t, scan *p, guess *g) {
    text list[256];
    size_t count = 0, item = 1, marker = 0;
    if (next_token(p) && text_is(p->token, "INTO")) {
        scan ahead = *p;
        if (next_token(&ahead) && text_is(ahead.token, "TABLE")) {
            *p = ahead;
        }
        g->table = take_path(p);
    }
    if (next_token(p) && text_is(p->token, "(")) {
        while (next_token(p) && !text_is(p->token, ")")) {
            if (is_name(p->token) && count < COUNT_OF(list)) {
                list[count++] = p->token;
            }
        }
    }
    if (t->tuple_end == 0) {
        g->table = (text){0};
        return;
    }
    p->at = t->tuple_start + 1;
    for (int depth = 0; next_token(p) && p->at <= t->tuple_end;) {
        depth += text_is(p->token, "(") ? 1 : text_is(p->token, ")") ? -1 : 0;
        item += depth == 0 && text_is(p->token, ",");
        if (text_is(p->token, "?")) {
            if (depth == 0 && (count == 0 || item <= count)) {
                g->ordinals[marker] = count == 0 ? item : 0;
                g->names[marker] = count == 0 ? (text){0} : list[item - 1];
            }
            marker++;
        }
    }
}

/* UPDATE t SET c = ? ... WHERE d >= ?, also DELETE and SELECT of one table. */
static void guess_compared(scan *p, guess *g) {
    text before = {0}, name = {0};
    size_t marker = 0;
    for (bool first = true; first || next_token(p); first = false) {
        text token = p->token;
        if (text_is(token, "FROM") || text_is(token, "UPDATE")) {
            text path = take_path(p);
            if (g->table.len > 0 || path.len == 0) { /* a second table, or a query inside */
                g->table = (text){0};
                return;
            }
            g->table = path;
            continue;
        }
        if (text_is(token, "JOIN")) {
            g->table = (text){0};
            return;
        }
        if (text_is(token, "?")) {
            bool compares = before.len == 1 && strchr("=<>", before.ptr[0]) != NULL;
            g->names[marker++] = compares ? name : (text){0};
        } else if (is_name(token) && !text_is(token, "LIKE")) {
            name = token;
        } else if (token.len == 1 && strchr("=<>!.", token.ptr[0]) == NULL) {
            name = (text){0};
        }
        before = token;
    }
}

static SQLRETURN ask_parameters(stmt *s, guess *g) {
    fields f = {0};
    buf sql = {0};
    buf_add_text(&sql, "DESCRIBE QUERY SELECT * FROM ");
    buf_add(&sql, g->table.ptr, g->table.len);
    SQLRETURN rc = sql.failed ? fail_memory(&s->h) : ask(s, &sql, &f);
    buf_free(&sql);
    if (rc == SQL_ERROR) { /* not a table after all: the general answer serves */
        diag_clear(&s->h.diag);
    }
    for (size_t i = 0; i < s->sql.marker_count; i++) {
        size_t at = g->ordinals[i];
        const column *c = at > 0                ? (at <= f.count ? &f.columns[at - 1] : NULL)
                          : g->names[i].len > 0 ? find_field(&f, g->names[i])
                                                : NULL;
        type_describe(&s->h.dbc->set, c == NULL ? "STRING" : c->type_text, &s->param_columns[i]);
    }
    columns_free(f.columns, f.count);
    return SQL_SUCCESS;
}

static SQLRETURN describe_all(stmt *s) {
    size_t count = s->sql.marker_count;
    guess g = {.names = calloc(count, sizeof *g.names), .ordinals = calloc(count, sizeof(size_t))};
    s->param_columns = calloc(count, sizeof *s->param_columns);
    SQLRETURN rc = SQL_SUCCESS;
    if (g.names == NULL || g.ordinals == NULL || s->param_columns == NULL) {
        rc = fail_memory(&s->h);
    } else {
        scan p = {.s = s->sql.sql.ptr, .len = s->sql.sql.len};
        if (next_token(&p) && text_is(p.token, "INSERT")) {
            guess_insert(&s->sql, &p, &g);
        } else if (p.token.len > 0) {
            guess_compared(&p, &g);
        }
        for (size_t i = 0; i < count; i++) {
            type_describe(&s->h.dbc->set, "STRING", &s->param_columns[i]);
        }
        rc = g.table.len > 0 ? ask_parameters(s, &g) : SQL_SUCCESS;
    }
    free(g.names);
    free(g.ordinals);
    return rc;
}

SQLRETURN describe_param(stmt *s, SQLUSMALLINT number, SQLSMALLINT *type, SQLULEN *size,
                         SQLSMALLINT *digits, SQLSMALLINT *nullable) {
    if (!s->prepared) {
        return fail(&s->h, "HY010", "The statement was not prepared.");
    }
    if (number == 0 || number > s->sql.marker_count) {
        return fail(&s->h, "07009", "There is no parameter %u; the statement has %zu.", number,
                    s->sql.marker_count);
    }
    SQLRETURN rc = s->param_columns == NULL ? describe_all(s) : SQL_SUCCESS;
    if (rc == SQL_ERROR) {
        return rc;
    }
    const column *c = &s->param_columns[number - 1];
    bool old = s->h.env->version == SQL_OV_ODBC2;
    if (type != NULL) {
        *type = old ? type_odbc2(c->sql_type) : c->sql_type;
    }
    if (size != NULL) {
        *size = c->size;
    }
    if (digits != NULL) {
        *digits = c->digits < 0 ? 0 : c->digits;
    }
    if (nullable != NULL) {
        *nullable = SQL_NULLABLE;
    }
    return SQL_SUCCESS;
}
