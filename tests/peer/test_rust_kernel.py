"""The honesty test: the real Rust kernel runs ten statements against the local warehouse.

Whatever our own clients accept, this one was not written by us. The npm package is installed into
``build/peer`` (git-ignored) on the first run; when that is impossible the test is skipped with the reason.
"""

from __future__ import annotations

import base64
import datetime as dt
import json
import platform
import shutil
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = "@databricks/databricks-sql-kernel-linux-x64-gnu"
VERSION = "1.0.0"
ADDON = "index.linux-x64-gnu.node"
DRIVER = Path(__file__).with_name("smoke.cjs")


def _install() -> Path:
    """The addon's path; skips loudly with npm's own words when it cannot be had."""
    folder = ROOT / "build" / "peer"
    addon = folder / "node_modules" / PACKAGE / ADDON
    manifest = addon.with_name("package.json")
    if addon.exists() and json.loads(manifest.read_text())["version"] == VERSION:
        return addon
    if sys.platform != "linux" or platform.machine() != "x86_64":
        pytest.skip(f"PEER NOT RUN: {PACKAGE} is for Linux on x86_64")
    npm = shutil.which("npm")
    if npm is None or shutil.which("node") is None:
        pytest.skip("PEER NOT RUN: node and npm are not installed")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "package.json").write_text('{"name": "peer", "private": true}\n')
    command = [npm, "install", "--no-audit", "--no-fund", "--no-save", f"{PACKAGE}@{VERSION}"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300)
    if done.returncode != 0 or not addon.exists():
        reason = (done.stderr or done.stdout).strip().splitlines()
        pytest.skip("PEER NOT RUN: npm could not install the kernel: " + " / ".join(reason[:3]))
    return addon


@pytest.fixture(scope="module")
def answers(warehouse) -> dict[str, dict]:
    addon = _install()
    command = ["node", str(DRIVER), str(addon), warehouse.url, warehouse.http_path, warehouse.token]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    return {line["name"]: line for line in lines}


def _table(answer: dict) -> pa.Table:
    assert "error" not in answer, answer["error"]
    tables = [pa.ipc.open_stream(base64.b64decode(b)).read_all() for b in answer["batches"]]
    schema = pa.ipc.open_stream(base64.b64decode(answer["schema"])).schema
    return pa.concat_tables(tables) if tables else schema.empty_table()


def _rows(answer: dict) -> list[tuple]:
    return [tuple(row.values()) for row in _table(answer).to_pylist()]


def test_select_one(answers):
    table = _table(answers["select_one"])
    assert table.column_names == ["1"]
    assert table.schema.field(0).type == pa.int32()
    assert table.to_pylist() == [{"1": 1}]


def test_scalar_types(answers):
    table = _table(answers["scalars"])
    assert [str(f.type) for f in table.schema] == [
        "bool", "int8", "int16", "int32", "int64", "float", "double", "decimal128(10, 2)", "string", "binary",
        "date32[day]", "timestamp[us, tz=Etc/UTC]", "timestamp[us]", "duration[us]", "list<element: int32>",
        "map<string, int32>", "struct<x: int32, y: string>",
    ]  # fmt: skip
    assert list(table.to_pylist()[0].values()) == [
        True, 1, 2, 3, 4, 1.5, 2.5, Decimal("1.25"), "hé", b"\x00\xff", dt.date(2026, 1, 2),
        dt.datetime(2026, 1, 2, 3, 4, 5, 678000, tzinfo=dt.timezone.utc), dt.datetime(2026, 1, 2, 3, 4, 5),
        dt.timedelta(days=1, hours=2, minutes=3, seconds=4), [1, 2], [("k", 1)], {"x": 1, "y": "y"},
    ]  # fmt: skip
    assert table.schema.field("dec").metadata[b"databricks.type_text"] == b"DECIMAL(10,2)"


def test_many_chunks_through_links(answers, warehouse):
    assert _rows(answers["many_chunks"]) == [(i, str(i)) for i in range(1000)]
    downloads = [e for e in warehouse.journal() if e["origin"] == "storage"]
    assert len({e["path"] for e in downloads}) == 10
    assert all(name != "authorization" for e in downloads for name, _ in e["headers"])


def test_parameters(answers):
    moment = dt.datetime(2026, 5, 15, 12, 30, tzinfo=dt.timezone.utc)
    assert _rows(answers["parameters"]) == [(42, "it's", Decimal("12.34"), dt.date(2026, 5, 15), moment, None)]


def test_dml_and_counts(answers):
    assert (answers["dml"]["inserted"], answers["dml"]["updated"]) == (3, 2)
    assert _rows(answers["dml"]) == [(1, "x"), (2, "q"), (3, "q")]


def test_empty_result_keeps_its_schema(answers):
    table = _table(answers["empty"])
    assert table.num_rows == 0
    assert [(f.name, f.type) for f in table.schema] == [("a", pa.int32()), ("b", pa.string())]


def test_error_carries_its_state(answers):
    error = answers["sql_error"]["error"]
    assert (error["code"], error["sqlState"], error["errorCode"]) == ("SqlError", "42P01", "BAD_REQUEST")
    assert "[TABLE_OR_VIEW_NOT_FOUND]" in error["message"] and "definitely_not_a_table" in error["message"]


def test_list_catalogs(answers):
    table = _table(answers["catalogs"])
    assert table.column_names == ["TABLE_CAT"]
    assert {"main", "samples", "system", "hive_metastore"} <= set(table.column(0).to_pylist())


def test_submit_and_await(answers):
    assert _rows(answers["submit_await"]) == [(15000,)]
    assert answers["submit_await"]["state"] == "Succeeded"


def test_cancel(answers):
    assert answers["cancel"]["asyncError"]["code"] == "Cancelled"
    assert answers["cancel"]["took"] < 5000
    assert answers["cancel"]["syncError"]["code"] == "Cancelled"
