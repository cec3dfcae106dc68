"""Data files of volumes as Arrow tables: CSV, JSON, Parquet, ORC, text and binary, read as Spark reads them.

CSV gives texts, JSON what its values are; the statement casts them to the columns of its table.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any

import pyarrow as pa

from warehouse.errors import SqlError

# Options that would change what is read, and are not there: better refused than ignored.
_MISSING = ("dateformat", "timestampformat", "timestampntzformat", "comment", "linesep", "rescueddatacolumn")


@dataclass
class File:
    """An object of a volume."""

    path: str
    data: bytes
    modified: float  # epoch seconds


class Options:
    """FORMAT_OPTIONS: names in any case, values as text."""

    def __init__(self, given: dict[str, str]) -> None:
        self._given = {name.lower(): value for name, value in given.items()}
        missing = next((name for name in _MISSING if name in self._given), None)
        if missing is not None:
            raise SqlError("UNSUPPORTED_FEATURE", f"The local warehouse has no format option {missing}", "0A000")

    def text(self, *names: str, default: str = "") -> str:
        return next((self._given[n] for n in names if n in self._given), default)

    def flag(self, name: str) -> bool:
        return self.text(name).lower() == "true"

    @property
    def mode(self) -> str:
        """What to do with a malformed record: PERMISSIVE (the default), DROPMALFORMED, FAILFAST."""
        return self.text("mode", default="PERMISSIVE").upper()


class Corrupt(Exception):
    """A file cannot be read as its format says."""


def read(kind: str, files: Iterable[File], options: Options) -> tuple[pa.Table, int]:
    """All files as one table, columns matched by name, and how many corrupt ones were left out."""
    tables, skipped = [], 0
    for file in files:
        try:
            tables.append(_plain(_READERS[kind](file, options)))
        except (Corrupt, pa.ArrowInvalid, OSError, UnicodeDecodeError) as error:
            if not options.flag("ignorecorruptfiles"):
                first = str(error).split("\n", 1)[0]
                raise SqlError(
                    "FAILED_READ_FILE.NO_HINT", f"Error while reading file {file.path}: {first}", "KD001"
                ) from error
            skipped += 1
    try:
        return pa.concat_tables(tables, promote_options="permissive") if tables else pa.table({}), skipped
    except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
        raise SqlError("CANNOT_MERGE_SCHEMAS", f"The files have different columns: {error}", "42KD9") from error


def _text(file: File, options: Options) -> bytes:
    """The bytes in UTF-8; a compressed file is told by its name."""
    codec = {"gz": "gzip", "bz2": "bz2", "zst": "zstd", "lz4": "lz4"}.get(file.path.rpartition(".")[2].lower())
    data = file.data
    if codec is not None:
        data = pa.CompressedInputStream(pa.BufferReader(data), codec).read()
    charset = options.text("encoding", "charset", default="utf-8").lower()
    if charset not in ("utf-8", "utf8"):
        try:
            data = data.decode(charset).encode()
        except LookupError as error:
            raise Corrupt(f"unknown encoding {charset}") from error
    return data.removeprefix(b"\xef\xbb\xbf")


# -- CSV ------------------------------------------------------------------------------------------
def _csv(file: File, options: Options) -> pa.Table:
    from pyarrow import csv as arrow_csv

    data = _text(file, options)
    separator = options.text("sep", "delimiter", default=",").replace("\\t", "\t")
    quote = options.text("quote", default='"')
    if len(separator) != 1 or len(quote) > 1:
        raise SqlError("UNSUPPORTED_FEATURE", "Delimiter and quote must be one character", "0A000")
    if quote and options.text("escape", default="\\") == "\\":
        data = _doubled_quotes(data, quote)
    skip = int(options.text("skiprows", default="0"))
    names = _csv_names(data, separator, quote, skip)
    if not names:
        return pa.table({})
    header = options.flag("header")
    ragged: list[list[str]] = []

    def malformed(row: Any) -> str:
        if options.mode == "FAILFAST":
            return "error"
        if options.mode == "PERMISSIVE":
            ragged.extend(csv.reader([row.text], delimiter=separator, quotechar=quote or None))
        return "skip"

    names = names if header else [f"_c{i}" for i in range(len(names))]
    table = arrow_csv.read_csv(
        pa.BufferReader(data),
        arrow_csv.ReadOptions(column_names=names, skip_rows_after_names=int(header), skip_rows=skip),
        arrow_csv.ParseOptions(
            delimiter=separator,
            quote_char=quote or False,
            newlines_in_values=options.flag("multiline"),
            invalid_row_handler=malformed,
        ),
        arrow_csv.ConvertOptions(
            column_types={name: pa.string() for name in names},
            null_values=["", options.text("nullvalue")],
            strings_can_be_null=True,
            quoted_strings_can_be_null=False,
        ),
    )
    return pa.concat_tables([table, _padded(ragged, names)]) if ragged else table


def _doubled_quotes(data: bytes, quote: str) -> bytes:
    """``\\"`` inside of quotes (Spark's default) as ``""``, which is what the CSV reader knows."""
    mark = re.escape(quote.encode())
    return re.sub(
        rb"\\\\(?=" + mark + rb")|\\" + mark, lambda m: b"\\" if m[0] == b"\\\\" else quote.encode() * 2, data
    )


