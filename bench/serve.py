"""Stub of a SEA server for the benchmarks: sessions, and statements whose text names a case.

The statement `case=lineitem compression=lz4` is answered with links to the storage origin (nginx,
started by run.py), `total=540` of them when it says so; `case=inline` with an attachment; anything
else with one inline row. It answers from prepared bytes, so that
the client is what is measured.
"""

import argparse
import asyncio
import base64
import json
import pathlib

import pyarrow as pa


def http(body, status="200 OK"):
    head = (f"HTTP/1.1 {status}\r\ncontent-type: application/json\r\n"
            f"content-length: {len(body)}\r\n\r\n")
    return head.encode() + body


def inline_answer(rows, compress=False):
    table = pa.table({"1": pa.array([1] * rows, type=pa.int32())})
    out = pa.BufferOutputStream()
    with pa.ipc.new_stream(out, table.schema) as writer:
        writer.write_table(table)
    data = out.getvalue().to_pybytes()
    return {
        "statement_id": "01f0-bench", "status": {"state": "SUCCEEDED"},
        "manifest": {"format": "ARROW_STREAM", "total_chunk_count": 1, "total_row_count": rows,
                     "schema": {"column_count": 1, "columns": [
                         {"name": "1", "type_name": "INT", "type_text": "INT", "position": 0}]}},
        "result": {"chunk_index": 0, "row_offset": 0, "row_count": rows,
                   "attachment": base64.b64encode(data).decode()},
    }


class Stub:
    def __init__(self, folder, storage):
        self.folder = pathlib.Path(folder)
        self.storage = storage
        self.one = http(json.dumps(inline_answer(1)).encode())
        self.cases = {}

    def case_answer(self, words):
        """The execute answer of one case, all links in it."""
        name, packed = words["case"], words.get("compression", "lz4") == "lz4"
        key = (name, packed, words.get("total"))
        if key not in self.cases:
            manifest = json.loads((self.folder / name / "manifest.json").read_text())
            suffix = ".arrow.lz4" if packed else ".arrow"
            total, rows = int(words.get("total", manifest["total"])), manifest["rows"]
            links = []
            for i in range(total):
                which = i % manifest["distinct"]
                links.append({
                    "external_link": f"{self.storage}/{name}/chunk-{which}{suffix}",
                    "expiration": "2099-01-01T00:00:00Z", "chunk_index": i, "row_offset": i * rows,
                    "row_count": rows, "byte_count": manifest["sizes"][which]["plain"],
                    **({"next_chunk_index": i + 1} if i + 1 < total else {})})
            answer = {
                "statement_id": "01f0-bench", "status": {"state": "SUCCEEDED"},
                "manifest": {
                    "format": "ARROW_STREAM", "total_chunk_count": total,
                    "total_row_count": total * rows,
                    "schema": {"column_count": len(manifest["columns"]), "columns": manifest["columns"]},
                    "chunks": [{k: l[k] for k in ("chunk_index", "row_offset", "row_count", "byte_count")}
                               for l in links],
                    **({"result_compression": "LZ4_FRAME"} if packed else {})},
                "result": {"external_links": links},
            }
            if name == "inline":
                attachment = json.loads((self.folder / name / "chunk-0.json").read_text())
                answer["result"] = {"chunk_index": 0, "row_offset": 0, "row_count": rows, **attachment}
            self.cases[key] = http(json.dumps(answer).encode())
        return self.cases[key]

    def answer(self, method, path, body):
        if method == "POST" and path.endswith("/sessions"):
            return http(b'{"session_id":"bench"}')
        if method == "POST" and path.endswith("/statements"):
            sql = json.loads(body)["statement"]
            if "case=" not in sql:
                return self.one
            return self.case_answer(dict(w.split("=", 1) for w in sql.split() if "=" in w))
        return http(b"{}")

    async def serve(self, reader, writer):
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                lines = head.decode("latin-1").split("\r\n")
                method, path, _ = lines[0].split(" ", 2)
                length = 0
                for line in lines[1:]:
                    name, _, value = line.partition(":")
                    if name.lower() == "content-length":
                        length = int(value)
                body = await reader.readexactly(length) if length else b""
                writer.write(self.answer(method, path.split("?")[0], body))
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()


async def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--storage", required=True, help="origin of the chunk files")
    args = parser.parse_args()
    stub = Stub(args.folder, args.storage)
    server = await asyncio.start_server(stub.serve, "127.0.0.1", args.port, limit=1 << 20)
    print(server.sockets[0].getsockname()[1], flush=True)
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
