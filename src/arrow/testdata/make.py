#!/usr/bin/env python3
"""Writes the golden Arrow IPC streams of the unit tests with pyarrow.

    python3 src/arrow/testdata/make.py [FOLDER]

NAME.arrow (or NAME.arrow.lz4, the same as an LZ4 frame) is a stream, NAME.txt what it holds: per
batch one line per column, values as src/arrow/walk_test.h renders them. The outputs are committed;
run this again only to add a case (the bytes depend on the pyarrow version).
"""
import decimal
import pathlib
import struct
import sys

import pyarrow as pa

OUT = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else pathlib.Path(__file__).parent)


def width_of(t):
    return t.bit_width // 8


def render(arr):
    """One text per row; fixed-width values as the hex of their bytes."""
    t = arr.type
    valid = [v.is_valid for v in arr]
    T = pa.types
    if T.is_null(t):
        return ["-"] * len(arr)
    if T.is_dictionary(t):
        values = render(arr.dictionary)
        return [values[arr.indices[i].as_py()] if valid[i] else "-" for i in range(len(arr))]
    if T.is_run_end_encoded(t):
        values, out, at = render(arr.values), [], 0
        for i, end in enumerate(arr.run_ends.to_pylist()):
            out += [values[i]] * (end - at)
            at = end
        return out[arr.offset:arr.offset + len(arr)]
    if T.is_union(t):
        out = []
        children = [render(arr.field(i)) for i in range(t.num_fields)]
        for i in range(len(arr)):
            code = arr.type_codes[i].as_py()
            child = t.type_codes.index(code)
            at = arr.offsets[i].as_py() if t.mode == "dense" else i
            out.append(f"{code}:{children[child][at]}")
        return out
    if T.is_struct(t):
        children = [render(arr.field(i)) for i in range(t.num_fields)]
        rows = ["{" + ",".join(c[i] for c in children) + "}" for i in range(len(arr))]
    elif T.is_map(t):
        rows = []
        entries = pa.StructArray.from_arrays([arr.keys, arr.items], names=["key", "value"])
        items = render(entries)
        offsets = arr.offsets.to_pylist()
        base = offsets[0]
        for i in range(len(arr)):
            rows.append("[" + ",".join(items[offsets[i] - base:offsets[i + 1] - base]) + "]")
    elif T.is_fixed_size_list(t) or T.is_list(t) or T.is_large_list(t) or "list_view" in str(t):
        rows = []
        for i in range(len(arr)):
            rows.append("[" + ",".join(render(arr[i].values)) + "]" if valid[i] else "-")
    elif T.is_boolean(t):
        rows = ["1" if v else "0" for v in arr.to_pylist()]
    elif "string" in str(t) or "binary" in str(t):
        rows = []
        for v in arr.to_pylist():
            raw = v.encode() if isinstance(v, str) else v
            rows.append('"' + raw.hex() + '"' if raw is not None else "-")
        if T.is_fixed_size_binary(t):
            rows = [r.strip('"') for r in rows]
    else:
        w = width_of(t)
        raw = arr.buffers()[1].to_pybytes()
        rows = [raw[(arr.offset + i) * w:(arr.offset + i + 1) * w].hex() for i in range(len(arr))]
    return [r if valid[i] else "-" for i, r in enumerate(rows)]


def save(name, data, batches, lz4=False):
    if lz4:
        data = pa.Codec("lz4").compress(data, asbytes=True)
    (OUT / (name + (".arrow.lz4" if lz4 else ".arrow"))).write_bytes(bytes(data))
    text = ""
    for b in batches:
        text += f"batch {b.num_rows}\n"
        for i, field in enumerate(b.schema):
            text += f"{field.name}: " + " ".join(render(b.column(i))) + "\n"
    (OUT / (name + ".txt")).write_text(text)


def stream(schema, batches, **options):
    sink = pa.BufferOutputStream()
    opts = pa.ipc.IpcWriteOptions(**options)
    with pa.ipc.new_stream(sink, schema, options=opts) as w:
        for b in batches:
            w.write_batch(b)
    return sink.getvalue().to_pybytes()


