"""Statements, rows, parameters, errors: against the local warehouse."""

import gc

import pyarrow as pa
import pytest
from conftest import requests_since

import databricks_sql_kernel as kernel


def last_seq(warehouse) -> int:
    return max((entry["seq"] for entry in warehouse.journal()), default=0)


def test_rows_end_with_none_for_ever(execute):
    executed = execute("SELECT id, CAST(id AS STRING) AS s FROM range(1000)")
    assert executed.arrow_schema().names == ["id", "s"]
    assert executed.statement_id and executed.num_modified_rows is None
    count = 0
    while (batch := executed.fetch_next_batch()) is not None:
        assert batch.schema.equals(executed.arrow_schema(), check_metadata=True)
        count += batch.num_rows
    assert count == 1000
    assert executed.fetch_next_batch() is None and executed.fetch_next_batch() is None
    executed.close()
    executed.close()
    with pytest.raises(kernel.KernelError, match="ExecutedStatement is closed"):
        executed.fetch_next_batch()
    assert executed.arrow_schema().names == ["id", "s"]  # known for ever


def test_batches_outlive_everything(where):
    session = kernel.Session(**where)
    statement = session.statement()
    statement.set_sql("SELECT id FROM range(5)")
    executed = statement.execute()
    batch = executed.fetch_next_batch()
    executed.close()
    statement.close()
    session.close()
    del executed, statement, session
    gc.collect()
    assert batch.column(0).to_pylist() == [0, 1, 2, 3, 4]


def test_all_at_once(execute):
    table = execute("/*lw: chunk_rows=100, inline_max=0*/ SELECT id FROM range(1000)").fetch_all_arrow()
    assert isinstance(table, pa.Table) and table.column("id").to_pylist() == list(range(1000))
    assert execute("SELECT 1 AS a WHERE false").fetch_all_arrow().num_rows == 0


def test_rows_of_a_batch(execute):
    batch = execute("SELECT id FROM range(4)").fetch_next()
    assert batch.rows() == batch.rows(0, None) == [(0,), (1,), (2,), (3,)]
    assert batch.rows(1, 3) == [(1,), (2,)] and batch.rows(3, 1) == [] and batch.rows(-5, 1 << 80) == batch.rows()
    with pytest.raises(TypeError):
        batch.rows(0, "2")


def test_capsules(execute):
    assert pa.table(execute("SELECT id FROM range(7)")).num_rows == 7  # every other owner is gone by then
    reader = pa.RecordBatchReader.from_stream(execute("SELECT id FROM range(3)"))
    assert reader.read_all().column(0).to_pylist() == [0, 1, 2]
    executed = execute("SELECT 1 AS a")
    assert pa.schema(executed).names == ["a"]
    capsule = executed.__arrow_c_stream__(requested_schema=None)
    with pytest.raises(kernel.KernelError) as caught:
        executed.fetch_next_batch()
    assert caught.value.code == "InvalidStatementHandle"
    del capsule  # never read: released


def test_metadata_of_fields(execute):
    field = execute("SELECT array(1, 2) AS a").arrow_schema().field("a")
    assert field.metadata[b"databricks.type_name"] == b"ARRAY"


def test_conversions(where):
    with kernel.Session(**where, complex_types_as_json=True, intervals_as_string=True) as session:
        statement = session.statement()
        statement.set_sql("SELECT array(1, 2) AS a, INTERVAL '1' DAY AS i")
        rows = statement.execute().fetch_all_arrow()
        assert rows.column("a").to_pylist() == ["[1,2]"]
        assert pa.types.is_string(rows.schema.field("i").type)


def test_changed_rows(execute):
    execute("CREATE OR REPLACE TABLE main.default.py_changed (n INT)")
    assert execute("INSERT INTO main.default.py_changed VALUES (1), (2), (3)").num_modified_rows == 3
    execute("DROP TABLE main.default.py_changed")


@pytest.mark.parametrize(
    "value, sql_type, expected",
    [
        ("True", "BOOLEAN", True),
        ("007", "INT", 7),
        ("1e3", "DOUBLE", 1000.0),
        ("ü\U0001f600\n", "STRING", "ü\U0001f600\n"),
        (None, "INT", None),
        (None, "NO SUCH TYPE", None),
    ],
)
def test_parameters(session, value, sql_type, expected):
    statement = session.statement()
    statement.set_sql("SELECT ? AS v")
    statement.bind_param(1, value, sql_type)
    assert statement.execute().fetch_all_arrow().column(0).to_pylist() == [expected]
    statement.set_sql("SELECT :v AS v")
    statement.bind_named_param("v", "overwritten", "STRING")
    statement.bind_named_param(name="v", value_str=value, sql_type=sql_type)
    assert statement.execute().fetch_all_arrow().column(0).to_pylist() == [expected]


