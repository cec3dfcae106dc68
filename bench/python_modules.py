"""Our Python module beside the published wheel, under the same connector, in alternation: ratios of one run.

    .venv/bin/python bench/python_modules.py [--pairs 5] [case ...]     after `make python`; or `make bench-python`

Each run is a process of its own. CPU and wall are those of the statement alone, after connecting; the peak is
the process's, with Python, pyarrow and the connector in it.
"""

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
from functools import partial

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent

# What a process does with a cursor: the statement, how it is read, how often; and our goals over the wheel's.
CASES = {
    "fetchall_arrow": ("case=lineitem compression=lz4", "fetchall_arrow", 1, {"cpu_s": 0.6, "peak_kb": 0.7}),
    "fetchall": ("case=ten compression=lz4", "fetchall", 1, {}),
    "select-1": ("SELECT 1", "fetchall", 10_000, {"cpu_s": 0.7}),
}
METRICS = ("cpu_s", "wall_s", "peak_kb")


def peak_kb():
    """The process's own high-water mark; getrusage's starts at that of the parent."""
    for line in pathlib.Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1])
    return 0


def work(url, name):
    from databricks import sql

    text, read, repeat, _ = CASES[name]
    options = {"use_kernel": True, "enable_telemetry": False}
    with sql.connect(server_hostname=url, http_path="/sql/1.0/warehouses/bench", access_token="t", **options) as connection:
        before, start = resource.getrusage(resource.RUSAGE_SELF), time.monotonic()
        with connection.cursor() as cursor:
            for _ in range(repeat):
                cursor.execute(text)
                result = getattr(cursor, read)()
        wall, after = time.monotonic() - start, resource.getrusage(resource.RUSAGE_SELF)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    rows = result.num_rows if read == "fetchall_arrow" else len(result)
    print(json.dumps({"cpu_s": cpu, "wall_s": wall, "peak_kb": peak_kb(), "rows": rows}))


def spread(values):
    return f"{min(values):.4g}/{statistics.median(values):.4g}/{max(values):.4g}"


def report(title, runs, goals):
    """One case in numbers; False when a goal is missed."""
    reached = True
    print(f"{title}  (min/median/max of {len(runs['ours'])})")
    for metric in [m for m in METRICS if m in runs["ours"][0]]:
        ours, real = ([run[metric] for run in runs[which]] for which in ("ours", "real"))
        ratios = [mine / theirs for mine, theirs in zip(ours, real, strict=True)]
        line = f"  {metric:<8} ours {spread(ours):<30} wheel {spread(real):<30} ratio {spread(ratios)}"
        if metric in goals:
            good = statistics.median(ratios) <= goals[metric]
            reached &= good
            line += f"  goal <= {goals[metric]} {'reached' if good else 'MISSED'}"
        print(line, flush=True)
    return reached


def alternate(pairs, run):
    """Runs of both modules in turn; the first round only warms up."""
    runs = {"ours": [], "real": []}
    for turn in range(pairs + 1):
        for which in runs:
            result = run(which)
            if turn > 0:
                runs[which].append(result)
    return runs


def in_process(python, beside, url, case, which):
    folder = beside.ROOT / "bench" / "python_floor"
    env = {**beside.environment("ours"), "PYTHONPATH": str(folder)} if which == "floor" else beside.environment(which)
    command = [python, str(HERE / "python_modules.py"), "--work", url, case]
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=600)
    if done.returncode != 0:
        raise SystemExit(f"bench: {which} {case}\n{done.stderr}")
    return json.loads(done.stdout)


def cpu_of_fresh_memory(size):
    """CPU seconds of the kernel for clearing and mapping so many bytes in ordinary pages, and nothing else."""
    code = (f"import mmap, resource; m = mmap.mmap(-1, {size}, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)\n"
            "m.madvise(mmap.MADV_NOHUGEPAGE)\n"
            "before = resource.getrusage(resource.RUSAGE_SELF)\n"
            "m.madvise(23)  # MADV_POPULATE_WRITE\n"
            "after = resource.getrusage(resource.RUSAGE_SELF)\n"
            "print(after.ru_stime - before.ru_stime)")
    return float(subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout)


