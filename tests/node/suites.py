"""The official driver's own kernel suites on our addon, and beside it on the closed one: `make node-suites`.

    python tests/node/suites.py [--versions 2.0.0,2.1.0] [--only unit,e2e] [--ours-only]

For each version of the driver: its files, its tests, both addons in turn where its router looks first, and the local
warehouse for what needs a server. A test that ends differently with the two is printed with both ends, and so is
each that does not pass with its reason (NOT_PASSED). Exit code 1: ours is worse, a test has no reason, a reason no test.

The driver's repository has no tests of 2.1.0: its newest commit's run on the published files of 2.1.0.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BUILD = ROOT / "build" / "node-suites"
OURS = ROOT / "build" / "bundled" / "node" / "index.linux-x64-gnu.node"
PEER = "@databricks/databricks-sql-kernel-linux-x64-gnu"
VERSIONS = ["2.0.0", "2.1.0"]
LIMIT_S = 1800
# What the tests import, of the driver's devDependencies; the rest are linters.
PACKAGES = ("@types/", "chai", "http-proxy", "mocha", "sinon", "ts-node", "typescript")
CLIENT = ("suite-client", "suite-secret")

sys.path.insert(0, str(ROOT))
sys.path.append(str(ROOT / "tests"))
from clones import clone  # noqa: E402

from warehouse.testing import Server, local_warehouse  # noqa: E402

# (suite, version or "", what the test's name contains) -> why it does not pass
OLDER = "the test is older than driver 2.1.0 and no addon is involved: "
NOT_PASSED = {
    ("e2e", "", "interactive U2M round-trip"): "the driver's own it.skip: it needs a browser and a person",
    ("e2e", "", "Thrift and kernel produce byte-identical rows"): "it needs a server that speaks Thrift as well",
    ("unit", "2.1.0", "round-trips M2M options"): OLDER + "names of driver, runtime and system are passed too",
    ("unit", "2.1.0", "round-trips U2M options"): OLDER + "names of driver, runtime and system are passed too",
    ("unit", "2.1.0", "forwards hostName / httpPath / token"): OLDER + "names of driver, runtime and system are passed too",
    ("unit", "2.1.0", "with no clientSecret as the U2M happy path"): OLDER + "tokenCacheEnabled is passed too",
    ("unit", "2.1.0", "routes Azure U2M (no secret"): OLDER + "tokenCacheEnabled is passed too",
    ("unit", "2.1.0", "routes Azure host + useDatabricksOAuthInAzure:true (no secret)"): OLDER + "tokenCacheEnabled is passed too",
    ("unit", "2.1.0", "collapses every INTERVAL subtype"): OLDER + "types are passed as they are",
    ("unit", "2.1.0", "forwards ordinalParameters as napi positionalParams"): OLDER + "rawParams replaces positionalParams",
    ("unit", "2.1.0", "forwards namedParameters as napi namedParams"): OLDER + "rawParams replaces namedParams",
}


def run(*command: object, **kwargs) -> subprocess.CompletedProcess:
    return subprocess.run([str(word) for word in command], check=True, **kwargs)


def npm(folder: Path, *words: str) -> None:
    done = subprocess.run(
        ["npm", "install", "--prefix", str(folder), "--no-audit", "--no-fund", "--loglevel=error", *words],
        capture_output=True, text=True, timeout=LIMIT_S,
    )  # fmt: skip
    if done.returncode != 0:
        raise SystemExit(f"node-suites: npm install in {folder} failed:\n{done.stderr[-2000:]}")


def package(name: str, version: str) -> Path:
    """An npm package without what it depends on."""
    folder = BUILD / "packages" / f"{name.split('/')[-1]}-{version}"
    installed = folder / "node_modules" / name
    if not (installed / "package.json").exists():
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "package.json").write_text('{"private": true}')
        npm(folder, "--omit=optional", f"{name}@{version}")
    return installed


def archive(version: str, folder: Path) -> None:
    """The driver's files of that version; of the newest commit when the repository has no tag of it."""
    git = ["git", "-C", clone("databricks", "databricks-sql-nodejs", BUILD)]
    tags = run(*git, "tag", capture_output=True, text=True).stdout.split()
    tagged = version in tags
    files = run(*git, "archive", version if tagged else "HEAD", capture_output=True).stdout
    run("tar", "-x", "-C", folder, input=files)
    if not tagged:
        published = package("@databricks/sql", version)
        for theirs, here in (("dist", "lib"), ("native", "native"), ("thrift", "thrift")):
            shutil.rmtree(folder / here, ignore_errors=True)
            shutil.copytree(published / theirs, folder / here)
        facts = json.loads((folder / "package.json").read_text())
        facts["dependencies"] = json.loads((published / "package.json").read_text())["dependencies"]
        (folder / "package.json").write_text(json.dumps(facts))


def checkout(version: str) -> Path:
    folder = BUILD / f"driver-{version}"
    if not (folder / ".ready").exists():
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        archive(version, folder)
        file = folder / "package.json"
        facts = json.loads(file.read_text())
        facts["devDependencies"] = {k: v for k, v in facts["devDependencies"].items() if k.startswith(PACKAGES)}
        facts["optionalDependencies"] = {k: v for k, v in facts["optionalDependencies"].items() if "kernel" not in k}
        facts["scripts"] = {}
        file.write_text(json.dumps(facts))
        npm(folder)
        if (folder / "lib" / "index.ts").exists():
            run("node", "bin/update-version.js", cwd=folder)  # what its build makes of package.json
        (folder / ".ready").touch()
    return folder


