#include "module.h"

#include <stddef.h>

typedef struct connection {
    object base;
    kernel_session_t *session; /* NULL: closed */
    char id[ID_SIZE];
} connection;

static const char closed_text[] = "connection already closed";

static void destroy(object *o) {
    connection *s = (connection *)o;
    if (s->session != NULL) { /* its statements keep it open */
        (void)dbk_session_release(s->session);
    }
}

/* ---- opening and closing ---- */

static void opened(task *t) {
    connection *s = object_new(t->addon, sizeof *s, destroy);
    if (s == NULL) {
        task_reject_text(t, "ResourceExhausted", "out of memory");
        return;
    }
    if (dbk_future_take_session(t->ended, &s->session) != KernelStatusCode_Success) {
        task_reject_last(t);
        object_unref(s);
        return;
    }
    read_id(dbk_session_id(s->session), s->id);
    task_resolve(t, object_wrap(CLASS_CONNECTION, s));
}

napi_value open_session(napi_env env, napi_callback_info info) {
    call c = call_begin(env, info);
    napi_value promise = NULL;
    napi_value refusal = NULL;
    KernelSessionConfig *config = NULL;
    if (!options_read(&c, c.args[0], &config, &refusal)) {
        return NULL;
    }
    task *t = task_new(&c, NULL, &promise);
    if (t == NULL) {
        kernel_session_config_free(config);
        return NULL;
    }
    if (refusal != NULL) {
        task_reject(t, refusal);
    } else {
        task_wait(t, dbk_session_open_start(c.addon->loop, config, TASK_LOOP(t)), opened);
    }
    return promise;
}

static napi_value get_id(napi_env env, napi_callback_info info) {
    call c = call_begin(env, info);
    const connection *s = object_unwrap(&c, CLASS_CONNECTION);
    return s != NULL ? js_text(env, s->id) : NULL;
}

static napi_value close_connection(napi_env env, napi_callback_info info) {
    call c = call_begin(env, info);
    napi_value promise = NULL;
    connection *s = object_unwrap(&c, CLASS_CONNECTION);
    task *t = s != NULL ? task_new(&c, s, &promise) : NULL;
    if (t == NULL) {
        return NULL;
    }
    kernel_session_t *session = s->session;
    s->session = NULL;
    if (session == NULL) {
        task_resolve_undefined(t);
        return promise;
    }
    KernelStatusCode started = dbk_session_close_start(c.addon->loop, session, TASK_LOOP(t));
    task_wait(t, started, task_resolve_undefined);
    if (started != KernelStatusCode_Success) {
        (void)dbk_session_release(session);
    }
    return promise;
}

/* ---- statements ---- */

static void submitted(task *t) {
    if (dbk_future_take_async(t->ended, &t->async) == KernelStatusCode_Success) {
        submitted_resolve(t);
    } else {
        task_reject_last(t);
    }
}

static void start_submit(task *t) {
    task_wait(t, dbk_statement_submit_start(t->addon->loop, t->statement, TASK_LOOP(t)), submitted);
}

static void start_execute(task *t) {
    statement_ask(t, statement_await);
}

/* What the server's first answer is decides what the caller gets. */
static void answered(task *t) {
    KernelStatementStatusKind state = KernelStatementStatusKind_Pending;
    (void)dbk_async_status(t->async, &state);
    if (state == KernelStatementStatusKind_Pending || state == KernelStatementStatusKind_Running) {
        submitted_resolve(t);
    } else {
        statement_await(t);
    }
}

static void start_direct(task *t) {
    statement_ask(t, answered);
}

static void start_cancellable(task *t) {
    kernel_statement_t *statement = t->statement;
    t->statement = NULL;
    task_resolve(t, execution_new(t->addon, statement));
}

static napi_value run(napi_env env, napi_callback_info info, task_step start) {
    call c = call_begin(env, info);
    napi_value promise = NULL;
    napi_value refusal = NULL;
    kernel_statement_t *statement = NULL;
    connection *s = object_unwrap(&c, CLASS_CONNECTION);
    if (s == NULL) {
        return NULL;
    }
    if (s->session != NULL &&
        kernel_session_new_statement(s->session, &statement) != KernelStatusCode_Success) {
        refusal = error_of_last(env);
    }
    napi_value why = NULL;
    task *t =
        params_read(&c, c.args[0], c.args[1], statement, &why) ? task_new(&c, s, &promise) : NULL;
    if (t == NULL) { /* thrown */
        if (statement != NULL) {
            (void)kernel_statement_close(statement);
        }
        return NULL;
    }
    t->statement = statement;
    refusal = refusal != NULL ? refusal : why;
    if (s->session == NULL) {
        task_reject_text(t, "InvalidStatementHandle", closed_text);
    } else if (refusal != NULL) {
        task_reject(t, refusal);
    } else {
        start(t);
    }
    return promise;
}

static napi_value execute_statement(napi_env env, napi_callback_info info) {
    return run(env, info, start_execute);
}

static napi_value execute_statement_direct(napi_env env, napi_callback_info info) {
    return run(env, info, start_direct);
}

static napi_value execute_statement_cancellable(napi_env env, napi_callback_info info) {
    return run(env, info, start_cancellable);
}

static napi_value submit_statement(napi_env env, napi_callback_info info) {
    return run(env, info, start_submit);
}

/* ---- catalog calls ---- */

#define MAX_NAMES 6

typedef struct catalog_call {
    dbk_catalog_call call;
    bool types_follow; /* listTables: the list of table types */
    struct {
        size_t offset; /* of the text in dbk_catalog_filter */
        bool required;
    } names[MAX_NAMES];
} catalog_call;

#define NAME(field) \
    { offsetof(dbk_catalog_filter, field), false }