def case(name, arrays, schema=None, lz4=False, more=(), **options):
    if isinstance(arrays, dict):
        b = pa.record_batch(list(arrays.values()), names=list(arrays)) if schema is None \
            else pa.record_batch(list(arrays.values()), schema=schema)
    else:
        b = arrays
    batches = [b, *more]
    save(name, stream(b.schema, batches, **options), batches, lz4)


def ints():
    out = {"n": pa.nulls(4), "b": pa.array([True, None, False, True])}
    for t in ("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"):
        out[t] = pa.array([1, None, 3, 127], type=getattr(pa, t)())
    return out


def main():
    D = decimal.Decimal
    case("ints", ints())
    case("floats", {
        "h": pa.array([1.5, None, -2.0], pa.float16()),
        "f": pa.array([1.5, float("nan"), None], pa.float32()),
        "d": pa.array([0.1, -0.0, float("inf")], pa.float64())})
    case("decimals", {
        "d32": pa.array([D("1.25"), None, D("-9.99")], pa.decimal32(5, 2)),
        "d64": pa.array([D("1.25"), None, D("-9.99")], pa.decimal64(18, 2)),
        "d128": pa.array([D("1.25"), None, D("-9.99")], pa.decimal128(38, 2)),
        "d256": pa.array([D("1.25"), None, D("-9.99")], pa.decimal256(76, 2))})
    case("times", {
        "d32": pa.array([0, None, -5], pa.date32()),
        "d64": pa.array([0, None, 86400000], pa.date64()),
        "t32s": pa.array([1, None, 2], pa.time32("s")),
        "t32ms": pa.array([1, None, 2], pa.time32("ms")),
        "t64us": pa.array([1, None, 2], pa.time64("us")),
        "t64ns": pa.array([1, None, 2], pa.time64("ns")),
        "ts": pa.array([1, None, 2], pa.timestamp("s")),
        "tms": pa.array([1, None, 2], pa.timestamp("ms")),
        "tus": pa.array([1, None, 2], pa.timestamp("us", tz="Etc/UTC")),
        "tns": pa.array([1, None, 2], pa.timestamp("ns", tz="Europe/Amsterdam")),
        "du": pa.array([1, None, -2], pa.duration("us")),
        "ds": pa.array([1, None, -2], pa.duration("s")),
        "mdn": pa.array([(1, 2, 3), None, (-1, -2, -3)], pa.month_day_nano_interval())})
    texts = ["", None, "abc", "a text longer than twelve bytes", "é"]
    blobs = [t.encode() if t is not None else None for t in texts]
    case("texts", {
        "u": pa.array(texts), "U": pa.array(texts, pa.large_string()),
        "z": pa.array(blobs), "Z": pa.array(blobs, pa.large_binary()),
        "w": pa.array([b"abc", None, b"xyz", b"123", b"..."], pa.binary(3))})
    case("views", {
        "vu": pa.array(texts, pa.string_view()), "vz": pa.array(blobs, pa.binary_view()),
        "short": pa.array(["a", "b", None, "", "c"], pa.string_view())})
    lists = [[1, 2], None, [], [3, None, 5]]
    case("lists", {
        "l": pa.array(lists, pa.list_(pa.int32())),
        "L": pa.array(lists, pa.large_list(pa.int16())),
        "fl": pa.array([[1, 2], None, [3, 4], [5, None]], pa.list_(pa.int64(), 2)),
        "ll": pa.array([[["a"], []], None, [], [None, ["b", None]]], pa.list_(pa.list_(pa.string())))})
    case("listviews", {
        "lv": pa.ListViewArray.from_arrays([2, 0, 0], [1, 2, 0], pa.array([1, 2, 3], pa.int32())),
        "Lv": pa.LargeListViewArray.from_arrays([2, 0, 1], [1, 2, 2], pa.array(["x", None, "z"]))})
    case("structs", {
        "s": pa.array([{"a": 1, "b": "x"}, None, {"a": None, "b": None}],
                      pa.struct([("a", pa.int64()), ("b", pa.string())])),
        "m": pa.array([[("k", 1), ("l", None)], None, []], pa.map_(pa.string(), pa.int32())),
        "e": pa.array([{}, {}, None], pa.struct([]))})
    kids = [pa.array([1, 2, 3], pa.int32()), pa.array(["a", None, "c"])]
    case("unions", {
        "sparse": pa.UnionArray.from_sparse(pa.array([5, 7, 7], pa.int8()), kids, ["i", "s"], [5, 7]),
        "dense": pa.UnionArray.from_dense(pa.array([0, 1, 1], pa.int8()),
                                          pa.array([2, 0, 1], pa.int32()), kids)})
    case("ree", {
        "r16": pa.RunEndEncodedArray.from_arrays(pa.array([2, 5], pa.int16()), ["x", None]),
        "r32": pa.RunEndEncodedArray.from_arrays(pa.array([1, 5], pa.int32()), [1.5, 2.5]),
        "r64": pa.RunEndEncodedArray.from_arrays(pa.array([5], pa.int64()), [True])})
    case("dicts", {
        "d8": pa.DictionaryArray.from_arrays(pa.array([0, None, 1], pa.int8()), ["x", "y"]),
        "du16": pa.DictionaryArray.from_arrays(pa.array([1, 1, 0], pa.uint16()), [10, None]),
        "d64": pa.DictionaryArray.from_arrays(pa.array([2, 1, 0], pa.int64()), [b"a", b"b", b"c"],
                                              ordered=True),
        "ld": pa.ListArray.from_arrays([0, 1, 1, 3], pa.DictionaryArray.from_arrays(
            pa.array([0, 1, 0], pa.int32()), ["in", "list"]))})
    deltas()
    zero = ints()
    case("empty_batch", {k: v.slice(0, 0) for k, v in zero.items()})
    case("no_columns", pa.record_batch([], schema=pa.schema([])))
    save("schema_only", stream(pa.schema([("a", pa.int32())]), []), [])
    b = pa.record_batch({"i": pa.array(range(100), pa.int32()), "s": ["text %d" % (i % 7) for i in range(100)]})
    case("plain_lz4", b, lz4=True, more=[b.slice(10, 20), b.slice(0, 0)])
    case("buffers_lz4", b, compression="lz4")
    case("buffers_zstd", b, compression="zstd")
    case("views_zstd", pa.record_batch({"v": pa.array(texts * 20, pa.string_view())}), compression="zstd")
    case("legacy", b.slice(5, 10), use_legacy_format=True, metadata_version=pa.ipc.MetadataVersion.V4)
    case("v4", {"u": pa.UnionArray.from_dense(pa.array([0, 1], pa.int8()), pa.array([0, 0], pa.int32()), kids)},
         metadata_version=pa.ipc.MetadataVersion.V4)
    case("sliced", b.slice(3, 5))
    meta = pa.schema([pa.field("a", pa.int32(), nullable=False, metadata={"k1": "v1", "k2": ""})],
                     metadata={"schema": "level"})
    case("metadata", {"a": pa.array([1, 2], pa.int32())}, schema=meta)
    case("nested", {"n": nested()})


