#include "args.h"

#include "errors.h"
#include "script.h"

#include "unit.h"

#include <stdlib.h>
#include <string.h>

#include "databricks_kernel.h"

enum { MOST_WORDS = 12 };

static int count_words(const char *const *words) {
    int n = 0;
    while (n < MOST_WORDS && words[n] != NULL) {
        n++;
    }
    return n;
}

DBK_TEST(cli_args_refused) {
    static const struct {
        const char *words[MOST_WORDS];
        const char *why;
    } rows[] = {
        {{"dbk", "qurey", "SELECT 1"}, "Did you mean 'query'?"},
        {{"dbk", "sheep-farm"}, "unknown command 'sheep-farm'. Commands:"},
        {{"dbk", "SELECT 1"}, "Did you mean: dbk query"},
        {{"dbk", "--quiet"}, "the command is missing"},
        {{"dbk", "query"}, "there is no SQL"},
        {{"dbk", "query", "--formt", "csv", "x"}, "unknown option --formt. Did you mean --format?"},
        {{"dbk", "query", "--zzzzzzzz"}, "unknown option --zzzzzzzz"},
        {{"dbk", "query", "-z"}, "unknown option -z"},
        {{"dbk", "query", "--format"}, "--format needs a value"},
        {{"dbk", "query", "-p"}, "-p needs a value"},
        {{"dbk", "query", "--local=1", "x"}, "--local takes no value"},
        {{"dbk", "query", "--format", "xml", "x"}, "--format is table, vertical, csv"},
        {{"dbk", "query", "--row-limit", "0", "x"}, "--row-limit is a positive integer"},
        {{"dbk", "query", "--row-limit", "-1", "x"}, "--row-limit is a positive integer"},
        {{"dbk", "query", "--row-limit", "9223372036854775808", "x"}, "--row-limit is a"},
        {{"dbk", "query", "--max-width", "x", "x"}, "--max-width is a number"},
        {{"dbk", "query", "-p", "a", "x"}, "a parameter is written"},
        {{"dbk", "query", "-p", "a:=1", "x"}, "a parameter is written"},
        {{"dbk", "query", "-p", "a=1", "-p", "=2", "x"}, "cannot be mixed"},
        {{"dbk", "query", "--conf", "a", "x"}, "--conf is written"},
        {{"dbk", "query", "--conf", "=a", "x"}, "--conf is written"},
        {{"dbk", "query", "--local", "--host", "h", "x"}, "exclude each other"},
        {{"dbk", "query", "--log-level", "loud", "x"}, "--log-level is off"},
        {{"dbk", "shell", "SELECT 1"}, "takes no SQL as an argument"},
        {{"dbk", "shell", "--format", "arrow"}, "does not write arrow"},
        {{"dbk", "shell", "-o", "x"}, "--output is no option of this command"},
        {{"dbk", "keys"}, "the table is missing"},
        {{"dbk", "tables", "a", "b"}, "one name at most"},
        {{"dbk", "tables", "-f", "x"}, "--file is no option"},
        {{"dbk", "tables", "-p", "a=1"}, "--param is no option"},
        {{"dbk", "columns", "--type", "VIEW"}, "--type is no option"},
        {{"dbk", "tables", "--column", "x"}, "--column is no option"},
        {{"dbk", "keys", "t", "--all-catalogs"}, "--all-catalogs is no option"},
        {{"dbk", "query", "x", "--full"}, "--full is no option"},
        {{"dbk", "tables", "--no-history"}, "--no-history is no option"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        cli_args args;
        cli_buf why = {0};
        CHECK_CASE(rows[i].why);
        CHECK(!cli_args_parse(&args, count_words(rows[i].words), rows[i].words, &why));
        CHECK_CONTAINS(cli_buf_str(&why), rows[i].why);
        cli_args_reset(&args);
        cli_buf_reset(&why);
    }
}

DBK_TEST(cli_args_never_take_or_print_a_token) {
    static const char *const lines[][MOST_WORDS] = {
        {"dbk", "query", "--token", "dapi-secret", "x"},
        {"dbk", "query", "--token=dapi-secret", "x"},
    };
    for (size_t i = 0; i < COUNT_OF(lines); i++) {
        cli_args args;
        cli_buf why = {0};
        CHECK(!cli_args_parse(&args, count_words(lines[i]), lines[i], &why));
        CHECK_CONTAINS(cli_buf_str(&why), "there is no --token");
        CHECK(strstr(cli_buf_str(&why), "secret") == NULL);
        cli_args_reset(&args);
        cli_buf_reset(&why);
    }
}

DBK_TEST(cli_args_of_a_query) {
    static const char *const words[] = {
        "dbk",
        "query",
        "SELECT 1",
        "-f",
        "a.sql",
        "-p",
        "x=1=2",
        "-py:DECIMAL(10,2)=3",
        "--param=z:DATE",
        "--format=json",
        "-o",
        "out",
        "--conf",
        "A=b=c",
        "--row-limit",
        "5",
        "--max-width=0",
        "-q",
        "--no-header",
        "--null",
        "\\N",
        "--timing",
        "--",
        "--not-an-option",
    };
    cli_args args;
    cli_buf why = {0};
    CHECK(cli_args_parse(&args, (int)COUNT_OF(words), words, &why));
    CHECK_EQ_I64(args.command, CLI_COMMAND_QUERY);
    CHECK_EQ_SIZE(args.input_count, 3);
    CHECK_STR(args.inputs[0].text, "SELECT 1");
    CHECK(!args.inputs[0].is_file && args.inputs[1].is_file);
    CHECK_STR(args.inputs[1].text, "a.sql");
    CHECK_STR(args.inputs[2].text, "--not-an-option");
    CHECK_EQ_SIZE(args.param_count, 3);
    CHECK_STR(args.params[0].name, "x");
    CHECK_STR(args.params[0].type, "STRING");
    CHECK_STR(args.params[0].value, "1=2");
    CHECK_STR(args.params[1].type, "DECIMAL(10,2)");
    CHECK_STR(args.params[1].value, "3");
    CHECK_STR(args.params[2].type, "DATE");
    CHECK_STR(args.params[2].value, NULL);
    CHECK_EQ_I64(args.format, CLI_FORMAT_JSON);
    CHECK_STR(args.output, "out");
    CHECK_STR(args.confs[0].key, "A");
    CHECK_STR(args.confs[0].value, "b=c");
    CHECK_STR(args.row_limit, "5");
    CHECK(args.max_width == 0 && args.max_width_given);
    CHECK(args.quiet && args.no_header && args.timing && !args.local);
    CHECK_STR(args.null_text, "\\N");
    cli_args_reset(&args);
    cli_buf_reset(&why);
}

DBK_TEST(cli_args_of_positional_parameters) {
    static const char *const words[] = {"dbk", "query",  "x",  "-p",  "=a:b",
                                        "-p",  ":INT=1", "-p", ":INT"};
    cli_args args;
    cli_buf why = {0};
    CHECK(cli_args_parse(&args, (int)COUNT_OF(words), words, &why));
    CHECK(args.params[0].name == NULL && args.params[1].name == NULL);
    CHECK_STR(args.params[0].value, "a:b");
    CHECK_STR(args.params[1].type, "INT");
    CHECK_STR(args.params[2].value, NULL);
    cli_args_reset(&args);
    cli_buf_reset(&why);
}

DBK_TEST(cli_args_that_ask_for_help) {
    static const struct {
        const char *words[MOST_WORDS];
        cli_command command;
        cli_command about;
    } rows[] = {
        {{"dbk", "--help"}, CLI_COMMAND_HELP, CLI_COMMAND_NONE},
        {{"dbk", "-h"}, CLI_COMMAND_HELP, CLI_COMMAND_NONE},
        {{"dbk", "help"}, CLI_COMMAND_HELP, CLI_COMMAND_NONE},
        {{"dbk", "help", "query"}, CLI_COMMAND_HELP, CLI_COMMAND_QUERY},
        {{"dbk", "query", "--help"}, CLI_COMMAND_HELP, CLI_COMMAND_QUERY},
        {{"dbk", "query", "x", "-qh", "--nonsense"}, CLI_COMMAND_HELP, CLI_COMMAND_QUERY},
        {{"dbk", "help", "shell"}, CLI_COMMAND_HELP, CLI_COMMAND_SHELL},
        {{"dbk", "tables", "-h"}, CLI_COMMAND_HELP, CLI_COMMAND_TABLES},
        {{"dbk", "--version"}, CLI_COMMAND_VERSION, CLI_COMMAND_NONE},
        {{"dbk", "version"}, CLI_COMMAND_VERSION, CLI_COMMAND_NONE},
        {{"dbk", "-V"}, CLI_COMMAND_VERSION, CLI_COMMAND_NONE},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        cli_args args;
        cli_buf why = {0};
        CHECK_CASE(rows[i].words[1]);
        CHECK(cli_args_parse(&args, count_words(rows[i].words), rows[i].words, &why));
        CHECK_EQ_I64(args.command, rows[i].command);
        CHECK_EQ_I64(args.help_of, rows[i].about);
        cli_args_reset(&args);
        cli_buf_reset(&why);
    }
}

DBK_TEST(cli_args_take_sql_that_begins_with_a_comment) {
    static const char *const words[] = {"dbk", "query", "-- yesterday\nSELECT 1", "--\nSELECT 2"};
    cli_args args;
    cli_buf why = {0};
    cli_script script;
    cli_fault fault = {0};
    CHECK(cli_args_parse(&args, (int)COUNT_OF(words), words, &why));
    CHECK(cli_script_read(&script, &args, &fault));
    CHECK_EQ_SIZE(script.count, 2);
    CHECK_EQ_SIZE(script.items[0].sql.line, 1);
    cli_script_reset(&script);
    cli_args_reset(&args);
    cli_buf_reset(&why);
}

/* ---- faults ---- */

static cli_fault fault_of(int code, const char *message) {
    return (cli_fault){.code = code, .message = cli_strdup(message)};
}

DBK_TEST(cli_hints) {
    static const struct {
        int code;
        bool connecting;
        const char *message, *want;
    } rows[] = {
        {KernelStatusCode_Unauthenticated, true, "HTTP 401: no", "token was not accepted"},
        {KernelStatusCode_NetworkError, true, "Could not resolve host: nix", "no such host"},
        {KernelStatusCode_NetworkError, true, "Couldn't connect to server",
         "nothing answers there"},
        {KernelStatusCode_NetworkError, true, "SSL certificate problem", "not trusted"},
        {KernelStatusCode_InvalidArgument, true, "http_path 'x' does not match",
         "connection details"},
        {KernelStatusCode_NotFound, true, "HTTP 404", "no such warehouse"},
        {KernelStatusCode_SqlError, false, "[TABLE_OR_VIEW_NOT_FOUND] x", "catalog.schema.table"},
        {KernelStatusCode_SqlError, false, "[PARSE_SYNTAX_ERROR] x", "not valid SQL"},
        {KernelStatusCode_PermissionDenied, false, "no", "GRANT"},
        {KernelStatusCode_DataLoss, false, "rows", "do not use what was written"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        cli_fault fault = fault_of(rows[i].code, rows[i].message);
        fault.while_connecting = rows[i].connecting;
        CHECK_CASE(rows[i].message);
        CHECK_CONTAINS(cli_fault_hint(&fault), rows[i].want);
        cli_fault_reset(&fault);
    }
    cli_fault fault = fault_of(KernelStatusCode_NetworkError, "Connection refused");
    fault.may_have_executed = true;
    CHECK_CONTAINS(cli_fault_hint(&fault), "may have run");
    cli_fault_reset(&fault);
    fault = fault_of(KernelStatusCode_SqlError, "division by zero");
    CHECK(cli_fault_hint(&fault) == NULL);
    cli_fault_reset(&fault);
}

DBK_TEST(cli_fault_block) {
    char text[1024] = "";
    cli_fault fault = fault_of(KernelStatusCode_SqlError, "first\n\nsecond \x1b[2J\n");
    fault.sql_state = cli_strdup("42P01");
    fault.query_id = cli_strdup("01f0");
    fault.http_status = 403;
    fault.attempts = 3;
    FILE *to = fmemopen(text, sizeof text, "w");
    CHECK(to != NULL);
    cli_fault_print(&fault, "statement 2 of 3", to);
    (void)fclose(to);
    CHECK_STR(text, "error: first\n\n  second \\x1b[2J\n"
                    "  sqlstate 42P01, query id 01f0, HTTP 403, attempts 3, in statement 2 of 3\n"
                    "  hint: check the name's spelling and which catalog and schema are current: "
                    "write catalog.schema.table, or use --catalog and --schema\n");
    cli_fault_reset(&fault);
}

DBK_TEST(cli_fault_points_at_the_place) {
    static const struct {
        const char *message, *sql, *want;
    } rows[] = {
        {"no (line 2, pos 7)", "SELECT 1\nSELECT FORM t\n",
         "  line 2: SELECT FORM t\n                 ^\n"},
        {"a line 1, pos 0 b line 1, pos 2", "ab c", "  line 1: ab c\n            ^\n"},
        {"at the end (line 1, pos 4)", "ab c", "  line 1: ab c\n              ^\n"},
        {"(line 3, pos 0)", "a\nb", ""},
        {"(line 1, pos 9)", "abc", ""},
        {"(line 0, pos 1)", "abc", ""},
        {"line 1, position 3", "abc", ""},
        {"(line 1, pos 0)\n== SQL ==\nabc", "abc", ""},
        {"line up", "abc", ""},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char text[256] = "";
        cli_fault fault = fault_of(KernelStatusCode_SqlError, rows[i].message);
        FILE *to = fmemopen(text, sizeof text, "w");
        CHECK_CASE(rows[i].message);
        CHECK(to != NULL);
        cli_fault_point(&fault, rows[i].sql, strlen(rows[i].sql), to);
        (void)fclose(to);
        CHECK_STR(text, rows[i].want);
        cli_fault_reset(&fault);
    }
}
