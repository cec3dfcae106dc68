"""The test table of spec logging 8 through the C ABI: what is written, where, and what never is."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from abi_driver import INTERNAL, INVALID_ARGUMENT, Probe, Session
from abi_env import LIBRARY

ROOT = Path(__file__).resolve().parents[2]
ROWS = {
    1: ["tests/e2e/test_logging.py::test_01_silent_by_default", "src/base/log_test.c::log_silent_by_default"],
    2: ["tests/e2e/test_logging.py::test_02_one_line_per_session"],
    3: [
        "tests/e2e/test_logging.py::test_03_first_initializer_wins",
        "src/base/log_test.c::log_init_twice_gives_the_first_outcome",
        "src/base/log_test.c::log_init_callback_first_wins",
        "src/base/log_test.c::log_init_refuses_bad_arguments",
        "src/base/log_test.c::log_off_installs_nothing",
        "src/base/log_test.c::log_line_formats",
    ],
    4: ["tests/e2e/test_logging.py::test_04_levels", "src/base/log_test.c::log_level_from_environment"],
    5: ["tests/e2e/test_logging.py::test_05_threads_in_a_file", "src/base/log_test.c::log_threads_do_not_tear_lines"],
    6: ["tests/e2e/test_logging.py::test_06_a_file_that_cannot_be_opened"],
    7: [
        "tests/e2e/test_logging.py::test_07_no_secrets",
        "tests/e2e/test_auth_secrets.py::test_mode",
        "src/base/log_test.c::log_secrets_never_appear",
    ],
    8: ["tests/node/logging.test.cjs::before, records, levels, the last callback wins"],
    9: ["tests/node/logging.test.cjs::a burst while JavaScript is busy"],
    10: ["tests/e2e/test_logging.py::test_10_a_callback_on_several_threads", "src/base/log_test.c::log_callback_that_logs_is_not_served"],
    11: ["tests/e2e/test_logging.py::test_11_a_reserved_header_is_told_once"],
    12: ["tests/e2e/test_logging.py::test_12_telemetry_is_debug"],
    13: ["tests/e2e/test_logging.py::test_04_levels", "src/base/log_test.c::log_colours_only_on_a_terminal"],
    14: ["tests/e2e/test_logging.py::test_04_levels", "src/base/log_test.c::log_level_from_environment"],
}  # fmt: skip
LINE = re.compile(
    r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z (ERROR| WARN| INFO|DEBUG|TRACE) (kernel\.session\{session_id=([^}]+)\}: )?(.*)"
)
LINKS = "SELECT id, repeat('x', 100) AS t FROM range(0, 300000)"


@pytest.mark.parametrize("row", range(1, 15))
def test_each_row_has_its_test(row):
    for name in ROWS[row]:
        path, _, test = name.partition("::")
        text = (ROOT / path).read_text()
        assert re.search(rf"(DBK_TEST\({test}\)|def {test}\(|test\('{re.escape(test)})", text), name


@pytest.fixture(autouse=True)
def clean(warehouse):
    yield
    warehouse.clear_faults()


@pytest.fixture
def start(build_dir, probe_program):
    """A probe of its own: there is one log per process."""
    return lambda **env: Probe(probe_program, build_dir / LIBRARY, env)


def live(probe, server, sqls=("SELECT 1",), **options) -> None:
    session = probe.open(server, **options)
    for sql in sqls:
        session.query(sql)
    session.close()


def parsed(text: str) -> list[tuple[str, str, str]]:
    """(level, session id, message) of every line."""
    matches = [LINE.fullmatch(line) for line in text.splitlines()]
    assert all(matches), text
    return [(m[1].strip(), m[3] or "", m[4]) for m in matches]


def test_01_silent_by_default(start, warehouse):
    with start() as probe:
        live(probe, warehouse, [*["SELECT 1"] * 5, LINKS, "SELECT no_such_column"])
        assert probe.stderr == ""


def test_02_one_line_per_session(start, warehouse, tmp_path):
    with start() as probe:
        probe.call("kernel_init_logging", "info", str(tmp_path / "log")).ok()
        for _ in range(2):
            live(probe, warehouse, [*["SELECT 1"] * 50, LINKS])
        live(probe, warehouse, ["SELECT no_such_column"])
        assert probe.stderr == ""
    lines = parsed((tmp_path / "log").read_text())
    assert [level for level, *_ in lines] == ["INFO"] * 3
    assert all(re.fullmatch(r"session opened in \d+ ms, dbkernel \S+", text) for *_, text in lines)
    assert len({session for _, session, _ in lines}) == 3


def test_03_first_initializer_wins(start, tmp_path):
    path = str(tmp_path / "log")
    with start() as probe:
        probe.call("kernel_init_logging", "off", path).ok()  # does not use the slot up
        probe.call("kernel_init_logging_callback", "info", None, None).fails(INVALID_ARGUMENT, "must not be NULL")
        probe.call("kernel_init_logging", "info", {"hex": "ff"}).fails(INVALID_ARGUMENT, "not valid UTF-8")
        probe.call("kernel_init_logging_callback", "info", "one", 1).ok()
        probe.call("kernel_init_logging_callback", "debug", "one", 1).ok()  # the same once more
        for args in (("two", 1), ("one", 2)):
            probe.call("kernel_init_logging_callback", "info", *args).fails(
                INTERNAL, "a different callback sink was already installed"
            )
        probe.call("kernel_init_logging", "info", path).fails(INTERNAL, "a callback log sink was already installed")
    with start() as probe:
        probe.call("kernel_init_logging", "info", path).ok()
        probe.call("kernel_init_logging", "trace", str(tmp_path / "other")).ok()  # no effect
        probe.call("kernel_init_logging_callback", "info", "one", 1).fails(
            INTERNAL, "a file/stderr log sink was already installed"
        )
    assert not (tmp_path / "other").exists()


@pytest.mark.parametrize(("level", "env", "wanted"), [
    (None, {}, "WARN"),
    (None, {"RUST_LOG": "debug"}, "DEBUG"),
    ("info", {"RUST_LOG": "trace"}, "INFO"),
    (None, {"DBK_LOG": "info", "RUST_LOG": "trace"}, "INFO"),
    ("LOUD", {"RUST_LOG": "trace"}, "WARN"),
])  # fmt: skip
def test_04_levels(start, warehouse, level, env, wanted):
    order = ["ERROR", "WARN", "INFO", "DEBUG", "TRACE"]
    with start(**env) as probe:
        probe.call("kernel_init_logging", level, None).ok()
        live(probe, warehouse, headers=[("Authorization", "mine")])  # has something to say at each level
        written = probe.stderr
    assert "\x1b" not in written  # a file is no terminal
    if level == "LOUD":
        note, _, written = written.partition("\n")
        assert note.startswith("ignoring 'databricks::sql::kernel=loud': ")
    seen = {line_level for line_level, *_ in parsed(written)}
    assert max(seen, key=order.index) == wanted


def test_05_threads_in_a_file(start, warehouse, tmp_path):
    with start() as probe:
        probe.call("kernel_init_logging", "trace", str(tmp_path / "log")).ok()
        session = probe.open(warehouse)
        statements = [session.statement(f"SELECT {i}") for i in range(16)]
        numbers = [probe.start("kernel_statement_execute", s, f"e{i}", thread=f"t{i}") for i, s in enumerate(statements)]
        assert all(probe.wait(n).status == 0 for n in numbers)
        for i, statement in enumerate(statements):
            probe.call("kernel_executed_statement_close", f"e{i}").ok()
            probe.call("kernel_statement_close", statement).ok()
        session.close()
    assert len(parsed((tmp_path / "log").read_text())) > 16


def test_06_a_file_that_cannot_be_opened(start, warehouse, tmp_path):
    path = tmp_path / "no such folder" / "log"
    with start() as probe:
        for _ in range(2):
            probe.call("kernel_init_logging", "info", str(path)).fails(INTERNAL, "kernel logs fell back to stderr")
        session = probe.open(warehouse)
        assert session.rows("SELECT 1") == [(1,)]
        session.close()
        first, *rest = probe.stderr.splitlines()
        assert first.startswith(f"databricks-sql-kernel: failed to open log file {path}: ")
        assert len(parsed("\n".join(rest))) == 1


@pytest.mark.parametrize("level", ["debug", "trace"])
def test_07_no_secrets(start, warehouse, tmp_path, level):
    """A token, a proxy's password, the SQL, a bound value, the presigned links."""
    with start() as probe:
        probe.call("kernel_init_logging", level, str(tmp_path / "log")).ok()
        config = probe.config(warehouse, token="dapi-the-token", headers=[("X-Secret", "header-value")])
        probe.call("dbk_session_config_set_telemetry_mode", config, "on", None, None).ok()
        session = probe.name("session")
        probe.call("kernel_session_open", config, session).ok()
        opened = Session(probe, session)
        bound = [{"name": "p", "type": "STRING", "value": "bound-value"}]
        opened.query("SELECT 'sql-literal', :p", bound)
        opened.query(LINKS)
        opened.query("SELECT sql_column FROM sql_table")
        opened.close()
        refused = probe.config(warehouse, url="https://127.0.0.1:1")
        probe.call("kernel_session_config_set_proxy", refused, "http://127.0.0.1:1", "proxy-user", "proxy-password", None).ok()
        assert probe.call("kernel_session_open", refused, "never").status != 0
        text = (tmp_path / "log").read_text() + probe.stderr
    assert "downloading chunk" in text and "bytes of SQL" in text and "ExecuteStatement" in text
    for secret in ["the-token", "header-value", "sql-literal", "bound-value", "sql_column", "sql_table", "proxy-user",
                   "proxy-password", "X-Amz", "Signature", "Bearer"]:  # fmt: skip
        assert secret not in text, secret


