"""make async-bench: what event loops may ask of the library: a thousand results fetched at the same time on one thread,
a libuv program whose timer of 10 ms stays punctual while 200 MB stream through it, an asyncio program of a thousand
tasks. The server is a stub in this process.

The statement `fetch=N` has one chunk of 2 MB on storage, whose first value is N; `chunks=N` has N of them.
"""

import argparse
import asyncio
import functools
import json
import os
import pathlib
import resource
import subprocess
import sys
import tempfile

import numpy as np
import pyarrow as pa

from waiting import http_reply, reply, run, serve

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent
ROWS = 250_000  # of 8 bytes: 2 MB
LATE_MS = 5


def chunk(first):
    """A chunk as storage holds it: random values, which LZ4 cannot shrink, behind the number that is asked for."""
    values = np.random.default_rng(7).integers(0, 1 << 62, ROWS)
    values[0] = first
    batch = pa.record_batch({"n": values})
    out = pa.BufferOutputStream()
    with pa.ipc.new_stream(out, batch.schema) as writer:
        writer.write_batch(batch)
    return out.getvalue().to_pybytes()


class Stub:
    def __init__(self):
        self.url = ""
        mark = 0x0123456789ABCDEF
        whole = chunk(mark)
        self.at = whole.index(mark.to_bytes(8, "little"))  # of the first value
        self.body = whole

    def executed(self, sql):
        key, _, number = sql.partition("=")
        count, first = (int(number), 0) if key == "chunks" else (1, int(number))
        links = [{"external_link": f"{self.url}/storage/{first}", "expiration": "2099-01-01T00:00:00Z", "chunk_index": i,
                  "row_offset": i * ROWS, "row_count": ROWS, "byte_count": len(self.body),
                  **({"next_chunk_index": i + 1} if i + 1 < count else {})} for i in range(count)]
        return reply({
            "statement_id": f"st-{number}", "status": {"state": "SUCCEEDED"},
            "manifest": {"format": "ARROW_STREAM", "total_chunk_count": count, "total_row_count": count * ROWS,
                         "schema": {"column_count": 1, "columns": [
                             {"name": "n", "type_name": "LONG", "type_text": "BIGINT", "position": 0}]},
                         "chunks": [{k: link[k] for k in ("chunk_index", "row_offset", "row_count", "byte_count")}
                                    for link in links]},
            "result": {"external_links": links}})

    def answer(self, method, path, body):
        if path.startswith("/storage/"):
            first = int(path.rpartition("/")[2]).to_bytes(8, "little")
            return http_reply(self.body[: self.at] + first + self.body[self.at + 8 :], "application/octet-stream")
        if method == "POST" and path.endswith("/sessions"):
            return reply({"session_id": "bench"})
        if method == "POST" and path.endswith("/statements"):
            return self.executed(json.loads(body)["statement"])
        return reply({})


def build(folder, name, libraries, *flags):
    program = f"{folder}/{name}"
    subprocess.run([os.environ.get("CC", "gcc"), "-O2", "-std=gnu11", f"-I{ROOT}/include", str(HERE / f"{name}.c"),
                    f"-L{libraries}", f"-Wl,-rpath,{libraries}", "-ldatabricks_sql_kernel", *flags, "-o", program],
                   check=True)
    return program


def judge(name, seen, **most):
    missed = [key for key, limit in most.items() if seen[key] > limit]
    print(f"{name}: {json.dumps(seen)}  goals {json.dumps(most)} {'MISSED: ' + ', '.join(missed) if missed else 'reached'}",
          flush=True)
    return not missed


async def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=1_000, help="results and tasks")
    parser.add_argument("--library-folder", default=str(ROOT / "build"))
    parser.add_argument("--timer-rounds", type=int, default=3)
    args = parser.parse_args()
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 20_000), hard))
    os.environ["PYTHONPATH"] = os.pathsep.join([str(ROOT / "bindings" / "python"), str(ROOT / "build" / "python")])
    stub = Stub()
    server = await asyncio.start_server(functools.partial(serve, answer=stub.answer), "127.0.0.1", 0, limit=1 << 20, backlog=4096)
    stub.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    rows, fine = args.count * ROWS, True
    with tempfile.TemporaryDirectory(prefix="dbk-bench-") as work:
        for mode, threads in (("embedded", 1), ("threaded", 8)):
            seen = await run(build(work, "fetching", args.library_folder), stub.url, args.count, mode)
            assert seen["rows"] == rows, seen
            fine &= judge(f"{args.count} results of 2 MB at once, {mode}", seen, threads=threads)
        timer = build(work, "timer", args.library_folder, "-luv")
        for _ in range(args.timer_rounds):
            seen = await run(timer, stub.url, "chunks=100")
            assert seen["rows"] == 100 * ROWS, seen
            fine &= judge("libuv timer of 10 ms while 200 MB stream through", seen, worst_late_ms=LATE_MS)
    seen = await run(sys.executable, HERE / "tasks.py", stub.url, args.count)
    assert seen["rows"] == rows, seen
    fine &= judge(f"asyncio, {args.count} tasks that fetch 2 MB each", seen, threads=seen["threads_idle"] + 4)
    server.close()
    return 0 if fine else 1


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