def deltas():
    sink = pa.BufferOutputStream()
    t = pa.schema([("d", pa.dictionary(pa.int32(), pa.string())), ("i", pa.dictionary(pa.int8(), pa.int64()))])
    batches = []
    opts = pa.ipc.IpcWriteOptions(emit_dictionary_deltas=True)
    with pa.ipc.new_stream(sink, t, options=opts) as w:
        for words, numbers in ((["a", "b"], [1, 2]), (["a", "b", None, "cde"], [1, 2, None]), (["z"], [9])):
            n = min(len(words), len(numbers))
            b = pa.record_batch([
                pa.DictionaryArray.from_arrays(pa.array(list(range(n)), pa.int32()), pa.array(words, pa.string())),
                pa.DictionaryArray.from_arrays(pa.array(list(range(n)), pa.int8()), pa.array(numbers, pa.int64()))],
                schema=t)
            batches.append(b)
            w.write_batch(b)
    save("deltas", sink.getvalue().to_pybytes(), batches)


def nested():
    t = pa.struct([("m", pa.map_(pa.string(), pa.list_(pa.struct([("x", pa.float64()), ("y", pa.date32())]))))])
    return pa.array([{"m": [("a", [{"x": 1.0, "y": None}, None]), ("b", None)]}, None, {"m": []}], t)


main()
