"""Two libraries of the same C ABI side by side: ours, and the Rust kernel of the npm package."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "e2e"))

from abi_env import ROOT, build_dir, probe_program, warehouse  # noqa: E402, F401

PACKAGE = "@databricks/databricks-sql-kernel-linux-x64-gnu"
VERSION = "1.0.0"
FOLDER = ROOT / "build" / "peer"


@pytest.fixture(scope="session")
def peer_library() -> Path:
    """The Rust kernel: its Node addon exports the C ABI. Installed once, outside the repository."""
    library = FOLDER / "node_modules" / PACKAGE / "index.linux-x64-gnu.node"
    if library.exists():
        return library
    if shutil.which("npm") is None:
        pytest.skip("NOT COMPARED with the Rust kernel: there is no npm to install its package with")
    FOLDER.mkdir(parents=True, exist_ok=True)
    options = ["--no-save", "--no-audit", "--no-fund", "--ignore-scripts", "--force"]
    command = ["npm", "install", *options, "--prefix", str(FOLDER), f"{PACKAGE}@{VERSION}"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    except subprocess.TimeoutExpired:
        pytest.skip("NOT COMPARED with the Rust kernel: npm install took longer than 120 s")
    if done.returncode != 0 or not library.exists():
        reason = (done.stderr or done.stdout).strip().splitlines()[-1:] or ["npm said nothing"]
        pytest.skip(f"NOT COMPARED with the Rust kernel: npm install failed: {reason[0]}")
    return library
