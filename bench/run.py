"""make bench: our library beside the closed kernel, in alternation, as ratios of one run.

Everything is prepared here: chunk files, nginx as storage, the stub SEA server, the peer from the npm
registry. Numbers of one machine and one hour mean little alone; the ratios are what counts.
"""

import argparse
import json
import os
import pathlib
import platform
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import typing

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent
PEER = "@databricks/databricks-sql-kernel-linux-x64-gnu"
PEER_VERSION = "1.0.0"


class Goal(typing.NamedTuple):
    """The median of a metric, or of its ratio to another program's in the same round, may reach a limit."""
    metric: str
    over: str | None  # "peer", "floor"; None: the value itself
    limit: float

    def __str__(self):
        unit = {"peer": " x rust", "floor": " x floor"}.get(self.over, "")
        return f"{LABELS[self.metric]} <= {self.limit:g}{unit}"


class Case:
    """One row of the report: a statement, and what is compared."""

    def __init__(self, name, sql, title, *goals, repeat=1, storage="plain", slow_us=0, floor=None):
        self.name, self.sql, self.title, self.goals = name, sql, title, goals
        self.repeat, self.storage, self.slow_us, self.floor = repeat, storage, slow_us, floor


LABELS = {"cpu_s": "CPU s", "wall_s": "wall s", "p50_ms": "p50 ms", "first_ms": "first batch ms", "peak_kb": "peak kB"}
LZ4_FLOOR = ("lineitem", ".arrow.lz4")
RAW_FLOOR = ("lineitem", ".arrow")
INLINE_FLOOR = ("inline", ".json")
FLAT = Goal("peak_kb", None, 72 * 1024)  # whatever the result's size or the reader's pace
CASES = [
    Case("lineitem", "case=lineitem compression=lz4", "1.11 GB, LZ4, 60 chunks",
         Goal("cpu_s", "floor", 1.25), Goal("cpu_s", "peer", 0.45), Goal("wall_s", "peer", 0.65), FLAT,
         Goal("first_ms", None, 10), Goal("first_ms", "peer", 0.2), floor=LZ4_FLOOR),
    Case("lineitem-tls", "case=lineitem compression=lz4", "the same, storage over TLS 1.3",
         Goal("cpu_s", "peer", 0.5), storage="tls", floor=LZ4_FLOOR),
    Case("lineitem-raw", "case=lineitem compression=none", "the same, not compressed",
         Goal("cpu_s", "peer", 0.4), FLAT, floor=RAW_FLOOR),
    Case("select-1", "SELECT 1", "SELECT 1, 1,000 in a row",
         Goal("p50_ms", "peer", 0.9), Goal("cpu_s", "peer", 0.6), repeat=1000),
    Case("inline", "case=inline compression=lz4", "4 MiB attachment, 50 in a row; floor: base64 and LZ4 alone",
         Goal("cpu_s", "floor", 1.5), repeat=50, floor=INLINE_FLOOR),
    Case("small", "case=small compression=lz4", "400 chunks of 200 KB"),
    Case("huge", "case=huge compression=lz4", "one chunk of 200 MB"),
    Case("wide", "case=wide compression=lz4", "500 columns"),
    Case("strings", "case=strings compression=lz4", "strings"),
    Case("decimals", "case=decimals compression=lz4", "decimals"),
    Case("nested", "case=nested compression=lz4", "lists and structs"),
    Case("far", "case=lineitem compression=lz4", "storage 30 ms away, 50 MB/s per connection",
         Goal("wall_s", "peer", 1.0), storage="far"),
    Case("slow-reader", "case=lineitem compression=lz4", "reader takes 2 ms per batch", FLAT, slow_us=2000),
    Case("10-gb", "case=lineitem compression=lz4 total=540", "10 GB of Arrow", FLAT),
]


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def wait_for(port):
    for _ in range(200):
        with socket.socket() as s:
            if s.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise SystemExit(f"bench: nothing listens on port {port}")


NGINX = """
daemon off; worker_processes 1; pid {dir}/nginx.pid; error_log {dir}/nginx.err;
events {{ worker_connections 512; }}
http {{
  access_log off; sendfile on; tcp_nopush on; keepalive_requests 1000000;
  client_body_temp_path {dir}/t; proxy_temp_path {dir}/t; fastcgi_temp_path {dir}/t;
  uwsgi_temp_path {dir}/t; scgi_temp_path {dir}/t;
  ssl_certificate {dir}/cert.pem; ssl_certificate_key {dir}/key.pem; ssl_protocols TLSv1.3;
  server {{ listen 127.0.0.1:{plain}; root {data}; }}
  server {{ listen 127.0.0.1:{tls} ssl; root {data}; }}
}}
"""


