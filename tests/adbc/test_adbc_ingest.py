"""Bulk ingest: modes, types, both ways in, and that no row comes twice."""

from __future__ import annotations

import datetime
import decimal

import adbc_driver_manager as manager
import pyarrow as pa
import pytest

VOLUME = "/Volumes/main/default/e2etests"
WAYS = ["insert", "stage"]


@pytest.fixture(params=WAYS)
def way(request) -> dict[str, str]:
    """Options of the database for one of the two ways."""
    return {} if request.param == "insert" else {"databricks.ingest.staging_volume": VOLUME}


@pytest.fixture
def ingest(connect, way):
    def run(name, data, mode="create", **more) -> int:
        with connect(**way).cursor() as cursor:
            return cursor.adbc_ingest(name, data, mode=mode, **more)

    return run


EVERYTHING = pa.table(
    {
        "flag": pa.array([True, None, False]),
        "i8": pa.array([-128, None, 127], pa.int8()),
        "i16": pa.array([-32768, None, 32767], pa.int16()),
        "i32": pa.array([-(2**31), None, 2**31 - 1], pa.int32()),
        "i64": pa.array([-(2**63), None, 2**63 - 1], pa.int64()),
        "u8": pa.array([0, None, 255], pa.uint8()),
        "u16": pa.array([0, None, 65535], pa.uint16()),
        "u32": pa.array([0, None, 2**32 - 1], pa.uint32()),
        "u64": pa.array([0, None, 2**64 - 1], pa.uint64()),
        "f32": pa.array([1.5, None, -0.25], pa.float32()),
        "f64": pa.array([0.1, None, 1e300], pa.float64()),
        "dec": pa.array([decimal.Decimal("-12.345"), None, decimal.Decimal("99999.999")], pa.decimal128(8, 3)),
        "s": pa.array(["it's \\ \"x\" ü", None, ""], pa.string()),
        "big": pa.array(["a", None, "b"], pa.large_string()),
        "view": pa.array(["longer than twelve bytes", None, "v"], pa.string_view()),
        "dict": pa.array(["x", None, "x"]).dictionary_encode(),
        "bin": pa.array([b"\x00\xff", None, b""], pa.binary()),
        "fixed": pa.array([b"abcd", None, b"\x00\x01\x02\x03"], pa.binary(4)),
        "d": pa.array([datetime.date(1969, 12, 31), None, datetime.date(2024, 2, 29)], pa.date32()),
        "ntz": pa.array([datetime.datetime(1969, 12, 31, 23, 59, 59, 1), None, datetime.datetime(2024, 1, 1)], pa.timestamp("us")),
        "tz": pa.array([0, None, 1700000000123], pa.timestamp("ms", "UTC")),
        "a list": pa.array([[1, None, 3], None, []], pa.list_(pa.int32())),
        "st": pa.array([{"x": 1, "y": "q\"'"}, None, {"x": None, "y": None}], pa.struct([("x", pa.int64()), ("y", pa.string())])),
    }
)


def test_every_type(ingest, table, cursor):
    name = table()
    assert ingest(name, EVERYTHING) == 3
    cursor.execute(f"SELECT * FROM {name} ORDER BY i64 NULLS FIRST")
    got = cursor.fetch_arrow_table()
    assert got.schema.names == EVERYTHING.schema.names
    for column in EVERYTHING.schema.names:
        first, null, last = EVERYTHING.column(column).to_pylist()
        assert got.column(column).to_pylist() == [null, first, last], column
    kinds = dict(zip(got.schema.names, got.schema.types))
    assert kinds["u8"] == pa.int16() and kinds["u32"] == pa.int64() and kinds["bin"] == pa.binary()
    assert kinds["u64"] == pa.decimal128(20, 0)
    assert kinds["ntz"] == pa.timestamp("us") and kinds["tz"].tz is not None
    assert kinds["dec"] == pa.decimal128(8, 3) and kinds["a list"] == pa.list_(pa.field("element", pa.int32()))


def rows(warehouse, name) -> list[int]:
    return [row[0] for row in warehouse.rows(f"SELECT a FROM {name} ORDER BY a")]


def numbers(*values) -> pa.Table:
    return pa.table({"a": pa.array(values, pa.int64())})


