#include "catalog.h"

#include "dotted.h"
#include "statement.h"
#include "watch.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "dbkernel.h"

void cli_namespace_reset(cli_namespace *space) {
    free(space->catalog);
    free(space->schema);
    *space = (cli_namespace){0};
}

/* ---- where we are ---- */

static char *copy_cell(const cli_columns *columns, size_t column) {
    char scratch[CLI_CELL_SCRATCH];
    cli_cell cell = cli_columns_cell(columns, column, 0, scratch);
    return cli_strndup(cell.len > 0 ? cell.ptr : "", cell.len);
}

/* The names of the first row, which are two texts. */
static bool read_namespace(kernel_result_stream_t *stream, cli_namespace *space) {
    struct ArrowArray batch = {0};
    struct ArrowSchema schema = {0};
    cli_columns columns = {0};
    cli_buf why = {0};
    if (kernel_result_stream_next_batch_cancellable(stream, &batch, &schema, cli_watch_token()) !=
            KernelStatusCode_Success ||
        batch.release == NULL) {
        return false;
    }
    bool ok = cli_columns_init(&columns, &schema, false, &why) &&
              cli_columns_bind(&columns, &batch, &schema, &why) && columns.count == 2 &&
              columns.rows == 1;
    if (ok) {
        cli_namespace_reset(space);
        *space = (cli_namespace){copy_cell(&columns, 0), copy_cell(&columns, 1)};
    }
    cli_columns_reset(&columns);
    cli_buf_reset(&why);
    batch.release(&batch);
    schema.release(&schema);
    return ok;
}

bool cli_namespace_ask(kernel_session_t *session, cli_namespace *space, cli_fault *fault) {
    kernel_statement_t *stmt = NULL;
    kernel_executed_statement_t *executed = NULL;
    kernel_result_stream_t *stream = NULL;
    cli_watch_interruptible(true);
    bool ok = kernel_session_new_statement(session, &stmt) == KernelStatusCode_Success &&
              kernel_statement_set_sql(stmt, "SELECT current_catalog(), current_schema()") ==
                  KernelStatusCode_Success &&
              kernel_statement_execute(stmt, &executed) == KernelStatusCode_Success &&
              kernel_executed_statement_get_result_stream(executed, &stream) ==
                  KernelStatusCode_Success &&
              read_namespace(stream, space);
    cli_watch_interruptible(false);
    if (!ok) {
        cli_fault_take(fault, false);
    }
    if (stream != NULL) {
        (void)kernel_result_stream_close(stream);
    }
    if (executed != NULL) {
        (void)kernel_executed_statement_close(executed);
    }
    if (stmt != NULL) {
        (void)kernel_statement_close(stmt);
    }
    return ok;
}

/* ---- the calls ---- */

/* Texts of one request after defaults; all owned. */
typedef struct place {
    cli_dotted name; /* catalog, schema, object */
    cli_buf types;   /* copies, each with its NUL */
    const char *type_at[16];
    size_t type_count;
} place;

/* What unqualified means: the current catalog and schema. Catalogs, schemas and keys take catalogs
 * by name, tables as a pattern. */
static bool fill_in(cli_run *run, const cli_catalog_request *request, cli_namespace *space,
                    place *at, cli_fault *fault) {
    bool tables = request->command == CLI_COMMAND_TABLES;
    bool keys = request->command == CLI_COMMAND_KEYS;
    if (request->command == CLI_COMMAND_CATALOGS || at->name.parts[0] != NULL) {
        return true;
    }
    bool all = request->all_catalogs;
    if (!all && space->catalog == NULL && !cli_namespace_ask(run->session, space, fault)) {
        return false;
    }
    if (!all) {
        cli_buf catalog = {0};
        if (tables) {
            cli_like_exactly(&catalog, space->catalog);
        } else {
            cli_buf_add_str(&catalog, space->catalog);
        }
        at->name.parts[0] = cli_strdup(cli_buf_str(&catalog));
        cli_buf_reset(&catalog);
    }
    if (at->name.parts[1] == NULL && !all && request->command != CLI_COMMAND_SCHEMAS) {
        cli_buf schema = {0};
        if (keys) {
            cli_buf_add_str(&schema, space->schema);
        } else {
            cli_like_exactly(&schema, space->schema);
        }
        at->name.parts[1] = cli_strdup(cli_buf_str(&schema));
        cli_buf_reset(&schema);
    }
    return true;
}

static void escape_part(char **part) {
    cli_buf escaped = {0};
    if (*part != NULL) {
        cli_like_exactly(&escaped, *part);
        free(*part);
        *part = cli_strdup(cli_buf_str(&escaped));
        cli_buf_reset(&escaped);
    }
}

static bool parse_name(const cli_catalog_request *request, place *at, cli_fault *fault) {
    static const size_t most[] = {[CLI_COMMAND_CATALOGS] = 1,
                                  [CLI_COMMAND_SCHEMAS] = 2,
                                  [CLI_COMMAND_TABLES] = 3,
                                  [CLI_COMMAND_COLUMNS] = 3,
                                  [CLI_COMMAND_KEYS] = 3};
    if (request->name != NULL &&
        !cli_dotted_parse(&at->name, request->name, most[request->command])) {
        cli_fault_set(fault, CLI_EXIT_USAGE,
                      "'%s' is no name here: at most %zu parts with dots "
                      "between them, none empty, `...` around those with dots inside",
                      request->name, most[request->command]);
        return false;
    }
    if (request->command == CLI_COMMAND_SCHEMAS) { /* catalog.schema */
        at->name.parts[0] = at->name.parts[1];
        at->name.parts[1] = at->name.parts[2];
        at->name.parts[2] = NULL;
    }
    if (request->exactly) {
        escape_part(&at->name.parts[1]);
        escape_part(&at->name.parts[2]);
    }
    return true;
}

