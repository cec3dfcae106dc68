"""odbc_client.py block|fetchall CONNECTION_STRING SQL: reads a result of 5 BIGINT and 5 texts through the driver manager and
prints the CPU seconds of this process and its rows. Any driver: bench/odbc.py puts ours beside PostgreSQL's."""

from __future__ import annotations

import ctypes
import resource
import sys
from collections.abc import Callable

COLUMNS, ROWSET, WIDTH = 10, 1000, 64
SQL_HANDLE_ENV, SQL_HANDLE_DBC, SQL_HANDLE_STMT = 1, 2, 3
SQL_ATTR_ODBC_VERSION, SQL_ATTR_ROW_ARRAY_SIZE, SQL_ATTR_ROWS_FETCHED_PTR = 200, 27, 26
SQL_C_CHAR, SQL_C_SBIGINT, SQL_NTS, SQL_NO_DATA = 1, -25, -3, 100


def cpu_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def block(string: str) -> Callable[[str], int]:
    """Bound columns, 1000 rows a time: numbers as SQL_C_SBIGINT, texts as SQL_C_CHAR."""
    odbc = ctypes.CDLL("libodbc.so.2")

    def call(name: str, *arguments) -> int:
        code = ctypes.c_short(getattr(odbc, name)(*arguments)).value
        assert code in (0, 1, SQL_NO_DATA), f"{name}: {code}"
        return code

    def handle(kind: int, parent) -> ctypes.c_void_p:
        made = ctypes.c_void_p()
        call("SQLAllocHandle", kind, parent, ctypes.byref(made))
        return made

    environment = handle(SQL_HANDLE_ENV, None)
    call("SQLSetEnvAttr", environment, SQL_ATTR_ODBC_VERSION, ctypes.c_void_p(3), 0)
    connection = handle(SQL_HANDLE_DBC, environment)
    call("SQLDriverConnect", connection, None, string.encode(), SQL_NTS, None, 0, None, 0)

    def read(sql: str) -> int:
        statement, fetched, rows = handle(SQL_HANDLE_STMT, connection), ctypes.c_size_t(), 0
        call("SQLSetStmtAttr", statement, SQL_ATTR_ROW_ARRAY_SIZE, ctypes.c_void_p(ROWSET), 0)
        call("SQLSetStmtAttr", statement, SQL_ATTR_ROWS_FETCHED_PTR, ctypes.byref(fetched), 0)
        call("SQLExecDirect", statement, sql.encode(), SQL_NTS)
        cells = [ctypes.create_string_buffer(ROWSET * WIDTH) for _ in range(COLUMNS)]
        lengths = [(ctypes.c_ssize_t * ROWSET)() for _ in range(COLUMNS)]
        for i in range(COLUMNS):
            kind = SQL_C_SBIGINT if i < COLUMNS // 2 else SQL_C_CHAR
            call("SQLBindCol", statement, i + 1, kind, cells[i], ctypes.c_ssize_t(WIDTH), lengths[i])
        while call("SQLFetch", statement) != SQL_NO_DATA:
            rows += fetched.value
        call("SQLFreeHandle", SQL_HANDLE_STMT, statement)
        return rows

    return read


def fetchall(string: str) -> Callable[[str], int]:
    import pyodbc

    connection = pyodbc.connect(string, autocommit=True)
    return lambda sql: len(connection.execute(sql).fetchall())


def main() -> int:
    how, string, sql = sys.argv[1:]
    read = {"block": block, "fetchall": fetchall}[how](string)
    read(sql)  # the server plans and warms up
    begun = cpu_seconds()
    rows = read(sql)
    print(f"{cpu_seconds() - begun:.3f} {rows}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