def _csv_names(data: bytes, separator: str, quote: str, skip: int) -> list[str]:
    """The values of the first record."""
    lines = io.TextIOWrapper(io.BytesIO(data), encoding="utf-8", newline="")
    for _ in range(skip):
        lines.readline()
    rows = csv.reader(
        lines, delimiter=separator, quotechar=quote or None, quoting=csv.QUOTE_MINIMAL if quote else csv.QUOTE_NONE
    )
    return next((row for row in rows if row), [])


def _padded(rows: list[list[str]], names: list[str]) -> pa.Table:
    """Records with too few or too many values: NULL for what is missing, what is too much is lost."""
    columns = [[row[i] or None if i < len(row) else None for row in rows] for i in range(len(names))]
    return pa.Table.from_arrays([pa.array(c, pa.string()) for c in columns], names)


# -- JSON -----------------------------------------------------------------------------------------
def _json(file: File, options: Options) -> pa.Table:
    """One object in a line; with ``multiLine`` one object or an array of them in a file."""
    text = _text(file, options).decode()
    if options.flag("multiline"):
        found = _json_value(text, options)
        records = found if isinstance(found, list) else [found]
    else:
        records = [_json_value(line, options) for line in text.splitlines() if line.strip()]
    records = [r for r in records if isinstance(r, dict)]
    names = list(dict.fromkeys(name for record in records for name in record))
    return pa.table({name: _json_column([r.get(name) for r in records]) for name in names})


def _json_value(text: str, options: Options) -> Any:
    try:
        value = json.loads(text)
    except ValueError:
        value = None
    if not isinstance(value, (dict, list)) and options.mode != "DROPMALFORMED":
        raise Corrupt(f"a record is not a JSON object: {text[:200]}")
    return value


def _json_column(values: list[Any]) -> pa.Array:
    """Values of different kinds are texts, as in Spark."""
    try:
        return pa.array(values)
    except (pa.ArrowInvalid, pa.ArrowTypeError, OverflowError):
        return pa.array([v if isinstance(v, str) or v is None else json.dumps(v) for v in values], pa.string())


# -- the others -----------------------------------------------------------------------------------
def _parquet(file: File, _: Options) -> pa.Table:
    from pyarrow import parquet

    return parquet.read_table(pa.BufferReader(file.data))


def _orc(file: File, _: Options) -> pa.Table:
    from pyarrow import orc

    return orc.ORCFile(pa.BufferReader(file.data)).read()


def _lines(file: File, options: Options) -> pa.Table:
    text = _text(file, options).decode()
    return pa.table({"value": pa.array([text] if options.flag("wholetext") else text.splitlines(), pa.string())})


def _binary(file: File, _: Options) -> pa.Table:
    when = datetime.fromtimestamp(file.modified, timezone.utc)
    return pa.table({
        "path": [file.path],
        "modificationTime": pa.array([when], pa.timestamp("us", tz="UTC")),
        "length": pa.array([len(file.data)], pa.int64()),
        "content": pa.array([file.data], pa.binary()),
    })  # fmt: skip


_READERS: dict[str, Callable[[File, Options], pa.Table]] = {
    "CSV": _csv, "JSON": _json, "PARQUET": _parquet, "ORC": _orc, "TEXT": _lines, "BINARYFILE": _binary,
}  # fmt: skip
FORMATS = tuple(_READERS)


# -- types ----------------------------------------------------------------------------------------
def _plain(table: pa.Table) -> pa.Table:
    """Without the Arrow types that Spark has not: unsigned numbers, other units of time, dictionaries."""
    fields = [pa.field(f.name, _plain_type(f.type, f.name)) for f in table.schema]
    return table.cast(pa.schema(fields), safe=False)


_WIDER = {pa.uint8(): pa.int16(), pa.uint16(): pa.int32(), pa.uint32(): pa.int64(), pa.uint64(): pa.decimal128(20, 0),
          pa.float16(): pa.float32(), pa.date64(): pa.date32(), pa.null(): pa.string()}  # fmt: skip


def _plain_type(kind: pa.DataType, name: str) -> pa.DataType:
    if pa.types.is_time(kind) or pa.types.is_decimal256(kind):
        raise SqlError(
            "UNSUPPORTED_DATATYPE", f"Column `{name}` has the type {kind}, which Spark does not know", "0A000"
        )
    if pa.types.is_dictionary(kind):
        return _plain_type(kind.value_type, name)
    if pa.types.is_timestamp(kind):
        return pa.timestamp("us", tz="UTC" if kind.tz else None)
    return _WIDER.get(kind, kind)
