"""dbkernel: connections, cursors, rows, parameters, errors."""

import datetime
import gc
import threading
from decimal import Decimal

import dbkernel
import pyarrow as pa
import pytest

LONG = "SELECT count(*) FROM range(0, 1000000000000) WHERE pow(rand(), 2) < 0.5 AND sqrt(id) > 1"
UTC = datetime.timezone.utc

# One value and one NULL of every type, and the ends of their ranges.
TYPES = """
SELECT * FROM VALUES
 (true, 1Y, CAST('-32768' AS SMALLINT), 2147483647, CAST('-9223372036854775808' AS BIGINT), 1.5F, 2.5D, CAST('-123.45' AS DECIMAL(10,2)), 'é€𝄞', X'00FF', DATE'0001-01-01',
  TIMESTAMP'1969-12-31 23:59:59.999999', TIMESTAMP_NTZ'9999-12-31 23:59:59', array(1, NULL, 3), map('k', 1), named_struct('x', 1, 'y', array('z'))),
 (NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL),
 (false, CAST('-128' AS TINYINT), 0S, 0, 0L, -0.0F, 1e300D, CAST('0.00' AS DECIMAL(10,2)), '', X'', DATE'2020-02-29',
  TIMESTAMP'2000-01-01 00:00:00', TIMESTAMP_NTZ'1970-01-01 00:00:00.000001', array(), map(), named_struct('x', NULL, 'y', NULL))
"""


def test_rows_are_what_pyarrow_gives(cursor):
    rows = cursor.execute(TYPES).fetchall()
    table = cursor.execute(TYPES).fetchall_arrow()
    expected = [tuple(row.values()) for row in table.to_pylist()]
    as_utc = [tuple(v.astimezone(UTC) if isinstance(v, datetime.datetime) and v.tzinfo else v for v in row) for row in rows]
    assert as_utc == expected
    assert [type(value) for value in rows[0]] == [
        bool, int, int, int, int, float, float, Decimal, str, bytes, datetime.date, datetime.datetime, datetime.datetime,
        list, list, dict,
    ]  # fmt: skip
    assert rows[0][11] == datetime.datetime(1969, 12, 31, 23, 59, 59, 999999, UTC)
    assert rows[0][12] == datetime.datetime(9999, 12, 31, 23, 59, 59)
    assert str(rows[0][7]) == "-123.45" and str(rows[2][7]) == "0.00"


def test_wide_decimals_are_exact(cursor):
    largest = "9" * 38
    for text in (largest, "-" + largest, "0." + largest, "-0." + "0" * 37 + "1"):
        digits = 38 if "." in text else 0
        row = cursor.execute(f"SELECT CAST('{text}' AS DECIMAL(38,{digits}))").fetchone()
        assert row[0] == Decimal(text) and row[0].as_tuple().exponent == -digits


def test_time_zones(where):
    for zone in ("Asia/Kolkata", "America/St_Johns", "UTC"):
        with dbkernel.connect(**where, session_conf={"timezone": zone}) as connection:
            cursor = connection.cursor().execute("SELECT TIMESTAMP'2024-07-01 12:00:00+00:00' AS t")
            value = cursor.fetchone()[0]
            table = connection.execute("SELECT TIMESTAMP'2024-07-01 12:00:00+00:00' AS t").fetchall_arrow()
            assert value == datetime.datetime(2024, 7, 1, 12, tzinfo=UTC)
            assert value == table.column(0)[0].as_py() and value.utcoffset() == table.column(0)[0].as_py().utcoffset()


def test_rows_need_no_pyarrow(python, where):
    code = f"""
import sys
sys.modules["pyarrow"] = None
import dbkernel
with dbkernel.connect(**{where!r}) as connection:
    cursor = connection.execute("SELECT 1 AS a, 'x' AS b, array(1) AS c")
    print(cursor.fetchall(), cursor.description[0][:2])
    try:
        connection.execute("SELECT 1").fetchall_arrow()
    except ImportError:
        print("needs pyarrow")
"""
    assert python(code) == "[(1, 'x', [1])] ('a', 'int')\nneeds pyarrow\n"


def test_rows_and_arrow_in_any_mixture(cursor):
    cursor.execute("/*lw: chunk_rows=100*/ SELECT id FROM range(1000)")
    assert cursor.rowcount == 1000
    assert cursor.fetchone() == (0,) and cursor.fetchmany(2) == [(1,), (2,)]
    assert cursor.fetchmany_arrow(250).column(0).to_pylist() == list(range(3, 253))
    assert next(cursor) == (253,)
    reader = cursor.fetch_record_batch_reader()
    assert reader.read_next_batch().column(0)[0].as_py() == 254
    assert cursor.fetchmany(1)[0][0] > 254
    rest = cursor.fetchall()
    assert rest[-1] == (999,) and cursor.fetchone() is None and cursor.fetchall() == []
    assert cursor.fetchall_arrow().num_rows == 0


