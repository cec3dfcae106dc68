"""SQLAlchemy over pyodbc and the ODBC driver: python query_sqlalchemy.py DSN

SQLAlchemy has no dialect for Databricks over ODBC; a plain one is the class below. It compiles expressions, runs
them with parameters and creates simple tables. Reflection (inspect, autoload_with) is not in it."""

from __future__ import annotations

import sys

import pyodbc
import sqlalchemy as sa
from sqlalchemy.dialects import registry
from sqlalchemy.engine.default import DefaultDialect
from sqlalchemy.sql.compiler import IdentifierPreparer


class Backticks(IdentifierPreparer):
    def __init__(self, dialect):
        super().__init__(dialect, initial_quote="`")


class Warehouse(DefaultDialect):
    name, driver = "warehouse", "pyodbc"
    supports_statement_cache = True
    supports_native_boolean = supports_native_decimal = True
    default_paramstyle = "qmark"
    preparer = Backticks

    @classmethod
    def import_dbapi(cls):
        return pyodbc


registry.register("warehouse", __name__, "Warehouse")

engine = sa.create_engine("warehouse://", creator=lambda: pyodbc.connect(f"DSN={sys.argv[1]}"))
items = sa.Table("sqlalchemy_items", sa.MetaData(), sa.Column("Id", sa.Integer), sa.Column("name", sa.String(20)))
with engine.begin() as connection:
    print("answer", connection.execute(sa.text("SELECT :a + 1"), {"a": 41}).scalar())
    items.create(connection, checkfirst=False)
    connection.execute(items.insert(), [{"Id": 1, "name": "café 😀"}, {"Id": 2, "name": None}])
    for row in connection.execute(sa.select(items).order_by(items.c.Id)):
        print(row.Id, row.name)
    print("with a name", connection.execute(sa.select(sa.func.count(items.c.name))).scalar())
    items.drop(connection, checkfirst=False)
