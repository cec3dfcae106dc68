"""Spark's data types: their names on the wire, in DESCRIBE, in DuckDB and in Arrow."""

from __future__ import annotations

import functools
import json
import re
from dataclasses import dataclass, replace

import pyarrow as pa

from warehouse.arrowtypes import MONTH_INTERVAL

MAX_PRECISION = 38


@dataclass(frozen=True)
class SparkType:
    """One type. ``kind`` is the SQL word (``BIGINT``, ``DECIMAL``, ``INTERVAL`` ...)."""

    kind: str
    precision: int = 0  # DECIMAL
    scale: int = 0
    length: int = 0  # CHAR, VARCHAR
    interval: str = ""  # "DAY TO SECOND", "YEAR TO MONTH", "DAY" ...
    args: tuple["SparkType", ...] = ()  # ARRAY: element; MAP: key, value; STRUCT: field types
    names: tuple[str, ...] = ()  # STRUCT field names

    # -- text forms ---------------------------------------------------------------------------
    def text(self) -> str:
        """As in ``manifest.schema.columns[].type_text`` (spec local-warehouse 2.4)."""
        if self.kind == "DECIMAL":
            return f"DECIMAL({self.precision},{self.scale})"
        if self.kind in ("CHAR", "VARCHAR"):
            return f"{self.kind.lower()}({self.length})"
        if self.kind == "INTERVAL":
            return f"INTERVAL {self.interval}"
        if self.kind == "VOID":
            return "void"
        if self.kind == "TIME":
            return "TIME(6)"
        if self.kind == "ARRAY":
            return f"ARRAY<{self.args[0].text()}>"
        if self.kind == "MAP":
            return f"MAP<{self.args[0].text()}, {self.args[1].text()}>"
        if self.kind == "STRUCT":
            fields = ", ".join(f"{_quoted(n)}: {t.text()}" for n, t in zip(self.names, self.args))
            return f"STRUCT<{fields}>"
        return self.kind

    def sql(self) -> str:
        """Upper-case text of SHOW COLUMNS and CAST."""
        text = self.text()
        return text.upper() if self.kind in ("CHAR", "VARCHAR", "VOID") else text

    def simple(self) -> str:
        """Lower-case text of DESCRIBE and information_schema: ``struct<a:int>``."""
        if self.kind == "ARRAY":
            return f"array<{self.args[0].simple()}>"
        if self.kind == "MAP":
            return f"map<{self.args[0].simple()},{self.args[1].simple()}>"
        if self.kind == "STRUCT":
            fields = ",".join(f"{_quoted(n)}:{t.simple()}" for n, t in zip(self.names, self.args))
            return f"struct<{fields}>"
        return self.text().lower()

    def type_name(self) -> str:
        """The enumeration value of ``type_name``."""
        return _TYPE_NAMES.get(self.kind, self.kind)

    def json_type(self) -> str:
        """The Arrow field metadata ``Spark:DataType:JsonType``."""
        return json.dumps(self._json(), separators=(",", ":"))

    def _json(self):
        if self.kind == "ARRAY":
            return {"type": "array", "elementType": self.args[0]._json(), "containsNull": True}
        if self.kind == "MAP":
            return {
                "type": "map",
                "keyType": self.args[0]._json(),
                "valueType": self.args[1]._json(),
                "valueContainsNull": True,
            }
        if self.kind == "STRUCT":
            fields = [
                {"name": n, "type": t._json(), "nullable": True, "metadata": {}} for n, t in zip(self.names, self.args)
            ]
            return {"type": "struct", "fields": fields}
        if self.kind in _JSON_NAMES:
            return _JSON_NAMES[self.kind]
        return self.text().lower()

    # -- other systems ------------------------------------------------------------------------
    def duck(self) -> str:
        """The DuckDB type that carries it. VARIANT travels as JSON text, intervals as INTERVAL."""
        if self.kind == "DECIMAL":
            return f"DECIMAL({self.precision},{self.scale})"
        if self.kind == "ARRAY":
            return f"{self.args[0].duck()}[]"
        if self.kind == "MAP":
            return f"MAP({self.args[0].duck()}, {self.args[1].duck()})"
        if self.kind == "STRUCT":
            fields = ", ".join('"' + n.replace('"', '""') + '" ' + t.duck() for n, t in zip(self.names, self.args))
            return f"STRUCT({fields})"
        return _DUCK.get(self.kind, self.kind)

    def arrow(self, zone: str) -> pa.DataType:
        if self.kind == "DECIMAL":
            return pa.decimal128(self.precision, self.scale)
        if self.kind == "TIMESTAMP":
            return pa.timestamp("us", tz=zone)
        if self.kind == "INTERVAL":
            return MONTH_INTERVAL if self.is_year_month() else pa.duration("us")
        if self.kind == "ARRAY":
            return pa.list_(pa.field("element", self.args[0].arrow(zone)))
        if self.kind == "MAP":
            return pa.map_(self.args[0].arrow(zone), self.args[1].arrow(zone))
        if self.kind == "STRUCT":
            return pa.struct([pa.field(n, t.arrow(zone)) for n, t in zip(self.names, self.args)])
        return _ARROW.get(self.kind, pa.string())

    # -- questions ----------------------------------------------------------------------------
    def is_year_month(self) -> bool:
        return self.kind == "INTERVAL" and self.interval.split(" ")[0] in ("YEAR", "MONTH")

    def is_integral(self) -> bool:
        return self.kind in INTEGRAL

    def is_numeric(self) -> bool:
        return self.kind in INTEGRAL or self.kind in ("DECIMAL", "FLOAT", "DOUBLE")

    def is_string(self) -> bool:
        return self.kind in ("STRING", "CHAR", "VARCHAR")


