"""A driver manager called directly, with buffers of any size: unixODBC (2-byte wide characters) or iODBC (4-byte ones).
What pyodbc cannot do: it always gives buffers that are large enough in the end."""

from __future__ import annotations

import ctypes
import ctypes.util

ENV, DBC, STMT = 1, 2, 3
SUCCESS, WITH_INFO, NO_DATA, ERROR = 0, 1, 100, -1
NTS, CHAR, WCHAR, BINARY = -3, 1, -8, -2
GUARD = 0xA5


class Buffer:
    """Room for `size` bytes, with watched bytes behind them and a length that is wrong until it is set."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.bytes = (ctypes.c_ubyte * (size + 16))(*[GUARD] * (size + 16))
        self.length = ctypes.c_ssize_t(-77)

    def taken(self) -> bytes:
        raw = bytes(self.bytes)
        assert raw[self.size :] == bytes([GUARD]) * 16, f"written beyond {self.size} bytes"
        return raw[: self.size]


class Manager:
    def __init__(self, name: str, unit: int, connection_string: str) -> None:
        found = ctypes.util.find_library(name)
        assert found, f"lib{name} is not installed"
        self.library = ctypes.CDLL(found)
        self.unit = unit
        self.encoding = {2: "utf-16-le", 4: "utf-32-le"}[unit]
        self.env = self._handle(ENV, None)
        self.call("SQLSetEnvAttr", self.env, 200, ctypes.c_void_p(3), 0)
        self.dbc = self._handle(DBC, self.env)
        string = connection_string.encode()
        rc = self.call("SQLDriverConnect", self.dbc, None, string, NTS, None, 0, None, 0)
        assert rc in (SUCCESS, WITH_INFO), self.state(DBC, self.dbc)

    def close(self) -> None:
        assert self.call("SQLDisconnect", self.dbc) == SUCCESS
        self.call("SQLFreeHandle", DBC, self.dbc)
        self.call("SQLFreeHandle", ENV, self.env)

    def call(self, name: str, *arguments) -> int:
        return ctypes.c_int16(self.library[name](*arguments)).value

    def _handle(self, kind: int, parent) -> ctypes.c_void_p:
        made = ctypes.c_void_p()
        assert self.call("SQLAllocHandle", kind, parent, ctypes.byref(made)) == SUCCESS
        return made

    def statement(self) -> ctypes.c_void_p:
        return self._handle(STMT, self.dbc)

    def free(self, statement: ctypes.c_void_p) -> None:
        self.call("SQLFreeHandle", STMT, statement)

    def wide(self, text: str) -> bytes:
        return text.encode(self.encoding) + bytes(self.unit)

    def executed(self, sql: str) -> ctypes.c_void_p:
        statement = self.statement()
        rc = self.call("SQLExecDirectW", statement, self.wide(sql), NTS)
        assert rc == SUCCESS, self.state(STMT, statement)
        return statement

    def state(self, kind: int, handle: ctypes.c_void_p) -> str:
        state, message = ctypes.create_string_buffer(6), ctypes.create_string_buffer(2048)
        rc = self.call("SQLGetDiagRec", kind, handle, 1, state, None, message, 2048, None)
        return "" if rc == NO_DATA else state.value.decode()

    def get_data(self, statement: ctypes.c_void_p, c_type: int, buffer: Buffer) -> int:
        return self.call("SQLGetData", statement, 1, c_type, buffer.bytes, ctypes.c_ssize_t(buffer.size), ctypes.byref(buffer.length))

    def bind(self, statement: ctypes.c_void_p, c_type: int, buffer: Buffer) -> None:
        rc = self.call("SQLBindCol", statement, 1, c_type, buffer.bytes, ctypes.c_ssize_t(buffer.size), ctypes.byref(buffer.length))
        assert rc == SUCCESS
