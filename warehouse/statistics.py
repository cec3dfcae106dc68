"""ANALYZE TABLE ... COMPUTE STATISTICS: what DESCRIBE EXTENDED then tells of a table and of its columns."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from warehouse import show
from warehouse.catalog import Table, quote
from warehouse.dialect.lexer import Cursor
from warehouse.dialect.queries import Translation
from warehouse.engine.base import CancelToken, Outcome
from warehouse.errors import SqlError
from warehouse.sessions import Session

if TYPE_CHECKING:
    from warehouse.engine.duck import DuckEngine

_UNORDERED = ("ARRAY", "MAP", "STRUCT", "VARIANT", "BINARY", "GEOMETRY", "GEOGRAPHY")


@dataclass
class Statistics:
    """As of the last ANALYZE; later changes of the table do not show."""

    size_bytes: int = 0
    rows: int | None = None
    columns: dict[str, dict[str, str | None]] = field(default_factory=dict)  # lower name: what, value

    def text(self) -> str:
        return f"{self.size_bytes} bytes" + ("" if self.rows is None else f", {self.rows} rows")


def analyze(engine: "DuckEngine", session: Session, at: Cursor, cancel: CancelToken) -> Outcome:
    """Behind the word ANALYZE."""
    at.expect("TABLE")
    table = show.find(engine.catalogs, session, at.qualified_name())
    if at.accept("PARTITION"):
        raise SqlError("UNSUPPORTED_FEATURE", "The local warehouse has no partitions", "0A000")
    if at.accept("COMPUTE", "DELTA", "STATISTICS"):
        return Outcome(has_rows=False)
    at.expect("COMPUTE", "STATISTICS")
    scan = not at.accept("NOSCAN")
    names: list[str] = []
    if at.accept("FOR", "ALL", "COLUMNS"):
        names = [c.name for c in table.columns]
    elif at.accept("FOR", "COLUMNS"):
        names = [at.name()]
        while at.accept(","):
            names.append(at.name())
    at.end()
    if table.kind != "TABLE":
        raise SqlError(
            "EXPECT_TABLE_NOT_VIEW.NO_ALTERNATIVE", f"ANALYZE TABLE expects a table: `{table.name}` is a view", "42809"
        )
    if table.columns:
        _compute(engine, session, table, scan, names, cancel)
    return Outcome(has_rows=False)


def _compute(
    engine: "DuckEngine", session: Session, table: Table, scan: bool, names: list[str], cancel: CancelToken
) -> None:
    from warehouse.engine.duck import failure

    place = ".".join(quote(p) for p in table.physical())
    cursor = engine.connection(session, Translation("", None, [table]), cancel)
    try:
        size = sum(batch.nbytes for batch in cursor.sql(f"SELECT * FROM {place}").to_arrow_reader(100_000))
        found = Statistics(size, cursor.execute(f"SELECT count(*) FROM {place}").fetchone()[0] if scan else None)
        if table.statistics is not None:
            found.columns = dict(table.statistics.columns)
        for name in names:
            found.columns[name.lower()] = _column(cursor, place, table, name)
    except Exception as error:
        raise failure(error, f"ANALYZE TABLE {table.full_name}", cancel) from error
    finally:
        cursor.close()
    table.statistics = found


def _column(cursor, place: str, table: Table, name: str) -> dict[str, str | None]:
    column = table.column(name)
    if column is None:
        raise SqlError(
            "UNRESOLVED_COLUMN.WITHOUT_SUGGESTION", f"A column with name `{name}` cannot be resolved", "42703"
        )
    one = quote(column.name)
    ends = f"min({one})::VARCHAR, max({one})::VARCHAR"
    if column.type.is_string() or column.type.kind in _UNORDERED:  # Spark keeps no ends of texts either
        ends = "NULL, NULL"
    lengths = f"ceil(avg(strlen({one})))::BIGINT, max(strlen({one}))" if column.type.is_string() else "NULL, NULL"
    row = cursor.execute(
        f"SELECT {ends}, count(*) - count({one}), count(DISTINCT {one}::VARCHAR), {lengths} FROM {place}"
    ).fetchone()
    keys = ("min", "max", "num_nulls", "distinct_count", "avg_col_len", "max_col_len")
    return {key: None if value is None else str(value) for key, value in zip(keys, row)}
