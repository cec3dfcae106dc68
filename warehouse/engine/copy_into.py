"""COPY INTO: the files of a volume into a table, each file once."""

from __future__ import annotations

import re
import threading
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Protocol

import pyarrow as pa
from sqlglot import exp

from warehouse import staging
from warehouse.catalog import ColumnDef, Table
from warehouse.dialect import types as T
from warehouse.dialect.lexer import PUNCT, Cursor
from warehouse.dialect.queries import parse
from warehouse.engine import ddl, dml
from warehouse.engine.base import CancelToken, Engine, Outcome, rows_outcome
from warehouse.engine.files import FORMATS, File, Options, read
from warehouse.errors import SqlError
from warehouse.sessions import Session
from warehouse.wire import Column

if TYPE_CHECKING:
    from warehouse.engine.duck import DuckEngine

SOURCE = "lw_files"  # what the files are called in the query
_COUNTS = ("num_affected_rows", "num_inserted_rows", "num_skipped_corrupt_files")


@dataclass
class Copy:
    """The statement, read."""

    target: list[str]
    columns: list[str] = field(default_factory=list)  # given by position
    by_position: bool = False
    query: str = f"SELECT * FROM {SOURCE}"
    source: str = ""
    kind: str = ""
    validate: int | None = None  # how many rows to show instead of loading
    files: list[str] = field(default_factory=list)
    pattern: str = ""
    format_options: dict[str, str] = field(default_factory=dict)
    copy_options: dict[str, str] = field(default_factory=dict)

    def asks(self, option: str) -> bool:
        return any(k.lower() == option and v.lower() == "true" for k, v in self.copy_options.items())


class Loader(Protocol):
    """What an engine does with the files' rows."""

    def loaded_files(self, copy: Copy) -> set[str]:
        """The files that the target has already; an error when there is no such table."""

    def preview(self, copy: Copy, rows: pa.Table) -> Outcome: ...

    def insert(self, copy: Copy, rows: pa.Table) -> int: ...


def run(loader: Loader, lock: threading.Lock, engine: Engine, session: Session, at: Cursor, cancel: CancelToken) -> Outcome:
    """Behind the words COPY INTO."""
    copy = _read_statement(at)
    loaded = loader.loaded_files(copy)
    options = Options(copy.format_options)
    if (copy.by_position or copy.columns) and (copy.kind != "CSV" or options.flag("header")):
        raise SqlError("UNSUPPORTED_FEATURE", "Columns by position need CSV files without a header", "0A000")
    with cancel.waiting_for(lock):  # a file that two statements want is loaded by one
        found = _files(engine, session, copy)
        fresh = [f for f in found if copy.asks("force") or f.path not in loaded]
        rows, skipped = read(copy.kind, fresh, options)
        if copy.validate is not None:
            return loader.preview(copy, rows) if rows.num_columns else rows_outcome([], [])
        count = loader.insert(copy, rows) if rows.num_columns else 0
        loaded.update(f.path for f in fresh)
    outcome = rows_outcome([(name, T.BIGINT) for name in _COUNTS], [(count, count, skipped)])
    outcome.modified_rows = count
    return outcome


# -- reading the statement ------------------------------------------------------------------------
def _read_statement(at: Cursor) -> Copy:
    copy = Copy(at.qualified_name())
    if at.accept("BY", "POSITION"):
        copy.by_position = True
    elif at.accept("("):
        copy.columns = _list(at, at.name)
    at.expect("FROM")
    if at.accept("("):
        _read_query(at, copy)
    else:
        copy.source = at.string()
        _skip_credentials(at)
    at.expect("FILEFORMAT", "=")
    copy.kind = at.name().upper()
    if copy.kind not in FORMATS:
        raise SqlError(
            "COPY_INTO_SOURCE_FILE_FORMAT_NOT_SUPPORTED",
            f"The local warehouse reads files of the formats {', '.join(FORMATS)}, not {copy.kind}", "0AKDC",
        )  # fmt: skip
    _read_clauses(at, copy)
    at.end()
    return copy


def _read_query(at: Cursor, copy: Copy) -> None:
    """``SELECT ... FROM 'path' ...)``: the path gives way to a name that the translator knows."""
    start, depth = at.peek(), 1
    pieces, done = [], start.start if start else 0
    while depth:
        if depth == 1 and not copy.source and at.accept("FROM"):
            token = at.peek()
            copy.source = at.string()
            pieces.append(at.sql[done : token.start] + SOURCE)
            done = token.end
            _skip_credentials(at)
            done = at.tokens[at.at - 1].end
            continue
        token = at.next()
        if token.kind == PUNCT and token.text in "()":
            depth += 1 if token.text == "(" else -1
    copy.query = "".join(pieces) + at.sql[done : at.tokens[at.at - 1].start]
    if not copy.source:
        raise at.error()


def _skip_credentials(at: Cursor) -> None:
    if not at.accept("WITH"):
        return
    at.expect("(")
    depth = 1
    while depth:
        token = at.next()
        if token.kind == PUNCT and token.text in "()":
            depth += 1 if token.text == "(" else -1


def _read_clauses(at: Cursor, copy: Copy) -> None:
    while not at.done():
        if at.accept("VALIDATE"):
            copy.validate = _validated(at)
        elif at.accept("FILES", "=", "("):
            copy.files = _list(at, at.string)
        elif at.accept("PATTERN", "="):
            copy.pattern = at.string()
        elif at.accept("FORMAT_OPTIONS", "("):
            copy.format_options = dict(_list(at, lambda: _option(at)))
        elif at.accept("COPY_OPTIONS", "("):
            copy.copy_options = dict(_list(at, lambda: _option(at)))
        else:
            raise at.error()


