"""The Spark engine: Apache Spark through Spark Connect, a local one of our own or the user's.

Spark parses, plans and runs the statements as they are. What is no Spark SQL stays here: SET and USE
(the session keeps both), catalogs, the SHOW forms of metadata, volumes. A DuckDB engine stands beside
it as the ``house``: it holds the volumes and makes the rows of the sample tables.
"""

from __future__ import annotations

import logging
import re
import socket
import threading
import uuid
from collections.abc import Iterable, Iterator
from typing import Any
from urllib.parse import urlsplit

import pyarrow as pa
import pyarrow.parquet as pq
from pyspark.errors import PySparkException
from pyspark.sql import types as S
from pyspark.sql.connect.column import Column as SparkColumn
from pyspark.sql.connect.expressions import LiteralExpression
from pyspark.sql.connect.session import SparkSession

from warehouse import commands, infoschema, show
from warehouse.catalog import Catalogs, ColumnDef, Schema, Table
from warehouse.dialect import lexer
from warehouse.dialect import types as T
from warehouse.engine import copy_into
from warehouse.engine.base import CancelToken, Outcome, Parameter, rows_outcome
from warehouse.engine.duck import DuckEngine
from warehouse.engine.spark_copy import SparkLoader
from warehouse.engine.spark_names import Names, SparkCatalogs, quoted
from warehouse.engine.spark_server import LocalSpark
from warehouse.errors import Canceled, SqlError
from warehouse.journal import Effects
from warehouse.sessions import DEFAULT_CATALOG, Session
from warehouse.wire import Column

_SAMPLES = "samples"
_TRANSACTIONS = (("BEGIN",), ("START", "TRANSACTION"), ("COMMIT",), ("ROLLBACK",), ("SET", "AUTOCOMMIT"))
_LISTS = ("CATALOGS", "SCHEMAS", "DATABASES", "TABLES", "VIEWS", "COLUMNS", "KEYS", "PRIMARY", "FOREIGN", "VOLUMES")
_OWN_SET = re.compile(r"SET\s+(VAR|VARIABLE)\b|SET\s+spark\.(?!sql\.(ansi\.enabled|session\.timeZone)\b)", re.IGNORECASE)
_WRITES = ("INSERT", "UPDATE", "DELETE", "MERGE")
_ERROR = re.compile(r"\[(?P<condition>[A-Z][A-Z0-9_.]*)\] (?P<text>.*?)\.? ?SQLSTATE: (?P<state>\w{5})(?P<rest>.*)", re.DOTALL)


