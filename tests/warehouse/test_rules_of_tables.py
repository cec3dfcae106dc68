"""CHECK constraints, generated columns and the list of a table's versions; and what is refused in plain words."""

from __future__ import annotations

import pytest

from warehouse import versions
from warehouse.catalog import Table
from warehouse.dialect.lexer import Cursor
from warehouse.sessions import Session

VIOLATED = ("23001", "DELTA_VIOLATE_CONSTRAINT_WITH_VALUES")


@pytest.fixture
def session(warehouse):
    session = warehouse.session(catalog="main", schema="default")
    done(warehouse, session, "CREATE SCHEMA rules", "USE SCHEMA rules")
    yield session
    done(warehouse, session, "DROP SCHEMA main.rules CASCADE")
    warehouse.call("DELETE", f"/api/2.0/sql/sessions/{session}?warehouse_id=local")


def done(warehouse, session, *statements):
    for sql in statements:
        answer = warehouse.finished(warehouse.execute(sql, session))
        assert answer["status"]["state"] == "SUCCEEDED", (sql, answer["status"])


def refused(warehouse, session, sql):
    status = warehouse.error(sql, session)
    return status["sql_state"], status["error"]["message"].split("]")[0].lstrip("[")


@pytest.fixture
def checked(warehouse, session):
    done(
        warehouse, session, "CREATE TABLE c (a INT, b STRING, CHECK (a > 0), CONSTRAINT short CHECK (length(b) < 4))",
        "INSERT INTO c VALUES (1, 'x'), (2, 'y')",
    )  # fmt: skip
    return session


@pytest.mark.parametrize(
    "sql",
    [
        "INSERT INTO c VALUES (3, 'z'), (0, 'x')",
        "INSERT INTO c SELECT id, 'x' FROM range(3)",
        "INSERT INTO c (b) VALUES ('NULL is not true')",
        "INSERT OVERWRITE c VALUES (-1, 'x')",
        "UPDATE c SET a = a - 1",
        "MERGE INTO c USING (SELECT 5 AS k) s ON c.a = s.k WHEN NOT MATCHED THEN INSERT (a, b) VALUES (-k, 'x')",
        "INSERT INTO c VALUES (3, 'long')",
    ],
)
def test_a_check_is_enforced_and_nothing_stays(warehouse, checked, sql):
    assert refused(warehouse, checked, sql) == VIOLATED
    assert warehouse.rows("SELECT * FROM c ORDER BY a", checked) == [(1, "x"), (2, "y")]


def test_the_row_is_told(warehouse, checked):
    text = warehouse.error("INSERT INTO c VALUES (3, 'it''s long')", checked)["error"]["message"]
    assert "CHECK constraint short (LENGTH(b) < 4) violated by row with values: - b : it's long" in text


def test_a_check_in_a_transaction(warehouse, checked):
    done(warehouse, checked, "BEGIN", "INSERT INTO c VALUES (7, 'x')")
    assert refused(warehouse, checked, "INSERT INTO c VALUES (-7, 'x')") == VIOLATED
    done(warehouse, checked, "ROLLBACK")
    assert warehouse.rows("SELECT count(*) FROM c", checked) == [(2,)]


def test_checks_come_and_go(warehouse, checked):
    add = "ALTER TABLE c ADD CONSTRAINT "
    assert refused(warehouse, checked, add + "small CHECK (a < 2)") == ("23512", "DELTA_NEW_CHECK_CONSTRAINT_VIOLATION")
    assert refused(warehouse, checked, add + "short CHECK (a < 9)") == ("42710", "DELTA_CONSTRAINT_ALREADY_EXISTS")
    assert refused(warehouse, checked, add + "odd CHECK (a + 1)") == ("42621", "DELTA_NON_BOOLEAN_CHECK_CONSTRAINT")
    assert refused(warehouse, checked, add + "lost CHECK (z > 1)")[0] == "42703"
    changed = ("42K09", "DELTA_CONSTRAINT_DEPENDENT_COLUMN_CHANGE")
    assert refused(warehouse, checked, "ALTER TABLE c DROP COLUMN b") == changed
    assert refused(warehouse, checked, "ALTER TABLE c RENAME COLUMN b TO bb") == changed
    done(warehouse, checked, add + "small CHECK (a < 3)", "ALTER TABLE c DROP CONSTRAINT short")
    done(warehouse, checked, "INSERT INTO c VALUES (2, 'longer'), (1, NULL)")
    assert refused(warehouse, checked, "INSERT INTO c VALUES (3, 'x')") == VIOLATED


