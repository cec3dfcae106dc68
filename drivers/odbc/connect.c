#include "odbc.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

void dbc_init(dbc *d, env *e) {
    handle_init(&d->h, SQL_HANDLE_DBC, e, d);
    op_init(&d->op);
    pthread_mutex_init(&d->names_lock, NULL);
    pthread_mutex_init(&d->reopen_lock, NULL);
    pthread_mutex_init(&d->shared_lock, NULL);
    d->autocommit = SQL_AUTOCOMMIT_ON;
    settings_read(&d->set, &d->keys);
}

void dbc_forget(dbc *d) {
    keys_free(&d->keys);
    for (past_name *n = d->names, *next; n != NULL; n = next) {
        next = n->next;
        free(n);
    }
    free(d->start_catalog);
    free(d->start_schema);
    d->names = NULL;
    d->start_catalog = d->start_schema = NULL;
    atomic_store(&d->dead, false);
    atomic_store(&d->own_state, false);
    atomic_store(&d->moves, 0);
    d->home_moves = d->names_moves = 0;
    atomic_store(&d->changes, 0);
}

void dbc_free(dbc *d) {
    while (d->descs != NULL) {
        desc_free_explicit(d->descs);
    }
    dbc_forget(d);
    buf_wipe(&d->browse);
    op_end(&d->op);
    free(d->application_name);
    free(d->asked_catalog);
    text_wipe(d->asked_token);
    pthread_mutex_destroy(&d->names_lock);
    pthread_mutex_destroy(&d->reopen_lock);
    pthread_mutex_destroy(&d->shared_lock);
    handle_end(&d->h);
    free(d);
}

/* What the application set by attributes comes before what it gave, or a data source has. */
static bool add_asked(dbc *d) {
    return (d->asked_catalog == NULL || d->asked_catalog[0] == '\0' ||
            keys_add(&d->keys, text_of("Catalog"), text_of(d->asked_catalog))) &&
           (d->asked_token == NULL ||
            keys_add(&d->keys, text_of("Auth_AccessToken"), text_of(d->asked_token)));
}

/* Attributes, then the string, then the data source it names, then the driver's own section. */
SQLRETURN dbc_read_keys(dbc *d, text connection_string) {
    if (!add_asked(d)) {
        return fail_memory(&d->h);
    }
    const char *wrong = keys_parse(&d->keys, connection_string);
    if (wrong != NULL) {
        return fail_native(&d->h, "HY000", 10380, "The connection string has %s.", wrong);
    }
    const char *dsn = keys_get(&d->keys, "DSN");
    if (dsn != NULL) {
        ini_add_section(&d->keys, dsn, "odbc.ini");
    }
    ini_add_section(&d->keys, "Databricks dbkernel", "odbcinst.ini");
    return SQL_SUCCESS;
}

static SQLRETURN open_session(dbc *d, KernelSessionConfig *config) {
    dbk_loop *loop = op_loop(&d->op);
    if (loop == NULL) {
        kernel_session_config_free(config);
        return fail_kernel(&d->h, AT_CONNECT);
    }
    dbk_future *future = NULL;
    if (dbk_session_open_start(loop, config, NULL, NULL, &future) != KernelStatusCode_Success) {
        return fail_kernel(&d->h, AT_CONNECT);
    }
    op_wait_dbc(d, future, (uint64_t)d->login_timeout * 1000);
    SQLRETURN rc = SQL_SUCCESS;
    kernel_session_t *session = NULL;
    if (dbk_future_take_session(future, &session) != KernelStatusCode_Success) {
        rc = fail_kernel(&d->h, d->start_catalog != NULL || d->start_schema != NULL ? AT_NAMESPACE
                                                                                    : AT_CONNECT);
    }
    d->session = session;
    dbk_future_free(future);
    return rc;
}

