"""The result's columns as clients see them: manifest entries, Arrow schema, batch conversion."""

from __future__ import annotations

import base64
import json
import math
from dataclasses import dataclass
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pyarrow as pa

from warehouse.arrowtypes import MONTH_INTERVAL, relabel
from warehouse.dialect.types import SparkType
from warehouse.errors import SqlError


@dataclass(frozen=True)
class Column:
    name: str
    type: SparkType


def manifest_columns(columns: list[Column]) -> list[dict[str, Any]]:
    out = []
    for position, column in enumerate(columns):
        entry: dict[str, Any] = {
            "name": column.name,
            "type_text": column.type.text(),
            "type_name": column.type.type_name(),
            "position": position,
        }
        if column.type.kind == "DECIMAL":
            entry["type_precision"] = column.type.precision
            entry["type_scale"] = column.type.scale
        if column.type.kind == "INTERVAL":
            entry["type_interval_type"] = column.type.interval
        out.append(entry)
    return out


def arrow_schema(columns: list[Column], zone: str) -> pa.Schema:
    """Every field carries the two metadata keys by which drivers decide (spec 2.3)."""
    return pa.schema(
        [
            pa.field(
                c.name,
                c.type.arrow(zone),
                metadata={
                    "Spark:DataType:SqlName": c.type.text().upper() if c.type.kind == "VOID" else c.type.text(),
                    "Spark:DataType:JsonType": c.type.json_type(),
                },
            )
            for c in columns
        ]
    )


# -- engine batch -> wire batch -------------------------------------------------------------------
def _physical(kind: pa.DataType) -> pa.DataType:
    """What the wire type looks like before relabelling: no month intervals, no durations."""
    if kind == MONTH_INTERVAL:
        return pa.int32()
    if pa.types.is_duration(kind):
        return pa.int64()
    if pa.types.is_list(kind):
        return pa.list_(_physical(kind.value_type))
    if pa.types.is_map(kind):
        return pa.map_(_physical(kind.key_type), _physical(kind.item_type))
    if pa.types.is_struct(kind):
        return pa.struct([pa.field(f.name, _physical(f.type)) for f in kind])
    return kind


def _same_layout(have: pa.DataType, want: pa.DataType) -> bool:
    if pa.types.is_list(have) and pa.types.is_list(want):
        return _same_layout(have.value_type, want.value_type)
    if pa.types.is_map(have) and pa.types.is_map(want):
        return _same_layout(have.key_type, want.key_type) and _same_layout(have.item_type, want.item_type)
    if pa.types.is_struct(have) and pa.types.is_struct(want):
        return have.num_fields == want.num_fields and all(_same_layout(a.type, b.type) for a, b in zip(have, want))
    if pa.types.is_timestamp(have) and pa.types.is_timestamp(want):
        return have.unit == want.unit
    return have == want


_MICROS_PER_DAY = 86_400_000_000


def _interval_numbers(array: pa.Array, months_wanted: bool) -> pa.Array:
    """month_day_nano (16 bytes: int32 months, int32 days, int64 nanos) to months or microseconds."""
    import pyarrow.compute as pc  # here, because few results need it and it takes a tenth of the start

    count, start = len(array), array.offset
    validity, data = array.buffers()
    halves = pa.Array.from_buffers(pa.int64(), 2 * (start + count), [None, data])
    words = pa.Array.from_buffers(pa.int32(), 4 * (start + count), [None, data])
    rows = range(start, start + count)
    valid = array.is_valid()
    if months_wanted:
        values = words.take(pa.array([4 * i for i in rows], pa.int64()))
    else:
        days = words.take(pa.array([4 * i + 1 for i in rows], pa.int64())).cast(pa.int64())
        nanos = halves.take(pa.array([2 * i + 1 for i in rows], pa.int64()))
        values = pc.add(pc.multiply(days, _MICROS_PER_DAY), pc.divide(nanos, 1000))
    del validity
    return pc.if_else(valid, values, pa.scalar(None, values.type))


def _interval_inside(kind: pa.DataType) -> bool:
    return "interval" in str(kind)


def _numbers_inside(value: Any, final: pa.DataType) -> Any:
    """A nested value with its intervals as numbers; slow, for the rare ARRAY<INTERVAL ...>."""
    if value is None:
        return None
    if final == MONTH_INTERVAL:
        return value.months
    if pa.types.is_duration(final):
        return value.days * _MICROS_PER_DAY + value.nanoseconds // 1000
    if pa.types.is_list(final):
        return [_numbers_inside(v, final.value_type) for v in value]
    if pa.types.is_map(final):
        return [(_numbers_inside(k, final.key_type), _numbers_inside(v, final.item_type)) for k, v in value]
    if pa.types.is_struct(final):
        return {field.name: _numbers_inside(value[field.name], field.type) for field in final}
    return value