@pytest.mark.parametrize(("level", "asked", "shown"), [
    ("trace", "1", True), ("trace", "0", False), ("debug", "1", False),
])  # fmt: skip
def test_sql_is_for_those_who_ask_twice(start, warehouse, tmp_path, level, asked, shown):
    sql = "SELECT 'literal', 'Bearer abcdefghijkl'"
    with start(DBK_LOG_SQL=asked) as probe:
        probe.call("kernel_init_logging", level, str(tmp_path / "log")).ok()
        live(probe, warehouse, [sql, sql, "SELECT 2"])
    text = (tmp_path / "log").read_text()
    hashes = re.findall(r"executing (\d+) bytes of SQL, hash ([0-9a-f]{16})", text)
    assert [int(length) for length, _ in hashes] == [len(sql), len(sql), 8]
    assert hashes[0] == hashes[1] and hashes[2][1] != hashes[0][1]
    assert ("SQL: SELECT 'literal', 'Bearer " in text) is shown and "abcdefghijkl" not in text


@pytest.mark.parametrize("level", ["debug", "trace"])
def test_records_name_session_statement_and_time(start, warehouse, tmp_path, level):
    warehouse.fault("stmt.execute#1:status(429)")
    with start() as probe:
        probe.call("kernel_init_logging", level, str(tmp_path / "log")).ok()
        session = probe.open(warehouse)
        ident = probe.call("dbk_session_id", session.handle)["text"]
        session.query("/*lw: pending=1*/ " + LINKS)
        session.close()
    lines = parsed((tmp_path / "log").read_text())
    opened = next(i for i, line in enumerate(lines) if line[2].startswith("session opened in "))
    untold = [text for _, told, text in lines[opened:] if told != ident]
    assert all(re.match(r"(session open|lane|request): ", text) for text in untold), untold
    states = [re.fullmatch(r"statement (\S+) is (\w+) after \d+ ms", text) for *_, text in lines]
    states = [m for m in states if m]
    assert [m[2] for m in states][0] == "PENDING" and [m[2] for m in states][-1] == "SUCCEEDED"
    (statement,) = {m[1] for m in states}
    about = [t for *_, t in lines if re.match(r"(GetStatement|CloseStatement): (GET|DELETE)|statement .* downloading", t)]
    assert len(about) >= 3 and all(statement in text for text in about)
    if level == "trace":
        answers = [t for *_, t in lines if re.search(r": HTTP 200 \(attempt \d/3\) after \d+ ms, statement ", t)]
        assert len(answers) >= 3 and all(statement in text for text in answers)


