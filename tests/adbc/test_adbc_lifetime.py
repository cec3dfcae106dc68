"""Handles released in any order, and several drivers in one process: what a manager in between would hide."""

from __future__ import annotations

import ctypes
import itertools
import shutil
import threading

import adbc_driver_duckdb.dbapi
import adbc_driver_manager.dbapi as dbapi
import pytest
from adbc_env import DRIVER, options


class Handle(ctypes.Structure):
    """AdbcDatabase, AdbcConnection, AdbcStatement."""

    _fields_ = [("private_data", ctypes.c_void_p), ("private_driver", ctypes.c_void_p)]


class Error(ctypes.Structure):
    pass


Error._fields_ = [
    ("message", ctypes.c_char_p),
    ("vendor_code", ctypes.c_int32),
    ("sqlstate", ctypes.c_char * 5),
    ("release", ctypes.CFUNCTYPE(None, ctypes.POINTER(Error))),
    ("private_data", ctypes.c_void_p),
    ("private_driver", ctypes.c_void_p),
]


class Stream(ctypes.Structure):
    pass


TAKE = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(Stream), ctypes.c_void_p)
Stream._fields_ = [
    ("get_schema", TAKE),
    ("get_next", TAKE),
    ("get_last_error", ctypes.CFUNCTYPE(ctypes.c_char_p, ctypes.POINTER(Stream))),
    ("release", ctypes.CFUNCTYPE(None, ctypes.POINTER(Stream))),
    ("private_data", ctypes.c_void_p),
]
RELEASE_ARRAY = ctypes.CFUNCTYPE(None, ctypes.c_void_p)
INVALID_STATE, INT32_MIN = 6, -(2**31)


class Driver:
    """The exported functions themselves."""

    def __init__(self, path=DRIVER):
        self.library = ctypes.CDLL(str(path))
        self.error = Error(vendor_code=INT32_MIN)

    def status(self, name: str, *arguments) -> int:
        call = getattr(self.library, "Adbc" + name)
        call.restype = ctypes.c_uint8
        return call(*arguments, ctypes.byref(self.error))

    def call(self, name: str, *arguments) -> None:
        assert self.status(name, *arguments) == 0, self.error.message

    def open(self, warehouse) -> dict[str, Handle | Stream]:
        made = {"Database": Handle(), "Connection": Handle(), "Statement": Handle(), "rows": Stream()}
        at = {name: ctypes.byref(handle) for name, handle in made.items()}
        self.call("DatabaseNew", at["Database"])
        for key, value in options(warehouse).items():
            self.call("DatabaseSetOption", at["Database"], key.encode(), value.encode())
        self.call("DatabaseInit", at["Database"])
        self.call("ConnectionNew", at["Connection"])
        self.call("ConnectionInit", at["Connection"], at["Database"])
        self.call("StatementNew", at["Connection"], at["Statement"])
        self.call("StatementSetSqlQuery", at["Statement"], b"SELECT id FROM range(10)")
        self.call("StatementExecuteQuery", at["Statement"], at["rows"], None)
        return made

    def close_error(self) -> None:
        if self.error.release:
            self.error.release(ctypes.byref(self.error))


def read(rows: Stream) -> int | None:
    """The rows that are there; None: an error, with a message."""
    count = 0
    while True:
        array = (ctypes.c_int64 * 10)()
        if rows.get_next(rows, array) != 0:
            assert rows.get_last_error(rows)
            return None
        if array[8] == 0:
            return count
        count += array[0]
        RELEASE_ARRAY(array[8])(ctypes.addressof(array))


@pytest.fixture(scope="module")
def driver():
    made = Driver()
    yield made
    made.close_error()


@pytest.mark.parametrize("order", list(itertools.permutations(["Database", "Connection", "Statement", "rows"])), ids="-".join)
def test_handles_go_in_any_order(driver, warehouse, order):
    made = driver.open(warehouse)
    for name in order:
        if name == "rows":
            got = read(made["rows"])
            assert got == 10 or (got is None and "Connection" in order[: order.index("rows")])
            made["rows"].release(made["rows"])
            continue
        driver.call(name + "Release", ctypes.byref(made[name]))
        assert made[name].private_data is None
        assert driver.status(name + "Release", ctypes.byref(made[name])) == INVALID_STATE
        if name == "Connection" and made["Statement"].private_data:
            assert driver.status("StatementSetSqlQuery", ctypes.byref(made["Statement"]), b"SELECT 1") == INVALID_STATE


def test_unread_rows_are_released_first_and_last(driver, warehouse):
    for last in (False, True):
        made = driver.open(warehouse)
        names = ["Statement", "Connection", "Database"]
        if not last:
            made["rows"].release(made["rows"])
        for name in names:
            driver.call(name + "Release", ctypes.byref(made[name]))
        if last:
            made["rows"].release(made["rows"])


def test_our_driver_twice_in_one_process(warehouse, tmp_path):
    """Two images of the driver, each with its own kernel: handles of one are nothing to the other."""
    path = tmp_path / "libadbc_driver_other.so"
    shutil.copy(DRIVER, path)
    first, second = Driver(), Driver(path)
    ours, theirs = first.open(warehouse), second.open(warehouse)
    for library, stream in ((first, theirs["rows"]), (second, ours["rows"])):
        foreign = library.library.AdbcErrorFromArrayStream
        foreign.restype = ctypes.c_void_p
        assert foreign(ctypes.byref(stream), None) is None
    counts: dict[str, int | None] = {}
    threads = [
        threading.Thread(target=lambda key=key, rows=rows: counts.update({key: read(rows)}))
        for key, rows in (("ours", ours["rows"]), ("theirs", theirs["rows"]))
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert counts == {"ours": 10, "theirs": 10}
    for name in ("Database", "Connection", "Statement"):  # one after the other, the outer handles first
        first.call(name + "Release", ctypes.byref(ours[name]))
        second.call(name + "Release", ctypes.byref(theirs[name]))
    ours["rows"].release(ours["rows"])
    theirs["rows"].release(theirs["rows"])
    first.close_error()
    second.close_error()


def test_beside_another_driver(warehouse):
    """DuckDB's ADBC driver through the same manager: rows of one are ingested by the other, handles mixed."""
    theirs = adbc_driver_duckdb.dbapi.connect(autocommit=True)
    ours = dbapi.connect(driver=str(DRIVER), db_kwargs=options(warehouse), autocommit=True)
    with ours.cursor() as cursor, theirs.cursor() as other:
        cursor.execute("SELECT id, CAST(id AS STRING) AS name FROM range(1000)")
        other.adbc_ingest("copied", cursor.fetch_record_batch(), mode="create")
        with pytest.raises(dbapi.Error, match="no_such_table") as caught:
            cursor.execute("SELECT * FROM no_such_table")
        with pytest.raises(dbapi.Error):
            other.execute("SELECT * FROM no_such_table")
        assert "[Databricks]" in str(caught.value)
        other.execute("SELECT count(*), sum(id), max(name) FROM copied")
        assert other.fetchone() == (1000, 499500, "999")
        cursor.execute("SELECT 1 AS still_here")
        assert cursor.fetchone() == (1,)
    theirs.close()
    ours.close()
