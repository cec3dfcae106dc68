"""make bench-node: our Node.js addon beside the closed one, in alternation, as ratios of one run.

Servers, data and the peer are those of run.py; 1,000 submitted statements wait at the stub of waiting.py. CPU and
memory are of the whole Node.js process, from its start. The floor of the delay while draining is that of an event
loop that has nothing to do at all, while the same drain runs in a C program of its own, with the priority that our
downloads have in Node.js: what is left is waiting for a core.
"""

import argparse
import json
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile

import run

ROOT = run.ROOT
SCRIPT = pathlib.Path(__file__).with_suffix(".cjs")
# Case: what, SQL, count, goals of ours over the peer's as (metric, limit).
CASES = {
    "drain": ("drain", "case=lineitem compression=lz4", "1",
              [("cpu_s", 0.5), ("wall_s", 0.6), ("peak_kb", 0.4), ("delay_p99_ms", 0.5)]),
    "drain-raw": ("drain", "case=lineitem compression=none", "1", [("cpu_s", 0.5)]),
    "small": ("drain", "case=small compression=lz4", "1", []),
    "submit": ("submit", "-", "1000", [("cpu_s", 1.0), ("wall_s", 1.0), ("peak_kb", 1.0)]),
}
SIZE_LIMIT = 1 / 3
# Node.js parses this file at every start, whoever the addon is.
ENVIRONMENT = {k: v for k, v in os.environ.items() if k != "NODE_EXTRA_CA_CERTS"}
LABELS = ("cpu_s", "wall_s", "peak_kb", "delay_p99_ms", "delay_max_ms", "batches")
ADDONS = ("ours", "peer")
GIVE_WAY_NICE = 10  # of src/net/runtime.c


def once(command):
    done = subprocess.run(command, capture_output=True, text=True, timeout=600, env=ENVIRONMENT)
    if done.returncode != 0:
        raise SystemExit(f"bench-node: {' '.join(map(str, command))}\n{done.stderr}")
    return json.loads(done.stdout)


def commands(node, addons, url, case, floor):
    """Who runs what; floor: the C program and the library that drain beside an idle event loop."""
    what, sql, count, goals = CASES[case]
    made = {who: [*node, str(SCRIPT), str(addon), url, what, sql, count] for who, addon in addons.items()}
    if any(metric == "delay_p99_ms" for metric, _ in goals):
        made["floor"] = [*node, str(SCRIPT), "beside", "nice", "-n", str(GIVE_WAY_NICE), *floor, url, sql]
    return made


def alternate(made, pairs):
    """The first round warms up; who begins changes every round."""
    runs = {who: [] for who in made}
    for turn in range(pairs + 1):
        for who in sorted(made, reverse=turn % 2 == 1):
            result = once(made[who])
            if turn > 0:
                runs[who].append(result)
    return runs


def check(case, runs):
    """Both read the same rows: the payloads' framing may differ, by its padding (a hundredth)."""
    read = [r for who in ADDONS for r in runs.get(who, [])]
    sizes = [r["bytes"] for r in read]
    if case == "submit":
        wrong = [r["batches"] for r in read if r["batches"] != int(CASES[case][2])]
    else:
        wrong = sizes if max(sizes) > 1.05 * min(sizes) or min(sizes) == 0 else []
    if wrong:
        raise SystemExit(f"bench-node: {case}: the addons did not read the same: {wrong}")


def report(case, runs):
    print(f"{case}: {CASES[case][1]}  (min/median/max)")
    for metric in LABELS:
        line = f"  {metric:<13} ours {run.spread([r[metric] for r in runs['ours']]):<24}"
        if runs.get("peer"):
            line += (f" rust {run.spread([r[metric] for r in runs['peer']]):<24}"
                     f" ratio {run.spread(run.ratios(runs, metric, 'peer'))}")
        if metric.startswith("delay") and runs.get("floor"):
            line += f" floor {run.spread([r[metric] for r in runs['floor']])}"
        print(line, flush=True)
    for metric, limit in CASES[case][3] if runs.get("peer") else []:
        ratio = statistics.median(run.ratios(runs, metric, "peer"))
        yield f"{case}: {metric} <= {limit:g} x rust: {ratio:.3g} {'reached' if ratio <= limit else 'MISSED'}"
    if runs.get("peer") and runs.get("floor"):
        over = [a["delay_p99_ms"] / b["delay_p99_ms"] for a, b in zip(runs["floor"], runs["peer"])]
        yield f"{case}: an event loop with nothing to do has {statistics.median(over):.3g} x rust (delay_p99_ms)"


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("cases", nargs="*", help=f"of {', '.join(CASES)}; all without")
    parser.add_argument("--pairs", type=int, default=7, help="measured after one that only warms up")
    parser.add_argument("--addon", default=str(ROOT / "build" / "bundled" / "node" / "index.linux-x64-gnu.node"))
    parser.add_argument("--library", default=str(ROOT / "build" / "bundled" / "libdatabricks_sql_kernel.so"),
                        help="drains beside the idle event loop")
    parser.add_argument("--node", default=shutil.which("node"))
    parser.add_argument("--under", default="", help='a prefix of each run, such as "chrt -r 1" on a busy machine')
    parser.add_argument("--data", default=str(ROOT / "build" / "bench-data"))
    parser.add_argument("--json", default=str(ROOT / "build" / "bench-node.json"))
    args = parser.parse_args()
    chosen = [name for name in CASES if not args.cases or name in args.cases]
    peer, why = run.fetch_peer()
    if peer is None:
        print(f"bench-node: the peer cannot be installed, ours runs alone: {why}")
    addons = {"ours": args.addon, **({"peer": peer} if peer else {})}
    data = pathlib.Path(args.data)
    used = sorted({CASES[c][1].split()[0].partition("=")[2] for c in chosen if "case=" in CASES[c][1]})
    if used:
        subprocess.run([sys.executable, str(run.HERE / "chunks.py"), str(data), *used], check=True)
    version = subprocess.run([args.node, "--version"], capture_output=True, text=True, check=True).stdout.strip()
    print("bench-node: " + ", ".join(f"{k} {v}" for k, v in {**run.machine(), "node": version}.items()))
    results, lines = {}, []
    with tempfile.TemporaryDirectory(prefix="dbk-bench-") as work:
        drain, _ = run.build_programs(work)
        servers = run.Servers(data.resolve(), work)
        try:
            waiting = run.free_port()
            servers.start([sys.executable, str(run.HERE / "waiting.py"), "--serve", str(waiting)])
            run.wait_for(waiting)
            for case in chosen:
                url = f"http://127.0.0.1:{waiting}" if case == "submit" else servers.api["plain"]
                made = commands([*args.under.split(), args.node], addons, url, case, [drain, args.library])
                results[case] = alternate(made, args.pairs)
                check(case, results[case])
                lines += report(case, results[case])
        finally:
            servers.stop()
    sizes = {who: os.path.getsize(file) for who, file in addons.items()}
    if peer:
        ratio = sizes["ours"] / sizes["peer"]
        verdict = "reached" if ratio <= SIZE_LIMIT else "MISSED"
        lines.append(f"file: {sizes['ours']:,} bytes <= 1/3 x rust ({sizes['peer']:,}): {ratio:.3g} {verdict}")
    pathlib.Path(args.json).write_text(json.dumps({"sizes": sizes, "runs": results}, indent=1))
    print("\n" + "\n".join(lines) + f"\nload now {run.load()}; raw runs in {args.json}")


if __name__ == "__main__":
    main()