static bool parse_types(const cli_catalog_request *request, place *at, cli_fault *fault) {
    if (request->types == NULL) {
        return true;
    }
    cli_buf_add(&at->types, request->types, strlen(request->types) + 1);
    char *rest = at->types.ptr;
    for (char *type = strsep(&rest, ","); type != NULL; type = strsep(&rest, ",")) {
        if (at->type_count == COUNT_OF(at->type_at)) {
            cli_fault_set(fault, CLI_EXIT_USAGE, "--type takes at most %zu types",
                          COUNT_OF(at->type_at));
            return false;
        }
        at->type_at[at->type_count++] = type;
    }
    return true;
}

static KernelStatusCode list(kernel_session_t *session, const cli_catalog_request *request,
                             const place *at, kernel_result_stream_t **stream) {
    dbk_catalog_filter filter = {.struct_size = sizeof filter,
                                 .catalog = at->name.parts[0],
                                 .schema = at->name.parts[1],
                                 .object = at->name.parts[2],
                                 .column = request->column,
                                 .types = at->type_count > 0 ? at->type_at : NULL,
                                 .type_count = at->type_count};
    filter.call = request->command == CLI_COMMAND_CATALOGS  ? DBK_CATALOG_CALL_CATALOGS
                  : request->command == CLI_COMMAND_SCHEMAS ? DBK_CATALOG_CALL_SCHEMAS
                  : request->command == CLI_COMMAND_TABLES  ? DBK_CATALOG_CALL_TABLES
                                                            : DBK_CATALOG_CALL_COLUMNS;
    return dbk_metadata_list(session, &filter, stream);
}

/* What people read of the JDBC columns. */
static const char *const of_tables[] = {"TABLE_CAT", "TABLE_SCHEM", "TABLE_NAME", "TABLE_TYPE",
                                        "REMARKS"};
static const char *const of_columns[] = {"TABLE_CAT", "TABLE_SCHEM", "TABLE_NAME", "COLUMN_NAME",
                                         "TYPE_NAME", "IS_NULLABLE", "REMARKS"};
static const char *const of_one_table[] = {"COLUMN_NAME", "TYPE_NAME", "IS_NULLABLE", "REMARKS"};
static const char *const of_primary[] = {"COLUMN_NAME", "KEY_SEQ", "PK_NAME"};
static const char *const of_foreign[] = {"FKCOLUMN_NAME", "PKTABLE_CAT",   "PKTABLE_SCHEM",
                                         "PKTABLE_NAME",  "PKCOLUMN_NAME", "KEY_SEQ",
                                         "FK_NAME"};

#define WANT(result, names) ((result)->wanted = (names), (result)->wanted_count = COUNT_OF(names))

static void choose_columns(const cli_catalog_request *request, bool foreign, cli_result *result) {
    if (request->full) {
        return;
    }
    if (request->command == CLI_COMMAND_TABLES) {
        WANT(result, of_tables);
    } else if (request->command == CLI_COMMAND_COLUMNS && request->exactly) {
        WANT(result, of_one_table);
    } else if (request->command == CLI_COMMAND_COLUMNS) {
        WANT(result, of_columns);
    } else if (request->command == CLI_COMMAND_KEYS && foreign) {
        WANT(result, of_foreign);
    } else if (request->command == CLI_COMMAND_KEYS) {
        WANT(result, of_primary);
    }
}

static bool run_one(cli_run *run, const cli_catalog_request *request, const place *at, bool foreign,
                    cli_fault *fault) {
    char *const *name = at->name.parts;
    cli_result result = {0};
    double started_s = cli_now_s();
    KernelStatusCode code = KernelStatusCode_Success;
    cli_watch_interruptible(true);
    if (request->command != CLI_COMMAND_KEYS) {
        code = list(run->session, request, at, &result.stream);
    } else if (foreign) {
        code = kernel_metadata_foreign_keys(run->session, NULL, NULL, NULL, name[0], name[1],
                                            name[2], &result.stream);
    } else {
        code =
            kernel_metadata_primary_keys(run->session, name[0], name[1], name[2], &result.stream);
    }
    cli_watch_interruptible(false);
    if (code != KernelStatusCode_Success) {
        cli_fault_take(fault, false);
        return false;
    }
    choose_columns(request, foreign, &result);
    bool ok = cli_result_write(run, &result, fault);
    (void)kernel_result_stream_close(result.stream);
    cli_out_flush(run->out);
    if (ok && !run->args->quiet && cli_format_is_for_people(run->format)) {
        cli_result_summary(&result, cli_now_s() - started_s);
    }
    return ok;
}

bool cli_catalog_run(cli_run *run, const cli_catalog_request *request, cli_namespace *space,
                     cli_fault *fault) {
    place at = {0};
    bool ok = parse_name(request, &at, fault) && parse_types(request, &at, fault) &&
              fill_in(run, request, space, &at, fault) &&
              run_one(run, request, &at, false, fault) &&
              (request->command != CLI_COMMAND_KEYS || run_one(run, request, &at, true, fault));
    cli_dotted_reset(&at.name);
    cli_buf_reset(&at.types);
    return ok;
}