def report_floor(folder, run, runs):
    """What is left of the wheel's numbers when the module costs nothing."""
    manifest = json.loads((folder / "manifest.json").read_text())
    size = sum(manifest["sizes"][chunk % manifest["distinct"]]["plain"] for chunk in range(manifest["total"]))
    os.environ["DBK_BENCH_CASE"] = str(folder)
    peak = run("floor")["peak_kb"]
    peaks = [peak / other["peak_kb"] for other in runs["real"]]
    fresh = [cpu_of_fresh_memory(size) / other["cpu_s"] for other in runs["real"]]
    print(f"  floor    peak of the table and the process alone: {spread(peaks)} of the wheel's;"
          f" CPU of {size:,} fresh bytes: {spread(fresh)}", flush=True)


def import_time(python, which, beside):
    code = "import time; a = time.perf_counter(); import databricks_sql_kernel; print(time.perf_counter() - a)"
    done = subprocess.run([python, "-c", code], env=beside.environment(which), capture_output=True, text=True, check=True)
    return {"wall_s": float(done.stdout)}


def wheel_bytes(beside):
    ours = max(beside.OURS.glob("*.whl"), key=os.path.getmtime)
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", folder,
                        f"databricks-sql-kernel=={beside.REAL_VERSION}"], check=True, stdin=subprocess.DEVNULL)
        return ours.stat().st_size, next(pathlib.Path(folder).glob("*.whl")).stat().st_size


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("cases", nargs="*", default=[*CASES, "import", "wheel"])
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--data", default=str(ROOT / "build" / "bench-data"))
    parser.add_argument("--work", action="store_true", help="what each process is started with")
    args = parser.parse_args()
    if args.work:
        return work(*args.cases)
    sys.path[:0] = [str(HERE), str(ROOT / "tests" / "python")]
    import beside
    from run import Servers, machine

    python = str(beside.connector())
    data = pathlib.Path(args.data)
    used = {CASES[c][0].split()[0].partition("=")[2] for c in args.cases if c in CASES and "case=" in CASES[c][0]}
    subprocess.run([sys.executable, str(HERE / "chunks.py"), str(data), *sorted(used)], check=True)
    facts = {**machine(), "peer": f"databricks-sql-kernel {beside.REAL_VERSION}"}
    print("bench: " + ", ".join(f"{key} {value}" for key, value in facts.items()))
    missed = []
    with tempfile.TemporaryDirectory(prefix="dbk-bench-") as folder:
        servers = Servers(data.resolve(), folder)
        try:
            for case in [c for c in args.cases if c in CASES]:
                run = partial(in_process, python, beside, servers.api["plain"], case)
                runs = alternate(args.pairs, run)
                if len({one["rows"] for one in runs["ours"] + runs["real"]}) != 1:
                    raise SystemExit(f"bench: {case}: the modules returned different row counts")
                if not report(case, runs, CASES[case][3]):
                    missed.append(case)
                if case == "fetchall_arrow":
                    report_floor(data.resolve() / "lineitem", run, runs)
        finally:
            servers.stop()
    if "import" in args.cases:
        report("import", alternate(args.pairs, lambda which: import_time(python, which, beside)), {})
    if "wheel" in args.cases:
        ours, real = wheel_bytes(beside)
        good = ours <= real / 4
        print(f"wheel: ours {ours:,} bytes, theirs {real:,}, ratio {ours / real:.3f}  goal <= 0.25 {'reached' if good else 'MISSED'}")
        if not good:
            missed.append("wheel")
    print(f"goals missed: {', '.join(missed) or 'none'}")


if __name__ == "__main__":
    main()
