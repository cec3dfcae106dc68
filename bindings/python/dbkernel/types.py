"""The type objects and constructors of PEP 249."""

from __future__ import annotations

import datetime


class TypeObject:
    """Equal to every type name that it stands for: ``cursor.description[0][1] == dbkernel.NUMBER``."""

    def __init__(self, name: str, *type_names: str) -> None:
        self._name = name
        self._type_names = frozenset(type_names)

    def __eq__(self, other: object) -> bool:
        return self is other or (isinstance(other, str) and other in self._type_names)

    def __hash__(self) -> int:
        return hash(self._name)

    def __repr__(self) -> str:
        return f"dbkernel.{self._name}"


STRING = TypeObject("STRING", "string", "char", "varchar", "interval", "variant", "array", "map", "struct", "void", "object",
                    "geometry", "geography")
BINARY = TypeObject("BINARY", "binary")
NUMBER = TypeObject("NUMBER", "boolean", "tinyint", "smallint", "int", "bigint", "float", "double", "decimal")
DATETIME = TypeObject("DATETIME", "date", "timestamp", "timestamp_ntz", "time")
ROWID = TypeObject("ROWID")

Date = datetime.date
Time = datetime.time
Timestamp = datetime.datetime


def Binary(value: bytes | bytearray | memoryview | str) -> bytes:  # noqa: N802 - PEP 249 names it so
    """Bytes of a binary value; of a str its UTF-8."""
    return value.encode() if isinstance(value, str) else bytes(value)


def DateFromTicks(ticks: float) -> datetime.date:  # noqa: N802
    return datetime.date.fromtimestamp(ticks)


def TimeFromTicks(ticks: float) -> datetime.time:  # noqa: N802
    return datetime.datetime.fromtimestamp(ticks).time()


def TimestampFromTicks(ticks: float) -> datetime.datetime:  # noqa: N802
    return datetime.datetime.fromtimestamp(ticks)
