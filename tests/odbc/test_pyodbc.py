"""The driver through unixODBC and pyodbc: values, parameters, catalog calls, errors."""

from __future__ import annotations

import datetime
import decimal
import uuid

import pyodbc
import pytest

TEXTS = ["", "a", "é", "日本", "😀", "a" * 5000, "é" * 5000, "😀" * 3000, "\U0010ffff\U00010000\uffff\ue000"]

RUNS_ON = "/*lw: pending=1000000*/ SELECT 1"  # until it is cancelled


def one(cursor: pyodbc.Cursor, sql: str, *parameters):
    return cursor.execute(sql, *parameters).fetchone()[0]


VALUES = [
    ("CAST(-128 AS TINYINT)", -128),
    ("CAST(32767 AS SMALLINT)", 32767),
    ("CAST(-2147483648 AS INT)", -2147483648),
    ("CAST(9223372036854775807 AS BIGINT)", 9223372036854775807),
    ("CAST(0.1 AS DOUBLE)", 0.1),
    ("CAST(0.5 AS FLOAT)", 0.5),
    ("CAST('12345678901234567890123456789012345.678' AS DECIMAL(38,3))",
     decimal.Decimal("12345678901234567890123456789012345.678")),
    ("CAST(-0.05 AS DECIMAL(10,2))", decimal.Decimal("-0.05")),
    ("DATE'0001-01-01'", datetime.date(1, 1, 1)),
    ("DATE'9999-12-31'", datetime.date(9999, 12, 31)),
    ("TIMESTAMP_NTZ'1969-12-31 23:59:59.999999'", datetime.datetime(1969, 12, 31, 23, 59, 59, 999999)),
    ("TIMESTAMP'2024-02-29 12:00:00'", datetime.datetime(2024, 2, 29, 12, 0)),
    ("true", True),
    ("TIME'10:30:59.000001'", datetime.time(10, 30, 59, 1)),
    ("X'00ff10'", b"\x00\xff\x10"),
    ("CAST(NULL AS INT)", None),
    ("NULL", None),
]


@pytest.mark.parametrize("sql,want", VALUES, ids=[sql for sql, _ in VALUES])
def test_values_come_back(cursor, sql, want):
    assert one(cursor, f"SELECT {sql}") == want


@pytest.mark.parametrize("text", TEXTS, ids=[ascii(t[:4]) + str(len(t)) for t in TEXTS])
@pytest.mark.parametrize("ctype", [pyodbc.SQL_WCHAR, pyodbc.SQL_CHAR], ids=["wide", "narrow"])
def test_text_both_ways(connection, text, ctype):
    connection.setdecoding(pyodbc.SQL_CHAR, encoding="utf-8" if ctype == pyodbc.SQL_CHAR else "utf-16le", ctype=ctype)
    connection.setencoding(encoding="utf-8" if ctype == pyodbc.SQL_CHAR else "utf-16le", ctype=ctype)
    assert one(connection.cursor(), "SELECT ?", text) == text


@pytest.mark.parametrize(
    "value",
    [0, -1, 2**31, 2**62, 1.5, 1e300, True, decimal.Decimal("0.001"), decimal.Decimal("-99999999999999999999.5"),
     datetime.date(2024, 2, 29), datetime.datetime(2024, 1, 2, 3, 4, 5, 678901), b"", b"\x00\x01\xff" * 400, None,
     uuid.UUID("01234567-89ab-cdef-0123-456789abcdef")],
    ids=repr,
)
def test_parameters(cursor, value):
    got = one(cursor, "SELECT ?", value)
    if isinstance(value, uuid.UUID):
        got = uuid.UUID(got)
    assert got == value


def test_many_rows_and_description(cursor):
    rows = cursor.execute("SELECT id, CAST(id AS STRING) AS s FROM range(20000)").fetchall()
    assert tuple(rows[0]) == (0, "0") and tuple(rows[-1]) == (19999, "19999") and len(rows) == 20000
    assert [d[0] for d in cursor.description] == ["id", "s"]


