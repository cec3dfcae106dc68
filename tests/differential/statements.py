"""SQL of every kind for comparisons of two kernels: a name and the statement. {t} in EFFECTS is a table."""

SCALARS = {
    "boolean": "SELECT true, false, CAST(NULL AS BOOLEAN)",
    "tinyint": "SELECT CAST(-128 AS TINYINT), CAST(127 AS TINYINT), CAST(NULL AS TINYINT)",
    "smallint": "SELECT CAST(-32768 AS SMALLINT), CAST(32767 AS SMALLINT), CAST(NULL AS SMALLINT)",
    "int": "SELECT -2147483648, 2147483647, CAST(NULL AS INT)",
    "bigint": "SELECT CAST(-9223372036854775807 - 1 AS BIGINT), 9223372036854775807, CAST(NULL AS BIGINT)",
    "float": "SELECT CAST(0.1 AS FLOAT), CAST('NaN' AS FLOAT), CAST('-Infinity' AS FLOAT), CAST(NULL AS FLOAT)",
    "double": "SELECT 0.1D, CAST('NaN' AS DOUBLE), CAST('Infinity' AS DOUBLE), -0.0D, 5e-324D, CAST(NULL AS DOUBLE)",
    "decimal small": "SELECT CAST(1.25 AS DECIMAL(5,2)), CAST(-0.01 AS DECIMAL(5,2)), CAST(NULL AS DECIMAL(5,2))",
    "decimal 38,0": "SELECT CAST('99999999999999999999999999999999999999' AS DECIMAL(38,0))",
    "decimal 38,38": "SELECT CAST('-0.99999999999999999999999999999999999999' AS DECIMAL(38,38))",
    "decimal 38,18": "SELECT CAST('12345678901234567890.123456789012345678' AS DECIMAL(38,18))",
    "string": "SELECT 'hi', '', 'é€😀', repeat('x', 10000), CAST(NULL AS STRING)",
    "binary": "SELECT CAST('abc' AS BINARY), X'00FF10', X'', CAST(NULL AS BINARY)",
    "date": "SELECT DATE'0001-01-01', DATE'1969-12-31', DATE'2024-02-29', DATE'9999-12-31', CAST(NULL AS DATE)",
    "timestamp": "SELECT TIMESTAMP'2026-07-09 12:00:00.123456', TIMESTAMP'1969-12-31 23:59:59.999999', "
    "CAST(NULL AS TIMESTAMP)",
    "timestamp edges": "SELECT TIMESTAMP'0001-01-01 00:00:00', TIMESTAMP'9999-12-31 23:59:59.999999'",
    "timestamp_ntz": "SELECT CAST('2026-07-09 12:00:00.5' AS TIMESTAMP_NTZ), "
    "CAST('0001-01-01 00:00:00' AS TIMESTAMP_NTZ), CAST(NULL AS TIMESTAMP_NTZ)",
    "interval year month": "SELECT INTERVAL '1-2' YEAR TO MONTH, INTERVAL '-3' MONTH, INTERVAL '5' YEAR",
    "interval day second": "SELECT INTERVAL '1 02:03:04.567' DAY TO SECOND, INTERVAL '-1' HOUR, INTERVAL '7' DAY",
    "interval null": "SELECT CAST(NULL AS INTERVAL YEAR TO MONTH), CAST(NULL AS INTERVAL DAY TO SECOND)",
    "variant": """SELECT parse_json('{"a":1,"b":[2,3]}'), parse_json('null'), CAST(NULL AS VARIANT)""",
    "void": "SELECT NULL, NULL AS n",
}
NESTED = {
    "array": "SELECT array(1, 2, 3), array(), array(CAST(NULL AS INT)), CAST(NULL AS ARRAY<INT>)",
    "array of strings": "SELECT array('a', NULL, 'ü', '')",
    "array of arrays": "SELECT array(array(1, NULL), CAST(NULL AS ARRAY<INT>), array())",
    "map": "SELECT map('k', 9), map('a', CAST(NULL AS INT), 'b', 2), CAST(NULL AS MAP<STRING, INT>)",
    "map of int keys": "SELECT map(1, 'x', 2, NULL)",
    "struct": "SELECT named_struct('a', 1, 'b', 'x'), named_struct('a', NULL, 'b', NULL), "
    "CAST(NULL AS STRUCT<a: INT, b: STRING>)",
    "struct of all": "SELECT named_struct('i', 1, 'd', DATE'2020-02-02', 't', TIMESTAMP'2020-02-02 03:04:05', "
    "'n', CAST(1.50 AS DECIMAL(5,2)), 'f', 0.1D, 'y', CAST('abc' AS BINARY), 'z', true)",
    "array of structs": "SELECT array(named_struct('a', 1, 'b', array('x')), named_struct('a', NULL, 'b', NULL))",
    "map of arrays": "SELECT map('k', array(1, 2), 'l', NULL)",
    "deep": "SELECT named_struct('m', map('k', array(named_struct('x', 1.5D, 'y', CAST(NULL AS STRING)))))",
    "nested rows": "SELECT id, CASE WHEN id % 2 = 0 THEN array(id, NULL) END AS a, "
    "CASE WHEN id % 3 = 0 THEN named_struct('v', id) END AS s FROM range(10) ORDER BY id",
    "nested text escapes": r"""SELECT array('quote " and \\ slash', 'tab	end'), map('key "q"', 'v')""",
    "nested numbers": "SELECT array(0.1D, 1e300D, CAST('NaN' AS DOUBLE), -0.0D), array(CAST(0.1 AS FLOAT))",
    "nested times": "SELECT array(TIMESTAMP'2020-01-01 00:00:00.000001'), array(CAST('2020-01-01 10:00:00' AS TIMESTAMP_NTZ)), "
    "array(DATE'1900-01-01')",
    "nested decimals": "SELECT array(CAST(1.50 AS DECIMAL(38,18)), CAST(-0.000001 AS DECIMAL(38,18)))",
    "nested binary": "SELECT array(X'00FF', CAST(NULL AS BINARY))",
}
SHAPES = {
    "duplicate names": "SELECT 1 AS a, 2 AS a, 'x' AS `a b`, 3 AS ``",
    "unicode names": "SELECT 1 AS `größe`, 2 AS `数`",
    "hundred columns": "SELECT " + ", ".join(f"{i} AS c{i}" for i in range(100)),
    "rows with nulls": "SELECT CASE WHEN id % 3 = 0 THEN id END AS n, CASE WHEN id % 2 = 0 THEN CAST(id AS STRING) END "
    "AS s FROM range(1000) ORDER BY id",
    "one null per type": "SELECT CAST(NULL AS INT) i, CAST(NULL AS STRING) s, CAST(NULL AS DATE) d FROM range(9)",
    "union": "SELECT * FROM VALUES (1, 'a'), (2, NULL), (NULL, 'c') AS t(n, s)",
    "blanks around": "  \n SELECT 1  \n",
    "comment": "-- first\nSELECT /* inner */ 1",
    "empty attachment name": "SELECT 1 AS x FROM range(0)",
}
EMPTY_TYPES = [
    "BOOLEAN", "TINYINT", "SMALLINT", "INT", "BIGINT", "FLOAT", "DOUBLE", "DECIMAL(38,18)", "DECIMAL(5,0)", "STRING",
    "BINARY", "DATE", "TIMESTAMP", "TIMESTAMP_NTZ", "INTERVAL YEAR TO MONTH", "INTERVAL DAY TO SECOND", "ARRAY<INT>",
    "MAP<STRING, INT>", "STRUCT<a: INT, b: ARRAY<STRING>>", "VARIANT",
]  # fmt: skip
CHUNKED = {
    "external lz4": "/*lw: chunk_rows=1000, disposition=external*/ SELECT id, CAST(id AS STRING) s FROM range(5500) ORDER BY id",
    "external plain": "/*lw: chunk_rows=1000, disposition=external, compression=none*/ SELECT id FROM range(5500) ORDER BY id",
    "external one chunk": "/*lw: disposition=external*/ SELECT id FROM range(10) ORDER BY id",
    "external nested": "/*lw: chunk_rows=50, disposition=external*/ SELECT array(id, NULL) a, named_struct('x', id) s "
    "FROM range(160) ORDER BY id",
    "inline chunks": "/*lw: chunk_rows=100, disposition=inline*/ SELECT id, id * 2 AS twice FROM range(450) ORDER BY id",
    "inline plain": "/*lw: disposition=inline, compression=none*/ SELECT id FROM range(10) ORDER BY id",
    "inline plain chunks": "/*lw: chunk_rows=4, disposition=inline, compression=none*/ SELECT id FROM range(10) ORDER BY id",
    "pending": "/*lw: pending=1*/ SELECT 1",
}
ERRORS = {
    "syntax": "SELEC 1",
    "empty": "",
    "blank": "   ",
    "missing table": "SELECT * FROM no_such_table",
    "missing column": "SELECT no_such_column FROM range(1)",
    "missing schema": "SELECT * FROM no_such_schema.t",
    "cast": "SELECT CAST('abc' AS INT)",
    "overflow": "SELECT CAST(300 AS TINYINT)",
    "divide": "SELECT 1 / 0",
    "raise": "SELECT raise_error('own words')",
    "bad hint": "/*lw: nonsense=1*/ SELECT 1",
    "drop missing": "DROP TABLE no_such_table",
}
# What a server may answer to execute instead of rows (the error rows of the C ABI's contract).
ANSWERS = {
    **{f"HTTP {code}": f"/*lw: fault=stmt.execute:status({code})*/ SELECT 1" for code in (400, 401, 403, 404, 409, 410, 413, 422, 500, 501)},
    "FAILED": "/*lw: fault=stmt.execute:failed*/ SELECT 1",
    "FAILED with a code": "/*lw: fault=stmt.execute:failed(INTERNAL_ERROR)*/ SELECT 1",
    "CANCELED": "/*lw: fault=stmt.execute:state(CANCELED)*/ SELECT 1",
}
# The same, where nobody can tell whether there is a statement to close.
UNCLEAR_ANSWERS = {
    "CLOSED": "/*lw: fault=stmt.execute:state(CLOSED)*/ SELECT 1",
    "a state of tomorrow": "/*lw: fault=stmt.execute:state(DREAMING)*/ SELECT 1",
    "HTML": "/*lw: fault=stmt.execute:html*/ SELECT 1",
    "JSON cut": "/*lw: fault=stmt.execute:json(truncated)*/ SELECT 1",
    "JSON array": "/*lw: fault=stmt.execute:json(array)*/ SELECT 1",
    "JSON null": "/*lw: fault=stmt.execute:json(null)*/ SELECT 1",
    "JSON empty": "/*lw: fault=stmt.execute:json(empty)*/ SELECT 1",
    "JSON with a mark": "/*lw: fault=stmt.execute:json(bom)*/ SELECT 1",
}
# Several statements with effects, each library on tables of its own (ours_…, peer_…).
EFFECTS = {
    "ddl and dml": [
        "CREATE OR REPLACE TABLE {t}_a (id INT, s STRING)",
        "INSERT INTO {t}_a VALUES (1, 'x'), (2, NULL), (3, 'z')",
        "UPDATE {t}_a SET s = 'new' WHERE id >= 2",
        "DELETE FROM {t}_a WHERE id = 1",
        "DELETE FROM {t}_a WHERE id = 77",
        "SELECT * FROM {t}_a ORDER BY id",
        "DROP TABLE {t}_a",
    ],
    "ctas": [
        "CREATE OR REPLACE TABLE {t}_b AS SELECT id, CAST(id AS STRING) s FROM range(10)",
        "SELECT count(*) FROM {t}_b",
        "DESCRIBE TABLE {t}_b",
        "DROP TABLE {t}_b",
    ],
    "view": [
        "CREATE OR REPLACE VIEW {t}_v AS SELECT 1 AS one",
        "SELECT * FROM {t}_v",
        "DROP VIEW {t}_v",
    ],
    "session": ["USE SCHEMA default", "SELECT current_catalog(), current_schema()", "SET TIME ZONE 'UTC'"],
}
