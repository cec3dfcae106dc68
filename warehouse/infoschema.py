"""information_schema and system.information_schema, computed from the catalog registry when asked."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import pyarrow as pa

from warehouse.catalog import INFORMATION_SCHEMA, Catalogs, Table
from warehouse.dialect import types as T
from warehouse.dialect.types import SparkType

_S, _I = T.STRING, T.INT
Shape = list[tuple[str, SparkType]]

VIEWS: dict[str, Shape] = {
    "catalogs": [("catalog_name", _S), ("catalog_owner", _S), ("comment", _S)],
    "schemata": [("catalog_name", _S), ("schema_name", _S), ("schema_owner", _S), ("comment", _S)],
    "tables": [
        ("table_catalog", _S), ("table_schema", _S), ("table_name", _S), ("table_type", _S),
        ("is_insertable_into", _S), ("commit_action", _S), ("table_owner", _S), ("comment", _S),
        ("data_source_format", _S),
    ],
    "columns": [
        ("table_catalog", _S), ("table_schema", _S), ("table_name", _S), ("column_name", _S),
        ("ordinal_position", _I), ("column_default", _S), ("is_nullable", _S), ("full_data_type", _S),
        ("data_type", _S), ("character_maximum_length", _I), ("character_octet_length", _I),
        ("numeric_precision", _I), ("numeric_precision_radix", _I), ("numeric_scale", _I),
        ("datetime_precision", _I), ("interval_type", _S), ("is_identity", _S), ("comment", _S),
    ],
    "views": [
        ("table_catalog", _S), ("table_schema", _S), ("table_name", _S), ("view_definition", _S),
        ("check_option", _S), ("is_updatable", _S),
    ],
    "routines": [
        ("specific_catalog", _S), ("specific_schema", _S), ("specific_name", _S), ("routine_catalog", _S),
        ("routine_schema", _S), ("routine_name", _S), ("routine_type", _S), ("data_type", _S),
        ("routine_body", _S), ("routine_definition", _S), ("comment", _S),
    ],
    "parameters": [
        ("specific_catalog", _S), ("specific_schema", _S), ("specific_name", _S), ("ordinal_position", _I),
        ("parameter_mode", _S), ("is_result", _S), ("parameter_name", _S), ("data_type", _S),
        ("character_maximum_length", _I), ("character_octet_length", _I), ("numeric_precision", _I),
        ("numeric_scale", _I), ("comment", _S),
    ],
    "table_constraints": [
        ("constraint_catalog", _S), ("constraint_schema", _S), ("constraint_name", _S), ("table_catalog", _S),
        ("table_schema", _S), ("table_name", _S), ("constraint_type", _S), ("is_deferrable", _S),
        ("initially_deferred", _S), ("enforced", _S), ("comment", _S),
    ],
    "key_column_usage": [
        ("constraint_catalog", _S), ("constraint_schema", _S), ("constraint_name", _S), ("table_catalog", _S),
        ("table_schema", _S), ("table_name", _S), ("column_name", _S), ("ordinal_position", _I),
        ("position_in_unique_constraint", _I),
    ],
    "referential_constraints": [
        ("constraint_catalog", _S), ("constraint_schema", _S), ("constraint_name", _S),
        ("unique_constraint_catalog", _S), ("unique_constraint_schema", _S), ("unique_constraint_name", _S),
        ("match_option", _S), ("update_rule", _S), ("delete_rule", _S),
    ],
}  # fmt: skip


def columns(view: str) -> Shape | None:
    """The columns of a system view, or None when there is no such view."""
    return VIEWS.get(view.lower())


def system_tables(catalog: str) -> list[Table]:
    """The views themselves, as they are listed by SHOW TABLES and in ``tables``."""
    from warehouse.catalog import ColumnDef

    return [
        Table(
            catalog, INFORMATION_SCHEMA, name,
            columns=[ColumnDef(n, k) for n, k in shape], kind="VIEW", view_sql="SYSTEM VIEW",
        )
        for name, shape in sorted(VIEWS.items())
    ]  # fmt: skip


def build(catalogs: Catalogs, catalog: str, view: str) -> pa.Table:
    """The rows of one view; the catalog ``system`` sees all catalogs."""
    with catalogs.lock:
        names = catalogs.catalogs() if catalog == "system" else [catalog]
        rows = list(_ROWS[view](catalogs, names))
    shape = VIEWS[view]
    arrays = [pa.array([row[i] for row in rows], kind.arrow("UTC")) for i, (_, kind) in enumerate(shape)]
    return pa.Table.from_arrays(arrays, names=[name for name, _ in shape])


def all_tables(catalogs: Catalogs, names: Iterable[str]) -> Iterable[Table]:
    for catalog in names:
        for schema in catalogs.schemas(catalog):
            yield from catalogs.tables(catalog, schema.name)
        yield from system_tables(catalog)


def _catalogs(catalogs: Catalogs, names: list[str]):
    return ((n, "local", catalogs.comments.get(n)) for n in names)


def _schemata(catalogs: Catalogs, names: list[str]):
    for catalog in names:
        found = [(s.name, s.comment) for s in catalogs.schemas(catalog)]
        for name, comment in sorted([*found, (INFORMATION_SCHEMA, "System schema")]):
            yield catalog, name, "local", comment


def _tables(catalogs: Catalogs, names: list[str]):
    for t in all_tables(catalogs, names):
        kind = "VIEW" if t.kind == "VIEW" else "MANAGED"
        writable = "YES" if t.kind == "TABLE" else "NO"
        source = "DELTA" if t.kind == "TABLE" else "UNKNOWN_DATA_SOURCE_FORMAT"
        yield t.catalog, t.schema, t.name, kind, writable, "PRESERVE", "local", t.comment, source


def _columns(catalogs: Catalogs, names: list[str]):
    for t in all_tables(catalogs, names):
        for position, c in enumerate(t.columns):
            k = c.type
            length = k.length if k.kind in ("CHAR", "VARCHAR") else None
            precision, scale, radix = _precision(k)
            yield (
                t.catalog, t.schema, t.name, c.name, position, c.default, "YES" if c.nullable else "NO",
                k.simple(), _DATA_TYPES.get(k.kind, k.kind), length, length, precision, radix, scale, None,
                k.interval or None, "NO", c.comment,
            )  # fmt: skip


_DATA_TYPES = {"TINYINT": "BYTE", "SMALLINT": "SHORT", "BIGINT": "LONG"}
_DIGITS = {"TINYINT": 3, "SMALLINT": 5, "INT": 10, "BIGINT": 19, "FLOAT": 24, "DOUBLE": 53}


def _precision(kind: SparkType) -> tuple[int | None, int | None, int | None]:
    if kind.kind == "DECIMAL":
        return kind.precision, kind.scale, 10
    if kind.kind in _DIGITS:
        floating = kind.kind in ("FLOAT", "DOUBLE")
        return _DIGITS[kind.kind], None if floating else 0, 2 if floating else 10
    return None, None, None


def _views(catalogs: Catalogs, names: list[str]):
    for t in all_tables(catalogs, names):
        if t.kind == "VIEW" and t.schema != INFORMATION_SCHEMA:
            yield t.catalog, t.schema, t.name, t.view_sql, "NONE", "NO"


def _nothing(catalogs: Catalogs, names: list[str]):
    return ()


def _constraints(catalogs: Catalogs, names: list[str]):
    for t in all_tables(catalogs, names):
        keys = [(t.primary_key[0], "PRIMARY KEY")] if t.primary_key else []
        keys += [(f.name, "FOREIGN KEY") for f in t.foreign_keys]
        for name, kind in keys:
            yield (t.catalog, t.schema, name, t.catalog, t.schema, t.name, kind, "NO", "NO", "NO", None)


def _key_columns(catalogs: Catalogs, names: list[str]):
    for t in all_tables(catalogs, names):
        keys = [(t.primary_key[0], t.primary_key[1], False)] if t.primary_key else []
        keys += [(f.name, f.columns, True) for f in t.foreign_keys]
        for name, members, foreign in keys:
            for at, column in enumerate(members, start=1):
                yield t.catalog, t.schema, name, t.catalog, t.schema, t.name, column, at, at if foreign else None


def _references(catalogs: Catalogs, names: list[str]):
    for t in all_tables(catalogs, names):
        for f in t.foreign_keys:
            parent = catalogs.find_table(*f.parent)
            unique = parent.primary_key[0] if parent is not None and parent.primary_key else None
            yield t.catalog, t.schema, f.name, f.parent[0], f.parent[1], unique, "FULL", "NO ACTION", "NO ACTION"


_ROWS: dict[str, Callable] = {
    "catalogs": _catalogs, "schemata": _schemata, "tables": _tables, "columns": _columns, "views": _views,
    "routines": _nothing, "parameters": _nothing, "table_constraints": _constraints,
    "key_column_usage": _key_columns, "referential_constraints": _references,
}  # fmt: skip
