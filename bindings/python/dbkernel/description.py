"""``cursor.description`` of a result's columns."""

from __future__ import annotations

Column = tuple[str, str, bool, dict[str, str]]  # name, Arrow format, nullable, metadata
Description = tuple[str, str, None, None, int | None, int | None, bool | None]

_BY_FORMAT = {
    "n": "void", "b": "boolean", "c": "tinyint", "s": "smallint", "i": "int", "l": "bigint", "f": "float", "g": "double",
    "u": "string", "U": "string", "z": "binary", "Z": "binary", "+l": "array", "+L": "array", "+s": "struct", "+m": "map",
    "tdD": "date",
}  # fmt: skip


def _type_of(arrow_format: str, metadata: dict[str, str]) -> str:
    if arrow_format.startswith("ts"):
        named = metadata.get("databricks.type_name", "").lower()
        return named if named in ("timestamp", "timestamp_ntz") else "timestamp" if arrow_format[4:] else "timestamp_ntz"
    named = metadata.get("databricks.type_name", "").lower()
    if named:
        return {"byte": "tinyint", "short": "smallint", "long": "bigint"}.get(named, named)
    if arrow_format.startswith("d:"):
        return "decimal"
    return _BY_FORMAT.get(arrow_format, "interval" if arrow_format.startswith("t") else arrow_format)


def describe(columns: list[Column]) -> list[Description]:
    """name, type, None, None, precision, scale, nullable: one entry per column."""
    entries: list[Description] = []
    for name, arrow_format, nullable, metadata in columns:
        precision = scale = None
        if arrow_format.startswith("d:"):
            precision, scale = (int(part) for part in arrow_format[2:].split(",")[:2])
        entries.append((name, _type_of(arrow_format, metadata), None, None, precision, scale, nullable))
    return entries
