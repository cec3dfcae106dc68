"""What both modules showed, for each pair of a connector and a kernel that belong together."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "python"))

from beside import NEWEST, ROOT, connector, environment  # noqa: E402

sys.path.insert(0, str(ROOT))
from warehouse.testing import local_warehouse  # noqa: E402

PAIRS = {"kernel 1.0.0": "4.4.0", "kernel 1.3.0": NEWEST}  # the closed kernel's version: the connector's


def ask(connector_version: str, variables: dict[str, str]) -> dict:
    """Every answer of one module, on a warehouse of its own."""
    with local_warehouse() as server:
        command = [connector(connector_version), HERE / "runner.py", server.url, server.http_path]
        done = subprocess.run(command, env=variables, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.fixture(scope="session")
def seen():
    """pair -> (ours, the closed one's); asked once."""
    answers: dict[str, tuple[dict, dict]] = {}

    def get(pair: str) -> tuple[dict, dict]:
        if pair not in answers:
            version = PAIRS[pair]
            real = environment("real", kernel_version=pair.removeprefix("kernel "))
            answers[pair] = ask(version, environment("ours")), ask(version, real)
        return answers[pair]

    return get
