"""The same statements through our library and through the Rust kernel, on the same warehouse: equal
status, error, schema, values, row counts, and equal requests on the wire. A difference is a bug of
ours, or a row of docs/differences.md that a test here names."""

from __future__ import annotations

import pytest
from abi_driver import SUCCESS, Probe, wait_until
from abi_env import LIBRARY
from comparing import Side, differences, shown, wire
from statements import ANSWERS, CHUNKED, EFFECTS, EMPTY_TYPES, ERRORS, NESTED, SCALARS, SHAPES, UNCLEAR_ANSWERS

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


@pytest.mark.parametrize("name", ANSWERS)
def test_answers(sides, name):
    seen = compare(sides, ANSWERS[name])
    assert "lw hint" not in str(seen["error"])  # the warehouse knew what it was asked to answer


@pytest.mark.parametrize("name", UNCLEAR_ANSWERS)
def test_unclear_answers(sides, name):
    """Messages are not compared: each library's JSON parser has its own words."""
    ours, peer = (shown(side.session().query(UNCLEAR_ANSWERS[name])) for side in sides)
    for seen in (ours, peer):
        if seen["error"]:
            assert "lw hint" not in seen["error"].pop("message")
    found = list(differences(ours, peer))
    if name == "a state of tomorrow":  # docs/differences.md: ours says which statement
        assert found == [".error.query_id: '<id>' | 'None'"]
    elif name == "CLOSED":  # docs/differences.md: a query that ended with neither manifest nor rows is DataLoss
        assert peer["error"] is None and ours["error"]["code"] == 9, found
    else:
        assert not found


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
        # In the background: the peer's may be lost when its session is closed before.
        wait_until(lambda m=mark: len(warehouse.journal(m)) == 3, what="the statement's DELETE")
        session.close()
        entries = warehouse.journal(mark)
        requests.append([wire(e, agent=name == "user agent") for e in entries])
    found = list(differences(*requests))
    assert not found, "ours | peer:\n" + "\n".join(found)


@pytest.mark.parametrize("name", PARAMETERS)
def test_parameters(sides, name):
    sql, params = PARAMETERS[name]
    compare(sides, sql, params)
