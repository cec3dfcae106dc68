"""How the suites are changed for Databricks SQL, and what is left out, with the reason. A change is (file, regular expression, new text)."""

from __future__ import annotations

Changes = list[tuple[str, str, str]]

KEYS = "Databricks declares keys and does not enforce them"
ORIGIN = "the API does not say which table a result's column is from"

PYODBC: Changes = [
    ("tests/postgresql_test.py", r"\btext\b(?=[,)])", "string"),
    ("tests/postgresql_test.py", r"\bbytea\b(?=\))", "binary"),
    # the suite's own words: -1 is what ODBC says after CREATE TABLE, PostgreSQL's driver says 0
    ("tests/postgresql_test.py", r"(create table t2\(i int\)\"\)\n    assert cursor.rowcount ==) 0", r"\1 -1"),
    ("tests/postgresql_test.py", r"driver_version >= \(13, 2, 0\)", "True"),  # which of PostgreSQL's drivers
    ("tests/postgresql_test.py", r"'int4'", "'INT'"),
    ("tests/postgresql_test.py", r"'varchar'", "'VARCHAR'"),
    ("tests/postgresql_test.py", r"pyodbc\.SQL_WVARCHAR", "pyodbc.SQL_VARCHAR"),
]
PYODBC_LEFT_OUT = {
    "test_nonnative_uuid": "Databricks has no type for GUIDs",
    "test_native_uuid": "Databricks has no type for GUIDs",
    "test_cnxn_execute_error": KEYS,
    "test_exc_integrity": KEYS,
    "test_cursor_messages": "a procedure in PL/pgSQL; the API has no notices",
}

NANODBC: Changes = [
    ("test/base_test_fixture.h", r'return NANODBC_TEXT\("varbinary"\) \+ s;', 'return NANODBC_TEXT("binary");'),
    ("test/base_test_fixture.h", r'return NANODBC_TEXT\("text"\);', 'return NANODBC_TEXT("string");'),
    ("test/test_case_fixture.h", r'binary_type_name \+ NANODBC_TEXT\("\(10\)\)"\)', 'binary_type_name + NANODBC_TEXT(")")'),
    ("test/test_case_fixture.h", r"c0 int PRIMARY KEY", "c0 int NOT NULL PRIMARY KEY"),
    ("test/test_case_fixture.h", r"c2 float NULL", "c2 double NULL"),
    ("test/postgresql_test.cpp", r"t time without time zone", "t time"),
    ("test/postgresql_test.cpp", r"'2006-12-30 13:45:12\.345'::time with time zone", "TIME'13:45:12.345'"),
    # STRING is SQL_VARCHAR here (MapStringToLongVarchar makes it SQL_LONGVARCHAR)
    ("test/test_case_fixture.h", r"\(columns\.sql_data_type\(\) == SQL_LONGVARCHAR", "(columns.sql_data_type() == SQL_VARCHAR || columns.sql_data_type() == SQL_LONGVARCHAR"),
    # the API's list of columns has no defaults
    ("test/test_case_fixture.h", r"else\n( +REQUIRE\(columns\.column_default\(\) == NANODBC_TEXT\()\"\\'sample value\\'\"", r'else\n\1""'),
    # the suite's own words: only MySQL's driver tells of a NULL before the column is read; ours does too
    ("test/test_case_fixture.h", r"vendor_ == database_vendor::mysql(\)\n +REQUIRE\(results\.is_null)", r"true\1"),
]
NANODBC_LEFT_OUT = {
    "test_error": KEYS,
    "test_implementation_row_descriptor": ORIGIN,
    "test_implementation_row_descriptor_with_expressions": ORIGIN,
    "test_implementation_row_descriptor_auto_unique_value": "serial columns; " + ORIGIN,
    "test_time_with_time_zone": "Databricks has no times of day with a zone",
}

