"""The DuckDB engine: runs translated SQL, streams its result, counts what DML changed.

Every statement has a connection of its own (a cursor on the one database), so that statements of one
session run in parallel and a result that is still being read disturbs nobody. What DuckDB would keep
per connection (current schema, temporary views) lives in the session and in the catalog registry.
"""

from __future__ import annotations

import contextlib
import re
import threading
from collections.abc import Iterator

import duckdb
import pyarrow as pa
from sqlglot import exp

from warehouse import commands, infoschema, routines, samples
from warehouse.catalog import Catalogs, Table, physical_catalog, quote
from warehouse.dialect import functions, lexer, python_functions
from warehouse.dialect.queries import Binder, Columns, Translation, Translator, parse
from warehouse.dialect.types import from_duck, refine
from warehouse.engine import ddl, dml, transactions
from warehouse.engine.base import CancelToken, Outcome, Parameter
from warehouse.errors import Canceled, SqlError
from warehouse.errors_map import sql_error
from warehouse.journal import Effects
from warehouse.sessions import Session, install_zones
from warehouse.volumes import Volumes
from warehouse.wire import Column

DEFAULT_ZONE = "Etc/UTC"
BATCH_ROWS = 61_440  # 30 vectors: DuckDB hands out whole vectors


_RARE_NAMES = [*(text.partition("(")[0] for text in functions.RARE_MACROS), *python_functions.FUNCTIONS]
_RARE = re.compile(rf"\b({'|'.join(_RARE_NAMES)})\s*\(", re.IGNORECASE)


