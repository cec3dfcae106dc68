"""Queries, parameters, schemas, changed rows, life of handles."""

from __future__ import annotations

import datetime
import decimal
import threading

import adbc_driver_manager as manager
import pyarrow as pa
import pytest
from adbc_env import CStream

UTC = datetime.timezone.utc
LONG = "/*lw: pending=1*/ SELECT count(*) FROM range(0, 1000000000000) WHERE pow(rand(), 2) < 0.5 AND sqrt(id) > 1"


def read(handle) -> pa.Table:
    return pa.RecordBatchReader._import_from_c(handle.address).read_all()


def test_rows_come_as_arrow(cursor):
    cursor.execute("SELECT id, CAST(id AS STRING) AS s FROM range(100000) -- end;\n ;;; ")
    table = cursor.fetch_arrow_table()
    assert table.num_rows == 100000
    assert table.column("id").to_pylist() == list(range(100000))
    assert table.schema.field("s").type == pa.string()


def test_an_empty_result_has_a_schema(cursor):
    cursor.execute("SELECT 1 AS a, 'x' AS b WHERE false")
    table = cursor.fetch_arrow_table()
    assert table.schema.names == ["a", "b"] and table.num_rows == 0


@pytest.mark.parametrize(
    "value, kind",
    [
        (True, pa.bool_()),
        (-128, pa.int8()),
        (32767, pa.int16()),
        (-(2**31), pa.int32()),
        (2**63 - 1, pa.int64()),
        (0.1, pa.float64()),
        (1.5, pa.float32()),
        (float("inf"), pa.float64()),
        ("it's `\"\\ ü", pa.string()),
        ("", pa.string()),
        ("large", pa.large_string()),
        ("a view that is longer than twelve bytes", pa.string_view()),
        (b"\x00\xff", pa.binary()),
        (b"", pa.binary()),
        (b"abcd", pa.binary(4)),
        (b"\x01view", pa.binary_view()),
        (decimal.Decimal("-123.4500"), pa.decimal128(10, 4)),
        (decimal.Decimal("0.001"), pa.decimal128(10, 3)),
        (datetime.date(1969, 12, 31), pa.date32()),
        (datetime.date(2024, 2, 29), pa.date64()),
        (datetime.datetime(1969, 12, 31, 23, 59, 59, 999999), pa.timestamp("us")),
        (datetime.datetime(2024, 2, 29, 12, 30, 0, 5000), pa.timestamp("ms")),
    ],
)
def test_parameters(statement, value, kind):
    statement.set_sql_query("SELECT ? AS v, ? IS NULL AS n, ? AS w")
    values = pa.array([value, value], kind)
    statement.bind(pa.record_batch([values, pa.array([None, 1], pa.int32()), values], names=["0", "1", "2"]))
    table = read(statement.execute_query()[0])
    assert table.column("v").to_pylist() == [value, value]
    assert table.column("n").to_pylist() == [True, False]
    assert table.column("w").to_pylist() == [value, value]


def test_timestamps_with_zone_and_nanoseconds(statement):
    statement.set_sql_query("SELECT ? AS z, ? AS n")
    zoned = pa.array([datetime.datetime(2024, 1, 1, 1, tzinfo=UTC)], pa.timestamp("us", "Europe/Berlin"))
    nanos = pa.array([-1], pa.timestamp("ns"))  # towards minus infinity
    statement.bind(pa.record_batch([zoned, nanos], names=["0", "1"]))
    row = read(statement.execute_query()[0]).to_pylist()[0]
    assert row["z"] == datetime.datetime(2024, 1, 1, 1, tzinfo=UTC)
    assert row["n"] == datetime.datetime(1969, 12, 31, 23, 59, 59, 999999)


def test_a_dictionary_is_sent_as_its_values(statement):
    statement.set_sql_query("SELECT ? AS v")
    statement.bind(pa.record_batch([pa.array(["b", None, "a", "b"]).dictionary_encode()], names=["0"]))
    assert read(statement.execute_query()[0]).column("v").to_pylist() == ["b", None, "a", "b"]


def test_a_sliced_batch(statement):
    statement.set_sql_query("SELECT ? AS v")
    statement.bind(pa.record_batch([pa.array([1, 2, 3, 4])], names=["0"]).slice(1, 2))
    assert read(statement.execute_query()[0]).column("v").to_pylist() == [2, 3]


def test_bind_before_prepare_and_markers_in_quotes(statement):
    statement.set_sql_query("SELECT ? + 1 AS a, '?' AS b, `?` FROM (SELECT 5 AS `?`) -- ?\n /* ? */")
    statement.bind(pa.record_batch([pa.array([1, 2])], names=["0"]))
    statement.prepare()
    table = read(statement.execute_query()[0])
    assert table.column(0).to_pylist() == [2, 3] and table.column(1).to_pylist() == ["?", "?"]


