"""The ODBC driver on 1,000,000 rows x 10 columns: `make odbc-bench [ROWS=...]`. Block cursors beside the raw Arrow drain and the
floor of their conversion (drivers/odbc/bench.c), then block cursors and pyodbc's fetchall through the driver manager, and the
same with PostgreSQL's driver on a PostgreSQL of its own, where both are installed (Debian: postgresql, odbc-postgresql). The
floor of fetchall is the raw drain, and fetchall over a driver that does nothing but write the values (odbc_stub.c): Python's
objects as pyodbc makes them, and the driver manager."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlparse

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from warehouse.testing import local_warehouse  # noqa: E402

TEXTS = ", ".join(f"lpad(CAST(id AS {{text}}), 16, '{letter}') AS {letter}" for letter in "xyzuv")
NUMBERS = "id, id + 1 AS a, id * 2 AS b, id - 7 AS c, id % 1000 AS d"
PSQLODBC = Path("/usr/lib/x86_64-linux-gnu/odbc/psqlodbcw.so")


@contextlib.contextmanager
def postgresql() -> Iterator[str | None]:
    """The connection string of a PostgreSQL that lives as long as the block; None where it is not installed."""
    programs = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    if not programs or not PSQLODBC.exists():
        yield None
        return
    with tempfile.TemporaryDirectory() as folder, socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
        probe.close()
        if os.getuid() == 0:  # it does not run as root
            shutil.chown(folder, "postgres")
        user = ["runuser", "-u", "postgres", "--"] if os.getuid() == 0 else []
        words = f"-p {port} -c listen_addresses=127.0.0.1 -k {folder}"
        control = [*user, programs[-1] / "pg_ctl", "-s", "-w", "-D", f"{folder}/data", "-l", f"{folder}/log"]
        subprocess.run([*user, programs[-1] / "initdb", "-D", f"{folder}/data", "-A", "trust", "-U", "bench"], check=True, stdout=subprocess.DEVNULL)
        subprocess.run([*control, "-o", words, "start"], check=True)
        try:
            yield f"Driver={PSQLODBC};Server=127.0.0.1;Port={port};Database=postgres;UID=bench;PWD=none"
        finally:
            subprocess.run([*control, "-m", "fast", "stop"], check=True)


def client(how: str, string: str, sql: str, rows: int) -> float:
    said = subprocess.run([sys.executable, ROOT / "bench" / "odbc_client.py", how, string, sql], check=True, capture_output=True, text=True).stdout
    cpu, read = said.split()
    assert int(read) == rows, f"{read} of {rows} rows"
    return float(cpu)


def stub(folder: str) -> Path:
    made = Path(folder, "odbc_stub.so")
    subprocess.run(["cc", "-O2", "-shared", "-fPIC", "-o", made, ROOT / "bench" / "odbc_stub.c"], check=True)
    return made


def drain(keys: str, rows: int) -> float:
    """Block cursors beside the raw Arrow drain; the CPU seconds of the drain, the best of what odbc_bench says."""
    said = subprocess.run([ROOT / "build/tests/odbc_bench", keys, str(rows)], check=True, capture_output=True, text=True).stdout
    print(said, end="", flush=True)
    return min(float(number) for number in re.findall(r"^drain (\S+) s", said, re.M))


def measure(how: str, name: str, string: str, sql: str, rows: int) -> float:
    took = [client(how, string, sql, rows) for _ in range(3)]
    print(f"{how:8} {name:9} CPU {min(took):.3f} s (of {', '.join(f'{t:.3f}' for t in took)})", flush=True)
    return min(took)


def main() -> int:
    rows = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    with local_warehouse() as server, postgresql() as postgres, tempfile.TemporaryDirectory() as folder:
        url = urlparse(server.url)
        keys = f"Host={url.hostname};Port={url.port};SSL=0;HTTPPath={server.http_path};AuthMech=3;PWD={server.token}"
        raw = drain(keys, rows)
        sources = {"dbkernel": (f"Driver={ROOT}/build/libdatabricks_odbc.so;{keys}", f"SELECT {NUMBERS}, {TEXTS.format(text='STRING')} FROM range({rows})")}
        if postgres:
            series = f"(SELECT CAST(n AS BIGINT) AS id FROM generate_series(0, {rows - 1}) AS n) AS numbers"
            sources["psqlodbc"] = (postgres, f"SELECT {NUMBERS}, {TEXTS.format(text='TEXT')} FROM {series}")
        else:
            print("psqlodbc: not run, PostgreSQL or its driver is not installed here")
        for name, (string, sql) in sources.items():
            measure("block", name, string, sql, rows)
        nothing = measure("fetchall", "no driver", f"Driver={stub(folder)};ROWS={rows}", "SELECT", rows)
        floor = raw + nothing
        print(f"fetchall floor     CPU {floor:.3f} s: the drain, and pyodbc over a driver that only writes the values")
        for name, (string, sql) in sources.items():
            took = measure("fetchall", name, string, sql, rows)
            print(f"fetchall {name:9} {took / floor:.2f} x the floor (goal 1.6)", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