class DuckEngine:
    def __init__(self, effects: Effects) -> None:
        self.effects = effects
        self.catalogs = Catalogs()
        self.root = duckdb.connect(":memory:")
        # One writer at a time: concurrent DML would otherwise fail with a conflict that a real
        # warehouse resolves by itself.
        self.write_lock = threading.Lock()
        self.write_epoch = 0
        self.copy_lock = threading.Lock()
        self._load_lock = threading.Lock()
        self._complete = False
        for name in ("main", "system", "hive_metastore", "peco", "samples", "lw"):
            self.create_catalog(name)
        for name in ("main", "hive_metastore", "peco"):  # where the drivers' own tests look for it
            self.catalogs.schema(name, "default").volumes["e2etests"] = None
        self.volumes = Volumes(self.catalogs)
        self.root.execute(";".join(_macro(text) for text in functions.MACROS))
        samples.install(self)
        for setting in (
            f"TimeZone='{DEFAULT_ZONE}'",
            "error_on_division_by_zero=true",
            "default_null_order='nulls_first_on_asc_last_on_desc'",
            "autoinstall_known_extensions=false",
            "autoload_known_extensions=false",
            "enable_external_access=false",
        ):
            self.root.execute(f"SET GLOBAL {setting}")
        self.root.execute("SET python_enable_replacements=false")
        install_zones([row[0] for row in self.root.execute("SELECT name FROM pg_timezone_names()").fetchall()])

    def close(self) -> None:
        self.root.close()

    def end_session(self, session: Session) -> None:
        transaction, session.transaction = session.transaction, None
        if transaction is not None:
            with transaction.lock:
                transaction.rollback()
        if any(table.temporary and table.kind == "TABLE" for table in session.temporary.values()):
            catalog, schema = self.temporary_schema(session)
            self.root.cursor().execute(f"DROP SCHEMA {quote(physical_catalog(catalog))}.{quote(schema)} CASCADE")

    # -- catalog objects -------------------------------------------------------------------------
    def create_catalog(self, name: str, comment: str = "") -> None:
        self.root.cursor().execute(f"ATTACH ':memory:' AS {quote(physical_catalog(name.lower()))}")
        self.catalogs.add_catalog(name, comment)
        self.create_schema(name, "default", "Default schema")

    def drop_catalog(self, name: str) -> None:
        self.catalogs.drop_catalog(name)
        self.root.cursor().execute(f"DETACH {quote(physical_catalog(name.lower()))}")

    def create_schema(self, catalog: str, name: str, comment: str | None = None) -> None:
        place = f"{quote(physical_catalog(catalog.lower()))}.{quote(name.lower())}"
        self.root.cursor().execute(f"CREATE SCHEMA IF NOT EXISTS {place}")
        self.catalogs.add_schema(catalog, name, comment)

    def drop_schema(self, catalog: str, name: str) -> None:
        place = f"{quote(physical_catalog(catalog.lower()))}.{quote(name.lower())}"
        self.root.cursor().execute(f"DROP SCHEMA IF EXISTS {place} CASCADE")
        self.catalogs.drop_schema(catalog, name)

    def temporary_schema(self, session: Session) -> tuple[str, str]:
        """The place of a session's temporary tables, which is in no list of names."""
        catalog, schema = "lw", f"temporary_{session.id}"
        self.root.cursor().execute(f"CREATE SCHEMA IF NOT EXISTS {quote(physical_catalog(catalog))}.{quote(schema)}")
        return catalog, schema

    def load(self, table: Table) -> None:
        """Fills a sample table on first touch."""
        if table.loader is None:
            return
        with self._load_lock:
            loader, table.loader = table.loader, None
            if loader is not None:
                loader()

    # -- statements ------------------------------------------------------------------------------
    def execute(self, session: Session, sql: str, parameters: list[Parameter], cancel: CancelToken) -> Outcome:
        text, tokens = lexer.single_statement(sql)
        outcome = transactions.control(self, session, lexer.Cursor(text, tokens))
        if outcome is not None:
            return outcome
        transaction = transactions.enter(self, session, lexer.Cursor(text, tokens))
        if transaction is None:
            return self.run(session, sql, text, tokens, parameters, cancel)
        with transaction.lock:
            transaction.check()
            try:
                return self.run(session, sql, text, tokens, parameters, cancel)
            except BaseException:
                transaction.aborted = True
                raise

    def run(
        self,
        session: Session,
        sql: str,
        text: str,
        tokens: list[lexer.Token],
        parameters: list[Parameter],
        cancel: CancelToken,
    ) -> Outcome:
        """One statement, lexed, without the rules of transactions."""
        try:
            return self._run_parsed(session, sql, text, tokens, parameters, cancel)
        except RecursionError as error:
            raise SqlError("PARSE_SYNTAX_ERROR", "The statement is nested too deeply", "42601") from error

    def _run_parsed(
        self,
        session: Session,
        sql: str,
        text: str,
        tokens: list[lexer.Token],
        parameters: list[Parameter],
        cancel: CancelToken,
    ) -> Outcome:
        outcome = commands.run(self, session, lexer.Cursor(text, tokens), parameters, cancel)
        if outcome is not None:
            return outcome
        tree = Binder(parameters).bind(parse(text))
        if isinstance(tree, exp.Values):
            tree = exp.select("*").from_(tree)
        if isinstance(tree, exp.Query):
            return self.query(session, self.translate(session, text, tree), text, cancel)
        if isinstance(tree, (exp.Insert, exp.Update, exp.Delete, exp.Merge)):
            return dml.run(self, session, text, tree, cancel, sql)
        outcome = ddl.run(self, session, text, tree, cancel)
        if outcome is None:
            raise SqlError(
                "UNSUPPORTED_FEATURE", f"The local warehouse does not support this statement: {text[:200]}", "0A000"
            )
        return outcome

    def translator(self, session: Session, sql: str, relations: dict[str, pa.Table] | None = None) -> Translator:
        translator = Translator(self.catalogs, session, sql, infoschema.columns)
        for name, table in (relations or {}).items():
            translator.add_relation(name, table, self._columns_of(table))
        translator.expressions.routine = lambda parts: routines.find(self.catalogs, session, parts)
        return translator

    def _columns_of(self, table: pa.Table) -> Columns:
        with contextlib.closing(self.root.cursor()) as cursor:
            return [(name, from_duck(kind)) for name, kind in zip(table.column_names, cursor.from_arrow(table).types)]

    def translate(
        self, session: Session, sql: str, tree: exp.Expression, relations: dict[str, pa.Table] | None = None
    ) -> Translation:
        return self.translator(session, sql, relations).query(tree)

    def need(self, sql: str) -> None:
        """Makes what only some statements use: the start stays short."""
        if self._complete or _RARE.search(sql) is None:
            return
        with self._load_lock:
            if not self._complete:
                self.root.execute(";".join(_macro(text) for text in functions.RARE_MACROS))
                python_functions.install(self.root)
                self._complete = True

    def connection(
        self, session: Session, translation: Translation | None, cancel: CancelToken
    ) -> duckdb.DuckDBPyConnection:
        """A connection with the session's settings, ready for this statement."""
        if translation is not None:
            self.need(translation.sql)
        for table in translation.tables if translation else ():
            self.load(table)
        cursor = self.root.cursor()
        cancel.on_cancel(cursor.interrupt)
        cancel.check()
        if session.zone != DEFAULT_ZONE:  # a SET costs more than a small query
            cursor.execute(f"SET TimeZone='{session.zone}'")
        if not session.ansi:
            cursor.execute("SET error_on_division_by_zero=false")
        for relation, (catalog, view) in (translation.system_views if translation else {}).items():
            cursor.register(relation, infoschema.build(self.catalogs, catalog, view))
        for relation, rows in (translation.relations if translation else {}).items():
            cursor.register(relation, rows)
        return cursor

    def query(self, session: Session, translation: Translation, sql: str, cancel: CancelToken) -> Outcome:
        if session.transaction is not None:
            return session.transaction.query(session, translation, sql, cancel)
        epoch = self.write_epoch
        cursor = self.connection(session, translation, cancel)
        try:
            relation = cursor.sql(translation.sql)
            columns = merge_columns(translation.columns, relation)
            reader = relation.to_arrow_reader(BATCH_ROWS)
        except Exception as error:
            cursor.close()
            raise failure(error, sql, cancel) from error

        def count(deadline_s: float) -> int | None:
            if translation.volatile or epoch != self.write_epoch:
                return None
            total = self._count(session, translation, cancel, deadline_s)
            return total if epoch == self.write_epoch else None

        return Outcome(
            columns=columns,
            batches=batches(reader, sql, cancel),
            count_rows=count,
            close=cursor.close,
        )

    def _count(self, session: Session, translation: Translation, cancel: CancelToken, deadline_s: float) -> int | None:
        cursor = self.connection(session, translation, cancel)
        timer = threading.Timer(deadline_s, cursor.interrupt)
        timer.daemon = True
        timer.start()
        try:
            return cursor.execute(f"SELECT count(*) FROM ({translation.sql}) AS q").fetchone()[0]
        except duckdb.Error:
            return None
        finally:
            timer.cancel()
            cursor.close()

    def plan(self, session: Session, translation: Translation, sql: str, cancel: CancelToken) -> str:
        cursor = self.connection(session, translation, cancel)
        try:
            return cursor.execute("EXPLAIN " + translation.sql).fetchall()[0][1]
        except Exception as error:
            raise failure(error, sql, cancel) from error
        finally:
            cursor.close()

    def result_columns(self, session: Session, translation: Translation, sql: str, cancel: CancelToken) -> list[Column]:
        """The columns of a query without running it."""
        cursor = self.connection(session, translation, cancel)
        try:
            return merge_columns(translation.columns, cursor.sql(translation.sql))
        except Exception as error:
            raise failure(error, sql, cancel) from error
        finally:
            cursor.close()


def _macro(text: str) -> str:
    name, _, rest = text.partition("(")
    return f"CREATE OR REPLACE MACRO {quote(name)}({rest}"


def merge_columns(static: Columns | None, relation) -> list[Column]:
    """Names and types: the translator's knowledge where it has some, else the engine's."""
    found = [(name, from_duck(kind)) for name, kind in zip(relation.columns, relation.types)]
    if static is None or len(static) != len(found):
        return [Column(name, kind) for name, kind in found]
    return [Column(name, refine(kind, engine)) for (name, kind), (_, engine) in zip(static, found)]


def batches(reader: pa.RecordBatchReader, sql: str, cancel: CancelToken) -> Iterator[pa.RecordBatch]:
    while True:
        try:
            batch = reader.read_next_batch()
        except StopIteration:
            return
        except Exception as error:
            raise failure(error, sql, cancel) from error
        yield batch


def failure(error: Exception, sql: str, cancel: CancelToken) -> Exception:
    """What the client is told about an exception of the engine."""
    if isinstance(error, (SqlError, Canceled)):
        return error
    if cancel.asked or isinstance(error, duckdb.InterruptException):
        return Canceled()
    return sql_error(error, sql)
