"""Spark functions that have no counterpart in DuckDB and are short in Python. DuckDB calls them row by row."""

from __future__ import annotations

import json
import zlib
from typing import Any

import duckdb

_SOUNDEX = {c: d for d, letters in enumerate(("BFPV", "CGJKQSXZ", "DT", "L", "MN", "R"), 1) for c in letters}
_DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"


def crc32(text: str) -> int:
    return zlib.crc32(text.encode())


def soundex(text: str) -> str:
    if not text or not text[0].isalpha():
        return text
    code, last = text[0].upper(), _SOUNDEX.get(text[0].upper(), 0)
    for char in text[1:].upper():
        digit = _SOUNDEX.get(char, 0)
        if digit and digit != last:
            code += str(digit)
        if char not in "HW":
            last = digit
    return (code + "000")[:4]


def conv(text: str, source: int, target: int) -> str | None:
    """As far as the digits go; unsigned 64 bits."""
    body, value = text.strip().upper(), 0
    negative = body.startswith("-")
    if not body or not 2 <= source <= 36 or not 2 <= abs(target) <= 36:
        return None
    for char in body.lstrip("-"):
        digit = _DIGITS.find(char)
        if not 0 <= digit < source:
            break
        value = value * source + digit
    value = min(value, 2**64 - 1)
    if negative and target > 0:
        value = 2**64 - value
    out = ""
    while value:
        value, rest = divmod(value, abs(target))
        out = _DIGITS[rest] + out
    return ("-" if negative and target < 0 else "") + (out or "0")


def mask(text: str) -> str:
    return "".join("X" if c.isupper() else "x" if c.islower() else "n" if c.isdigit() else c for c in text)


def luhn_check(text: str) -> bool:
    if not text.isdigit():
        return False
    doubled = [int(c) * 2 if at % 2 else int(c) for at, c in enumerate(reversed(text))]
    return sum(d - 9 if d > 9 else d for d in doubled) % 10 == 0


def schema_of_json(text: str) -> str:
    return _schema(json.loads(text), "STRUCT")


def schema_of_variant(text: str) -> str:
    return _schema(json.loads(text), "OBJECT")


def _schema(value: Any, word: str) -> str:
    if isinstance(value, dict):
        return f"{word}<{', '.join(f'{k}: {_schema(v, word)}' for k, v in sorted(value.items()))}>"
    if isinstance(value, list):
        return f"ARRAY<{_schema(value[0], word) if value else 'VOID'}>"
    names = {bool: "BOOLEAN", int: "BIGINT", float: "DOUBLE", str: "STRING"}
    return names.get(type(value), "VOID")


# name: (function, types of the arguments, type of the result)
FUNCTIONS = {
    "crc32": (crc32, ["VARCHAR"], "BIGINT"),
    "lw_soundex": (soundex, ["VARCHAR"], "VARCHAR"),
    "conv": (conv, ["VARCHAR", "INTEGER", "INTEGER"], "VARCHAR"),
    "mask": (mask, ["VARCHAR"], "VARCHAR"),
    "luhn_check": (luhn_check, ["VARCHAR"], "BOOLEAN"),
    "schema_of_json": (schema_of_json, ["VARCHAR"], "VARCHAR"),
    "schema_of_variant": (schema_of_variant, ["VARCHAR"], "VARCHAR"),
}

def install(connection: duckdb.DuckDBPyConnection) -> None:
    for name, (function, arguments, result) in FUNCTIONS.items():
        connection.create_function(name, function, arguments, result)
