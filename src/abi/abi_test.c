#include "abi/abi.h"

#include "unit.h"

/* What needs no server: layouts, NULL and wrong texts in every function, the last error, and what
 * kernel_session_open says of a configuration before it sends anything. */

/* ---- the header ---- */

DBK_TEST(layout_of_the_abi) {
    CHECK_EQ_U64(DATABRICKS_KERNEL_ABI_VERSION, 1);
    CHECK_EQ_U64(kernel_abi_version(), 1);
    CHECK_EQ_SIZE(sizeof(KernelStatusCode), sizeof(int32_t));
    CHECK_EQ_SIZE(sizeof(KernelStatementStatusKind), sizeof(int32_t));
    CHECK_EQ_I64(KernelStatusCode_InvalidStatementHandle, 11);
    CHECK_EQ_I64(KernelStatusCode_SqlError, 13);
    CHECK_EQ_I64(KernelStatementStatusKind_Pending, 0);
    CHECK_EQ_I64(KernelStatementStatusKind_Running, 1);
    CHECK_EQ_I64(KernelStatementStatusKind_Succeeded, 2);
    CHECK_EQ_I64(KernelStatementStatusKind_Failed, 3);
    CHECK_EQ_I64(KernelStatementStatusKind_Cancelled, 4);
    CHECK_EQ_I64(KernelStatementStatusKind_Closed, 5);
#if UINTPTR_MAX > 0xFFFFFFFFu
    CHECK_EQ_SIZE(sizeof(KernelError), 40);
    CHECK_EQ_SIZE(offsetof(KernelError, query_id), 32);
    CHECK_EQ_SIZE(sizeof(struct ArrowSchema), 72);
    CHECK_EQ_SIZE(sizeof(struct ArrowArray), 80);
    CHECK_EQ_SIZE(offsetof(struct ArrowSchema, release), 56);
    CHECK_EQ_SIZE(offsetof(struct ArrowArray, release), 64);
#endif
}

/* ---- helpers ---- */

/* The last error is InvalidArgument with this message, and reading it twice gives the same. */
static void check_refused(KernelStatusCode status, const char *message) {
    KernelError e;
    CHECK_CASE(message);
    CHECK_EQ_I64(status, KernelStatusCode_InvalidArgument);
    for (int i = 0; i < 2; i++) {
        CHECK(kernel_get_last_error(&e));
        CHECK_EQ_I64(e.code, KernelStatusCode_InvalidArgument);
        CHECK_STR(e.message, message);
        CHECK(e.sql_state == NULL && e.query_id == NULL);
        CHECK(e.vendor_code == 0 && e.http_status == 0 && !e.retryable);
    }
}

static void check_fine(KernelStatusCode status) {
    KernelError e;
    memset(&e, 0x5a, sizeof e);
    KernelError before = e;
    CHECK_EQ_I64(status, KernelStatusCode_Success);
    CHECK(!kernel_get_last_error(&e));
    CHECK_MEM(&e, &before, sizeof e);
}

static KernelSessionConfig *new_config(void) {
    KernelSessionConfig *config = NULL;
    check_fine(kernel_session_config_new(&config));
    CHECK(config != NULL);
    return config;
}

static const char bad_utf8[] = "a\xff"
                               "b";

/* ---- setters ---- */

#define CONFIG(fn, ...) kernel_session_config_##fn(config, __VA_ARGS__)

