"""Temporary tables: seen by their session only, gone with it."""

from __future__ import annotations

import pytest


@pytest.fixture
def session(warehouse):
    session = warehouse.session()
    yield session
    warehouse.call("DELETE", f"/api/2.0/sql/sessions/{session}")


def test_life(warehouse, session):
    def rows(sql):
        return warehouse.rows(sql, session)

    warehouse.execute("CREATE TEMPORARY TABLE mine (a INT, b VARCHAR(3))", session)
    assert rows("INSERT INTO mine VALUES (1, 'x'), (2, 'y')") == [(2, 2)]
    assert rows("UPDATE mine SET a = 5 WHERE a = 1") == [(1,)]
    assert rows("DELETE FROM mine WHERE a = 2") == [(1,)]
    assert rows("MERGE INTO mine USING (SELECT 9 AS a) s ON mine.a = s.a WHEN NOT MATCHED THEN INSERT (a) VALUES (s.a)") == [
        (1, 0, 0, 1)
    ]
    assert rows("SELECT * FROM mine ORDER BY a") == [(5, "x"), (9, None)]
    assert rows("DESCRIBE mine") == [("a", "int", None), ("b", "varchar(3)", None)]
    assert ("", "mine", True) in rows("SHOW TABLES")
    assert "mine" not in [row[1] for row in warehouse.rows("SHOW TABLES IN ALL CATALOGS", session)]
    warehouse.execute("ALTER TABLE mine RENAME TO yours", session)
    warehouse.execute("DROP TABLE yours", session)
    assert "TABLE_OR_VIEW_NOT_FOUND" in warehouse.error("SELECT * FROM yours", session)["error"]["message"]


def test_it_hides_a_table_of_the_same_name(warehouse, session):
    warehouse.execute("CREATE OR REPLACE TABLE main.default.both AS SELECT 'all' AS a")
    warehouse.execute("CREATE TEMP TABLE both AS SELECT 'mine' AS a", session)
    assert warehouse.rows("SELECT a FROM both", session) == [("mine",)]
    assert warehouse.rows("SELECT a FROM main.default.both", session) == [("all",)]
    assert warehouse.rows("SELECT a FROM both") == [("all",)]
    warehouse.execute("DROP TABLE both", session)
    assert warehouse.rows("SELECT a FROM both", session) == [("all",)]
    warehouse.execute("DROP TABLE both", session)


def test_each_session_has_its_own(warehouse):
    sessions = [warehouse.session() for _ in range(2)]
    for i, session in enumerate(sessions):
        warehouse.execute("CREATE TEMPORARY TABLE own (a INT)", session)
        assert "TABLE_OR_VIEW_ALREADY_EXISTS" in warehouse.error("CREATE TEMP TABLE own (a INT)", session)["error"]["message"]
        warehouse.execute("CREATE TEMP TABLE IF NOT EXISTS own (a INT)", session)
        warehouse.execute(f"INSERT INTO own VALUES ({i})", session)
    assert [warehouse.rows("SELECT a FROM own", s) for s in sessions] == [[(0,)], [(1,)]]
    warehouse.execute("CREATE OR REPLACE TEMP TABLE own LIKE own", sessions[0])
    for session in sessions:
        warehouse.call("DELETE", f"/api/2.0/sql/sessions/{session}")


def test_where_it_cannot_be(warehouse, session):
    assert "has no schema" in warehouse.error("CREATE TEMP TABLE main.default.t (a INT)", session)["error"]["message"]
    assert "needs a session" in warehouse.error("CREATE TEMP TABLE t (a INT)")["error"]["message"]


def test_many_typed_parameters(warehouse, session):
    """As drivers load rows: one INSERT with a marker for every value."""
    warehouse.execute("CREATE TEMP TABLE loaded (a BIGINT, b STRING, c DATE, d DECIMAL(10,2))", session)
    kinds = ["BIGINT", "STRING", "DATE", "DECIMAL(10,2)"]
    values = [(str(i), f"x{i}", "2020-01-01", None if i % 2 else "1.50") for i in range(500)]
    flat = [(kind, value) for row in values for kind, value in zip(kinds, row)]
    parameters = [{"ordinal": i, "type": kind, "value": value} for i, (kind, value) in enumerate(flat, start=1)]
    sql = "INSERT INTO loaded VALUES " + ", ".join(["(?, ?, ?, ?)"] * len(values))
    assert warehouse.rows(sql, session, parameters=parameters, wait_timeout="50s") == [(500, 500)]
    assert warehouse.rows("SELECT count(*), sum(a), count(d) FROM loaded", session) == [(500, 124750, 250)]