static void take_defaults(dbc *d) {
    if (d->login_timeout == 0) {
        d->login_timeout = (SQLUINTEGER)keys_number(&d->keys, "LoginTimeout", 0);
    }
    if (d->connection_timeout == 0) {
        d->connection_timeout = (SQLUINTEGER)keys_number(&d->keys, "ConnectionTimeout", 0);
    }
    const char *encoding = keys_get(&d->keys, "DriverManagerEncoding");
    if (encoding != NULL) {
        bool utf32 = strstr(encoding, "32") != NULL, utf16 = strstr(encoding, "16") != NULL;
        d->h.env->unit = utf32 ? 4 : utf16 ? 2 : 1;
    }
}

SQLRETURN dbc_open(dbc *d) {
    settings_read(&d->set, &d->keys);
    take_defaults(d);
    log_setup(&d->keys);
    KernelSessionConfig *config = NULL;
    SQLRETURN rc = config_make(d, &d->h, &config);
    d->start_catalog = text_copy(text_of(start_catalog(&d->keys)));
    d->start_schema = text_copy(text_of(keys_get(&d->keys, "Schema")));
    if (rc == SQL_SUCCESS) {
        rc = open_session(d, config);
    }
    if (rc == SQL_SUCCESS && d->autocommit == SQL_AUTOCOMMIT_OFF &&
        kernel_session_set_autocommit(d->session, false) != KernelStatusCode_Success) {
        rc = fail_kernel(&d->h, AT_CONNECT);
    }
    if (rc != SQL_SUCCESS && d->session != NULL) {
        (void)dbk_session_release(d->session);
        d->session = NULL;
    }
    return rc;
}

static SQLRETURN give_string(dbc *d, const text_out *out) {
    if (!keys_has(&d->keys, "UID") && keys_has(&d->keys, "PWD")) {
        (void)keys_add(&d->keys, text_of("UID"), text_of("token"));
    }
    buf string = {0};
    keys_write(&d->keys, &string);
    SQLRETURN rc = string.failed ? fail_memory(&d->h)
                                 : text_out_give(&d->h, out, (text){buf_text(&string), string.len});
    buf_wipe(&string);
    return rc;
}

/* Only what the caller gave goes back to it: not what data sources and the driver's section added. */
SQLRETURN dbc_give_string(dbc *d, text given, const text_out *out) {
    if (out->data == NULL && out->length16 == NULL) {
        return SQL_SUCCESS;
    }
    keys all = d->keys;
    d->keys = (keys){0};
    (void)keys_parse(&d->keys, given);
    SQLRETURN rc = give_string(d, out);
    keys_free(&d->keys);
    d->keys = all;
    return rc;
}

SQLRETURN dbc_connect(dbc *d, text connection_string, const text_out *out) {
    if (d->session != NULL) {
        return fail(&d->h, "08002", "The connection is open already.");
    }
    dbc_forget(d);
    SQLRETURN rc = dbc_read_keys(d, connection_string);
    if (rc == SQL_SUCCESS) {
        rc = dbc_open(d);
    }
    if (rc != SQL_SUCCESS) {
        dbc_forget(d);
        return rc;
    }
    return dbc_give_string(d, connection_string, out);
}

/* ---- Ending ----------------------------------------------------------------------------------------- */

SQLRETURN dbc_disconnect(dbc *d) {
    if (d->session == NULL) {
        if (d->browse.len > 0) {
            buf_wipe(&d->browse);
            return SQL_SUCCESS;
        }
        return fail(&d->h, "08003", "The connection is not open.");
    }
    if (!d->set.ignore_transactions && d->autocommit == SQL_AUTOCOMMIT_OFF &&
        atomic_load(&d->changes) > 0) {
        return fail(&d->h, "25000", "A transaction is open: commit it or roll it back first.");
    }
    while (d->stmts != NULL) {
        stmt *s = d->stmts;
        d->stmts = s->next;
        stmt_free(s);
    }
    while (d->descs != NULL) {
        desc_free_explicit(d->descs);
    }
    dbc_drop_past(d);
    (void)kernel_session_close(d->session); /* bounded; what the server says changes nothing */
    d->session = NULL;
    d->browsing = false;
    buf_wipe(&d->browse);
    dbc_forget(d);
    return SQL_SUCCESS;
}