/* Every setter with a NULL configuration, whatever else is wrong. */
DBK_TEST(setters_need_a_config) {
    static const char message[] = "config handle must not be null";
    KernelSessionConfig *config = NULL;
    check_refused(CONFIG(set_warehouse, NULL, NULL), message);
    check_refused(CONFIG(set_http_path, NULL, NULL), message);
    check_refused(CONFIG(set_auth_pat, NULL), message);
    check_refused(CONFIG(set_auth_m2m, NULL, NULL), message);
    check_refused(CONFIG(set_auth_m2m_jwt, NULL, NULL, NULL, NULL, NULL, NULL, NULL), message);
    check_refused(CONFIG(set_auth_u2m, NULL, 0, NULL), message);
    check_refused(CONFIG(set_auth_azure_sp, NULL, NULL, NULL, NULL), message);
    check_refused(CONFIG(set_identity_federation_client_id, NULL), message);
    check_refused(CONFIG(set_oauth_token_endpoint, NULL), message);
    check_refused(CONFIG(set_oauth_scopes, NULL), message);
    check_refused(CONFIG(set_u2m_token_cache_config, false, NULL), message);
    check_refused(CONFIG(set_session_conf, NULL, NULL), message);
    check_refused(CONFIG(set_client_conf, NULL, NULL), message);
    check_refused(CONFIG(set_custom_header, NULL, NULL), message);
    check_refused(CONFIG(set_request_timeout, 0), message);
    check_refused(CONFIG(set_max_connections, 0), message);
    check_refused(CONFIG(set_cloudfetch_enabled, true), message);
    check_refused(CONFIG(set_ignore_transactions, true), message);
    check_refused(CONFIG(set_retry_config, 0, 0, 0, 0), message);
    check_refused(CONFIG(set_telemetry_config, false, 0, 0, 0, 0, 0), message);
    check_refused(CONFIG(set_telemetry_circuit_breaker_config, true, 0, 0), message);
    check_refused(CONFIG(set_driver_system_configuration, NULL, NULL, NULL, NULL, NULL, NULL, NULL,
                         NULL, NULL, NULL, NULL, NULL),
                  message);
    check_refused(CONFIG(set_proxy, NULL, NULL, NULL, NULL), message);
    check_refused(CONFIG(set_tls_trusted_certs, NULL, 0), message);
    check_refused(CONFIG(set_tls_allow_self_signed, true), message);
    check_refused(CONFIG(set_tls_skip_hostname_verification, true), message);
    check_refused(CONFIG(set_tls_client_certificate, NULL, 0, NULL, 0), message);
    check_refused(dbk_session_config_set_namespace(NULL, NULL, NULL), message);
    check_refused(dbk_session_config_set_tls_client_key_password(NULL, NULL), message);
    check_refused(dbk_session_config_set_memory_budget(NULL, 0), message);
}

DBK_TEST(setters_need_their_texts) {
    static const uint8_t pem[] = "x";
    KernelSessionConfig *config = new_config();
    check_refused(CONFIG(set_warehouse, NULL, "w"), "host must not be null");
    check_refused(CONFIG(set_warehouse, "h", NULL), "warehouse_id must not be null");
    check_refused(CONFIG(set_http_path, NULL, "p"), "host must not be null");
    check_refused(CONFIG(set_http_path, "h", NULL), "http_path must not be null");
    check_refused(CONFIG(set_auth_pat, NULL), "token must not be null");
    check_refused(CONFIG(set_auth_m2m, NULL, "s"), "client_id must not be null");
    check_refused(CONFIG(set_auth_m2m, "c", NULL), "client_secret must not be null");
    check_refused(CONFIG(set_auth_m2m_jwt, "c", NULL, "k", NULL, NULL, NULL, NULL),
                  "jwt_key_file must not be null");
    check_refused(CONFIG(set_auth_m2m_jwt, "c", "f", NULL, NULL, NULL, NULL, NULL),
                  "jwt_kid must not be null");
    check_refused(CONFIG(set_auth_azure_sp, NULL, "s", NULL, NULL),
                  "azure_client_id must not be null");
    check_refused(CONFIG(set_auth_azure_sp, "c", NULL, NULL, NULL),
                  "azure_client_secret must not be null");
    check_refused(CONFIG(set_identity_federation_client_id, NULL), "client_id must not be null");
    check_refused(CONFIG(set_oauth_token_endpoint, NULL), "token_endpoint must not be null");
    check_refused(CONFIG(set_oauth_scopes, NULL), "scopes must not be null");
    check_refused(CONFIG(set_session_conf, NULL, "v"), "session_conf key must not be null");
    check_refused(CONFIG(set_session_conf, "k", NULL), "session_conf value must not be null");
    check_refused(CONFIG(set_client_conf, NULL, "v"), "client_conf key must not be null");
    check_refused(CONFIG(set_client_conf, "k", NULL), "client_conf value must not be null");
    check_refused(CONFIG(set_custom_header, NULL, "v"), "header name must not be null");
    check_refused(CONFIG(set_custom_header, "n", NULL), "header value must not be null");
    check_refused(CONFIG(set_proxy, NULL, NULL, NULL, NULL), "proxy url must not be null");
    check_refused(CONFIG(set_tls_trusted_certs, NULL, 3), "trusted certs pem must not be null");
    check_refused(CONFIG(set_tls_client_certificate, NULL, 1, pem, 1),
                  "mTLS client cert must be a non-empty PEM buffer");
    check_refused(CONFIG(set_tls_client_certificate, pem, 0, pem, 1),
                  "mTLS client cert must be a non-empty PEM buffer");
    check_refused(CONFIG(set_tls_client_certificate, pem, 1, NULL, 1),
                  "mTLS client key must be a non-empty PEM buffer");
    check_refused(CONFIG(set_tls_client_certificate, pem, 1, pem, 0),
                  "mTLS client key must be a non-empty PEM buffer");
    kernel_session_config_free(config);
}