#define REQUIRED(field) \
    { offsetof(dbk_catalog_filter, field), true }

static void listed(task *t) {
    kernel_result_stream_t *stream = NULL;
    if (dbk_future_take_stream(t->ended, &stream) == KernelStatusCode_Success) {
        statement_of_stream(t, stream);
    } else {
        task_reject_last(t);
    }
}

static void start_list(task *t, const connection *s, const dbk_catalog_filter *filter) {
    if (s->session == NULL) {
        task_reject_text(t, "InvalidStatementHandle", closed_text);
        return;
    }
    task_wait(t, dbk_metadata_list_start(t->addon->loop, s->session, filter, TASK_LOOP(t)), listed);
}

static bool read_names(const call *c, const catalog_call *spec, char *texts[MAX_NAMES],
                       dbk_catalog_filter *filter, size_t *count) {
    size_t i = 0;
    for (; i < MAX_NAMES && spec->names[i].offset != 0; i++) {
        bool read = spec->names[i].required
                        ? read_text(c->env, c->args[i], "", &texts[i], NULL)
                        : read_optional_text(c->env, c->args[i], "", &texts[i], NULL);
        if (!read) {
            return false;
        }
        const char *text = texts[i];
        memcpy((char *)filter + spec->names[i].offset, &text, sizeof text);
    }
    *count = i;
    return true;
}

static napi_value list(napi_env env, napi_callback_info info, const catalog_call *spec) {
    call c = call_begin(env, info);
    napi_value promise = NULL;
    size_t count = 0;
    char *texts[MAX_NAMES] = {0};
    char **types = NULL;
    dbk_catalog_filter filter = {.struct_size = sizeof filter, .call = spec->call};
    connection *s = object_unwrap(&c, CLASS_CONNECTION);
    if (s != NULL && read_names(&c, spec, texts, &filter, &count) &&
        (!spec->types_follow || read_strings(env, c.args[count], "", &types, &filter.type_count))) {
        filter.types = (const char *const *)types;
        task *t = task_new(&c, s, &promise);
        if (t != NULL) {
            start_list(t, s, &filter); /* copies the filter */
        }
    }
    free_strings(types, filter.type_count);
    for (size_t i = 0; i < MAX_NAMES; i++) {
        free(texts[i]);
    }
    return promise;
}

static napi_value list_catalogs(napi_env env, napi_callback_info info) {
    static const catalog_call spec = {DBK_CATALOG_CALL_CATALOGS, false, {{0, false}}};
    return list(env, info, &spec);
}

static napi_value list_schemas(napi_env env, napi_callback_info info) {
    static const catalog_call spec = {
        DBK_CATALOG_CALL_SCHEMAS, false, {NAME(catalog), NAME(schema)}};
    return list(env, info, &spec);
}

static napi_value list_tables(napi_env env, napi_callback_info info) {
    static const catalog_call spec = {
        DBK_CATALOG_CALL_TABLES, true, {NAME(catalog), NAME(schema), NAME(object)}};
    return list(env, info, &spec);
}

static napi_value list_columns(napi_env env, napi_callback_info info) {
    static const catalog_call spec = {
        DBK_CATALOG_CALL_COLUMNS, false, {NAME(catalog), NAME(schema), NAME(object), NAME(column)}};
    return list(env, info, &spec);
}

static napi_value list_functions(napi_env env, napi_callback_info info) {
    static const catalog_call spec = {
        DBK_CATALOG_CALL_FUNCTIONS, false, {NAME(catalog), NAME(schema), NAME(object)}};
    return list(env, info, &spec);
}

static napi_value list_procedures(napi_env env, napi_callback_info info) {
    static const catalog_call spec = {
        DBK_CATALOG_CALL_PROCEDURES, false, {NAME(catalog), NAME(schema), NAME(object)}};
    return list(env, info, &spec);
}

static napi_value list_table_types(napi_env env, napi_callback_info info) {
    static const catalog_call spec = {DBK_CATALOG_CALL_TABLE_TYPES, false, {{0, false}}};
    return list(env, info, &spec);
}

static napi_value list_type_info(napi_env env, napi_callback_info info) {
    static const catalog_call spec = {DBK_CATALOG_CALL_TYPE_INFO, false, {{0, false}}};
    return list(env, info, &spec);
}

static napi_value get_primary_keys(napi_env env, napi_callback_info info) {
    static const catalog_call spec = {DBK_CATALOG_CALL_PRIMARY_KEYS,
                                      false,
                                      {REQUIRED(catalog), REQUIRED(schema), REQUIRED(object)}};
    return list(env, info, &spec);
}

static napi_value get_cross_reference(napi_env env, napi_callback_info info) {
    static const catalog_call spec = {DBK_CATALOG_CALL_CROSS_REFERENCE,
                                      false,
                                      {NAME(parent_catalog), NAME(parent_schema),
                                       NAME(parent_table), REQUIRED(catalog), REQUIRED(schema),
                                       REQUIRED(object)}};
    return list(env, info, &spec);
}

const class_spec connection_class = {
    "Connection",
    "sessionId",
    get_id,
    {{"close", close_connection},
     {"executeStatement", execute_statement},
     {"executeStatementCancellable", execute_statement_cancellable},
     {"executeStatementDirect", execute_statement_direct},
     {"getCrossReference", get_cross_reference},
     {"getPrimaryKeys", get_primary_keys},
     {"listCatalogs", list_catalogs},
     {"listColumns", list_columns},
     {"listFunctions", list_functions},
     {"listProcedures", list_procedures},
     {"listSchemas", list_schemas},
     {"listTableTypes", list_table_types},
     {"listTables", list_tables},
     {"listTypeInfo", list_type_info},
     {"submitStatement", submit_statement},
     {NULL, NULL}}};
