"""What a process that does not end is doing: the stacks of it and of its descendants, before they are killed."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
from pathlib import Path

PER_PROCESS_S = 30


def _parent(pid: int) -> int:
    try:
        return int((Path("/proc") / str(pid) / "stat").read_text().rpartition(")")[2].split()[1])
    except (OSError, IndexError):
        return 0


def family(pid: int) -> list[int]:
    """The process and its descendants, parents first."""
    parents = {int(p.name): _parent(int(p.name)) for p in Path("/proc").iterdir() if p.name.isdigit()}
    found = [pid]
    for one in found:
        found += [child for child, parent in parents.items() if parent == one]
    return found


def _read(path: Path) -> str:
    try:
        return path.read_text().replace("\0", " ").strip()
    except OSError as error:
        return f"({error.strerror})"


def _threads(pid: int) -> str:
    """Where each thread waits in the kernel: all there is without a debugger."""
    tasks = Path("/proc") / str(pid) / "task"
    return "\n".join(f"  {_read(t / 'comm')}: {_read(t / 'wchan')}" for t in sorted(tasks.glob("*")))


def _stacks(pid: int) -> str:
    gdb = shutil.which("gdb")
    if gdb is None:
        return "  (no gdb here)"
    command = [gdb, "-p", str(pid), "-batch", "-ex", "set pagination off", "-ex", "thread apply all backtrace 30"]
    try:
        return subprocess.run(command, capture_output=True, text=True, timeout=PER_PROCESS_S).stdout
    except subprocess.TimeoutExpired:
        return "  (gdb did not end either)"


def describe(pid: int) -> str:
    """The family's command lines, threads and stacks; what cannot be read says so."""
    parts = []
    for one in family(pid):
        command = _read(Path("/proc") / str(one) / "cmdline")
        parts.append(f"process {one}: {command[:300]}\n{_threads(one)}\n{_stacks(one)}")
    return "\n".join(parts)


def run(command: list[str], env: dict[str, str], limit_s: float) -> tuple[int, str]:
    """Exit code and output; a command that does not end in time fails, and the output ends with its stacks."""
    process = subprocess.Popen(
        command, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True
    )
    seen = ""
    try:
        output, _ = process.communicate(timeout=limit_s)
    except subprocess.TimeoutExpired:
        seen = f"\nNOT ENDED after {limit_s:g} s:\n{describe(process.pid)}"
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)  # whatever it left behind holds its output open
    if seen:
        output, _ = process.communicate()
    return process.returncode, output + seen