class SparkEngine:
    """``remote`` is ``sc://host:port`` of a Spark of the user's; without it one is started here."""

    def __init__(self, effects: Effects, remote: str = "", confs: Iterable[str] = ()) -> None:
        logging.getLogger("SQLQueryContextLogger").setLevel(logging.CRITICAL)  # it logs every failed statement
        self.effects = effects
        self.house = DuckEngine(effects)
        self.volumes = self.house.volumes
        if remote:
            _reach(remote)
        self._own = None if remote else LocalSpark(confs)
        self._url = remote or self._own.url
        self._lock = threading.Lock()
        self._write_lock = threading.Lock()
        self._sessions: dict[str, _Connection] = {}
        self._loaded: set[str] = set()
        self.loaded_files: dict[str, set[str]] = {}  # by COPY INTO, of each table
        self._admin = _Connection(self._url)
        self._home = self._place_of_strangers()
        if self._own is not None:
            for catalog in self.house.catalogs.catalogs():
                for schema in self.house.catalogs.schemas(catalog):
                    self._create_place(catalog, schema.name)

    def close(self) -> None:
        for connection in [*self._sessions.values(), self._admin]:
            connection.close()
        if self._own is not None:
            self._own.close()
        self.house.close()

    def end_session(self, session: Session) -> None:
        connection = self._sessions.pop(session.id, None)
        if connection is not None:
            connection.close()

    # -- names -----------------------------------------------------------------------------------
    def _place_of_strangers(self) -> tuple[str, str] | None:
        """Where sessions that name no catalog are on a remote Spark that has none called ``main``."""
        if self._own is not None or DEFAULT_CATALOG in self._remote_catalogs():
            return None
        return tuple(self._admin.rows("SELECT current_catalog(), current_schema()")[0])

    @property
    def catalogs(self) -> Catalogs:
        """Read from Spark anew for every statement: others may change it."""
        if self._own is None:
            return SparkCatalogs(self._remote_catalogs, self._remote_schemas, self._fill)
        known = self.house.catalogs
        found = SparkCatalogs(known.catalogs, self._local_schemas, self._fill)
        found.comments = known.comments
        return found

    def _local_schemas(self, catalog: str) -> list[Schema]:
        return [Schema(s.catalog, s.name, s.comment, s.volumes) for s in self.house.catalogs.schemas(catalog)]

    def _remote_catalogs(self) -> list[str]:
        return [row[0] for row in self._admin.rows("SHOW CATALOGS")]

    def _remote_schemas(self, catalog: str) -> list[Schema]:
        return [Schema(catalog, row[0].lower()) for row in self._admin.rows(f"SHOW SCHEMAS IN {quoted(catalog)}")]

    def _fill(self, schema: Schema) -> None:
        place = self.names().place(schema.catalog, schema.name)
        views = {row[1] for row in self._admin.rows(f"SHOW VIEWS IN {place}")}
        for row in self._admin.rows(f"SHOW TABLES IN {place}"):
            if row[2]:  # a temporary view of the admin session
                continue
            kind = "VIEW" if row[1] in views else "TABLE"
            schema.tables[row[1].lower()] = self.table(self._admin, schema, row[1].lower(), kind, place)
        if self._own is not None and schema.catalog == _SAMPLES:
            for table in self.house.catalogs.tables(schema.catalog, schema.name):
                schema.tables.setdefault(table.name, table)

    @staticmethod
    def table(connection: "_Connection", schema: Schema, name: str, kind: str, place: str) -> Table:
        where = f"{place}.{quoted(name)}" if place else quoted(name)
        fields = connection.spark.table(where).schema.fields
        columns = [ColumnDef(f.name, spark_type(f.dataType, f.metadata), f.nullable, f.metadata.get("comment")) for f in fields]
        return Table(schema.catalog, schema.name, name, columns, kind, temporary=not place)

    @staticmethod
    def type_of(field: S.StructField) -> T.SparkType:
        return spark_type(field.dataType, field.metadata)

    def names(self) -> Names:
        return Names(self.house.catalogs if self._own is not None else self.catalogs, self._own is not None)

    def create_catalog(self, name: str, comment: str = "") -> None:
        self._need_own("CREATE CATALOG")
        self.house.create_catalog(name, comment)
        self._create_place(name.lower(), "default")

    def drop_catalog(self, name: str) -> None:
        self._need_own("DROP CATALOG")
        for schema in self.house.catalogs.schemas(name):
            self._admin.rows(f"DROP SCHEMA IF EXISTS {self.names().place(name.lower(), schema.name)} CASCADE")
        self.house.drop_catalog(name)

    def create_schema(self, catalog: str, name: str, comment: str | None = None) -> None:
        if self._own is not None:
            self.house.create_schema(catalog, name, comment)
        self._create_place(catalog.lower(), name.lower())

    def _create_place(self, catalog: str, schema: str) -> None:
        self._admin.rows(f"CREATE SCHEMA IF NOT EXISTS {self.names().place(catalog, schema)}")

    def drop_schema(self, catalog: str, name: str) -> None:
        self._admin.rows(f"DROP SCHEMA {self.names().place(catalog.lower(), name.lower())} CASCADE")
        if self._own is not None:
            self.house.drop_schema(catalog, name)

    def _need_own(self, what: str) -> None:
        if self._own is None:
            raise SqlError("UNSUPPORTED_FEATURE", f"{what}: the catalogs of a remote Spark are configured there", "0A000")

    # -- statements ------------------------------------------------------------------------------
    def execute(self, session: Session, sql: str, parameters: list[Parameter], cancel: CancelToken) -> Outcome:
        text, tokens = lexer.single_statement(sql)
        if self._home is not None and session.catalog == DEFAULT_CATALOG:
            session.catalog, session.schema = self._home
        for words in _TRANSACTIONS:
            if lexer.Cursor(text, tokens).accept(*words):
                raise SqlError("UNSUPPORTED_FEATURE", "Spark has no multi-statement transactions", "0A000")
        connection = self._connection(session)
        try:
            outcome = self._command(session, connection, text, tokens)
            if outcome is None:
                outcome = self._run(session, connection, text, tokens, parameters, cancel)
        except Exception as error:
            if not session.id:
                connection.close()
            raise self.failure(error, cancel) from error
        if not session.id:
            outcome.close = _both(outcome.close, connection.close)
        return outcome

    def _connection(self, session: Session) -> "_Connection":
        """A session of the API has one in Spark; a statement without session has one for itself."""
        if not session.id:
            return _Connection(self._url)
        with self._lock:
            if session.id not in self._sessions:
                self._sessions[session.id] = _Connection(self._url)
            return self._sessions[session.id]

    def _command(
        self, session: Session, connection: "_Connection", text: str, tokens: list[lexer.Token]
    ) -> Outcome | None:
        at = lexer.Cursor(text, tokens)
        if at.accept("SHOW"):
            if at.word() not in _LISTS and not self._lists_functions(tokens):
                return None
            temporary = [row[1] for row in connection.rows("SHOW VIEWS") if row[2]]
            session.temporary = {
                name: self.table(connection, Schema("", ""), name, "VIEW", "") for name in temporary
                if not name.startswith("__")
            }  # fmt: skip
            return show.outcome(show.show(self, session, at))
        return None if _OWN_SET.match(text) else commands.shared(self, session, at)

    @staticmethod
    def _lists_functions(tokens: list[lexer.Token]) -> bool:
        words = [t.upper() for t in tokens[1:4]]
        return words[0] in ("FUNCTIONS", "PROCEDURES") and words[1:3] in (["IN", "CATALOG"], ["IN", "ALL"])

    def _run(
        self,
        session: Session,
        connection: "_Connection",
        text: str,
        tokens: list[lexer.Token],
        parameters: list[Parameter],
        cancel: CancelToken,
    ) -> Outcome:
        if tokens[0].upper() in _WRITES:
            self.effects.record(text)
        names = self.names()
        connection.prepare(session, names.place(session.catalog, session.schema))
        at = lexer.Cursor(text, tokens)
        if at.accept("COPY", "INTO"):
            loader = SparkLoader(self, session, connection, text, cancel)
            return copy_into.run(loader, self.house.copy_lock, self, session, at, cancel)
        statement = names.rewrite(session, text, tokens)
        for table in statement.tables:
            self._load_sample(*table)
        for relation, (catalog, view) in statement.system_views.items():
            if infoschema.columns(view) is not None:
                rows = infoschema.build(self.catalogs, catalog, view)
                connection.spark.createDataFrame(rows).createOrReplaceTempView(quoted(relation))
        target = _insert_target(lexer.lex(statement.sql))
        if target is None:
            return connection.run(statement.sql, parameters, cancel, self.failure)
        return self.insert(connection, statement.sql, target, parameters, cancel)

    def insert(
        self, connection: "_Connection", sql: str, target: str, parameters: list[Parameter], cancel: CancelToken
    ) -> Outcome:
        """Spark tells no counts: the table's rows are counted before and after, one INSERT at a time."""
        counting = f"SELECT count(*) FROM {target}"
        with self._write_lock:
            try:
                before = connection.rows(counting)[0][0]
            except PySparkException:
                before = None  # the INSERT itself tells what is wrong with the table
            connection.run(sql, parameters, cancel, self.failure)
            after = connection.rows(counting)[0][0]
        count = after if lexer.lex(sql)[1].upper() == "OVERWRITE" else after - (before or 0)
        outcome = rows_outcome([("num_affected_rows", T.BIGINT), ("num_inserted_rows", T.BIGINT)], [(count, count)])
        outcome.modified_rows = count
        return outcome

    def _load_sample(self, catalog: str, schema: str, name: str) -> None:
        """Writes a sample table for the local Spark when it is first touched."""
        key = f"{catalog}.{schema}.{name}"
        if catalog != _SAMPLES or self.house.catalogs.find_table(catalog, schema, name) is None:
            return
        with self._lock:
            if key in self._loaded:
                return
            rows = self.house.execute(Session("", ""), f"SELECT * FROM {key}", [], CancelToken())
            folder = self._own.path / key
            folder.mkdir()
            batches = list(rows.batches)
            table = pa.Table.from_batches(batches).rename_columns([c.name for c in rows.columns])
            pq.write_table(table, folder / "rows.parquet", compression="none")
            place = self.names().place(catalog, schema)
            self._admin.rows(f"CREATE TABLE {place}.{quoted(name)} USING parquet LOCATION '{folder}'")
            self._loaded.add(key)

    def failure(self, error: Exception, cancel: CancelToken) -> Exception:
        """What the client is told about an exception of Spark."""
        if isinstance(error, (SqlError, Canceled)) or not isinstance(error, PySparkException):
            return error
        if cancel.asked:
            return Canceled()
        text = self.names().told(str(error)).strip().split("\n\nJVM stacktrace:")[0]
        found = _ERROR.match(text)
        if found is None:
            condition = error.getCondition() or "INTERNAL_ERROR"
            return SqlError(condition, text, error.getSqlState() or "XX000")
        return SqlError(found["condition"], found["text"], found["state"], context=found["rest"].split("\n'")[0])