DBK_TEST(setters_refuse_what_is_not_utf8) {
    KernelSessionConfig *config = new_config();
    check_refused(CONFIG(set_warehouse, bad_utf8, "w"), "host is not valid UTF-8");
    check_refused(CONFIG(set_auth_pat, bad_utf8), "token is not valid UTF-8");
    check_refused(CONFIG(set_auth_u2m, bad_utf8, 0, NULL), "client_id is not valid UTF-8");
    check_refused(CONFIG(set_auth_u2m, NULL, 0, bad_utf8), "scopes is not valid UTF-8");
    check_refused(CONFIG(set_session_conf, "k", bad_utf8), "session_conf value is not valid UTF-8");
    check_refused(CONFIG(set_custom_header, bad_utf8, "v"), "header name is not valid UTF-8");
    check_refused(CONFIG(set_proxy, "http://p", NULL, bad_utf8, NULL),
                  "proxy password is not valid UTF-8");
    check_refused(kernel_init_logging(NULL, bad_utf8), "log file path is not valid UTF-8");
    kernel_session_config_free(config);
}

/* Empty, huge and senseless texts are judged by kernel_session_open, not by the setters. */
DBK_TEST(setters_take_any_text) {
    KernelSessionConfig *config = new_config();
    char *huge = dbk_alloc(1000001);
    memset(huge, 'x', 1000000);
    huge[1000000] = '\0';
    const char *const texts[] = {"", "nonsense", "\n\t", "\xf0\x9f\x98\x80", huge};
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        const char *t = texts[i];
        check_fine(CONFIG(set_warehouse, t, t));
        check_fine(CONFIG(set_http_path, t, t));
        check_fine(CONFIG(set_auth_pat, t));
        check_fine(CONFIG(set_auth_m2m, t, t));
        check_fine(CONFIG(set_auth_m2m_jwt, t, t, t, t, t, t, t));
        check_fine(CONFIG(set_auth_u2m, t, 65535, t));
        check_fine(CONFIG(set_auth_azure_sp, t, t, t, t));
        check_fine(CONFIG(set_oauth_token_endpoint, t));
        check_fine(CONFIG(set_u2m_token_cache_config, true, t));
        check_fine(CONFIG(set_session_conf, t, t));
        check_fine(CONFIG(set_custom_header, t, t));
        check_fine(CONFIG(set_proxy, t, t, t, t));
        check_fine(CONFIG(set_tls_trusted_certs, (const uint8_t *)t, strlen(t)));
        check_fine(dbk_session_config_set_namespace(config, t, t));
    }
    check_fine(dbk_session_config_set_namespace(config, NULL, NULL));
    check_fine(dbk_session_config_set_tls_client_key_password(config, "p"));
    check_fine(dbk_session_config_set_tls_client_key_password(config, NULL));
    check_fine(dbk_session_config_set_tls_min_version(config, "1.3"));
    check_refused(dbk_session_config_set_tls_min_version(config, "1.1"),
                  "the oldest TLS version is \"1.2\" or \"1.3\"");
    check_refused(dbk_session_config_set_tls_min_version(config, NULL), "version must not be null");
    check_fine(dbk_session_config_set_memory_budget(config, SIZE_MAX));
    check_fine(CONFIG(set_auth_u2m, NULL, 0, NULL));
    check_fine(CONFIG(set_proxy, "p", NULL, NULL, NULL));
    dbk_free(huge);
    kernel_session_config_free(config);
}

