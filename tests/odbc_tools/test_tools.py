"""The examples of examples/odbc, run by the tools they are written for: `make odbc-suites`. A tool that is not
installed is skipped, and the reason says which package it is."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "odbc"))

from odbc_env import source, warehouse  # noqa: E402, F401

EXAMPLES = ROOT / "examples" / "odbc"
TOOLS = {
    "perl": (["perl"], "query.pl", ["perl", "-MDBD::ODBC", "-e", "1"], "libdbd-odbc-perl"),
    "php": (["php"], "query.php", ["php", "-r", "exit(class_exists('PDO') && function_exists('odbc_connect') ? 0 : 1);"], "php-odbc"),
    "sqlalchemy": ([sys.executable], "query_sqlalchemy.py", [sys.executable, "-c", "import sqlalchemy"], "or pip: sqlalchemy"),
    "R": (["Rscript"], "query.R", ["Rscript", "-e", "library(RODBC)"], "r-cran-rodbc"),
}
LINES = {
    "perl": ["1|café 😀|12.50|2024-02-29", "2|NULL|NULL|NULL", "id,name", "id 1", "long 60000", "state 42S02", "tables perl_items"],
    "php": ["1|café 😀|12.50|2024-02-29", "2|NULL|NULL|NULL", "long 70000", "state 42S02", "1 café 😀", "2 NULL", "café 😀"],
    "sqlalchemy": ["answer 42", "1 café 😀", "2 None", "with a name 1"],
    "R": ["1|café 😀|12.5", "2|NA|NA", "columns id,name,price", "rows 1000"],
}

NODE_PACKAGES = ROOT / "build" / "odbc-tools" / "node" / "node_modules"
ROWS = ["1|café 😀|12.5|2024-02-29", "2|NULL|NULL|NULL"]


@pytest.mark.parametrize("tool", TOOLS)
def test_example(source, tool):  # noqa: F811
    command, script, probe, package = TOOLS[tool]
    if shutil.which(command[0]) is None or subprocess.run(probe, capture_output=True).returncode != 0:
        pytest.skip(f"{tool} with its ODBC package is not installed (Debian: {package})")
    done = source.run(*command, str(EXAMPLES / script), "local", LC_ALL="C.UTF-8")
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.splitlines() == LINES[tool]


def test_node(source):  # noqa: F811
    if not (NODE_PACKAGES / "odbc" / "lib" / "bindings").exists():
        pytest.skip("the npm package odbc is not built: see tests/odbc_tools/install.sh")
    done = source.run("node", str(EXAMPLES / "query.js"), "local", NODE_PATH=str(NODE_PACKAGES))
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.splitlines() == [*ROWS, "rows 1000", "state 42S02"]


def test_r_odbc(source):  # noqa: F811
    libraries = os.environ.get("R_ODBC_LIBS")
    if not libraries:
        pytest.skip("R_ODBC_LIBS is not set: R's package odbc is in no registry here, build it (R CMD INSTALL -l)")
    done = source.run("Rscript", str(EXAMPLES / "query_dbi.R"), "local", LC_ALL="C.UTF-8", R_LIBS=libraries)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.splitlines() == ["1|café|12.5", "2|NA|NA", "columns id name price", "exists TRUE", "error TRUE"]


def test_nanodbc(source, tmp_path):  # noqa: F811
    folder = os.environ.get("NANODBC_DIR")
    if not folder:
        pytest.skip("NANODBC_DIR is not set: nanodbc is in no package registry, fetch its repository")
    program = tmp_path / "query"
    subprocess.run(["g++", "-std=c++17", f"-I{folder}", EXAMPLES / "query.cpp", f"{folder}/nanodbc/nanodbc.cpp", "-lodbc", "-o", program], check=True)
    done = source.run(str(program), "local", LC_ALL="C.UTF-8")
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.splitlines() == [ROWS[0].replace("12.5", "12.50"), ROWS[1], "state 42S02"]
