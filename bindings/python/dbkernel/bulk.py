"""executemany: many rows in one INSERT, where that is the same as one INSERT per row.

It is the same when the statement is ``INSERT INTO table [(columns)] VALUES (one row)``, all parameters are in that row, and the rows
of a batch have the same types column by column: the server brings the rows of a VALUES list to common types before
it inserts them, so rows with other types begin a new batch. NULL is written into the text, where it has no type. What
is left is that a batch is inserted as a whole or not at all.
"""

from __future__ import annotations

import decimal
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from .errors import DataError
from .parameters import Bound, Parameters, Token, bound, decimal_size, tokens

# A statement stays well below 16 MiB of text and below what a parser takes in good time.
MAX_PARAMETERS = 10_000
MAX_ROWS = 5_000
MAX_BYTES = 4_000_000

_NAME = r"(?:`[^`]+`|\w+)"
_HEAD = re.compile(
    rf"\s*INSERT\s+INTO\s+(?:TABLE\s+)?{_NAME}(?:\s*\.\s*{_NAME}){{0,2}}\s*(?:\(\s*{_NAME}(?:\s*,\s*{_NAME})*\s*\)\s*)?VALUES\s*(?=\()",
    re.IGNORECASE,
)
_REFUSED = {"select", "with", "values"}  # a row that asks the table sees what the rows before it inserted


class Template(NamedTuple):
    head: str
    row: list[Token]  # the parentheses included


class Batch(NamedTuple):
    sql: str
    parameters: dict[str, Bound]
    rows: int


def template_of(sql: str) -> Template | None:
    """The parts of an INSERT that batches are made of; None: it must run once per row."""
    match = _HEAD.match(sql)
    if match is None:
        return None
    row: list[Token] = []
    depth = 0
    rest = tokens(sql[match.end() :])
    for token in rest:
        row.append(token)
        if token.kind == "word" and token.text.lower() in _REFUSED:
            return None
        if token.kind == "skip" and token.text[0] in "-/":
            return None  # a comment may hold a hint
        depth += {"(": 1, ")": -1}.get(token.text, 0)
        if depth == 0:
            break
    tail = "".join(token.text for token in rest).strip()
    if depth != 0 or tail not in ("", ";"):
        return None
    return Template(match.group(), row)


def _value_of(parameters: Parameters, token: Token, position: int) -> Any:
    return parameters[token.text[1:]] if isinstance(parameters, Mapping) else parameters[position]


def _marks(template: Template) -> list[Token]:
    return [token for token in template.row if token.kind in ("name", "mark")]


def _fits(template: Template, parameters: Parameters) -> bool:
    """All parameters are in the row, in the style of the text, and nothing is left over."""
    marks = _marks(template)
    if not marks:
        return False
    if isinstance(parameters, Mapping):
        return all(token.kind == "name" for token in marks) and {token.text[1:] for token in marks} == set(parameters)
    return (
        isinstance(parameters, Sequence)
        and not isinstance(parameters, (str, bytes))
        and all(token.kind == "mark" for token in marks)
        and len(marks) == len(parameters)
    )


class _Column:
    """The type that all rows of a batch have in one place."""

    def __init__(self) -> None:
        self.family: str | None = None
        self.type: str = "VOID"
        self.digits = 0
        self.scale = 0

    def widened(self, value: Any) -> _Column | None:
        """The column with this value in it; None: it does not fit without changing other values."""
        if value is None:
            return self
        sql_type = bound(value).sql_type
        family = "INTEGER" if sql_type in ("INT", "BIGINT") else sql_type.partition("(")[0]
        if self.family not in (None, family):
            return None
        wider = _Column()
        wider.family = family
        wider.type = "BIGINT" if "BIGINT" in (sql_type, self.type) else sql_type
        if family == "DECIMAL":
            precision, scale = decimal_size(decimal.Decimal(value))
            wider.digits = max(self.digits, precision - scale)
            wider.scale = max(self.scale, scale)
            wider.type = f"DECIMAL({wider.digits + wider.scale},{wider.scale})"
            return wider if wider.digits + wider.scale <= 38 else None
        return wider


class _Builder:
    def __init__(self, template: Template) -> None:
        self._template = template
        self._marks = _marks(template)
        self._row_length = sum(len(token.text) for token in template.row)
        self._columns = [_Column() for _ in self._marks]
        self._rows: list[list[Any]] = []
        self._bytes = 0

    def add(self, parameters: Parameters) -> bool:
        """False: the row belongs into another batch."""
        values = [_value_of(parameters, token, i) for i, token in enumerate(self._marks)]
        columns = [column.widened(value) for column, value in zip(self._columns, values, strict=True)]
        size = self._row_length + sum(4 * len(str(value)) + 60 for value in values)
        full = (
            len(self._rows) >= MAX_ROWS
            or (len(self._rows) + 1) * len(values) > MAX_PARAMETERS
            or self._bytes + size > MAX_BYTES
        )
        if self._rows and (full or None in columns):
            return False
        if None in columns:
            raise DataError("a value of this row has no type that fits")  # bound() says so before
        self._columns = [column for column in columns if column is not None]
        self._rows.append(values)
        self._bytes += size
        return True

    def build(self) -> Batch:
        parameters: dict[str, Bound] = {}
        texts = []
        for values in self._rows:
            given = iter(zip(values, self._columns, strict=True))
            texts.append("".join(self._piece(token, given, parameters) for token in self._template.row))
        return Batch(self._template.head + ", ".join(texts), parameters, len(self._rows))

    @staticmethod
    def _piece(token: Token, given: Iterator[tuple[Any, _Column]], parameters: dict[str, Bound]) -> str:
        if token.kind not in ("name", "mark"):
            return token.text
        value, column = next(given)
        if value is None:
            return "NULL"
        name = f"p{len(parameters)}"
        parameters[name] = Bound(bound(value).text, column.type)
        return f":{name}"


def batches(template: Template, rows: Iterable[Parameters]) -> Iterator[Batch | Parameters]:
    """Batches in the order of the rows; a row that does not fit the template comes as it is."""
    builder: _Builder | None = None
    for row in rows:
        if builder is not None and _fits(template, row) and builder.add(row):
            continue
        if builder is not None:
            yield builder.build()
            builder = None
        if _fits(template, row):
            builder = _Builder(template)
            builder.add(row)
        else:
            yield row
    if builder is not None:
        yield builder.build()
