"""ADBC drivers for Databricks through adbc_driver_manager in Python, in alternation: `make adbc-bench`.

    .venv/bin/python bench/adbc.py [--pairs 3] [--small] [drain] [table] [select-1] [ingest]

Ours beside those of the ADBC drivers project that `make adbc-peers` built: the Rust driver on the same stub SEA server, the
Go driver, which speaks only Thrift, on a stub of that (thrift_front.py), all on the same storage. Each run is a process of its own; CPU and wall are those of the statement alone, the peak the process's.
ingest is ours alone, on the local warehouse: the Rust driver has none and the Go driver sends a statement for each row.
"""

from __future__ import annotations

import argparse
import json
import os
import pathlib
import resource
import statistics
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent
PEERS = ROOT / "build" / "adbc-peers"
PATH = "/sql/1.0/warehouses/bench"
CASES = {  # SQL and how often
    "drain": ("case=lineitem compression=lz4", 1),
    "table": ("case=lineitem compression=lz4", 1),
    "select-1": ("SELECT 1", 1000),
}
SMALL = {"drain": ("case=lineitem compression=lz4 total=4", 1), "table": ("case=lineitem compression=lz4 total=4", 1), "select-1": ("SELECT 1", 20)}
ROWS, SMALL_ROWS = 1_000_000, 10_000


def drivers(api: str, thrift: str) -> dict[str, tuple[str, dict[str, str]]]:
    """What there is: file and options of each."""
    known = {
        "ours": (ROOT / "build" / "libadbc_driver_databricks.so", {"uri": api + PATH, "databricks.access_token": "t"}),
        "rust": (PEERS / "libdatabricks_adbc.so", {"uri": api, "databricks.warehouse_id": "bench",
                                                   "databricks.auth.type": "access_token", "databricks.access_token": "t"}),
        "go": (PEERS / "libadbc_go.so", {"uri": f"databricks://{thrift.replace('//', '//token:t@')}{PATH}?enableTelemetry=false"}),
    }
    return {name: (str(path), options) for name, (path, options) in known.items() if path.exists()}


def peak_kb() -> int:
    for line in pathlib.Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1])
    return 0


def measured(call) -> dict:
    before, start = resource.getrusage(resource.RUSAGE_SELF), time.monotonic()
    rows = call()
    wall, after = time.monotonic() - start, resource.getrusage(resource.RUSAGE_SELF)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return {"cpu_s": cpu, "wall_s": wall, "peak_kb": peak_kb(), "rows": rows}


def read(cursor, case: str) -> int:
    how, sql, repeat = json.loads(case)
    rows = 0
    for _ in range(repeat):
        cursor.execute(sql)
        if how == "table":
            rows += cursor.fetch_arrow_table().num_rows
        else:
            rows += sum(batch.num_rows for batch in cursor.fetch_record_batch())
    return rows


def made_rows(rows: int):
    import numpy as np
    import pyarrow as pa

    rng = np.random.default_rng(7)
    words = np.array(["silent", "deposits", "sleep", "furiously", "among", "requests"])
    return pa.table({"id": np.arange(rows), "price": rng.random(rows), "quantity": rng.integers(0, 50, rows).astype("i4"),
                     "comment": pa.array(words[rng.integers(0, len(words), rows)])})


def work(driver: str, options: dict[str, str], case: str) -> None:
    import warnings

    import adbc_driver_manager.dbapi as adbc

    warnings.simplefilter("ignore")  # that autocommit stays on
    table = made_rows(int(case.partition("=")[2])) if case.startswith("ingest=") else None
    with adbc.connect(driver=driver, db_kwargs=options) as connection, connection.cursor() as cursor:
        if table is not None:
            print(json.dumps(measured(lambda: cursor.adbc_ingest("adbc_bench", table, mode="replace"))))
        else:
            print(json.dumps(measured(lambda: read(cursor, case))))


def run(driver: str, options: dict[str, str], case: str) -> dict:
    command = [sys.executable, str(HERE / "adbc.py"), "--work", driver, json.dumps(options), case]
    done = subprocess.run(command, capture_output=True, text=True, timeout=900, env={**os.environ, "NO_PROXY": "*"})
    if done.returncode != 0:
        raise SystemExit(f"bench: {driver} {case}\n{done.stderr}")
    return json.loads(done.stdout.splitlines()[-1])