def test_generated_columns(warehouse, session):
    done(
        warehouse, session,
        "CREATE TABLE g (t TIMESTAMP, n INT, d DATE GENERATED ALWAYS AS (CAST(t AS DATE)), m INT GENERATED ALWAYS AS (n * 2))",
        "INSERT INTO g (t, n) VALUES (TIMESTAMP '2020-01-02 23:00:00', 3), (NULL, 4)", "UPDATE g SET n = 7 WHERE n = 3",
        "INSERT INTO g VALUES (NULL, 1, NULL, 2)",
    )  # fmt: skip
    assert warehouse.rows("SELECT n, m, CAST(d AS STRING) FROM g ORDER BY n", session) == [
        (1, 2, None), (4, 8, None), (7, 14, "2020-01-02"),
    ]  # fmt: skip
    for sql in ("INSERT INTO g VALUES (NULL, 1, NULL, 3)", "INSERT INTO g (n, m) SELECT 1, 1", "UPDATE g SET m = 5 WHERE n = 4"):
        assert refused(warehouse, session, sql) == VIOLATED
    assert refused(warehouse, session, "ALTER TABLE g ADD COLUMN z INT GENERATED ALWAYS AS (n)")[0] == "0A000"
    assert refused(warehouse, session, "CREATE TABLE bad (a INT, b INT GENERATED ALWAYS AS (nope))")[0] == "42703"
    columns = warehouse.rows("SHOW COLUMNS IN CATALOG main SCHEMA LIKE 'rules' TABLE LIKE 'g'", session)
    assert [row[12] for row in columns] == ["false", "false", "true", "true"]
    assert "m INT GENERATED ALWAYS AS (n * 2)" in warehouse.rows("SHOW CREATE TABLE g", session)[0][0]


def test_history(warehouse, session):
    done(
        warehouse, session, "CREATE TABLE h (a INT)", "INSERT INTO h VALUES (1), (2)", "UPDATE h SET a = 3 WHERE a = 2",
        "ALTER TABLE h ADD COLUMN b INT", "ALTER TABLE h SET TBLPROPERTIES ('x' = 'y')", "TRUNCATE TABLE h",
        "CREATE OR REPLACE TABLE h AS SELECT 1 AS a",
    )  # fmt: skip
    rows = warehouse.table("DESCRIBE HISTORY h", session).to_pylist()
    assert [(row["version"], row["operation"]) for row in rows] == [
        (6, "CREATE OR REPLACE TABLE AS SELECT"), (5, "TRUNCATE"), (4, "SET TBLPROPERTIES"), (3, "ADD COLUMNS"),
        (2, "UPDATE"), (1, "WRITE"), (0, "CREATE TABLE"),
    ]  # fmt: skip
    write, update = rows[5], rows[4]
    assert write["isBlindAppend"] and dict(write["operationMetrics"]) == {"numOutputRows": "2"}
    assert dict(write["operationParameters"])["mode"] == "Append" and write["readVersion"] == 0
    assert dict(update["operationParameters"]) == {"predicate": "[a = 2]"} and not update["isBlindAppend"]
    assert len(warehouse.rows("DESCRIBE HISTORY h LIMIT 2", session)) == 2
    done(warehouse, session, "BEGIN", "INSERT INTO h VALUES (5)", "ROLLBACK", "BEGIN", "INSERT INTO h VALUES (6)", "COMMIT")
    assert [row["version"] for row in warehouse.table("DESCRIBE HISTORY h LIMIT 1", session).to_pylist()] == [7]


def test_a_long_history_is_cut():
    table = Table("main", "default", "t", [])
    for _ in range(versions.KEPT + 5):
        versions.record(Session("", ""), table, "WRITE")
    _, rows = versions.described(table, Cursor("", []))
    assert len(rows) == versions.KEPT and (rows[0][0], rows[-1][0]) == (versions.KEPT + 4, 5)


def test_a_clone_has_rows_and_rules(warehouse, checked):
    done(warehouse, checked, "CREATE TABLE twin SHALLOW CLONE c", "DELETE FROM c", "INSERT INTO twin VALUES (5, 'x')")
    assert warehouse.rows("SELECT a FROM twin ORDER BY a", checked) == [(1,), (2,), (5,)]
    assert refused(warehouse, checked, "INSERT INTO twin VALUES (-1, 'x')") == VIOLATED


@pytest.mark.parametrize(
    ("sql", "condition"),
    [
        ("SELECT * FROM samples.tpch.region VERSION AS OF 1", "UNSUPPORTED_FEATURE.TIME_TRAVEL"),
        ("SELECT * FROM samples.tpch.region TIMESTAMP AS OF '2020-01-01'", "UNSUPPORTED_FEATURE.TIME_TRAVEL"),
        ("SELECT * FROM samples.tpch.region@v1", "UNSUPPORTED_FEATURE.TIME_TRAVEL"),
        ("RESTORE TABLE t TO VERSION AS OF 1", "UNSUPPORTED_FEATURE"),
        ("UNDROP TABLE t", "UNSUPPORTED_FEATURE"),
        ("REORG TABLE t APPLY (PURGE)", "UNSUPPORTED_FEATURE"),
        ("CALL p()", "UNSUPPORTED_FEATURE"),
        ("BEGIN ATOMIC SELECT 1; END", "UNSUPPORTED_FEATURE"),
        ("CREATE TABLE t DEEP CLONE samples.tpch.region", "UNSUPPORTED_FEATURE"),
        ("SELECT * FROM csv.`/Volumes/main/default/e2etests/a.csv`", "UNSUPPORTED_FEATURE"),
        ("CREATE PROCEDURE p() LANGUAGE SQL AS BEGIN END", "UNSUPPORTED_FEATURE"),
        ("ALTER TABLE samples.tpch.region SET ROW FILTER f ON (r_name)", "UNSUPPORTED_FEATURE"),
    ],
)
def test_refused_in_plain_words(warehouse, sql, condition):
    assert refused(warehouse, None, sql) == ("0A000", condition)