def test_parameters_that_are_refused(session):
    statement = session.statement()
    statement.set_sql("SELECT ?")
    for ordinal, value, sql_type, message in [
        (1, "yes", "BOOLEAN", 'invalid BOOLEAN literal: "yes"'),
        (0, "1", "INT", "ordinal must be >= 1"),
        (-5, "1", "INT", "ordinal must be >= 1"),
        (1, "x", "ARRAY<INT>", "compound parameter types"),
    ]:
        with pytest.raises(kernel.KernelError, match=message) as caught:
            statement.bind_param(ordinal, value, sql_type)
        assert caught.value.code == "InvalidArgument"
    for arguments in [(1, 5, "INT"), (1, "5", None), ("1", "5", "INT")]:
        with pytest.raises(TypeError):
            statement.bind_param(*arguments)
    statement.bind_param(1, "1", "INT")
    statement.bind_named_param("a", "1", "INT")
    with pytest.raises(kernel.KernelError, match="mutually exclusive"):
        statement.execute()


def test_options_reach_the_server(session, warehouse):
    statement = session.statement()
    statement.set_sql("SELECT id FROM range(10)")
    statement.set_row_limit(3)
    statement.set_query_tags({"team": "a,b:c\\", "production": None, "empty": ""})
    assert statement.execute().fetch_all_arrow().num_rows == 3
    body = [e for e in warehouse.journal() if e["path"].endswith("/statements")][-1]["body"]
    text = str(body)
    assert "production" in text and "row_limit" in text
    statement.set_row_limit(0)
    assert statement.execute().fetch_all_arrow().num_rows == 0
    statement.set_row_limit(None)
    statement.set_query_tags({})
    assert statement.execute().fetch_all_arrow().num_rows == 10
    for tags in ([], {1: "x"}, {"x": 1}):
        with pytest.raises(TypeError):
            statement.set_query_tags(tags)


def test_an_error_of_the_server(session):
    statement = session.statement()
    canceller = statement.canceller()
    assert canceller.statement_id() is None
    statement.set_sql("SELECT * FROM no_such_table_at_all")
    with pytest.raises(kernel.KernelError) as caught:
        statement.execute()
    error = caught.value
    assert error.code == "SqlError" and error.sql_state == "42P01" and error.error_code
    assert error.query_id and canceller.statement_id() == error.query_id
    assert str(error) == error.message and error.args == (error.message,)
    assert isinstance(error.retryable, bool)


def test_a_session_that_is_closed(where):
    session = kernel.Session(**where)
    statement = session.statement()
    statement.set_sql("SELECT 1")
    metadata = session.metadata()
    assert session.session_id and not session.closed
    session.close()
    session.close()
    assert session.closed and session.session_id
    for call in (
        session.statement,
        session.metadata,
        statement.execute,
        statement.submit,
        metadata.list_catalogs,
        lambda: session.attach_async_statement("x"),
    ):
        with pytest.raises(kernel.KernelError, match="closed") as caught:
            call()
        assert caught.value.code == "InvalidStatementHandle"


def test_nobody_listens():
    with pytest.raises(kernel.KernelError) as caught:
        kernel.Session("http://127.0.0.1:9", "/sql/1.0/warehouses/w", access_token="t", retry_max_attempts=1)
    assert caught.value.code == "NetworkError" and caught.value.http_status is None


def test_wrong_token(warehouse, where):
    with pytest.raises(kernel.KernelError) as caught:
        kernel.Session(**{**where, "http_path": "/sql/1.0/warehouses/nothing"})
    assert caught.value.http_status is not None


# ---- who closes what on the server (contract 3.3) ----


def deletes(warehouse, seq: int, statement_id: str) -> int:
    warehouse_path = f"/statements/{statement_id}"
    return sum(method == "DELETE" and path.endswith(warehouse_path) for method, path in requests_since(warehouse, seq))


def test_a_drained_statement_is_closed_once(where, warehouse):
    seq = last_seq(warehouse)
    with kernel.Session(**where) as session:
        statement = session.statement()
        statement.set_sql("SELECT id FROM range(10)")
        executed = statement.execute()
        statement.close()  # generation A closes it before reading
        while executed.fetch_next_batch() is not None:
            pass
        executed.close()
    assert deletes(warehouse, seq, executed.statement_id) == 1


def test_a_dropped_result_is_closed_too(where, warehouse):
    seq = last_seq(warehouse)
    with kernel.Session(**where) as session:
        statement = session.statement()
        statement.set_sql("SELECT id FROM range(10)")
        statement_id = statement.execute().statement_id
        gc.collect()
    assert deletes(warehouse, seq, statement_id) == 1


