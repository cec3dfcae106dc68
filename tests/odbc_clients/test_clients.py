"""One smoke script for each client of ODBC that Debian has: `make odbc-clients`. They connect, create a table, insert with
parameters, read it back, provoke an error and ask the catalog, as far as the client can. A client that is not installed is
skipped, and the reason says which package it is."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "odbc"))

from odbc_env import source, warehouse  # noqa: E402, F401

PYTHON = "/usr/bin/python3"  # whose modules Debian's packages are
QT = ["1|café 😀|12.5|2024-02-29", "2|None|None|None", "id,name,price,day", "error True", "tables qt_items", "columns id name price day"]
LINES = {
    "qt5": QT,
    "qt6": QT,
    "ruby": ["id 4,name 12,price 8,day 91", "1|café 😀|12.5|2024-02-29", "2|NULL|NULL|NULL", "state 42S02", "tables ruby_items", "columns id name price day"],
    "tdbc": ["1|café 日本|12.5|2024-02-29", "2|NULL|NULL|NULL", "state 42S02", "tables tdbc_items", "columns id name price day"],
    "prolog": ["1|café 日本|12.5|2024-2-29", "2|NULL|NULL|NULL", "state 42S02", "table prolog_items", "columns id name price day"],
    "erlang": ["id,name,price", "1|café 😀|12.5", "2|two|null", "error true", "columns id name price"],
    "pike": ["1|two words|12.5", "2|NULL|NULL", "error 1", "tables pike_items"],
    "soci": ["1|café 😀|12.5|2024", "2|NULL|-1|0", "rows 2", "state 42S02"],
    "cppdb": ["1|café 😀|12.5|2024", "2|NULL|-1|0", "error 1"],
    "poco": ["1|café 😀|12.5|2024/02/29", "2|NULL|NULL|NULL", "error 1"],
}
SCRIPTS = {
    "qt5": ([PYTHON, "client_qt.py", "PyQt5"], [PYTHON, "-c", "import PyQt5.QtSql as s; assert 'QODBC' in s.QSqlDatabase.drivers()"],
            "python3-pyqt5.qtsql libqt5sql5-odbc"),
    "qt6": ([PYTHON, "client_qt.py", "PyQt6"], [PYTHON, "-c", "import PyQt6.QtSql as s; assert 'QODBC' in s.QSqlDatabase.drivers()"],
            "python3-pyqt6 libqt6sql6-odbc"),
    "ruby": (["ruby", "client_ruby.rb"], ["ruby", "-e", "require 'odbc_utf8'"], "ruby-odbc"),
    "tdbc": (["tclsh", "client_tdbc.tcl"], ["tclsh", "/dev/stdin"], "tcl8.6-tdbc-odbc"),
    "prolog": (["swipl", "client_prolog.pl"], ["swipl", "-g", "use_module(library(odbc)),halt", "-t", "halt(1)"], "swi-prolog-odbc"),
    "erlang": (["escript", "client_erlang.escript"], ["erl", "-noshell", "-eval", "halt(case code:which(odbc) of non_existing -> 1; _ -> 0 end)."], "erlang-odbc"),
    "pike": (["pike", "client_pike.pike"], ["pike", "-e", "object o = Odbc.odbc;"], "pike8.0-odbc"),
}  # fmt: skip
PROGRAMS = {
    "soci": (["-lsoci_core", "-lsoci_odbc"], "soci/odbc/soci-odbc.h", "libsoci-dev"),
    "cppdb": (["-lcppdb"], "cppdb/frontend.h", "libcppdb-dev libcppdb-odbc0"),
    "poco": (["-lPocoDataODBC", "-lPocoData", "-lPocoFoundation"], "Poco/Data/ODBC/Connector.h", "libpoco-dev"),
}


@pytest.mark.parametrize("client", SCRIPTS)
def test_script(source, client):  # noqa: F811
    command, probe, packages = SCRIPTS[client]
    tdbc = "package require tdbc::odbc\n" if client == "tdbc" else None
    if shutil.which(command[0]) is None or subprocess.run(probe, input=tdbc, text=True, capture_output=True).returncode != 0:
        pytest.skip(f"{client} is not installed (Debian: {packages})")
    words = [str(HERE / word) if word.startswith("client_") else word for word in command]
    # Debian's module for Ruby looks for the functions in what is loaded, not in the driver manager that it opens
    more = {"LD_PRELOAD": "libodbc.so.2"} if client == "ruby" else {}
    done = source.run(*words, "local", LC_ALL="C.UTF-8", **more)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.splitlines() == LINES[client], done.stderr


@pytest.mark.parametrize("client", PROGRAMS)
def test_program(source, tmp_path, client):  # noqa: F811
    libraries, header, packages = PROGRAMS[client]
    if subprocess.run(["g++", "-E", "-x", "c++", "-"], input=f"#include <{header}>\n", text=True, capture_output=True).returncode != 0:
        pytest.skip(f"{client} is not installed (Debian: {packages})")
    program = tmp_path / client
    subprocess.run(["g++", "-std=c++14", "-w", HERE / f"client_{client}.cpp", *libraries, "-o", program], check=True)
    done = source.run(str(program), "local", LC_ALL="C.UTF-8")
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.splitlines() == LINES[client], done.stderr
