"""Statements that are no SQL for the engine: SET, USE, SHOW, DESCRIBE, catalogs and schemas, no-ops."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from sqlglot import exp

from warehouse import annotations, describe, immediate, routines, show, staging, statistics, variables
from warehouse.catalog import INFORMATION_SCHEMA, catalog_not_found, schema_not_found
from warehouse.dialect import types as T
from warehouse.dialect.lexer import STRING, Cursor
from warehouse.dialect.queries import Binder, parse
from warehouse.engine import copy_into
from warehouse.engine.base import CancelToken, Engine, Outcome, Parameter
from warehouse.errors import ApiError, SqlError
from warehouse.sessions import KNOWN_CONFS, Session, canonical_conf, check_conf, zone_for_engine

if TYPE_CHECKING:
    from warehouse.engine.duck import DuckEngine

log = logging.getLogger("warehouse.commands")

# Accepted without effect: there is nothing to optimise, grant or cache here.
_NO_OPERATION = (
    ("OPTIMIZE",), ("ANALYZE",), ("GRANT",), ("REVOKE",), ("COMMENT", "ON"), ("REFRESH",), ("CACHE",),
    ("UNCACHE",), ("CLEAR", "CACHE"), ("VACUUM",), ("MSCK",), ("FSCK",),
)  # fmt: skip
_REFUSED = ("RESTORE", "UNDROP", "REORG", "LOAD", "CALL", "CONVERT", "SYNC")
_FOREIGN = ("ATTACH", "DETACH", "PRAGMA", "INSTALL", "EXPORT", "IMPORT", "CHECKPOINT", "EXECUTE")  # DuckDB's own
_PROTECTED_CATALOGS = {"main", "system", "samples"}


def run(
    engine: "DuckEngine", session: Session, at: Cursor, parameters: list[Parameter], cancel: CancelToken
) -> Outcome | None:
    """The outcome of a command, or None when the statement is for the SQL parser."""
    if at.accept("SHOW"):
        return show.outcome(show.show(engine, session, at))
    if at.accept("DESCRIBE") or at.accept("DESC"):
        return show.outcome(describe.describe(engine, session, at, parameters, cancel))
    if at.accept("ANALYZE"):
        return statistics.analyze(engine, session, at, cancel)
    outcome = annotations.run(engine, session, at)
    if outcome is not None:
        return outcome
    if at.accept("SET", "VAR") or at.accept("SET", "VARIABLE"):
        return variables.assign(engine, session, at, cancel)
    if at.accept("DECLARE"):
        return variables.declare(engine, session, at, cancel)
    if at.accept("DROP", "TEMPORARY", "VARIABLE"):
        return variables.drop(session, at)
    if at.word() in ("CREATE", "DROP"):
        outcome = routines.run(engine, session, at)
        if outcome is not None:
            return outcome
    if at.accept("EXPLAIN"):
        return _explain(engine, session, at, parameters, cancel)
    outcome = shared(engine, session, at)
    if outcome is not None:
        return outcome
    if at.accept("COPY", "INTO"):
        loader = copy_into.DuckLoader(engine, session, at.sql, cancel)
        return copy_into.run(loader, engine.copy_lock, engine, session, at, cancel)
    if at.accept("EXECUTE", "IMMEDIATE"):
        return immediate.run(engine, session, at, cancel)
    if at.word() in _REFUSED:
        raise SqlError("UNSUPPORTED_FEATURE", f"The local warehouse has no {at.word()}: {at.sql[:200]}", "0A000")
    if at.word() in _FOREIGN:
        raise at.error()
    return None


def shared(engine: Engine, session: Session, at: Cursor) -> Outcome | None:
    """The commands that mean the same on every engine: configuration, catalogs, volumes, no-ops."""
    if at.accept("SET"):
        return _set(session, at)
    if at.accept("RESET"):
        return _reset(session, at)
    if at.accept("USE"):
        return _use(engine, session, at)
    if at.word() in ("CREATE", "DROP"):
        return _container(engine, session, at)
    if at.word() == "ALTER":
        return _alter(at)
    for words in _NO_OPERATION:
        if at.accept(*words):
            log.info("accepted without effect: %s", at.sql[:200])
            return Outcome(has_rows=False)
    return staging.run(engine, session, at) if at.word() in staging.WORDS else None


def _explain(
    engine: "DuckEngine", session: Session, at: Cursor, parameters: list[Parameter], cancel: CancelToken
) -> Outcome:
    """The engine's plan of a query in one text; a wrong query is an error, as everywhere."""
    for form in ("EXTENDED", "FORMATTED", "CODEGEN", "COST"):
        at.accept(form)
    tree = Binder(parameters).bind(parse(at.rest()))
    if not isinstance(tree, exp.Query):
        raise SqlError("UNSUPPORTED_FEATURE", "The local warehouse explains queries only", "0A000")
    translation = engine.translate(session, at.sql, tree)
    plan = engine.plan(session, translation, at.sql, cancel)
    return show.outcome(([("plan", T.STRING)], [(f"== Physical Plan ==\n{plan}",)]))


