"""The names of the warehouse: catalogs, schemas, tables, views, columns, constraints.

DuckDB holds the rows; this registry holds what DuckDB cannot say (lengths of CHAR and VARCHAR, kinds of
intervals, comments, informational keys) and is the single source of SHOW, DESCRIBE and
information_schema. Physical objects are always addressed with full names, so that the reserved
catalog names of DuckDB (main, system, temp) are free for us.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from warehouse.dialect.types import SparkType
from warehouse.errors import SqlError

INFORMATION_SCHEMA = "information_schema"


@dataclass
class ColumnDef:
    name: str
    type: SparkType
    nullable: bool = True
    comment: str | None = None
    default: str | None = None  # as it was written
    engine_default: str | None = None  # for DuckDB
    identity: str = ""  # "ALWAYS" or "BY DEFAULT": numbered by a sequence of the engine
    generated: str | None = None  # GENERATED ALWAYS AS: the expression as it was written


@dataclass
class ForeignKey:
    name: str
    columns: list[str]
    parent: tuple[str, str, str]
    parent_columns: list[str]


@dataclass
class Table:
    catalog: str
    schema: str
    name: str
    columns: list[ColumnDef]
    kind: str = "TABLE"  # or "VIEW"
    comment: str | None = None
    view_sql: str | None = None
    view_context: tuple[str, str] = ("", "")  # current catalog and schema when the view was created
    primary_key: tuple[str, list[str]] | None = None  # constraint name, columns
    foreign_keys: list[ForeignKey] = field(default_factory=list)
    properties: dict[str, str] = field(default_factory=dict)
    checks: dict[str, str] = field(default_factory=dict)  # name: condition
    history: list[Any] = field(default_factory=list)  # numbers and versions, see versions.py
    statistics: Any = None  # of the last ANALYZE
    loader: Callable[[], None] | None = None  # fills a sample table when it is first touched
    temporary: bool = False  # of one session
    loaded_files: set[str] = field(default_factory=set)  # by COPY INTO

    @property
    def full_name(self) -> str:
        return self.name if self.temporary else f"{self.catalog}.{self.schema}.{self.name}"

    def physical(self) -> tuple[str, str, str]:
        return physical_catalog(self.catalog), self.schema, self.name

    def column(self, name: str) -> ColumnDef | None:
        lower = name.lower()
        return next((c for c in self.columns if c.name.lower() == lower), None)


@dataclass
class Schema:
    catalog: str
    name: str
    comment: str | None = None
    volumes: dict[str, str | None] = field(default_factory=dict)  # name: comment
    tables: dict[str, Table] = field(default_factory=dict)
    functions: dict[str, Any] = field(default_factory=dict)  # lower name: SQL function


def physical_catalog(name: str) -> str:
    return "c_" + name


def quote(name: str) -> str:
    """For DuckDB."""
    return '"' + name.replace('"', '""') + '"'


def backquote(parts) -> str:
    return ".".join("`" + p.replace("`", "``") + "`" for p in parts)


def schema_not_found(name: str) -> SqlError:
    return SqlError(
        "SCHEMA_NOT_FOUND",
        f"The schema `{name}` cannot be found. Verify the spelling and correctness of the schema and catalog",
        "42704",
    )


def catalog_not_found(name: str) -> SqlError:
    return SqlError("NO_SUCH_CATALOG_EXCEPTION", f"Catalog '{name}' was not found", "42704")


def table_not_found(parts) -> SqlError:
    return SqlError(
        "TABLE_OR_VIEW_NOT_FOUND",
        f"The table or view {backquote(parts)} cannot be found. Verify the spelling and correctness of the "
        "schema and catalog.\nIf you did not qualify the name with a schema, verify the current_schema() output, "
        "or qualify the name with the correct schema and catalog",
        "42P01",
    )


class Catalogs:
    """Thread-safe: statements of many sessions change it at once."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self._catalogs: dict[str, dict[str, Schema]] = {}
        self.comments: dict[str, str] = {}

    # -- changes ---------------------------------------------------------------------------------
    def add_catalog(self, name: str, comment: str = "") -> None:
        with self.lock:
            self._catalogs[name.lower()] = {}
            self.comments[name.lower()] = comment

    def drop_catalog(self, name: str) -> None:
        with self.lock:
            self._catalogs.pop(name.lower(), None)

    def add_schema(self, catalog: str, name: str, comment: str | None = None) -> Schema:
        with self.lock:
            schema = Schema(catalog.lower(), name.lower(), comment)
            self._catalogs[catalog.lower()][name.lower()] = schema
            return schema

    def drop_schema(self, catalog: str, name: str) -> None:
        with self.lock:
            self._catalogs[catalog.lower()].pop(name.lower(), None)

    def add_table(self, table: Table) -> None:
        with self.lock:
            self.schema(table.catalog, table.schema).tables[table.name.lower()] = table

    def drop_table(self, table: Table) -> None:
        with self.lock:
            self.schema(table.catalog, table.schema).tables.pop(table.name.lower(), None)

    # -- questions -------------------------------------------------------------------------------
    def catalogs(self) -> list[str]:
        with self.lock:
            return sorted(self._catalogs)

    def has_catalog(self, name: str) -> bool:
        return name.lower() in self._catalogs

    def schemas(self, catalog: str) -> list[Schema]:
        with self.lock:
            found = self._catalogs.get(catalog.lower())
            if found is None:
                raise catalog_not_found(catalog)
            return [found[n] for n in sorted(found)]

    def schema(self, catalog: str, name: str) -> Schema:
        with self.lock:
            found = self._catalogs.get(catalog.lower())
            if found is None:
                raise catalog_not_found(catalog)
            if name.lower() not in found:
                raise schema_not_found(f"{catalog}`.`{name}")
            return found[name.lower()]

    def find_schema(self, catalog: str, name: str) -> Schema | None:
        with self.lock:
            return self._catalogs.get(catalog.lower(), {}).get(name.lower())

    def tables(self, catalog: str, schema: str) -> list[Table]:
        with self.lock:
            found = self.find_schema(catalog, schema)
            return [found.tables[n] for n in sorted(found.tables)] if found else []

    def find_table(self, catalog: str, schema: str, name: str) -> Table | None:
        with self.lock:
            found = self.find_schema(catalog, schema)
            return found.tables.get(name.lower()) if found else None
