#include "args.h"

static const char all[] =
    "dbk: SQL on Databricks SQL warehouses, from the command line\n"
    "\n"
    "usage: dbk query [options] \"SQL\" [\"SQL\" ...]\n"
    "       dbk shell [options]\n"
    "       dbk catalogs | schemas | tables | columns | keys [options] [NAME]\n"
    "       dbk debug [options]\n"
    "       dbk help COMMAND\n"
    "       dbk version\n"
    "\n"
    "examples:\n"
    "  dbk query \"SELECT current_user()\"\n"
    "  dbk query --local \"SELECT * FROM samples.tpch.nation LIMIT 5\"\n"
    "  dbk query --file report.sql --format csv --output report.csv\n"
    "  dbk tables --local samples.tpch.%\n"
    "  dbk shell --local\n"
    "\n"
    "exit codes:\n"
    "  0    done (also when the reader of a pipe had enough)\n"
    "  1    the server refused or failed a statement\n"
    "  2    wrong arguments, an input file that cannot be read\n"
    "  3    no connection, no session or no permission to enter\n"
    "  4    the result is incomplete: lost data, a fault of dbk, output not writable\n"
    "  130  stopped with Ctrl-C; the statement was cancelled on the server\n";

static const char catalog_page[] =
    "usage: dbk catalogs [options] [PATTERN]\n"
    "       dbk schemas  [options] [[CATALOG.]PATTERN]\n"
    "       dbk tables   [options] [[[CATALOG.]SCHEMA.]PATTERN]\n"
    "       dbk columns  [options] [[[CATALOG.]SCHEMA.]TABLE]\n"
    "       dbk keys     [options] [[CATALOG.]SCHEMA.]TABLE\n"
    "\n"
    "What the warehouse has. Names that are left out are the current catalog and schema. Schemas,\n"
    "tables and columns are LIKE patterns: % is any text, _ any character, \\_ a _ itself; the "
    "catalog\n"
    "of tables is one, too. Keys take names and answer twice: primary key, then foreign keys. "
    "`...`\n"
    "goes around names with dots inside.\n"
    "\n"
    "  --type TYPES     tables: only these, for example TABLE,VIEW\n"
    "  --column PATTERN columns: only these\n"
    "  --all-catalogs   schemas, tables, columns: of all catalogs when the name tells none\n"
    "  --full           every column of the JDBC call, not only those that people read\n"
    "\n"
    "Output and connection: dbk help query. --format arrow always has every column.\n"
    "\n"
    "examples:\n"
    "  dbk schemas --local samples.%\n"
    "  dbk tables --local samples.tpch.n% --format json\n"
    "  dbk columns --local samples.tpch.nation --column n\\_%\n";

static const char shell_page[] =
    "usage: dbk shell [options]\n"
    "\n"
    "Statements typed at a prompt, in one session. A statement may have many lines and ends with "
    "a\n"
    "semicolon. \\? lists the commands. Arrow keys edit and bring earlier statements back, Tab\n"
    "completes keywords and names, Ctrl-C cancels the running statement or clears the line, "
    "Ctrl-D\n"
    "leaves.\n"
    "\n"
    "When standard input is no terminal it is a script: nothing is asked, the first error stops it "
    "and\n"
    "gives the exit code (dbk --help); its last statement needs no semicolon.\n"
    "\n"
    "  -f, --file FILE  runs a file first (with -: standard input, and no prompt)\n"
    "      --no-history neither reads nor writes the history\n"
    "\n"
    "The history is $XDG_STATE_HOME/dbk/history (~/.local/state/dbk/history), readable by its "
    "owner\n"
    "only. Statements that speak of passwords, tokens or keys, or begin with a space, are not "
    "written.\n"
    "Output (without --output and arrow) and connection: dbk help query.\n";