DBK_TEST(setters_judge_numbers) {
    KernelSessionConfig *config = new_config();
    check_refused(CONFIG(set_retry_config, 0, 1, 1, 1), "retry min_wait_ms must be > 0");
    check_fine(CONFIG(set_retry_config, 5, 1, 0, 0));
    check_fine(CONFIG(set_retry_config, UINT64_MAX, UINT64_MAX, UINT32_MAX, UINT64_MAX));
    check_refused(CONFIG(set_telemetry_config, false, 0, 1, 0, 0, 1),
                  "telemetry batch_size must be > 0");
    check_refused(CONFIG(set_telemetry_config, true, 1, 0, 0, 0, 1),
                  "telemetry flush_interval_ms must be > 0");
    check_refused(CONFIG(set_telemetry_config, true, 1, 1, 0, 0, 0),
                  "telemetry close_flush_timeout_ms must be > 0");
    check_fine(CONFIG(set_telemetry_config, true, 1, 1, 0, 0, 1));
    check_refused(CONFIG(set_telemetry_circuit_breaker_config, true, 0, 1),
                  "telemetry circuit breaker threshold must be > 0 when enabled");
    check_refused(CONFIG(set_telemetry_circuit_breaker_config, true, 1, 0),
                  "telemetry circuit breaker timeout_ms must be > 0 when enabled");
    check_fine(CONFIG(set_telemetry_circuit_breaker_config, false, 0, 0));
    check_refused(CONFIG(set_client_conf, "cloudfetch_enabled", "1"),
                  "client conf 'cloudfetch_enabled' expects \"true\" or \"false\", got \"1\"");
    check_refused(
        CONFIG(set_client_conf, "inline_max_chunks_in_memory", "0"),
        "client conf 'inline_max_chunks_in_memory' expects a positive integer, got \"0\"");
    kernel_session_config_free(config);
}

/* ---- everything else without a handle ---- */

#define MARK ((void *)(uintptr_t)0x5a5a)

DBK_TEST(sessions_need_a_handle) {
    kernel_statement_t *statement = MARK;
    bool flag = true;
    check_refused(kernel_session_config_new(NULL),
                  "kernel_session_config_new: out must not be null");
    check_refused(kernel_session_close(NULL), "kernel_session_close: session must not be null");
    check_refused(kernel_session_is_open(NULL, &flag),
                  "kernel_session_is_open: session must not be null");
    check_refused(kernel_session_test(NULL), "kernel_session_test: session must not be null");
    check_refused(kernel_session_set_autocommit(NULL, true),
                  "kernel_session_set_autocommit: session must not be null");
    check_refused(kernel_session_get_autocommit(NULL, &flag),
                  "kernel_session_get_autocommit: session must not be null");
    check_refused(kernel_session_commit(NULL), "kernel_session_commit: session must not be null");
    check_refused(kernel_session_rollback(NULL),
                  "kernel_session_rollback: session must not be null");
    check_refused(kernel_session_new_statement(NULL, &statement),
                  "kernel_session_new_statement: session and out must be non-null");
    CHECK(statement == MARK && flag);
    CHECK(dbk_session_id(NULL) == NULL);
}

DBK_TEST(statements_need_a_handle) {
    static const char message[] = "statement handle must not be null";
    kernel_executed_statement_t *exec = MARK;
    kernel_statement_canceller_t *canceller = MARK;
    check_refused(kernel_statement_set_sql(NULL, NULL), message);
    check_refused(dbk_statement_set_sql_n(NULL, NULL, 0), message);
    check_refused(dbk_statement_set_option(NULL, NULL, NULL), message);
    check_refused(kernel_statement_bind_null(NULL, 0), message);
    check_refused(kernel_statement_bind_int64(NULL, 0, 0), message);
    check_refused(kernel_statement_bind_double(NULL, 0, 0), message);
    check_refused(kernel_statement_bind_bool(NULL, 0, false), message);
    check_refused(kernel_statement_bind_string(NULL, 0, NULL), message);
    check_refused(kernel_statement_bind_parameter(NULL, NULL, NULL, NULL), message);
    check_refused(dbk_statement_bind_parameter_n(NULL, NULL, NULL, NULL, 0), message);
    check_refused(kernel_statement_execute(NULL, &exec),
                  "kernel_statement_execute: stmt must not be null");
    check_refused(kernel_statement_close(NULL), "kernel_statement_close: stmt must not be null");
    check_refused(kernel_statement_canceller_new(NULL, &canceller),
                  "kernel_statement_canceller_new: stmt must not be null");
    CHECK(exec == MARK && canceller == MARK);
}

