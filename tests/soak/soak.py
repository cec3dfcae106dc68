"""make soak: long runs that are not for every change.

1. READS results with one link per answer and a prompt reader: every one comes back whole.
2. STATEMENTS statements of mixed sizes against the local warehouse, once without and once with faults on
   5 % of the requests, drawn from a fixed seed: the same rows, and memory, files and threads of the
   process back to the start after close.
"""

import argparse
import contextlib
import os
import pathlib
import random
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path.insert(0, str(ROOT))
from warehouse.testing import local_warehouse  # noqa: E402

SEED = 20261121
RATE = 0.05
FAULTS = ["storage.get~{r}:reset", "storage.get~{r}:truncate(200)", "storage.get~{r}:status(503)",
          "storage.get~{r}:status(403)", "stmt.get~{r}:status(503)", "stmt.get~{r}:reset",
          "stmt.chunk~{r}:status(503)", "stmt.chunk~{r}:reset", "stmt.close~{r}:reset"]
GROWTH_KB = 16 * 1024


def build_reader(work):
    reader = f"{work}/reader"
    subprocess.run([os.environ.get("CC", "gcc"), "-O2", "-std=gnu11", f"-I{ROOT}/include",
                    str(HERE / "reader.c"), "-ldl", "-o", reader], check=True)
    return reader


def read(reader, library, url, statements, times=1):
    done = subprocess.run([reader, library, url, str(times)], input="\n".join(statements) + "\n",
                          capture_output=True, text=True)
    return done.stdout.splitlines()


def check_process(lines):
    """RSS in kB, open files and threads before the session and after it."""
    before, after = (list(map(int, line.split()[1:])) for line in (lines[0], lines[-1]))
    print(f"  process: RSS {before[0]} -> {after[0]} kB, files {before[1]} -> {after[1]}, "
          f"threads {before[2]} -> {after[2]}")
    return after[0] - before[0] < GROWTH_KB and after[1:] == before[1:]


def one_link(reader, library, reads):
    with contextlib.ExitStack() as stack:
        server = subprocess.Popen([sys.executable, str(HERE / "one_link.py")], stdout=subprocess.PIPE, text=True)
        stack.callback(server.wait)
        stack.callback(server.terminate)
        url = f"http://127.0.0.1:{server.stdout.readline().strip()}"
        lines = read(reader, library, url, ["SELECT 1"], reads)
    print(f"one link per answer: {reads} reads, {len(lines) - 3} of them different or failed")
    for line in lines[2:-1][:5]:
        print("  " + line)
    return len(lines) == 3 and lines[1].startswith("100 ") and check_process(lines)


def statements_of(count):
    rng = random.Random(SEED)
    for _ in range(count):
        rows = rng.choice([0, 1, 10, 100, 1_000, 10_000, 50_000])
        chunk = max(rows // rng.choice([1, 3, 10]), 1)
        hints = f"chunk_rows={chunk}" + rng.choice(["", ", inline_max=0", ", inline_max=0, links_per_page=1",
                                                    ", inline_max=0, compression=none", ", pending=2"])
        yield (f"/*lw: {hints}*/ SELECT id, CAST(id * 3 AS STRING) AS s, CAST(id AS DOUBLE) / 7 AS d "
               f"FROM range({rows})")


def run_all(reader, library, statements, faults):
    options = ["--seed", str(SEED)]
    for fault in faults:
        options += ["--fault", fault]
    with local_warehouse(*options) as server:
        return read(reader, library, server.url, statements)


def mixed(reader, library, count):
    statements = list(statements_of(count))
    plain = run_all(reader, library, statements, [])
    rate = round(RATE / 3, 4)  # three of the rules apply to a request at most
    faulty = run_all(reader, library, statements, [fault.format(r=rate) for fault in FAULTS])
    differ = sum(a != b for a, b in zip(plain[1:-1], faulty[1:-1])) + abs(len(plain) - len(faulty))
    errors = [line for line in faulty + plain if line.startswith("error")]
    print(f"mixed statements: {count}, {differ} differ from the run without faults, {len(errors)} errors")
    for line in errors[:5]:
        print("  " + line)
    calm = check_process(plain)
    return differ == 0 and len(plain) == count + 2 and check_process(faulty) and calm


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--reads", type=int, default=100_000)
    parser.add_argument("--statements", type=int, default=2_000)
    parser.add_argument("--library", default=str(ROOT / "build" / "libdatabricks_sql_kernel.so"))
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="dbk-soak-") as work:
        reader = build_reader(work)
        good = args.reads == 0 or one_link(reader, args.library, args.reads)
        good = (args.statements == 0 or mixed(reader, args.library, args.statements)) and good
    print("soak: " + ("passed" if good else "FAILED"))
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