def test_a_submitted_statement_is_read_again_and_again(where, warehouse):
    seq = last_seq(warehouse)
    with kernel.Session(**where) as session:
        statement = session.statement()
        statement.set_sql("SELECT id FROM range(10)")
        submitted = statement.submit()
        statement.close()
        for _ in range(2):
            assert submitted.await_result().fetch_all_arrow().num_rows == 10
        assert submitted.status() == ("Succeeded", None)
        attached = session.attach_async_statement(submitted.statement_id)
        assert attached.await_result().fetch_all_arrow().num_rows == 10
        del attached
        gc.collect()
        reader = submitted.reader()
        assert reader.status()[0] == "Succeeded" and reader.await_result().fetch_all_arrow().num_rows == 10
        reader.close()
        assert deletes(warehouse, seq, submitted.statement_id) == 0
        rows = submitted.await_result()
        submitted.close()  # before its rows are read
        assert rows.fetch_all_arrow().num_rows == 10
        with pytest.raises(kernel.KernelError) as caught:
            submitted.status()
        assert caught.value.code == "InvalidStatementHandle"
    assert deletes(warehouse, seq, submitted.statement_id) == 1


def test_an_attached_statement_is_closed_when_asked(where, warehouse):
    seq = last_seq(warehouse)
    with kernel.Session(**where) as session:
        statement = session.statement()
        statement.set_sql("SELECT 1")
        submitted = statement.submit()
        attached = session.attach_async_statement(submitted.statement_id)
        attached.close()
        attached.close()
        assert deletes(warehouse, seq, submitted.statement_id) == 1


def test_a_submitted_statement_that_fails(session):
    statement = session.statement()
    statement.set_sql("SELECT * FROM no_such_table_at_all")
    submitted = statement.submit()
    state = "Pending"
    while state in ("Pending", "Running"):
        state, failure = submitted.status()
    assert state == "Failed" and isinstance(failure, kernel.KernelError)
    assert failure.code == "SqlError" and failure.query_id == submitted.statement_id
    with pytest.raises(kernel.KernelError) as caught:
        submitted.await_result()
    assert caught.value.code == "SqlError"
    with pytest.raises(kernel.KernelError) as caught:
        session.attach_async_statement("00000000-0000-0000-0000-000000000000")
    assert caught.value.code == "NotFound"


def test_a_message_does_not_repeat_its_error_code(session):
    """The C ABI's messages end in the server's code (c-abi.md 5); here it is an attribute."""
    statement = session.statement()
    statement.set_sql("SELECT * FROM no_such_table_at_all")
    with pytest.raises(kernel.KernelError) as caught:
        statement.execute()
    assert caught.value.error_code
    assert caught.value.message == str(caught.value) and "error_code=" not in caught.value.message
    with pytest.raises(kernel.KernelError) as caught:
        session.attach_async_statement("00000000-0000-0000-0000-000000000000")
    assert caught.value.error_code and caught.value.message.startswith("HTTP 404: ")
    assert "error_code=" not in caught.value.message


# ---- catalog calls ----


def test_catalog_calls(session):
    metadata = session.metadata()
    assert "main" in metadata.list_catalogs().fetch_all_arrow().column(0).to_pylist()
    assert metadata.list_schemas(catalog="main").fetch_all_arrow().num_rows >= 1
    assert metadata.list_schemas(catalog="main", schema_pattern="").fetch_all_arrow().num_rows == 0
    tables = metadata.list_tables(catalog="samples", schema_pattern="tpch", table_types=["table"]).fetch_all_arrow()
    assert tables.num_rows > 0 and set(tables.column("TABLE_TYPE").to_pylist()) == {"TABLE"}
    assert metadata.list_tables(catalog="samples", table_types=[]).fetch_all_arrow().num_rows == 0
    columns = metadata.list_columns(catalog="samples", schema_pattern="tpch", table_pattern="nation")
    assert "COLUMN_NAME" in columns.arrow_schema().names and columns.fetch_all_arrow().num_rows > 0
    for name in ("table_types", "type_info", "list_table_types", "list_type_info"):
        assert getattr(metadata, name)().fetch_all_arrow().num_rows > 0
    metadata.functions(catalog="main").close()
    metadata.procedures(catalog="main").close()
    assert metadata.primary_keys(catalog="samples", schema="tpch", table="nation").fetch_next_batch() is None
    metadata.foreign_keys(foreign_catalog="samples", foreign_schema="tpch", foreign_table="nation").close()
    with pytest.raises(kernel.KernelError, match="white"):
        metadata.list_tables(catalog="  ")
    for call, arguments in [
        (metadata.list_tables, {"table_types": "TABLE"}),
        (metadata.list_tables, {"table_types": [1]}),
        (metadata.list_tables, {"catalog": 1}),
        (metadata.list_tables, {"wrong": 1}),
        (metadata.primary_keys, {"catalog": "a"}),
    ]:
        with pytest.raises(TypeError):
            call(**arguments)
