"""Chunk files for the benchmarks: Arrow IPC streams, plain and as LZ4 frames, the same on every machine.

A case is a folder with chunk-N.arrow (and chunk-N.arrow.lz4) and manifest.json, which the stub
server (serve.py) turns into the answer of an execute request. Large results repeat a few distinct
chunks under many indices: the client cannot know, and the disk is spared.
"""

import argparse
import base64
import json
import os
import pathlib

import lz4.frame
import numpy as np
import pyarrow as pa

# What sea servers do: 4 MiB independent blocks, no checksums.
LZ4 = dict(block_size=lz4.frame.BLOCKSIZE_MAX4MB, block_linked=False, content_checksum=False,
           block_checksum=False, store_size=False)

WORDS = np.array("furiously regular deposits sleep carefully express ideas pending accounts boldly even "
                 "requests final packages quickly ironic theodolites about the silent blithely".split())


def texts(rng, rows, words):
    picks = rng.integers(0, len(WORDS), size=(rows, words))
    return pa.array([" ".join(row) for row in WORDS[picks]])


def decimals(rng, rows, low, high):
    cents = rng.integers(low, high, rows)
    raw = np.zeros((rows, 2), dtype="<i8")
    raw[:, 0] = cents
    return pa.Array.from_buffers(pa.decimal128(15, 2), rows, [None, pa.py_buffer(raw.tobytes())])


def lineitem(rng, rows):
    """13 columns shaped like TPC-H lineitem."""
    days = rng.integers(8036, 10591, rows).astype("<i4")
    return pa.table({
        "l_orderkey": np.sort(rng.integers(1, 6_000_000, rows)),
        "l_partkey": rng.integers(1, 200_000, rows),
        "l_suppkey": rng.integers(1, 10_000, rows),
        "l_linenumber": rng.integers(1, 8, rows).astype("<i4"),
        "l_quantity": decimals(rng, rows, 100, 5100),
        "l_extendedprice": decimals(rng, rows, 90000, 10_500_000),
        "l_discount": decimals(rng, rows, 0, 11),
        "l_tax": decimals(rng, rows, 0, 9),
        "l_returnflag": pa.array(np.array(["A", "N", "R"])[rng.integers(0, 3, rows)]),
        "l_linestatus": pa.array(np.array(["O", "F"])[rng.integers(0, 2, rows)]),
        "l_shipdate": pa.array(days, type=pa.date32()),
        "l_receiptdate": pa.array(days + rng.integers(1, 31, rows).astype("<i4"), type=pa.date32()),
        "l_comment": texts(rng, rows, 4),
    })


def ten(rng, rows):
    """Ten columns of what applications read row by row."""
    return lineitem(rng, rows).select(["l_orderkey", "l_linenumber", "l_quantity", "l_extendedprice", "l_discount",
                                       "l_tax", "l_returnflag", "l_shipdate", "l_receiptdate", "l_comment"])


def wide(rng, rows):
    return pa.table({f"c{i:03}": rng.integers(0, 1000, rows) for i in range(500)})


def strings(rng, rows):
    return pa.table({f"s{i}": texts(rng, rows, 3 + i) for i in range(4)})


def money(rng, rows):
    return pa.table({f"d{i}": decimals(rng, rows, -(10 ** (3 + i)), 10 ** (3 + i)) for i in range(8)})


def nested(rng, rows):
    sizes = rng.integers(0, 6, rows)
    offsets = np.concatenate([[0], np.cumsum(sizes)]).astype("<i4")
    items = pa.array(rng.integers(0, 1 << 20, int(offsets[-1])))
    lists = pa.ListArray.from_arrays(pa.array(offsets), items)
    structs = pa.StructArray.from_arrays([pa.array(rng.random(rows)), texts(rng, rows, 2)], ["x", "y"])
    return pa.table({"id": np.arange(rows), "list": lists, "struct": structs})


def sink_of(table, batch_rows):
    out = pa.BufferOutputStream()
    with pa.ipc.new_stream(out, table.schema) as writer:
        writer.write_table(table, max_chunksize=batch_rows)
    return out.getvalue()


SEA_TYPES = {"int64": "BIGINT", "int32": "INT", "string": "STRING", "date32[day]": "DATE",
             "decimal128(15, 2)": "DECIMAL(15,2)", "double": "DOUBLE"}


def columns_of(schema):
    for position, field in enumerate(schema):
        text = SEA_TYPES.get(str(field.type), "STRUCT<>" if pa.types.is_nested(field.type) else "STRING")
        yield {"name": field.name, "type_name": text.split("(")[0], "type_text": text,
               "position": position}


# name: (maker, rows per chunk, rows per batch, distinct chunks, chunks in the result).
# Uncompressed chunks are 18.5 MB as real ones are; "small" 200 KB, "huge" 200 MB, "inline" 4 MiB.
CASES = {
    "lineitem": (lineitem, 128_500, 8_192, 6, 60),
    "small": (lineitem, 1_250, 1_250, 8, 400),
    "huge": (lineitem, 1_250_000, 100_000, 1, 1),
    "ten": (ten, 125_000, 8_192, 2, 8),
    "wide": (wide, 4_600, 4_600, 4, 40),
    "strings": (strings, 130_000, 130_000, 4, 20),
    "decimals": (money, 144_000, 16_000, 4, 40),
    "nested": (nested, 300_000, 300_000, 4, 20),
    "inline": (lineitem, 29_000, 29_000, 1, 1),
}


def make_case(name, folder):
    maker, rows, batch_rows, distinct, total = CASES[name]
    out = pathlib.Path(folder) / name
    if (out / "manifest.json").exists():
        return
    out.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(20261121)
    sizes = []
    for i in range(distinct):
        table = maker(rng, rows)
        plain = sink_of(table, batch_rows)
        packed = lz4.frame.compress(plain.to_pybytes(), **LZ4)
        (out / f"chunk-{i}.arrow").write_bytes(plain)
        (out / f"chunk-{i}.arrow.lz4").write_bytes(packed)
        sizes.append({"plain": plain.size, "lz4": len(packed)})
        if name == "inline":  # the floor reads it from the storage, ours from the stub
            answer = {"attachment": base64.b64encode(packed).decode()}
            (out / f"chunk-{i}.json").write_text(json.dumps(answer))
    manifest = {"rows": rows, "distinct": distinct, "total": total, "sizes": sizes,
                "columns": list(columns_of(table.schema))}
    part = out / "manifest.json.part"
    part.write_text(json.dumps(manifest))
    os.replace(part, out / "manifest.json")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder")
    parser.add_argument("cases", nargs="*", default=list(CASES))
    args = parser.parse_args()
    for name in args.cases:
        make_case(name, args.folder)


if __name__ == "__main__":
    main()