def _quoted(name: str) -> str:
    return name if re.fullmatch(r"\w+", name) else "`" + name.replace("`", "``") + "`"


_TYPE_NAMES = {
    "TINYINT": "BYTE",
    "SMALLINT": "SHORT",
    "BIGINT": "LONG",
    "VARCHAR": "STRING",
    "VOID": "NULL",
}
_JSON_NAMES = {
    "TINYINT": "byte",
    "SMALLINT": "short",
    "INT": "integer",
    "BIGINT": "long",
    "TIMESTAMP_NTZ": "timestamp_ntz",
    "VOID": "void",
}
_DUCK = {
    "INT": "INTEGER",
    "STRING": "VARCHAR",
    "CHAR": "VARCHAR",
    "VARCHAR": "VARCHAR",
    "BINARY": "BLOB",
    "TIMESTAMP": "TIMESTAMPTZ",
    "TIMESTAMP_NTZ": "TIMESTAMP",
    "VARIANT": "JSON",
    "VOID": "INTEGER",
    "GEOMETRY": "VARCHAR",
    "GEOGRAPHY": "VARCHAR",
}
_ARROW = {
    "BOOLEAN": pa.bool_(),
    "TINYINT": pa.int8(),
    "SMALLINT": pa.int16(),
    "INT": pa.int32(),
    "BIGINT": pa.int64(),
    "FLOAT": pa.float32(),
    "DOUBLE": pa.float64(),
    "BINARY": pa.binary(),
    "DATE": pa.date32(),
    "TIME": pa.time64("ns"),
    "TIMESTAMP_NTZ": pa.timestamp("us"),
    "VOID": pa.null(),
}
INTEGRAL = ("TINYINT", "SMALLINT", "INT", "BIGINT")

BOOLEAN = SparkType("BOOLEAN")
TINYINT = SparkType("TINYINT")
SMALLINT = SparkType("SMALLINT")
INT = SparkType("INT")
BIGINT = SparkType("BIGINT")
FLOAT = SparkType("FLOAT")
DOUBLE = SparkType("DOUBLE")
STRING = SparkType("STRING")
BINARY = SparkType("BINARY")
DATE = SparkType("DATE")
TIME = SparkType("TIME")
TIMESTAMP = SparkType("TIMESTAMP")
TIMESTAMP_NTZ = SparkType("TIMESTAMP_NTZ")
VARIANT = SparkType("VARIANT")
VOID = SparkType("VOID")
GEOMETRY = SparkType("GEOMETRY")
DAY_TIME = SparkType("INTERVAL", interval="DAY TO SECOND")
YEAR_MONTH = SparkType("INTERVAL", interval="YEAR TO MONTH")


