"""How fast the local warehouse is: `make warehouse-bench`.

Start to first answer: from the start of the process to the answer of SELECT 1, five times; the CPU seconds beside it
are those of the server, which a busy machine does not stretch.
Storage origin: one result of --bytes (2 GB), read once so that every chunk is built, then again with the server held
on one core: bytes per second over loopback, and bytes per CPU second of the server.
"""

from __future__ import annotations

import argparse
import compileall
import os
import socket
import sys
import time
from pathlib import Path
from urllib.parse import urlsplit

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))
from warehouse.testing import Server, local_warehouse  # noqa: E402

TICK = os.sysconf("SC_CLK_TCK")
ROW_BYTES = 8


def cpu_seconds(pid: int) -> float:
    with open(f"/proc/{pid}/stat") as file:
        fields = file.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICK


def start_to_first_answer() -> tuple[float, float]:
    started = time.perf_counter()
    with local_warehouse() as server:
        server.rows("SELECT 1")
        return time.perf_counter() - started, cpu_seconds(server.pid)


class Reader:
    """GETs over one kept connection; the bodies are counted and thrown away."""

    def __init__(self, origin: str) -> None:
        place = urlsplit(origin)
        self._socket = socket.create_connection((place.hostname, place.port))
        self._buffer = bytearray(4 << 20)

    def get(self, url: str) -> int:
        place = urlsplit(url)
        self._socket.sendall(f"GET {place.path}?{place.query} HTTP/1.1\r\nhost: {place.netloc}\r\n\r\n".encode())
        head = b""
        while b"\r\n\r\n" not in head:
            head += self._some()
        head, _, body = head.partition(b"\r\n\r\n")
        lines = head.decode("latin-1").lower().split("\r\n")
        assert " 200 " in lines[0], lines[0]
        size = int(next(line.split(":", 1)[1] for line in lines if line.startswith("content-length:")))
        left = size - len(body)
        while left:
            got = self._socket.recv_into(self._buffer)
            assert got, "the server closed the connection inside a body"
            left -= got
        return size

    def _some(self) -> bytes:
        data = self._socket.recv(1 << 16)
        assert data, "the server closed the connection"
        return data


def links_of(server: Server, statement: str) -> list[str]:
    """Fresh links of all chunks."""
    links, following = [], 0
    while following is not None:
        page = server.call("GET", f"/api/2.0/sql/statements/{statement}/result/chunks/{following}").json()
        links += [link["external_link"] for link in page["external_links"]]
        following = page["external_links"][-1].get("next_chunk_index")
    return links


def storage(size: int, core: int) -> tuple[int, float, float]:
    """Bytes, seconds and CPU seconds of the second reading."""
    with local_warehouse("--cache-bytes", str(size + (64 << 20))) as server:
        sql = f"SELECT id FROM range({size // ROW_BYTES})"
        answer = server.execute(sql, result_compression=None, disposition="EXTERNAL_LINKS", wait_timeout="50s")
        while answer["status"]["state"] in ("PENDING", "RUNNING"):
            time.sleep(0.5)
            answer = server.call("GET", f"/api/2.0/sql/statements/{answer['statement_id']}").json()
        assert answer["status"]["state"] == "SUCCEEDED", answer["status"]
        reader = Reader(server.storage_url)
        for following in range(0, 1 << 20, 32):  # builds them
            path = f"/api/2.0/sql/statements/{answer['statement_id']}/result/chunks/{following}"
            reply = server.call("GET", path)
            if reply.status == 404:
                break
            for link in reply.json()["external_links"]:
                reader.get(link["external_link"])
        links = links_of(server, answer["statement_id"])
        for task in os.listdir(f"/proc/{server.pid}/task"):
            os.sched_setaffinity(int(task), {core})
        burnt, started = cpu_seconds(server.pid), time.perf_counter()
        total = sum(reader.get(link) for link in links)
        return total, time.perf_counter() - started, cpu_seconds(server.pid) - burnt


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bytes", type=int, default=2_000_000_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--core", type=int, default=max(os.sched_getaffinity(0)), help="where the server is held")
    args = parser.parse_args()
    compileall.compile_dir(ROOT / "warehouse", quiet=1)  # as Python does by itself unless it is forbidden
    print(f"load of the machine: {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    runs = [start_to_first_answer() for _ in range(args.rounds)]
    walls = " ".join(f"{wall:.2f}" for wall, _ in runs)
    print(f"start to first answer: best {min(w for w, _ in runs):.2f} s ({walls}); CPU {min(c for _, c in runs):.2f} s")
    total, seconds, cpu = storage(args.bytes, args.core)
    print(f"storage origin, one core: {total / 1e9:.2f} GB in {seconds:.2f} s, {total / seconds / 1e9:.2f} GB/s")
    print(f"  {total / max(cpu, 1 / TICK) / 1e9:.2f} GB per CPU second of the server")


if __name__ == "__main__":
    main()
