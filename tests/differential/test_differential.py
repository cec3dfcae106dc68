"""The same statements through our library and through the Rust kernel, on the same warehouse: equal
status, error, schema, values, row counts, and equal requests on the wire. A difference is a bug of
ours, or a row of docs/differences.md that a test here names."""

from __future__ import annotations

import pytest
from abi_driver import SUCCESS, Probe
from abi_env import LIBRARY
from comparing import Side, differences, wire

# ---- statements: a name and the SQL --------------------------------------------------------------
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
INT64 = {"bind": "int64", "args": [1, 42]}
PARAMETERS = {
    "int64": ("SELECT ?", [INT64]),
    "double": ("SELECT ?, ?", [{"bind": "double", "args": [1, 1.5]}, {"bind": "double", "args": [2, 1e300]}]),
    "double forms": (
        "SELECT ?, ?, ?, ?",
        [{"bind": "double", "args": [i + 1, v]} for i, v in enumerate((0.1, -0.0, 1e-7, 123456789.0))],
    ),
    "bool": ("SELECT ?, ?", [{"bind": "bool", "args": [1, True]}, {"bind": "bool", "args": [2, False]}]),
    "string": ("SELECT ?, ?", [{"bind": "string", "args": [1, "it's é"]}, {"bind": "string", "args": [2, ""]}]),
    "null": ("SELECT ?", [{"bind": "null", "args": [1]}]),
    "out of order": ("SELECT ?, ?", [{"bind": "int64", "args": [2, 2]}, {"bind": "int64", "args": [1, 1]}]),
    "gap": ("SELECT ?, ?, ?", [{"bind": "int64", "args": [3, 3]}]),
    "bound again": ("SELECT ?", [INT64, {"bind": "string", "args": [1, "other"]}]),
    "raw positional": (
        "SELECT ?, ?, ?",
        [
            {"type": "INT", "value": "7"},
            {"type": "DATE", "value": "2024-02-29"},
            {"type": "DECIMAL(10,2)", "value": "1.50"},
        ],
    ),
    "raw named": (
        "SELECT :a, :b",
        [{"name": "a", "type": "STRING", "value": "x"}, {"name": "b", "type": "BIGINT", "value": "9"}],
    ),
    "raw null": ("SELECT ?, ?", [{"type": "INT", "value": None}, {"type": "VOID", "value": None}]),
    "raw types": (
        "SELECT ?, ?, ?, ?, ?",
        [
            {"type": t, "value": v}
            for t, v in (
                ("BOOLEAN", "true"),
                ("DOUBLE", "0.5"),
                ("TIMESTAMP", "2026-01-02 03:04:05"),
                ("TINYINT", "-1"),
                ("SMALLINT", "300"),
            )
        ],
    ),
    "raw bad value": ("SELECT ?", [{"type": "INT", "value": "abc"}]),
    "raw bad type": ("SELECT ?", [{"type": "NOSUCHTYPE", "value": "1"}]),
    "mixed styles": ("SELECT ?, :a", [{"type": "INT", "value": "1"}, {"name": "a", "type": "INT", "value": "1"}]),
    "raw with typed": ("SELECT ?, ?", [INT64, {"type": "INT", "value": "1"}]),
    "missing": ("SELECT ?", []),
    "too many": ("SELECT 1", [INT64]),
    "ordinal zero": ("SELECT 1", []),
}
CONFS = {
    "plain": {},
    "json": {"complex_types_as_json": "true"},
    "text": {"intervals_as_string": "true"},
    "both": {"complex_types_as_json": "true", "intervals_as_string": "true"},
}


@pytest.fixture(scope="session")
def sides(warehouse, build_dir, probe_program, peer_library):
    with Probe(probe_program, build_dir / LIBRARY) as ours, Probe(probe_program, peer_library) as peer:
        pair = Side("ours", ours, warehouse), Side("peer", peer, warehouse)
        yield pair
        for side in pair:
            side.close()


