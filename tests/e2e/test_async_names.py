"""A name server that does not answer holds up nothing but what asks for the name: other work on the same loop goes on,
and ending what waits for it does not wait."""

from __future__ import annotations

from pathlib import Path

import pytest
from abi_env import run_program, sanitizer
from test_async_calls import MODES


@pytest.mark.skipif(sanitizer() != "", reason="NOT RUN: a sanitizer's runtime must come before a preloaded library")
@pytest.mark.parametrize("mode", MODES)
def test_a_look_up_that_does_not_come_back(build_dir: Path, warehouse, tmp_path: Path, mode: str) -> None:
    held = tmp_path / "held"  # stays for as long as the program runs
    held.touch()
    env = {"LD_PRELOAD": str(build_dir / "tests" / "libnames_shim.so"), "NAMES_SHIM": str(held)}
    done = run_program(build_dir / "tests" / "async_calls", warehouse.url, mode, "held_name", env=env)
    assert done.stdout == "held_name\n" and done.stderr == ""
