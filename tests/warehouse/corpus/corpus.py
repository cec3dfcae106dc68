"""The SQL corpus: its statements, what an engine answers to them, and the comparison of two answers."""

from __future__ import annotations

import functools
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from warehouse.arrowtypes import MONTH_INTERVAL, relabel
from warehouse.testing import Server

HERE = Path(__file__).resolve().parent
RECORDED = HERE / "spark.json"
DIFFERENCES = HERE / "differences.txt"
_CONDITION = re.compile(r"\[([A-Z][A-Z0-9_.]*)\]")
# Not the same on every run.
_VOLATILE = re.compile(r"#\d+|file:\S+|/tmp/\S+")

Answer = dict[str, Any]


@dataclass(frozen=True)
class Case:
    family: str
    sql: str
    occurrence: int = 1  # in its family

    @property
    def key(self) -> str:
        again = f" (run {self.occurrence})" if self.occurrence > 1 else ""
        return f"{self.family} | {self.sql}{again}"


def families() -> dict[str, list[Case]]:
    found: dict[str, list[Case]] = {}
    family = ""
    for line in (HERE / "corpus.sql").read_text().splitlines():
        if line.startswith("## "):
            family = line[3:].strip()
            found[family] = []
        elif line and not line.startswith("#"):
            before = sum(1 for case in found[family] if case.sql == line)
            found[family].append(Case(family, line, before + 1))
    return found


def run(server: Server, family: list[Case]) -> list[Answer]:
    """Every statement of one family in a session of its own."""
    session = server.session()
    answers = [answer(server, case.sql, session) for case in family]
    server.call("DELETE", f"/api/2.0/sql/sessions/{session}?warehouse_id=local")
    return answers


def answer(server: Server, sql: str, session: str) -> Answer:
    reply = server.execute(sql, session, wait_timeout="50s")
    status = reply["status"]
    while status["state"] in ("PENDING", "RUNNING"):
        reply = server.call("GET", f"/api/2.0/sql/statements/{reply['statement_id']}").json()
        status = reply["status"]
    if status["state"] != "SUCCEEDED":
        message = status.get("error", {}).get("message", "")
        condition = _CONDITION.search(message)
        return {"error": condition[1] if condition else message[:200], "state": status.get("sql_state")}
    columns = reply["manifest"]["schema"].get("columns", []) if "manifest" in reply else []
    if not columns:
        return {"columns": []}
    table = server.read(reply)
    return {
        "columns": [[f.name, c["type_text"], str(f.type)] for f, c in zip(table.schema, columns)],
        "rows": [[_text(v) for v in row] for row in _rows(table)],
    }


def _rows(table: pa.Table) -> list[tuple]:
    rows: list[tuple] = []
    for batch in table.to_batches():
        plain = relabel(batch, pa.schema([pa.field(str(i), _plain(f.type)) for i, f in enumerate(batch.schema)]))
        rows += zip(*(plain.column(i).to_pylist() for i in range(plain.num_columns)))
    return rows


def _plain(kind: pa.DataType) -> pa.DataType:
    """pyarrow has no values of month intervals."""
    if kind == MONTH_INTERVAL:
        return pa.int32()
    if pa.types.is_list(kind):
        return pa.list_(_plain(kind.value_type))
    if pa.types.is_map(kind):
        return pa.map_(_plain(kind.key_type), _plain(kind.item_type))
    if pa.types.is_struct(kind):
        return pa.struct([pa.field(f.name, _plain(f.type)) for f in kind])
    return kind


def _text(value: Any) -> str | None:
    """A value as text. Doubles to 14 digits: the engines' mathematics differ in the last bits."""
    if value is None:
        return None
    if isinstance(value, float):
        return format(value, ".14g")
    if isinstance(value, list):
        return "[" + ", ".join(str(_text(v)) for v in value) + "]"
    if isinstance(value, tuple):
        return "(" + ", ".join(str(_text(v)) for v in value) + ")"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{k}: {_text(v)}" for k, v in value.items()) + "}"
    return _VOLATILE.sub("*", str(value))


def difference(spark: Answer, other: Answer) -> str:
    """What is not the same, in a few words; empty when the two agree."""
    if "error" in spark or "error" in other:
        if "error" not in other:
            return f"Spark fails with {spark['error']}, DuckDB answers"
        if "error" not in spark:
            return f"Spark answers, DuckDB fails with {other['error']}"
        same = (spark["error"], spark["state"]) == (other["error"], other["state"])
        return "" if same else f"error {spark['error']} {spark['state']} / {other['error']} {other['state']}"
    if len(spark["columns"]) != len(other["columns"]):
        return f"{len(spark['columns'])} columns / {len(other['columns'])}"
    for what, part in (("name", slice(0, 1)), ("type", slice(1, 3))):
        for a, b in zip(spark["columns"], other["columns"]):
            if a[part] != b[part]:
                return f"{what} {' '.join(a[part])} / {' '.join(b[part])}"
    if spark.get("rows") != other.get("rows"):
        for a, b in zip(spark["rows"], other["rows"]):
            if a != b:
                return f"value {a} / {b}"
        return f"{len(spark['rows'])} rows / {len(other['rows'])}"
    return ""


def recorded() -> dict[str, Answer]:
    return json.loads(RECORDED.read_text())["answers"]


def listed() -> dict[str, str]:
    """The known differences: key of the statement to the reason."""
    found = {}
    for line in DIFFERENCES.read_text().splitlines():
        if line and not line.startswith("#"):
            reason, _, key = line.partition(" || ")
            found[key] = reason
    return found


def recorded_answer(key: str) -> Answer:
    return _recorded()[key]


@functools.lru_cache(maxsize=1)
def _recorded() -> dict[str, Answer]:
    return recorded()
