"""Catalog calls of our library: on the local warehouse as a user sees them, and on a scripted server
for answers that no real server gives. The rules are those of the unit tests in src/metadata."""

from __future__ import annotations

import threading

import pyarrow as pa
import pytest
from abi_driver import DATA_LOSS, INVALID_ARGUMENT, SQL_ERROR, Session, wait_until
from catalog_calls import ScriptedServer, ask, columns_of, failed, json_result, posted, rejected

SETUP = [
    "CREATE SCHEMA IF NOT EXISTS main.md_calls",
    "CREATE OR REPLACE TABLE main.md_calls.par (id INT NOT NULL, CONSTRAINT pk_par PRIMARY KEY (id))",
    "CREATE OR REPLACE TABLE main.md_calls.chi (id BIGINT, par_id INT COMMENT 'points', d DECIMAL(10,2), "
    "CONSTRAINT fk_chi FOREIGN KEY (par_id) REFERENCES main.md_calls.par(id))",
    "CREATE OR REPLACE VIEW main.md_calls.v AS SELECT 1 AS one",
    "CREATE OR REPLACE TABLE main.md_calls.`a\\b` (`c\\d` INT)",
    "CREATE OR REPLACE TABLE main.md_calls.`it's` (a INT)",
    "CREATE OR REPLACE TABLE main.md_calls.a_b (a INT)",
    "CREATE OR REPLACE TABLE main.md_calls.axb (a INT)",
]
CATALOGS = [f"md_fan_{i:02d}" for i in range(40)]


@pytest.fixture(scope="module")
def prepared(warehouse):
    sql_session = warehouse.session()
    for sql in SETUP + [f"CREATE CATALOG IF NOT EXISTS {name}" for name in CATALOGS]:
        status = warehouse.execute(sql, sql_session)["status"]
        assert status["state"] == "SUCCEEDED", (sql, status)
    for name in CATALOGS:
        warehouse.execute(f"CREATE TABLE IF NOT EXISTS {name}.default.t (a INT)", sql_session)
    return warehouse


@pytest.fixture
def scripted(probe):
    server = ScriptedServer()
    session = probe.open(server)
    yield server, session
    session.close()
    server.close()


def tables(session: Session, *args) -> list[tuple]:
    return [row[:4] for row in ask(session, "list_tables", *args)["rows"]]


# ---- what a user sees -----------------------------------------------------------------------------------


def test_catalogs_and_schemas(prepared, session):
    assert ("main",) in ask(session, "list_catalogs")["rows"]
    assert ask(session, "list_schemas", "main", "md\\_calls")["rows"] == [("md_calls", "main")]
    assert ("md_calls", "main") in ask(session, "list_schemas", None, "md_c%")["rows"]
    assert ask(session, "list_schemas", "main", "no_such")["rows"] == []


def test_tables(prepared, session):
    seen = ask(session, "list_tables", "main", "md_calls", None, None)
    assert columns_of(seen)[:5] == ["TABLE_CAT", "TABLE_SCHEM", "TABLE_NAME", "TABLE_TYPE", "REMARKS"]
    assert [row[2:4] for row in seen["rows"]] == [
        ("a\\b", "TABLE"), ("a_b", "TABLE"), ("axb", "TABLE"), ("chi", "TABLE"), ("it's", "TABLE"),
        ("par", "TABLE"), ("v", "VIEW"),
    ]  # fmt: skip
    assert tables(session, "main", "md_calls", None, "view, ") == [("main", "md_calls", "v", "VIEW")]
    assert tables(session, "main", "md_calls", None, "'VIEW'") == []
    assert len(tables(session, "main", "md_calls", None, " , ")) == 7


@pytest.mark.parametrize(
    ("pattern", "names"),
    [
        ("a_b", ["a\\b", "a_b", "axb"]),
        ("a\\_b", ["a_b"]),
        ("a\\\\b", ["a\\b"]),  # the Rust kernel never finds this one
        ("it's", ["it's"]),
        ("it\\'s", ["it's"]),  # the Rust kernel ends its literal here
        ("\\' OR 1=1 --", []),
        ("CH%", ["chi"]),
    ],
)
def test_patterns_find_names(prepared, session, pattern, names):
    assert [row[2] for row in tables(session, "main", "md_calls", pattern, None)] == names


