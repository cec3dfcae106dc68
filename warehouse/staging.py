"""PUT, GET, REMOVE and LIST: statements whose answer is a link to the storage origin.

The client moves the bytes itself; the manifest says ``is_volume_operation``.
"""

from __future__ import annotations

import json
from datetime import datetime, timezone

from warehouse import show
from warehouse.catalog import catalog_not_found, schema_not_found
from warehouse.dialect import types as T
from warehouse.dialect.lexer import Cursor
from warehouse.engine.base import Engine, Outcome
from warehouse.errors import SqlError
from warehouse.sessions import Session
from warehouse.volumes import STAGE, VolumeError

WORDS = ("PUT", "GET", "REMOVE", "LIST")
_COLUMNS = [("operation", T.STRING), ("presignedUrl", T.STRING), ("headers", T.STRING), ("localFile", T.STRING)]
_LIST_COLUMNS = [("path", T.STRING), ("name", T.STRING), ("size", T.BIGINT), ("modification_time", T.TIMESTAMP)]


def run(engine: Engine, session: Session, at: Cursor) -> Outcome | None:
    """The outcome, or None when the statement only starts with one of the words."""
    word = at.next().upper()
    if word == "PUT":
        return _put(engine, session, at)
    if word == "GET":
        return _get(engine, session, at)
    path = at.string()
    at.end()
    key = key_of(engine, session, path)
    if word == "LIST":
        return _list(engine, path, key)
    return _link(engine, "REMOVE", "DELETE", key, None)


def _put(engine: Engine, session: Session, at: Cursor) -> Outcome:
    local = at.string()
    at.expect("INTO")
    path = at.string()
    overwrite = at.accept("OVERWRITE")
    at.end()
    _check_local(local)
    key = key_of(engine, session, path)
    if not overwrite and engine.volumes.exists(key):
        raise SqlError(
            "FILE_IN_STAGING_PATH_ALREADY_EXISTS",
            f"File in staging path {path} already exists but OVERWRITE is not set",
            "42K03",
        )
    return _link(engine, "PUT", "PUT", key, local)


def _get(engine: Engine, session: Session, at: Cursor) -> Outcome:
    path = at.string()
    at.expect("TO")
    local = at.string()
    at.end()
    _check_local(local)
    return _link(engine, "GET", "GET", key_of(engine, session, path), local)


def _check_local(local: str) -> None:
    if not local:
        raise SqlError(
            "EMPTY_LOCAL_FILE_IN_STAGING_ACCESS_QUERY", "Empty local file in staging PUT or GET query", "22023"
        )


def key_of(engine: Engine, session: Session, path: str) -> str:
    if not path.startswith((STAGE, "/Volumes/", "dbfs:/Volumes/")):
        raise SqlError(
            "INVALID_STAGING_PATH_IN_STAGING_ACCESS_QUERY", f"Invalid staging path in staging query: {path}", "22604"
        )
    try:
        return engine.volumes.key(path, session.user)
    except VolumeError as error:
        condition, state = {"PERMISSION_DENIED": ("PERMISSION_DENIED", "42501")}.get(
            error.code, ("RESOURCE_NOT_FOUND", "42704")
        )
        if error.code == "INVALID_PARAMETER_VALUE":
            condition, state = "INVALID_STAGING_PATH_IN_STAGING_ACCESS_QUERY", "22604"
        raise SqlError(condition, error.message, state) from error


def _link(engine: Engine, operation: str, method: str, key: str, local: str | None) -> Outcome:
    url, _, headers = engine.volumes.links.make_object(method, key)
    outcome = show.outcome((_COLUMNS, [(operation, url, json.dumps(headers), local)]))
    outcome.info["volume"] = True
    return outcome


def _list(engine: Engine, path: str, key: str) -> Outcome:
    if not engine.volumes.is_directory(key) and not engine.volumes.exists(key):
        raise SqlError("PATH_NOT_FOUND", f"Path does not exist: {path}", "42K03")
    rows = [
        (e.path, e.name + ("/" if e.is_directory else ""), e.size, datetime.fromtimestamp(e.modified, timezone.utc))
        for e in engine.volumes.list(key)
    ]
    return show.outcome((_LIST_COLUMNS, rows))


# -- volumes as objects of a schema ---------------------------------------------------------------
def create_volume(engine: Engine, session: Session, at: Cursor) -> Outcome:
    """``CREATE [EXTERNAL] VOLUME``, behind these words."""
    tolerate = at.accept("IF", "NOT", "EXISTS")
    catalog, schema, name = _name(session, at)
    found = _schema(engine, catalog, schema)
    if name in found.volumes:
        if tolerate:
            return Outcome(has_rows=False)
        raise SqlError("VOLUME_ALREADY_EXISTS", f"The volume `{catalog}`.`{schema}`.`{name}` already exists", "42710")
    comment = None
    while not at.done():
        if at.accept("COMMENT"):
            comment = at.string()
        elif at.accept("LOCATION"):
            at.string()
        else:
            raise at.error()
    found.volumes[name] = comment
    return Outcome(has_rows=False)


def drop_volume(engine: Engine, session: Session, at: Cursor) -> Outcome:
    tolerate = at.accept("IF", "EXISTS")
    catalog, schema, name = _name(session, at)
    at.end()
    found = _schema(engine, catalog, schema)
    if name not in found.volumes:
        if tolerate:
            return Outcome(has_rows=False)
        raise SqlError("VOLUME_DOES_NOT_EXIST", f"Volume `{catalog}`.`{schema}`.`{name}` does not exist", "42704")
    del found.volumes[name]
    engine.volumes.drop_volume(catalog, schema, name)
    return Outcome(has_rows=False)


def _name(session: Session, at: Cursor) -> tuple[str, str, str]:
    parts = [p.lower() for p in at.qualified_name()]
    if len(parts) > 3:
        raise at.error()
    return tuple([session.catalog, session.schema][: 3 - len(parts)] + parts)


def _schema(engine: Engine, catalog: str, schema: str):
    if not engine.catalogs.has_catalog(catalog):
        raise catalog_not_found(catalog)
    found = engine.catalogs.find_schema(catalog, schema)
    if found is None:
        raise schema_not_found(f"{catalog}`.`{schema}")
    return found
