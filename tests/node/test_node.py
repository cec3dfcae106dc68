"""The Node.js addon: the files *.test.cjs under `node --test`, each with its own warehouse, and its surface."""

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path[:0] = [str(ROOT), str(HERE)]

import stuck  # noqa: E402
from warehouse.testing import local_warehouse  # noqa: E402

LIMIT_S = 200  # ten seconds are usual; pytest's own limit must not come first: it shows no stack of Node.js
OUTPUT_SHOWN = 60000
NODE = shutil.which("node")
ADDON = Path(
    os.environ.get("DBK_NODE_ADDON")
    or ROOT / os.environ.get("DBK_BUILD_DIR", "build") / "node" / "index.linux-x64-gnu.node"
)
pytestmark = [
    pytest.mark.skipif(NODE is None, reason="NO NODE.JS HERE: the addon is not tested"),
    pytest.mark.skipif(not ADDON.exists(), reason=f"NO ADDON at {ADDON}: no Node-API headers when it was built (make node)"),
]  # fmt: skip


@pytest.mark.parametrize("file", sorted(path.name for path in HERE.glob("*.test.cjs")))
def test_file(file: str) -> None:
    with local_warehouse() as server:
        env = {**os.environ, "DBK_NODE_ADDON": str(ADDON), "DBK_WAREHOUSE_URL": server.url}
        code, output = stuck.run([NODE, "--test", str(HERE / file)], env, LIMIT_S)
    assert code == 0, output[-OUTPUT_SHOWN:]
    assert "# pass 0\n" not in output


def test_surface_is_the_recorded_one() -> None:
    """A change is meant, or it is drift: `node tests/node/surface.cjs ADDON >bindings/node/surface.json`."""
    done = subprocess.run([NODE, str(HERE / "surface.cjs"), str(ADDON)], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == json.loads((ROOT / "bindings" / "node" / "surface.json").read_text())


def test_the_declarations_name_what_is_read() -> None:
    surface = json.loads((ROOT / "bindings" / "node" / "surface.json").read_text())
    declared = (ROOT / "bindings" / "node" / "package" / "index.d.ts").read_text()
    for name, fields in surface["options"].items():
        body = declared.split(f"interface {name} {{")[1].split("\n}")[0]
        for field in fields:
            assert f" {field}?:" in body or f" {field}:" in body, f"{name}.{field}"
    for name, members in surface["classes"].items():
        body = declared.split(f"class {name} {{")[1].split("\n}")[0]
        for member in members:
            assert f" {member}(" in body or f"get {member}()" in body or f"readonly {member}:" in body, (
                f"{name}.{member}"
            )


ENDLESS = """
const wait = "console.log('waits'); Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0)";
require('node:child_process').execFileSync(process.execPath, ['-e', wait], { stdio: 'inherit' });
"""


def test_what_hangs_is_described_with_its_children() -> None:
    """The next hang on a machine that nobody can look at must explain itself."""
    process = subprocess.Popen([NODE, "-e", ENDLESS], stdout=subprocess.PIPE, text=True, start_new_session=True)
    try:
        assert process.stdout.readline() == "waits\n"
        parent, child = stuck.describe(process.pid).split("\nprocess ")
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
    for text in (parent, child):
        assert "node: " in text and "wait" in text, text
        assert "no gdb here" in text or "Thread 1" in text, text
    assert "execFileSync" in parent and "execFileSync" not in child


def test_what_hangs_is_ended() -> None:
    code, output = stuck.run([NODE, "-e", "setInterval(() => {}, 1000)"], dict(os.environ), 0)
    assert code == -signal.SIGKILL
    assert "NOT ENDED after 0 s:\nprocess " in output
