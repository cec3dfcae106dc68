"""The examples of the adapters (examples/async_*.c): one query in each kind of event loop, in both modes."""

from __future__ import annotations

from pathlib import Path

import pytest
from abi_env import run_program

LOOPS = ["poll", "epoll", "libuv", "glib", "libev"]


@pytest.mark.parametrize("mode", ["threaded", "embedded"])
@pytest.mark.parametrize("loop", LOOPS)
def test_a_query(build_dir: Path, warehouse, loop: str, mode: str) -> None:
    program = build_dir / "tests" / f"async_{loop}"
    if not program.exists() and loop in ("glib", "libev"):
        pytest.skip(f"{program.name} was not built: CMake said which package is missing")
    sql = "/*lw: pending=3*/ SELECT id FROM range(500000)"
    done = run_program(program, warehouse.url, "token", sql, *(["embedded"] if mode == "embedded" else []))
    assert done.stdout == "500000 rows\n" and done.stderr == ""
