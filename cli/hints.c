#include "errors.h"

#include <string.h>
#include <strings.h>

#include "databricks_kernel.h"

/* The first row that fits gives the hint. Zero and NULL in a column mean "any". */
typedef struct hint_row {
    int code; /* KernelStatusCode */
    uint16_t http_status;
    bool connecting_only;
    const char *sql_state; /* a prefix */
    const char *contains;  /* in the message or the error code, any case */
    const char *hint;
} hint_row;

static const hint_row hint_rows[] = {
    {KernelStatusCode_Unauthenticated, 0, false, NULL, "client credentials grant",
     "the login was refused: check DATABRICKS_CLIENT_ID and DATABRICKS_CLIENT_SECRET, or the "
     "profile"},
    {KernelStatusCode_Unauthenticated, 0, false, NULL, NULL,
     "the token was not accepted: is it complete, not expired, and of this workspace? It comes "
     "from --token-file or DATABRICKS_TOKEN"},
    {0, 0, false, NULL, "non-empty access token",
     "the token is empty: set DATABRICKS_TOKEN or use --token-file"},
    {0, 0, false, NULL, "resolve host",
     "there is no such host: check DATABRICKS_HOST or --host (a name without a path)"},
    {0, 0, false, NULL, "could not resolve",
     "there is no such host: check DATABRICKS_HOST or --host (a name without a path)"},
    {0, 0, false, NULL, "name or service not known",
     "there is no such host: check DATABRICKS_HOST or --host (a name without a path)"},
    {KernelStatusCode_NetworkError, 0, false, NULL, "wrong version number",
     "the host does not speak https on this port: a plain server is written http://host:port"},
    {KernelStatusCode_NetworkError, 0, false, NULL, "certificate problem",
     "the server's certificate is not trusted: a proxy that inspects traffic, or a wrong host?"},
    {KernelStatusCode_NetworkError, 0, false, NULL, "certificate verify",
     "the server's certificate is not trusted: a proxy that inspects traffic, or a wrong host?"},
    {KernelStatusCode_NetworkError, 0, false, NULL, "certificate subject",
     "the server's certificate is of another host: check DATABRICKS_HOST or --host"},
    {KernelStatusCode_NetworkError, 0, false, NULL, "SSL",
     "TLS failed: is the host right, and does it speak https on this port?"},
    {KernelStatusCode_NetworkError, 0, false, NULL, "TLS",
     "TLS failed: is the host right, and does it speak https on this port?"},
    {KernelStatusCode_NetworkError, 0, true, NULL, "proxy",
     "dbk debug shows which proxy is used; hosts that need none go into NO_PROXY"},
    {KernelStatusCode_NetworkError, 0, true, NULL, "connect",
     "nothing answers there: check host and port, the network, VPN and proxy variables; the local "
     "warehouse is --local"},
    {0, 0, true, NULL, "http_path",
     "the HTTP path stands in the warehouse's connection details: /sql/1.0/warehouses/..."},
    {KernelStatusCode_NotFound, 0, true, NULL, NULL,
     "there is no such warehouse on this host: check DATABRICKS_HTTP_PATH or --http-path"},
    {0, 0, true, NULL, "INVALID_PARAMETER_VALUE",
     "check the warehouse id in DATABRICKS_HTTP_PATH or --http-path"},
    {KernelStatusCode_PermissionDenied, 0, true, NULL, NULL,
     "the token is valid but may not use this warehouse, or an IP access list forbids this "
     "network"},
    {0, 0, false, NULL, "TABLE_OR_VIEW_NOT_FOUND",
     "check the name's spelling and which catalog and schema are current: write "
     "catalog.schema.table, or use --catalog and --schema"},
    {0, 0, false, "42P01", NULL,
     "check the name's spelling and which catalog and schema are current: write "
     "catalog.schema.table, or use --catalog and --schema"},
    {0, 0, false, NULL, "SCHEMA_NOT_FOUND",
     "SHOW SCHEMAS lists the schemas of the current catalog"},
    {0, 0, false, NULL, "CATALOG_NOT_FOUND", "SHOW CATALOGS lists the catalogs"},
    {0, 0, false, NULL, "UNRESOLVED_COLUMN", "DESCRIBE TABLE lists the columns"},
    {0, 0, false, NULL, "UNBOUND_SQL_PARAMETER",
     "give the value with -p name=value (markers with a name) or -p =value (?)"},
    {0, 0, false, NULL, "PARSE_SYNTAX_ERROR",
     "the statement is not valid SQL at the place named above; in a shell, quote the SQL in '...' "
     "so that $ and ` reach the server"},
    {0, 0, false, "42601", NULL,
     "the statement is not valid SQL at the place named above; in a shell, quote the SQL in '...' "
     "so that $ and ` reach the server"},
    {0, 0, false, "42501", NULL,
     "ask the owner for the missing privilege (GRANT ... ON ... TO ...)"},
    {0, 0, false, NULL, "PERMISSION_DENIED",
     "ask the owner for the missing privilege (GRANT ... ON ... TO ...)"},
    {KernelStatusCode_PermissionDenied, 0, false, NULL, NULL,
     "ask the owner for the missing privilege (GRANT ... ON ... TO ...)"},
    {KernelStatusCode_Unavailable, 0, false, NULL, NULL,
     "the service is busy or the warehouse is starting: try again in a minute"},
    {KernelStatusCode_ResourceExhausted, 429, false, NULL, NULL,
     "too many requests: try again in a minute"},
    {KernelStatusCode_DataLoss, 0, false, NULL, NULL,
     "rows are missing or damaged: do not use what was written; running the query again may help"},
};

static bool contains(const char *text, const char *part) {
    return text != NULL && strcasestr(text, part) != NULL;
}

static bool fits(const cli_fault *fault, const hint_row *row) {
    return (row->code == 0 || row->code == fault->code) &&
           (row->http_status == 0 || row->http_status == fault->http_status) &&
           (row->sql_state == NULL ||
            (fault->sql_state != NULL &&
             strncmp(fault->sql_state, row->sql_state, strlen(row->sql_state)) == 0)) &&
           (row->contains == NULL || contains(fault->message, row->contains) ||
            contains(fault->error_code, row->contains)) &&
           (!row->connecting_only || fault->while_connecting);
}

const char *cli_fault_hint(const cli_fault *fault) {
    if (fault->hint != NULL) {
        return fault->hint;
    }
    if (fault->code == 0) { /* ours: the message says it all */
        return NULL;
    }
    if (fault->may_have_executed) {
        return "the statement may have run on the server all the same: look before running it "
               "again";
    }
    for (size_t i = 0; i < COUNT_OF(hint_rows); i++) {
        if (fits(fault, &hint_rows[i])) {
            return hint_rows[i].hint;
        }
    }
    return NULL;
}