static const char query_page[] =
    "usage: dbk query [options] \"SQL\" [\"SQL\" ...]\n"
    "\n"
    "Runs SQL statements in one session, in order, and stops at the first error. A text may hold\n"
    "several statements, with semicolons between them.\n"
    "\n"
    "input:\n"
    "  -f, --file FILE         SQL from a file; - reads standard input\n"
    "  -p, --param NAME=VALUE  value of the marker :NAME, a STRING; NAME:TYPE=VALUE has another\n"
    "                          type; :TYPE=VALUE and =VALUE fill ? markers; no = means NULL\n"
    "      --row-limit N       at most N rows per statement, cut by the server\n"
    "\n"
    "output:\n"
    "      --format FORMAT     table, vertical (one line per value), csv, json, jsonl or arrow "
    "(an\n"
    "                          IPC stream);\n"
    "                          default: table on a terminal, csv otherwise\n"
    "  -o, --output FILE       write there; the file appears when it is complete\n"
    "      --no-header         csv, table: without the names of the columns\n"
    "      --null TEXT         csv: what stands for NULL (default: nothing; an empty string is "
    "\"\")\n"
    "      --max-width N       table: cut texts to N columns, 0 for never (default: 60, less "
    "where\n"
    "                          the table would not fit the terminal); numbers are never cut\n"
    "      --timing            where the time went, on standard error\n"
    "      --trace             requests, retries, chunks and waits of each statement as a "
    "timeline,\n"
    "                          on standard error\n"
    "      --trace-file FILE   the same for chrome://tracing or Perfetto, as JSON\n"
    "  -q, --quiet             neither progress nor row counts\n"
    "\n"
    "connection (options go before environment variables):\n"
    "      --local             the local warehouse; started when none is running\n"
    "      --host HOST         or DATABRICKS_HOST\n"
    "      --http-path PATH    or DATABRICKS_HTTP_PATH, /sql/1.0/warehouses/...\n"
    "      --token-file FILE   or DATABRICKS_TOKEN, or DATABRICKS_CLIENT_ID and\n"
    "                          DATABRICKS_CLIENT_SECRET; never an option, others would see it\n"
    "      --profile NAME      or DATABRICKS_CONFIG_PROFILE: host, warehouse and login of a "
    "section in\n"
    "                          ~/.databrickscfg (or DATABRICKS_CONFIG_FILE)\n"
    "      --catalog NAME      or DATABRICKS_CATALOG\n"
    "      --schema NAME       or DATABRICKS_SCHEMA\n"
    "      --conf KEY=VALUE    a session configuration, for example TIMEZONE=UTC\n"
    "      --log-level LEVEL   off, error, warn, info, debug, trace\n"
    "      --log-file FILE     default: standard error\n"
    "\n"
    "values:\n"
    "  TIMESTAMP is written in UTC: 2026-01-31 12:00:00, with a Z behind it when the session has\n"
    "  another time zone. json and jsonl write 2026-01-31T12:00:00Z, and without Z TIMESTAMP_NTZ.\n"
    "  BINARY is hexadecimal in table and csv, base64 in json and jsonl. ARRAY, MAP, STRUCT and\n"
    "  VARIANT are JSON. DECIMAL and BIGINT are JSON numbers with all their digits; NaN and\n"
    "  Infinity are JSON strings.\n"
    "\n"
    "examples:\n"
    "  dbk query \"SELECT * FROM t WHERE day = :day\" -p day:DATE=2026-01-31\n"
    "  dbk query --catalog main --schema sales -f load.sql\n"
    "  dbk query \"SELECT * FROM big\" --format csv | gzip > big.csv.gz\n"
    "  echo \"SELECT 1; SELECT 2\" | dbk query -f -\n"
    "\n"
    "The local warehouse is a Python program: DBK_WAREHOUSE_PYTHON names another interpreter than\n"
    ".venv/bin/python. Exit codes: dbk --help.\n";

static const char debug_page[] =
    "usage: dbk debug [--format json] [connection]\n"
    "\n"
    "What stands between here and the warehouse: the host and its kind, the workspace id, the "
    "proxy,\n"
    "the server's certificates, the age of the token, versions, and how opening a session and "
    "SELECT "
    "1\n"
    "went. It holds no secrets. The exit code is 0 when a query gets through, else 3.\n"
    "\n"
    "Connection: dbk help query.\n";

const char *cli_help_page(cli_command command) {
    switch (command) {
    case CLI_COMMAND_QUERY:
        return query_page;
    case CLI_COMMAND_DEBUG:
        return debug_page;
    case CLI_COMMAND_SHELL:
        return shell_page;
    case CLI_COMMAND_CATALOGS:
    case CLI_COMMAND_SCHEMAS:
    case CLI_COMMAND_TABLES:
    case CLI_COMMAND_COLUMNS:
    case CLI_COMMAND_KEYS:
        return catalog_page;
    case CLI_COMMAND_NONE:
    case CLI_COMMAND_HELP:
    case CLI_COMMAND_VERSION:
        return all;
    }
    return all;
}
