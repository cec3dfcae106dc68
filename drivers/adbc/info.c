#include "build.h"
#include "table.h"

#include <string.h>

/* AdbcConnectionGetInfo and AdbcConnectionGetTableTypes. */

/* The version of the columnar format that the kernel reads and writes; it has no Arrow library. */
#define ARROW_FORMAT_VERSION "v1.5.0"

enum { VALUE_STRING, VALUE_BOOL, VALUE_INT64, VALUE_BITMASK, VALUE_LIST, VALUE_MAP, VALUES };

static node *new_info(void) {
    node *values[VALUES] = {
        [VALUE_STRING] = node_new("string_value", "u", 0),
        [VALUE_BOOL] = node_new("bool_value", "b", 0),
        [VALUE_INT64] = node_new("int64_value", "l", 0),
        [VALUE_BITMASK] = node_new("int32_bitmask", "i", 0),
        [VALUE_LIST] = node_list("string_list", 0, node_new("item", "u", 0)),
        [VALUE_MAP] = node_map("int32_to_int32_list_map", node_new("key", "i", NODE_REQUIRED),
                               node_list("value", 0, node_new("item", "i", 0)))};
    node *columns[] = {node_new("info_name", "I", NODE_REQUIRED),
                       node_union("info_value", VALUES, values)};
    return node_struct("", 2, columns);
}

static void begin_row(node *info, uint32_t code) {
    node_add_int(node_child(info, 0), code);
}

static void end_row(node *info, size_t kind) {
    node_choose(node_child(info, 1), kind);
    node_end(info);
}

static void add_text(node *info, uint32_t code, const char *value) {
    begin_row(info, code);
    node_add_str(node_child(node_child(info, 1), VALUE_STRING), value);
    end_row(info, VALUE_STRING);
}

static void add_number(node *info, uint32_t code, size_t kind, int64_t value) {
    begin_row(info, code);
    node_add_int(node_child(node_child(info, 1), kind), value);
    end_row(info, kind);
}

/* A field of the struct in column 0, row 0. */
static bool struct_text(table *t, const char *name, text *out) {
    column whole;
    column field;
    int64_t row = 0;
    const char *value = NULL;
    size_t len = 0;
    bool found = table_cell(t, 0, 0, &whole, &row) && whole.kind == CELL_STRUCT;
    for (int64_t i = 0; found && i < whole.schema->n_children; i++) {
        if (strcmp(whole.schema->children[i]->name, name) == 0 &&
            column_of(whole.schema->children[i], &field) && field.kind == CELL_TEXT) {
            column_attach(&field, whole.array->children[i]);
            row += whole.array->offset;
            if (!cell_is_null(&field, row)) {
                cell_bytes(&field, row, &value, &len);
                text_add_n(out, value, len);
            }
            return len > 0;
        }
    }
    return false;
}

/* current_version() is a struct with the version of the warehouse ("2026.30") and of its runtime ("17.3");
 * elsewhere a text that begins with the version. */
static void add_vendor_version(connection *c, node *info) {
    table t = {0};
    text version = {0};
    const char *value = NULL;
    size_t len = 0;
    if (table_query(c, "SELECT current_version()", NULL, &t, NULL) == ADBC_STATUS_OK) {
        if (table_text(&t, 0, 0, &value, &len)) {
            const char *blank = memchr(value, ' ', len);
            text_add_n(&version, value, blank != NULL ? (size_t)(blank - value) : len);
        } else if (!struct_text(&t, "dbsql_version", &version)) {
            (void)struct_text(&t, "dbr_version", &version);
        }
        table_reset(&t);
    }
    add_text(info, ADBC_INFO_VENDOR_VERSION, version.len > 0 ? text_str(&version) : "unknown");
    text_reset(&version);
}

static void add_info(connection *c, node *info, uint32_t code) {
    switch (code) {
    case ADBC_INFO_VENDOR_NAME:
        add_text(info, code, "Databricks");
        break;
    case ADBC_INFO_VENDOR_VERSION:
        add_vendor_version(c, info);
        break;
    case ADBC_INFO_VENDOR_SQL:
    case ADBC_INFO_VENDOR_SUBSTRAIT:
        add_number(info, code, VALUE_BOOL, code == ADBC_INFO_VENDOR_SQL);
        break;
    case ADBC_INFO_DRIVER_NAME:
        add_text(info, code, DRIVER_NAME);
        break;
    case ADBC_INFO_DRIVER_VERSION:
        add_text(info, code, dbk_version());
        break;
    case ADBC_INFO_DRIVER_ARROW_VERSION:
        add_text(info, code, ARROW_FORMAT_VERSION);
        break;
    case ADBC_INFO_DRIVER_ADBC_VERSION:
        add_number(info, code, VALUE_INT64, ADBC_VERSION_1_1_0);
        break;
    default: /* unknown ones are left out */
        break;
    }
}

AdbcStatusCode AdbcConnectionGetInfo(struct AdbcConnection *handle, const uint32_t *info_codes,
                                     size_t info_codes_length, struct ArrowArrayStream *out,
                                     struct AdbcError *error) {
    static const uint32_t all[] = {ADBC_INFO_VENDOR_NAME,          ADBC_INFO_VENDOR_VERSION,
                                   ADBC_INFO_VENDOR_SQL,           ADBC_INFO_VENDOR_SUBSTRAIT,
                                   ADBC_INFO_DRIVER_NAME,          ADBC_INFO_DRIVER_VERSION,
                                   ADBC_INFO_DRIVER_ARROW_VERSION, ADBC_INFO_DRIVER_ADBC_VERSION};
    latch *before = NULL;
    connection *c = connection_open(handle, error);
    if (c == NULL) {
        return ADBC_STATUS_INVALID_STATE;
    }
    if (info_codes == NULL) {
        info_codes = all;
        info_codes_length = sizeof all / sizeof all[0];
    }
    RETURN_IF(connection_begin(c, &before, error));
    node *info = new_info();
    for (size_t i = 0; info != NULL && i < info_codes_length; i++) {
        add_info(c, info, info_codes[i]);
    }
    connection_end(c, before);
    return node_stream(info, out, error);
}

AdbcStatusCode AdbcConnectionGetTableTypes(struct AdbcConnection *handle,
                                           struct ArrowArrayStream *out, struct AdbcError *error) {
    kernel_result_stream_t *rows = NULL;
    table t = {0};
    const char *type = NULL;
    size_t len = 0;
    connection *c = connection_open(handle, error);
    if (c == NULL) {
        return ADBC_STATUS_INVALID_STATE;
    }
    if (kernel_metadata_list_table_types(c->session, &rows) != KernelStatusCode_Success) {
        return fail_kernel(error, "listing the table types");
    }
    RETURN_IF(table_of_stream(rows, &t, error));
    node *column[] = {node_new("table_type", "u", NODE_REQUIRED)};
    node *types = node_struct("", 1, column);
    for (int64_t row = 0; types != NULL && row < t.rows; row++) {
        if (table_text(&t, row, 0, &type, &len)) {
            node_add_text(node_child(types, 0), type, len);
            node_end(types);
        }
    }
    table_reset(&t);
    return node_stream(types, out, error);
}