# -- SET ------------------------------------------------------------------------------------------
_SET_COLUMNS = [("key", T.STRING), ("value", T.STRING)]


def _pairs(rows: list[tuple]) -> Outcome:
    return show.outcome((_SET_COLUMNS, rows))


def _sql_conf_error(error: ApiError, key: str, value: str | None) -> SqlError:
    if "INVALID_CONF_VALUE" in error.message:
        return SqlError("INVALID_CONF_VALUE", f"The value '{value}' in the config \"{key}\" is invalid", "22022")
    return SqlError("CONFIG_NOT_AVAILABLE", f"Configuration {key} is not available", "42K0I")


def _set(session: Session, at: Cursor) -> Outcome:
    if at.done() or at.accept("-", "V"):
        return _pairs([(name, session.conf(name)) for name in sorted(KNOWN_CONFS)])
    if at.accept("TIME", "ZONE"):
        return _set_zone(session, at)
    key, value = _assignment(at)
    try:
        check_conf(key, value)
    except ApiError as error:
        raise _sql_conf_error(error, key, value) from error
    if value is None:
        shown = session.conf(key)
        if canonical_conf(key) not in KNOWN_CONFS and canonical_conf(key) not in session.confs:
            shown = "<undefined>"
        if canonical_conf(key) == "QUERY_TAGS" and shown:
            return _pairs(_tags(shown))
        return _pairs([(key, shown)])
    session.set_conf(key, value)
    return _pairs([(key, value)])


def _tags(text: str) -> list[tuple[str, str]]:
    """``k:v,k2`` with ``\\``, ``:`` and ``,`` escaped by a backslash: SET shows each tag by its key."""
    tags = [["", ""]]
    part = 0
    characters = iter(text)
    for c in characters:
        if c == "\\":
            tags[-1][part] += next(characters, "")
        elif c == ",":
            tags.append(["", ""])
            part = 0
        elif c == ":" and part == 0:
            part = 1
        else:
            tags[-1][part] += c
    return [(key, value) for key, value in tags]


def _assignment(at: Cursor) -> tuple[str, str | None]:
    """``key``, ``key = value``; the value is the rest of the text, quotes removed if it is one string."""
    start = at.next()
    end = start.end
    while not at.done() and at.peek().text != "=":
        end = at.next().end
    key = at.sql[start.start : end].strip().strip("`")
    if at.done():
        return key, None
    at.expect("=")
    token = at.peek()
    if token is not None and token.kind == STRING and at.at == len(at.tokens) - 1:
        return key, token.text
    last = at.tokens[-1]
    return key, at.sql[token.start : last.end].strip() if token is not None else ""


def _set_zone(session: Session, at: Cursor) -> Outcome:
    if at.accept("LOCAL"):
        value = "UTC"
    elif at.accept("INTERVAL"):
        value = _zone_offset(at)
    else:
        value = at.string()
        at.end()
    if zone_for_engine(value) is None:
        raise SqlError(
            "INVALID_CONF_VALUE.TIME_ZONE",
            f"The value '{value}' in the config \"timezone\" is invalid. Cannot resolve the given timezone",
            "22022",
        )
    session.set_conf("TIMEZONE", value)
    return _pairs([("timezone", value)])


def _zone_offset(at: Cursor) -> str:
    token = at.next()
    sign = 1
    if token.text == "-":
        sign, token = -1, at.next()
    text = token.text
    hours = text.split(":")[0].lstrip("+-")
    if not hours.isdigit():
        raise at.error()
    sign = -sign if text.startswith("-") else sign
    return f"{'+' if sign > 0 else '-'}{int(hours):02d}:00"


def _reset(session: Session, at: Cursor) -> Outcome:
    if at.done():
        session.confs.clear()
    else:
        key, _ = _assignment(at)
        session.confs.pop(canonical_conf(key), None)
    return Outcome(has_rows=False)


# -- USE ------------------------------------------------------------------------------------------
def _use(engine: Engine, session: Session, at: Cursor) -> Outcome:
    if at.accept("CATALOG") or at.accept("SET", "CATALOG"):
        token = at.peek()
        name = at.string() if token is not None and token.kind == STRING else at.name()
        at.end()
        return _enter(engine, session, name, "default")
    at.accept("SCHEMA") or at.accept("DATABASE") or at.accept("NAMESPACE")
    parts = at.qualified_name()
    at.end()
    if len(parts) > 2:
        raise SqlError(
            "REQUIRES_SINGLE_PART_NAMESPACE", f"A schema name has at most two parts: {'.'.join(parts)}", "42K05"
        )
    catalog, schema = (session.catalog, parts[0]) if len(parts) == 1 else parts
    return _enter(engine, session, catalog, schema)