def test_columns(prepared, session):
    seen = ask(session, "list_columns", "main", "md_calls", "chi", None)
    by_name = {row[3]: dict(zip(columns_of(seen), row, strict=True)) for row in seen["rows"]}
    assert list(by_name) == ["id", "par_id", "d"]
    assert by_name["d"]["DATA_TYPE"] == 3 and by_name["d"]["TYPE_NAME"] == "DECIMAL(10,2)"
    assert by_name["d"]["COLUMN_SIZE"] == 10 and by_name["d"]["DECIMAL_DIGITS"] == 2
    assert by_name["par_id"]["REMARKS"] == "points" and by_name["par_id"]["IS_NULLABLE"] == "YES"
    assert by_name["id"]["BUFFER_LENGTH"] is None and by_name["id"]["IS_AUTO_INCREMENT"] == "NO"
    assert [row[3] for row in ask(session, "list_columns", "main", "md_calls", None, "c\\\\d")["rows"]] == ["c\\d"]


def test_keys(prepared, session):
    keys = ask(session, "primary_keys", "main", "md_calls", "par")["rows"]
    assert keys == [("main", "md_calls", "par", "id", 1, "pk_par")]
    foreign = ("main", "md_calls", "chi")
    rows = ask(session, "foreign_keys", None, None, None, *foreign)["rows"]
    assert [row[:9] for row in rows] == [("main", "md_calls", "par", "id", *foreign, "par_id", 1)]
    name = "dbk_metadata_cross_reference"
    assert ask(session, name, "MAIN", None, "Par", *foreign)["rows"] == rows
    assert ask(session, name, None, None, "other", *foreign)["rows"] == []
    assert ask(session, "foreign_keys", None, None, None, None, None, None)["rows"] == []


def test_routines(prepared, session):
    assert columns_of(ask(session, "functions", "main", None, None))[4] == "FUNCTION_TYPE"
    assert columns_of(ask(session, "procedures", None, "x%", "y_"))[7] == "PROCEDURE_TYPE"
    assert len(columns_of(ask(session, "procedure_columns", "main", None, None, None))) == 20


def test_static_results_ask_nobody(prepared, session):
    mark = prepared.journal_mark()
    types = ask(session, "list_table_types")["rows"]
    assert [t for (t,) in types] == ["SYSTEM TABLE", "TABLE", "VIEW", "METRIC_VIEW"]
    assert len(ask(session, "dbk_metadata_type_info")["rows"]) == 20
    assert posted(prepared.journal(mark)) == []


@pytest.mark.parametrize(
    ("name", "args"),
    [
        ("list_schemas", ("no_such_catalog", None)),
        ("list_tables", ("no_such_catalog", None, None, None)),
        ("list_columns", ("no_such_catalog", None, None, None)),
        ("primary_keys", ("main", "md_calls", "no_such_table")),
        ("primary_keys", ("main", "no_such_schema", "par")),
        ("foreign_keys", (None, None, None, "main", "md_calls", "no_such_table")),
    ],
)
def test_what_is_not_there_has_no_rows(prepared, session, name, args):
    seen = ask(session, name, *args)
    assert seen["status"] == 0 and seen["rows"] == [] and len(columns_of(seen)) > 1


def test_wire(prepared, session):
    mark = prepared.journal_mark()
    ask(session, "list_schemas", "main", None)
    (entry,) = [e for e in prepared.journal(mark) if e["method"] == "POST"]
    assert ["x-databricks-sea-can-run-fully-sync", "true"] in entry["headers"]
    assert list(entry["body"]) == [
        "warehouse_id", "statement", "session_id", "disposition", "format", "result_compression",
    ]  # fmt: skip

    def closed() -> bool:
        return any(e["method"] == "DELETE" and e["status"] == 200 for e in prepared.journal(mark))

    wait_until(closed, what="closing the statement")


# ---- one statement per catalog ----------------------------------------------------------------------------


def test_at_most_eight_catalogs_at_a_time(prepared, session, probe):
    """The warehouse holds every answer back for 200 ms; its journal shows what runs meanwhile."""
    mark, stream, most = prepared.journal_mark(), probe.name("stream"), 0
    prepared.fault("stmt.execute:stall(0.2)")
    try:
        call = probe.start(
            "kernel_metadata_list_tables", session.handle, "md\\_fan\\_%", None, "t", None, stream, thread="fan"
        )
        while not probe.answered(call):
            running = [e for e in prepared.journal(mark) if e["method"] == "POST" and e["status"] is None]
            most = max(most, len(running))
        probe.wait(call).ok()
    finally:
        prepared.clear_faults()
    sqls = posted(prepared.journal(mark))
    assert sqls[0] == "SHOW CATALOGS"
    assert sorted(sqls[1:]) == [f"SHOW TABLES IN CATALOG `{name}` LIKE 't'" for name in CATALOGS]
    assert most == 8
    rows = session._read(stream, {})["batches"]
    assert [row[0] for batch in rows for row in zip(*batch["columns"], strict=True)] == CATALOGS
    probe.call("kernel_result_stream_close", stream).ok()


