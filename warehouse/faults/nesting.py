"""An Arrow stream whose only column is a list of lists of lists, deeper than pyarrow itself would write (64).

The two messages are written by hand: each flatbuffer table is its vtable, then the table, and all that a table
points at comes behind it.
"""

from __future__ import annotations

import struct

DEPTH = 100
_V5, _SCHEMA, _BATCH = 4, 1, 3  # MetadataVersion, MessageHeader
_INT, _LIST = 2, 12  # Type

Messages = list[tuple[bytes, bytes]]


def lists_of_lists(name: str, rows: int, depth: int = DEPTH) -> Messages:
    """Schema and batch (metadata, body): ``rows`` times ``[[...[0]...]]``."""
    offsets = struct.pack(f"<{rows + 1}i", *range(rows + 1))
    parts = [b"", offsets] * depth + [b"", bytes(4 * rows)]
    places, body = [], b""
    for part in parts:
        places.append((len(body), len(part)))
        body += part + b"\0" * (-len(part) % 8)
    return [(_schema(name, depth), b""), (_batch(rows, depth, places, len(body)), body)]


class _Flat:
    """Bytes of a flatbuffer, written from front to back."""

    def __init__(self) -> None:
        self.data = bytearray(4)  # the place of the root

    def point(self, place: int) -> None:
        """The offset at ``place`` leads to what comes next."""
        struct.pack_into("<I", self.data, place, len(self.data) - place)

    def table(self, place: int, *fields: tuple[str, int] | None) -> list[int]:
        """Writes a table that ``place`` leads to; returns where its fields are. Format and value of each, None: absent."""
        order = sorted((i for i, f in enumerate(fields) if f), key=lambda i: -struct.calcsize("<" + fields[i][0]))
        slots, size = [0] * len(fields), 4
        for i in order:
            slots[i] = size
            size += struct.calcsize("<" + fields[i][0])
        self.data += b"\0" * (len(self.data) % 2)
        start = len(self.data)
        self.data += struct.pack(f"<{2 + len(slots)}H", 4 + 2 * len(slots), size, *slots)
        self._align(4)
        self.point(place)
        at = len(self.data)
        self.data += struct.pack("<i", at - start)
        for i in order:
            self.data += struct.pack("<" + fields[i][0], fields[i][1])
        return [at + slot for slot in slots]

    def vector(self, place: int, count: int, items: bytes) -> int:
        """Writes a vector that ``place`` leads to; returns where its first item is."""
        self._align(4)
        self.point(place)
        self.data += struct.pack("<I", count) + items
        return len(self.data) - len(items)

    def _align(self, remainder: int) -> None:
        """To 4 behind a multiple of 8: what follows the first four bytes may be a 64-bit number."""
        self.data += b"\0" * ((remainder - len(self.data)) % 8)


def _message(kind: int, body: int) -> tuple[_Flat, int]:
    flat = _Flat()
    fields = flat.table(0, ("h", _V5), ("B", kind), ("I", 0), ("q", body))
    return flat, fields[2]


def _finished(flat: _Flat) -> bytes:
    return bytes(flat.data) + b"\0" * (-len(flat.data) % 8)


def _schema(name: str, depth: int) -> bytes:
    flat, header = _message(_SCHEMA, 0)
    (fields,) = flat.table(header, None, ("I", 0))[1:]
    text = name.encode()
    for level in range(depth + 1):
        place = flat.vector(fields, 1, bytes(4))
        slots = flat.table(place, ("I", 0), ("B", 1), ("B", _LIST if level < depth else _INT), ("I", 0), None, ("I", 0))
        flat.vector(slots[0], len(text if level == 0 else b"element"), (text if level == 0 else b"element") + b"\0")
        if level < depth:
            flat.table(slots[3])
            fields = slots[5]
    flat.table(slots[3], ("i", 32), ("B", 1))
    flat.vector(slots[5], 0, b"")
    return _finished(flat)


def _batch(rows: int, depth: int, places: list[tuple[int, int]], body: int) -> bytes:
    flat, header = _message(_BATCH, body)
    _, nodes, buffers = flat.table(header, ("q", rows), ("I", 0), ("I", 0))
    flat.vector(nodes, depth + 1, struct.pack("<qq", rows, 0) * (depth + 1))
    flat.vector(buffers, len(places), b"".join(struct.pack("<qq", *place) for place in places))
    return _finished(flat)
