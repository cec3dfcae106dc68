"""Types, names, arithmetic, commands and errors, as tables of statements."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal as D

import pyarrow as pa
import pytest

UTC = dt.timezone.utc
YEAR_MONTH = "month_interval"


# -- types on the wire (spec local-warehouse 2.4) ---------------------------------------------------
# expression, column name, type_name, type_text, Arrow type, value
TYPES = [
    ("1", "1", "INT", "INT", "int32", 1),
    ("TRUE", "true", "BOOLEAN", "BOOLEAN", "bool", True),
    ("CAST(1 AS TINYINT)", None, "BYTE", "TINYINT", "int8", 1),
    ("CAST(1000 AS SMALLINT)", None, "SHORT", "SMALLINT", "int16", 1000),
    ("10000000000000", None, "LONG", "BIGINT", "int64", 10**13),
    ("1L", "1", "LONG", "BIGINT", "int64", 1),
    ("CAST(1.5 AS FLOAT)", None, "FLOAT", "FLOAT", "float", 1.5),
    ("1e3", "1000.0", "DOUBLE", "DOUBLE", "double", 1000.0),
    ("CAST('100.001' AS DECIMAL(6,3))", "CAST(100.001 AS DECIMAL(6,3))", "DECIMAL", "DECIMAL(6,3)", "decimal128(6, 3)", D("100.001")),
    ("1.50", "1.50", "DECIMAL", "DECIMAL(3,2)", "decimal128(3, 2)", D("1.50")),
    ("0.001", "0.001", "DECIMAL", "DECIMAL(3,3)", "decimal128(3, 3)", D("0.001")),
    ("5E3BD", None, "DECIMAL", "DECIMAL(4,0)", "decimal128(4, 0)", D("5000")),
    ("123456789012345678901234", None, "DECIMAL", "DECIMAL(24,0)", "decimal128(24, 0)", D("123456789012345678901234")),
    ("'foo'", "foo", "STRING", "STRING", "string", "foo"),
    ("X'6869'", "X'6869'", "BINARY", "BINARY", "binary", b"hi"),
    ("unhex('f000')", "unhex(f000)", "BINARY", "BINARY", "binary", b"\xf0\x00"),
    ("DATE '2020-02-20'", "DATE '2020-02-20'", "DATE", "DATE", "date32[day]", dt.date(2020, 2, 20)),
    ("TIMESTAMP '2021-01-02 03:04:05'", "TIMESTAMP '2021-01-02 03:04:05'", "TIMESTAMP", "TIMESTAMP",
     "timestamp[us, tz=Etc/UTC]", dt.datetime(2021, 1, 2, 3, 4, 5, tzinfo=UTC)),
    ("TIMESTAMP_NTZ '2021-01-02 03:04:05'", None, "TIMESTAMP_NTZ", "TIMESTAMP_NTZ", "timestamp[us]", dt.datetime(2021, 1, 2, 3, 4, 5)),
    ("INTERVAL '1 02:03:04' DAY TO SECOND", None, "INTERVAL", "INTERVAL DAY TO SECOND", "duration[us]",
     dt.timedelta(days=1, hours=2, minutes=3, seconds=4)),
    ("INTERVAL '-1' DAY", "INTERVAL '-1' DAY", "INTERVAL", "INTERVAL DAY", "duration[us]", dt.timedelta(days=-1)),
    ("CAST(NULL AS INTERVAL DAY TO SECOND)", None, "INTERVAL", "INTERVAL DAY TO SECOND", "duration[us]", None),
    ("array(1, 2)", "array(1, 2)", "ARRAY", "ARRAY<INT>", "list<element: int32>", [1, 2]),
    ("map('a', 1)", "map(a, 1)", "MAP", "MAP<STRING, INT>", "map<string, int32>", [("a", 1)]),
    ("struct(1 AS x, 'b' AS y)", "struct(1 AS x, b AS y)", "STRUCT", "STRUCT<x: INT, y: STRING>", "struct<x: int32, y: string>", {"x": 1, "y": "b"}),
    ("named_struct('a', 1)", "named_struct(a, 1)", "STRUCT", "STRUCT<a: INT>", "struct<a: int32>", {"a": 1}),
    ("array(struct(1 AS x))", None, "ARRAY", "ARRAY<STRUCT<x: INT>>", "list<element: struct<x: int32>>", [{"x": 1}]),
    ("parse_json('{\"a\": [1]}')", None, "VARIANT", "VARIANT", "string", '{"a":[1]}'),
    ("NULL", "NULL", "NULL", "void", "null", None),
    ("CAST(NULL AS VOID)", "CAST(NULL AS VOID)", "NULL", "void", "null", None),
    ("CAST(NULL AS DOUBLE)", None, "DOUBLE", "DOUBLE", "double", None),
    ("st_point(1, 2)", "st_point(1, 2)", "GEOMETRY", "GEOMETRY", "string", "POINT(1 2)"),
    ("uuid() IS NOT NULL", "(uuid() IS NOT NULL)", "BOOLEAN", "BOOLEAN", "bool", True),
    ("CAST('a' AS VARCHAR(10))", None, "STRING", "STRING", "string", "a"),
]  # fmt: skip


@pytest.mark.parametrize(("sql", "name", "type_name", "type_text", "arrow", "value"), TYPES, ids=[t[0] for t in TYPES])
def test_type(warehouse, sql, name, type_name, type_text, arrow, value):
    answer = warehouse.execute(f"SELECT {sql}")
    assert answer["status"]["state"] == "SUCCEEDED", answer["status"]
    column = answer["manifest"]["schema"]["columns"][0]
    assert (column["type_name"], column["type_text"]) == (type_name, type_text)
    table = warehouse.read(answer)
    field = table.schema.field(0)
    assert str(field.type) == arrow
    assert table.column(0).to_pylist() == [value]
    assert field.metadata[b"Spark:DataType:SqlName"].decode().lower() == type_text.lower()
    assert b"Spark:DataType:JsonType" in field.metadata
    if name is not None:
        assert column["name"] == field.name == name


def test_month_intervals(warehouse):
    answer = warehouse.execute(
        "SELECT INTERVAL '3-4' YEAR TO MONTH AS a, INTERVAL '-2' MONTH AS b, CAST(NULL AS INTERVAL YEAR) AS c"
    )
    schema = warehouse.read(answer).schema
    assert [str(f.type) for f in schema] == [YEAR_MONTH] * 3
    rows = warehouse.execute(
        "SELECT INTERVAL '3-4' YEAR TO MONTH AS a, INTERVAL '-2' MONTH AS b", format="JSON_ARRAY", disposition="INLINE"
    )
    assert rows["result"]["data_array"] == [["3-4", "-0-2"]]


def test_intervals_inside_nested_values(warehouse):
    sql = "SELECT array(INTERVAL '1' DAY, NULL) AS a, struct(INTERVAL '1-2' YEAR TO MONTH AS y) AS s"
    answer = warehouse.execute(sql)
    assert [c["type_text"] for c in answer["manifest"]["schema"]["columns"]] == [
        "ARRAY<INTERVAL DAY>",
        "STRUCT<y: INTERVAL YEAR TO MONTH>",
    ]
    schema = warehouse.read(answer).schema
    assert [str(f.type) for f in schema] == ["list<element: duration[us]>", "struct<y: month_interval>"]
    rows = warehouse.execute(sql, format="JSON_ARRAY", disposition="INLINE")["result"]["data_array"]
    assert rows == [['["1 00:00:00.000000000",null]', '{"y":"1-2"}']]


@pytest.mark.parametrize(("table", "rows"), [("all_types", 100), ("nested", 100), ("nulls", 100), ("edge", 7)])
def test_sample_types_round_trip_in_all_forms(warehouse, table, rows):
    sql = f"SELECT * FROM lw.types.{table}"
    whole = warehouse.table(sql)
    cut = warehouse.table(f"/*lw: chunk_rows=7, inline_max=0*/ {sql}", result_compression=None)
    assert whole.num_rows == rows and whole.schema.equals(cut.schema, check_metadata=True)
    plain = [f.name for f in whole.schema if str(f.type) not in (YEAR_MONTH, "float", "double")]
    assert whole.select(plain).equals(cut.select(plain))
    answer = warehouse.execute(sql, format="JSON_ARRAY", disposition="INLINE")
    assert len(answer["result"]["data_array"]) == rows
    described = warehouse.rows(f"DESCRIBE {'lw.types.' + table}")
    texts = [c["type_text"].lower().replace(" ", "") for c in answer["manifest"]["schema"]["columns"]]
    assert [d[1].replace(" ", "") for d in described] == texts


def test_extremes_are_exact(warehouse):
    row = warehouse.rows(
        "SELECT tinyint_col, smallint_col, int_col, bigint_col, decimal38_0_col, date_col, string_col, binary_col "
        "FROM lw.types.edge WHERE id = 2"
    )[0]
    assert row == (
        127, 32767, 2**31 - 1, 2**63 - 1, D("9" * 38), dt.date(9999, 12, 31), "\U0001d11e\U0001f600 é中\U0010ffff",
        b"\x00\xff\x7f\x80",
    )  # fmt: skip


# -- values and names -------------------------------------------------------------------------------
VALUES = [
    ("1 + 1", "(1 + 1)", 2),
    ("-1", "-1", -1),
    ("7 / 2", "(7 / 2)", 3.5),
    ("7 div 2", "(7 div 2)", 3),
    ("-7 % 3", "(-7 % 3)", -1),
    ("'5' + 1", "(5 + 1)", 6),
    ("'a' || 'b'", "concat(a, b)", "ab"),
    ("concat('a', NULL)", "concat(a, NULL)", None),
    ("'it\\'s'", "it's", "it's"),
    ('"double"', "double", "double"),
    ("'a%b' LIKE 'a\\%b'", None, True),
    ("'axb' LIKE 'a\\%b'", None, False),
    ("r'a\\n'", None, "a\\n"),
    ("'\\u0041'", None, "A"),
    ("CAST(1.9 AS INT)", "CAST(1.9 AS INT)", 1),
    ("CAST(-1.9D AS BIGINT)", None, -1),
    ("CAST('abc' AS BINARY)", "CAST(abc AS BINARY)", b"abc"),
    ("CAST(TIMESTAMP '2021-01-02 03:04:05.5' AS STRING)", None, "2021-01-02 03:04:05.5"),
    ("try_cast('a' AS INT)", "TRY_CAST(a AS INT)", None),
    ("array(1, 2)[1]", "array(1, 2)[1]", 2),
    ("map('a', 1)['a']", "map(a, 1)[a]", 1),
    ("map('a', 1)['b']", None, None),
    ("named_struct('a', 5).a", "named_struct(a, 5).a", 5),
    ("parse_json('{\"a\": {\"b\": 5}}'):a.b::int", None, 5),
    ("parse_json('{\"a\": {\"b\": \"x\"}}'):a.b::string", None, "x"),
    ("coalesce(NULL, 1)", "coalesce(NULL, 1)", 1),
    ("nvl(NULL, 'x')", "nvl(NULL, x)", "x"),
    ("if(true, 1, 2)", "(IF(true, 1, 2))", 1),
    ("CASE WHEN 1 = 1 THEN 'a' ELSE 'b' END", "CASE WHEN (1 = 1) THEN a ELSE b END", "a"),
    ("1 IN (1, 2)", "(1 IN (1, 2))", True),
    ("NOT true", "(NOT true)", False),
    ("NULL <=> NULL", "(NULL <=> NULL)", True),
    ("length('abc')", "length(abc)", 3),
    ("year(DATE '2020-01-01')", "year(DATE '2020-01-01')", 2020),
    ("datediff(DATE '2020-01-05', DATE '2020-01-01')", "datediff(DATE '2020-01-05', DATE '2020-01-01')", 4),
    ("date_add(DATE '2020-01-30', 3)", "date_add(DATE '2020-01-30', 3)", dt.date(2020, 2, 2)),
    ("DATE '2020-01-30' + INTERVAL '1' MONTH", None, dt.date(2020, 2, 29)),
    ("DATE '2020-01-05' - DATE '2020-01-01'", None, dt.timedelta(days=4)),
    ("date_format(DATE '2020-01-02', 'yyyy-MM-dd')", "date_format(DATE '2020-01-02', yyyy-MM-dd)", "2020-01-02"),
    ("from_unixtime(0, \"yyyy-MM-dd\")", "from_unixtime(0, yyyy-MM-dd)", "1970-01-01"),
    ("TIMESTAMP('2021')", None, dt.datetime(2021, 1, 1, tzinfo=UTC)),
    ("TIMESTAMP('2021-09')", None, dt.datetime(2021, 9, 1, tzinfo=UTC)),
    ("TIMESTAMP('2021-09-30 11')", None, dt.datetime(2021, 9, 30, 11, tzinfo=UTC)),
    ("TIMESTAMP('2021-09-30T11:27:35.123+04:00')", None, dt.datetime(2021, 9, 30, 7, 27, 35, 123000, tzinfo=UTC)),
    ("TIMESTAMP('9999-12-31')", None, dt.datetime(9999, 12, 31, tzinfo=UTC)),
    ("DATE('2021-09')", None, dt.date(2021, 9, 1)),
    ("CAST(s AS TIMESTAMP) FROM VALUES ('2021-09') AS t(s)", None, dt.datetime(2021, 9, 1, tzinfo=UTC)),
    ("typeof(array(1.5))", "typeof(array(1.5))", "array<decimal(2,1)>"),
    ("(SELECT max(id) FROM range(3))", "scalarsubquery()", 2),
    ("count(*)", "count(1)", 1),
    ("count(DISTINCT 1)", "count(DISTINCT 1)", 1),
    ("CAST(1 AS DECIMAL(10,2)) * CAST(3 AS DECIMAL(10,2))", None, D("3.0000")),
    ("CAST(10 AS DECIMAL(10,2)) / CAST(3 AS DECIMAL(10,2))", None, D("3.3333333333333")),
    ("1.10 + 2.2", "(1.10 + 2.2)", D("3.30")),
    ("round(2.567, 2)", "round(2.567, 2)", D("2.57")),
    ("1.0 / 3", "(1.0 / 3)", D("0.333333")),
    ("sequence(1, 3)", "sequence(1, 3)", [1, 2, 3]),
    ("transform(array(1, 2), x -> x + 1)", None, [2, 3]),
]  # fmt: skip


@pytest.mark.parametrize(("sql", "name", "value"), VALUES, ids=[v[0] for v in VALUES])
def test_value(warehouse, sql, name, value):
    table = warehouse.table(f"SELECT {sql}")
    assert table.column(0).to_pylist() == [value]
    if name is not None:
        assert table.column_names == [name]


DECIMALS = [
    ("CAST(1 AS DECIMAL(10,2)) + CAST(1 AS DECIMAL(5,3))", "DECIMAL(12,3)"),
    ("CAST(1 AS DECIMAL(10,2)) - 1", "DECIMAL(11,2)"),
    ("CAST(1 AS DECIMAL(10,2)) * CAST(1 AS DECIMAL(10,2))", "DECIMAL(21,4)"),
    ("CAST(1 AS DECIMAL(10,2)) / CAST(1 AS DECIMAL(10,2))", "DECIMAL(23,13)"),
    ("CAST(1 AS DECIMAL(10,2)) % CAST(1 AS DECIMAL(5,3))", "DECIMAL(5,3)"),
    ("CAST(1 AS DECIMAL(38,10)) * CAST(1 AS DECIMAL(38,10))", "DECIMAL(38,6)"),
    ("CAST(1 AS DECIMAL(38,0)) + CAST(1 AS DECIMAL(38,0))", "DECIMAL(38,0)"),
    ("sum(CAST(1 AS DECIMAL(10,2)))", "DECIMAL(20,2)"),
    ("avg(CAST(1 AS DECIMAL(10,2)))", "DECIMAL(14,6)"),
    ("sum(1)", "BIGINT"),
    ("avg(1)", "DOUBLE"),
    ("CAST(1 AS DECIMAL(10,2)) * 1.5D", "DOUBLE"),
]


@pytest.mark.parametrize(("sql", "text"), DECIMALS, ids=[d[0] for d in DECIMALS])
def test_decimal_rules(warehouse, sql, text):
    answer = warehouse.execute(f"SELECT {sql}")
    assert answer["manifest"]["schema"]["columns"][0]["type_text"] == text, answer["status"]


@pytest.mark.parametrize(
    ("sql", "rows"),
    [
        ("SELECT * FROM range(3)", [(0,), (1,), (2,)]),
        ("SELECT * FROM range(0, 10, 5) AS t(x)", [(0,), (5,)]),
        ("SELECT r.id, s.id FROM range(2) r, range(1) s ORDER BY 1", [(0, 0), (1, 0)]),
        ("SELECT * FROM range(2) LEFT JOIN (SELECT 1)", [(0, 1), (1, 1)]),
        ("SELECT a FROM VALUES (2), (NULL), (1) AS t(a) ORDER BY a", [(None,), (1,), (2,)]),
        ("SELECT a FROM VALUES (2), (NULL), (1) AS t(a) ORDER BY a DESC", [(2,), (1,), (None,)]),
        ("SELECT NULL UNION (SELECT 1) ORDER BY 1", [(None,), (1,)]),
        ("WITH a AS (SELECT 1 AS x), b AS (SELECT x + 1 AS y FROM a) SELECT * FROM b", [(2,)]),
        ("SELECT 1 AS a, a + 1 AS b", [(1, 2)]),
        ("SELECT * EXCEPT (id), id * 2 AS d FROM range(2)", [(0,), (2,)]),
        ("SELECT explode(array(1, 2)) AS e", [(1,), (2,)]),
        ("SELECT k, y FROM (VALUES (1, array(5, 6))) AS t(k, arr) LATERAL VIEW explode(arr) x AS y", [(1, 5), (1, 6)]),
        ("SELECT id, row_number() OVER (ORDER BY id DESC) AS r FROM range(2) ORDER BY id", [(0, 2), (1, 1)]),
        ("SELECT id FROM range(3) QUALIFY row_number() OVER (ORDER BY id DESC) = 1", [(2,)]),
        ("SELECT count(*) FROM samples.nyctaxi.trips", [(21932,)]),
        ("SELECT count(*) FROM samples.tpch.lineitem", [(59833,)]),
        ("SELECT r_name FROM samples.tpch.region ORDER BY r_regionkey LIMIT 1", [("AFRICA",)]),
        ("SELECT 1 /* comment; */ -- another ;\n;", [(1,)]),
    ],
)
def test_query(warehouse, sql, rows):
    assert warehouse.rows(sql) == rows


def test_duplicate_names_survive(warehouse):
    table = warehouse.table("SELECT 1, 1, 2 AS a, 3 AS a")
    assert table.column_names == ["1", "1", "a", "a"]
    assert [c.to_pylist() for c in table.columns] == [[1], [1], [2], [3]]


def test_sample_data_is_the_same_everywhere(warehouse):
    sql = "SELECT sum(l_extendedprice), sum(l_quantity), max(l_shipdate), count(DISTINCT l_orderkey) FROM samples.tpch.lineitem"
    total, quantity, last, orders = warehouse.rows(sql)[0]
    assert orders == 15000 and last <= dt.date(1998, 12, 31)
    joined = "SELECT count(*) FROM samples.tpch.lineitem JOIN samples.tpch.orders ON l_orderkey = o_orderkey JOIN samples.tpch.partsupp ON ps_partkey = l_partkey AND ps_suppkey = l_suppkey"
    assert warehouse.rows(joined) == [(59833,)]
    assert (total, quantity) == (D("2136309634.54"), D("1522220.00"))


# -- parameters -------------------------------------------------------------------------------------
def _named(name, kind, value):
    return {"name": name, "type": kind, "value": value}


@pytest.mark.parametrize(
    ("kind", "value", "arrow", "want"),
    [
        ("INT", "42", "int32", 42),
        ("BIGINT", "-5", "int64", -5),
        ("TINYINT", "1", "int8", 1),
        ("STRING", 'it\'s \\ "x"', "string", 'it\'s \\ "x"'),
        ("BOOLEAN", "true", "bool", True),
        ("DOUBLE", "10000000000", "double", 1e10),
        ("FLOAT", "0.5", "float", 0.5),
        ("DECIMAL(10,2)", "12.34", "decimal128(10, 2)", D("12.34")),
        ("DECIMAL(4,1)", "1E+2", "decimal128(4, 1)", D("100.0")),
        ("DATE", "2024-01-02", "date32[day]", dt.date(2024, 1, 2)),
        (
            "TIMESTAMP",
            "2026-05-15 18:00 +05:30",
            "timestamp[us, tz=Etc/UTC]",
            dt.datetime(2026, 5, 15, 12, 30, tzinfo=UTC),
        ),
        (
            "TIMESTAMP_LTZ",
            "2026-05-15T18:00:00.000Z",
            "timestamp[us, tz=Etc/UTC]",
            dt.datetime(2026, 5, 15, 18, tzinfo=UTC),
        ),
        ("TIMESTAMP_NTZ", "2026-05-15 18:00:00", "timestamp[us]", dt.datetime(2026, 5, 15, 18)),
        ("INT", None, "int32", None),
        ("VOID", None, "null", None),
        ("VOID", "ignored", "null", None),
        ("BINARY", "abc", "binary", b"abc"),
    ],
)
def test_parameter(warehouse, kind, value, arrow, want):
    positional = {"ordinal": 1, "type": kind, "value": value}
    for sql, given in (("SELECT :p AS c", _named("p", kind, value)), ("SELECT ? AS c", positional)):
        table = warehouse.table(sql, parameters=[given])
        assert str(table.schema.field(0).type) == arrow
        assert table.column(0).to_pylist() == [want]


def test_parameter_gives_its_value_as_name(warehouse):
    assert warehouse.table("SELECT ?", parameters=[{"type": "STRING", "value": "luggage"}]).column_names == ["luggage"]


def test_parameters_cannot_break_out(warehouse):
    evil = "' OR 1=1; DROP TABLE x --"
    assert warehouse.rows("SELECT :p", parameters=[_named("p", "STRING", evil)]) == [(evil,)]


@pytest.mark.parametrize(
    ("sql", "parameters", "state"),
    [
        ("SELECT :missing", [], "42P02"),
        ("SELECT ?", [], "42P02"),
        ("SELECT ?, :a", [_named("a", "INT", "1"), {"ordinal": 1, "value": "1"}], "42613"),
        ("SELECT :a", [_named("a", "INT", "x")], "22018"),
        ("SELECT :a", [_named("a", "NOSUCH", "x")], "22023"),
        ("SELECT 1 LIMIT :n", [_named("n", "DECIMAL(3,1)", "1.0")], "42K0E"),
        ("SELECT 1 LIMIT :n", [_named("n", "INT", "-1")], "42K0E"),
    ],
)
def test_parameter_errors(warehouse, sql, parameters, state):
    assert warehouse.error(sql, parameters=parameters)["sql_state"] == state


def test_limit_parameter(warehouse):
    assert warehouse.rows("SELECT id FROM range(9) LIMIT :n", parameters=[_named("n", "INT", "2")]) == [(0,), (1,)]


# -- errors (spec local-warehouse 4.2) --------------------------------------------------------------
ERRORS = [
    ("SELECT * FROM definitely_not_a_table", "42P01", "TABLE_OR_VIEW_NOT_FOUND", "definitely_not_a_table"),
    ("SELECT * FROM nosuch.a.b", "42P01", "TABLE_OR_VIEW_NOT_FOUND", "nosuch"),
    ("SELECT nosuch FROM range(3)", "42703", "UNRESOLVED_COLUMN", "nosuch"),
    ("SELECT nosuch(1)", "42883", "UNRESOLVED_ROUTINE", "nosuch"),
    ("SELECT * FROM nosuch(1)", "42883", "UNRESOLVABLE_TABLE_VALUED_FUNCTION", "nosuch"),
    ("SELEC 1", "42601", "PARSE_SYNTAX_ERROR", "SELEC 1"),
    ("SELECT 1; SELECT 2", "42601", "PARSE_SYNTAX_ERROR", "SELECT"),
    ("SELECT FROM WHERE", "42601", "PARSE_SYNTAX_ERROR", "WHERE"),
    ("SELECT 1/0", "22012", "DIVIDE_BY_ZERO", ""),
    ("SELECT 1 % 0", "22012", "REMAINDER_BY_ZERO", ""),
    ("SELECT 1.5 / 0", "22012", "DIVIDE_BY_ZERO", ""),
    ("SELECT id / (id - id) FROM range(1)", "22012", "DIVIDE_BY_ZERO", ""),
    ("SELECT CAST('abc' AS INT)", "22018", "CAST_INVALID_INPUT", "abc"),
    ("SELECT DATE 'bad'", "42604", "INVALID_TYPED_LITERAL", "bad"),
    ("SELECT CAST(3000000000 AS INT)", "22003", "CAST_OVERFLOW", ""),
    ("SELECT 2147483647 + 1", "22003", "ARITHMETIC_OVERFLOW", ""),
    ("SELECT array(1)[5]", "22003", "INVALID_ARRAY_INDEX", ""),
    ("SELECT (SELECT id FROM range(2))", "21000", "SCALAR_SUBQUERY_TOO_MANY_ROWS", ""),
    ("SELECT a FROM (SELECT 1 AS a, 2 AS b) GROUP BY b", "42803", "MISSING_AGGREGATION", "a"),
    ("SELECT 1 UNION SELECT 1, 2", "42826", "NUM_COLUMNS_MISMATCH", ""),
    ("USE nosuch_schema_x", "42704", "SCHEMA_NOT_FOUND", "nosuch_schema_x"),
    ("USE CATALOG nosuch_catalog", "42704", "NO_SUCH_CATALOG_EXCEPTION", "nosuch_catalog"),
    ("DROP TABLE nosuch_table", "42P01", "TABLE_OR_VIEW_NOT_FOUND", "nosuch_table"),
    ("CREATE TABLE nosuch.s.t (a INT)", "42704", "NO_SUCH_CATALOG_EXCEPTION", "nosuch"),
    ("CREATE SCHEMA main.default", "42P06", "SCHEMA_ALREADY_EXISTS", "default"),
    ("SET nosuch_conf = 1", "42K0I", "CONFIG_NOT_AVAILABLE", "nosuch_conf"),
    ("SET ansi_mode = maybe", "22022", "INVALID_CONF_VALUE", "maybe"),
    ("SET TIME ZONE 'Mars/Base'", "22022", "INVALID_CONF_VALUE", "Mars/Base"),
    ("SELECT INTERVAL 'x' DAY", "22006", "INVALID_INTERVAL_FORMAT", "x"),
    ("SELECT CAST(1 AS DECIMAL(50,1))", "0A000", "UNSUPPORTED_DATATYPE", "50"),
    ("PUT '/tmp/x' INTO '/Volumes/a/b/c'", "42704", "RESOURCE_NOT_FOUND", "NOT_FOUND: Catalog 'a'"),
    ("COPY INTO t FROM '/tmp/x'", "42601", "PARSE_SYNTAX_ERROR", "end of input"),
]  # fmt: skip


@pytest.mark.parametrize(("sql", "state", "condition", "words"), ERRORS, ids=[e[0] for e in ERRORS])
def test_error(warehouse, sql, state, condition, words):
    status = warehouse.error(sql)
    message = status["error"]["message"]
    assert status["sql_state"] == state, message
    assert message.startswith(f"[{condition}") and words in message
    assert message.rstrip().endswith(f"SQLSTATE: {state}") or f"SQLSTATE: {state}" in message


@pytest.mark.parametrize(
    "sql", ["SELECT 1/0", "SELECT CAST('abc' AS INT)", "SELECT TIMESTAMP('bad')", "SELECT array(1)[5]", "SELECT 1 % 0"]
)
def test_ansi_off_gives_null(warehouse, sql):
    session = warehouse.session(session_confs={"ANSI_MODE": "false"})
    assert warehouse.rows(sql, session) == [(None,)]


# -- session statements -----------------------------------------------------------------------------
def test_set_and_reset(warehouse):
    session = warehouse.session(session_confs={"ansi_mode": "false"})
    run = lambda sql: warehouse.rows(sql, session)  # noqa: E731
    assert run("SET ANSI_MODE") == [("ANSI_MODE", "false")]
    assert run("SET ansi_mode = true") == [("ansi_mode", "true")]
    assert run("SET statement_timeout = 300") == [("statement_timeout", "300")]
    assert dict(run("SET -v"))["STATEMENT_TIMEOUT"] == "300"
    assert run("SET query_tags") == [("query_tags", "")]
    run(r"SET query_tags = team:peco,bare,a\:b:c\,d\\")
    assert run("SET query_tags") == [("team", "peco"), ("bare", ""), ("a:b", "c,d\\")]
    assert run("SET spark.sql.x.y = 'a b'") == [("spark.sql.x.y", "a b")]
    assert run("SET spark.sql.x.y") == [("spark.sql.x.y", "a b")]
    warehouse.execute("RESET", session)
    assert dict(run("SET"))["STATEMENT_TIMEOUT"] == "0"


@pytest.mark.parametrize(
    ("zone", "arrow", "hour"),
    [("Europe/Amsterdam", "Europe/Amsterdam", 23), ("UTC", "Etc/UTC", 0), ("America/New_York", "America/New_York", 5)],
)
def test_time_zone(warehouse, zone, arrow, hour):
    session = warehouse.session()
    assert warehouse.rows(f"SET TIME ZONE '{zone}'", session) == [("timezone", zone)]
    table = warehouse.table("SELECT TIMESTAMP '2021-01-01 00:00:00', TIMESTAMP_NTZ '2021-01-01 00:00:00'", session)
    assert str(table.schema.field(0).type) == f"timestamp[us, tz={arrow}]"
    assert table.column(0)[0].as_py().astimezone(UTC).hour == hour
    assert table.column(1)[0].as_py() == dt.datetime(2021, 1, 1)


def test_use(warehouse):
    session = warehouse.session()
    run = lambda sql: warehouse.execute(sql, session)["status"]["state"]  # noqa: E731
    where = lambda: warehouse.rows("SELECT current_catalog(), current_database(), current_schema()", session)[0]  # noqa: E731
    assert where() == ("main", "default", "default")
    assert run("USE CATALOG samples") == "SUCCEEDED" and where() == ("samples", "default", "default")
    assert run("USE SCHEMA tpch") == "SUCCEEDED" and where() == ("samples", "tpch", "tpch")
    assert warehouse.rows("SELECT count(*) FROM region", session) == [(5,)]
    assert run("USE lw.types") == "SUCCEEDED" and where() == ("lw", "types", "types")
    assert run("USE CATALOG system") == run("USE SCHEMA information_schema") == "SUCCEEDED"
    assert warehouse.rows("SELECT count(*) > 10 FROM tables", session) == [(True,)]


def test_no_operations(warehouse):
    for sql in (
        "OPTIMIZE samples.tpch.region",
        "ANALYZE TABLE samples.tpch.region COMPUTE STATISTICS",
        "GRANT SELECT ON TABLE x TO `y`",
    ):
        assert warehouse.execute(sql)["status"]["state"] == "SUCCEEDED"


# -- tables -----------------------------------------------------------------------------------------
@pytest.fixture
def schema(warehouse, request):
    name = f"t{abs(hash(request.node.name)) % 10**8}"
    session = warehouse.session()
    warehouse.execute(f"CREATE SCHEMA main.{name}", session)
    warehouse.execute(f"USE main.{name}", session)
    yield (
        lambda sql, **fields: warehouse.execute(sql, session, **fields),
        lambda sql: warehouse.rows(sql, session),
        name,
        session,
    )
    warehouse.execute(f"DROP SCHEMA main.{name} CASCADE", session)


def test_dml_counts_and_effects(warehouse, schema):
    run, rows, name, _ = schema
    run("CREATE TABLE t (a INT NOT NULL, b STRING)")
    for sql, count, columns in (
        ("INSERT INTO t VALUES (1, 'x'), (2, 'y'), (3, 'z')", 3, ["num_affected_rows", "num_inserted_rows"]),
        ("UPDATE t SET b = 'q' WHERE a > 1", 2, ["num_affected_rows"]),
        ("DELETE FROM t WHERE a = 1", 1, ["num_affected_rows"]),
        ("INSERT INTO TABLE t SELECT id + 10, 'n' FROM range(4)", 4, ["num_affected_rows", "num_inserted_rows"]),
    ):
        answer = run(sql)
        assert answer["status"] == {"state": "SUCCEEDED", "num_modified_rows": count}
        assert warehouse.read(answer).to_pylist() == [dict.fromkeys(columns, count)]
        assert warehouse.effects()[sql] == 1
    merge = (
        "MERGE INTO t USING (SELECT 2 AS a, 'm' AS b UNION ALL SELECT 99, 'new') s ON t.a = s.a "
        "WHEN MATCHED THEN UPDATE SET b = s.b WHEN NOT MATCHED THEN INSERT (a, b) VALUES (s.a, s.b)"
    )
    assert warehouse.read(run(merge)).to_pylist() == [
        {"num_affected_rows": 2, "num_updated_rows": 1, "num_deleted_rows": 0, "num_inserted_rows": 1}
    ]
    assert rows("SELECT a, b FROM t WHERE a IN (2, 99) ORDER BY a") == [(2, "m"), (99, "new")]
    run("INSERT OVERWRITE t SELECT 7, 'only'")
    assert rows("SELECT * FROM t") == [(7, "only")]
    failed = run("INSERT INTO t VALUES (NULL, 'x')")["status"]
    assert failed["sql_state"] == "23502" and rows("SELECT count(*) FROM t") == [(1,)]
    assert run("INSERT INTO t VALUES (1)")["status"]["sql_state"] == "21S01"
    assert "num_modified_rows" not in run("SELECT * FROM t")["status"]


def test_concurrent_inserts_all_count(warehouse, schema):
    run, rows, name, session = schema
    run("CREATE TABLE t (a INT)")
    started = [run(f"INSERT INTO t VALUES ({i})", wait_timeout="0s")["statement_id"] for i in range(30)]
    for statement in started:
        while warehouse.call("GET", f"/api/2.0/sql/statements/{statement}").json()["status"]["state"] != "SUCCEEDED":
            pass
    assert rows("SELECT count(*), count(DISTINCT a) FROM t") == [(30, 30)]


def test_tables_views_and_describe(warehouse, schema):
    run, rows, name, session = schema
    run(
        "CREATE TABLE t (id INT NOT NULL COMMENT 'the key', price DECIMAL(3,2), c CHAR(20), v VARCHAR(20), d INTERVAL DAY, "
        "y INTERVAL MONTH, m MAP<STRING, INT>, s STRUCT<city: STRING, state: STRING>, a ARRAY<STRUCT<x: INT>>, j VARIANT, "
        "ts TIMESTAMP, n TIMESTAMP_NTZ) USING DELTA COMMENT 'a table' TBLPROPERTIES ('k' = 'v')"
    )
    assert [r[:2] for r in rows("DESCRIBE t")] == [
        ("id", "int"), ("price", "decimal(3,2)"), ("c", "char(20)"), ("v", "varchar(20)"), ("d", "interval day"),
        ("y", "interval month"), ("m", "map<string,int>"), ("s", "struct<city:string,state:string>"),
        ("a", "array<struct<x:int>>"), ("j", "variant"), ("ts", "timestamp"), ("n", "timestamp_ntz"),
    ]  # fmt: skip
    run(
        "INSERT INTO t VALUES (1, '1.25', 'c', 'v', INTERVAL '1' DAY, INTERVAL '2' MONTH, map('k', 1), "
        "named_struct('city', 'A', 'state', 'B'), array(named_struct('x', 1)), parse_json('[1]'), '2021-01-02 03:04:05', '2021-01-02')"
    )
    table = warehouse.table("SELECT id, price, m['k'], s.city, a[0].x, j, ts FROM t", session)
    assert [c[0].as_py() for c in table.columns] == [
        1, D("1.25"), 1, "A", 1, "[1]", dt.datetime(2021, 1, 2, 3, 4, 5, tzinfo=UTC),
    ]  # fmt: skip
    run("CREATE VIEW v AS SELECT id, price * 2 AS twice FROM t")
    run("CREATE TEMPORARY VIEW tv AS SELECT id FROM v")
    assert rows("SELECT v.twice, tv.id FROM v JOIN tv ON v.id = tv.id") == [(D("2.50"), 1)]
    assert warehouse.error("SELECT * FROM tv")["sql_state"] == "42P01", "temporary views belong to their session"
    assert sorted(rows("SHOW TABLES")) == [("", "tv", True), (name, "t", False), (name, "v", False)]
    run("CREATE OR REPLACE TABLE u AS SELECT 1 AS a, CAST(1.5 AS DECIMAL(5,2)) AS d, INTERVAL '1' DAY AS i")
    assert [r[1] for r in rows("DESCRIBE u")] == ["int", "decimal(5,2)", "interval day"]
    assert run("CREATE TABLE u (a INT)")["status"]["sql_state"] == "42P07"
    run("ALTER TABLE u ADD COLUMNS (z STRING)")
    run("ALTER TABLE u RENAME COLUMN a TO b")
    run("ALTER TABLE u DROP COLUMN d")
    assert [r[0] for r in rows("DESCRIBE u")] == ["b", "i", "z"]
    assert rows("DESCRIBE QUERY SELECT 1 AS a, ? AS b")[0][:2] == ("a", "int")
    assert ("# Detailed Table Information", "", "") in rows("DESCRIBE EXTENDED t")
    run("DROP VIEW v")
    run("DROP TABLE IF EXISTS u")
    assert [r[1] for r in rows("SHOW TABLES")] == ["t", "tv"]


# -- SHOW (spec metadata 3) -------------------------------------------------------------------------
def test_show_columns_of_results(warehouse):
    names = lambda sql: warehouse.table(sql).column_names  # noqa: E731
    assert names("SHOW CATALOGS") == ["catalog"]
    assert names("SHOW SCHEMAS IN `main`") == ["databaseName"]
    assert names("SHOW SCHEMAS IN ALL CATALOGS") == ["databaseName", "catalog"]
    assert names("SHOW TABLES IN CATALOG `samples`") == [
        "namespace", "tableName", "isTemporary", "information", "catalogName", "tableType", "remarks",
    ]  # fmt: skip
    assert names("SHOW COLUMNS IN CATALOG `samples`") == [
        "col_name", "catalogName", "namespace", "tableName", "columnType", "columnSize", "decimalDigits", "radix",
        "isNullable", "remarks", "ordinalPosition", "isAutoIncrement", "isGenerated",
    ]  # fmt: skip
    assert names("SHOW KEYS IN CATALOG `samples` IN SCHEMA `tpch` IN TABLE `region`") == [
        "catalogName", "namespace", "tableName", "col_name", "keySeq", "constraintName",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("sql", "rows"),
    [
        ("SHOW CATALOGS LIKE 'sa*'", ["samples"]),
        ("SHOW SCHEMAS IN `samples`", ["default", "information_schema", "nyctaxi", "tpch"]),
        ("SHOW SCHEMAS IN `samples` LIKE 'T*|nyc....'", ["nyctaxi", "tpch"]),
        ("SHOW SCHEMAS IN samples LIKE 'tp.h'", ["tpch"]),
        ("SHOW SCHEMAS IN `samples` LIKE 'it''s'", []),
    ],
)
def test_show_patterns(warehouse, sql, rows):
    assert [r[0] for r in warehouse.rows(sql)] == rows


@pytest.mark.parametrize(
    ("clauses", "want"),
    [
        ("IN CATALOG `samples` SCHEMA LIKE 'tpch' LIKE '*part*'", ["part", "partsupp"]),
        ("IN CATALOG `samples` SCHEMA LIKE 'nyc*'", ["trips"]),
        ("IN ALL CATALOGS SCHEMA LIKE 'types' LIKE 'n*|edge'", ["edge", "nested", "nulls"]),
        ("IN CATALOG `samples` LIKE ''", []),
        ("IN samples.tpch LIKE 'o*'", ["orders"]),
    ],
)
def test_show_tables(warehouse, clauses, want):
    assert [r[1] for r in warehouse.rows(f"SHOW TABLES {clauses}")] == want


def test_show_columns(warehouse):
    rows = warehouse.rows("SHOW COLUMNS IN CATALOG `samples` SCHEMA LIKE 'tpch' TABLE LIKE 'region' LIKE 'r_*'")
    assert rows[0] == (
        "r_regionkey", "samples", "tpch", "region", "BIGINT", 8, 0, 10, "true", "", 0, "false", "false",
    )  # fmt: skip
    everything = warehouse.rows("SHOW COLUMNS IN ALL CATALOGS TABLE LIKE 'all_types'")
    assert ("struct_col", "lw", "STRUCT<a: INT, b: STRING>") in [(r[0], r[1], r[4]) for r in everything]
    assert warehouse.error("SHOW COLUMNS IN CATALOG nosuch")["sql_state"] == "42704"


def test_keys(warehouse, schema):
    run, rows, name, _ = schema
    run("CREATE TABLE parent (a INT NOT NULL, b INT NOT NULL, CONSTRAINT parent_pk PRIMARY KEY (a, b))")
    run("CREATE TABLE child (x INT, y INT, CONSTRAINT child_fk FOREIGN KEY (x, y) REFERENCES parent (a, b))")
    assert rows(f"SHOW KEYS IN CATALOG `main` IN SCHEMA `{name}` IN TABLE `parent`") == [
        ("main", name, "parent", "a", 1, "parent_pk"), ("main", name, "parent", "b", 2, "parent_pk"),
    ]  # fmt: skip
    found = rows(f"SHOW FOREIGN KEYS IN CATALOG `main` IN SCHEMA `{name}` IN TABLE `child`")
    assert [r[:10] for r in found] == [
        ("main", name, "child", "x", 1, "child_fk", "main", name, "parent", "a"),
        ("main", name, "child", "y", 2, "child_fk", "main", name, "parent", "b"),
    ]
    usage = "SELECT column_name, ordinal_position FROM main.information_schema.key_column_usage WHERE constraint_name = 'parent_pk'"
    assert sorted(rows(usage)) == [("a", 1), ("b", 2)]


def test_information_schema(warehouse):
    rows = warehouse.rows(
        "SELECT table_catalog, table_schema, table_name FROM system.information_schema.tables WHERE table_name = 'trips'"
    )
    assert rows == [("samples", "nyctaxi", "trips")]
    columns = warehouse.rows(
        "SELECT column_name, full_data_type, is_nullable FROM samples.information_schema.columns "
        "WHERE table_name = 'region' ORDER BY ordinal_position"
    )
    assert columns == [("r_regionkey", "bigint", "YES"), ("r_name", "string", "YES"), ("r_comment", "string", "YES")]
    assert warehouse.rows("SELECT count(*) FROM samples.information_schema.schemata") == [(4,)]
    routines = (
        "SELECT routine_catalog, routine_schema, routine_name, comment, specific_name FROM "
        "`main`.information_schema.routines WHERE routine_type = 'FUNCTION' AND routine_schema LIKE 'a\\\\_b' "
        "ORDER BY routine_catalog, routine_schema, routine_name"
    )
    assert warehouse.table(routines).num_rows == 0
    granted = "SELECT privilege_type FROM samples.information_schema.table_privileges WHERE table_name = 'region' ORDER BY 1"
    assert warehouse.rows(granted) == [("MODIFY",), ("SELECT",)]
    for view in ("table_tags", "column_tags", "column_masks", "row_filters"):  # dbt asks before it does without
        assert warehouse.rows(f"SELECT * FROM main.information_schema.{view}") == []


def test_times_of_day(warehouse):
    warehouse.execute("CREATE OR REPLACE TABLE clock (t TIME, u TIME(6))")
    warehouse.execute("INSERT INTO clock VALUES (TIME'11:22:33.5', CAST('08:15' AS TIME))")
    table = warehouse.table("SELECT * FROM clock WHERE t < TIME'12:00:00'")
    assert str(table.schema.field("t").type) == "time64[ns]"
    assert warehouse.rows("SELECT CAST(t AS STRING), CAST(u AS STRING) FROM clock") == [("11:22:33.5", "08:15:00")]
    assert warehouse.rows("DESCRIBE clock") == [("t", "time(6)", None), ("u", "time(6)", None)]
    assert warehouse.table("SELECT TIME'10:30:00'").column_names == ["TIME '10:30:00'"]


def test_pattern_reader():
    from warehouse.show import pattern

    for text, name, want in (
        ("*", "", True), ("a*", "ABC", True), ("a.c", "abc", True), ("a.c", "ac", False), ("a|b", "b", True),
        ("a\\*", "a*", True), ("a\\*", "ab", False), ("", "", True), ("", "a", False), ("a+", "a+", True), ("[", "[", True),
    ):  # fmt: skip
        assert bool(pattern(text).match(name)) is want, (text, name)


def test_type_texts_round_trip():
    from warehouse.dialect.types import parse_type

    for text in (
        "INT", "DECIMAL(10,2)", "ARRAY<MAP<STRING, INT>>", "STRUCT<a: INT, `b c`: ARRAY<STRING>>", "varchar(10)",
        "INTERVAL DAY TO SECOND", "INTERVAL MONTH", "TIMESTAMP_NTZ", "void", "VARIANT",
    ):  # fmt: skip
        assert parse_type(text).text() == text
        assert parse_type(parse_type(text).simple()) == parse_type(text)
    for text in (
        "",
        "NOSUCH",
        "DECIMAL(39,0)",
        "DECIMAL(2,3)",
        "ARRAY<",
        "ARRAY<INT>>",
        "STRUCT<a INT",
        "INT INT",
        "'; x",
    ):
        with pytest.raises(ValueError):
            parse_type(text)


def test_relabelled_batches_share_their_buffers():
    from warehouse.arrowtypes import MONTH_INTERVAL, relabel

    plain = pa.record_batch([pa.array([14, None], pa.int32())], names=["a"])
    months = relabel(plain, pa.schema([pa.field("a", MONTH_INTERVAL)]))
    assert str(months.schema.field(0).type) == YEAR_MONTH
    assert relabel(months, plain.schema).equals(plain)


# -- session variables, EXPLAIN ---------------------------------------------------------------------
def test_session_variables(warehouse):
    session = warehouse.session()

    def run(sql):
        answer = warehouse.execute(sql, session)
        assert answer["status"]["state"] == "SUCCEEDED", answer["status"]
        return warehouse.rows(sql, session) if sql.startswith("SELECT") else None

    run("DECLARE VARIABLE low INT DEFAULT 3")
    run("DECLARE OR REPLACE word = \"it's\"")
    run("DECLARE amount DECIMAL(10,2) DEFAULT 1.5")
    run("DECLARE nothing DATE")
    assert run("SELECT low + 1, word, amount, nothing, session.low") == [(4, "it's", D("1.50"), None, 3)]
    assert run("SELECT count(*) FROM range(10) WHERE id >= low") == [(7,)]
    run("SET VAR low = low * 2")
    run("SET VARIABLE nothing = DATE '2026-01-02'")
    assert run("SELECT low, year(nothing)") == [(6, 2026)]
    assert run("SELECT low FROM (SELECT 1 AS low)") == [(1,)], "a column of that name is nearer"
    run("DROP TEMPORARY VARIABLE word")
    run("DROP TEMPORARY VARIABLE IF EXISTS word")


@pytest.mark.parametrize(
    ("sql", "condition"),
    [
        ("SET VAR nosuch = 1", "UNRESOLVED_VARIABLE"),
        ("DROP TEMPORARY VARIABLE nosuch", "UNRESOLVED_VARIABLE"),
        ("DECLARE x ARRAY<INT>", "UNSUPPORTED_FEATURE"),
        ("DECLARE x NOSUCHTYPE", "UNSUPPORTED_DATATYPE"),
        ("DECLARE x INT DEFAULT (SELECT id FROM range(2))", "SCALAR_SUBQUERY_TOO_MANY_ROWS"),
        ("DECLARE x INT DEFAULT 'abc'", "CAST_INVALID_INPUT"),
        ("DECLARE x", "PARSE_SYNTAX_ERROR"),
        ("DECLARE x INT DEFAULT 1) UNION SELECT (2", "PARSE_SYNTAX_ERROR"),
        ("DECLARE x DEFAULT 1) UNION SELECT (2", "ROW_SUBQUERY_TOO_MANY_ROWS"),
        ("EXPLAIN INSERT INTO t VALUES (1)", "UNSUPPORTED_FEATURE"),
        ("EXPLAIN SELECT * FROM nosuch_t", "TABLE_OR_VIEW_NOT_FOUND"),
    ],
)
def test_variables_and_explain_errors(warehouse, sql, condition):
    assert warehouse.error(sql, warehouse.session())["error"]["message"].startswith(f"[{condition}")


def test_explain(warehouse):
    table = warehouse.table("EXPLAIN FORMATTED SELECT count(*) FROM range(10) WHERE id > 3")
    assert table.column_names == ["plan"] and table.num_rows == 1
    assert table.column(0)[0].as_py().startswith("== Physical Plan ==\n")
