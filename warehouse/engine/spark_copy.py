"""COPY INTO on Spark: the warehouse reads the files of its volumes, Spark inserts their rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa

from warehouse.catalog import Schema, Table
from warehouse.dialect import lexer
from warehouse.engine import copy_into
from warehouse.engine.base import CancelToken, Outcome
from warehouse.engine.copy_into import SOURCE, Copy
from warehouse.engine.spark_names import quoted
from warehouse.sessions import Session
from warehouse.wire import Column

if TYPE_CHECKING:
    from warehouse.engine.spark import SparkEngine, _Connection


class SparkLoader:
    """The files' rows are a temporary view of the session while their statement runs."""

    def __init__(
        self, engine: "SparkEngine", session: Session, connection: "_Connection", sql: str, cancel: CancelToken
    ) -> None:
        self._engine, self._session, self._connection = engine, session, connection
        self._sql, self._cancel = sql, cancel

    def _target(self, copy: Copy) -> tuple[Table, str]:
        """The table as it is now, and what Spark calls it."""
        missing = (self._session.catalog, self._session.schema)[: 3 - len(copy.target)]
        catalog, schema, name = [*missing, *(part.lower() for part in copy.target)][:3]
        place = self._engine.names().place(catalog, schema)
        return self._engine.table(self._connection, Schema(catalog, schema), name, "TABLE", place), f"{place}.{quoted(name)}"

    def loaded_files(self, copy: Copy) -> set[str]:
        _, place = self._target(copy)
        facts = {row[0]: row[1] for row in self._connection.rows(f"DESCRIBE TABLE EXTENDED {place}")}
        key = f"{place} {facts.get('Created Time', '')}"  # a new table of the same name has no files
        return self._engine.loaded_files.setdefault(key, set())

    def _query(self, copy: Copy, rows: pa.Table) -> str:
        self._connection.spark.createDataFrame(rows).createOrReplaceTempView(SOURCE)
        return self._engine.names().rewrite(self._session, copy.query, lexer.lex(copy.query)).sql

    def preview(self, copy: Copy, rows: pa.Table) -> Outcome:
        sql = f"SELECT * FROM ({self._query(copy, rows)}) LIMIT {copy.validate}"
        return self._connection.run(sql, [], self._cancel, self._engine.failure)

    def insert(self, copy: Copy, rows: pa.Table) -> int:
        table, place = self._target(copy)
        query = self._query(copy, rows)
        names = copy_into.positions(copy, table, rows)
        if not names:
            fields = self._connection.spark.sql(query).schema.fields
            texts = {f.name: f.dataType.simpleString() for f in fields}
            fresh = copy_into.refuse_new(copy, table, [Column(f.name, self._engine.type_of(f)) for f in fields])
            if fresh:
                added = ", ".join(f"{quoted(c.name)} {texts[c.name]}" for c in fresh)
                self._connection.rows(f"ALTER TABLE {place} ADD COLUMNS ({added})")
                table, _ = self._target(copy)
            names = list(texts)
        values = ", ".join(f"CAST(c{i} AS {table.column(name).type.sql()})" for i, name in enumerate(names))
        columns, numbered = ", ".join(quoted(n) for n in names), ", ".join(f"c{i}" for i in range(len(names)))
        sql = f"INSERT INTO {place} ({columns}) SELECT {values} FROM ({query}) AS q({numbered})"
        self._engine.effects.record(self._sql.strip())
        return self._engine.insert(self._connection, sql, place, [], self._cancel).modified_rows or 0
