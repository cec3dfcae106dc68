"""Stub of a Thrift front for the benchmarks, for drivers that speak no SEA: the cases of serve.py, from the same storage.

Answers are prepared bytes in Thrift's binary protocol over HTTP. Of a request only the method, the sequence number and
the words of a statement (`case=lineitem compression=lz4 total=4`) are read, and whether the client takes LZ4: the Go
client of Databricks does not, and gets the chunks unpacked, as from a server.
"""

import argparse
import asyncio
import json
import pathlib
import re
import struct

import pyarrow as pa

BOOL, I32, I64, STRING, STRUCT, LIST, STOP = 2, 8, 10, 11, 12, 15, 0
ARROW_BASED, URL_BASED = 0, 3
SUCCESS, FINISHED, PROTOCOL = 0, 2, 0xA508


def field(number, kind, value):
    return struct.pack(">bh", kind, number) + value


def i32(number, value):
    return field(number, I32, struct.pack(">i", value))


def i64(number, value):
    return field(number, I64, struct.pack(">q", value))


def boolean(number, value):
    return field(number, BOOL, bytes([value]))


def text(number, value):
    data = value.encode() if isinstance(value, str) else value
    return field(number, STRING, struct.pack(">i", len(data)) + data)


def record(number, *fields):
    return field(number, STRUCT, b"".join(fields) + b"\0")


def records(number, items):
    return field(number, LIST, struct.pack(">bi", STRUCT, len(items)) + b"".join(item + b"\0" for item in items))


STATUS = record(1, i32(1, SUCCESS))
TAKES_LZ4 = boolean(1284, True)  # canDecompressLZ4Result of TExecuteStatementReq
IDENTIFIER = record(1, text(1, bytes(16)), text(2, bytes(16)))


def metadata(number, schema, form, packed):
    def column(at, name):
        entry = record(1, i32(1, 7))  # a primitive: the client reads Arrow's own schema
        return text(1, name) + record(2, records(1, [entry])) + i32(3, at + 1)

    columns = [column(at, name) for at, name in enumerate(schema.names)]
    return record(number, STATUS, record(2, records(1, columns)), i32(1281, form), boolean(1282, packed),
                  text(1283, schema.serialize().to_pybytes()))


def executed(about, rows):
    """ExecuteStatement with the whole result in it and the operation closed, so that nothing is left to fetch or to close."""
    result = record(3, STATUS, boolean(2, False), record(3, i64(1, 0), records(2, []), rows))
    operation = record(2, IDENTIFIER, i32(2, 0), boolean(3, True))
    return STATUS + operation + record(1281, record(1, STATUS, i32(2, FINISHED)), about, result, record(4, STATUS))


class Stub:
    def __init__(self, folder, storage):
        self.folder, self.storage, self.cases = pathlib.Path(folder), storage, {}
        table = pa.table({"1": pa.array([1], type=pa.int32())})
        out = pa.BufferOutputStream()
        with pa.ipc.new_stream(out, table.schema) as writer:
            writer.write_table(table)
        data = out.getvalue().to_pybytes()
        batch = data[len(table.schema.serialize()):]
        self.one = executed(metadata(2, table.schema, ARROW_BASED, False), records(1281, [text(1, batch) + i64(2, 1)]))

    def case_answer(self, name, packed, total):
        key = name, packed, total
        if key not in self.cases:
            manifest = json.loads((self.folder / name / "manifest.json").read_text())
            with pa.ipc.open_stream(self.folder / name / "chunk-0.arrow") as reader:
                schema = reader.schema
            suffix, rows, links = ".arrow.lz4" if packed else ".arrow", manifest["rows"], []
            for i in range(total or manifest["total"]):
                which = i % manifest["distinct"]
                links.append(text(1, f"{self.storage}/{name}/chunk-{which}{suffix}") + i64(2, 4070908800000) + i64(3, i * rows)
                             + i64(4, rows) + i64(5, manifest["sizes"][which]["plain"]))
            self.cases[key] = executed(metadata(2, schema, URL_BASED, packed), records(1282, links))
        return self.cases[key]

    def answer(self, body):
        length = struct.unpack(">i", body[4:8])[0]
        name, sequence = body[8:8 + length].decode(), body[8 + length:12 + length]
        result = STATUS
        if name == "OpenSession":
            result = STATUS + i32(2, PROTOCOL) + record(3, IDENTIFIER)
        elif name == "ExecuteStatement":
            case = re.search(rb"case=(\w+) compression=(\w+)(?: total=(\d+))?", body)
            result = self.case_answer(case[1].decode(), case[2] == b"lz4" and TAKES_LZ4 in body, int(case[3] or 0)) if case else self.one
        head = struct.pack(">Ii", 0x80010002, length) + name.encode() + sequence
        return head + record(0, result) + b"\0"

    async def serve(self, reader, writer):
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
                length = int((re.search(r"\r\ncontent-length: (\d+)", head) or [0, 0])[1])
                body = await reader.readexactly(length)
                # Flags and telemetry, which the client asks for beside: there are none.
                thrift = "content-type: application/x-thrift" in head and length > 8
                data = self.answer(body) if thrift else b"{}"
                status = "200 OK" if thrift else "404 Not Found"
                kind = "application/x-thrift" if thrift else "application/json"
                writer.write(f"HTTP/1.1 {status}\r\ncontent-type: {kind}\r\ncontent-length: {len(data)}\r\n\r\n".encode() + data)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()


async def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--storage", required=True, help="origin of the chunk files")
    args = parser.parse_args()
    stub = Stub(args.folder, args.storage)
    server = await asyncio.start_server(stub.serve, "127.0.0.1", args.port, limit=1 << 20)
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