def test_modes(ingest, table, warehouse):
    name = table()
    with pytest.raises(manager.Error) as caught:
        ingest(name, numbers(0), mode="append")
    assert caught.value.status_code == manager.AdbcStatusCode.NOT_FOUND
    assert ingest(name, numbers(1)) == 1
    with pytest.raises(manager.Error) as caught:
        ingest(name, numbers(2), mode="create")
    assert caught.value.status_code == manager.AdbcStatusCode.ALREADY_EXISTS
    assert rows(warehouse, name) == [1]
    assert ingest(name, numbers(2, 3), mode="append") == 2
    assert ingest(name, numbers(4), mode="create_append") == 1
    assert rows(warehouse, name) == [1, 2, 3, 4]
    assert ingest(name, numbers(5), mode="replace") == 1
    assert rows(warehouse, name) == [5]
    assert ingest(name, pa.table({"b": ["x"]}), mode="replace") == 1
    for mode in ("append", "create_append"):
        with pytest.raises(manager.Error) as caught:
            ingest(name, pa.table({"other": [1]}), mode=mode)
        assert caught.value.status_code == manager.AdbcStatusCode.ALREADY_EXISTS  # with another schema
    assert warehouse.rows(f"SELECT b FROM {name}") == [("x",)]


def test_columns_go_by_name(ingest, table, warehouse):
    name = table()
    warehouse.execute(f"CREATE TABLE {name} (a BIGINT, b STRING)")
    assert ingest(name, pa.table({"b": ["x"], "a": pa.array([1], pa.int64())}), mode="append") == 1
    assert warehouse.rows(f"SELECT a, b FROM {name}") == [(1, "x")]


def test_catalog_and_schema(ingest, warehouse):
    warehouse.execute("CREATE SCHEMA IF NOT EXISTS main.adbc_ingest")
    try:
        name = "odd `name`"
        assert ingest(name, numbers(1), catalog_name="main", db_schema_name="adbc_ingest") == 1
        assert warehouse.rows("SELECT a FROM main.adbc_ingest.`odd ``name```") == [(1,)]
    finally:
        warehouse.execute("DROP SCHEMA main.adbc_ingest CASCADE")


def test_no_rows_make_a_table(ingest, table, warehouse):
    name = table()
    assert ingest(name, numbers()) == 0
    assert rows(warehouse, name) == []
    other = table()
    assert ingest(other, pa.RecordBatchReader.from_batches(numbers().schema, [])) == 0
    assert rows(warehouse, other) == []


def test_not_null(ingest, table, warehouse):
    name = table()
    data = pa.table([pa.array([1])], schema=pa.schema([pa.field("a", pa.int64(), nullable=False)]))
    assert ingest(name, data) == 1
    assert "NULL" in warehouse.error(f"INSERT INTO {name} VALUES (NULL)")["error"]["message"]


def test_many_batches(ingest, table, warehouse):
    name = table()
    batches = [numbers(*range(n, n + 7)).to_batches()[0] for n in range(0, 700, 7)]
    assert ingest(name, pa.RecordBatchReader.from_batches(batches[0].schema, batches)) == 700
    assert rows(warehouse, name) == list(range(700))


def test_parameters_are_batched(connect, table, warehouse):
    name = table()
    mark = warehouse.journal_mark()
    data = pa.table({"a": list(range(1000)), "b": [str(n) for n in range(1000)]})
    with connect().cursor() as cursor:
        assert cursor.adbc_ingest(name, data, mode="create") == 1000
    sent = [e["body"] for e in warehouse.journal(mark) if e["method"] == "POST" and e["path"].endswith("/statements")]
    assert [len(body.get("parameters", [])) for body in sent] == [0] + 7 * [256] + [208]
    assert rows(warehouse, name) == list(range(1000))


def test_staging_is_one_statement_and_leaves_nothing(connect, table, warehouse):
    name = table()
    mark = warehouse.journal_mark()
    data = pa.table({"a": list(range(200000)), "b": ["some text"] * 200000})
    with connect(**{"databricks.ingest.staging_volume": VOLUME + "/"}).cursor() as cursor:
        assert cursor.adbc_ingest(name, data, mode="create") == 200000
    journal = warehouse.journal(mark)
    sent = [e["body"]["statement"].split(" ")[0] for e in journal if e["path"].endswith("/statements") and e["method"] == "POST"]
    assert sent == ["CREATE", "COPY"]
    files = [(e["method"], e["path"]) for e in journal if "/fs/files/" in e["path"]]
    assert [method for method, _ in files] == ["PUT", "DELETE"] and files[0][1] == files[1][1]
    assert warehouse.rows(f"SELECT count(*), sum(a), count(DISTINCT b) FROM {name}") == [(200000, 19999900000, 1)]


