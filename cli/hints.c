#include "errors.h"

#include <string.h>
#include <strings.h>

#include "databricks_kernel.h"

/* The first row that fits gives the hint. Zero and NULL in a column mean "any". */
typedef struct hint_row {
    int code; /* KernelStatusCode */
    uint16_t http_status;
    const char *sql_state; /* a prefix */
    const char *contains;  /* in the message or the error code, any case */
    bool connecting_only;
    const char *hint;
} hint_row;

static const hint_row hint_rows[] = {
    {KernelStatusCode_Unauthenticated, 0, NULL, NULL, false,
     "the token was not accepted: is it complete, not expired, and of this workspace? It comes "
     "from "
     "--token-file or DATABRICKS_TOKEN"},
    {0, 0, NULL, "non-empty access token", false,
     "the token is empty: set DATABRICKS_TOKEN or use --token-file"},
    {0, 0, NULL, "resolve host", false,
     "there is no such host: check DATABRICKS_HOST or --host (a name without a path)"},
    {0, 0, NULL, "could not resolve", false,
     "there is no such host: check DATABRICKS_HOST or --host (a name without a path)"},
    {0, 0, NULL, "name or service not known", false,
     "there is no such host: check DATABRICKS_HOST or --host (a name without a path)"},
    {KernelStatusCode_NetworkError, 0, NULL, "wrong version number", false,
     "the host does not speak https on this port: a plain server is written http://host:port"},
    {KernelStatusCode_NetworkError, 0, NULL, "certificate problem", false,
     "the server's certificate is not trusted: a proxy that inspects traffic, or a wrong host?"},
    {KernelStatusCode_NetworkError, 0, NULL, "certificate verify", false,
     "the server's certificate is not trusted: a proxy that inspects traffic, or a wrong host?"},
    {KernelStatusCode_NetworkError, 0, NULL, "certificate subject", false,
     "the server's certificate is of another host: check DATABRICKS_HOST or --host"},
    {KernelStatusCode_NetworkError, 0, NULL, "SSL", false,
     "TLS failed: is the host right, and does it speak https on this port?"},
    {KernelStatusCode_NetworkError, 0, NULL, "TLS", false,
     "TLS failed: is the host right, and does it speak https on this port?"},
    {KernelStatusCode_NetworkError, 0, NULL, "connect", true,
     "nothing answers there: check host and port, the network, VPN and proxy variables; the local "
     "warehouse is --local"},
    {0, 0, NULL, "http_path", true,
     "the HTTP path stands in the warehouse's connection details: /sql/1.0/warehouses/..."},
    {KernelStatusCode_NotFound, 0, NULL, NULL, true,
     "there is no such warehouse on this host: check DATABRICKS_HTTP_PATH or --http-path"},
    {0, 0, NULL, "INVALID_PARAMETER_VALUE", true,
     "check the warehouse id in DATABRICKS_HTTP_PATH or --http-path"},
    {KernelStatusCode_PermissionDenied, 0, NULL, NULL, true,
     "the token is valid but may not use this warehouse, or an IP access list forbids this "
     "network"},
    {0, 0, NULL, "TABLE_OR_VIEW_NOT_FOUND", false,
     "check the name's spelling and which catalog and schema are current: write "
     "catalog.schema.table, or use --catalog and --schema"},
    {0, 0, "42P01", NULL, false,
     "check the name's spelling and which catalog and schema are current: write "
     "catalog.schema.table, or use --catalog and --schema"},
    {0, 0, NULL, "SCHEMA_NOT_FOUND", false,
     "SHOW SCHEMAS lists the schemas of the current catalog"},
    {0, 0, NULL, "CATALOG_NOT_FOUND", false, "SHOW CATALOGS lists the catalogs"},
    {0, 0, NULL, "UNRESOLVED_COLUMN", false, "DESCRIBE TABLE lists the columns"},
    {0, 0, NULL, "UNBOUND_SQL_PARAMETER", false,
     "give the value with -p name=value (markers with a name) or -p =value (?)"},
    {0, 0, NULL, "PARSE_SYNTAX_ERROR", false,
     "the statement is not valid SQL at the place named above; in a shell, quote the SQL in '...' "
     "so that $ and ` reach the server"},
    {0, 0, "42601", NULL, false,
     "the statement is not valid SQL at the place named above; in a shell, quote the SQL in '...' "
     "so that $ and ` reach the server"},
    {0, 0, "42501", NULL, false,
     "ask the owner for the missing privilege (GRANT ... ON ... TO ...)"},
    {0, 0, NULL, "PERMISSION_DENIED", false,
     "ask the owner for the missing privilege (GRANT ... ON ... TO ...)"},
    {KernelStatusCode_PermissionDenied, 0, NULL, NULL, false,
     "ask the owner for the missing privilege (GRANT ... ON ... TO ...)"},
    {KernelStatusCode_Unavailable, 0, NULL, NULL, false,
     "the service is busy or the warehouse is starting: try again in a minute"},
    {KernelStatusCode_ResourceExhausted, 429, NULL, NULL, false,
     "too many requests: try again in a minute"},
    {KernelStatusCode_DataLoss, 0, NULL, NULL, false,
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
