"""information_schema and system.information_schema, computed from the catalog registry when asked."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import pyarrow as pa

from warehouse.catalog import INFORMATION_SCHEMA, Catalogs, Table
from warehouse.dialect import types as T
from warehouse.dialect.types import SparkType

_S, _I = T.STRING, T.INT
Shape = list[tuple[str, SparkType]]

_TABLE: Shape = [("table_catalog", _S), ("table_schema", _S), ("table_name", _S)]
_TAGGED: Shape = [("catalog_name", _S), ("schema_name", _S)]
_TAG: Shape = [("tag_name", _S), ("tag_value", _S)]

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
    "check_constraints": [
        ("constraint_catalog", _S), ("constraint_schema", _S), ("constraint_name", _S), ("check_clause", _S),
    ],
    "constraint_column_usage": [
        ("table_catalog", _S), ("table_schema", _S), ("table_name", _S), ("column_name", _S),
        ("constraint_catalog", _S), ("constraint_schema", _S), ("constraint_name", _S),
    ],
    "constraint_table_usage": [
        ("table_catalog", _S), ("table_schema", _S), ("table_name", _S), ("constraint_catalog", _S),
        ("constraint_schema", _S), ("constraint_name", _S),
    ],
    "volumes": [
        ("volume_catalog", _S), ("volume_schema", _S), ("volume_name", _S), ("volume_type", _S), ("volume_owner", _S),
        ("comment", _S),
    ],
    "table_privileges": [
        ("grantor", _S), ("grantee", _S), *_TABLE, ("privilege_type", _S), ("is_grantable", _S), ("inherited_from", _S),
    ],
    # Always empty: there are no tags, masks and filters here, and tools ask before they do without.
    "table_tags": [*_TAGGED, ("table_name", _S), *_TAG],
    "column_tags": [*_TAGGED, ("table_name", _S), ("column_name", _S), *_TAG],
    "column_masks": [*_TABLE, ("column_name", _S), ("mask_name", _S), ("using_columns", _S)],
    "row_filters": [*_TABLE, ("filter_name", _S), ("target_columns", _S)],
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


def _privileges(catalogs: Catalogs, names: list[str]):
    """Everybody may do everything here."""
    for t in all_tables(catalogs, names):
        for privilege in ("SELECT", "MODIFY") if t.kind == "TABLE" else ("SELECT",):
            yield "local", "account users", t.catalog, t.schema, t.name, privilege, "NO", "NONE"


def _columns(catalogs: Catalogs, names: list[str]):
    for t in all_tables(catalogs, names):
        for position, c in enumerate(t.columns):
            k = c.type
            length = k.length if k.kind in ("CHAR", "VARCHAR") else None
            precision, scale, radix = _precision(k)
            yield (
                t.catalog, t.schema, t.name, c.name, position, c.default, "YES" if c.nullable else "NO",
                k.simple(), _DATA_TYPES.get(k.kind, k.kind), length, length, precision, radix, scale, None,
                k.interval or None, "YES" if c.identity else "NO", c.comment,
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


def _functions(catalogs: Catalogs, names: list[str]):
    for catalog in names:
        for schema in catalogs.schemas(catalog):
            yield from ((catalog, schema.name, name, schema.functions[name]) for name in sorted(schema.functions))


def _routines(catalogs: Catalogs, names: list[str]):
    for catalog, schema, name, routine in _functions(catalogs, names):
        place = (catalog, schema, name)
        returns = routine.returns.simple().upper() if routine.returns is not None else None
        yield (*place, *place, "FUNCTION", returns, "SQL", routine.body, None)


def _parameters(catalogs: Catalogs, names: list[str]):
    for catalog, schema, name, routine in _functions(catalogs, names):
        for at, (parameter, kind, _) in enumerate(routine.parameters):
            precision, scale, _ = _precision(kind)
            length = kind.length if kind.kind in ("CHAR", "VARCHAR") else None
            yield (catalog, schema, name, at, "IN", "NO", parameter, kind.simple().upper(), length, length, precision, scale, None)


def _volumes(catalogs: Catalogs, names: list[str]):
    for catalog in names:
        for schema in catalogs.schemas(catalog):
            for name in sorted(schema.volumes):
                yield catalog, schema.name, name, "MANAGED", "local", schema.volumes[name]


def _checks(catalogs: Catalogs, names: list[str]):
    for t in all_tables(catalogs, names):
        yield from ((t.catalog, t.schema, name, text) for name, text in t.checks.items())


def _none(catalogs: Catalogs, names: list[str]):
    return ()


def _used_columns(catalogs: Catalogs, names: list[str]):
    for table, columns, constraint in _used(catalogs, names):
        yield from ((*table, column, *constraint) for column in columns)


def _used_tables(catalogs: Catalogs, names: list[str]):
    yield from ((*table, *constraint) for table, _, constraint in _used(catalogs, names))


def _used(catalogs: Catalogs, names: list[str]):
    """Which table and columns a constraint needs: a foreign key those of its parent."""
    for t in all_tables(catalogs, names):
        if t.primary_key is not None:
            yield (t.catalog, t.schema, t.name), t.primary_key[1], (t.catalog, t.schema, t.primary_key[0])
        for f in t.foreign_keys:
            yield f.parent, f.parent_columns, (t.catalog, t.schema, f.name)


def _constraints(catalogs: Catalogs, names: list[str]):
    for t in all_tables(catalogs, names):
        keys = [(t.primary_key[0], "PRIMARY KEY")] if t.primary_key else []
        keys += [(f.name, "FOREIGN KEY") for f in t.foreign_keys] + [(name, "CHECK") for name in t.checks]
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
    "routines": _routines, "parameters": _parameters, "check_constraints": _checks, "volumes": _volumes,
    "constraint_column_usage": _used_columns, "constraint_table_usage": _used_tables, "table_constraints": _constraints,
    "key_column_usage": _key_columns, "referential_constraints": _references, "table_tags": _none, "column_tags": _none,
    "column_masks": _none, "row_filters": _none, "table_privileges": _privileges,
}  # fmt: skip
