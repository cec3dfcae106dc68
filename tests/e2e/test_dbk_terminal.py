"""dbk on a terminal: tables that fit, the progress line, Ctrl-C."""

import os
import signal
import subprocess
import time

import pytest

from cli_helpers import DBK, clean_environment, connection, on_terminal, server, visible  # noqa: F401
from warehouse.testing import local_warehouse

LONG = "SELECT count(*) FROM range(1000000000000) WHERE id % 7 = hash(id)"
ACCEPTED = f"/*lw: pending=1*/ {LONG}"  # the server tells its id at once
WAITING = "/*lw: pending=100000*/ SELECT 1"  # goes on waiting even when it is cancelled
DRAWN = " s\x1b[K"  # the end of a progress line
ASKED = "waiting, "  # the same, with a session and a statement under way
KNOWN = "running, "  # the server has told its id
SLOW_FILE = (
    "/*lw: chunk_rows=20000, disposition=external, fault=storage.get#3..:slow(20000B/200ms)*/ SELECT id FROM range(100000)"
)
SLOW_ROWS = (
    "/*lw: chunk_rows=1000, disposition=external, fault=storage.get#5..:slow(100B/100ms)*/ SELECT id FROM range(200000)"
)


def test_the_default_format_on_a_terminal_is_a_table_that_fits(server):
    sql = "SELECT 1 AS n, repeat('wide ', 40) AS a, repeat('中', 40) AS b, 123456789012 AS big"
    for columns in (60, 100):
        ran = on_terminal(["query", sql], connection(server), columns=columns)
        assert ran.code == 0
        lines = [line for line in visible(ran.screen) if line]
        assert " n │ a" in lines[0] and "┼" in lines[1]
        assert "…" in lines[2] and "123456789012" in lines[2]
        assert len(lines[1]) <= columns  # one cell per character in the rule
        assert lines[3].startswith("1 row in ")
        width = sum(2 if ch == "中" else 1 for ch in lines[2])
        assert width <= columns


def test_no_box_characters_without_a_utf8_locale(server):
    ran = on_terminal(["query", "SELECT 1 AS a, 2 AS b"], {**connection(server), "LC_ALL": "C"})
    assert visible(ran.screen)[:2] == [" a | b", "---+---"]


def test_progress_is_shown_and_cleared(server, tmp_path):
    target = tmp_path / "rows.csv"
    ran = on_terminal(["query", SLOW_FILE, "-o", str(target), "--format", "csv"], connection(server))
    assert ran.code == 0
    assert "reading" in ran.screen and DRAWN in ran.screen
    lines = [line for line in visible(ran.screen) if line]
    assert len(lines) == 1 and lines[0].startswith("100000 rows in ")
    assert len(target.read_text().splitlines()) == 100001


def test_progress_counts_chunks_and_rows(server, tmp_path):
    to_file = ["query", SLOW_FILE, "-o", str(tmp_path / "rows.csv"), "--format", "csv"]
    screen = on_terminal(to_file, connection(server)).screen
    assert "/5 chunks" in screen and " rows" in screen and " MB/s" in screen


def test_no_progress_when_quiet_or_dumb(server, tmp_path):
    to_file = ["query", SLOW_FILE, "-o", str(tmp_path / "rows.csv"), "--format", "csv"]
    assert DRAWN in on_terminal(to_file, connection(server)).screen
    for extra, env in ((["-q"], {}), ([], {"TERM": "dumb"})):
        ran = on_terminal([*to_file, *extra], {**connection(server), **env})
        assert ran.code == 0 and "reading" not in ran.screen and "\x1b" not in ran.screen


def cancels(server, mark: int) -> list[str]:
    return [e["path"] for e in server.journal(mark) if e["path"].endswith("/cancel")]


def test_ctrl_c_cancels_on_the_server(server):
    mark = server.journal_mark()
    ran = on_terminal(["query", ACCEPTED], connection(server), keys=[(KNOWN, b"\x03")])
    assert ran.code == 130
    assert ran.after_last_key < 5
    assert visible(ran.screen)[-2:] == ["cancelled", ""]
    assert len(cancels(server, mark)) >= 1


def test_ctrl_c_before_the_server_has_answered():
    with local_warehouse() as own:  # where the statement may go on without disturbing others
        ran = on_terminal(["query", LONG], connection(own), keys=[(ASKED, b"\x03")])
        assert ran.code == 130
        assert ran.after_last_key < 12  # the server answers after 10 s at the latest
        assert len(cancels(own, 0)) >= 1


def test_ctrl_c_while_rows_arrive(server, tmp_path):
    target = tmp_path / "rows.csv"
    ran = on_terminal(
        ["query", SLOW_ROWS, "-o", str(target), "--format", "csv"],
        connection(server),
        keys=[("reading", b"\x03")],
    )
    assert ran.code == 130
    assert ran.after_last_key < 10
    assert not list(tmp_path.iterdir())


def test_a_second_ctrl_c_ends_at_once(server, tmp_path):
    target = tmp_path / "rows.csv"
    server.fault("stmt.cancel:stall()", times=5)
    try:
        ran = on_terminal(
            ["query", WAITING, "-o", str(target)],
            connection(server),
            keys=[(DRAWN, b"\x03"), ("^C\r", b"\x03")],  # the line is drawn again: the first was heard
        )
    finally:
        server.clear_faults()
    assert ran.code == 130
    assert ran.after_last_key < 2
    assert not list(tmp_path.iterdir())


def test_sigterm_cancels_and_tells_its_number(server):
    mark = server.journal_mark()
    with subprocess.Popen(
        [DBK, "query", ACCEPTED], stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=clean_environment(connection(server))
    ) as process:
        deadline = time.monotonic() + 30
        while not any(e["method"] == "GET" for e in server.journal(mark) if "/sql/statements/" in e["path"]):
            assert time.monotonic() < deadline
            time.sleep(0.05)
        os.kill(process.pid, signal.SIGTERM)
        assert process.wait(timeout=60) == 128 + signal.SIGTERM
        assert process.stderr.read() == b"cancelled\n"
    assert len(cancels(server, mark)) >= 1