def decimal(precision: int, scale: int) -> SparkType:
    return SparkType("DECIMAL", precision=precision, scale=scale)


def array(element: SparkType) -> SparkType:
    return SparkType("ARRAY", args=(element,))


def struct(names, types) -> SparkType:
    return SparkType("STRUCT", names=tuple(names), args=tuple(types))


# -- from a type's text ---------------------------------------------------------------------------
_ALIASES = {
    "BYTE": "TINYINT",
    "SHORT": "SMALLINT",
    "INTEGER": "INT",
    "LONG": "BIGINT",
    "REAL": "FLOAT",
    "DEC": "DECIMAL",
    "NUMERIC": "DECIMAL",
    "TIMESTAMP_LTZ": "TIMESTAMP",
    "NULL": "VOID",
    "TEXT": "STRING",
}
_SIMPLE = {
    "BOOLEAN", "TINYINT", "SMALLINT", "INT", "BIGINT", "FLOAT", "DOUBLE", "STRING", "BINARY", "DATE", "TIME",
    "TIMESTAMP", "TIMESTAMP_NTZ", "VARIANT", "VOID", "GEOMETRY", "GEOGRAPHY",
}  # fmt: skip
_TOKEN = re.compile(r"\s*(`(?:[^`]|``)*`|\w+|[<>(),:])")


