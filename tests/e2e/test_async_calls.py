"""The operations of dbkernel_async.h: async_calls.c runs them, one scenario each, against a warehouse; what the
server saw is checked here."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from abi_driver import wait_until
from abi_env import run_program

MODES = ["threaded", "embedded"]
SCENARIOS = [
    "queries",
    "callbacks",
    "submitted",
    "ipc",
    "errors",
    "busy",
    "cancelling",
    "abandoning",
    "notifying",
    "catalogs",
    "blocking",
    "trying",
    "leaving",
    "asking",
    "payloads",
    "progress",
    "cancellers",
    "not_held_up",
]
# What makes no handle busy: sessions take part in any number of operations, and cancelling and ending are not
# held up.
UNHELD = {
    "dbk_session_open_start",
    "dbk_session_close_start",
    "dbk_async_attach_start",
    "dbk_metadata_list_start",
    "dbk_canceller_cancel_start",
    "dbk_async_cancel_start",
    "dbk_async_end_start",
}


def calls(entries: list[dict], method: str, end: str = "") -> set[str]:
    """The statements that such a request was made for."""
    return {
        entry["path"].split("?")[0].removeprefix("/api/2.0/sql/statements/").removesuffix(end)
        for entry in entries
        if entry["method"] == method and "/sql/statements/" in entry["path"] and entry["path"].endswith(end)
    }


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("scenario", SCENARIOS)
def test_scenario(build_dir: Path, warehouse, scenario: str, mode: str) -> None:
    mark = warehouse.journal_mark()
    done = run_program(build_dir / "tests" / "async_calls", warehouse.url, mode, scenario)
    assert done.stdout == f"{scenario}\n" and done.stderr == ""
    entries = warehouse.journal(mark)
    opened = [e for e in entries if e["method"] == "POST" and e["path"].endswith("/sql/sessions")]
    wait_until(
        lambda: len([e for e in warehouse.journal(mark) if e["method"] == "DELETE" and "/sql/sessions/" in e["path"]])
        == len(opened),
        what="every session that was opened is closed",
    )


@pytest.mark.parametrize("mode", MODES)
def test_what_is_cancelled_or_freed_ends_on_the_server(build_dir: Path, warehouse, mode: str) -> None:
    mark = warehouse.journal_mark()
    run_program(build_dir / "tests" / "async_calls", warehouse.url, mode, "cancelling")
    entries = warehouse.journal(mark)
    cancelled = calls(entries, "POST", "/cancel")
    assert len(cancelled) == 4  # by another thread, by closing, by the deadline, by freeing
    assert cancelled <= calls(entries, "DELETE")


def test_every_starter_is_walked() -> None:
    """The scenario `busy` holds each starter against each call: a new one must be in its tables."""
    here = Path(__file__).resolve().parent
    exported = (here.parents[1] / "tools" / "exports.txt").read_text().split()
    walked = set(re.findall(r"ROW\((dbk_\w+_start)\)", (here / "async_busy.c").read_text()))
    assert {name for name in exported if re.fullmatch(r"dbk_\w+_start", name)} == walked | UNHELD