def test_as_stream_and_frames(cursor, connection):
    assert pa.table(cursor.execute("SELECT id FROM range(7)")).num_rows == 7
    assert cursor.fetchone() is None  # the table has them
    reader = cursor.execute("SELECT id FROM range(7)").fetch_record_batch_reader()
    assert isinstance(reader, pa.RecordBatchReader) and reader.read_all().num_rows == 7
    cursor.execute("SELECT id FROM range(7)").fetchone()
    assert pa.table(cursor).num_rows == 6
    empty = connection.execute("SELECT id, 'x' AS s FROM range(7) WHERE false").fetchall_arrow()
    assert empty.num_rows == 0 and empty.column_names == ["id", "s"]


def test_batches_outlive_everything(where):
    connection = dbkernel.connect(**where)
    cursor = connection.execute("SELECT id, CAST(id AS STRING) AS s, array(id) AS a FROM range(5)")
    cursor.fetchone()
    table = cursor.fetchmany_arrow(10)
    connection.close()
    del cursor, connection
    gc.collect()
    assert table.to_pylist() == [{"id": i, "s": str(i), "a": [i]} for i in range(1, 5)]


def test_description(cursor):
    cursor.execute("SELECT 1 AS i, 1.25 AS d, 'x' AS s, X'00' AS b, current_timestamp() AS t, CAST(NULL AS DATE) AS dd")
    assert [entry[:2] for entry in cursor.description] == [
        ("i", "int"), ("d", "decimal"), ("s", "string"), ("b", "binary"), ("t", "timestamp"), ("dd", "date"),
    ]  # fmt: skip
    assert cursor.description[1][4:6] == (3, 2)
    types = [entry[1] for entry in cursor.description]
    assert types[0] == dbkernel.NUMBER and types[1] == dbkernel.NUMBER and types[2] == dbkernel.STRING
    assert types[3] == dbkernel.BINARY and types[4] == dbkernel.DATETIME and types[2] != dbkernel.NUMBER


def test_parameters(cursor):
    instant = datetime.datetime(2024, 1, 1, 12, tzinfo=datetime.timezone(datetime.timedelta(hours=5, minutes=30)))
    values = {
        "i": 1, "big": 2**40, "huge": 10**30, "f": 0.1, "b": True, "s": "it's :i ?", "d": Decimal("1E+2"), "n": None,
        "day": datetime.date(2024, 2, 29), "at": instant, "local": datetime.datetime(2024, 1, 1, 1, 2, 3, 4),
    }  # fmt: skip
    row = cursor.execute("SELECT " + ", ".join(f":{name}" for name in values), values).fetchone()
    assert row == (*list(values.values())[:6], Decimal(100), None, values["day"], instant, values["local"])
    assert [entry[1] for entry in cursor.description[:5]] == ["int", "bigint", "decimal", "double", "boolean"]
    assert cursor.execute("SELECT ?, ?", [1, "x"]).fetchone() == (1, "x")
    with pytest.raises(dbkernel.NotSupportedError, match="unhex"):
        cursor.execute("SELECT ?", [b"x"])
    with pytest.raises(dbkernel.DataError, match="38"):
        cursor.execute("SELECT ?", [10**40])
    with pytest.raises(dbkernel.DataError, match="nan"):
        cursor.execute("SELECT ?", [float("nan")])


def test_errors_say_what_and_where(cursor, where):
    with pytest.raises(dbkernel.ProgrammingError) as caught:
        cursor.execute("SELECT * FROM not_there")
    error = caught.value
    assert (error.sqlstate, error.error_class, error.code) == ("42P01", "TABLE_OR_VIEW_NOT_FOUND", "SqlError")
    assert error.query_id == cursor.query_id and error.query_id
    assert type(error.__cause__).__name__ == "KernelError"
    with pytest.raises(dbkernel.DatabaseError) as caught:
        cursor.execute("SELECT 1 / 0")
    assert caught.value.sqlstate.startswith("22") and isinstance(caught.value, dbkernel.DataError)
    with pytest.raises(dbkernel.OperationalError) as caught:
        dbkernel.connect("http://127.0.0.1:9", where["http_path"], access_token="x", retry_max_attempts=1)
    assert caught.value.code == "NetworkError"
    with pytest.raises(dbkernel.ProgrammingError, match="http_path"):
        dbkernel.connect(where["host"], "/nonsense", access_token="x")


def test_use_after_close_and_before_execute(where):
    connection = dbkernel.connect(**where)
    cursor = connection.cursor()
    with pytest.raises(dbkernel.InterfaceError, match="execute a query first"):
        cursor.fetchone()
    cursor.close()
    cursor.close()
    with pytest.raises(dbkernel.InterfaceError, match="cursor is closed"):
        cursor.execute("SELECT 1")
    other = connection.execute("SELECT 1")
    connection.close()
    connection.close()
    assert connection.closed
    for call in (other.fetchone, connection.cursor, connection.commit):
        with pytest.raises(dbkernel.InterfaceError, match="connection is closed"):
            call()
    other.close()


