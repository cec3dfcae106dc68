"""dbk shell and the catalog commands: through pipes, and as a person uses them, on a terminal."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import pty
import re
import select
import signal
import stat
import struct
import termios
import time

import pytest

from cli_helpers import DBK, LIMIT_S, clean_environment, connection, run_dbk, server  # noqa: F401
from warehouse.testing import local_warehouse

RUNNING = "/*lw: pending=1*/ SELECT count(*) FROM range(1000000000000) WHERE id % 7 = hash(id);"
HEARD = " s\x1b[K"  # the end of a progress line: the statement runs


@pytest.fixture(scope="module")
def prepared(server):  # noqa: F811
    session = server.session()
    for sql in (
        "CREATE SCHEMA IF NOT EXISTS main.sh",
        "CREATE OR REPLACE TABLE main.sh.parent_table (id INT NOT NULL, CONSTRAINT pk_p PRIMARY KEY (id))",
        "CREATE OR REPLACE TABLE main.sh.child (id BIGINT, p INT COMMENT 'points', "
        "CONSTRAINT fk_c FOREIGN KEY (p) REFERENCES main.sh.parent_table(id))",
        "CREATE OR REPLACE TABLE main.sh.parentxtable (a INT)",
        "CREATE OR REPLACE VIEW main.sh.a_view AS SELECT 1 AS one",
    ):
        status = server.execute(sql, session)["status"]
        assert status["state"] == "SUCCEEDED", (sql, status)
    return server


@pytest.fixture
def env(prepared, tmp_path):
    return {**connection(prepared), "XDG_STATE_HOME": str(tmp_path / "state"), "HOME": str(tmp_path)}


@pytest.fixture
def catalog(env):
    return lambda *args, check=0: run_dbk(*args, env=env, check=check)


@pytest.fixture
def script(env):
    return lambda text, *args, check=0: run_dbk("shell", *args, env=env, stdin=text.encode(), check=check)


# ---- catalog commands ----


def test_catalogs(catalog):
    assert {"TABLE_CAT", "main", "samples"} <= set(catalog("catalogs").lines())
    assert catalog("catalogs", "sam%").lines() == ["TABLE_CAT", "samples"]
    assert catalog("catalogs", "no_such").lines() == ["TABLE_CAT"]


def test_schemas(catalog):
    assert "sh,main" in catalog("schemas").lines()
    assert catalog("schemas", "main.s_").lines() == ["TABLE_SCHEM,TABLE_CATALOG", "sh,main"]
    assert "tpch,samples" in catalog("schemas", "tpc%", "--all-catalogs").lines()


def test_tables(catalog):
    names = [line.split(",")[2] for line in catalog("tables", "main.sh.%").lines()[1:]]
    assert sorted(names) == ["a_view", "child", "parent_table", "parentxtable"]
    assert len(catalog("tables", "main.sh.parent_table").lines()) == 3  # _ is any character
    assert len(catalog("tables", r"main.sh.parent\_table").lines()) == 2
    assert [line.split(",")[2] for line in catalog("tables", "main.sh.%", "--type", "VIEW").lines()[1:]] == ["a_view"]
    assert catalog("tables", "--catalog", "main", "--schema", "sh", "chi%").lines()[1].startswith("main,sh,child,")


def test_columns_in_every_format(catalog):
    rows = json.loads(catalog("columns", "main.sh.child", "--format", "json").text)
    assert [(r["COLUMN_NAME"], r["TYPE_NAME"], r["REMARKS"]) for r in rows] == [("id", "BIGINT", ""), ("p", "INT", "points")]
    full = json.loads(catalog("columns", "main.sh.child", "--format", "jsonl", "--full", "--column", "p").text)
    assert full["DATA_TYPE"] == 4 and len(full) == 23
    assert "COLUMN_NAME | p\n" in catalog("columns", "main.sh.child", "--format", "vertical", "--column", "p").text
    pa = pytest.importorskip("pyarrow")
    table = pa.ipc.open_stream(catalog("columns", "main.sh.child", "--format", "arrow").out).read_all()
    assert table.num_rows == 2 and table.num_columns == 23


def test_keys(catalog):
    assert "id,1,pk_p" in catalog("keys", "main.sh.parent_table").lines()
    assert "p,main,sh,parent_table,id,1,fk_c" in catalog("keys", "main.sh.child").lines()
    assert "id,1,pk_p" in catalog("keys", "parent_table", "--catalog", "main", "--schema", "sh").lines()


def test_catalog_commands_that_fail(catalog, env):
    assert "at most 3 parts" in catalog("tables", "a.b.c.d", check=2).err
    assert "the table is missing" in catalog("keys", check=2).err
    assert run_dbk("catalogs", env={**env, "DATABRICKS_HOST": "http://127.0.0.1:1"}).code == 3


# ---- scripts ----


def test_a_script(script):
    ran = script("SELECT 1 AS a;\nSELECT\n  'x;y' AS b -- ;\n;\nSELECT 2 AS c")
    assert ran.lines() == ["a", "1", "b", "x;y", "c", "2"] and ran.err == ""


def test_a_script_stops_at_the_first_error(script):
    ran = script("SELECT 1;\n\nSELECT nosuch;\nSELECT 2;\n", check=1)
    assert ran.lines() == ["1", "1"]
    assert "sqlstate 42703" in ran.err and "in standard input line 3" in ran.err


def test_commands_in_a_script(script, tmp_path):
    file = tmp_path / "rows.csv"
    inner = tmp_path / "inner.sql"
    inner.write_text("\\echo inside\nSELECT 5 AS n;\n")
    ran = script(
        f"\\c main.sh\n\\c\n\\f jsonl\nSELECT 1 AS a;\n\\o {file}\n\\f csv\nSELECT 2 AS b;\n\\o\n\\i {inner}\n\\q\nSELECT 9;\n"
    )
    assert ran.lines() == ["main.sh", '{"a":1}', "inside", "n", "5"]
    assert file.read_text() == "b\n2\n"


def test_describe(script):
    text = script("\\d main.sh.parent_table\n\\d main.sh.parent%\n\\dv main.sh.%\n\\dn main.sh\n\\l sam%\n").text
    assert "id,INT,NO," in text.replace('""', "") and "id,1,pk_p" in text
    assert "main,sh,parentxtable,a" in text and "a_view,VIEW" in text and "sh,main" in text and "samples" in text


@pytest.mark.parametrize(
    ("text", "why", "code"),
    [
        ("\\nope\n", "there is no command \\nope", 2),
        ("\\i /nowhere/x.sql\n", "cannot read /nowhere/x.sql", 2),
        ("\\o /nowhere/x.csv\n", "cannot write /nowhere/x.csv", 2),
        ("\\f arrow\n", "\\f takes table", 2),
        ("\\x maybe\n", "it is on or off", 2),
        ("\\c a.b.c\n", "\\c takes SCHEMA", 2),
        ("\\c no_such_schema_here\n", "sqlstate", 1),
    ],
)
def test_commands_that_fail_in_a_script(script, text, why, code):
    ran = script(text + "SELECT 1;\n", check=code)
    assert why in ran.err and ran.out == b""


def test_files_that_include_each_other_end(script, tmp_path):
    loop = tmp_path / "loop.sql"
    loop.write_text(f"\\i {loop}\n")
    assert "include each other" in script(f"\\i {loop}\n", check=2).err


def test_a_file_first(script, tmp_path):
    file = tmp_path / "first.sql"
    file.write_text("SELECT 1 AS a;\n")
    assert script("SELECT 2;", "-f", str(file)).lines() == ["a", "1"]


def test_no_history_from_a_script(script, tmp_path):
    script("SELECT 1;")
    assert not (tmp_path / "state").exists()


def test_connection_errors(env):
    assert run_dbk("shell", env={**env, "DATABRICKS_HOST": "http://127.0.0.1:1"}, stdin=b"SELECT 1;").code == 3


# ---- on a terminal ----


class Talk:
    """dbk shell on a new terminal of 24 x 100."""

    def __init__(self, env: dict[str, str], *args: str, quiet: bool = True):
        pid, self.terminal = pty.fork()
        if pid == 0:
            with contextlib.suppress(BaseException):
                os.execve(DBK, [DBK, "shell", *(["-q"] if quiet else []), *args], clean_environment(env))
            os._exit(99)
        self.pid = pid
        fcntl.ioctl(self.terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 100, 0, 0))
        self.screen = ""
        self.at = 0  # what was already expected

    def read(self, deadline: float) -> bool:
        if not select.select([self.terminal], [], [], max(0, deadline - time.monotonic()))[0]:
            raise AssertionError(f"nothing comes; screen: {self.screen!r}")
        try:
            data = os.read(self.terminal, 65536)
        except OSError:
            return False
        self.screen += data.decode(errors="replace")
        return bool(data)

    def expect(self, text: str) -> str:
        """Waits for text behind what was expected before; returns what stood before it."""
        deadline = time.monotonic() + LIMIT_S / 3
        while (found := self.screen.find(text, self.at)) < 0:
            assert self.read(deadline), f"it ended without {text!r}; screen: {self.screen!r}"
        before, self.at = self.screen[self.at : found], found + len(text)
        return before

    def type(self, text: str) -> None:
        os.write(self.terminal, text.encode())

    def end(self) -> int:
        deadline = time.monotonic() + LIMIT_S / 3
        while self.read(deadline):
            pass
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])


@pytest.fixture
def talk(env):
    talks: list[Talk] = []

    def begin(*args, **kwargs) -> Talk:
        talks.append(Talk({**env, **kwargs.pop("more", {})}, *args, **kwargs))
        return talks[-1]

    yield begin
    for one in talks:
        with contextlib.suppress(OSError):
            os.close(one.terminal)
        with contextlib.suppress(OSError):
            if os.waitpid(one.pid, os.WNOHANG)[0] == 0:
                os.kill(one.pid, signal.SIGKILL)
                os.waitpid(one.pid, 0)


PROMPT = "main.default> "


def test_statements_over_several_lines(talk):
    t = talk("--timing", quiet=False)
    t.expect("\\? lists the commands")
    t.expect(PROMPT)
    t.type("SELECT 1 AS one,\r")
    t.expect("-> ")
    t.type("'a\r")
    t.expect("'> ")
    t.type("b' AS two;\r")
    t.expect(" one │ two")
    t.expect("1 row in ")
    t.expect("time: ")
    t.expect(PROMPT)
    t.type("\\q\r")
    assert t.end() == 0


def test_an_error_keeps_the_shell(talk):
    t = talk()
    t.expect(PROMPT)
    t.type("SELECT nosuch;\r")
    t.expect("sqlstate 42703")
    t.expect(PROMPT)
    t.type("\\nope\r")
    t.expect("there is no command \\nope")
    t.expect(PROMPT)
    t.type("SELECT 40+2 AS n;\r")
    t.expect(" 42")
    t.expect(PROMPT)
    t.type("\x04")
    assert t.end() == 0


def test_ctrl_c_cancels_the_statement_and_keeps_the_shell(talk, prepared):
    mark = prepared.journal_mark()
    t = talk(quiet=False)
    t.expect(PROMPT)
    for _ in range(2):  # the second one needs a fresh start
        t.type(RUNNING + "\r")
        t.expect(HEARD)
        t.type("\x03")
        t.expect("cancelled")
        t.expect(PROMPT)
    assert sum(e["path"].endswith("/cancel") for e in prepared.journal(mark)) >= 2
    t.type("SELECT 40+2 AS n;\r")
    t.expect(" 42")
    t.expect(PROMPT)
    t.type("\\q\r")
    assert t.end() == 0


def test_ctrl_c_at_the_prompt_clears_the_line(talk):
    t = talk()
    t.expect(PROMPT)
    t.type("SELECT 'thrown\r")
    t.expect("'> ")
    t.type("away")
    t.expect("away")
    t.type("\x03")
    t.expect(PROMPT)
    t.type("SELECT 40+2 AS n;\r")
    t.expect(" 42")
    t.expect(PROMPT)
    t.type("\x04")
    assert t.end() == 0


def test_the_terminal_is_given_back(talk):
    t = talk()
    t.expect(PROMPT)
    t.type("\x04")
    t.expect("\n")
    modes = termios.tcgetattr(t.terminal)[3]
    assert t.end() == 0
    assert modes & termios.ICANON and modes & termios.ECHO


def test_sigterm_at_the_prompt(talk):
    t = talk()
    t.expect(PROMPT)
    os.kill(t.pid, signal.SIGTERM)
    assert t.end() == 128 + signal.SIGTERM


def test_formats(talk, tmp_path):
    t = talk()
    t.expect(PROMPT)
    for command, answer in (("\\x", "row 1"), ("\\x off", " a │ b"), ("\\f json", '[\r\n{"a":1,"b":"x"}'), ("\\f csv", "a,b\r\n1,x")):
        t.type(command + "\r")
        t.expect(PROMPT)
        t.type("SELECT 1 AS a, 'x' AS b;\r")
        t.expect(answer)
        t.expect(PROMPT)
    file = tmp_path / "out.csv"
    t.type(f"\\o {file}\r")
    t.expect(PROMPT)
    t.type("SELECT 7 AS a;\r")
    t.expect(PROMPT)
    assert not file.exists()  # it appears when it is complete
    t.type("\\o\r")
    t.expect(PROMPT)
    assert file.read_text() == "a\n7\n"


def test_the_current_schema(talk):
    t = talk()
    t.expect(PROMPT)
    t.type("\\c main.sh\r")
    t.expect("main.sh> ")
    t.type("\\dt chi%\r")
    t.expect("child")
    t.expect("main.sh> ")
    t.type("USE SCHEMA samples.tpch;\r")
    t.expect("samples.tpch> ")
    t.type("\\c main.\r")
    t.expect("main.default> ")


def test_completion(talk):
    t = talk()
    t.expect(PROMPT)
    t.type("SELECT count(*) + 40 AS n FROM main.sh.chi\tAS c WHERE c.i\t IS NULL;\r")
    t.expect(" 40")
    t.expect(PROMPT)
    t.type("\\tim\t\r")
    t.expect("timing is on")
    t.expect(PROMPT)
    t.type("SELECT * FROM main.sh.parent\t")
    t.expect("parent_table")
    t.expect("parentxtable")


def test_completion_does_not_wait_for_a_slow_server(talk):
    with local_warehouse() as own:
        t = talk(more=connection(own))
        t.expect(PROMPT)
        own.fault("stmt.execute:stall(20)", times=2)
        t.type("SELECT * FROM mai\t")
        t.type("n_table_of_mine")
        t.expect("mine")
        own.clear_faults()
        t.type("\x03")
        t.expect(PROMPT)
        t.type("SELECT 40+2 AS n;\r")
        t.expect(" 42")


def test_history(talk, tmp_path):
    t = talk()
    t.expect(PROMPT)
    for line in ("SELECT 40+2", "AS kept;", "SELECT 'my password' AS s;", " SELECT 3 AS hidden;"):
        t.type(line + "\r")
        t.expect("> ")
    t.type("\\q\r")
    assert t.end() == 0
    file = tmp_path / "state" / "dbk" / "history"
    assert file.read_text() == "SELECT 40+2\\nAS kept;\n\\\\q\n"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    t = talk()
    t.expect(PROMPT)
    t.type("\x1b[A\x1b[A\r")  # two up: the statement before \q
    t.expect(" 42")
    t.expect(PROMPT)


def test_no_history_when_it_is_not_wanted(talk, tmp_path):
    t = talk("--no-history")
    t.expect(PROMPT)
    t.type("\\q\r")
    assert t.end() == 0
    assert not (tmp_path / "state").exists()


def test_a_terminal_that_cannot_edit(talk):
    t = talk(more={"TERM": "dumb"}, quiet=False)
    t.expect("lines cannot be edited here")
    t.expect(PROMPT)
    t.type("SELECT 'thrown\n")
    t.expect("'> ")
    t.type("\x03")
    t.expect(PROMPT)
    t.type("SELECT 40+2 AS n;\n")
    t.expect(" 42")
    t.expect(PROMPT)
    t.type("\x04")
    assert t.end() == 0


def test_help_lists_every_command(talk):
    t = talk()
    t.expect(PROMPT)
    t.type("\\?\r")
    text = t.expect(PROMPT)
    assert {"\\l", "\\dn", "\\dt", "\\d", "\\c", "\\timing", "\\f", "\\x", "\\o", "\\i", "\\q"} <= set(re.findall(r"\\[a-z?]+", text))
