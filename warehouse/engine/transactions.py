"""Multi-statement transactions: a state machine of the service's rules over one DuckDB transaction.

``SET AUTOCOMMIT = FALSE`` lets the next SELECT or DML start a transaction; ``COMMIT`` and ``ROLLBACK``
end it. Any failure aborts it: until ROLLBACK every statement is refused. Only a few commands are
possible inside (spec local-warehouse 1.1, test_transactions). DuckDB tells a write conflict at the
second UPDATE, the service at COMMIT: a transaction that lost goes on as if nothing had happened and
is told at COMMIT.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import duckdb
from sqlglot import exp

from warehouse import show, versions
from warehouse.dialect import types as T
from warehouse.dialect.lexer import Cursor
from warehouse.dialect.queries import Translation
from warehouse.engine.base import CancelToken, Outcome
from warehouse.errors import SqlError
from warehouse.sessions import Session

if TYPE_CHECKING:
    from warehouse.engine.duck import DuckEngine

_QUERIES = ("SELECT", "WITH", "VALUES", "FROM", "TABLE", "(", "INSERT", "UPDATE", "DELETE", "MERGE")
_NEUTRAL = ("SET", "RESET", "USE")  # possible inside, but they start nothing
_ALLOWED = "Only SELECT / INSERT / MERGE / UPDATE / DELETE / DESCRIBE TABLE / SHOW COLUMNS are supported"
_CONFLICT = ("Conflict on", "conflict")


def _not_supported(what: str) -> SqlError:
    return SqlError(
        "TRANSACTION_NOT_SUPPORTED.COMMAND",
        f"{what} is not supported within a multi-statement transaction. {_ALLOWED}",
        "0A000",
    )


class Transaction:
    """An open transaction of a session: one DuckDB connection, one statement at a time."""

    def __init__(self, engine: "DuckEngine", session: Session) -> None:
        self.lock = threading.RLock()
        self.aborted = False
        self.lost: SqlError | None = None  # another transaction was first; told at COMMIT
        self.versions: list[tuple] = []  # (table, version) of what COMMIT makes true
        self._engine = engine
        self._cursor = engine.root.cursor()
        self._zone = ""
        self._prepare(session)
        self._cursor.execute("BEGIN")

    def _prepare(self, session: Session) -> None:
        if self._zone != session.zone:
            self._zone = session.zone
            self._cursor.execute(f"SET TimeZone='{session.zone}'")
        self._cursor.execute(f"SET error_on_division_by_zero={'true' if session.ansi else 'false'}")

    def check(self) -> None:
        if self.aborted:
            raise SqlError(
                "TRANSACTION_ABORTED",
                "The current multi-statement transaction was aborted by an earlier error. Use ROLLBACK",
                "25P02",
            )

    # -- statements ------------------------------------------------------------------------------
    def query(self, session: Session, translation: Translation, sql: str, cancel: CancelToken) -> Outcome:
        """The whole result at once: the next statement needs the same connection."""
        from warehouse.engine import duck

        if translation.system_views:
            raise _not_supported("information_schema")
        cursor = self._ready(session, translation, cancel)
        try:
            relation = cursor.sql(translation.sql)
            columns = duck.merge_columns(translation.columns, relation)
            table = relation.to_arrow_table()
        except Exception as error:
            raise duck.failure(error, sql, cancel) from error
        return Outcome(columns=columns, batches=iter(table.to_batches(max_chunksize=duck.BATCH_ROWS)))

    def write(
        self,
        session: Session,
        statements: list[str],
        translation: Translation,
        cancel: CancelToken,
        sql: str,
        tree: exp.Expression,
        after: list[str],
    ) -> list[tuple]:
        """Runs DML; returns the rows of the last statement before ``after``."""
        from warehouse.engine import duck

        cursor = self._ready(session, translation, cancel)
        try:
            if self.lost is not None:
                return self._as_if(cursor, tree)
            rows: list[tuple] = []
            for statement in statements:
                rows = cursor.execute(statement).fetchall()
            for statement in after:
                cursor.execute(statement).fetchall()
            return rows
        except duckdb.TransactionException as error:
            if not any(word in str(error) for word in _CONFLICT):
                raise duck.failure(error, sql, cancel) from error
            self.lost = SqlError(
                "DELTA_CONCURRENT_WRITE",
                "The transaction conflicts with another one that changed the same rows first",
                "40000",
            )
            return self._as_if(self._engine.root.cursor(), tree)
        except Exception as error:
            raise duck.failure(error, sql, cancel) from error

    def _ready(self, session: Session, translation: Translation, cancel: CancelToken) -> duckdb.DuckDBPyConnection:
        self._engine.need(translation.sql)
        for table in translation.tables:
            self._engine.load(table)
        self._prepare_later(session)
        cursor = self._engine.root.cursor() if self.lost is not None else self._cursor
        cancel.on_cancel(cursor.interrupt)
        cancel.check()
        return cursor

    def _prepare_later(self, session: Session) -> None:
        if self.lost is None:
            self._prepare(session)

    @staticmethod
    def _as_if(cursor: duckdb.DuckDBPyConnection, tree: exp.Expression) -> list[tuple]:
        """How many rows the statement would have changed."""
        if not isinstance(tree, (exp.Update, exp.Delete)):
            return []
        count = exp.select("count(*)").from_(tree.this.copy())
        where = tree.args.get("where")
        if where is not None:
            count.set("where", where.copy())
        return cursor.execute(count.sql(dialect="duckdb")).fetchall()

    # -- the end ---------------------------------------------------------------------------------
    def commit(self) -> None:
        try:
            self.check()
            if self.lost is not None:
                raise self.lost
            self._engine.write_epoch += 1
            self._cursor.execute("COMMIT")
            for table, version in self.versions:
                versions.append(table, version)
        except duckdb.Error as error:
            raise SqlError("DELTA_CONCURRENT_WRITE", str(error).split("\n")[0], "40000") from error
        finally:
            self._engine.write_epoch += 1
            self._cursor.close()  # rolls back what was not committed

    def rollback(self) -> None:
        self._cursor.close()


# -- the rules ------------------------------------------------------------------------------------
def control(engine: "DuckEngine", session: Session, at: Cursor) -> Outcome | None:
    """SET AUTOCOMMIT, BEGIN, COMMIT and ROLLBACK; None for every other statement."""
    if at.accept("SET", "AUTOCOMMIT"):
        return _autocommit(session, at)
    if at.accept("BEGIN") or at.accept("START", "TRANSACTION"):
        at.accept("TRANSACTION")
        at.end()
        if session.transaction is not None:
            raise SqlError("TRANSACTION_ALREADY_ACTIVE", "There is an active transaction", "25001")
        session.transaction = Transaction(engine, session)
        return Outcome(has_rows=False)
    for word in ("COMMIT", "ROLLBACK"):
        if at.accept(word):
            at.accept("WORK") or at.accept("TRANSACTION")
            at.end()
            _finish(session, word == "COMMIT")
            return Outcome(has_rows=False)
    return None


def _autocommit(session: Session, at: Cursor) -> Outcome:
    columns = [("key", T.STRING), ("value", T.STRING)]
    if at.done():
        return show.outcome((columns, [("AUTOCOMMIT", session.conf("AUTOCOMMIT"))]))
    at.accept("=")
    value = at.next().text.lower()
    at.end()
    if value not in ("true", "false"):
        raise SqlError("INVALID_CONF_VALUE", f"The value '{value}' in the config \"autocommit\" is invalid", "22022")
    if session.transaction is not None:
        raise SqlError("AUTOCOMMIT_DURING_TRANSACTION", "AUTOCOMMIT cannot be set in an active transaction", "25001")
    session.set_conf("AUTOCOMMIT", value)
    return show.outcome((columns, [("AUTOCOMMIT", value)]))


def _finish(session: Session, commit: bool) -> None:
    transaction = session.transaction
    if transaction is None:
        if commit:
            raise SqlError("NO_ACTIVE_TRANSACTION", "There is no active transaction to commit", "25000")
        return  # ROLLBACK of nothing is fine
    with transaction.lock:
        session.transaction = None
        transaction.commit() if commit else transaction.rollback()


def enter(engine: "DuckEngine", session: Session, at: Cursor) -> Transaction | None:
    """The transaction that a statement runs in; it may start one. None: it runs for itself."""
    kind = _kind(at)
    transaction = session.transaction
    if transaction is None:
        if kind != "in" or not session.id or session.conf("AUTOCOMMIT").strip().lower() != "false":
            return None
        session.transaction = transaction = Transaction(engine, session)
    transaction.check()
    if kind == "neutral":
        return None
    if kind == "out":
        transaction.aborted = True
        raise _not_supported(f"The command {at.word()}")
    return transaction


def _kind(at: Cursor) -> str:
    words = [t.upper() or t.text for t in at.tokens[:3]]
    if words[0] in _QUERIES or words[:2] == ["SHOW", "COLUMNS"]:
        return "in"
    if words[0] in _NEUTRAL:
        return "neutral"
    if words[0] in ("DESCRIBE", "DESC"):
        second = words[2:3] if words[1:2] == ["TABLE"] else words[1:2]
        listed = ("EXTENDED", "FORMATTED", "SCHEMA", "DATABASE", "CATALOG", "FUNCTION", "HISTORY", "DETAIL")
        return "out" if not second or second[0] in listed else "in"
    return "out"
