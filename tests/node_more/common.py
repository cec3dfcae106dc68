"""What the tests of this folder share: the self-contained addon, npm packages, and the driver's own files."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "node")]

import stuck  # noqa: E402, F401
import suites  # noqa: E402, F401

ADDON = ROOT / "build" / "bundled" / "node" / "index.linux-x64-gnu.node"
PACKAGE = ROOT / "bindings" / "node" / "package"
OFFICIAL = "@databricks/databricks-sql-kernel-linux-x64-gnu"
needs_addon = pytest.mark.skipif(not ADDON.exists(), reason=f"NOT TESTED: no {ADDON}: make node")


def npm_install(folder: Path, *packages: str, manifest: dict | None = None) -> Path:
    """node_modules of a folder with these packages; a skip with the reason where npm cannot fetch them."""
    modules = folder / "node_modules"
    if (modules / ".package-lock.json").exists():
        return modules
    npm = shutil.which("npm") or pytest.skip("NOT TESTED: there is no npm to fetch packages with")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "package.json").write_text(json.dumps({"private": True, **(manifest or {})}))
    command = [npm, "install", "--prefix", str(folder), "--no-audit", "--no-fund", "--loglevel=error", *packages]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600)
    if done.returncode != 0:
        pytest.skip(f"NOT TESTED: npm could not install {packages or manifest}: {done.stderr[-500:]}")
    return modules