def _enter(engine: Engine, session: Session, catalog: str, schema: str) -> Outcome:
    if not engine.catalogs.has_catalog(catalog):
        raise catalog_not_found(catalog)
    if schema.lower() != INFORMATION_SCHEMA and engine.catalogs.find_schema(catalog, schema) is None:
        raise schema_not_found(f"{catalog}`.`{schema}")
    session.catalog, session.schema = catalog.lower(), schema.lower()
    return Outcome(has_rows=False)


# -- catalogs and schemas -------------------------------------------------------------------------
def _container(engine: Engine, session: Session, at: Cursor) -> Outcome | None:
    start = at.at
    create = at.next().upper() == "CREATE"
    if at.accept("EXTERNAL", "VOLUME") or at.accept("VOLUME"):
        return (staging.create_volume if create else staging.drop_volume)(engine, session, at)
    kind = at.word()
    if kind not in ("SCHEMA", "DATABASE", "CATALOG"):
        at.at = start
        return None
    at.next()
    tolerate = at.accept("IF", "NOT", "EXISTS") if create else at.accept("IF", "EXISTS")
    parts = at.qualified_name()
    if kind == "CATALOG":
        _create_catalog(engine, parts, tolerate, at) if create else _drop_catalog(engine, parts, tolerate, at)
    else:
        catalog, schema = (session.catalog, parts[0]) if len(parts) == 1 else parts[-2:]
        if create:
            _create_schema(engine, catalog, schema, tolerate, at)
        else:
            _drop_schema(engine, session, catalog, schema, tolerate, at)
    return Outcome(has_rows=False)


def _comment(at: Cursor) -> str | None:
    """COMMENT '...'; LOCATION, WITH DBPROPERTIES and the like are accepted and ignored."""
    while not at.done():
        if at.accept("COMMENT"):
            return at.string()
        at.next()
    return None


def _create_catalog(engine: Engine, parts: list[str], tolerate: bool, at: Cursor) -> None:
    name = parts[-1]
    if engine.catalogs.has_catalog(name):
        if tolerate:
            return
        raise SqlError("CATALOG_ALREADY_EXISTS", f"Catalog '{name}' already exists", "42P06")
    engine.create_catalog(name, _comment(at) or "")


def _drop_catalog(engine: Engine, parts: list[str], tolerate: bool, at: Cursor) -> None:
    name = parts[-1]
    if not engine.catalogs.has_catalog(name):
        if tolerate:
            return
        raise catalog_not_found(name)
    if name.lower() in _PROTECTED_CATALOGS:
        raise SqlError("INSUFFICIENT_PERMISSIONS", f"Catalog '{name}' cannot be dropped", "42501")
    cascade = at.accept("CASCADE")
    if not cascade and any(s.tables or s.name != "default" for s in engine.catalogs.schemas(name)):
        raise SqlError(
            "CATALOG_NOT_EMPTY",
            f"Cannot drop catalog '{name}' because it is not empty. Use DROP CATALOG ... CASCADE",
            "2BP01",
        )
    engine.drop_catalog(name)


def _create_schema(engine: Engine, catalog: str, schema: str, tolerate: bool, at: Cursor) -> None:
    if not engine.catalogs.has_catalog(catalog):
        raise catalog_not_found(catalog)
    if engine.catalogs.find_schema(catalog, schema) is not None or schema.lower() == INFORMATION_SCHEMA:
        if tolerate:
            return
        raise SqlError(
            "SCHEMA_ALREADY_EXISTS",
            f"Cannot create schema `{schema}` because it already exists. Choose a different name, drop the existing "
            "schema, or add the IF NOT EXISTS clause to tolerate pre-existing schema",
            "42P06",
        )
    engine.create_schema(catalog, schema, _comment(at))


def _drop_schema(engine: Engine, session: Session, catalog: str, schema: str, tolerate: bool, at: Cursor) -> None:
    found = engine.catalogs.find_schema(catalog, schema)
    if found is None:
        if tolerate:
            return
        if not engine.catalogs.has_catalog(catalog):
            raise catalog_not_found(catalog)
        raise schema_not_found(f"{catalog}`.`{schema}")
    cascade = at.accept("CASCADE")
    at.accept("RESTRICT")
    at.end()
    if engine.catalogs.tables(catalog, schema) and not cascade:
        raise SqlError(
            "SCHEMA_NOT_EMPTY",
            f"Cannot drop a schema `{schema}` because it contains objects. Use DROP SCHEMA ... CASCADE to drop the "
            "schema and all its objects",
            "2BP01",
        )
    engine.drop_schema(catalog, schema)


def _alter(at: Cursor) -> Outcome | None:
    """ALTER of containers, owners, properties and comments is accepted; the rest is for the SQL parser."""
    words = [t.upper() for t in at.tokens]
    if words[1:2] and words[1] in ("SCHEMA", "DATABASE", "CATALOG", "VOLUME"):
        return Outcome(has_rows=False)
    if any(w in ("TBLPROPERTIES", "OWNER", "TAGS", "CLUSTER") for w in words):
        return Outcome(has_rows=False)
    return None
