/* The contract's declarations (c-abi 1.1, 1.2) beside the header's: a difference does not compile, a
 * function that the library lacks does not link. Layouts and values are what other languages have
 * written down as numbers. The program says how many functions it has found. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "databricks_kernel.h"

#define VALUE(name, value) _Static_assert((name) == (value), #name)
#define OFFSET(type, field, lp64) \
    _Static_assert(sizeof(void *) != 8 || offsetof(type, field) == (lp64), #type "." #field)
#define SIZE(type, lp64) _Static_assert(sizeof(void *) != 8 || sizeof(type) == (lp64), #type)

VALUE(KernelStatusCode_Success, 0);
VALUE(KernelStatusCode_InvalidArgument, 1);
VALUE(KernelStatusCode_Unauthenticated, 2);
VALUE(KernelStatusCode_PermissionDenied, 3);
VALUE(KernelStatusCode_NotFound, 4);
VALUE(KernelStatusCode_ResourceExhausted, 5);
VALUE(KernelStatusCode_Unavailable, 6);
VALUE(KernelStatusCode_Timeout, 7);
VALUE(KernelStatusCode_Cancelled, 8);
VALUE(KernelStatusCode_DataLoss, 9);
VALUE(KernelStatusCode_Internal, 10);
VALUE(KernelStatusCode_InvalidStatementHandle, 11);
VALUE(KernelStatusCode_NetworkError, 12);
VALUE(KernelStatusCode_SqlError, 13);
VALUE(KernelStatementStatusKind_Pending, 0);
VALUE(KernelStatementStatusKind_Running, 1);
VALUE(KernelStatementStatusKind_Succeeded, 2);
VALUE(KernelStatementStatusKind_Failed, 3);
VALUE(KernelStatementStatusKind_Cancelled, 4);
VALUE(KernelStatementStatusKind_Closed, 5);
VALUE(sizeof(KernelStatusCode), 4);
VALUE(DATABRICKS_KERNEL_ABI_VERSION, 1u);

SIZE(KernelError, 40);
OFFSET(KernelError, code, 0);
OFFSET(KernelError, message, 8);
OFFSET(KernelError, sql_state, 16);
OFFSET(KernelError, vendor_code, 24);
OFFSET(KernelError, http_status, 28);
OFFSET(KernelError, retryable, 30);
OFFSET(KernelError, query_id, 32);
SIZE(struct ArrowSchema, 72);
OFFSET(struct ArrowSchema, format, 0);
OFFSET(struct ArrowSchema, name, 8);
OFFSET(struct ArrowSchema, metadata, 16);
OFFSET(struct ArrowSchema, flags, 24);
OFFSET(struct ArrowSchema, n_children, 32);
OFFSET(struct ArrowSchema, children, 40);
OFFSET(struct ArrowSchema, dictionary, 48);
OFFSET(struct ArrowSchema, release, 56);
OFFSET(struct ArrowSchema, private_data, 64);
SIZE(struct ArrowArray, 80);
OFFSET(struct ArrowArray, length, 0);
OFFSET(struct ArrowArray, null_count, 8);
OFFSET(struct ArrowArray, offset, 16);
OFFSET(struct ArrowArray, n_buffers, 24);
OFFSET(struct ArrowArray, n_children, 32);
OFFSET(struct ArrowArray, buffers, 40);
OFFSET(struct ArrowArray, children, 48);
OFFSET(struct ArrowArray, dictionary, 56);
OFFSET(struct ArrowArray, release, 64);
OFFSET(struct ArrowArray, private_data, 72);

bool kernel_get_last_error(KernelError *out);
KernelStatusCode kernel_session_config_new(KernelSessionConfig **out);
void kernel_session_config_free(KernelSessionConfig *config);
KernelStatusCode kernel_session_config_set_warehouse(KernelSessionConfig *config, const char *host,
                                                     const char *warehouse_id);
KernelStatusCode kernel_session_config_set_http_path(KernelSessionConfig *config, const char *host,
                                                     const char *http_path);
KernelStatusCode kernel_session_config_set_auth_pat(KernelSessionConfig *config, const char *token);
KernelStatusCode kernel_session_config_set_auth_m2m(KernelSessionConfig *config,
                                                    const char *client_id,
                                                    const char *client_secret);
KernelStatusCode
kernel_session_config_set_auth_m2m_jwt(KernelSessionConfig *config, const char *client_id,
                                       const char *jwt_key_file, const char *jwt_kid,
                                       const char *jwt_passphrase, const char *jwt_algorithm,
                                       const char *scopes, const char *token_url);
KernelStatusCode kernel_session_config_set_auth_u2m(KernelSessionConfig *config,
                                                    const char *client_id, uint16_t redirect_port,
                                                    const char *scopes);
KernelStatusCode kernel_session_config_set_auth_azure_sp(KernelSessionConfig *config,
                                                         const char *azure_client_id,
                                                         const char *azure_client_secret,
                                                         const char *azure_tenant_id,
                                                         const char *azure_workspace_resource_id);
KernelStatusCode
kernel_session_config_set_identity_federation_client_id(KernelSessionConfig *config,
                                                        const char *client_id);
KernelStatusCode kernel_session_config_set_oauth_token_endpoint(KernelSessionConfig *config,
                                                                const char *token_endpoint);
KernelStatusCode kernel_session_config_set_oauth_scopes(KernelSessionConfig *config,
                                                        const char *scopes);
KernelStatusCode kernel_session_config_set_u2m_token_cache_config(KernelSessionConfig *config,
                                                                  bool enabled,
                                                                  const char *passphrase);
KernelStatusCode kernel_session_config_set_session_conf(KernelSessionConfig *config,
                                                        const char *key, const char *value);
KernelStatusCode kernel_session_config_set_client_conf(KernelSessionConfig *config, const char *key,
                                                       const char *value);
KernelStatusCode kernel_session_config_set_custom_header(KernelSessionConfig *config,
                                                         const char *name, const char *value);
KernelStatusCode kernel_session_config_set_request_timeout(KernelSessionConfig *config,
                                                           uint64_t request_timeout_ms);
KernelStatusCode kernel_session_config_set_max_connections(KernelSessionConfig *config,
                                                           size_t max_connections);
KernelStatusCode kernel_session_config_set_cloudfetch_enabled(KernelSessionConfig *config,
                                                              bool enabled);
KernelStatusCode kernel_session_config_set_ignore_transactions(KernelSessionConfig *config,
                                                               bool ignore);
KernelStatusCode kernel_session_config_set_retry_config(KernelSessionConfig *config,
                                                        uint64_t min_wait_ms, uint64_t max_wait_ms,
                                                        uint32_t max_retries,
                                                        uint64_t overall_timeout_ms);
KernelStatusCode kernel_session_config_set_telemetry_config(
    KernelSessionConfig *config, bool enabled, size_t batch_size, uint64_t flush_interval_ms,
    uint32_t max_retries, uint64_t retry_delay_ms, uint64_t close_flush_timeout_ms);
KernelStatusCode kernel_session_config_set_telemetry_circuit_breaker_config(
    KernelSessionConfig *config, bool enabled, uint32_t threshold, uint64_t timeout_ms);
KernelStatusCode kernel_session_config_set_driver_system_configuration(
    KernelSessionConfig *config, const char *driver_name, const char *driver_version,
    const char *runtime_name, const char *runtime_version, const char *runtime_vendor,
    const char *os_name, const char *os_version, const char *os_arch, const char *client_app_name,
    const char *locale_name, const char *char_set_encoding, const char *process_name);
KernelStatusCode kernel_session_config_set_proxy(KernelSessionConfig *config, const char *url,
                                                 const char *username, const char *password,
                                                 const char *bypass_hosts);
KernelStatusCode kernel_session_config_set_tls_trusted_certs(KernelSessionConfig *config,
                                                             const uint8_t *pem, size_t len);
KernelStatusCode kernel_session_config_set_tls_allow_self_signed(KernelSessionConfig *config,
                                                                 bool allow);
KernelStatusCode
kernel_session_config_set_tls_skip_hostname_verification(KernelSessionConfig *config, bool skip);
KernelStatusCode kernel_session_config_set_tls_client_certificate(KernelSessionConfig *config,
                                                                  const uint8_t *cert_pem,
                                                                  size_t cert_len,
                                                                  const uint8_t *key_pem,
                                                                  size_t key_len);
KernelStatusCode kernel_init_logging(const char *level, const char *file_path);
KernelStatusCode kernel_init_logging_callback(const char *level, KernelLogCallback callback,
                                              void *user_data);
uint32_t kernel_abi_version(void);
KernelStatusCode kernel_set_log_callback(kernel_log_callback callback, void *ctx,
                                         const char *level);
KernelStatusCode kernel_session_open(KernelSessionConfig *config, kernel_session_t **out);
KernelStatusCode kernel_session_close(kernel_session_t *session);
KernelStatusCode kernel_session_is_open(const kernel_session_t *session, bool *out);
KernelStatusCode kernel_session_test(const kernel_session_t *session);
KernelStatusCode kernel_session_new_statement(kernel_session_t *session, kernel_statement_t **out);
KernelStatusCode kernel_session_set_autocommit(kernel_session_t *session, bool enabled);
KernelStatusCode kernel_session_get_autocommit(const kernel_session_t *session, bool *out);
KernelStatusCode kernel_session_commit(kernel_session_t *session);
KernelStatusCode kernel_session_rollback(kernel_session_t *session);
KernelStatusCode kernel_statement_set_sql(kernel_statement_t *stmt, const char *sql);
KernelStatusCode kernel_statement_bind_null(kernel_statement_t *stmt, size_t ordinal);
KernelStatusCode kernel_statement_bind_int64(kernel_statement_t *stmt, size_t ordinal,
                                             int64_t value);
KernelStatusCode kernel_statement_bind_double(kernel_statement_t *stmt, size_t ordinal,
                                              double value);
KernelStatusCode kernel_statement_bind_bool(kernel_statement_t *stmt, size_t ordinal, bool value);
KernelStatusCode kernel_statement_bind_string(kernel_statement_t *stmt, size_t ordinal,
                                              const char *value);
KernelStatusCode kernel_statement_bind_parameter(kernel_statement_t *stmt, const char *name,
                                                 const char *sql_type, const char *value);
KernelStatusCode kernel_statement_execute(kernel_statement_t *stmt,
                                          kernel_executed_statement_t **out);
KernelStatusCode kernel_statement_submit(kernel_statement_t *stmt,
                                         kernel_executed_async_statement_t **out);
KernelStatusCode kernel_statement_close(kernel_statement_t *stmt);
KernelStatusCode kernel_statement_canceller_new(kernel_statement_t *stmt,
                                                kernel_statement_canceller_t **out);
KernelStatusCode kernel_statement_canceller_cancel(kernel_statement_canceller_t *canceller,
                                                   bool *dispatched);
KernelStatusCode kernel_statement_canceller_free(kernel_statement_canceller_t *canceller);
KernelStatusCode kernel_executed_statement_get_result_stream(kernel_executed_statement_t *exec,
                                                             kernel_result_stream_t **out);
int64_t kernel_executed_statement_num_modified_rows(const kernel_executed_statement_t *exec);
const char *kernel_executed_statement_query_id(const kernel_executed_statement_t *exec);
KernelStatusCode kernel_executed_statement_close(kernel_executed_statement_t *exec);
KernelStatusCode kernel_result_stream_get_schema(kernel_result_stream_t *stream,
                                                 struct ArrowSchema *out);
KernelStatusCode kernel_result_stream_next_batch(kernel_result_stream_t *stream,
                                                 struct ArrowArray *out_array,
                                                 struct ArrowSchema *out_schema);
KernelStatusCode kernel_result_stream_close(kernel_result_stream_t *stream);
KernelStatusCode kernel_metadata_list_catalogs(kernel_session_t *session,
                                               kernel_result_stream_t **out);
KernelStatusCode kernel_metadata_list_schemas(kernel_session_t *session, const char *catalog,
                                              const char *schema_pattern,
                                              kernel_result_stream_t **out);
KernelStatusCode kernel_metadata_list_tables(kernel_session_t *session, const char *catalog,
                                             const char *schema_pattern, const char *table_pattern,
                                             const char *table_types_csv,
                                             kernel_result_stream_t **out);
KernelStatusCode kernel_metadata_list_columns(kernel_session_t *session, const char *catalog,
                                              const char *schema_pattern, const char *table_pattern,
                                              const char *column_pattern,
                                              kernel_result_stream_t **out);
KernelStatusCode kernel_metadata_primary_keys(kernel_session_t *session, const char *catalog,
                                              const char *schema, const char *table,
                                              kernel_result_stream_t **out);
KernelStatusCode kernel_metadata_foreign_keys(kernel_session_t *session, const char *parent_catalog,
                                              const char *parent_schema, const char *parent_table,
                                              const char *foreign_catalog,
                                              const char *foreign_schema, const char *foreign_table,
                                              kernel_result_stream_t **out);
KernelStatusCode kernel_metadata_list_table_types(kernel_session_t *session,
                                                  kernel_result_stream_t **out);
KernelStatusCode kernel_metadata_procedures(kernel_session_t *session, const char *catalog,
                                            const char *schema_pattern,
                                            const char *procedure_pattern,
                                            kernel_result_stream_t **out);
KernelStatusCode kernel_metadata_functions(kernel_session_t *session, const char *catalog,
                                           const char *schema_pattern, const char *function_pattern,
                                           kernel_result_stream_t **out);
KernelStatusCode kernel_metadata_procedure_columns(kernel_session_t *session, const char *catalog,
                                                   const char *schema_pattern,
                                                   const char *procedure_pattern,
                                                   const char *column_pattern,
                                                   kernel_result_stream_t **out);
KernelStatusCode kernel_cancel_token_new(kernel_cancel_token_t **out);
KernelStatusCode kernel_cancel_token_cancel(kernel_cancel_token_t *token);
KernelStatusCode kernel_cancel_token_is_cancelled(const kernel_cancel_token_t *token, bool *out);
KernelStatusCode kernel_cancel_token_free(kernel_cancel_token_t *token);
KernelStatusCode kernel_session_open_cancellable(KernelSessionConfig *config,
                                                 kernel_session_t **out,
                                                 kernel_cancel_token_t *token);
KernelStatusCode kernel_result_stream_next_batch_cancellable(kernel_result_stream_t *stream,
                                                             struct ArrowArray *out_array,
                                                             struct ArrowSchema *out_schema,
                                                             kernel_cancel_token_t *token);

typedef void (*any_function)(void);

static const any_function functions[] = {
    (any_function)kernel_get_last_error,
    (any_function)kernel_session_config_new,
    (any_function)kernel_session_config_free,
    (any_function)kernel_session_config_set_warehouse,
    (any_function)kernel_session_config_set_http_path,
    (any_function)kernel_session_config_set_auth_pat,
    (any_function)kernel_session_config_set_auth_m2m,
    (any_function)kernel_session_config_set_auth_m2m_jwt,
    (any_function)kernel_session_config_set_auth_u2m,
    (any_function)kernel_session_config_set_auth_azure_sp,
    (any_function)kernel_session_config_set_identity_federation_client_id,
    (any_function)kernel_session_config_set_oauth_token_endpoint,
    (any_function)kernel_session_config_set_oauth_scopes,
    (any_function)kernel_session_config_set_u2m_token_cache_config,
    (any_function)kernel_session_config_set_session_conf,
    (any_function)kernel_session_config_set_client_conf,
    (any_function)kernel_session_config_set_custom_header,
    (any_function)kernel_session_config_set_request_timeout,
    (any_function)kernel_session_config_set_max_connections,
    (any_function)kernel_session_config_set_cloudfetch_enabled,
    (any_function)kernel_session_config_set_ignore_transactions,
    (any_function)kernel_session_config_set_retry_config,
    (any_function)kernel_session_config_set_telemetry_config,
    (any_function)kernel_session_config_set_telemetry_circuit_breaker_config,
    (any_function)kernel_session_config_set_driver_system_configuration,
    (any_function)kernel_session_config_set_proxy,
    (any_function)kernel_session_config_set_tls_trusted_certs,
    (any_function)kernel_session_config_set_tls_allow_self_signed,
    (any_function)kernel_session_config_set_tls_skip_hostname_verification,
    (any_function)kernel_session_config_set_tls_client_certificate,
    (any_function)kernel_init_logging,
    (any_function)kernel_init_logging_callback,
    (any_function)kernel_abi_version,
    (any_function)kernel_set_log_callback,
    (any_function)kernel_session_open,
    (any_function)kernel_session_close,
    (any_function)kernel_session_is_open,
    (any_function)kernel_session_test,
    (any_function)kernel_session_new_statement,
    (any_function)kernel_session_set_autocommit,
    (any_function)kernel_session_get_autocommit,
    (any_function)kernel_session_commit,
    (any_function)kernel_session_rollback,
    (any_function)kernel_statement_set_sql,
    (any_function)kernel_statement_bind_null,
    (any_function)kernel_statement_bind_int64,
    (any_function)kernel_statement_bind_double,
    (any_function)kernel_statement_bind_bool,
    (any_function)kernel_statement_bind_string,
    (any_function)kernel_statement_bind_parameter,
    (any_function)kernel_statement_execute,
    (any_function)kernel_statement_submit,
    (any_function)kernel_statement_close,
    (any_function)kernel_statement_canceller_new,
    (any_function)kernel_statement_canceller_cancel,
    (any_function)kernel_statement_canceller_free,
    (any_function)kernel_executed_statement_get_result_stream,
    (any_function)kernel_executed_statement_num_modified_rows,
    (any_function)kernel_executed_statement_query_id,
    (any_function)kernel_executed_statement_close,
    (any_function)kernel_result_stream_get_schema,
    (any_function)kernel_result_stream_next_batch,
    (any_function)kernel_result_stream_close,
    (any_function)kernel_metadata_list_catalogs,
    (any_function)kernel_metadata_list_schemas,
    (any_function)kernel_metadata_list_tables,
    (any_function)kernel_metadata_list_columns,
    (any_function)kernel_metadata_primary_keys,
    (any_function)kernel_metadata_foreign_keys,
    (any_function)kernel_metadata_list_table_types,
    (any_function)kernel_metadata_procedures,
    (any_function)kernel_metadata_functions,
    (any_function)kernel_metadata_procedure_columns,
    (any_function)kernel_cancel_token_new,
    (any_function)kernel_cancel_token_cancel,
    (any_function)kernel_cancel_token_is_cancelled,
    (any_function)kernel_cancel_token_free,
    (any_function)kernel_session_open_cancellable,
    (any_function)kernel_result_stream_next_batch_cancellable,
};

int main(void) {
    size_t found = 0;
    for (size_t i = 0; i < sizeof functions / sizeof functions[0]; i++) {
        found += functions[i] != NULL ? 1 : 0;
    }
    (void)printf("%zu functions\n", found);
    return kernel_abi_version() == DATABRICKS_KERNEL_ABI_VERSION ? 0 : 1;
}
