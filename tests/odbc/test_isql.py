"""The driver through the command lines of the driver managers: unixODBC's isql and iusql, iODBC's iodbctest."""

from __future__ import annotations

import pytest
from odbc_env import DRIVER

EMOJI = "é日本😀"


@pytest.mark.parametrize("program", ["isql", "iusql"])
@pytest.mark.parametrize("locale", ["C", "C.UTF-8"])
def test_rows_as_text(source, program, locale):
    done = source.run(program, "local", "-b", "-v", "-d|", input="SELECT 1 AS a, 'x y' AS b, CAST(NULL AS INT)\n", LC_ALL=locale)
    assert done.returncode == 0, done.stderr + done.stdout
    assert "1|x y|" in done.stdout.splitlines()


def test_isql_passes_utf8_through(source):
    done = source.run("isql", "local", "-b", "-d|", input=f"SELECT '{EMOJI}', length('{EMOJI}')\n", LC_ALL="C.UTF-8")
    assert f"{EMOJI}|4" in done.stdout, done.stdout + done.stderr


def test_isql_tells_errors(source):
    done = source.run("isql", "local", "-b", "-v", input="SELECT * FROM no_such\n")
    assert "S0002" in done.stdout + done.stderr or "42S02" in done.stdout + done.stderr


def test_isql_help_lists_tables(source):
    done = source.run("isql", "local", "-b", "-d|", input="CREATE OR REPLACE TABLE isql_t (a INT)\nhelp isql_t\n")
    assert any("isql_t" in line and "|INT|" in line for line in done.stdout.splitlines()), done.stdout


def test_iodbc_with_its_wide_texts(source):
    """iODBC's wchar_t has four bytes, and it calls the W functions for every application."""
    done = source.run("iodbctest", source.string(Driver=str(DRIVER)), input=f"SELECT '{EMOJI}' AS t, 12345 AS n\n\nquit\n", LC_ALL="C.UTF-8")
    assert "12345" in done.stdout, done.stdout + done.stderr
    assert EMOJI in done.stdout, done.stdout