DBK_TEST(results_need_a_handle) {
    kernel_result_stream_t *stream = MARK;
    struct ArrowSchema schema = {.flags = 77};
    struct ArrowArray array = {.length = 77};
    bool dispatched = true;
    check_refused(kernel_statement_canceller_cancel(NULL, &dispatched),
                  "kernel_statement_canceller_cancel: handle must not be null");
    CHECK(!dispatched); /* the one out parameter that is always written */
    check_refused(kernel_statement_canceller_free(NULL),
                  "kernel_statement_canceller_free: handle must not be null");
    check_refused(kernel_executed_statement_get_result_stream(NULL, &stream),
                  "get_result_stream: exec must not be null");
    check_refused(kernel_executed_statement_close(NULL),
                  "kernel_executed_statement_close: exec must not be null");
    check_refused(kernel_result_stream_get_schema(NULL, &schema),
                  "kernel_result_stream_get_schema: stream must not be null");
    check_refused(kernel_result_stream_next_batch(NULL, &array, &schema),
                  "kernel_result_stream_next_batch: stream must not be null");
    check_refused(kernel_result_stream_close(NULL),
                  "kernel_result_stream_close: stream must not be null");
    CHECK(stream == MARK && schema.flags == 77 && array.length == 77);

    CHECK_EQ_I64(kernel_executed_statement_num_modified_rows(NULL), -1);
    check_refused(KernelStatusCode_InvalidArgument,
                  "kernel_executed_statement_num_modified_rows: exec must not be null");
    CHECK(kernel_executed_statement_query_id(NULL) == NULL);
    check_refused(KernelStatusCode_InvalidArgument,
                  "kernel_executed_statement_query_id: exec must not be null");
}

DBK_TEST(additions_need_a_handle) {
    const uint8_t *piece = NULL;
    size_t len = 0;
    dbk_executed_info info = {.struct_size = sizeof info};
    dbk_stream_stats stats = {.struct_size = sizeof stats};
    dbk_progress progress = {.struct_size = sizeof progress};
    struct ArrowArrayStream out;
    CHECK_EQ_I64(dbk_executed_get_info(NULL, &info), KernelStatusCode_InvalidArgument);
    CHECK_EQ_I64(dbk_result_stream_get_stats(NULL, &stats), KernelStatusCode_InvalidArgument);
    CHECK_EQ_I64(dbk_statement_get_progress(NULL, &progress), KernelStatusCode_InvalidArgument);
    CHECK_EQ_I64(dbk_result_stream_export(NULL, &out), KernelStatusCode_InvalidArgument);
    CHECK_EQ_I64(dbk_result_stream_next_ipc(NULL, &piece, &len), KernelStatusCode_InvalidArgument);
    CHECK_EQ_I64(dbk_log_set_level(NULL), KernelStatusCode_InvalidArgument);
    CHECK(!dbk_has_feature(NULL));
    CHECK(!dbk_has_feature("no such thing"));
    CHECK_STR(dbk_version(), DBK_VERSION);
}

static bool never_stop(void *ctx) {
    (void)ctx;
    return false;
}