def test_null_in_the_first_row_keeps_the_type(statement):
    statement.set_sql_query("SELECT ? AS a, ? AS b")
    columns = [pa.array([None, 42], pa.int64()), pa.array(["", None])]
    statement.bind(pa.record_batch(columns, names=["0", "1"]))
    handle, _ = statement.execute_query()
    table = pa.RecordBatchReader._import_from_c(handle.address).read_all()
    assert table.schema.types == [pa.int64(), pa.string()]
    assert table.to_pylist() == [{"a": None, "b": ""}, {"a": 42, "b": None}]


def test_rows_of_other_types_are_refused(statement):
    statement.set_sql_query("SELECT CASE WHEN ? = 1 THEN 1 ELSE 2 END AS a /* ? */, ? AS u")
    big = pa.array([1, 2**64 - 1], pa.uint64())  # BIGINT, then DECIMAL
    statement.bind(pa.record_batch([pa.array([1, 1]), big], names=["0", "1"]))
    handle, _ = statement.execute_query()
    with pytest.raises((pa.ArrowException, OSError), match="bound row 2 has other types"):
        pa.RecordBatchReader._import_from_c(handle.address).read_all()


def test_bound_stream(statement, table, warehouse):
    name = table()
    warehouse.execute(f"CREATE TABLE {name} (a BIGINT, b STRING)")
    batches = [pa.record_batch([pa.array([i, i + 1]), pa.array([str(i), None])], names=["a", "b"]) for i in (0, 2)]
    statement.set_sql_query(f"INSERT INTO {name} VALUES (?, ?)")
    statement.bind_stream(pa.RecordBatchReader.from_batches(batches[0].schema, batches))
    assert statement.execute_update() == 4
    assert warehouse.rows(f"SELECT count(*), count(b), sum(a) FROM {name}") == [(4, 2, 6)]


def test_parameters_by_name(statement):
    statement.set_options(**{"adbc.statement.bind_by_name": "true"})
    statement.set_sql_query("SELECT :b AS b, :a AS a")
    statement.bind(pa.record_batch([pa.array([1]), pa.array(["x"])], names=["a", "b"]))
    assert read(statement.execute_query()[0]).to_pylist() == [{"b": "x", "a": 1}]


def test_no_rows_bound_is_no_execution(statement, table, warehouse):
    name = table()
    warehouse.execute(f"CREATE TABLE {name} (a BIGINT)")
    statement.set_sql_query(f"INSERT INTO {name} VALUES (?)")
    statement.bind(pa.record_batch([pa.array([], pa.int64())], names=["a"]))
    assert statement.execute_update() == 0
    assert warehouse.rows(f"SELECT count(*) FROM {name}") == [(0,)]


def test_wrong_number_of_parameters(statement):
    statement.set_sql_query("SELECT ?, ?")
    statement.bind(pa.record_batch([pa.array([1])], names=["0"]))
    with pytest.raises(manager.Error, match="2 parameters, 1 columns"):
        statement.execute_query()


def test_values_that_cannot_be_sent(statement):
    statement.set_sql_query("SELECT ?")
    statement.bind(pa.record_batch([pa.array([datetime.timedelta(1)])], names=["gap"]))
    with pytest.raises(manager.NotSupportedError, match="column gap"):
        statement.execute_query()


def test_changed_rows(cursor, table):
    name = table()
    cursor.execute(f"CREATE TABLE {name} (a INT)")
    assert cursor.rowcount == -1
    cursor.execute(f"INSERT INTO {name} VALUES (1), (2), (3)")
    assert cursor.rowcount == 3
    cursor.execute(f"UPDATE {name} SET a = 9 WHERE a > 1")
    assert cursor.rowcount == 2
    cursor.execute(f"DELETE FROM {name}")
    assert cursor.rowcount == 3


def test_schema_without_running(cursor, table, warehouse):
    name = table()
    warehouse.execute(f"CREATE TABLE {name} (a INT)")
    schema = cursor.adbc_execute_schema("WITH x AS (SELECT 1 AS a, ? AS b) SELECT * FROM x ORDER BY a -- ?")
    assert schema.names == ["a", "b"]
    for sql in (f"INSERT INTO {name} VALUES (1)", f"DROP TABLE {name}"):
        with pytest.raises(manager.Error, match="only queries"):
            cursor.adbc_execute_schema(sql)
    with pytest.raises(manager.Error):
        cursor.adbc_execute_schema("SELECT * FROM no_such_table")
    assert warehouse.rows(f"SELECT count(*) FROM {name}") == [(0,)]


def test_parameter_schema(statement):
    statement.set_sql_query("SELECT ?, '?', ?")
    with pytest.raises(manager.Error, match="not prepared"):
        statement.get_parameter_schema()
    statement.prepare()
    handle = statement.get_parameter_schema()
    schema = pa.Schema._import_from_c(handle.address)
    assert schema.names == ["0", "1"] and schema.types == [pa.null(), pa.null()]


