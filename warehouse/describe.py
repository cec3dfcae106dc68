"""DESCRIBE: of queries, tables, columns, schemas, catalogs, volumes and functions."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from warehouse import routines, versions
from warehouse.catalog import Catalogs, ColumnDef, Table
from warehouse.dialect import types as T
from warehouse.dialect.lexer import Cursor
from warehouse.dialect.queries import Binder, parse
from warehouse.dialect.types import SparkType
from warehouse.engine.base import CancelToken, Parameter
from warehouse.errors import SqlError
from warehouse.sessions import Session
from warehouse.show import Rows, find

if TYPE_CHECKING:
    from warehouse.engine.duck import DuckEngine

_DESCRIBED = [("col_name", T.STRING), ("data_type", T.STRING), ("comment", T.STRING)]
_INFO = [("info_name", T.STRING), ("info_value", T.STRING)]
_STATISTICS = ("min", "max", "num_nulls", "distinct_count", "avg_col_len", "max_col_len")


def describe(
    engine: "DuckEngine", session: Session, at: Cursor, parameters: list[Parameter], cancel: CancelToken
) -> Rows:
    """Behind the word DESCRIBE."""
    more = len(at.tokens) - at.at > 1  # else the word is the name of a table
    if at.word() in ("SELECT", "WITH", "VALUES", "TABLE_") or (more and at.accept("QUERY")):
        return _query(engine, session, at.rest(), parameters, cancel)
    if more and at.word() in ("SCHEMA", "DATABASE", "CATALOG"):
        return _container(engine.catalogs, session, at)
    if more and at.accept("FUNCTION"):
        return _function(engine.catalogs, session, at)
    if more and at.accept("VOLUME"):
        return _volume(engine.catalogs, session, at)
    if more and at.accept("DETAIL"):
        return _detail(find(engine.catalogs, session, at.qualified_name()), at)
    if more and at.accept("HISTORY"):
        return versions.described(find(engine.catalogs, session, at.qualified_name()), at)
    return _table_or_column(engine.catalogs, session, at)


def _query(engine: "DuckEngine", session: Session, sql: str, parameters: list[Parameter], cancel: CancelToken) -> Rows:
    tree = Binder(_for_describe(sql, parameters)).bind(parse(sql))
    translation = engine.translate(session, sql, tree)
    found = engine.result_columns(session, translation, sql, cancel)
    return _DESCRIBED, [(c.name, c.type.simple(), None) for c in found]


def _for_describe(sql: str, parameters: list[Parameter]) -> list[Parameter]:
    """DESCRIBE QUERY accepts unbound markers: they count as strings without a value."""
    bound = list(parameters)
    known = {p.name.lower() for p in bound if p.name} | {p.ordinal for p in bound}
    for position in range(1, sql.count("?") + 1):
        if position not in known:
            bound.append(Parameter("VOID", None, ordinal=position))
    for name in re.findall(r":([A-Za-z_]\w*)", sql):
        if name.lower() not in known:
            bound.append(Parameter("VOID", None, name=name))
    return bound


# -- tables ---------------------------------------------------------------------------------------
def _table_or_column(catalogs: Catalogs, session: Session, at: Cursor) -> Rows:
    if len(at.tokens) - at.at > 1:
        at.accept("TABLE")
    extended = at.accept("EXTENDED") or at.accept("FORMATTED")
    table = find(catalogs, session, at.qualified_name())
    if at.accept("AS", "JSON"):
        at.end()
        if not extended:
            raise SqlError(
                "DESCRIBE_JSON_NOT_EXTENDED", "DESCRIBE TABLE ... AS JSON only supported when [EXTENDED|FORMATTED] is specified",
                "0A000",
            )  # fmt: skip
        return [("json_metadata", T.STRING)], [(json.dumps(_as_json(table), separators=(",", ":")),)]
    if not at.done():
        return _column(table, at, extended)
    rows: list[tuple] = [(c.name, c.type.simple(), c.comment) for c in table.columns]
    return _DESCRIBED, rows + (_details(table) if extended else [])


def _details(table: Table) -> list[tuple[str, str, str]]:
    facts = {
        "Catalog": table.catalog,
        "Database": table.schema,
        "Table": table.name,
        "Owner": "local",
        "Statistics": table.statistics.text() if table.statistics is not None else "",
        "Type": _type(table),
        "Comment": table.comment or "",
    }
    if table.kind == "VIEW":
        facts["View Text"] = table.view_sql or ""
    else:
        facts["Provider"] = "delta"
    if table.properties:
        facts["Table Properties"] = "[" + ",".join(f"{k}={v}" for k, v in sorted(table.properties.items())) + "]"
    rows = [("", "", ""), ("# Detailed Table Information", "", "")]
    rows += [(name, value, "") for name, value in facts.items() if value or name != "Statistics"]
    constraints = _constraints(table)
    if constraints:
        rows += [("", "", ""), ("# Constraints", "", ""), *((name, text, "") for name, text in constraints)]
    return rows


def _type(table: Table) -> str:
    return "VIEW" if table.kind == "VIEW" else "TEMPORARY" if table.temporary else "MANAGED"


def _constraints(table: Table) -> list[tuple[str, str]]:
    def listed(names: list[str]) -> str:
        return ", ".join(f"`{name}`" for name in names)

    found = []
    if table.primary_key is not None:
        found.append((table.primary_key[0], f"PRIMARY KEY ({listed(table.primary_key[1])})"))
    for key in table.foreign_keys:
        parent = ".".join(f"`{part}`" for part in key.parent)
        found.append(
            (key.name, f"FOREIGN KEY ({listed(key.columns)}) REFERENCES {parent} ({listed(key.parent_columns)})")
        )
    return found + [(name, f"CHECK ({text})") for name, text in table.checks.items()]


def _column(table: Table, at: Cursor, extended: bool) -> Rows:
    name = at.name()
    at.end()
    column = table.column(name)
    if column is None:
        raise SqlError(
            "UNRESOLVED_COLUMN.WITHOUT_SUGGESTION", f"A column with name `{name}` cannot be resolved", "42703"
        )
    rows = [("col_name", column.name), ("data_type", column.type.simple()), ("comment", column.comment or "NULL")]
    if extended:
        known = table.statistics.columns.get(column.name.lower(), {}) if table.statistics is not None else {}
        rows += [(key, known.get(key) or "NULL") for key in _STATISTICS] + [("histogram", "NULL")]
    return _INFO, rows


def _detail(table: Table, at: Cursor) -> Rows:
    at.end()
    if table.kind != "TABLE":
        raise SqlError(
            "EXPECT_TABLE_NOT_VIEW.NO_ALTERNATIVE",
            f"DESCRIBE DETAIL expects a table: `{table.name}` is a view",
            "42809",
        )
    texts = T.array(T.STRING)
    columns = [
        ("format", T.STRING), ("id", T.STRING), ("name", T.STRING), ("description", T.STRING), ("location", T.STRING),
        ("partitionColumns", texts), ("clusteringColumns", texts), ("numFiles", T.BIGINT), ("sizeInBytes", T.BIGINT),
        ("properties", T.SparkType("MAP", args=(T.STRING, T.STRING))),
    ]  # fmt: skip
    size = table.statistics.size_bytes if table.statistics is not None else None
    row = ("delta", None, table.full_name, table.comment, None, [], [], None, size, sorted(table.properties.items()))
    return columns, [row]


# -- AS JSON --------------------------------------------------------------------------------------
def _as_json(table: Table) -> dict[str, Any]:
    found: dict[str, Any] = {
        "table_name": table.name,
        "catalog_name": table.catalog,
        "namespace": [table.schema],
        "schema_name": table.schema,
        "columns": [_column_as_json(c) for c in table.columns],
        "owner": "local",
        "type": _type(table),
    }
    if table.comment:
        found["comment"] = table.comment
    if table.kind == "VIEW":
        found["view_text"] = found["view_original_text"] = table.view_sql
        found["view_catalog_and_namespace"] = ".".join(table.view_context)
        found["view_query_output_columns"] = [c.name for c in table.columns]
    else:
        found["provider"] = "delta"
    if table.properties:
        found["table_properties"] = dict(table.properties)
    if table.statistics is not None:
        rows = {} if table.statistics.rows is None else {"num_rows": table.statistics.rows}
        found["statistics"] = {"table_size": table.statistics.size_bytes, **rows}
    return found


def _column_as_json(column: ColumnDef) -> dict[str, Any]:
    found: dict[str, Any] = {"name": column.name, "type": type_as_json(column.type)}
    if column.comment:
        found["comment"] = column.comment
    found["nullable"] = column.nullable
    if column.default is not None:
        found["default"] = column.default
    return found


def type_as_json(kind: SparkType) -> dict[str, Any]:
    name = {"TIMESTAMP": "timestamp_ltz"}.get(kind.kind, kind.kind.lower())
    if kind.kind == "STRING":
        return {"name": name, "collation": "UTF8_BINARY"}
    if kind.kind in ("CHAR", "VARCHAR"):
        return {"name": name, "length": kind.length}
    if kind.kind == "DECIMAL":
        return {"name": name, "precision": kind.precision, "scale": kind.scale}
    if kind.kind == "INTERVAL":
        start, _, end = kind.interval.lower().partition(" to ")
        return {"name": name, "start_unit": start, "end_unit": end or start}
    if kind.kind == "ARRAY":
        return {"name": name, "element_type": type_as_json(kind.args[0]), "element_nullable": True}
    if kind.kind == "MAP":
        key, value = (type_as_json(one) for one in kind.args)
        return {"name": name, "key_type": key, "value_type": value, "value_nullable": True}
    if kind.kind == "STRUCT":
        fields = [{"name": n, "type": type_as_json(one), "nullable": True} for n, one in zip(kind.names, kind.args)]
        return {"name": name, "fields": fields}
    return {"name": name}


# -- the others -----------------------------------------------------------------------------------
def _container(catalogs: Catalogs, session: Session, at: Cursor) -> Rows:
    kind = at.next().upper()
    at.accept("EXTENDED")
    parts = at.qualified_name()
    at.end()
    if kind == "CATALOG":
        catalogs.schemas(parts[0])
        comment = catalogs.comments.get(parts[0].lower(), "")
        return _INFO, [("Catalog Name", parts[0]), ("Comment", comment), ("Owner", "local")]
    catalog = parts[-2] if len(parts) > 1 else session.catalog
    schema = catalogs.schema(catalog, parts[-1])
    rows = [
        ("Catalog Name", schema.catalog), ("Namespace Name", schema.name), ("Comment", schema.comment or ""),
        ("Location", ""), ("Owner", "local"),
    ]  # fmt: skip
    return [("database_description_item", T.STRING), ("database_description_value", T.STRING)], rows


def _volume(catalogs: Catalogs, session: Session, at: Cursor) -> Rows:
    catalog, schema, volume = [session.catalog, session.schema, *at.qualified_name()][-3:]
    at.end()
    volumes = catalogs.schema(catalog, schema).volumes
    if volume.lower() not in volumes:
        raise SqlError("VOLUME_DOES_NOT_EXIST", f"Volume `{catalog}`.`{schema}`.`{volume}` does not exist", "42704")
    names = ["name", "catalog", "database", "owner", "comment", "volumeType"]
    row = (volume.lower(), catalog.lower(), schema.lower(), "local", volumes[volume.lower()], "MANAGED")
    return [(n, T.STRING) for n in names], [row]


def _function(catalogs: Catalogs, session: Session, at: Cursor) -> Rows:
    at.accept("EXTENDED")
    parts = at.qualified_name()
    at.end()
    found = routines.find(catalogs, session, parts)
    if found is None:
        raise SqlError("UNRESOLVED_ROUTINE", f"Cannot resolve routine `{'.'.join(parts)}` on search path", "42883")
    inputs = ", ".join(f"{name} {kind.sql()}" for name, kind, _ in found.parameters)
    lines = [f"Function: {found.name}", "Type:     SCALAR", f"Input:    {inputs or '()'}"]
    lines += [f"Returns:  {found.returns.sql()}"] if found.returns is not None else []
    return [("function_desc", T.STRING)], [(line,) for line in [*lines, f"Body:     {found.body}"]]