DBK_TEST(what_bindings_need_is_guarded) {
    char id[64] = "x";
    dbk_catalog_filter filter = {.struct_size = sizeof filter, .call = DBK_CATALOG_CALL_TABLES};
    dbk_catalog_filter odd = {.struct_size = sizeof odd, .call = (dbk_catalog_call)99};
    kernel_result_stream_t *stream = NULL;
    dbk_set_wait_hook(never_stop, NULL);
    dbk_set_wait_hook(NULL, NULL);
    check_refused(dbk_statement_bind_typed(NULL, 1, NULL, "INT", "1", 1),
                  "statement handle must not be null");
    check_refused(dbk_session_close_timeout(NULL, 1),
                  "dbk_session_close_timeout: session must not be null");
    check_refused(dbk_session_release(NULL), "dbk_session_release: session must not be null");
    check_refused(dbk_metadata_list(NULL, &filter, &stream), "metadata: session must not be null");
    check_refused(dbk_metadata_list(NULL, &odd, &stream),
                  "dbk_metadata_list: filter needs its struct_size and a known call");
    check_refused(dbk_metadata_list(NULL, NULL, &stream),
                  "dbk_metadata_list: filter needs its struct_size and a known call");
    filter.object = "\xff";
    check_refused(dbk_metadata_list(NULL, &filter, &stream), "filter is not valid UTF-8");
    CHECK(stream == NULL);
    CHECK(!dbk_canceller_get_query_id(NULL, id, sizeof id));
    CHECK_STR(id, "x");
    CHECK(dbk_async_end(NULL) == KernelStatusCode_InvalidArgument);
}

DBK_TEST(states_have_names) {
    static const char *const names[] = {"Pending",   "Running", "Succeeded", "Failed",
                                        "Cancelled", "Closed",  "Unknown"};
    for (unsigned i = 0; i < COUNT_OF(names); i++) {
        CHECK_STR(dbk_statement_state_name((KernelStatementStatusKind)i), names[i]);
    }
}

DBK_TEST(metadata_needs_a_session) {
    static const char message[] = "metadata: session must not be null";
    kernel_result_stream_t *stream = MARK;
    kernel_result_stream_t **s = &stream;
    check_refused(kernel_metadata_list_catalogs(NULL, s), message);
    check_refused(kernel_metadata_list_schemas(NULL, NULL, NULL, s), message);
    check_refused(kernel_metadata_list_tables(NULL, NULL, NULL, NULL, NULL, s), message);
    check_refused(kernel_metadata_list_columns(NULL, NULL, NULL, NULL, NULL, s), message);
    check_refused(kernel_metadata_primary_keys(NULL, "c", "s", "t", s), message);
    check_refused(kernel_metadata_foreign_keys(NULL, NULL, NULL, NULL, "c", "s", "t", s), message);
    check_refused(kernel_metadata_list_table_types(NULL, s), message);
    check_refused(kernel_metadata_procedures(NULL, NULL, NULL, NULL, s), message);
    check_refused(kernel_metadata_functions(NULL, NULL, NULL, NULL, s), message);
    check_refused(kernel_metadata_procedure_columns(NULL, NULL, NULL, NULL, NULL, s), message);
    CHECK(stream == MARK);
}

DBK_TEST(cancel_tokens) {
    kernel_cancel_token_t *token = NULL;
    bool flag = true;
    check_refused(kernel_cancel_token_new(NULL), "kernel_cancel_token_new: out must not be null");
    check_fine(kernel_cancel_token_new(&token));
    check_fine(kernel_cancel_token_is_cancelled(token, &flag));
    CHECK(!flag);
    check_fine(kernel_cancel_token_cancel(token));
    check_fine(kernel_cancel_token_cancel(token));
    check_fine(kernel_cancel_token_is_cancelled(token, &flag));
    CHECK(flag);
    CHECK_EQ_I64(kernel_cancel_token_is_cancelled(token, NULL), KernelStatusCode_InvalidArgument);
    CHECK_EQ_I64(kernel_cancel_token_is_cancelled(NULL, &flag), KernelStatusCode_InvalidArgument);
    CHECK_EQ_I64(kernel_cancel_token_cancel(NULL), KernelStatusCode_InvalidArgument);
    check_fine(kernel_cancel_token_free(token));
}

/* ---- the last error ---- */

DBK_TEST(last_error_is_of_the_last_call) {
    KernelError e;
    CHECK(!kernel_get_last_error(NULL));
    check_refused(kernel_session_close(NULL), "kernel_session_close: session must not be null");
    CHECK(!kernel_get_last_error(NULL));
    CHECK(kernel_get_last_error(&e)); /* NULL did not clear it */
    KernelSessionConfig *config = new_config();
    CHECK(!kernel_get_last_error(&e));
    /* Who frees after a setter failed can still read why. */
    (void)kernel_session_config_set_auth_pat(config, NULL);
    kernel_session_config_free(config);
    check_refused(KernelStatusCode_InvalidArgument, "token must not be null");
    kernel_session_config_free(NULL);
    check_refused(KernelStatusCode_InvalidArgument, "token must not be null");
}