/* ---- Small questions ---------------------------------------------------------------------------------- */

/* The texts of the first column, with commas between them; a batch of another type adds none. */
static void add_texts(const struct ArrowArray *array, const struct ArrowSchema *schema, buf *out) {
    if (array->n_children == 0 || strcmp(schema->children[0]->format, "u") != 0) {
        return;
    }
    const struct ArrowArray *a = array->children[0];
    const int32_t *offsets = (const int32_t *)a->buffers[1] + a->offset;
    for (int64_t i = 0; i < array->length; i++) {
        if (out->len > 0) {
            buf_add_char(out, ',');
        }
        buf_add(out, (const char *)a->buffers[2] + offsets[i],
                (size_t)(offsets[i + 1] - offsets[i]));
    }
}

static KernelStatusCode read_texts(kernel_executed_statement_t *executed, buf *out) {
    kernel_result_stream_t *stream = NULL;
    KernelStatusCode code = kernel_executed_statement_get_result_stream(executed, &stream);
    for (bool more = code == KernelStatusCode_Success; more;) {
        struct ArrowArray array = {0};
        struct ArrowSchema schema = {0};
        code = kernel_result_stream_next_batch(stream, &array, &schema);
        more = code == KernelStatusCode_Success && array.release != NULL;
        if (more) {
            add_texts(&array, &schema, out);
            array.release(&array);
        }
        if (schema.release != NULL) {
            schema.release(&schema);
        }
    }
    if (stream != NULL) {
        (void)kernel_result_stream_close(stream);
    }
    return code;
}

/* A statement of the driver's own, to its end, for s or (NULL) for the connection: what cancels theirs cancels
 * it. A failure becomes a record of h, unless h is NULL: then the caller can do without the answer. */
static KernelStatusCode ask(dbc *d, stmt *s, const char *sql, buf *out, handle *h) {
    kernel_statement_t *k = NULL;
    kernel_executed_statement_t *executed = NULL;
    dbk_future *future = NULL;
    dbk_loop *loop = op_loop(s == NULL ? &d->op : &s->op);
    KernelStatusCode code =
        loop == NULL ? KernelStatusCode_Internal : kernel_session_new_statement(d->session, &k);
    if (code == KernelStatusCode_Success) {
        code = kernel_statement_set_sql(k, sql);
    }
    if (code == KernelStatusCode_Success) {
        code = dbk_statement_execute_start(loop, k, NULL, NULL, &future);
    }
    if (code == KernelStatusCode_Success) {
        if (s == NULL) {
            op_wait_dbc(d, future, 0);
        } else {
            bool held = shared_let_go(s);
            op_wait(&s->op, future, (uint64_t)s->query_timeout * 1000);
            shared_take_back(s, held);
        }
        code = dbk_future_take_executed(future, &executed);
    }
    if (code == KernelStatusCode_Success && out != NULL) {
        code = read_texts(executed, out);
    }
    if (code != KernelStatusCode_Success && h != NULL) {
        (void)fail_kernel(h, s == NULL ? AT_NAMESPACE : AT_STATEMENT);
    }
    if (future != NULL) {
        dbk_future_free(future);
    }
    if (executed != NULL) {
        (void)kernel_executed_statement_close(executed);
    }
    if (k != NULL) {
        (void)kernel_statement_close(k);
    }
    return code;
}

SQLRETURN stmt_ask(stmt *s, const char *sql, buf *out) {
    KernelStatusCode code = ask(s->h.dbc, s, sql, out, &s->h);
    return code == KernelStatusCode_Success ? SQL_SUCCESS : SQL_ERROR;
}

SQLRETURN dbc_ask(dbc *d, const char *sql, buf *out) {
    KernelStatusCode code = ask(d, NULL, sql, out, &d->h);
    return code == KernelStatusCode_Success ? SQL_SUCCESS : SQL_ERROR;
}

