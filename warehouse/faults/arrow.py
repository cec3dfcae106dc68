"""Spoils a result file: the Arrow stream inside, or the LZ4 frame around it.

Each kind keeps everything else as it was, so that a test sees one fault and not several. Kinds that
are legal (no end of stream, dictionaries, compressed buffers, old framing) must still be read right
or be refused clearly.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable

import lz4.frame
import pyarrow as pa

from warehouse.faults.nesting import lists_of_lists
from warehouse.faults.rules import Action

_LZ4_MAGIC = b"\x04\x22\x4d\x18"
_END = b"\xff\xff\xff\xff\x00\x00\x00\x00"
_UNITS = {"B": 1, "KB": 1 << 10, "MB": 1 << 20}


def size_of(text: str) -> int:
    """``100``, ``64KB``, ``5MB``"""
    match = re.fullmatch(r"(\d+)(B|KB|MB)?", text)
    return int(match[1]) * _UNITS[match[2] or "B"]


def spoil(data: bytes, action: Action) -> bytes:
    """The file after a fault ``arrow(kind)`` or ``lz4(kind)``."""
    packed = data[:4] == _LZ4_MAGIC
    if action.name == "lz4":
        return _lz4(data, packed, action)
    plain = lz4.frame.decompress(data) if packed else data
    changed = KINDS[action.args[0]](plain)
    return lz4.frame.compress(changed) if packed else changed


def _lz4(data: bytes, packed: bool, action: Action) -> bytes:
    plain = lz4.frame.decompress(data) if packed else data
    kind = action.args[0]
    if kind == "raw":
        return plain
    if kind == "pack":
        return lz4.frame.compress(plain)
    if kind == "concat":
        middle = len(plain) // 2
        return lz4.frame.compress(plain[:middle]) + lz4.frame.compress(plain[middle:])
    if kind == "checksum":
        frame = bytearray(lz4.frame.compress(plain, content_checksum=True))
        frame[-1] ^= 0xFF
        return bytes(frame)
    if kind == "truncated":
        frame = lz4.frame.compress(plain)
        return frame[: max(8, len(frame) // 2)]
    return _bomb(size_of(action.arg(1, "256MB")))


def _bomb(size: int) -> bytes:
    """A small frame that unpacks to ``size`` zero bytes."""
    packer = lz4.frame.LZ4FrameCompressor(block_size=lz4.frame.BLOCKSIZE_MAX4MB)
    zeros = bytes(1 << 22)
    parts = [packer.begin()]
    for start in range(0, size, len(zeros)):
        parts.append(packer.compress(zeros[: size - start]))
    return b"".join([*parts, packer.flush()])


# -- reading and writing streams ------------------------------------------------------------------
def _messages(data: bytes) -> list[tuple[bytes, bytes]]:
    """Metadata and body of each message."""
    reader = pa.ipc.MessageReader.open_stream(pa.py_buffer(data))
    found = []
    while True:
        try:
            message = reader.read_next_message()
        except StopIteration:
            return found
        body = message.body.to_pybytes() if message.body is not None else b""
        found.append((message.metadata.to_pybytes(), body))


def _stream(messages: list[tuple[bytes, bytes]]) -> bytes:
    parts = []
    for metadata, body in messages:
        padded = metadata + b"\x00" * (-len(metadata) % 8)
        parts += [b"\xff\xff\xff\xff", struct.pack("<i", len(padded)), padded, body + b"\x00" * (-len(body) % 8)]
    return b"".join([*parts, _END])


def _table(data: bytes) -> pa.Table:
    return pa.ipc.open_stream(data).read_all()


def _written(table: pa.Table, options: pa.ipc.IpcWriteOptions | None = None) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema, options=options) as writer:
        writer.write_table(table)
    return sink.getvalue().to_pybytes()


def _with_options(**options) -> Callable[[bytes], bytes]:
    return lambda data: _written(_table(data), pa.ipc.IpcWriteOptions(**options))


def _first_column(change: Callable[[pa.ChunkedArray], pa.ChunkedArray | pa.Array]) -> Callable[[bytes], bytes]:
    def apply(data: bytes) -> bytes:
        table = _table(data)
        if table.num_columns == 0:
            return data
        name = table.schema.field(0).name
        return _written(table.set_column(0, name, change(table.column(0))))

    return apply


def _strings_as(kind: pa.DataType) -> Callable[[bytes], bytes]:
    def apply(data: bytes) -> bytes:
        table = _table(data)
        for at, column in enumerate(table.schema):
            if pa.types.is_string(column.type):
                table = table.set_column(at, column.name, table.column(at).cast(kind))
        return _written(table)

    return apply


def _delta_dictionaries(data: bytes) -> bytes:
    """Two batches; the second one's dictionary goes on where the first one's ended."""
    column = _table(data).column(0)
    name = _table(data).schema.field(0).name
    values = column.unique().cast(pa.string())
    middle = max(1, len(values) // 2)
    sink = pa.BufferOutputStream()
    schema = pa.schema([pa.field(name, pa.dictionary(pa.int32(), pa.string()))])
    options = pa.ipc.IpcWriteOptions(emit_dictionary_deltas=True)
    with pa.ipc.new_stream(sink, schema, options=options) as writer:
        for known in (values.slice(0, middle), values):
            indices = pa.array(range(len(known)), pa.int32())
            writer.write_batch(pa.record_batch([pa.DictionaryArray.from_arrays(indices, known)], schema=schema))
    return sink.getvalue().to_pybytes()


# -- broken on purpose ----------------------------------------------------------------------------
def _truncated(data: bytes) -> bytes:
    body = max((len(b) for _, b in _messages(data)), default=16)
    return data[: max(16, len(data) - len(_END) - max(8, body // 2))]


def _no_end(data: bytes) -> bytes:
    return data[: -len(_END)] if data.endswith(_END) else data


def _no_schema(data: bytes) -> bytes:
    return _stream(_messages(data)[1:])


def _huge_length(data: bytes) -> bytes:
    return data[:4] + struct.pack("<i", 0x7FFFFFFF) + data[8:]


def _negative_lengths(data: bytes) -> bytes:
    rows = _table(data).num_rows
    find, put = struct.pack("<q", rows), struct.pack("<q", -rows)
    messages = _messages(data)
    return _stream([messages[0], *((meta.replace(find, put), body) for meta, body in messages[1:])])


def _wild_offsets(data: bytes) -> bytes:
    """Text whose last offset points far behind its data; the first column becomes text for it."""
    table = _table(data)
    rows = max(1, table.num_rows)
    texts = pa.array([""] * (rows - 1) + ["x" * 64])
    tame = struct.pack(f"<{rows + 1}i", *([0] * rows), 64)
    messages = _messages(_written(pa.table([texts], names=[table.schema.field(0).name])))
    wild = tame[:-4] + struct.pack("<i", 0x7FFFFF00)
    return _stream([(meta, body.replace(tame, wild, 1)) for meta, body in messages])


def _big_endian(data: bytes) -> bytes:
    """Says big-endian in the schema. The flag is absent in ours (little is the default), so its slot in
    the flatbuffer's vtable is pointed at two bytes that happen to read 1."""
    messages = _messages(data)
    meta = bytearray(messages[0][0])

    def slot(table: int, number: int) -> int:
        return table - struct.unpack_from("<i", meta, table)[0] + 4 + 2 * number

    root = struct.unpack_from("<I", meta, 0)[0]
    header = root + struct.unpack_from("<H", meta, slot(root, 2))[0]
    schema = header + struct.unpack_from("<I", meta, header)[0]
    for at in range(schema + schema % 2, len(meta) - 1, 2):
        if meta[at : at + 2] == b"\x01\x00":
            struct.pack_into("<H", meta, slot(schema, 0), at - schema)
            return _stream([(bytes(meta), messages[0][1]), *messages[1:]])
    return data


