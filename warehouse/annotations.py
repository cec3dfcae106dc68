"""What is said about names without touching rows: COMMENT ON, TBLPROPERTIES, dropped constraints.

Properties and keys are kept and shown, not enforced.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from warehouse import show, versions
from warehouse.catalog import Table, catalog_not_found
from warehouse.dialect.lexer import Cursor
from warehouse.engine.base import Outcome
from warehouse.errors import SqlError
from warehouse.sessions import Session

if TYPE_CHECKING:
    from warehouse.engine.duck import DuckEngine


def run(engine: "DuckEngine", session: Session, at: Cursor) -> Outcome | None:
    """The outcome, or None when the statement is for somebody else; then nothing of it was taken."""
    start = at.at
    if at.accept("COMMENT", "ON"):
        _comment(engine, session, at)
        return Outcome(has_rows=False)
    if at.accept("ALTER", "TABLE") or at.accept("ALTER", "VIEW"):
        parts = at.qualified_name()
        found = _change(at)
        if found is not None:
            words, change = found
            table = show.find(engine.catalogs, session, parts)
            change(table, at)
            at.end()
            versions.record(session, table, " ".join(words))
            return Outcome(has_rows=False)
    at.at = start
    return None


def _comment(engine: "DuckEngine", session: Session, at: Cursor) -> None:
    kind = at.next().upper()
    parts = at.qualified_name()
    at.expect("IS")
    text = None if at.accept("NULL") else at.string()
    at.end()
    if kind in ("TABLE", "VIEW"):
        show.find(engine.catalogs, session, parts).comment = text
    elif kind == "COLUMN":
        column = show.find(engine.catalogs, session, parts[:-1]).column(parts[-1])
        if column is None:
            raise SqlError(
                "FIELD_NOT_FOUND", f"No such struct field `{parts[-1]}` in `{'.'.join(parts[:-1])}`", "42704"
            )
        column.comment = text
    elif kind in ("SCHEMA", "DATABASE"):
        catalog, schema = [session.catalog, *parts][-2:]
        engine.catalogs.schema(catalog, schema).comment = text
    elif kind == "CATALOG":
        if not engine.catalogs.has_catalog(parts[0]):
            raise catalog_not_found(parts[0])
        engine.catalogs.comments[parts[0].lower()] = text or ""
    elif kind == "VOLUME":
        catalog, schema, volume = [session.catalog, session.schema, *parts][-3:]
        volumes = engine.catalogs.schema(catalog, schema).volumes
        if volume.lower() not in volumes:
            raise SqlError("VOLUME_DOES_NOT_EXIST", f"Volume `{catalog}`.`{schema}`.`{volume}` does not exist", "42704")
        volumes[volume.lower()] = text
    else:
        raise at.error()


def _change(at: Cursor) -> tuple[tuple[str, ...], Callable[[Table, Cursor], None]] | None:
    return next((found for found in _CHANGES.items() if at.accept(*found[0])), None)


# -- properties -----------------------------------------------------------------------------------
def _set_properties(table: Table, at: Cursor) -> None:
    at.expect("(")
    fresh = {}
    while True:
        key = _key(at)
        at.accept("=")
        fresh[key] = at.next().text
        if not at.accept(","):
            break
    at.expect(")")
    table.properties.update(fresh)


def _unset_properties(table: Table, at: Cursor) -> None:
    tolerate = at.accept("IF", "EXISTS")
    at.expect("(")
    keys = [_key(at)]
    while at.accept(","):
        keys.append(_key(at))
    at.expect(")")
    lost = [key for key in keys if key not in table.properties]
    if lost and not tolerate:
        raise SqlError("UNSET_NONEXISTENT_PROPERTIES", f"Attempted to unset non-existent properties {lost}", "42K0J")
    for key in keys:
        table.properties.pop(key, None)


def _key(at: Cursor) -> str:
    """``'a.b'`` or ``a.b``"""
    key = at.next().text
    while at.accept("."):
        key += "." + at.name()
    return key


# -- constraints ----------------------------------------------------------------------------------
def _drop_constraint(table: Table, at: Cursor) -> None:
    tolerate = at.accept("IF", "EXISTS")
    name = at.name()
    at.accept("RESTRICT") or at.accept("CASCADE")
    keys = [k for k in table.foreign_keys if k.name.lower() != name.lower()]
    checks = {k: v for k, v in table.checks.items() if k.lower() != name.lower()}
    is_primary = table.primary_key is not None and table.primary_key[0].lower() == name.lower()
    if len(keys) == len(table.foreign_keys) and len(checks) == len(table.checks) and not is_primary and not tolerate:
        raise SqlError(
            "CONSTRAINT_DOES_NOT_EXIST", f"Cannot drop constraint {name}: there is none of this name", "42704"
        )
    table.foreign_keys, table.checks = keys, checks
    if is_primary:
        table.primary_key = None


def _drop_primary_key(table: Table, at: Cursor) -> None:
    tolerate = at.accept("IF", "EXISTS")
    at.accept("RESTRICT") or at.accept("CASCADE")
    if table.primary_key is None and not tolerate:
        raise SqlError(
            "CONSTRAINT_DOES_NOT_EXIST", f"Cannot drop the primary key of `{table.name}`: there is none", "42704"
        )
    table.primary_key = None


def _drop_foreign_key(table: Table, at: Cursor) -> None:
    tolerate = at.accept("IF", "EXISTS")
    at.expect("(")
    columns = [at.name().lower()]
    while at.accept(","):
        columns.append(at.name().lower())
    at.expect(")")
    kept = [k for k in table.foreign_keys if [c.lower() for c in k.columns] != columns]
    if len(kept) == len(table.foreign_keys) and not tolerate:
        raise SqlError("CONSTRAINT_DOES_NOT_EXIST", f"Cannot drop the foreign key on {columns}: there is none", "42704")
    table.foreign_keys = kept


_CHANGES: dict[tuple[str, ...], Callable[[Table, Cursor], None]] = {
    ("SET", "TBLPROPERTIES"): _set_properties,
    ("UNSET", "TBLPROPERTIES"): _unset_properties,
    ("DROP", "CONSTRAINT"): _drop_constraint,
    ("DROP", "PRIMARY", "KEY"): _drop_primary_key,
    ("DROP", "FOREIGN", "KEY"): _drop_foreign_key,
}