class Servers:
    """nginx, the shaped storage and one stub per storage origin; ended by their own process ids."""

    def __init__(self, data, work):
        self.running = []
        plain, tls, far = free_port(), free_port(), free_port()
        subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
                        "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1",
                        "-keyout", f"{work}/key.pem", "-out", f"{work}/cert.pem"],
                       check=True, capture_output=True)
        conf = pathlib.Path(work, "nginx.conf")
        conf.write_text(NGINX.format(dir=work, data=data, plain=plain, tls=tls))
        self.start(["nginx", "-c", str(conf)])
        self.start([sys.executable, str(HERE / "far_storage.py"), str(data), str(far)])
        self.storage = {"plain": f"http://127.0.0.1:{plain}", "tls": f"https://127.0.0.1:{tls}",
                        "far": f"http://127.0.0.1:{far}"}
        for port in (plain, tls, far):
            wait_for(port)
        self.api = {}
        for kind, origin in self.storage.items():
            port = free_port()
            self.start([sys.executable, str(HERE / "serve.py"), str(data), "--port", str(port),
                        "--storage", origin])
            wait_for(port)
            self.api[kind] = f"http://127.0.0.1:{port}"

    def start(self, command):
        self.running.append(subprocess.Popen(command, stdout=subprocess.DEVNULL))

    def stop(self):
        for process in self.running:
            process.terminate()
        for process in self.running:
            process.wait(timeout=10)


def fetch_peer():
    """The closed kernel, from the npm registry; None with the reason when it cannot be had."""
    folder = ROOT / "build" / "peer"
    files = list(folder.glob(f"node_modules/{PEER}/*.node"))
    if not files:
        folder.mkdir(parents=True, exist_ok=True)
        done = subprocess.run(["npm", "install", "--prefix", str(folder), "--no-save", "--no-package-lock",
                               f"{PEER}@{PEER_VERSION}"], capture_output=True, text=True)
        files = list(folder.glob(f"node_modules/{PEER}/*.node"))
        if not files:
            return None, done.stderr.strip().splitlines()[-1:] or ["npm failed"]
    return str(files[0]), None


def build_programs(work):
    cc = os.environ.get("CC", "gcc")
    drain, floor = f"{work}/drain", f"{work}/floor"
    subprocess.run([cc, "-O2", "-std=gnu11", f"-I{ROOT}/include", str(HERE / "drain.c"),
                    str(HERE / "napi_stubs.c"), "-rdynamic", "-ldl", "-o", drain], check=True)
    subprocess.run([cc, "-O2", "-std=gnu11", str(HERE / "floor.c"), "-lcurl", "-llz4", "-o", floor],
                   check=True)
    return drain, floor


def curl_version(floor):
    """libcurl and its TLS library: those of the floor, and of ours unless it is the bundled one."""
    return " ".join(subprocess.run([floor, "version"], capture_output=True, text=True, check=True).stdout.split()[:2])


def measure(command):
    done = subprocess.run(command, capture_output=True, text=True, timeout=600)
    if done.returncode != 0:
        raise SystemExit(f"bench: {' '.join(map(str, command))}\n{done.stderr}")
    return json.loads(done.stdout)


def floor_command(case, servers, program, data):
    name, suffix = case.floor
    manifest = json.loads((data / name / "manifest.json").read_text())
    return [program, f"{servers.storage[case.storage]}/{name}/chunk-", suffix, str(manifest["distinct"]),
            str(manifest["total"] * case.repeat)]


def run_case(case, pairs, servers, programs, ours, peer, data):
    """Rounds in which each program runs once, on the same servers; who begins changes every round."""
    drain, floor = programs
    arguments = [servers.api[case.storage], case.sql, str(case.repeat), str(case.slow_us)]
    commands = {"ours": [drain, ours, *arguments]}
    if peer is not None:
        commands["peer"] = [drain, peer, *arguments]
    if case.floor is not None:
        commands["floor"] = floor_command(case, servers, floor, data)
    runs = {"ours": [], "peer": [], "floor": []}
    for turn in range(pairs + 1):
        for who in sorted(commands, reverse=turn % 2 == 1):
            result = measure(commands[who])
            if turn > 0:  # the first round warms caches
                runs[who].append(result)
    rows = {r["rows"] for who in ("ours", "peer") for r in runs[who]}
    if len(rows) > 1:
        print(f"  {case.name}: the libraries returned different row counts: {sorted(rows)}")
    return runs


def ratios(runs, metric, over):
    pairs = zip(runs["ours"], runs[over])
    return [a[metric] / b[metric] for a, b in pairs if metric in b and b[metric]]


def spread(values):
    return f"{min(values):.3g}/{statistics.median(values):.3g}/{max(values):.3g}"


def report_case(case, runs):
    print(f"{case.name}: {case.title}  (min/median/max)")
    for metric, label in LABELS.items():
        if metric == "p50_ms" and case.repeat == 1:
            continue
        line = f"  {label:<15} ours {spread([r[metric] for r in runs['ours']]):<24}"
        for who, name in (("peer", "rust"), ("floor", "floor")):
            ratio = ratios(runs, metric, who)
            if ratio:
                line += f" {name} {spread([r[metric] for r in runs[who]]):<24} ratio {spread(ratio):<18}"
        print(line, flush=True)