def compare(sides, sql: str, params=None, client_confs=None, table: str = "t") -> dict:
    """Runs one statement on both; fails with every difference. Returns what ours showed."""
    (ours, our_wire), (peer, peer_wire) = (
        side.query(sql.replace("{t}", f"{side.name}_{table}"), params, client_confs) for side in sides
    )
    found = list(differences(ours, renamed(peer)))
    found += [f"wire{text}" for text in differences(statements_of(our_wire), statements_of(renamed(peer_wire)))]
    assert not found, "ours | peer:\n" + "\n".join(found[:40])
    assert not [r for r in our_wire if "/cancel" in r["line"]]
    return ours


def compare_rows(sides, sql: str, **options) -> dict:
    """The same for a statement that must succeed on both."""
    seen = compare(sides, sql, **options)
    assert (seen["status"], seen.get("read_status")) == (SUCCESS, SUCCESS), seen["error"] or seen["read_error"]
    return seen


def renamed(value):
    """The peer's tables under our names."""
    if isinstance(value, dict):
        return {k: renamed(v) for k, v in value.items()}
    if isinstance(value, list):
        return [renamed(v) for v in value]
    return value.replace("peer_", "ours_") if isinstance(value, str) else value


def statements_of(requests: list[dict]) -> list[dict]:
    """The requests whose number and order do not depend on timing: all but polls, downloads, and the
    cancel that the Rust kernel sends for a statement that has failed (docs/differences.md)."""
    return [r for r in requests if not r["line"].startswith("GET") and "/cancel" not in r["line"]]


@pytest.mark.parametrize("conf", CONFS)
@pytest.mark.parametrize("name", [*SCALARS, *NESTED])
def test_types(sides, name, conf):
    compare_rows(sides, {**SCALARS, **NESTED}[name], client_confs=CONFS[conf])


@pytest.mark.parametrize("name", SHAPES)
def test_shapes(sides, name):
    compare_rows(sides, SHAPES[name])


@pytest.mark.parametrize("conf", CONFS)
@pytest.mark.parametrize("type_text", EMPTY_TYPES)
def test_empty_results(sides, type_text, conf):
    compare_rows(sides, f"SELECT CAST(NULL AS {type_text}) AS x, 1 AS y FROM range(0)", client_confs=CONFS[conf])


@pytest.mark.parametrize("name", CHUNKED)
def test_chunks(sides, name):
    compare_rows(sides, CHUNKED[name])


@pytest.mark.parametrize("name", ERRORS)
def test_errors(sides, name):
    compare(sides, ERRORS[name])


@pytest.mark.parametrize("name", EFFECTS)
def test_effects(sides, name):
    for sql in EFFECTS[name]:
        compare_rows(sides, sql)


SESSIONS = {
    "plain": {},
    "confs": {"session_confs": {"ansi_mode": "true", "TIMEZONE": "Europe/Berlin", "STATEMENT_TIMEOUT": "300"}},
    "query tags": {"session_confs": {"QUERY_TAGS": "team:peco,bare"}},
    "client only conf": {"session_confs": {"cloudfetch_max_chunks_in_memory": "4"}},
    "no cloud fetch": {"client_confs": {"cloudfetch_enabled": "false"}},
    "headers": {"headers": [("x-one", "1"), ("x-two", "a b"), ("x-one", "again")]},
    "kept headers": {"headers": [("Authorization", "Bearer other"), ("x-databricks-org-id", "7"), ("accept", "x/y")]},
    "user agent": {"headers": [("User-Agent", "first/1"), ("user-agent", "last/2")]},
    "org id": {"http_path": "/sql/1.0/warehouses/local?o=42"},
    "endpoint": {"http_path": "sql/1.0/endpoints/local/"},
}


@pytest.mark.parametrize("name", SESSIONS)
def test_session_on_the_wire(sides, warehouse, name):
    """Open, one statement, close: every request with every header but the default user agent."""
    requests = []
    for side in sides:
        mark = warehouse.journal_mark()
        session = side.probe.open(warehouse, **SESSIONS[name])
        assert session.rows("SELECT 1") == [(1,)]
        session.close()
        entries = warehouse.journal(mark)
        requests.append([wire(e, agent=name == "user agent") for e in entries])
    found = list(differences(*requests))
    assert not found, "ours | peer:\n" + "\n".join(found)


@pytest.mark.parametrize("name", PARAMETERS)
def test_parameters(sides, name):
    sql, params = PARAMETERS[name]
    compare(sides, sql, params)
