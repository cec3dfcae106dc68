"""EXECUTE IMMEDIATE beyond the corpus: changes of rows, variables, what is refused before anything ran."""

from __future__ import annotations

import pytest


@pytest.fixture
def session(warehouse):
    session = warehouse.session(catalog="main", schema="default")
    for sql in ("CREATE OR REPLACE TABLE immediate (a INT, b STRING)", "DECLARE OR REPLACE VARIABLE found STRING",
                "DECLARE OR REPLACE VARIABLE text STRING DEFAULT 'INSERT INTO immediate VALUES (?, ?)'"):  # fmt: skip
        assert warehouse.finished(warehouse.execute(sql, session))["status"]["state"] == "SUCCEEDED"
    return session


def test_changes_are_counted_once(warehouse, session):
    warehouse.call("DELETE", "/_lw/effects")
    assert warehouse.rows("EXECUTE IMMEDIATE text USING 1 + 1, 'it''s'", session) == [(1, 1)]
    assert warehouse.rows("SELECT * FROM immediate", session) == [(2, "it's")]
    assert warehouse.call("GET", "/_lw/effects").json()["effects"] == {"INSERT INTO immediate VALUES (?, ?)": 1}


def test_a_value_goes_into_a_variable_as_its_type(warehouse, session):
    answer = warehouse.finished(warehouse.execute("EXECUTE IMMEDIATE 'SELECT 7.50' INTO found", session))
    assert answer["status"]["state"] == "SUCCEEDED" and not answer["manifest"]["schema"].get("columns")
    assert warehouse.rows("SELECT found", session) == [("7.50",)]


@pytest.mark.parametrize(
    ("sql", "state"),
    [
        ("EXECUTE IMMEDIATE text INTO found USING 1, 'x'", "07501"),
        ("EXECUTE IMMEDIATE 'EXECUTE IMMEDIATE ''SELECT 1'''", "07501"),
        ("EXECUTE IMMEDIATE CAST(NULL AS STRING)", "22004"),
        ("EXECUTE IMMEDIATE 'SELECT 1; SELECT 2'", "42601"),
        ("EXECUTE IMMEDIATE 'SELECT ?' USING array(1)", "0A000"),
        ("EXECUTE IMMEDIATE 'SELECT (1' USING", "42601"),
        ("EXECUTE IMMEDIATE", "42601"),
        ("EXECUTE IMMEDIATE 'SELECT 1' USING (1", "42601"),
    ],
)
def test_refused(warehouse, session, sql, state):
    assert warehouse.error(sql, session)["sql_state"] == state
    assert warehouse.rows("SELECT count(*) FROM immediate", session) == [(0,)]