def test_statement_states(statement):
    for call in (statement.prepare, statement.execute_query, statement.execute_schema):
        with pytest.raises(manager.Error) as caught:
            call()
        assert caught.value.status_code == manager.AdbcStatusCode.INVALID_STATE
    with pytest.raises(manager.NotSupportedError, match="Substrait"):
        statement.set_substrait_plan(b"plan")


def test_errors_have_details(cursor):
    with pytest.raises(manager.ProgrammingError) as caught:
        cursor.execute("SELECT * FROM no_such_table")
    error = caught.value
    assert error.status_code == manager.AdbcStatusCode.NOT_FOUND and error.sqlstate == "42P01"
    assert "[Databricks] " in str(error) and "no_such_table" in str(error)
    details = dict(error.details)
    assert details[b"databricks.may_have_executed"] == b"false"
    assert len(details[b"databricks.query_id"]) > 10


def test_query_id_and_progress(statement, warehouse):
    assert statement.get_option_float("adbc.statement.exec.progress") == 0
    statement.set_sql_query("SELECT * FROM range(1000)")
    handle, _ = statement.execute_query()
    query_id = statement.get_option("databricks.statement.query_id")
    assert warehouse.call("GET", f"/api/2.0/sql/statements/{query_id}").status == 200
    assert read(handle).num_rows == 1000
    assert statement.get_option("databricks.statement.query_id") == query_id
    assert statement.get_option_float("adbc.statement.exec.progress") == statement.get_option_float(
        "adbc.statement.exec.max_progress"
    )


def test_row_limit(statement):
    statement.set_options(**{"databricks.statement.row_limit": 3})
    statement.set_sql_query("SELECT * FROM range(1000)")
    assert read(statement.execute_query()[0]).num_rows == 3


def test_rows_outlive_everything(warehouse, database):
    """The stream may end with an error once its session is gone, but it stays safe to use."""
    opened = manager.AdbcConnection(database)
    made = manager.AdbcStatement(opened)
    made.set_sql_query("SELECT * FROM range(10)")
    handle, _ = made.execute_query()
    reader = pa.RecordBatchReader._import_from_c(handle.address)
    made.close()
    opened.close()
    try:
        assert reader.read_all().num_rows == 10
    except pa.ArrowException:
        pass


def test_the_schema_can_be_asked_for_after_the_rows(statement):
    statement.set_sql_query("SELECT 1 AS a")
    handle, _ = statement.execute_query()
    stream = CStream(handle.address)
    assert stream.batches(pa.schema([("a", pa.int32())])) == 1
    assert stream.schema().names == ["a"]
    stream.release()


def test_a_second_query_leaves_the_first_rows_alone(statement):
    statement.set_sql_query("SELECT 1 AS a")
    first, _ = statement.execute_query()
    statement.set_sql_query("SELECT 2 AS a")
    second, _ = statement.execute_query()
    assert read(second).column("a").to_pylist() == [2]
    assert read(first).column("a").to_pylist() == [1]


def test_statements_side_by_side(connection):
    results = {}

    def work(n):
        with manager.AdbcStatement(connection) as made:
            made.set_sql_query(f"SELECT {n} + id AS v FROM range(1000)")
            results[n] = read(made.execute_query()[0]).column("v").to_pylist()

    threads = [threading.Thread(target=work, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == {n: list(range(n, n + 1000)) for n in range(8)}


def test_cancel_from_another_thread(statement):
    started = threading.Event()
    caught = []

    def work():
        statement.set_sql_query(LONG)
        started.set()
        try:
            statement.execute_query()
        except manager.Error as error:
            caught.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    started.wait()
    while thread.is_alive():  # a cancel before it began finds nothing
        statement.cancel()
        thread.join(0.05)
    assert [error.status_code for error in caught] == [manager.AdbcStatusCode.CANCELLED]


def test_cancel_while_rows_are_read(statement):
    statement.set_sql_query("SELECT * FROM range(1000000)")
    handle, _ = statement.execute_query()
    reader = pa.RecordBatchReader._import_from_c(handle.address)
    statement.cancel()
    with pytest.raises((pa.ArrowCancelled, pa.ArrowException, OSError), match="cancel"):
        reader.read_all()


def test_cancel_when_nothing_runs(statement, connection):
    statement.cancel()
    connection.cancel()


def test_transactions(connect, table, warehouse):
    name = table()
    warehouse.execute(f"CREATE TABLE {name} (a INT)")
    made = connect(autocommit=False, **{"databricks.transactions": "true"})
    with made.cursor() as cursor:
        cursor.execute(f"INSERT INTO {name} VALUES (1)")
        made.rollback()
        cursor.execute(f"INSERT INTO {name} VALUES (2)")
        made.commit()
        made.commit()  # nothing to commit, which the server calls an error
    assert warehouse.rows(f"SELECT a FROM {name}") == [(2,)]
    made.adbc_connection.set_autocommit(True)
    with pytest.raises(manager.Error) as caught:
        made.adbc_connection.commit()
    assert caught.value.status_code == manager.AdbcStatusCode.INVALID_STATE