class _TypeReader:
    """Recursive descent over a type's text; raises ValueError with the text on anything else."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.tokens = _TOKEN.findall(text)
        if "".join(self.tokens) != re.sub(r"\s+(?=[^`]*(?:`[^`]*`[^`]*)*$)", "", text):
            raise ValueError(f"unknown data type: {text}")
        self.at = 0

    def peek(self) -> str:
        return self.tokens[self.at] if self.at < len(self.tokens) else ""

    def take(self, want: str | None = None) -> str:
        token = self.peek()
        if not token or (want is not None and token != want):
            raise ValueError(f"unknown data type: {self.text}")
        self.at += 1
        return token

    def read(self) -> SparkType:
        word = self.take().upper()
        word = _ALIASES.get(word, word)
        if word == "DECIMAL":
            return self._decimal()
        if word in ("CHAR", "VARCHAR", "CHARACTER"):
            if self.peek() != "(":
                return STRING
            self.take("(")
            length = int(self.take())
            self.take(")")
            return SparkType("CHAR" if word != "VARCHAR" else word, length=length)
        if word == "ARRAY":
            self.take("<")
            element = self.read()
            self.take(">")
            return array(element)
        if word == "MAP":
            self.take("<")
            key = self.read()
            self.take(",")
            value = self.read()
            self.take(">")
            return SparkType("MAP", args=(key, value))
        if word == "STRUCT":
            return self._struct()
        if word == "INTERVAL":
            return self._interval()
        if word in _SIMPLE:
            if word == "STRING" and self.peek().upper() == "COLLATE":
                self.take()
                self.take()
            if word in ("GEOMETRY", "GEOGRAPHY") and self.peek() == "(":
                while self.take() != ")":
                    pass
            if word == "TIME" and self.peek() == "(":  # DuckDB has microseconds only
                self.take(), self.take("6"), self.take(")")
            return SparkType(word)
        raise ValueError(f"unknown data type: {self.text}")

    def _decimal(self) -> SparkType:
        if self.peek() != "(":
            return decimal(10, 0)
        self.take("(")
        precision, scale = int(self.take()), 0
        if self.peek() == ",":
            self.take(",")
            scale = int(self.take())
        self.take(")")
        if not 1 <= precision <= MAX_PRECISION or not 0 <= scale <= precision:
            raise ValueError(f"bad decimal precision or scale: {self.text}")
        return decimal(precision, scale)

    def _struct(self) -> SparkType:
        names, types = [], []
        self.take("<")
        while self.peek() != ">":
            name = self.take()
            names.append(name[1:-1].replace("``", "`") if name.startswith("`") else name)
            if self.peek() == ":":
                self.take(":")
            types.append(self.read())
            if self.peek().upper() == "NOT":
                self.take(), self.take()
            if self.peek() == ",":
                self.take(",")
        self.take(">")
        return struct(names, types)

    def _interval(self) -> SparkType:
        units = ("YEAR", "MONTH", "DAY", "HOUR", "MINUTE", "SECOND")
        if self.peek().upper() not in units:
            return DAY_TIME
        first = self.take().upper()
        if self.peek().upper() == "TO":
            self.take()
            first = f"{first} TO {self.take().upper()}"
        return SparkType("INTERVAL", interval=first)


@functools.lru_cache(maxsize=1024)
def parse_type(text: str) -> SparkType:
    """A type from its SQL text (``DECIMAL(10,2)``, ``MAP<STRING, INT>``, ``interval day``)."""
    reader = _TypeReader(text.strip())
    found = reader.read()
    if reader.peek():
        raise ValueError(f"unknown data type: {text}")
    return found


# -- from DuckDB ----------------------------------------------------------------------------------
_FROM_DUCK = {
    "boolean": BOOLEAN, "tinyint": TINYINT, "smallint": SMALLINT, "integer": INT, "bigint": BIGINT,
    "float": FLOAT, "double": DOUBLE, "varchar": STRING, "blob": BINARY, "date": DATE,
    "timestamp": TIMESTAMP_NTZ, "timestamp with time zone": TIMESTAMP, "timestamp_s": TIMESTAMP_NTZ,
    "timestamp_ms": TIMESTAMP_NTZ, "timestamp_ns": TIMESTAMP_NTZ, "interval": DAY_TIME, "json": VARIANT,
    "hugeint": BIGINT, "uhugeint": BIGINT, "utinyint": SMALLINT, "usmallint": INT, "uinteger": BIGINT,
    "ubigint": BIGINT, "bignum": BIGINT, "uuid": STRING, "time": TIME, "bit": STRING, '"null"': VOID,
    "null": VOID,
}  # fmt: skip


def from_duck(duck_type) -> SparkType:
    """The Spark type that a DuckDB result column stands for when nothing better is known."""
    kind = duck_type.id
    if kind == "decimal":
        children = dict(duck_type.children)
        return decimal(children["precision"], children["scale"])
    if kind in ("list", "array"):
        return array(from_duck(duck_type.children[0][1]))
    if kind == "map":
        children = dict(duck_type.children)
        return SparkType("MAP", args=(from_duck(children["key"]), from_duck(children["value"])))
    if kind == "struct":
        return struct([n for n, _ in duck_type.children], [from_duck(t) for _, t in duck_type.children])
    return _FROM_DUCK.get(str(duck_type).lower(), STRING)


def refine(static: SparkType | None, found: SparkType) -> SparkType:
    """Combines what the typing pass knows with what the engine returned.

    The engine is right about the physical shape; the static type adds what DuckDB cannot say:
    VOID, the kind of interval, VARIANT, lengths of CHAR and VARCHAR, geometry.
    """
    if static is None:
        return found
    if found.kind == "VOID":
        return static
    if static.kind in ("VOID", "VARIANT", "GEOMETRY", "GEOGRAPHY"):
        return static
    if static.kind in ("CHAR", "VARCHAR") and found.kind == "STRING":
        return static
    if static.kind == "INTERVAL" and found.kind == "INTERVAL":
        return static
    if static.kind == "TIMESTAMP" and found.kind == "TIMESTAMP_NTZ":
        return found
    if static.kind == found.kind and len(static.args) == len(found.args) and static.args:
        inner = tuple(refine(s, f) for s, f in zip(static.args, found.args))
        return replace(found, args=inner)
    if static.is_integral() and found.is_integral():
        return static
    if static.kind == "DECIMAL" and found.kind == "DECIMAL":
        return static
    return found