class Converter:
    """Turns the engine's batches into batches of the wire schema."""

    def __init__(self, columns: list[Column], zone: str) -> None:
        self.schema = arrow_schema(columns, zone)
        self._wanted = [_physical(f.type) for f in self.schema]

    def convert(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        if any("month_interval" in str(field.type) for field in batch.schema):  # pyarrow cannot wrap such arrays
            batch = relabel(batch, _without_intervals(batch.schema))
        arrays = [
            self._column(batch.column(i), field.type, wanted)
            for i, (field, wanted) in enumerate(zip(self.schema, self._wanted))
        ]
        plain = pa.RecordBatch.from_arrays(arrays, names=[str(i) for i in range(len(arrays))])
        return relabel(plain, self.schema)

    @staticmethod
    def _column(array: pa.Array, final: pa.DataType, wanted: pa.DataType) -> pa.Array:
        have = array.type
        if pa.types.is_list(final) and pa.types.is_null(final.value_type):  # array(): no element has a type
            return pa.ListArray.from_arrays(array.offsets, pa.nulls(len(array.values)), mask=array.is_null())
        if pa.types.is_null(final):
            return pa.nulls(len(array))
        if have == pa.month_day_nano_interval():
            return _interval_numbers(array, final == MONTH_INTERVAL)
        if _interval_inside(have):
            return pa.array([_numbers_inside(v, final) for v in array.to_pylist()], wanted)
        if _same_layout(have, wanted):
            return array
        try:
            return array.cast(wanted)
        except pa.ArrowInvalid as error:
            raise SqlError("ARITHMETIC_OVERFLOW", str(error), "22003") from error
        except pa.ArrowNotImplementedError as error:
            raise SqlError("UNSUPPORTED_FEATURE", f"Cannot send this type: {error}", "0A000") from error


# -- JSON_ARRAY -----------------------------------------------------------------------------------
def json_rows(batch: pa.RecordBatch, columns: list[Column]) -> list[list[str | None]]:
    """Rows of strings and nulls: what the service puts in ``data_array``."""
    texts = []
    for index, column in enumerate(columns):
        if _interval_inside(batch.schema.field(index).type):  # pyarrow cannot wrap month interval arrays
            plain = relabel(batch, _without_intervals(batch.schema))
            values = plain.column(index).to_pylist()
        else:
            values = batch.column(index).to_pylist()
        texts.append([None if v is None else value_text(v, column.type) for v in values])
    return [list(row) for row in zip(*texts)] if texts else []


def _without_intervals(schema: pa.Schema) -> pa.Schema:
    return pa.schema([pa.field(f.name, _physical(f.type)) for f in schema])


def value_text(value: Any, kind: SparkType) -> str:
    if kind.kind == "BOOLEAN":
        return "true" if value else "false"
    if kind.kind in ("FLOAT", "DOUBLE"):
        return double_text(value)
    if kind.kind == "DECIMAL":
        return format(value, "f")
    if kind.kind == "BINARY":
        return base64.b64encode(value).decode("ascii")
    if kind.kind == "TIMESTAMP":
        return _timestamp_text(value.astimezone(timezone.utc)) + "Z"
    if kind.kind == "TIME":
        return value.isoformat("microseconds").rstrip("0").rstrip(".") if value.microsecond else value.isoformat("seconds")
    if kind.kind == "TIMESTAMP_NTZ":
        return _timestamp_text(value)
    if kind.kind == "INTERVAL":
        return _interval_text(value, kind)
    if kind.kind in ("ARRAY", "MAP", "STRUCT"):
        return json.dumps(_json_value(value, kind), ensure_ascii=False, separators=(",", ":"))
    return str(value)


def double_text(value: float) -> str:
    """As Java prints doubles: 1.0, 1.0E10, NaN, Infinity."""
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "Infinity" if value > 0 else "-Infinity"
    if value == 0 or 1e-3 <= abs(value) < 1e7:
        text = format(Decimal(repr(value)), "f")
        return text if "." in text else text + ".0"
    digits, _, exponent = f"{Decimal(repr(value)).normalize():E}".partition("E")
    return f"{digits if '.' in digits else digits + '.0'}E{int(exponent)}"


def _timestamp_text(value: datetime) -> str:
    text = value.strftime("%Y-%m-%dT%H:%M:%S").rjust(19, "0")
    micros = value.microsecond
    return f"{text}.{micros // 1000:03d}" if micros % 1000 == 0 else f"{text}.{micros:06d}"


def _interval_text(value: Any, kind: SparkType) -> str:
    if kind.is_year_month():
        sign = "-" if value < 0 else ""
        return f"{sign}{abs(value) // 12}-{abs(value) % 12}"
    micros = value // timedelta(microseconds=1) if isinstance(value, timedelta) else int(value)
    sign, micros = ("-", -micros) if micros < 0 else ("", micros)
    seconds, fraction = divmod(micros, 1_000_000)
    days, seconds = divmod(seconds, 86_400)
    return f"{sign}{days} {seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}.{fraction * 1000:09d}"


def _json_value(value: Any, kind: SparkType) -> Any:
    if value is not None and kind.kind == "INTERVAL":
        return value_text(value, kind)
    if value is None or isinstance(value, (bool, int)):
        return value
    if kind.kind == "ARRAY":
        return [_json_value(v, kind.args[0]) for v in value]
    if kind.kind == "MAP":
        return {"null" if k is None else value_text(k, kind.args[0]): _json_value(v, kind.args[1]) for k, v in value}
    if kind.kind == "STRUCT":
        return {n: _json_value(value[n], t) for n, t in zip(kind.names, kind.args)}
    if isinstance(value, float):
        return value if math.isfinite(value) else double_text(value)
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, (datetime, date, bytes, timedelta)):
        return value_text(value, kind)
    return value
