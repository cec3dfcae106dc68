"""The connector's pure-Python SEA backend (use_sea=True) against the warehouse that the environment names. Run by
oracle.py with the connector's own Python."""

import datetime
import decimal
import os
import urllib.parse
import uuid

import pytest
from databricks import sql

HYBRID = {"use_cloud_fetch": True}
INLINE = {"use_cloud_fetch": False, "enable_query_result_lz4_compression": False}  # JSON_ARRAY


def connect(**options):
    url = urllib.parse.urlsplit(os.environ["DATABRICKS_SERVER_HOSTNAME"])
    return sql.connect(
        server_hostname=f"{url.scheme}://{url.hostname}",  # this backend adds ":443" unless the port comes apart
        _port=url.port,
        http_path=os.environ["DATABRICKS_HTTP_PATH"],
        access_token=os.environ["DATABRICKS_TOKEN"],
        enable_telemetry=False,
        use_sea=True,
        **options,
    )


@pytest.fixture(params=[HYBRID, INLINE], ids=["arrow", "json"])
def cursor(request):
    with connect(**request.param) as connection, connection.cursor() as opened:
        yield opened


def rows(cursor, text, parameters=None):
    cursor.execute(text, parameters)
    return [tuple(row) for row in cursor.fetchall()]


def test_select(cursor):
    assert rows(cursor, "SELECT 1 AS n, 'é' AS s, true AS b, CAST(NULL AS STRING) AS x") == [(1, "é", True, None)]
    assert [(d[0], d[1]) for d in cursor.description] == [("n", "int"), ("s", "string"), ("b", "boolean"), ("x", "string")]


def test_types(cursor):
    found = rows(
        cursor,
        "SELECT CAST(1 AS TINYINT), CAST(2 AS SMALLINT), 3L, CAST(1.5 AS FLOAT), 2.5D, CAST(1.25 AS DECIMAL(10,2)), "
        "DATE '2026-01-02'",
    )
    assert found == [(1, 2, 3, 1.5, 2.5, decimal.Decimal("1.25"), datetime.date(2026, 1, 2))]


def test_empty_result_has_its_columns(cursor):
    assert rows(cursor, "SELECT 1 AS a, 'x' AS b WHERE 1 = 0") == []
    assert [d[0] for d in cursor.description] == ["a", "b"]


def test_named_parameters(cursor):
    given = {"i": 42, "s": "it's", "d": decimal.Decimal("12.34"), "n": None, "t": datetime.date(2026, 5, 15)}
    found = rows(cursor, "SELECT :i, :s, :d, :n IS NULL, :t", given)
    assert found == [(42, "it's", decimal.Decimal("12.34"), True, datetime.date(2026, 5, 15))]


def test_ddl_and_dml(cursor):
    table = f"main.default.oracle_{uuid.uuid4().hex}"
    try:
        assert rows(cursor, f"CREATE TABLE {table} (a INT, b STRING)") == []
        cursor.execute(f"INSERT INTO {table} VALUES (1, 'x'), (2, 'y'), (3, NULL)")
        assert rows(cursor, f"SELECT a, b FROM {table} ORDER BY a") == [(1, "x"), (2, "y"), (3, None)]
    finally:
        cursor.execute(f"DROP TABLE IF EXISTS {table}")


def test_metadata(cursor):
    """This backend sends patterns as they are: SHOW reads "*" and "|", not "%"."""

    def column(name):
        at = [d[0] for d in cursor.description].index(name)
        return [row[at] for row in cursor.fetchall()]

    cursor.catalogs()
    assert {"main", "system"} <= set(column(cursor.description[0][0]))
    cursor.schemas("main", "def*")
    assert column(cursor.description[0][0]) == ["default"]
    cursor.tables("system", "information_schema", "table*")
    assert "tables" in [name.lower() for name in column("tableName")]
    cursor.columns("system", "information_schema", "tables")
    assert "table_name" in [name.lower() for name in column("col_name")]


def test_large_result(cursor):
    """Several chunks; the JSON form is inline and limited to 25 MiB."""
    count = 200_000
    cursor.execute(f"SELECT id, CAST(id AS STRING) AS s, uuid() AS u FROM range({count})")
    seen = 0
    while batch := cursor.fetchmany(50_000):
        assert [row[0] for row in batch[:2]] == [seen, seen + 1] and str(batch[0][0]) == batch[0][1]
        seen += len(batch)
    assert seen == count


def test_arrow_over_links():
    with connect() as connection, connection.cursor() as cursor:
        cursor.execute("SELECT id, uuid() AS u FROM range(2000000)")  # about 90 MB: several links
        table = cursor.fetchall_arrow()
        assert table.num_rows == 2_000_000 and table.column(0)[1_999_999].as_py() == 1_999_999


def test_async(cursor):
    cursor.execute_async("SELECT count(*) AS n FROM range(1000000) WHERE id % 7 = 3")
    while cursor.is_query_pending():
        pass
    cursor.get_async_execution_result()
    assert [tuple(row) for row in cursor.fetchall()] == [(142857,)]


def test_error_names_the_table(cursor):
    with pytest.raises(sql.Error, match="no_such_table_here"):
        cursor.execute("SELECT * FROM no_such_table_here")
    assert rows(cursor, "SELECT 1") == [(1,)]