def server_variables(server: Server) -> dict[str, str]:
    there = {"SERVER_HOSTNAME": server.url, "HTTP_PATH": server.http_path, "TOKEN_PERSONAL": server.token}
    there |= {"HTTP_PATH2": server.http_path, "AAD_CLIENT_ID": CLIENT[0], "AAD_CLIENT_SECRET": CLIENT[1]}
    mocha = {"HOST": server.url, "PATH": server.http_path, "ACCESS_TOKEN": server.token, "CATALOG": "main"}
    mocha |= {"SCHEMA": "default", "VOLUME": "none", "TABLE_SUFFIX": "suite"}
    return {
        **{f"DATABRICKS_PECOTESTING_{name}": value for name, value in there.items()},
        **{f"E2E_{name}": value for name, value in mocha.items()},
    }


def mocha(which: str, version: str, suite: str, variables: dict[str, str]) -> dict[str, tuple[str, str]]:
    """Test -> how it ended and why."""
    folder = checkout(version)
    addon = OURS if which == "ours" else package(PEER, "1.0.0") / "index.linux-x64-gnu.node"
    shutil.copy(addon, folder / "native" / "kernel")
    report = BUILD / f"{version}-{suite}-{which}.json"
    report.unlink(missing_ok=True)
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("DATABRICKS_", "E2E_", "NAPI_RS_"))}
    env = {**kept, "TS_NODE_TRANSPILE_ONLY": "1", "KERNEL_NATIVE_EXPECTED": "1", **variables}
    command = [
        "npx", "mocha", "--config", f"tests/{suite}/.mocharc.js", "--exit", "--reporter", "json",
        "--reporter-option", f"output={report}", f"tests/{suite}/kernel/**/*.test.ts",
    ]  # fmt: skip
    with report.with_suffix(".log").open("w") as log:
        subprocess.run(command, cwd=folder, env=env, stdout=log, stderr=subprocess.STDOUT, timeout=LIMIT_S)
    if not report.exists():
        raise SystemExit(f"node-suites: {version} {suite} {which} did not run: {report.with_suffix('.log')}")
    ended = json.loads(report.read_text())
    words = {}
    for word, key in (("passed", "passes"), ("skipped", "pending"), ("failed", "failures")):
        for test in ended[key]:
            why = str(test.get("err", {}).get("message", "")).split("\n")[0][:120]
            words[test["fullTitle"]] = (word, why)
    return words


def once(which: str, version: str, suite: str) -> dict[str, tuple[str, str]]:
    if suite == "unit":
        return mocha(which, version, suite, {})
    with local_warehouse("--client", ":".join(CLIENT)) as server:
        return mocha(which, version, suite, server_variables(server))


def reasons(version: str, suite: str) -> dict[str, str]:
    return {text: why for (where, only, text), why in NOT_PASSED.items() if where == suite and only in ("", version)}


def compare(version: str, suite: str, ours_only: bool) -> bool:
    """Runs one suite with both addons; False when ours is worse, or something is not explained."""
    ours = once("ours", version, suite)
    theirs = ours if ours_only else once("real", version, suite)
    for name, ended in (("ours", ours), ("real", theirs))[: 1 if ours_only else 2]:
        counts = [f"{sum(w == word for w, _ in ended.values())} {word}" for word in ("passed", "skipped", "failed")]
        print(f"{version:6} {suite:5} {name}: {', '.join(counts)}", flush=True)
    good = any(word == "passed" for word, _ in ours.values())
    stale = reasons(version, suite)
    for test in sorted(ours.keys() | theirs.keys()):
        mine, real = ours.get(test, ("absent", "")), theirs.get(test, ("absent", ""))
        known = next((text for text in reasons(version, suite) if text in test), None)
        if mine[0] != "passed":
            stale.pop(known, None)
        if mine[0] != real[0]:
            good &= mine[0] == "passed"
            print(f"    {'ours is better' if mine[0] == 'passed' else 'OURS IS WORSE'}: {test}: {mine} | {real}")
        elif mine[0] != "passed":
            good &= known is not None
            why = reasons(version, suite)[known] if known is not None else f"NO REASON KNOWN: {mine[1]}"
            print(f"    {mine[0]}: {test}: {why}")
    for text in stale:
        print(f"    STALE: what is said of {text!r} does not hold any more: it passes")
    return good and not stale


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--versions", default=",".join(VERSIONS))
    parser.add_argument("--only", default="unit,e2e")
    parser.add_argument("--ours-only", action="store_true", help="not the closed addon")
    args = parser.parse_args()
    if not OURS.exists():
        raise SystemExit(f"node-suites: no {OURS}: make node")
    good = True
    for version in args.versions.split(","):
        for suite in args.only.split(","):
            good &= compare(version, suite, args.ours_only)
    sys.exit(0 if good else 1)


if __name__ == "__main__":
    main()
