"""The addon under AddressSanitizer inside Node.js: its own tests and a run of thousands of collected handles, without a
finding and without a leak of ours; and the self-contained addon's memory over such a run.

Node.js itself leaves a little behind at its end; a leak is ours when the addon is in the stack that allocated it."""

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from common import ADDON, ROOT, needs_addon, stuck
from warehouse.testing import local_warehouse

HERE = Path(__file__).resolve().parent
ASAN_ADDON = ROOT / "build" / "cmake" / "asan" / "node" / "index.linux-x64-gnu.node"
NODE = shutil.which("node")
FILES = sorted(path.name for path in (ROOT / "tests" / "node").glob("*.test.cjs"))
LIMIT_S = 280  # forty seconds are usual
OUTPUT_SHOWN = 60000
GROWTH_MB = 24  # of resident memory, from the first quarter on; a leak of one payload per round is 60 MB


def runtime() -> str:
    """The sanitizer's library that the addon was linked with: Node.js has to begin with it."""
    if not ASAN_ADDON.exists():
        pytest.skip(f"NOT TESTED: no {ASAN_ADDON}: make node-test builds it")
    linked = subprocess.run(["ldd", str(ASAN_ADDON)], capture_output=True, text=True, check=True).stdout
    library = re.search(r"=> (\S*libasan\S*)", linked)
    return library.group(1) if library else pytest.skip("NOT TESTED: the addon is not linked with libasan (another compiler)")


def findings(report: str) -> list[str]:
    """Errors, and leaks with the addon in their stack; not those of Node.js."""
    found = []
    for block in report.split("\n\n"):
        leak = re.search(r"^(Direct|Indirect) leak of", block, re.MULTILINE)
        if ("ERROR: AddressSanitizer" in block or "runtime error:" in block) or (leak and "index.linux-x64-gnu.node" in block):
            found.append(block)
    return found


def under_asan(command: list[str], variables: dict[str, str], folder: Path) -> tuple[int, str]:
    """Its exit code and output; what it was doing when it did not end."""
    env = {
        **os.environ, **variables, "LD_PRELOAD": runtime(),
        "ASAN_OPTIONS": f"detect_leaks=1:exitcode=0:allocator_may_return_null=1:log_path={folder}/asan",
        "UBSAN_OPTIONS": f"print_stacktrace=1:log_path={folder}/asan",
    }  # fmt: skip
    code, output = stuck.run(command, env, LIMIT_S)
    reports = "\n\n".join(path.read_text(errors="replace") for path in folder.glob("asan.*"))
    assert findings(reports + "\n\n" + output) == []
    return code, output[-OUTPUT_SHOWN:]


@pytest.mark.parametrize("file", FILES)
def test_own_tests(file: str, tmp_path: Path) -> None:
    with local_warehouse() as server:
        variables = {"DBK_NODE_ADDON": str(ASAN_ADDON), "DBK_WAREHOUSE_URL": server.url}
        code, output = under_asan([NODE, str(ROOT / "tests" / "node" / file)], variables, tmp_path)
    assert code == 0, output
    assert list(tmp_path.glob("asan.*")), "the sanitizer was there: Node.js always leaves something at its end"


def test_pressure(tmp_path: Path) -> None:
    with local_warehouse() as server:
        command = [NODE, "--expose-gc", str(HERE / "pressure.cjs"), str(ASAN_ADDON), server.url, "40"]
        code, output = under_asan(command, {}, tmp_path)
    assert code == 0, output


def test_a_leak_would_be_found() -> None:
    ours = "Direct leak of 8 byte(s) in 1 object(s)\n    #0 malloc\n    #1 f (/x/index.linux-x64-gnu.node+0x1)"
    theirs = "Direct leak of 8 byte(s) in 1 object(s)\n    #0 operator new\n    #1 f (/usr/bin/node+0x1)"
    assert findings(ours + "\n\n" + theirs) == [ours]


@needs_addon
def test_memory_does_not_grow() -> None:
    with local_warehouse() as server:
        command = [NODE, "--expose-gc", str(HERE / "pressure.cjs"), str(ADDON), server.url, "240"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=280)
    assert done.returncode == 0, done.stderr[-3000:]
    told = json.loads(done.stdout)
    assert told["rss"][-1] - told["rss"][0] < GROWTH_MB, told
    assert told["buffers"] < 1 << 20, told
