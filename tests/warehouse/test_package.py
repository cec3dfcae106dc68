"""The installed package: all files in it, the command, and the fixture in a project that knows nothing of us.

Its dependencies are those of this environment, so nothing is fetched; `make guide` installs it into a fresh one.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def installed(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("package")
    source = folder / "source"  # setuptools leaves its work beside the sources
    shutil.copytree(ROOT / "warehouse", source, ignore=shutil.ignore_patterns("__pycache__", "build", "*.egg-info"))
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps", "--no-build-isolation"]
    subprocess.run([*command, "--target", str(folder / "site"), str(source)], check=True)
    return folder / "site"


def _run(installed: Path, *command: str, cwd: Path) -> subprocess.CompletedProcess:
    environment = {**os.environ, "PYTHONPATH": str(installed)}
    return subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, timeout=120)


def test_every_source_file_is_in_it(installed):
    ours = {p.relative_to(ROOT / "warehouse") for p in (ROOT / "warehouse").rglob("*.*") if p.suffix in (".py", ".css", ".js")}
    theirs = {p.relative_to(installed / "warehouse") for p in (installed / "warehouse").rglob("*.*")}
    assert not {p for p in ours if "build" not in p.parts} - theirs


def test_the_command(installed, tmp_path):
    done = _run(installed, sys.executable, str(installed / "bin" / "dbkernel-warehouse"), "--help", cwd=tmp_path)
    assert done.returncode == 0 and "--storage-port" in done.stdout, done.stderr


PROJECT = """
import pathlib, urllib.request, warehouse

def test_query_and_page(local_warehouse):
    assert local_warehouse.rows("SELECT 1") == [(1,)]
    with urllib.request.urlopen(local_warehouse.url + "/") as page:
        assert b"SELECT 1" in page.read()
    with urllib.request.urlopen(local_warehouse.url + "/_lw/page/page.css") as style:
        assert style.status == 200

def test_options(local_warehouse):
    assert local_warehouse.token == "of-the-project"

def test_that_this_is_the_installed_one():
    assert "SITE" in warehouse.__file__
"""
CONFTEST = """
import pytest

@pytest.fixture(scope="session")
def local_warehouse_options():
    return ["--token", "of-the-project"]
"""


def test_the_fixture_in_another_project(installed, tmp_path):
    (tmp_path / "test_app.py").write_text(PROJECT.replace("SITE", str(installed)))
    (tmp_path / "conftest.py").write_text(CONFTEST)
    done = _run(installed, sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir", ".", cwd=tmp_path)
    assert done.returncode == 0 and "3 passed" in done.stdout, done.stdout + done.stderr


def test_what_is_pinned_is_what_is_needed():
    with open(ROOT / "warehouse" / "pyproject.toml", "rb") as file:
        needed = tomllib.load(file)["project"]["dependencies"]
    pinned = (ROOT / "warehouse" / "requirements.txt").read_text().splitlines()
    name = re.compile(r"[\w-]+")
    assert {name.match(line)[0] for line in needed} == {name.match(line)[0] for line in pinned if line[:1] != "#"}
