"""Sessions that expire: opened again where nothing can be lost, told (08S01) where something would be."""

from __future__ import annotations

import pyodbc
import pytest


@pytest.fixture(autouse=True)
def clean(warehouse):
    yield
    warehouse.clear_faults()


def sessions_opened(warehouse, since):
    return [e["status"] for e in warehouse.journal(since) if e["method"] == "POST" and e["path"] == "/api/2.0/sql/sessions"]


def select(cursor):
    return cursor.execute("SELECT 41 + 1").fetchval() == 42


def insert(cursor):
    cursor.fast_executemany = True
    cursor.executemany("INSERT INTO odbc_expired VALUES (?)", [(i,) for i in range(100)])
    return cursor.execute("SELECT count(*) FROM odbc_expired").fetchval() == 100


def tables(cursor):
    return [row.table_name for row in cursor.tables("odbc_expired")] == ["odbc_expired"]


def primary_keys(cursor):
    return cursor.primaryKeys("odbc_expired").fetchall() == []


@pytest.mark.parametrize("call", [select, insert, tables, primary_keys])
@pytest.mark.parametrize("status", [404, 400])
def test_an_expired_session_is_opened_again(warehouse, source, call, status):
    with source.connect() as connection:
        cursor = connection.cursor()
        cursor.execute("CREATE OR REPLACE TABLE odbc_expired (a INT)")
        since = warehouse.journal_mark()
        warehouse.fault(f"stmt.execute#1:expiresession({status})")
        assert call(cursor)
        assert sessions_opened(warehouse, since) == [200]
        assert select(connection.cursor())


@pytest.mark.parametrize(
    "before",
    [
        "SET TIME ZONE 'America/New_York'",
        "CREATE OR REPLACE TEMPORARY VIEW odbc_temporary AS SELECT 1",
        "USE SCHEMA default",
        "DECLARE OR REPLACE VARIABLE odbc_variable INT",
    ],
)
def test_a_session_with_something_of_its_own_is_not(warehouse, source, before):
    connection = source.connect(IgnoreTransactions="1")
    connection.autocommit = True
    cursor = connection.cursor()
    cursor.execute(before)
    warehouse.fault("stmt.execute#1:expiresession(404)")
    with pytest.raises(pyodbc.Error) as told:
        select(cursor)
    assert told.value.args[0] == "08S01"
    connection.close()


@pytest.mark.parametrize("keys", [{"InvalidSessionAutoRecover": "0"}, {"AutoReconnect": "0"}, {"IgnoreTransactions": "0"}])
def test_a_session_is_not_opened_again(warehouse, source, keys):
    """By the key, and in a transaction: pyodbc switches autocommit off."""
    connection = source.connect(**keys)
    warehouse.fault("stmt.execute#1:expiresession(404)")
    with pytest.raises(pyodbc.Error) as told:
        select(connection.cursor())
    assert told.value.args[0] == "08S01"


def test_a_session_that_cannot_be_opened_again(warehouse, source):
    connection = source.connect()
    warehouse.fault("stmt.execute#1:expiresession(404)")
    warehouse.fault("session.create#1:status(403)")
    with pytest.raises(pyodbc.Error) as told:
        select(connection.cursor())
    assert told.value.args[0] == "08S01"
    assert select(connection.cursor())  # the next call tries again



@pytest.mark.parametrize("keys", [{}, {"Catalog": "main"}])
def test_a_catalog_that_is_set_before_connecting(source, keys):
    """As the driver manager passes it on; the attribute comes before the string."""
    connection = pyodbc.connect(source.string(**keys), attrs_before={109: "samples"})
    assert connection.execute("SELECT current_catalog()").fetchval() == "samples"
    connection.close()