static void *fail_elsewhere(void *arg) {
    KernelError e;
    (void)arg;
    CHECK(!kernel_get_last_error(&e)); /* the other thread's is not ours */
    check_refused(kernel_statement_close(NULL), "kernel_statement_close: stmt must not be null");
    return NULL;
}

DBK_TEST(last_error_is_of_the_thread) {
    check_refused(kernel_session_close(NULL), "kernel_session_close: session must not be null");
    for (int i = 0; i < 8; i++) {
        pthread_t thread;
        CHECK_EQ_I64(pthread_create(&thread, NULL, fail_elsewhere, NULL), 0);
        CHECK_EQ_I64(pthread_join(thread, NULL), 0);
    }
    check_refused(KernelStatusCode_InvalidArgument,
                  "kernel_session_close: session must not be null");
}

/* ---- open, before anything is sent ---- */

static void check_open(KernelSessionConfig *config, KernelStatusCode code, const char *message) {
    kernel_session_t *session = MARK;
    KernelError e = {0};
    CHECK_CASE(message);
    CHECK_EQ_I64(kernel_session_open(config, &session), code);
    CHECK(session == MARK);
    CHECK(kernel_get_last_error(&e));
    CHECK_EQ_I64(e.code, code);
    CHECK_CONTAINS(e.message, message);
}

DBK_TEST(open_consumes_the_config) { /* the leak check of `make asan` sees whether it did */
    kernel_session_t *session = MARK;
    check_refused(kernel_session_open(NULL, &session),
                  "kernel_session_open: config and out must be non-null");
    check_refused(kernel_session_open(new_config(), NULL),
                  "kernel_session_open: config and out must be non-null");
    check_refused(kernel_session_open(NULL, NULL),
                  "kernel_session_open: config and out must be non-null");
    CHECK(session == MARK);
    check_open(new_config(), KernelStatusCode_InvalidArgument,
               "session config requires a connection (set_warehouse or set_http_path)");
}

DBK_TEST(open_judges_the_config) {
    static const struct {
        const char *host, *path, *token;
        KernelStatusCode code;
        const char *message;
    } rows[] = {
        {"h", "/sql/1.0/warehouses/w", NULL, KernelStatusCode_InvalidArgument,
         "session config requires auth (set_auth_pat, set_auth_m2m, set_auth_m2m_jwt, or "
         "set_auth_u2m)"},
        {"h", "/sql/1.0/warehouses/w", "", KernelStatusCode_InvalidArgument,
         "PAT auth requires a non-empty access token"},
        {"h", "", "t", KernelStatusCode_InvalidArgument,
         "http_path '' does not match /sql/1.0/warehouses/{id} or /sql/1.0/endpoints/{id}"},
        {"h", "/sql/1.0/warehouses/", "t", KernelStatusCode_InvalidArgument,
         "http_path '/sql/1.0/warehouses/' does not match"},
        {"h", "/nope", "t", KernelStatusCode_InvalidArgument, "http_path '/nope' does not match"},
        {"", "/sql/1.0/warehouses/w", "t", KernelStatusCode_InvalidArgument, "host"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        KernelSessionConfig *config = new_config();
        check_fine(CONFIG(set_http_path, rows[i].host, rows[i].path));
        if (rows[i].token != NULL) {
            check_fine(CONFIG(set_auth_pat, rows[i].token));
        }
        check_open(config, rows[i].code, rows[i].message);
    }
}

DBK_TEST(last_setter_wins) {
    KernelSessionConfig *config = new_config();
    check_fine(CONFIG(set_auth_pat, "good"));
    check_fine(CONFIG(set_auth_pat, ""));
    check_fine(CONFIG(set_http_path, "h", "/nope"));
    check_fine(CONFIG(set_warehouse, "h", "w"));
    check_open(config, KernelStatusCode_InvalidArgument,
               "PAT auth requires a non-empty access token");
}
