"""Fixtures and helpers that tests/e2e and tests/differential share: where the build is, the local
warehouse, the probe on our library."""

from __future__ import annotations

import os
import random
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from abi_driver import Probe  # noqa: E402
from warehouse.testing import Server, local_warehouse  # noqa: E402

LIBRARY = "libdatabricks_sql_kernel.so"
PROGRAM_LIMIT_S = 120.0


def free_port() -> int:
    """The first of six in a row that nobody uses; outside the range that connections get theirs from."""
    while True:
        first = random.randrange(15000, 30000)
        try:
            for port in range(first, first + 6):
                with socket.socket() as s:
                    s.bind(("127.0.0.1", port))
            return first
        except OSError:
            pass


def find_build_dir() -> Path:
    """The artifacts under test: DBK_BUILD_DIR, else build/."""
    return Path(os.environ.get("DBK_BUILD_DIR", ROOT / "build")).resolve()


def sanitizer() -> str:
    """Of the build under test: "asan", "tsan" or ""."""
    name = find_build_dir().name
    return name if name in ("asan", "tsan") else ""


def run_program(
    *command: str | Path, input: str | bytes | None = None, limit_s: float = PROGRAM_LIMIT_S, code: int = 0, **options
) -> subprocess.CompletedProcess:
    """Runs a program to its end; a wrong exit code or a time-out fails with what it wrote."""
    text = not isinstance(input, bytes)
    try:
        done = subprocess.run(
            [str(part) for part in command], input=input, capture_output=True, text=text, timeout=limit_s, **options
        )
    except subprocess.TimeoutExpired as late:
        raise AssertionError(f"{command[0]} ran longer than {limit_s} s; stderr:\n{late.stderr}") from None
    if done.returncode != code:
        raise AssertionError(
            f"{command[0]} ended with {done.returncode}, wanted {code}; stdout:\n{done.stdout}\nstderr:\n{done.stderr}"
        )
    return done


@pytest.fixture(scope="session")
def build_dir() -> Path:
    return find_build_dir()


@pytest.fixture(scope="session")
def probe_program(build_dir: Path) -> Path:
    program = build_dir / "tests" / "abi_probe"
    assert program.exists(), f"{program} is not built"
    return program


@pytest.fixture(scope="session")
def warehouse() -> Iterator[Server]:
    """One local warehouse for the whole run; tests leave no faults behind."""
    with local_warehouse() as server:
        yield server


@pytest.fixture
def probe(build_dir: Path, probe_program: Path) -> Iterator[Probe]:
    """The probe on our library; at the end every handle must be closed and nothing leaked."""
    with Probe(probe_program, build_dir / LIBRARY) as running:
        yield running
        assert running.do("handles")["handles"] == []


@pytest.fixture
def session(probe: Probe, warehouse: Server):
    opened = probe.open(warehouse)
    yield opened
    opened.close()
