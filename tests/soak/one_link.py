"""A SEA server and its storage in one: results of a few small chunks, one link per answer.

A reader that asks at once for what comes next is what made the closed kernel lose rows (7 to 13 of
100 reads) without an error.
"""

import asyncio
import json
import re
import sys

import pyarrow as pa

CHUNKS, ROWS = 5, 20


def chunk(index):
    table = pa.table({"id": pa.array(range(index * ROWS, (index + 1) * ROWS), type=pa.int64())})
    out = pa.BufferOutputStream()
    with pa.ipc.new_stream(out, table.schema) as writer:
        writer.write_table(table)
    return out.getvalue().to_pybytes()


def http(body):
    return b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n" % len(body) + body


def link(index, port):
    more = {}
    if index + 1 < CHUNKS:
        more = {"next_chunk_index": index + 1,
                "next_chunk_internal_link": f"/api/2.0/sql/statements/st/result/chunks/{index + 1}"}
    return {"external_link": f"http://127.0.0.1:{port}/data/{index}", "expiration": "2099-01-01T00:00:00Z",
            "chunk_index": index, "row_offset": index * ROWS, "row_count": ROWS, "byte_count": 400, **more}


class Answers:
    def __init__(self, port):
        self.session = http(b'{"session_id":"s"}')
        self.empty = http(b"{}")
        self.data = [http(chunk(i)) for i in range(CHUNKS)]
        self.links = [http(json.dumps({"external_links": [link(i, port)]}).encode()) for i in range(CHUNKS)]
        column = {"name": "id", "type_name": "LONG", "type_text": "BIGINT", "position": 0}
        self.first = http(json.dumps({
            "statement_id": "st", "status": {"state": "SUCCEEDED"},
            "manifest": {"format": "ARROW_STREAM", "total_chunk_count": CHUNKS,
                         "total_row_count": CHUNKS * ROWS,
                         "schema": {"column_count": 1, "columns": [column]}},
            "result": {"external_links": [link(0, port)]}}).encode())

    def to(self, line):
        method, path, _ = line.split(" ", 2)
        found = re.search(r"/(data|chunks)/(\d+)", path)
        if found:
            return (self.data if found[1] == "data" else self.links)[int(found[2])]
        if method == "POST":
            return self.session if path.endswith("/sessions") else self.first
        return self.empty


class Connection(asyncio.Protocol):
    answers = None

    def connection_made(self, transport):
        self.transport, self.buffer = transport, b""

    def data_received(self, data):
        self.buffer += data
        while True:
            head, end, rest = self.buffer.partition(b"\r\n\r\n")
            if not end:
                return
            text = head.decode("latin-1")
            length = re.search(r"content-length: *(\d+)", text, re.IGNORECASE)
            need = int(length[1]) if length else 0
            if len(rest) < need:
                return
            self.buffer = rest[need:]
            self.transport.write(Connection.answers.to(text.split("\r\n", 1)[0]))


async def main():
    server = await asyncio.get_running_loop().create_server(Connection, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    Connection.answers = Answers(port)
    print(port, flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    try:
        import uvloop
        uvloop.install()
    except ImportError:
        pass
    sys.exit(asyncio.run(main()))