def spread(values) -> str:
    return f"{min(values):.4g}/{statistics.median(values):.4g}/{max(values):.4g}"


def compare(case: str, sql: str, repeat: int, there, pairs: int) -> None:
    runs = {name: [] for name in there}
    for turn in range(pairs + 1):  # the first round only warms up
        for name, (driver, options) in there.items():
            result = run(driver, options, json.dumps([case, sql, repeat]))
            if turn > 0:
                runs[name].append(result)
    rows = {result["rows"] for results in runs.values() for result in results}
    if len(rows) != 1:
        raise SystemExit(f"bench: {case}: the drivers returned different row counts: {rows}")
    print(f"{case}: {rows.pop():,} rows  (min/median/max of {pairs})")
    for name, results in runs.items():
        line = f"  {name:<5}"
        for metric in ("cpu_s", "wall_s", "peak_kb"):
            ratio = statistics.median(r[metric] / o[metric] for r, o in zip(results, runs["ours"], strict=True))
            line += f"  {metric} {spread([r[metric] for r in results])}" + (f" = {ratio:.2f} x ours" if name != "ours" else "")
        print(line, flush=True)


def ingest(rows_at_most: int) -> None:
    sys.path.insert(0, str(ROOT))
    from warehouse.testing import local_warehouse

    driver = str(ROOT / "build" / "libadbc_driver_databricks.so")
    with local_warehouse() as server:
        server.execute("CREATE VOLUME main.default.adbc_bench")
        base = {"uri": server.url + server.http_path, "databricks.access_token": server.token}
        ways = {
            "through a volume": (rows_at_most, {"databricks.ingest.staging_volume": "/Volumes/main/default/adbc_bench"}),
            "INSERT with parameters": (rows_at_most // 100, {}),
        }
        for way, (rows, more) in ways.items():
            mark = server.journal_mark()
            done = run(driver, base | more, f"ingest={rows}")
            sent = [e for e in server.journal(mark) if e["method"] == "POST" and e["path"].endswith("/statements")]
            there = server.rows("SELECT count(*), count(DISTINCT id) FROM adbc_bench")[0]
            assert there == (rows, rows), there
            print(f"ingest, {way}: {rows:,} rows in {done['wall_s']:.2f} s, {rows / done['wall_s']:,.0f} rows/s, "
                  f"{len(sent)} statements, client CPU {done['cpu_s']:.2f} s, peak {done['peak_kb'] // 1024} MB", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("cases", nargs="*")
    parser.add_argument("--pairs", type=int, default=3)
    parser.add_argument("--small", action="store_true", help="only shows that it works")
    parser.add_argument("--data", default=str(ROOT / "build" / "bench-data"))
    parser.add_argument("--work", action="store_true", help="what each process is started with")
    args = parser.parse_args()
    if args.work:
        driver, options, case = args.cases
        return work(driver, json.loads(options), case)
    args.cases = args.cases or [*CASES, "ingest"]
    sizes = SMALL if args.small else CASES
    sys.path.insert(0, str(HERE))
    from run import Servers, free_port, machine, wait_for

    data = pathlib.Path(args.data)
    subprocess.run([sys.executable, str(HERE / "chunks.py"), str(data), "lineitem"], check=True)
    print("bench: " + ", ".join(f"{key} {value}" for key, value in machine().items()))
    with tempfile.TemporaryDirectory(prefix="dbk-bench-") as folder:
        servers = Servers(data.resolve(), folder)
        try:
            port = free_port()
            servers.start([sys.executable, str(HERE / "thrift_front.py"), str(data), "--port", str(port), "--storage", servers.storage["plain"]])
            wait_for(port)
            there = drivers(servers.api["plain"], f"http://127.0.0.1:{port}")
            for case in (c for c in args.cases if c in CASES):
                compare(case, *sizes[case], there, args.pairs)
        finally:
            servers.stop()
    if "ingest" in args.cases:
        ingest(SMALL_ROWS if args.small else ROWS)


if __name__ == "__main__":
    main()