def _empty(data: bytes) -> bytes:
    return _written(_table(data).slice(0, 0))


def _fewer_columns(data: bytes) -> bytes:
    table = _table(data)
    return _written(table.select(list(range(table.num_columns - 1)))) if table.num_columns > 1 else _zero_columns(data)


def _zero_columns(data: bytes) -> bytes:
    return _written(_table(data).select([]))


def _renamed(data: bytes) -> bytes:
    table = _table(data)
    return _written(table.rename_columns([name + "_renamed" for name in table.column_names]))


def _as_text(column: pa.ChunkedArray) -> pa.Array:
    return pa.array([None if v is None else str(v) for v in column.to_pylist()], pa.string())


def _run_ends(column: pa.ChunkedArray) -> pa.Array:
    import pyarrow.compute as pc  # slow to load, and needed only here

    return pc.run_end_encode(column.combine_chunks())


def _deep(data: bytes) -> bytes:
    table = _table(data)
    return _stream(lists_of_lists(table.schema.field(0).name if table.num_columns else "c", table.num_rows))


KINDS: dict[str, Callable[[bytes], bytes]] = {
    "truncated": _truncated,
    "noeos": _no_end,
    "noschema": _no_schema,
    "hugelen": _huge_length,
    "negative": _negative_lengths,
    "offsets": _wild_offsets,
    "bigendian": _big_endian,
    "empty": _empty,
    "fewer": _fewer_columns,
    "zerocolumns": _zero_columns,
    "renamed": _renamed,
    "retyped": _first_column(_as_text),
    "dictionary": _first_column(lambda c: c.dictionary_encode()),
    "deltadictionary": _delta_dictionaries,
    "runends": _first_column(_run_ends),
    "deep": _deep,
    "decimal256": _first_column(lambda c: pa.nulls(len(c), pa.decimal256(50, 2))),
    "largeutf8": _strings_as(pa.large_string()),
    "stringview": _strings_as(pa.string_view()),
    "bufferlz4": _with_options(compression="lz4"),
    "bufferzstd": _with_options(compression="zstd"),
    "legacy": _with_options(use_legacy_format=True),
}
