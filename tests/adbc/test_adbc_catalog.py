"""GetObjects, GetTableSchema, GetTableTypes, GetInfo, GetStatistics."""

from __future__ import annotations

import adbc_driver_manager as manager
import pyarrow as pa
import pytest
from adbc_driver_manager import GetObjectsDepth as Depth

FILES = "adbc_objects"


@pytest.fixture(scope="module")
def sample(warehouse):
    """A schema with tables, a view and keys; its name."""
    warehouse.execute(f"DROP SCHEMA IF EXISTS main.{FILES} CASCADE")
    for sql in (
        f"CREATE SCHEMA main.{FILES}",
        f"CREATE TABLE main.{FILES}.parents (a INT NOT NULL, b STRING NOT NULL, CONSTRAINT pk PRIMARY KEY (a, b))",
        f"CREATE TABLE main.{FILES}.children (x BIGINT COMMENT 'a number', y DECIMAL(12,3), a INT, b STRING,"
        f" CONSTRAINT fk FOREIGN KEY (a, b) REFERENCES main.{FILES}.parents (a, b))",
        f"CREATE VIEW main.{FILES}.seen AS SELECT 1 AS one",
    ):
        warehouse.execute(sql)
    yield FILES
    warehouse.execute(f"DROP SCHEMA IF EXISTS main.{FILES} CASCADE")


@pytest.fixture
def objects(connection):
    def call(depth=Depth.ALL, **filters) -> list[dict]:
        handle = connection.get_objects(depth, **filters)
        table = pa.RecordBatchReader._import_from_c(handle.address).read_all()
        table.validate(full=True)
        return table.to_pylist()

    return call


def schemas(rows) -> dict[tuple, list]:
    return {
        (row["catalog_name"], schema["db_schema_name"]): schema["db_schema_tables"]
        for row in rows
        for schema in row["catalog_db_schemas"]
    }


def test_catalogs(objects):
    rows = objects(Depth.CATALOGS)
    names = [row["catalog_name"] for row in rows]
    assert {"main", "samples", "system"} <= set(names) and names == sorted(set(names))
    assert all(row["catalog_db_schemas"] is None for row in rows)
    assert [row["catalog_name"] for row in objects(Depth.CATALOGS, catalog="sam%")] == ["samples"]
    assert objects(Depth.CATALOGS, catalog="no_such") == []
    assert objects(Depth.CATALOGS, catalog="") == []


def test_schemas(objects, sample):
    found = schemas(objects(Depth.DB_SCHEMAS))
    assert found[("main", sample)] is None and ("samples", "tpch") in found
    assert list(schemas(objects(Depth.DB_SCHEMAS, catalog="main", db_schema="adbc\\_obj%"))) == [("main", sample)]
    assert list(schemas(objects(Depth.DB_SCHEMAS, catalog="m_in", db_schema=sample))) == [("main", sample)]
    assert schemas(objects(Depth.DB_SCHEMAS, db_schema="no_such")) == {}


def test_tables(objects, sample):
    tables = schemas(objects(Depth.TABLES, catalog="main", db_schema=sample))[("main", sample)]
    assert [(t["table_name"], t["table_type"]) for t in tables] == [
        ("children", "TABLE"), ("parents", "TABLE"), ("seen", "VIEW")
    ]
    assert all(t["table_columns"] is None and t["table_constraints"] is None for t in tables)
    named = schemas(objects(Depth.TABLES, catalog="ma%", db_schema="adbc%", table_name="%REN%"))
    assert [t["table_name"] for t in named[("main", sample)]] == ["children", "parents"]
    views = schemas(objects(Depth.TABLES, catalog="main", db_schema=sample, table_types=["view", "nonsense"]))
    assert [t["table_name"] for t in views[("main", sample)]] == ["seen"]
    assert schemas(objects(Depth.TABLES, table_types=["nonsense"])) == {}


def test_empty_schemas_are_shown(objects, warehouse):
    warehouse.execute("CREATE SCHEMA IF NOT EXISTS main.adbc_empty")
    try:
        assert schemas(objects(Depth.TABLES, catalog="main"))[("main", "adbc_empty")] == []
        assert schemas(objects(Depth.ALL, catalog="main", db_schema="adbc_empty"))[("main", "adbc_empty")] == []
    finally:
        warehouse.execute("DROP SCHEMA main.adbc_empty")


def test_columns(objects, sample):
    tables = schemas(objects(catalog="main", db_schema=sample))[("main", sample)]
    columns = {t["table_name"]: t["table_columns"] for t in tables}
    assert [c["column_name"] for c in columns["children"]] == ["x", "y", "a", "b"]
    assert [c["ordinal_position"] for c in columns["children"]] == [1, 2, 3, 4]
    x, y, a, b = columns["children"]
    assert x["remarks"] == "a number" and x["xdbc_type_name"].upper() == "BIGINT" and x["xdbc_data_type"] == -5
    assert (y["xdbc_column_size"], y["xdbc_decimal_digits"], y["xdbc_num_prec_radix"]) == (12, 3, 10)
    assert (x["xdbc_nullable"], x["xdbc_is_nullable"]) == (1, "YES")
    assert columns["parents"][0]["xdbc_is_nullable"] == "NO"
    assert [c["column_name"] for c in columns["seen"]] == ["one"]


