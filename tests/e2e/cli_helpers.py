"""Runs the dbk that was built, against one local warehouse per test process."""

from __future__ import annotations

import atexit
import contextlib
import fcntl
import os
import pty
import select
import struct
import subprocess
import sys
import termios
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
BUILD = Path(os.environ.get("DBK_BUILD_DIR", "build"))
DBK = str((BUILD if BUILD.is_absolute() else ROOT / BUILD) / "dbk")
SANITIZED = bool({"asan", "tsan"} & set(BUILD.parts))
LIMIT_S = 120

if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))

from warehouse.testing import Server, start  # noqa: E402

_server: Server | None = None


@pytest.fixture(scope="session")
def server() -> Server:
    global _server
    if _server is None:
        _server = start()
        atexit.register(_server.stop)
    return _server


@pytest.fixture
def dbk(server: Server):
    """dbk("SELECT 1", "--format", "csv") -> Ran"""

    def run(*args: str, **kwargs) -> Ran:
        return run_dbk("query", *args, env=connection(server), **kwargs)

    return run


@dataclass
class Ran:
    code: int
    out: bytes
    err: str

    @property
    def text(self) -> str:
        return self.out.decode()

    def lines(self) -> list[str]:
        return self.text.splitlines()


def connection(server: Server) -> dict[str, str]:
    return {
        "DATABRICKS_HOST": server.url,
        "DATABRICKS_HTTP_PATH": server.http_path,
        "DATABRICKS_TOKEN": server.token,
    }


def clean_environment(env: dict[str, str] | None = None) -> dict[str, str]:
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("DATABRICKS_", "DBK_LOG"))}
    return {**kept, "LANG": "C.UTF-8", "LC_ALL": "C.UTF-8", "TERM": "xterm", **(env or {})}


def run_dbk(*args: str, env: dict[str, str] | None = None, stdin: bytes = b"", check: int | None = None) -> Ran:
    done = subprocess.run(
        [DBK, *args], input=stdin, capture_output=True, env=clean_environment(env), timeout=LIMIT_S
    )
    ran = Ran(done.returncode, done.stdout, done.stderr.decode())
    if check is not None:
        assert ran.code == check, (ran.code, ran.err, ran.out[:2000])
    return ran


# ---- terminals ----


@dataclass
class OnTerminal:
    code: int
    screen: str  # everything the program wrote to the terminal
    seconds: float
    after_last_key: float  # from the last key sent to the end


def on_terminal(
    args: list[str],
    env: dict[str, str],
    columns: int = 80,
    keys: list[tuple[str, bytes]] = (),
    stdout: int | None = None,
) -> OnTerminal:
    """Runs dbk on a new terminal. keys: (text to wait for on the screen, bytes to type then)."""
    pid, terminal = pty.fork()
    if pid == 0:
        with contextlib.suppress(BaseException):
            time.sleep(0.05)  # until the size is set
            if stdout is not None:
                os.dup2(stdout, 1)
            os.execve(DBK, [DBK, *args], clean_environment(env))
        os._exit(99)
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    began = typed = time.monotonic()
    screen, waiting = b"", list(keys)
    try:
        while time.monotonic() - began < LIMIT_S / 2:
            if select.select([terminal], [], [], 0.1)[0]:
                try:
                    data = os.read(terminal, 65536)
                except OSError:  # the other side is closed
                    break
                if not data:
                    break
                screen += data
            if waiting and waiting[0][0].encode() in screen:
                os.write(terminal, waiting.pop(0)[1])
                typed = time.monotonic()
        else:
            os.kill(pid, 9)
    finally:
        _, status = os.waitpid(pid, 0)
        os.close(terminal)
    ended = time.monotonic()
    return OnTerminal(os.waitstatus_to_exitcode(status), screen.decode(), ended - began, ended - typed)


def visible(screen: str) -> list[str]:
    """The lines that stay on the screen: what carriage returns and clearing overwrote is gone."""
    lines = []
    for line in screen.replace("\r\n", "\n").split("\n"):
        for part in line.split("\r"):
            if part.startswith("\x1b[K"):
                line = part[3:]
            else:
                line = part.split("\x1b[K")[0] if part else line
        lines.append(line)
    return lines