def test_a_lost_answer_loads_nothing_twice(connect, table, warehouse):
    """The COPY INTO ran, its answer never came: sent once more it finds its files loaded."""
    name = table()
    warehouse.execute(f"CREATE TABLE {name} (a BIGINT)")
    with connect(**{"databricks.ingest.staging_volume": VOLUME}).cursor() as cursor:
        mark = warehouse.journal_mark()
        warehouse.fault("stmt.execute:reset(after)", times=1)
        try:
            assert cursor.adbc_ingest(name, numbers(*range(50)), mode="append") == 50
        finally:
            warehouse.clear_faults()
    sent = [e["body"]["statement"] for e in warehouse.journal(mark) if e["path"].endswith("/statements") and e["method"] == "POST"]
    assert len(sent) == 2 and sent[0] == sent[1] and sent[0].startswith("COPY INTO")
    assert rows(warehouse, name) == list(range(50))


def test_a_lost_answer_to_an_insert_is_told(connect, table, warehouse):
    name = table()
    warehouse.execute(f"CREATE TABLE {name} (a BIGINT)")
    with connect().cursor() as cursor:
        warehouse.fault("stmt.execute:reset(after)", times=1)
        try:
            with pytest.raises(manager.Error) as caught:
                cursor.adbc_ingest(name, numbers(*range(50)), mode="append")
        finally:
            warehouse.clear_faults()
    assert dict(caught.value.details)[b"databricks.may_have_executed"] == b"true"
    assert rows(warehouse, name) in ([], list(range(50)))


def test_a_failure_in_the_middle_says_what_is_there(connect, table, warehouse):
    name = table()
    warehouse.execute(f"CREATE TABLE {name} (a TINYINT)")
    with connect().cursor() as cursor, pytest.raises(manager.Error) as caught:
        cursor.adbc_ingest(name, numbers(*[1] * 300, 1000), mode="append")
    assert "256 rows are in `" + name in str(caught.value)
    assert len(rows(warehouse, name)) == 256


def test_temporary(connect, warehouse):
    made = connect()
    with made.cursor() as cursor:
        assert cursor.adbc_ingest("adbc_temp", numbers(1, 2), mode="create", temporary=True) == 2
        cursor.execute("SELECT sum(a) FROM adbc_temp")
        assert cursor.fetchone() == (3,)
        assert cursor.adbc_ingest("adbc_temp", numbers(7), mode="create") == 1  # beside it, not into it
        cursor.execute("SELECT sum(a) FROM adbc_temp")
        assert cursor.fetchone() == (3,)
        assert warehouse.rows("SELECT a FROM adbc_temp") == [(7,)]
        warehouse.execute("DROP TABLE adbc_temp")
        with pytest.raises(manager.Error) as caught:
            cursor.adbc_ingest("x", numbers(1), mode="create", temporary=True, db_schema_name="default")
        assert caught.value.status_code == manager.AdbcStatusCode.INVALID_STATE
    assert "adbc_temp" in warehouse.error("SELECT * FROM adbc_temp")["error"]["message"]


def test_states(statement, table):
    statement.set_options(**{"adbc.ingest.target_table": table()})
    with pytest.raises(manager.Error, match="no bound rows") as caught:
        statement.execute_query()
    assert caught.value.status_code == manager.AdbcStatusCode.INVALID_STATE
    statement.set_sql_query("SELECT 1 AS a")  # the target is forgotten
    handle, _ = statement.execute_query()
    assert pa.RecordBatchReader._import_from_c(handle.address).read_all().to_pylist() == [{"a": 1}]
    with pytest.raises(manager.Error):
        statement.set_options(**{"adbc.ingest.mode": "adbc.ingest.mode.upsert"})


def test_too_many_columns_for_parameters(connect, table, warehouse):
    name = table()
    wide = pa.table({f"c{n}": [n] for n in range(300)})
    with connect().cursor() as cursor, pytest.raises(manager.NotSupportedError, match="staging_volume"):
        cursor.adbc_ingest(name, wide, mode="create")
    with connect(**{"databricks.ingest.staging_volume": VOLUME}).cursor() as cursor:
        assert cursor.adbc_ingest(name, wide, mode="replace") == 1
    assert warehouse.rows(f"SELECT c0, c299 FROM {name}") == [(0, 299)]


@pytest.mark.parametrize(
    "volume, status",
    [
        ("/tmp/here", manager.AdbcStatusCode.INVALID_ARGUMENT),
        ("/Volumes/main/../secrets/v", manager.AdbcStatusCode.INVALID_ARGUMENT),
        ("/Volumes/main//v", manager.AdbcStatusCode.INVALID_ARGUMENT),
        ("/Volumes/main/default/no_such_volume", manager.AdbcStatusCode.NOT_FOUND),
    ],
)
def test_what_is_no_volume(connect, table, warehouse, volume, status):
    name = table()
    with connect(**{"databricks.ingest.staging_volume": volume}).cursor() as cursor:
        with pytest.raises(manager.Error) as caught:
            cursor.adbc_ingest(name, numbers(1), mode="create")
    assert caught.value.status_code == status
    assert rows(warehouse, name) == []