SQLRETURN dbc_use(dbc *d, const char *what, const char *name) {
    buf sql = {0};
    buf_printf(&sql, "USE %s `", what);
    for (const char *c = name; *c != '\0'; c++) {
        buf_add(&sql, *c == '`' ? "``" : c, *c == '`' ? 2 : 1);
    }
    buf_add_char(&sql, '`');
    KernelStatusCode code = KernelStatusCode_Internal;
    if (sql.failed) {
        (void)fail_memory(&d->h);
    } else {
        code = ask(d, NULL, sql.ptr, NULL, &d->h);
    }
    buf_free(&sql);
    atomic_fetch_add(&d->moves, 1);
    atomic_store(&d->own_state, true);
    return code == KernelStatusCode_Success ? SQL_SUCCESS : SQL_ERROR;
}

/* Names that were handed out live as long as the connection: other threads may still read them. */
static void keep_name(dbc *d, buf *name) {
    past_name *kept = calloc(1, sizeof *kept + name->len + 1);
    if (kept != NULL) {
        memcpy(kept->text, buf_text(name), name->len);
        kept->next = d->names;
        d->names = kept;
    }
}

static const char *catalog_of(dbc *d, stmt *s) {
    unsigned moves = atomic_load(&d->moves);
    pthread_mutex_lock(&d->names_lock);
    bool known = d->names != NULL && d->names_moves == moves;
    pthread_mutex_unlock(&d->names_lock);
    buf name = {0};
    bool told = !known && d->session != NULL &&
                ask(d, s, "SELECT current_catalog()", &name, NULL) == KernelStatusCode_Success;
    pthread_mutex_lock(&d->names_lock);
    if (told && !name.failed) {
        if (d->names == NULL || strcmp(d->names->text, buf_text(&name)) != 0) {
            keep_name(d, &name);
        }
        d->names_moves = moves;
    }
    const char *current = d->names == NULL ? "" : d->names->text;
    pthread_mutex_unlock(&d->names_lock);
    buf_free(&name);
    return current;
}

const char *dbc_catalog(dbc *d) {
    return catalog_of(d, NULL);
}

const char *stmt_catalog(stmt *s) {
    return catalog_of(s->h.dbc, s);
}

/* To the server a COMMIT without a statement before it is an error; ODBC says it has no effect. */
static bool nothing_to_commit(void) {
    KernelError k = {0};
    return kernel_get_last_error(&k) && k.message != NULL &&
           strstr(k.message, "NO_ACTIVE_TRANSACTION") != NULL;
}

SQLRETURN dbc_end_tran(dbc *d, SQLSMALLINT completion) {
    if (completion != SQL_COMMIT && completion != SQL_ROLLBACK) {
        return fail(&d->h, "HY012", "A transaction ends with SQL_COMMIT or SQL_ROLLBACK.");
    }
    if (d->session == NULL) {
        return fail(&d->h, "08003", "The connection is not open.");
    }
    int changes = atomic_exchange(&d->changes, 0);
    if (d->set.ignore_transactions) {
        return completion == SQL_ROLLBACK && changes > 0 && d->autocommit == SQL_AUTOCOMMIT_OFF
                   ? warn(&d->h, "01000",
                          "The rollback had no effect: transactions are ignored "
                          "(IgnoreTransactions=1).")
                   : SQL_SUCCESS;
    }
    if (d->autocommit == SQL_AUTOCOMMIT_ON) {
        return SQL_SUCCESS;
    }
    KernelStatusCode code = completion == SQL_COMMIT ? kernel_session_commit(d->session)
                                                     : kernel_session_rollback(d->session);
    return code == KernelStatusCode_Success || (completion == SQL_COMMIT && nothing_to_commit())
               ? SQL_SUCCESS
               : fail_kernel(&d->h, AT_STATEMENT);
}
