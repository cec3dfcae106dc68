"""The official connector's own test suites on our module, and beside it on the real one: `make python-suites`.

    python tests/python/suites.py [--versions 4.4.0,...] [--only unit,realkernel,e2e,tls,wide,driver,driver-large,driver-long] [--ours-only]

For each version: the connector and its tests (beside.py: from the package index and the git repository), both
modules in turn on PYTHONPATH, and the local warehouse for what needs a server. A test that ends differently with the two is
printed with both ends, and the exit code is 1 when ours is the worse. What ends the same and is not a pass is
printed once: the connector's tests may be older than the connector, or ask for what the kernel has not.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import xml.etree.ElementTree as ET
from collections import Counter
from pathlib import Path

from beside import BUILD, NEWEST, ROOT, SOURCE, checkout, connector, environment

sys.path.insert(0, str(ROOT))
from warehouse.testing import Server, local_warehouse  # noqa: E402

VERSIONS = ["4.2.7", "4.4.0", SOURCE, NEWEST]
LIMIT_S = 5400
HERE = Path(__file__).resolve().parent

# What each suite is: arguments of pytest, and which server it needs.
SUITES = {
    "unit": (["tests/unit", "-m", "not realkernel"], None),
    "realkernel": (["tests/unit/test_session.py", "-m", "realkernel"], None),
    "e2e": (["tests/e2e/test_kernel_backend.py"], "plain"),
    "tls": (["tests/e2e/test_kernel_tls.py"], "intercepted"),
    # Written for the other backends; force_kernel.py puts use_kernel into every connection.
    "wide": (
        [
            "-p", "force_kernel", "tests/e2e/test_parameterized_queries.py", "tests/e2e/test_complex_types.py",
            "tests/e2e/test_variant_types.py", "tests/e2e/test_transactions.py",
        ],
        "plain",
    ),
    "driver": (["-p", "force_kernel", "tests/e2e/test_driver.py", "-k", "not large and not long"], "plain"),
    # Of these each comes twice, the second time with use_sea, which force_kernel.py takes out again: once is enough.
    "driver-large": (
        ["-p", "force_kernel", "tests/e2e/test_driver.py", "-k", "large and not long and not extra_params1"], "plain",
    ),
    # Joins of up to 5 billion rows: 6 minutes on two cores that do nothing else.
    "driver-long": (
        ["-p", "force_kernel", "tests/e2e/test_driver.py", "-k", "long and not extra_params1", "--timeout=1800"], "plain",
    ),
}  # fmt: skip


def server_options(kind: str) -> list[str]:
    return ["--tls", "--mitm-port", "0"] if kind == "intercepted" else []


def server_variables(kind: str, server: Server) -> dict[str, str]:
    variables = {
        "DATABRICKS_SERVER_HOSTNAME": server.url,
        "DATABRICKS_HTTP_PATH": server.http_path,
        "DATABRICKS_TOKEN": server.token,
        "DATABRICKS_CATALOG": "main",
        "DATABRICKS_SCHEMA": "default",
        "DATABRICKS_USER": "local",
    }
    if kind == "intercepted":
        variables["HTTPS_PROXY"] = server.mitm_url
        variables["MITMPROXY_CA_CERT"] = str(Path(server.tls_dir) / "mitm-ca.pem")
        # Nothing is asked directly: the machine may except 127.0.0.1.
        variables["NO_PROXY"] = variables["no_proxy"] = ""
    return variables


def outcomes(report: Path) -> dict[str, tuple[str, str]]:
    """Test -> how it ended and why."""
    ended: dict[str, tuple[str, str]] = {}
    for case in ET.parse(report).iter("testcase"):
        name = f"{case.get('classname', '')}::{case.get('name')}"
        bad = next((node for node in case if node.tag in ("failure", "error", "skipped")), None)
        word = {"failure": "failed", "error": "error", "skipped": "skipped"}[bad.tag] if bad is not None else "passed"
        why = (bad.get("message") or "").split("\n")[0][:160] if bad is not None else ""
        ended[name] = max(ended.get(name, ("passed", "")), (word, why), key=lambda end: RANK[end[0]])
    return ended


RANK = {"passed": 0, "skipped": 1, "failed": 2, "error": 3}


def pytest(which: str, version: str, name: str) -> dict[str, tuple[str, str]]:
    arguments, kind = SUITES[name]
    folder, log = checkout(version), BUILD / f"{version}-{name}-{which}.log"
    report = log.with_suffix(".xml")
    report.unlink(missing_ok=True)
    command = [connector(version), "-m", "pytest", "-q", "-p", "no:cacheprovider", "--timeout=600"]

    def go(**variables: str) -> None:
        env = environment(which, **variables)
        env["PYTHONPATH"] += os.pathsep + str(HERE / "plugins")
        with log.open("w") as out:
            subprocess.run(
                [*map(str, command), f"--junitxml={report}", *arguments],
                cwd=folder, env=env, stdout=out, stderr=subprocess.STDOUT, timeout=LIMIT_S,
            )  # fmt: skip

    if kind is None:
        go()
    else:
        with local_warehouse(*server_options(kind)) as server:
            go(**server_variables(kind, server))
    if not report.exists():
        raise SystemExit(f"suites: {version} {name} {which} did not run: {log}")
    return outcomes(report)


def summary(ended: dict[str, tuple[str, str]]) -> str:
    counts = Counter(word for word, _ in ended.values())
    return ", ".join(f"{counts[word]} {word}" for word in RANK if counts[word])


def suite(version: str, name: str, ours_only: bool) -> bool:
    """Runs one suite with both modules; False when ours is worse anywhere."""
    ours = pytest("ours", version, name)
    print(f"{version:8} {name:10} ours  {summary(ours)}", flush=True)
    if ours_only:
        return all(RANK[word] < RANK["failed"] for word, _ in ours.values())
    real = pytest("real", version, name)
    print(f"{version:8} {name:10} real  {summary(real)}", flush=True)
    good = ours.keys() == real.keys()
    for test in sorted(ours.keys() | real.keys()):
        (mine, why), (theirs, their_why) = ours.get(test, ("absent", "")), real.get(test, ("absent", ""))
        if mine == theirs == "passed":
            continue
        if mine == theirs:
            print(f"    both {mine}: {test}: {why}")
            continue
        worse = RANK.get(mine, 9) > RANK.get(theirs, 9)
        good &= not worse
        print(f"    {'OURS IS WORSE' if worse else 'ours is better'}: {test}: {mine} {why} | {theirs} {their_why}")
    return good


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--versions", default=",".join(VERSIONS))
    parser.add_argument("--only", default="unit,realkernel,e2e,tls")
    parser.add_argument("--ours-only", action="store_true", help="not the real module")
    args = parser.parse_args()
    good = True
    for version in args.versions.split(","):
        for name in args.only.split(","):
            good &= suite(version, name, args.ours_only)
    sys.exit(0 if good else 1)


if __name__ == "__main__":
    main()