def _reach(url: str) -> None:
    """RuntimeError when nothing answers there: Spark's own client would try for many minutes."""
    place = urlsplit(url)
    try:
        socket.create_connection((place.hostname or "", place.port or 15002), timeout=10).close()
    except OSError as error:
        raise RuntimeError(f"no Spark Connect server answers at {url}: {error}") from error


def _insert_target(tokens: list[lexer.Token]) -> str | None:
    """The table of INSERT [INTO | OVERWRITE] [TABLE] name ..., quoted; None for every other statement."""
    words = [t.upper() for t in tokens]
    if words[:1] != ["INSERT"] or len(words) < 3 or words[1] not in ("INTO", "OVERWRITE"):
        return None
    at = lexer.Cursor("", tokens[3:] if words[2] == "TABLE" else tokens[2:])
    try:
        return quoted(*at.qualified_name())
    except SqlError:
        return None


class _Connection:
    """One Spark session and what was last set in it. Statements of one session may run in parallel."""

    def __init__(self, url: str) -> None:
        self.spark = SparkSession.builder.remote(url).create()
        self._set: dict[str, str] = {}
        self._place = ""

    def close(self) -> None:
        self.spark.stop()

    def rows(self, sql: str) -> list[Any]:
        return self.spark.sql(sql).collect()

    def prepare(self, session: Session, place: str) -> None:
        wanted = {
            "spark.sql.ansi.enabled": "true" if session.ansi else "false",
            "spark.sql.session.timeZone": session.conf("TIMEZONE"),
        }
        for key, value in wanted.items():
            if self._set.get(key) != value:
                self.spark.conf.set(key, value)
                self._set[key] = value
        if self._place != place:
            self.rows(f"USE {place}")
            self._place = place

    def run(self, sql: str, parameters: list[Parameter], cancel: CancelToken, failure) -> Outcome:
        tag = f"lw-{uuid.uuid4().hex}"
        cancel.on_cancel(lambda: self.spark.interruptTag(tag))
        cancel.check()
        with _Tag(self.spark, tag):
            frame = self.spark.sql(sql, self._arguments(parameters))
            fields = frame.schema.fields
            if not fields:
                return Outcome(has_rows=False)
            columns = [Column(f.name, spark_type(f.dataType, f.metadata)) for f in fields]
            if any(_has_variant(f.dataType) for f in fields):
                plain = frame.toDF(*(f"c{i}" for i in range(len(fields))))
                frame = plain.selectExpr(*(f"{_as_json(f'c{i}', f.dataType)} AS c{i}" for i, f in enumerate(fields)))
            batches = self._batches(frame, tag)
            first = next(batches, None)  # the failure of a query that fails at once is the statement's
        return Outcome(columns=columns, batches=_told(first, batches, cancel, failure), close=batches.close)

    def _batches(self, frame, tag: str) -> Iterator[pa.RecordBatch]:
        client, plan = self.spark.client, frame._plan
        try:
            for piece in client.to_table_as_iterator(plan.to_proto(client), plan.observations):
                if isinstance(piece, pa.Table):
                    yield from piece.to_batches()
        except GeneratorExit:
            self.spark.interruptTag(tag)
            raise

    def _arguments(self, parameters: list[Parameter]) -> Any:
        """Values as literals of exactly the declared types: Spark itself reads their texts."""
        if not parameters:
            return None
        kinds = ["STRING" if p.value is None or p.type.upper() == "VOID" else p.type for p in parameters]
        texts = {f"p{i}": "" if p.value is None else p.value for i, p in enumerate(parameters)}
        reading = ", ".join(f"CAST(:p{i} AS {kind})" for i, kind in enumerate(kinds))
        frame = self.spark.sql(f"SELECT {reading}", texts)
        row, fields = frame.collect()[0], frame.schema.fields
        literals = [_literal(p, value, f.dataType) for p, value, f in zip(parameters, row, fields)]
        if parameters[0].name is not None:
            return {p.name: literal for p, literal in zip(parameters, literals)}
        return [literal for _, literal in sorted(zip((p.ordinal for p in parameters), literals), key=lambda x: x[0])]


