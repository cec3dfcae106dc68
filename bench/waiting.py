"""make bench, second part: statements that wait on the server, all at the same time, in one session.

Ours: 10,000 on one embedded loop (waiting.c). The closed kernel: 1,000 through its Node addon, which is what
its users can do (waiting_peer.cjs). The server is a stub in this process: a statement `pending_ms=M value=N` is
PENDING for M milliseconds and then has one row with N.
"""

import argparse
import asyncio
import base64
import json
import os
import pathlib
import resource
import subprocess
import sys
import tempfile
import time

import pyarrow as pa

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent
GOALS = {"threads": 1, "rss_above_idle_mb": 60, "cpu_percent": 15}


def http_reply(body, kind):
    return b"HTTP/1.1 200 OK\r\ncontent-type: %s\r\ncontent-length: %d\r\n\r\n" % (kind.encode(), len(body)) + body


def reply(payload):
    return http_reply(json.dumps(payload).encode(), "application/json")


def attachment(value):
    batch = pa.record_batch({"n": pa.array([value], type=pa.int64())})
    out = pa.BufferOutputStream()
    with pa.ipc.new_stream(out, batch.schema) as writer:
        writer.write_batch(batch)
    return base64.b64encode(out.getvalue()).decode()


def state_of(statement_id):
    """The id says when the statement ends and what its value is."""
    _, due, value = statement_id.split("-")
    if time.monotonic() * 1000 < int(due):
        return reply({"statement_id": statement_id, "status": {"state": "PENDING"}})
    return reply({
        "statement_id": statement_id, "status": {"state": "SUCCEEDED"},
        "manifest": {"format": "ARROW_STREAM", "total_chunk_count": 1, "total_row_count": 1,
                     "schema": {"column_count": 1, "columns": [
                         {"name": "n", "type_name": "LONG", "type_text": "BIGINT", "position": 0}]}},
        "result": {"chunk_index": 0, "row_offset": 0, "row_count": 1, "attachment": attachment(int(value))}})


def answer(method, path, body):
    parts = path.split("?")[0].strip("/").split("/")
    if method == "POST" and parts[-1] == "sessions":
        return reply({"session_id": "bench"})
    if method == "POST" and parts[-1] == "statements":
        words = dict(w.split("=", 1) for w in json.loads(body)["statement"].split())
        return state_of(f"st-{int(time.monotonic() * 1000) + int(words['pending_ms'])}-{words['value']}")
    if method == "GET" and parts[-2] == "statements":
        return state_of(parts[-1])
    return reply({})


async def serve(reader, writer, answer=answer):
    try:
        while True:
            lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
            method, path, _ = lines[0].split(" ", 2)
            lengths = [int(v) for n, _, v in (x.partition(":") for x in lines[1:]) if n.lower() == "content-length"]
            body = await reader.readexactly(lengths[0]) if lengths else b""
            writer.write(answer(method, path, body))
            await writer.drain()
    except (asyncio.IncompleteReadError, asyncio.CancelledError, ConnectionError):
        pass
    finally:
        writer.close()


async def run(*command):
    process = await asyncio.create_subprocess_exec(*map(str, command), stdout=subprocess.PIPE)
    out, _ = await process.communicate()
    if process.returncode != 0:
        raise SystemExit(f"bench: {command[0]} ended with {process.returncode}")
    return json.loads(out)


async def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--statements", type=int, default=10_000)
    parser.add_argument("--peer-statements", type=int, default=1_000)
    parser.add_argument("--pending-ms", type=int, default=20_000)
    parser.add_argument("--mode", choices=["embedded", "threaded"], default="embedded")
    parser.add_argument("--library-folder", default=str(ROOT / "build"))
    parser.add_argument("--no-peer", action="store_true")
    parser.add_argument("--serve", type=int, default=0, metavar="PORT", help="only the stub, until it is ended")
    args = parser.parse_args()
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 20_000), hard))
    server = await asyncio.start_server(serve, "127.0.0.1", args.serve, limit=1 << 20, backlog=4096)
    if args.serve:
        await server.serve_forever()
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    with tempfile.TemporaryDirectory(prefix="dbk-bench-") as work:
        program = f"{work}/waiting"
        subprocess.run([os.environ.get("CC", "gcc"), "-O2", "-std=gnu11", f"-I{ROOT}/include", str(HERE / "waiting.c"),
                        f"-L{args.library_folder}", f"-Wl,-rpath,{args.library_folder}", "-ldatabricks_sql_kernel",
                        "-o", program], check=True)
        ours = await run(program, url, args.statements, args.pending_ms, args.mode)
    missed = [k for k, most in GOALS.items() if args.mode == "embedded" and ours[k] > most]
    print(f"waiting, ours ({args.mode}): {json.dumps(ours)}  goals {json.dumps(GOALS)} "
          f"{'MISSED: ' + ', '.join(missed) if missed else 'reached'}")
    if not args.no_peer:
        sys.path.insert(0, str(HERE))
        import run as bench
        addon, why = bench.fetch_peer()
        if addon is None:
            print(f"waiting: the peer cannot be installed: {why}")
        else:
            peer = await run("node", HERE / "waiting_peer.cjs", addon, url, args.peer_statements, args.pending_ms)
            print(f"waiting, peer (its Node addon): {json.dumps(peer)}")
    server.close()


if __name__ == "__main__":
    asyncio.run(main())
