"""Names between the warehouse and Spark, without Spark: the rewriting is plain text work."""

import pytest

from warehouse.catalog import Catalogs
from warehouse.dialect.lexer import single_statement
from warehouse.engine.spark_names import Names
from warehouse.sessions import Session


@pytest.fixture
def names():
    catalogs = Catalogs()
    for catalog, schema in (("main", "default"), ("samples", "tpch")):
        catalogs.add_catalog(catalog)
        catalogs.add_schema(catalog, schema)
    return Names(catalogs, local=True)


@pytest.mark.parametrize(
    ("catalog", "sql", "want"),
    [
        ("main", "SELECT * FROM main.default.t", "SELECT * FROM `spark_catalog`.`default`.t"),
        ("main", "SELECT * FROM `samples`.tpch.`n`", "SELECT * FROM `spark_catalog`.`samples__tpch`.`n`"),
        ("samples", "SELECT * FROM tpch.n", "SELECT * FROM `spark_catalog`.`samples__tpch`.n"),
        ("main", "SELECT 'main.default.t', a.b FROM x a", "SELECT 'main.default.t', a.b FROM x a"),
        ("main", "SELECT current_catalog()", "SELECT 'main'"),
        ("main", "SELECT * FROM samples.information_schema.tables", "SELECT * FROM `__samples_tables`"),
    ],
)
def test_rewrite(names, catalog, sql, want):
    text, tokens = single_statement(sql)
    assert names.rewrite(Session("s", "local", catalog=catalog), text, tokens).sql == want


@pytest.mark.parametrize(
    ("told", "want"),
    [
        ("Table `spark_catalog`.`samples__tpch`.`n`", "Table `samples`.`tpch`.`n`"),
        ("Table spark_catalog.default.t", "Table main.default.t"),
    ],
)
def test_messages_have_the_names_of_the_warehouse(names, told, want):
    assert names.told(told) == want


def test_pending_hides_an_end_that_can_still_be_canceled(warehouse):
    answer = warehouse.execute("/*lw: pending=3*/ SELECT 1")
    path = f"/api/2.0/sql/statements/{answer['statement_id']}"
    assert warehouse.call("POST", f"{path}/cancel", {}).status == 200
    assert warehouse.call("GET", path).json()["status"]["state"] == "CANCELED"