class _Tag:
    """Marks what this thread runs, so that it can be interrupted."""

    def __init__(self, spark: SparkSession, tag: str) -> None:
        self._spark, self._name = spark, tag

    def __enter__(self) -> None:
        self._spark.addTag(self._name)

    def __exit__(self, *_: object) -> None:
        self._spark.removeTag(self._name)


def _told(first: pa.RecordBatch | None, rest: Iterator, cancel: CancelToken, failure) -> Iterator[pa.RecordBatch]:
    if first is None:
        return
    yield first
    try:
        yield from rest
    except PySparkException as error:
        raise failure(error, cancel) from error


def _both(one, other):
    def close() -> None:
        one()
        other()

    return close


def _literal(parameter: Parameter, value: Any, kind: S.DataType) -> SparkColumn:
    if parameter.value is None or parameter.type.upper() == "VOID":
        declared = parameter.type.upper()
        return SparkColumn(LiteralExpression(None, S.NullType() if declared == "VOID" else kind))
    return SparkColumn(LiteralExpression(bytes(value) if isinstance(value, bytearray) else value, kind))


# -- types ----------------------------------------------------------------------------------------
def spark_type(kind: S.DataType, metadata: dict[str, Any] | None = None) -> T.SparkType:
    declared = (metadata or {}).get("__CHAR_VARCHAR_TYPE_STRING")
    if declared is not None:
        return T.parse_type(declared)
    if isinstance(kind, S.ArrayType):
        return T.array(spark_type(kind.elementType))
    if isinstance(kind, S.MapType):
        return T.SparkType("MAP", args=(spark_type(kind.keyType), spark_type(kind.valueType)))
    if isinstance(kind, S.StructType):
        return T.struct([f.name for f in kind.fields], [spark_type(f.dataType) for f in kind.fields])
    try:
        return T.parse_type(kind.simpleString())
    except ValueError:
        return T.STRING


def _has_variant(kind: S.DataType) -> bool:
    if isinstance(kind, S.ArrayType):
        return _has_variant(kind.elementType)
    if isinstance(kind, S.MapType):
        return _has_variant(kind.valueType)
    if isinstance(kind, S.StructType):
        return any(_has_variant(f.dataType) for f in kind.fields)
    return isinstance(kind, S.VariantType)


def _as_json(value: str, kind: S.DataType, depth: int = 0) -> str:
    """An expression that is ``value`` with JSON text in the place of VARIANT."""
    if not _has_variant(kind):
        return value
    name = f"v{depth}"
    if isinstance(kind, S.ArrayType):
        return f"transform({value}, {name} -> {_as_json(name, kind.elementType, depth + 1)})"
    if isinstance(kind, S.MapType):
        return f"transform_values({value}, (k{depth}, {name}) -> {_as_json(name, kind.valueType, depth + 1)})"
    if isinstance(kind, S.StructType):
        fields = ", ".join(
            f"{_as_json(f'{value}.{quoted(f.name)}', f.dataType, depth + 1)} AS {quoted(f.name)}" for f in kind.fields
        )
        return f"IF({value} IS NULL, NULL, struct({fields}))"
    return f"to_json({value})"
