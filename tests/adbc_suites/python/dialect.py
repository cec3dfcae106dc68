"""The validation suite's cases in the server's SQL, made anew for each run from the suite's own files.

A driver may lay its own parts over the suite's cases. What differs here follows from the server's types, so it is derived
and not written down by hand: BINARY without a length, TIMESTAMP and TIMESTAMP_NTZ in microseconds (the same instants,
rounded down), no TIME, no negative scale, and backslashes that escape."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path

TICKS_PER_SECOND = {"s": 1, "m": 10**3, "u": 10**6, "n": 10**9}
NO_TIME = "the server has no TIME"
ZONE = "Etc/UTC"  # the session's: every TIMESTAMP comes back in it

Parts = dict[str, str]


def read(path: Path) -> Parts:
    _, *pieces = re.split(r"^// part: (\w+)\s*\n", path.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return {name: "".join(line for line in text.splitlines(True) if not line.startswith("//")) for name, text in zip(pieces[::2], pieces[1::2])}


def sql_parts(parts: Parts, change: Callable[[str], str]) -> Parts:
    return {name: change(parts[name]) for name in ("setup_query", "bind_query", "query") if name in parts}


def binary(parts: Parts) -> Parts:
    types = re.compile(r"\b(VARBINARY(\(\d+\))?|BLOB)")
    return sql_parts(parts, lambda sql: types.sub("BINARY", sql).replace("from_hex(", "unhex("))


def microseconds(parts: Parts) -> Parts:
    """The expected rows (or what was put in) as the server's timestamps."""
    schema = json.loads(parts.get("expected_schema") or parts["input_schema"])
    units = {}
    for field in schema["children"]:
        if of_time := re.fullmatch(r"ts([smun]):(.*)", field["format"]):
            units[field["name"]] = TICKS_PER_SECOND[of_time[1]]
            field["format"] = f"tsu:{ZONE if of_time[2] else ''}"
    rows = []
    for line in filter(str.strip, (parts.get("expected") or parts["input"]).splitlines()):
        row = json.loads(line)
        rows.append({name: row[name] * 10**6 // units[name] if name in units and row[name] is not None else row[name] for name in row})
    return {"expected_schema": json.dumps(schema), "expected": "\n".join(map(json.dumps, rows))}


def timestamp(parts: Parts) -> Parts:
    def sql_types(sql: str) -> str:
        zoned = re.sub(r"\bTIMESTAMP(\(\d\))? WITH TIME ZONE", "TIMESTAMP\0", sql)
        return re.sub(r"\bTIMESTAMP(\(\d\))?(?![\0\w])", "TIMESTAMP_NTZ", zoned).replace("\0", "")

    return sql_parts(parts, sql_types) | microseconds(parts)


def string(parts: Parts) -> Parts:
    return sql_parts(parts, lambda sql: re.sub(r"(?<=\S)''", r"\\'", sql.replace("\\", "\\\\")))


def negative_scale(parts: Parts) -> Parts:
    """DECIMAL(2, -2) is kept as the DECIMAL(4, 0) that holds the same numbers."""
    schema = re.sub(r"d:(\d+),-(\d+)", lambda found: f"d:{int(found[1]) + int(found[2])},0", parts["input_schema"])
    return {"expected_schema": schema, "expected": parts["input"]}


def no_time(parts: Parts) -> Parts:
    return {"metadata": f'skip = "{NO_TIME}"'}


RULES = (
    (r"ingest/(\w*binary\w*)", None),
    (r".*/\w*binary\w*", binary),
    (r".*/timestamp\w*", timestamp),
    (r".*/time(_\w+)?", no_time),
    (r"type/select/string", string),
    (r"ingest/decimal_scale_negative", negative_scale),
)


def write(suite: Path, place: Path) -> Path:
    """The overlay for the cases under suite, in place (emptied first)."""
    shutil.rmtree(place, ignore_errors=True)
    for path in sorted(suite.rglob("*.txtcase")):
        name = path.relative_to(suite)
        change = next((change for pattern, change in RULES if re.fullmatch(pattern, name.with_suffix("").as_posix())), None)
        if change:
            parts = change(read(path))
            (place / name).parent.mkdir(parents=True, exist_ok=True)
            (place / name).write_text("".join(f"// part: {part}\n\n{text}\n\n" for part, text in parts.items()), encoding="utf-8")
    return place
