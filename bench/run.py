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

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent
PEER = "@databricks/databricks-sql-kernel-linux-x64-gnu"
PEER_VERSION = "1.0.0"


class Case:
    """One row of the report: a statement, and what is compared."""

    def __init__(self, name, sql, title, *, repeat=1, storage="plain", slow_us=0, floor=None, goals=None):
        self.name, self.sql, self.title = name, sql, title
        self.repeat, self.storage, self.slow_us, self.floor = repeat, storage, slow_us, floor
        self.goals = goals or {}


LZ4_FLOOR = ("lineitem", ".arrow.lz4")
RAW_FLOOR = ("lineitem", ".arrow")
INLINE_FLOOR = ("inline", ".json")
FLAT = {"peak_kb": 72 * 1024}  # whatever the result's size or the reader's pace
CASES = [
    Case("lineitem", "case=lineitem compression=lz4", "1.11 GB, LZ4, 60 chunks", floor=LZ4_FLOOR,
         goals={"cpu_s": 0.45, "wall_s": 0.65, "first_ms": 0.2, "floor": 1.25, "peak_kb": 72 * 1024}),
    Case("lineitem-tls", "case=lineitem compression=lz4", "the same, storage over TLS 1.3", storage="tls",
         floor=LZ4_FLOOR, goals={"cpu_s": 0.5}),
    Case("lineitem-raw", "case=lineitem compression=none", "the same, not compressed", floor=RAW_FLOOR,
         goals={"cpu_s": 0.4, "peak_kb": 72 * 1024}),
    Case("select-1", "SELECT 1", "SELECT 1, 1,000 in a row", repeat=1000,
         goals={"p50_ms": 0.9, "cpu_s": 0.6}),
    Case("inline", "case=inline compression=lz4", "4 MiB attachment, 50 in a row", repeat=50,
         floor=INLINE_FLOOR, goals={"floor": 1.5}),
    Case("small", "case=small compression=lz4", "400 chunks of 200 KB"),
    Case("huge", "case=huge compression=lz4", "one chunk of 200 MB"),
    Case("wide", "case=wide compression=lz4", "500 columns"),
    Case("strings", "case=strings compression=lz4", "strings"),
    Case("decimals", "case=decimals compression=lz4", "decimals"),
    Case("nested", "case=nested compression=lz4", "lists and structs"),
    Case("far", "case=lineitem compression=lz4", "storage 30 ms away, 50 MB/s per connection",
         storage="far"),
    Case("slow-reader", "case=lineitem compression=lz4", "reader takes 2 ms per batch", slow_us=2000,
         goals=FLAT),
    Case("10-gb", "case=lineitem compression=lz4 total=540", "10 GB of Arrow", goals=FLAT),
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


def measure(command):
    done = subprocess.run(command, capture_output=True, text=True, timeout=600)
    if done.returncode != 0:
        raise SystemExit(f"bench: {' '.join(map(str, command))}\n{done.stderr}")
    return json.loads(done.stdout)


def run_case(case, pairs, servers, programs, ours, peer, data):
    drain, floor = programs
    runs = {"ours": [], "peer": [], "floor": []}
    command = [servers.api[case.storage], case.sql, str(case.repeat), str(case.slow_us)]
    for turn in range(pairs + 1):
        kept = turn > 0  # the first round warms caches
        for who, library in (("ours", ours), ("peer", peer)):
            if library is not None:
                result = measure([drain, library, *command])
                if kept:
                    runs[who].append(result)
        if case.floor is not None:
            name, suffix = case.floor
            manifest = json.loads((data / name / "manifest.json").read_text())
            result = measure([floor, f"{servers.storage[case.storage]}/{name}/chunk-", suffix,
                              str(manifest["distinct"]), str(manifest["total"] * case.repeat)])
            if kept:
                runs["floor"].append(result)
    rows = {r["rows"] for who in ("ours", "peer") for r in runs[who]}
    if len(rows) > 1:
        print(f"  {case.name}: the libraries returned different row counts: {sorted(rows)}")
    return runs


METRICS = [("cpu_s", "CPU s"), ("wall_s", "wall s"), ("p50_ms", "p50 ms"), ("first_ms", "first batch ms"),
           ("peak_kb", "peak kB")]


def ratios(runs, metric, over):
    pairs = zip(runs["ours"], runs[over])
    return [a[metric] / b[metric] for a, b in pairs if metric in b and b[metric]]


def spread(values):
    return f"{min(values):.3g}/{statistics.median(values):.3g}/{max(values):.3g}"


def report_case(case, runs):
    lines, reached = [], True
    for metric, label in METRICS:
        if metric == "p50_ms" and case.repeat == 1:
            continue
        ours = [r[metric] for r in runs["ours"]]
        line = f"  {label:<15} ours {spread(ours):<24}"
        if runs["peer"]:
            ratio = ratios(runs, metric, "peer")
            line += f" rust {spread([r[metric] for r in runs['peer']]):<24} ratio {spread(ratio)}"
            goal = case.goals.get(metric)
            if goal is not None and metric != "peak_kb":
                good = statistics.median(ratio) <= goal
                reached &= good
                line += f"  goal <= {goal} {'reached' if good else 'MISSED'}"
        if metric == "peak_kb" and metric in case.goals:
            good = statistics.median(ours) <= case.goals[metric]
            reached &= good
            line += f"  goal <= {case.goals[metric]} {'reached' if good else 'MISSED'}"
        lines.append(line)
    if runs["floor"]:
        ratio = ratios(runs, "cpu_s", "floor")
        line = f"  CPU over floor  {spread(ratio)}"
        if "floor" in case.goals:
            good = statistics.median(ratio) <= case.goals["floor"]
            reached &= good
            line += f"  goal <= {case.goals['floor']} {'reached' if good else 'MISSED'}"
        lines.append(line)
    print(f"{case.name}: {case.title}  (min/median/max)")
    print("\n".join(lines), flush=True)
    return reached


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


def machine():
    compiler = subprocess.run(["gcc", "--version"], capture_output=True, text=True).stdout.splitlines()[0]
    commit = subprocess.run(["git", "-C", str(ROOT), "rev-parse", "--short", "HEAD"], capture_output=True,
                            text=True).stdout.strip()
    return {"cores": os.cpu_count(), "kernel": platform.release(), "compiler": compiler, "commit": commit,
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
    print("bench: " + ", ".join(f"{k} {v}" for k, v in facts.items()))
    results, missed = {}, []
    with tempfile.TemporaryDirectory(prefix="dbk-bench-") as work:
        programs = build_programs(work)
        servers = Servers(data.resolve(), work)
        try:
            for case in chosen:
                results[case.name] = run_case(case, args.pairs, servers, programs, args.library, peer, data)
                if not report_case(case, results[case.name]):
                    missed.append(case.name)
        finally:
            servers.stop()
    sizes = {"ours_bytes": os.path.getsize(args.library),
             **({"peer_bytes": os.path.getsize(peer)} if peer else {})}
    print("library file: " + ", ".join(f"{k} {v:,}" for k, v in sizes.items()))
    pathlib.Path(args.json).write_text(json.dumps({"machine": facts, "sizes": sizes, "runs": results}, indent=1))
    draw(results, args.svg)
    if sizes["ours_bytes"] >= 1_500_000:
        missed.append("library file")
    print(f"goals missed: {', '.join(missed) if missed else 'none'}; raw runs in {args.json}")


if __name__ == "__main__":
    main()