def judge(case, runs):
    """Lines of the table of goals: case, goal, what was reached, verdict."""
    for goal in case.goals:
        values = ratios(runs, goal.metric, goal.over) if goal.over else [r[goal.metric] for r in runs["ours"]]
        if values:
            verdict = "reached" if statistics.median(values) <= goal.limit else "MISSED"
            yield case.name, str(goal), spread(values), verdict


def print_table(lines):
    widths = [max(len(line[i]) for line in lines) for i in range(4)]
    for line in lines:
        print("  ".join(text.ljust(width) for text, width in zip(line, widths)).rstrip())


BAR = {"ours": "#1f77b4", "peer": "#d62728", "floor": "#7f7f7f"}


def draw(results, path):
    """Bars of CPU seconds per case, each scaled to the closed kernel."""
    rows, y = [], 40
    for name, runs in results.items():
        base = statistics.median(r["cpu_s"] for r in (runs["peer"] or runs["ours"]))
        rows.append(f'<text x="10" y="{y + 14}" font-size="13">{name}</text>')
        for who in ("ours", "peer", "floor"):
            if not runs[who]:
                continue
            value = statistics.median(r["cpu_s"] for r in runs[who])
            width = max(1, 400 * value / base)
            rows.append(f'<rect x="150" y="{y}" width="{width:.0f}" height="12" fill="{BAR[who]}"/>'
                        f'<text x="{156 + width:.0f}" y="{y + 11}" font-size="11">{who} {value:.3f} s</text>')
            y += 15
        y += 12
    text = (f'<svg xmlns="http://www.w3.org/2000/svg" width="720" height="{y + 10}" '
            f'font-family="sans-serif"><text x="10" y="22" font-size="15">CPU seconds per case, '
            f'bars relative to the Rust kernel</text>{"".join(rows)}</svg>')
    pathlib.Path(path).write_text(text)


def load():
    return round(os.getloadavg()[0], 1)


def machine():
    compiler = subprocess.run(["gcc", "--version"], capture_output=True, text=True).stdout.splitlines()[0]
    commit = subprocess.run(["git", "-C", str(ROOT), "rev-parse", "--short", "HEAD"], capture_output=True,
                            text=True).stdout.strip()
    return {"cores": os.cpu_count(), "load": load(), "kernel": platform.release(), "compiler": compiler, "commit": commit,
            "peer": f"{PEER}@{PEER_VERSION}", "date": time.strftime("%Y-%m-%d")}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("cases", nargs="*", help="names of cases; all without")
    parser.add_argument("--pairs", type=int, default=7, help="measured after one that only warms up")
    parser.add_argument("--library", default=str(ROOT / "build" / "libdatabricks_sql_kernel.so"))
    parser.add_argument("--data", default=str(ROOT / "build" / "bench-data"))
    parser.add_argument("--json", default=str(ROOT / "build" / "bench.json"))
    parser.add_argument("--svg", default=str(HERE / "report.svg"))
    args = parser.parse_args()
    chosen = [c for c in CASES if not args.cases or c.name in args.cases]
    if shutil.which("nginx") is None:
        raise SystemExit("bench: nginx is missing: apt-get install nginx-light")
    peer, why = fetch_peer()
    if peer is None:
        print(f"bench: the peer cannot be installed, ours runs alone: {why}")
    data = pathlib.Path(args.data)
    used = {c.sql.split()[0].partition("=")[2] for c in chosen if "case=" in c.sql}
    subprocess.run([sys.executable, str(HERE / "chunks.py"), str(data), *sorted(used)], check=True)
    facts = machine()
    results, table = {}, [("case", "goal", "min/median/max", "")]
    with tempfile.TemporaryDirectory(prefix="dbk-bench-") as work:
        programs = build_programs(work)
        facts["curl"] = curl_version(programs[1])
        print("bench: " + ", ".join(f"{k} {v}" for k, v in facts.items()))
        servers = Servers(data.resolve(), work)
        try:
            for case in chosen:
                results[case.name] = run_case(case, args.pairs, servers, programs, args.library, peer, data)
                report_case(case, results[case.name])
                table += judge(case, results[case.name])
        finally:
            servers.stop()
    sizes = {"ours_bytes": os.path.getsize(args.library),
             **({"peer_bytes": os.path.getsize(peer)} if peer else {})}
    verdict = "reached" if sizes["ours_bytes"] < 1_500_000 else "MISSED"
    table.append(("library file", "bytes < 1500000", f"{sizes['ours_bytes']:,}", verdict))
    pathlib.Path(args.json).write_text(json.dumps({"machine": facts, "sizes": sizes, "runs": results}, indent=1))
    draw(results, args.svg)
    print()
    print_table(table)
    print(f"{sum(line[3] == 'MISSED' for line in table)} of {len(table) - 1} goals missed; load when it began "
          f"{facts['load']}, at the end {load()}: on a machine that does nothing else below 1 and below 3; "
          f"raw runs in {args.json}")


if __name__ == "__main__":
    main()