NODE: Changes = [
    # Faults of node odbc itself, the same with any driver (cursors.js ends with "double free or corruption" on PostgreSQL's,
    # too): an object is freed while its worker thread still uses it; a cursor's reference to a JavaScript object is let go on
    # that thread; and a query's worker looks at memory that the cursor it gave away may have freed.
    ("src/odbc_cursor.cpp", r"( +\w+ \*worker = new \w+\(this, callback\);\n)", r'\1  worker->Receiver().Set("self", info.This());\n'),
    ("src/odbc_statement.cpp", r"( +\w+ \*worker = new \w+\(this, callback\);\n)", r'\1  worker->Receiver().Set("self", info.This());\n'),
    ("src/odbc_cursor.cpp", r" +napiParametersReference\.Reset\(\);\n", ""),
    ("src/odbc_connection.cpp", r"(~QueryAsyncWorker\(\) \{\n +if \(!)data->query_options\.use_cursor", r"\1given_away"),
    ("src/odbc_connection.cpp", r"( +Napi::Value cursorObject = )", r"        given_away = true;\n\1"),
    ("src/odbc_connection.cpp", r"(class QueryAsyncWorker [^\n]*\{\n)", r"\1\n    bool given_away = false;\n"),
    # names of tables are kept in lower case
    ("test/connection/primaryKeys.test.js", r"TABLE_NAME, 'PKTEST'", "TABLE_NAME, 'pktest'"),
    ("test/connection/primaryKeys.test.js", r"TABLE_NAME, 'MULTIPKTEST'", "TABLE_NAME, 'multipktest'"),
    ("test/connection/foreignkeys.test.js", r"TABLE_NAME, 'PKTABLE'", "TABLE_NAME, 'pktable'"),
    ("test/connection/foreignkeys.test.js", r"TABLE_NAME, 'FKTABLE'", "TABLE_NAME, 'fktable'"),
]
NODE_LEFT_OUT = {
    "SQL_(W)LONG": "casts of Db2",
    "out parameter": "the API has no output parameters",
    "multiple out parameters": "the API has no output parameters",
}

PERL: Changes = [
    ("t/80_odbc_diags.t", r"get_info\(9999\)", "get_info(65500)"),  # ours has an answer up to 65000, so that newer tools go on
    ("t/ODBCTEST.pm", r"(SQL_WVARCHAR, SQL_WCHAR)\]", r"\1, SQL_LONGVARCHAR]"),  # MapStringToLongVarchar, for LongReadLen
]
PERL_LEFT_OUT = {
    "20SqlServer.t": "of SQL Server",
    "30Oracle.t": "of Oracle",
    "70execute_array_dbi.t": "its rows in error are keys given twice; " + KEYS + " (396 of 552 pass)",
    "70execute_array_native.t": "its rows in error are keys given twice; " + KEYS + " (396 of 552 pass)",
}

DRIVER_MANAGER: Changes = []
DRIVER_MANAGER_TESTS = ["funccore", "func1lev", "func2lev", "comptest", "unixtest", "sqlexamp"]
DRIVER_MANAGER_LEFT_OUT = {
    "funodbc3": "it gives the address of a pointer as a buffer of 511 bytes (sqldiagf.c, SQL_DIAG_MESSAGE_TEXT) and ends there",
    "QuickTest": "pointers are kept in 32 bits",
    "the rest of the cases": "they say no 'Passed': bookmarks, cursors that go backwards, positioned changes, or MySQL's words",
}

PACKAGE = "R odbc's own tests leave it out for PostgreSQL, too"
BACKTICKS = "R's DBI takes only double quotes off a name; R odbc's own tests leave it out for MySQL, which has backticks, too"
DBITEST_LEFT_OUT = {
    "package_name": "the package's name does not begin with R",
    "data_type_connection": "R odbc knows no type for times of day on Spark",
    "(append_)?roundtrip_time": "R odbc knows no type for times of day on Spark",
    "fetch_no_return_value": PACKAGE,
    "send_(query|statement)_stale_warning": "waits for R's garbage collector, which comes when it likes; fails with psqlodbc, too",
    "get_query_n_(zero_rows|incomplete)": PACKAGE,
    "bind_.*": PACKAGE,
    "(rows_affected|row_count)_(query|statement)": PACKAGE,
    "(append_)?roundtrip_(character|factor|64_bit_roundtrip)": "R odbc sends Latin-1 as it is, and reads BIGINT as text; fails with psqlodbc, too",
    "(list_fields_wrong_table|remove_table_missing_succeed|write_table_error|reexport)": "of R odbc; fails with psqlodbc, too",
    "unquote_identifier_(roundtrip|special)": BACKTICKS,
    "(exists_table_name|list_fields_(object|quoted)|list_objects_(features|quote)|list_tables_quote)": BACKTICKS,
}

LEFT_OUT = {"pyodbc": PYODBC_LEFT_OUT, "nanodbc": NANODBC_LEFT_OUT, "node": NODE_LEFT_OUT, "perl": PERL_LEFT_OUT, "dbitest": DBITEST_LEFT_OUT, "unixodbc": DRIVER_MANAGER_LEFT_OUT}