def _validated(at: Cursor) -> int:
    at.accept("ALL")
    token = at.peek()
    if token is None or not token.text.isdigit():
        return 50  # the service shows so many
    at.next()
    at.expect("ROWS")
    return int(token.text)


def _list(at: Cursor, one) -> list:
    found = [one()]
    while at.accept(","):
        found.append(one())
    at.expect(")")
    return found


def _option(at: Cursor) -> tuple[str, str]:
    name, value = (at.next(), at.expect("="), at.next())[::2]
    if value.kind == PUNCT or name.kind == PUNCT:
        raise at.error()
    return name.text, value.text


# -- which files ----------------------------------------------------------------------------------
def _files(engine: Engine, session: Session, copy: Copy) -> list[File]:
    root = staging.key_of(engine, session, copy.source)
    volumes = engine.volumes
    keys = [root] if volumes.exists(root) else volumes.under(root)
    if copy.files:
        keys = [f"{root}/{name.lstrip('/')}" for name in copy.files]
    elif copy.pattern:
        keys = [k for k in keys if _matches(k.removeprefix(root + "/"), copy.pattern)]
    elif not Options(copy.format_options).flag("recursivefilelookup"):
        keys = [k for k in keys if k == root or "/" not in k.removeprefix(root + "/")]
    found = [(k, volumes.get(k)) for k in keys if copy.files or not k.rpartition("/")[2].startswith(("_", "."))]
    lost = next((key for key, content in found if content is None), None)
    if lost is None and not found and not volumes.is_directory(root):
        lost = copy.source
    if lost is not None:
        raise SqlError("PATH_NOT_FOUND", f"Path does not exist: {lost}", "42K03")
    return [File(key, *content) for key, content in found]


def _matches(name: str, pattern: str) -> bool:
    """A glob; ``*`` stays within one folder, ``{a,b}`` are alternatives."""
    choice = re.search(r"\{([^{}]*)\}", pattern)
    if choice is not None:
        before, after = pattern[: choice.start()], pattern[choice.end() :]
        return any(_matches(name, before + part + after) for part in choice[1].split(","))
    path = PurePosixPath(name)
    return len(path.parts) == len(PurePosixPath(pattern).parts) and path.match(pattern)


# -- loading --------------------------------------------------------------------------------------
def refuse_new(copy: Copy, table: Table, found: list[Column]) -> list[Column]:
    """The columns of the files that the table has not: for ``mergeSchema`` to add, otherwise an error."""
    fresh = [c for c in found if table.column(c.name) is None]
    if fresh and not copy.asks("mergeschema"):
        raise SqlError(
            "COPY_INTO_SCHEMA_MISMATCH_WITH_TARGET_TABLE",
            f"The files have columns that the table `{table.full_name}` has not: {', '.join(c.name for c in fresh)}. "
            "Set COPY_OPTIONS ('mergeSchema' = 'true') to add them", "42KDG",
        )  # fmt: skip
    return fresh


def positions(copy: Copy, table: Table, rows: pa.Table) -> list[str]:
    """The columns that the files' columns go to, when they go by position; empty when they go by name."""
    if not copy.by_position and not copy.columns:
        return []
    names = copy.columns or [c.name for c in table.columns]
    if len(names) != rows.num_columns:
        raise dml.arity(table, len(names), rows.num_columns)
    return names


class DuckLoader:
    def __init__(self, engine: "DuckEngine", session: Session, sql: str, cancel: CancelToken) -> None:
        self._engine, self._session, self._sql, self._cancel = engine, session, sql, cancel

    def _table(self, copy: Copy) -> Table:
        return dml.changeable(self._engine.translator(self._session, self._sql), copy.target)

    def loaded_files(self, copy: Copy) -> set[str]:
        return self._table(copy).loaded_files

    def insert(self, copy: Copy, rows: pa.Table) -> int:
        table, tree, relations = self._table(copy), parse(copy.query), {SOURCE: rows}
        names = positions(copy, table, rows)
        if not names:
            found = self._columns(tree, relations)
            for column in refuse_new(copy, table, found):
                change = ddl.Change(self._engine, self._session, self._sql, self._cancel)
                change.add_column(table, ColumnDef(column.name, column.type))
            names = [c.name for c in found]
        target = exp.Schema(
            this=exp.table_(*reversed(copy.target), quoted=True),
            expressions=[exp.to_identifier(n, quoted=True) for n in names],
        )
        insert = exp.Insert(this=target, expression=tree)
        given = self._engine, self._session, self._sql
        return dml.run(*given, insert, self._cancel, self._sql, relations, "COPY INTO").modified_rows or 0

    def _columns(self, tree: exp.Expression, relations: dict[str, pa.Table]) -> list[Column]:
        translation = self._engine.translate(self._session, self._sql, tree.copy(), relations)
        return self._engine.result_columns(self._session, translation, self._sql, self._cancel)

    def preview(self, copy: Copy, rows: pa.Table) -> Outcome:
        query = exp.select("*").from_(exp.Subquery(this=parse(copy.query), alias="q")).limit(copy.validate)
        translation = self._engine.translate(self._session, self._sql, query, {SOURCE: rows})
        return self._engine.query(self._session, translation, self._sql, self._cancel)