def test_callback_records_name_the_session(start, warehouse):
    with start() as probe:
        probe.call("kernel_init_logging_callback", "debug", "one", 1).ok()
        session = probe.open(warehouse)
        ident = probe.call("dbk_session_id", session.handle)["text"]
        session.query("SELECT 1")
        session.close()
        logs = probe.do("logs")["logs"]
    assert {log["target"] for log in logs} == {"databricks::sql::kernel"}
    executes = [log for log in logs if log["message"].startswith("ExecuteStatement: POST")]
    assert executes and all(log["message"].endswith(f" session_id={ident}") for log in executes)


def test_10_a_callback_on_several_threads(start, warehouse):
    with start() as probe:
        probe.call("kernel_init_logging_callback", "trace", "one", 1).ok()
        session = probe.open(warehouse)
        statements = [session.statement(LINKS) for _ in range(4)]
        numbers = [probe.start("kernel_statement_execute", s, f"e{i}", thread=f"t{i}") for i, s in enumerate(statements)]
        assert all(probe.wait(n).status == 0 for n in numbers)
        for i, statement in enumerate(statements):
            probe.call("kernel_executed_statement_close", f"e{i}").ok()
            probe.call("kernel_statement_close", statement).ok()
        probe.call("dbk_log_set_level", "off").ok()
        probe.do("logs")
        session.close()
        assert probe.do("logs")["logs"] == []


def test_11_a_reserved_header_is_told_once(start, warehouse, tmp_path):
    with start() as probe:
        probe.call("kernel_init_logging", "warn", str(tmp_path / "log")).ok()
        live(probe, warehouse, ["SELECT 1"] * 25, headers=[("Authorization", "mine")])
    lines = parsed((tmp_path / "log").read_text())
    assert len(lines) == 1 and lines[0][0] == "WARN" and "mine" not in lines[0][2]


@pytest.mark.parametrize("fault", ["status(503)", "status(404)", "html", "reset", "garbage"])
def test_12_telemetry_is_debug(start, warehouse, tmp_path, fault):
    warehouse.fault(f"telemetry:{fault}")
    with start() as probe:
        probe.call("kernel_init_logging", "debug", str(tmp_path / "log")).ok()
        config = probe.config(warehouse)
        probe.call("kernel_session_config_set_telemetry_config", config, True, 1, 100, 0, 0, 5000).ok()
        session = probe.name("session")
        probe.call("kernel_session_open", config, session).ok()
        probe.call("kernel_session_test", session).ok()
        probe.call("kernel_session_close", session).ok()
    lines = parsed((tmp_path / "log").read_text())
    assert [text for level, _, text in lines if level not in ("DEBUG", "TRACE") and "session opened" not in text] == []
    assert fault in ("html", "garbage") or any(text.startswith("telemetry: ") for *_, text in lines)