def test_executemany_fast_and_slow(cursor):
    cursor.execute("CREATE OR REPLACE TABLE odbc_many (a INT, b STRING, c DECIMAL(10,2), d DATE)")
    rows = [(i, f"it's {i}\\", decimal.Decimal(i) / 4, datetime.date(2024, 1, 1 + i % 28)) for i in range(300)]
    for fast in (True, False):
        cursor.execute("DELETE FROM odbc_many")
        cursor.fast_executemany = fast
        cursor.executemany("INSERT INTO odbc_many VALUES (?, ?, ?, ?)", rows[: 300 if fast else 20])
        got = [tuple(r) for r in cursor.execute("SELECT * FROM odbc_many ORDER BY a").fetchall()]
        assert got == rows[: 300 if fast else 20]


def test_row_counts(cursor):
    cursor.execute("CREATE OR REPLACE TABLE odbc_counts (a INT)")
    assert cursor.execute("INSERT INTO odbc_counts VALUES (1), (2), (3)").rowcount == 3
    assert cursor.execute("UPDATE odbc_counts SET a = a + 1 WHERE a > ?", 1).rowcount == 2
    assert cursor.execute("DELETE FROM odbc_counts WHERE a = 77").rowcount == 0


def test_catalog_calls(cursor):
    cursor.execute("CREATE OR REPLACE TABLE odbc_cat (id INT NOT NULL, name STRING, price DECIMAL(10,2), at TIMESTAMP)")
    tables = [tuple(r) for r in cursor.tables(table="odbc\\_cat")]
    assert [(t[2], t[3]) for t in tables] == [("odbc_cat", "TABLE")]
    columns = {r.column_name: r for r in cursor.columns(table="odbc_cat")}
    assert [c.ordinal_position for c in columns.values()] == [1, 2, 3, 4]
    assert (columns["price"].data_type, columns["price"].column_size, columns["price"].decimal_digits) == (3, 10, 2)
    assert (columns["at"].data_type, columns["at"].sql_data_type, columns["at"].sql_datetime_sub) == (93, 9, 3)
    assert columns["name"].type_name == "STRING"
    assert any(r[0] == "main" for r in cursor.tables(catalog="%", schema="", table=""))
    assert any(r[1] == "default" for r in cursor.tables(catalog="", schema="%", table=""))
    assert [r[3] for r in cursor.tables(catalog="", schema="", table="", tableType="%")] == [
        "METRIC_VIEW", "SYSTEM TABLE", "TABLE", "VIEW"]
    assert cursor.tables(table="no_such_table_here").fetchall() == []
    assert cursor.procedures().description[7][0] == "procedure_type"
    assert len(cursor.getTypeInfo(pyodbc.SQL_DECIMAL).fetchall()) == 1


def test_keys(cursor):
    cursor.execute("CREATE OR REPLACE TABLE odbc_pk (id INT NOT NULL, CONSTRAINT odbc_pk_key PRIMARY KEY (id))")
    cursor.execute(
        "CREATE OR REPLACE TABLE odbc_fk (r INT, CONSTRAINT odbc_fk_key FOREIGN KEY (r) REFERENCES odbc_pk (id))"
    )
    assert [(r.column_name, r.key_seq) for r in cursor.primaryKeys(table="odbc_pk")] == [("id", 1)]
    by_child = [tuple(r) for r in cursor.foreignKeys(foreignTable="odbc_fk")]
    assert [(r[2], r[3], r[6], r[7], r[8], r[9], r[10], r[13]) for r in by_child] == [
        ("odbc_pk", "id", "odbc_fk", "r", 1, 3, 3, 7)]
    by_parent = [tuple(r) for r in cursor.foreignKeys(table="odbc_pk")]
    assert [(r[2], r[6], r[7]) for r in by_parent] == [("odbc_pk", "odbc_fk", "r")]
    assert [r.column_name for r in cursor.rowIdColumns("odbc_pk")] == ["id"]
    assert [r.index_name for r in cursor.statistics("odbc_pk")] == ["odbc_pk_key"]


STATES = [
    ("SELECT * FROM no_such_table", "42S02"),
    ("SELECT no_such_column", "42S22"),
    ("SELEC 1", "42000"),
    ("SELECT CAST('x' AS INT)", "22018"),
    ("SELECT 1/0", "22012"),
]


