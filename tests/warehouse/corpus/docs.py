"""The generated tables of docs/local-warehouse.md: ``python tests/warehouse/corpus/docs.py`` writes them.

They come from the types, the recorded corpus with its list of differences, and the catalogue of faults;
test_corpus.py fails when the file does not hold what this makes.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
sys.path[:0] = [str(ROOT), str(Path(__file__).resolve().parent)]

import corpus  # noqa: E402

from warehouse.dialect.types import parse_type  # noqa: E402
from warehouse.faults.rules import ACTIONS, POINTS  # noqa: E402

PAGE = ROOT / "docs" / "local-warehouse.md"
_TYPES = (
    "BOOLEAN", "TINYINT", "SMALLINT", "INT", "BIGINT", "FLOAT", "DOUBLE", "DECIMAL(10,2)", "STRING", "CHAR(3)", "VARCHAR(3)",
    "BINARY", "DATE", "TIMESTAMP", "TIMESTAMP_NTZ", "INTERVAL DAY TO SECOND", "INTERVAL YEAR TO MONTH", "ARRAY<INT>",
    "MAP<STRING, INT>", "STRUCT<a: INT, b: STRING>", "VARIANT", "VOID", "GEOMETRY",
)  # fmt: skip
_KEYWORDS = {"values", "in", "as", "array", "struct", "map", "types", "t", "over", "exists", "decimal", "char", "varchar", "by", "for"}


def _row(*cells: object) -> str:
    return "| " + " | ".join(str(c).replace("|", "\\|").replace("\n", " ") for c in cells) + " |"


def types() -> list[str]:
    lines = [_row("type", "`type_text`", "`type_name`", "Arrow"), "|---|---|---|---|"]
    for text in _TYPES:
        kind = parse_type(text)
        lines.append(_row(text, f"`{kind.text()}`", f"`{kind.type_name()}`", f"`{kind.arrow('Etc/UTC')}`"))
    return lines


def dialect() -> list[str]:
    known = corpus.listed()
    lines = [_row("family", "statements", "as on Spark"), "|---|---|---|"]
    total = differing = 0
    for family, cases in corpus.families().items():
        unlike = sum(1 for c in cases if c.key in known)
        total, differing = total + len(cases), differing + unlike
        lines.append(_row(family, len(cases), len(cases) - unlike))
    share = f"{100 * (total - differing) / total:.1f} %"
    lines.append(_row("all", total, f"{total - differing} ({share})"))
    return lines


def functions() -> list[str]:
    """Functions that some statement calls on which the engines agree, and those of the others."""
    known, good, bad = corpus.listed(), set(), set()
    for cases in corpus.families().values():
        for case in cases:
            names = {n.lower() for n in re.findall(r"(?<![\w.`'])([A-Za-z_]\w*)\(", re.sub(r"'[^']*'", "''", case.sql))} - _KEYWORDS
            answered = "error" not in corpus.recorded_answer(case.key)
            if case.family not in ("errors", "tables") and answered:
                (bad if case.key in known else good).update(names)
    return [
        "Functions with statements that answer as on Spark: " + ", ".join(f"`{n}`" for n in sorted(good)) + ".",
        "",
        "Functions met only in statements that differ: " + ", ".join(f"`{n}`" for n in sorted(bad - good)) + ".",
    ]


def differences() -> list[str]:
    lines = [_row("statement", "why it differs"), "|---|---|"]
    return lines + [_row(f"`{key.split(' | ', 1)[1]}`", reason) for key, reason in corpus.listed().items()]


def faults() -> list[str]:
    lines = ["Points: " + ", ".join(f"`{p}`" for p in POINTS) + ".", "", _row("action", "changes", "arguments (pattern)"), "|---|---|---|"]
    for name, (what, pattern) in sorted(ACTIONS.items()):
        lines.append(_row(f"`{name}`", what, f"`{pattern}`" if pattern else "none"))
    return lines


def filled(text: str) -> str:
    """The page with fresh tables between its markers."""
    for name in ("types", "dialect", "functions", "differences", "faults"):
        body = "\n".join(globals()[name]())
        begin, end = f"<!-- generated: {name} -->", f"<!-- end: {name} -->"
        before, rest = text.split(begin)
        text = f"{before}{begin}\n{body}\n{end}{rest.split(end)[1]}"
    return text


if __name__ == "__main__":
    PAGE.write_text(filled(PAGE.read_text()))
