"""Every plane of Unicode into buffers of every size, through both driver managers: nothing is cut without a word, nothing is
lost between pieces, nothing is written beyond a buffer. ODBC_SEED=n chooses other texts."""

from __future__ import annotations

import ctypes
import os
import random

import pytest
from odbc_env import DRIVER
from manager import BINARY, CHAR, NO_DATA, NTS, STMT, SUCCESS, WCHAR, WITH_INFO, Buffer, Manager

SEED = int(os.environ.get("ODBC_SEED", "20261201"))
MANAGERS = {"odbc": 2, "iodbc": 4}


def a_text(plane: int, dice: random.Random) -> str:
    """Characters of the plane, with some of others between them; no surrogates, which are no characters."""
    codes = [dice.randrange(0xD800) if plane == 0 else (plane << 16) + dice.randrange(0x10000) for _ in range(dice.randrange(5, 9))]
    codes += [dice.choice([0x41, 0xE9, 0x20AC, 0xE000, 0x1F600]) for _ in range(4)]
    dice.shuffle(codes)
    return "".join(chr(c) for c in codes if c >= 0x20 and c not in (0x27, 0x5C, 0x60)) + "z"


TEXTS = [a_text(plane, random.Random(SEED + plane)) for plane in range(17)] + ["", "plain"]


@pytest.fixture(scope="module", params=MANAGERS)
def manager(request, source):
    opened = Manager(request.param, MANAGERS[request.param], source.string(Driver=str(DRIVER)))
    yield opened
    opened.close()


def whole(manager: Manager, c_type: int, text: str) -> bytes:
    return text.encode(manager.encoding if c_type == WCHAR else "utf-8")


def end_of(manager: Manager, c_type: int) -> int:
    """Bytes of the terminator."""
    return {CHAR: 1, WCHAR: manager.unit, BINARY: 0}[c_type]


def rows_of(manager: Manager, text: str, count: int):
    return manager.executed(f"SELECT '{text}' FROM range({count})")


def read_in_pieces(manager: Manager, statement, c_type: int, size: int, want: bytes) -> None:
    """SQLGetData until it has no more: each call says how much was left, and fills its buffer."""
    unit, end = max(end_of(manager, c_type), 1), end_of(manager, c_type)
    room = (size - end) // unit * unit
    got = b""
    while True:
        buffer = Buffer(size)
        rc = manager.get_data(statement, c_type, buffer)
        left, raw = len(want) - len(got), buffer.taken()
        assert buffer.length.value == left
        if left <= room or left == 0:
            assert rc == SUCCESS
            got += raw[:left]
            break
        assert rc == WITH_INFO and manager.state(STMT, statement) == "01004"
        if room <= 0:  # no room for anything: the length was told, and nothing is lost
            size = len(want) + end
            room = size - end
            continue
        got += raw[:room]
        assert raw[room : room + end] == bytes(end)
    assert got == want
    assert manager.get_data(statement, c_type, Buffer(8)) == NO_DATA


def prefix_that_fits(manager: Manager, c_type: int, text: str, room: int) -> bytes:
    if c_type == BINARY:
        return text.encode()[: max(room, 0)]
    taken = b""
    for character in text:
        more = whole(manager, c_type, character)
        if len(taken) + len(more) > room:
            break
        taken += more
    return taken


def read_bound(manager: Manager, statement, c_type: int, size: int, text: str) -> None:
    """SQLFetch into a bound buffer: whole characters, the full length, and 01004 if that is not all."""
    want, end = whole(manager, c_type, text), end_of(manager, c_type)
    buffer = Buffer(size)
    manager.bind(statement, c_type, buffer)
    rc = manager.call("SQLFetch", statement)
    raw = buffer.taken()
    assert buffer.length.value == len(want)
    if len(want) + end <= size:
        assert rc == SUCCESS and raw[: len(want) + end] == want + bytes(end)
        return
    if want == b"" and size < end:
        assert rc in (SUCCESS, WITH_INFO)
        return
    assert rc == WITH_INFO and manager.state(STMT, statement) == "01004"
    kept = prefix_that_fits(manager, c_type, text, size - end)
    assert raw[: len(kept)] == kept
    if size >= end:
        assert raw[len(kept) : len(kept) + end] == bytes(end)


@pytest.mark.parametrize("c_type", [CHAR, WCHAR, BINARY], ids=["char", "wchar", "binary"])
@pytest.mark.parametrize("text", TEXTS, ids=[*(f"plane{p}" for p in range(17)), "empty", "plain"])
def test_values(manager, text, c_type):
    sizes = range(len(whole(manager, c_type, text)) + end_of(manager, c_type) + 3)
    statement = rows_of(manager, text, 2 * len(sizes))
    for size in sizes:
        assert manager.call("SQLFetch", statement) == SUCCESS
        read_in_pieces(manager, statement, c_type, size, whole(manager, c_type, text))
    for size in sizes:
        read_bound(manager, statement, c_type, size, text)
    manager.free(statement)


@pytest.mark.parametrize("text", TEXTS[:17], ids=[f"plane{p}" for p in range(17)])
def test_names(manager, text):
    """Lengths in characters (units): SQLDescribeCol, SQLNativeSql and SQLGetCursorName."""
    statement = manager.statement()
    assert manager.call("SQLSetCursorNameW", statement, manager.wide(text), NTS) == SUCCESS
    assert manager.call("SQLExecDirectW", statement, manager.wide(f"SELECT 1 AS `{text}`"), NTS) == SUCCESS
    units = len(text.encode(manager.encoding)) // manager.unit
    for size in range(units + 3):
        for name in ("SQLDescribeColW", "SQLNativeSqlW", "SQLGetCursorNameW"):
            length = ctypes.c_int32(0)
            buffer = Buffer(size * manager.unit)
            place = ctypes.byref(length)
            if name == "SQLDescribeColW":
                rc = manager.call(name, statement, 1, buffer.bytes, size, place, None, None, None, None)
            elif name == "SQLNativeSqlW":
                rc = manager.call(name, manager.dbc, manager.wide(text), NTS, buffer.bytes, size, place)
            else:
                rc = manager.call(name, statement, buffer.bytes, size, place)
            kept = prefix_that_fits(manager, WCHAR, text, (size - 1) * manager.unit)
            raw = buffer.taken()
            assert (name, length.value) == (name, units)
            assert (name, rc) == (name, SUCCESS if size > units else WITH_INFO)
            assert size == 0 or raw[: len(kept) + manager.unit] == kept + bytes(manager.unit)
    manager.free(statement)