def test_cancel_from_another_thread(connection, warehouse):
    cursor = connection.cursor()
    warehouse.when_requested("/statements$", cursor.cancel)
    with pytest.raises(dbkernel.OperationalError) as caught:
        cursor.execute(LONG)
    assert caught.value.code == "Cancelled" and caught.value.query_id == cursor.query_id
    assert cursor.execute("SELECT 1").fetchall() == [(1,)]
    cursor.cancel()  # nothing runs: nothing happens


def test_catalog_calls(cursor):
    assert ("main",) in cursor.catalogs().fetchall()
    assert all(row[1] == "main" for row in cursor.schemas(catalog="main"))
    cursor.execute("CREATE TABLE parents (id INT NOT NULL, CONSTRAINT pk PRIMARY KEY (id))")
    cursor.execute("CREATE TABLE children (id INT, parent INT, CONSTRAINT fk FOREIGN KEY (parent) REFERENCES parents (id))")
    catalog, schema = cursor.execute("SELECT current_catalog(), current_schema()").fetchone()
    names = [entry[0] for entry in cursor.tables(catalog, schema, "par%", table_types=["TABLE"]).description]
    assert cursor.fetchone()[names.index("TABLE_NAME")] == "parents" and cursor.fetchone() is None
    cursor.columns(catalog, schema, "children")
    names = [entry[0] for entry in cursor.description]
    assert [row[names.index("COLUMN_NAME")] for row in cursor] == ["id", "parent"]
    assert len(cursor.primary_keys(catalog, schema, "parents").fetchall()) == 1
    assert len(cursor.foreign_keys(catalog, schema, "children").fetchall()) == 1


def test_row_limit_and_tags(cursor):
    assert len(cursor.execute("SELECT id FROM range(100)", row_limit=7).fetchall()) == 7
    assert cursor.execute("SELECT id FROM range(100)", row_limit=0).fetchall() == []
    assert cursor.execute("SELECT 1", query_tags={"team": "a", "flag": None}).fetchone() == (1,)


def test_changes_have_a_count_and_no_rows(cursor):
    assert cursor.execute("CREATE TABLE counted (a INT)").description is None
    cursor.execute("INSERT INTO counted VALUES (1), (2), (3)")
    assert cursor.rowcount == 3 and cursor.description is None
    with pytest.raises(dbkernel.InterfaceError):
        cursor.fetchone()
    assert cursor.execute("UPDATE counted SET a = 0 WHERE a > 1").rowcount == 2
    assert cursor.execute("DELETE FROM counted").rowcount == 3


def test_a_date_that_python_cannot_hold_is_told(cursor):
    cursor.execute("SELECT DATE'-0044-03-15' AS d")
    with pytest.raises(dbkernel.DataError, match="as Arrow"):
        cursor.fetchone()


def test_progress_bar(python, where, tmp_path):
    (tmp_path / "tqdm").mkdir()
    (tmp_path / "tqdm" / "__init__.py").write_text("")
    (tmp_path / "tqdm" / "auto.py").write_text(
        "class tqdm:\n"
        "    def __init__(self, total, **more): print('total', total)\n"
        "    def update(self, n): print('rows', n)\n"
        "    def close(self): print('closed')\n"
    )
    code = f"""
import sys
sys.path.insert(0, {str(tmp_path)!r})
import dbkernel
with dbkernel.connect(**{where!r}, progress=True) as connection:
    connection.fetchall("SELECT id FROM range(10)")
    connection.cursor(progress=False).execute("SELECT 1").fetchall()
"""
    assert python(code) == "total 10\nrows 10\nclosed\n"


def test_import_loads_little(python):
    loaded = python(
        "import sys; before = set(sys.modules); import dbkernel; after = set(sys.modules) - before\n"
        "print(len(after)); print(*sorted(after))"
    ).splitlines()
    assert int(loaded[0]) <= 40, loaded[1]  # typing and datetime, and what they load
    for heavy in ("databricks_sql_kernel", "pyarrow", "asyncio", "decimal", "logging", "typing_extensions"):
        assert heavy not in loaded[1].split()


def test_threads_share_a_connection(connection):
    failures = []

    def work(number: int) -> None:
        try:
            for i in range(5):
                rows = connection.fetchall("SELECT :n AS n, id FROM range(100)", {"n": number * 10 + i})
                assert rows == [(number * 10 + i, j) for j in range(100)]
        except Exception as error:  # noqa: BLE001 - told to the test
            failures.append(error)

    threads = [threading.Thread(target=work, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