@pytest.mark.parametrize("sql,state", STATES, ids=[s for s, _ in STATES])
def test_sql_states(cursor, sql, state):
    with pytest.raises(pyodbc.Error) as failed:
        cursor.execute(sql).fetchall()
    assert failed.value.args[0] == state, failed.value
    assert "[Databricks][ODBC]" in failed.value.args[1]


@pytest.mark.parametrize(
    "change,state,says",
    [
        ({"Host": None}, "08001", "Missing settings: {[Host]}"),
        ({"Host": None, "HTTPPath": None}, "08001", "Missing settings: {[Host], [HTTPPath]}"),
        ({"PWD": None}, "28000", "Credentials are missing"),
        ({"UID": "somebody"}, "28000", "UID=token"),
        ({"AuthMech": "8"}, "08001", "AuthMech=8 is not supported"),
        ({"HTTPPath": "sql/protocolv1/o/1/c"}, "08001", "cluster"),
        ({"Port": "1"}, "08001", ""),
    ],
    ids=lambda v: str(v)[:40],
)
def test_refused_connections(source, change, state, says):
    with pytest.raises(pyodbc.Error) as failed:
        source.connect(**change, RateLimitRetry="0", TemporarilyUnavailableRetry="0")
    assert failed.value.args[0] == state, failed.value
    assert says in failed.value.args[1]


def test_namespace_and_catalog_attribute(source):
    with source.connect(Catalog="main", Schema="default") as connection:
        assert connection.getinfo(pyodbc.SQL_DATABASE_NAME) == "main"
        assert one(connection.cursor(), "SELECT current_schema()") == "default"
    connection.close()


def test_escapes(cursor):
    assert one(cursor, "SELECT {d '2024-02-29'}") == datetime.date(2024, 2, 29)
    assert one(cursor, "SELECT {ts '2024-02-29 01:02:03'}") == datetime.datetime(2024, 2, 29, 1, 2, 3)
    assert one(cursor, "SELECT {fn UCASE('a')} || '{d}'") == "A{d}"
    assert one(cursor, "SELECT {fn CONVERT('12', SQL_INTEGER)} + {fn LENGTH('abc')}") == 15


def test_transactions_are_accepted_and_ignored(source):
    with source.connect() as connection:
        connection.autocommit = False
        connection.cursor().execute("SELECT 1").fetchall()
        connection.commit()
        connection.rollback()
    connection.close()


def test_transactions_are_real_when_asked_for(source):
    with source.connect(IgnoreTransactions="0") as connection:
        connection.autocommit = False
        connection.commit()  # nothing to commit is no error
        cursor = connection.cursor()
        cursor.execute("CREATE OR REPLACE TABLE kept (a INT)")
        connection.commit()
        cursor.execute("INSERT INTO kept VALUES (1)")
        connection.rollback()
        assert one(cursor, "SELECT count(*) FROM kept") == 0
        cursor.execute("INSERT INTO kept VALUES (2)")
        connection.autocommit = True  # commits what is open
        assert one(cursor, "SELECT count(*) FROM kept") == 1
    connection.close()


def test_query_timeout(source, connection):
    connection.timeout = 1
    with pytest.raises(pyodbc.OperationalError) as failed:
        connection.cursor().execute(RUNS_ON).fetchall()
    assert failed.value.args[0] == "HYT00"


def test_cancel_from_another_thread(connection, warehouse):
    cursor = connection.cursor()
    canceller = warehouse.when_requested("/statements$", cursor.cancel)
    with pytest.raises(pyodbc.Error) as failed:
        cursor.execute(RUNS_ON).fetchall()
    canceller.join()
    assert failed.value.args[0] == "HY008"
    assert one(connection.cursor(), "SELECT 1") == 1


def test_cursors_of_one_connection_are_independent(connection):
    a, b = connection.cursor(), connection.cursor()
    a.execute("SELECT id FROM range(10)")
    b.execute("SELECT id FROM range(10, 20)")
    assert [r[0] for pair in zip(a, b) for r in pair] == [n for i in range(10) for n in (i, i + 10)]