def test_column_filter_keeps_positions(objects, sample):
    tables = schemas(objects(catalog="main", db_schema=sample, column_name="b"))[("main", sample)]
    found = {t["table_name"]: [(c["column_name"], c["ordinal_position"]) for c in t["table_columns"]] for t in tables}
    assert found == {"children": [("b", 4)], "parents": [("b", 2)], "seen": []}


def test_columns_of_all_catalogs(objects, sample, warehouse, connection):
    mark = warehouse.journal_mark()
    found = schemas(objects())
    assert [c["column_name"] for t in found[("samples", "tpch")] if t["table_name"] == "region" for c in t["table_columns"]] == [
        "r_regionkey", "r_name", "r_comment"
    ]
    sent = [e["body"]["statement"] for e in warehouse.journal(mark) if e["path"].endswith("/statements")]
    assert sorted(sql for sql in sent if not sql.startswith(("SHOW KEYS", "SHOW FOREIGN"))) == [
        "SHOW CATALOGS", "SHOW COLUMNS IN ALL CATALOGS", "SHOW SCHEMAS IN ALL CATALOGS", "SHOW TABLES IN ALL CATALOGS"
    ]


def test_keys(objects, sample):
    def constraints(name):
        tables = schemas(objects(catalog="main", db_schema=sample, table_name=name))[("main", sample)]
        return tables[0]["table_constraints"]

    (primary,) = constraints("parents")
    assert (primary["constraint_name"], primary["constraint_type"]) == ("pk", "PRIMARY KEY")
    assert primary["constraint_column_names"] == ["a", "b"] and primary["constraint_column_usage"] is None
    (foreign,) = constraints("children")
    assert (foreign["constraint_type"], foreign["constraint_column_names"]) == ("FOREIGN KEY", ["a", "b"])
    assert foreign["constraint_column_usage"] == [
        {"fk_catalog": "main", "fk_db_schema": sample, "fk_table": "parents", "fk_column_name": name} for name in "ab"
    ]


def test_a_bad_depth(connection):
    with pytest.raises(ValueError):
        connection.get_objects(7)


def test_table_schema(connection, cursor, warehouse):
    name = "adbc `odd` \"name's\""
    warehouse.execute("CREATE OR REPLACE TABLE `adbc ``odd`` \"name's\"` (a BIGINT, `b.c` STRUCT<x: INT, y: ARRAY<STRING>>)")
    try:
        handle = connection.get_table_schema(None, None, name)
        schema = pa.Schema._import_from_c(handle.address)
        cursor.execute("SELECT * FROM `adbc ``odd`` \"name's\"`")
        assert schema == cursor.fetch_arrow_table().schema and schema.names == ["a", "b.c"]
        for catalog, db_schema in ((None, None), ("main", None), ("main", "default"), ("no_such", "default")):
            with pytest.raises(manager.Error) as caught:
                connection.get_table_schema(catalog, db_schema, "no_such")
            assert caught.value.status_code == manager.AdbcStatusCode.NOT_FOUND
    finally:
        warehouse.execute("DROP TABLE `adbc ``odd`` \"name's\"`")


def test_table_types(connection):
    handle = connection.get_table_types()
    types = pa.RecordBatchReader._import_from_c(handle.address).read_all()
    assert types.column("table_type").to_pylist() == ["SYSTEM TABLE", "TABLE", "VIEW", "METRIC_VIEW"]
    assert not types.schema.field("table_type").nullable


def test_info(connect, connection):
    info = connect().adbc_get_info()
    assert info["vendor_name"] == "Databricks" and info["driver_adbc_version"] == 1001000
    assert info["driver_version"][0].isdigit() and info["driver_arrow_version"].startswith("v")
    assert info["vendor_version"].startswith("17.")
    handle = connection.get_info([0, 3, 4, 99999])
    table = pa.RecordBatchReader._import_from_c(handle.address).read_all()
    table.validate(full=True)
    assert table.to_pylist() == [
        {"info_name": 0, "info_value": "Databricks"},
        {"info_name": 3, "info_value": True},
        {"info_name": 4, "info_value": False},
    ]


def test_statistics(connect, sample, warehouse):
    made = connect()
    warehouse.execute(f"INSERT INTO main.{sample}.parents VALUES (1, 'x'), (2, 'y')")
    filters = {"catalog_filter": "main", "db_schema_filter": sample, "table_name_filter": "parents"}
    table = made.adbc_get_statistics(approximate=False, **filters).read_all()
    table.validate(full=True)
    (catalog,) = table.to_pylist()
    (schema,) = catalog["catalog_db_schemas"]
    assert schema["db_schema_statistics"] == [
        {
            "table_name": "parents",
            "column_name": None,
            "statistic_key": 6,
            "statistic_value": 2,
            "statistic_is_approximate": False,
        }
    ]
    assert made.adbc_get_statistic_names().read_all().num_rows == 0
    schemas = table.schema.field("catalog_db_schemas")
    statistic = schemas.type.value_type.field("db_schema_statistics").type.value_type
    assert [field.name for field in statistic if field.nullable] == ["column_name"]  # as adbc.h says
    approximate = made.adbc_get_statistics(approximate=True, **filters).read_all()
    assert approximate.column("catalog_name").to_pylist() == ["main"]


def test_cancelled_catalog_call_is_only_that_call(connection, objects):
    connection.cancel()  # nothing runs
    assert objects(Depth.CATALOGS)