def test_eight_at_a_time_exactly(scripted):
    server, session = scripted
    eight = threading.Barrier(8, timeout=60)  # none of them is answered before eight are there

    def answer(sql: str) -> pa.Table:
        if sql == "SHOW CATALOGS":
            return pa.table({"catalog": CATALOGS})
        eight.wait()
        return pa.table({"tableName": ["t"]})

    server.answer = answer
    assert [row[0] for row in tables(session, "%_%", None, None, None)] == CATALOGS
    assert server.peak == 8 and len(server.statements) == 41


@pytest.mark.parametrize("answer", [failed("x SCHEMA_NOT_FOUND"), rejected(403, "TABLE_OR_VIEW_NOT_FOUND")])
def test_a_catalog_that_is_not_there_adds_no_rows(scripted, answer):
    server, session = scripted
    server.answer = lambda sql: (
        pa.table({"catalog": ["ma1", "MA2", "other", None]})
        if sql == "SHOW CATALOGS"
        else answer
        if "ma1" in sql
        else pa.table({"tableName": ["t"]})
    )
    assert tables(session, "ma_", None, None, None) == [("MA2", None, "t", "TABLE")]
    assert server.statements == ["SHOW CATALOGS", *server.statements[1:]] and len(server.statements) == 3


def test_a_failing_catalog_fails_the_call(scripted):
    server, session = scripted
    names = [f"c{i}" for i in range(30)]
    server.answer = lambda sql: (
        pa.table({"catalog": names})
        if sql == "SHOW CATALOGS"
        else failed("no permission", "42501")
        if "`c3`" in sql
        else pa.table({"tableName": ["t"]})
    )
    seen = ask(session, "list_tables", "c%", None, None, None)
    assert seen["status"] == SQL_ERROR and seen["error"]["sql_state"] == "42501"
    assert len(server.statements) < 30  # the rest is not even asked


def test_failing_to_list_catalogs_fails_the_call(scripted):
    server, session = scripted
    server.answer = lambda sql: failed("SCHEMA_NOT_FOUND", "42704")
    assert ask(session, "list_tables", "c%", None, None, None)["status"] == SQL_ERROR
    assert ask(session, "list_catalogs")["status"] == SQL_ERROR
    assert ask(session, "list_schemas", None, None)["rows"] == []


# ---- odd answers ---------------------------------------------------------------------------------------------


def test_json_rows_are_read(scripted):
    server, session = scripted
    server.answer = lambda sql: json_result(["databaseName"], [["a"], ["b"]])
    assert ask(session, "list_schemas", "main", None)["rows"] == [("a", "main"), ("b", "main")]


@pytest.mark.parametrize("state", ["SUCCEEDED", "CLOSED"])
def test_no_manifest_is_no_rows(scripted, state):
    server, session = scripted
    server.answer = lambda sql: {"status": {"state": state}}
    seen = ask(session, "list_columns", None, None, None, None)
    assert seen["rows"] == [] and len(columns_of(seen)) == 23


def test_a_value_that_must_be_there(scripted):
    server, session = scripted
    server.answer = lambda sql: pa.table({"databaseName": ["a", None]})
    seen = ask(session, "list_schemas", None, None)
    assert seen["status"] == DATA_LOSS
    assert seen["error"]["message"] == (
        "reshape schemas: Invalid argument error: Column 'TABLE_SCHEM' is declared as non-nullable but contains "
        "null values"
    )


def test_dictionaries_and_large_texts(scripted):
    server, session = scripted
    server.answer = lambda sql: pa.table(
        {
            "databaseName": pa.array(["a", "b", "a"]).dictionary_encode(),
            "catalog": pa.array(["x", None, "y"], pa.large_string()),
        }
    )
    assert ask(session, "list_schemas", None, None)["rows"] == [("a", "x"), ("b", None), ("a", "y")]


def test_a_mistake_asks_nobody(scripted):
    server, session = scripted
    seen = ask(session, "list_schemas", "a`b", None)
    assert seen["status"] == INVALID_ARGUMENT
    assert seen["error"]["message"] == "identifier must not contain a backtick character"
    assert server.statements == []
