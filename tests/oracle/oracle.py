"""Software that we did not write, against the local warehouse: `make oracle`.

    python tests/oracle/oracle.py [--only python-kernel,jdbc] [--report FILE]

Runs each suite against a warehouse of its own and ends with "N passed, N failed, N skipped". What does not pass
for a reason that is not ours stands in known.toml. Everything fetched stays in build/oracle (foreign.py).
"""

from __future__ import annotations

import argparse
import contextlib
import os
import re
import shutil
import subprocess
import sys
import time
import tomllib
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import foreign
from foreign import ROOT, Missing, run

HERE = Path(__file__).resolve().parent
BUILD = ROOT / "build" / "oracle"
LIMIT_S = 1800

sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "bundled")]
from secure import secure_warehouse  # noqa: E402
from warehouse.testing import Server, local_warehouse  # noqa: E402

PASSED, FAILED, SKIPPED = "passed", "failed", "skipped"


@dataclass
class Case:
    name: str
    outcome: str
    note: str = ""


@dataclass
class Suite:
    name: str
    what: str
    cases: Callable[[Path], tuple[str, list[Case]]]  # folder for logs -> versions, cases


# ---- the server and the environment that foreign tests read ----


def clean_environment(**variables: str) -> dict[str, str]:
    ours = ("DATABRICKS_", "E2E_", "DBK_", "PYTHONPATH")
    return {**{k: v for k, v in os.environ.items() if not k.startswith(ours)}, **variables}


def python_variables(server: Server) -> dict[str, str]:
    """What the connector's tests and our Java program read."""
    return dict(
        DATABRICKS_SERVER_HOSTNAME=server.url,
        DATABRICKS_HTTP_PATH=server.http_path,
        DATABRICKS_TOKEN=server.token,
        DATABRICKS_CATALOG="main",
        DATABRICKS_SCHEMA="default",
        DATABRICKS_USER="local",
    )


@contextlib.contextmanager
def served() -> Iterator[dict[str, str]]:
    """A warehouse, and what the Node tests want to know of it."""
    with local_warehouse() as server:
        yield clean_environment(
            **python_variables(server),
            DATABRICKS_PECOTESTING_SERVER_HOSTNAME=server.url,
            DATABRICKS_PECOTESTING_HTTP_PATH=server.http_path,
            DATABRICKS_PECOTESTING_HTTP_PATH2=server.http_path,
            DATABRICKS_PECOTESTING_TOKEN_PERSONAL=server.token,
            DATABRICKS_PECOTESTING_AAD_CLIENT_ID="local-client",
            DATABRICKS_PECOTESTING_AAD_CLIENT_SECRET="local-secret",
            E2E_HOST=server.url,
            E2E_PATH=server.http_path,
            E2E_ACCESS_TOKEN=server.token,
            E2E_CATALOG="main",
            E2E_SCHEMA="default",
            E2E_VOLUME="e2etests",
            E2E_TABLE_SUFFIX="oracle",
        )


def execute(command: list, log: Path, environment: dict[str, str], folder: Path) -> str:
    """Runs a test program whose exit code says nothing new; its output is kept and returned."""
    with log.open("w") as out:
        subprocess.run([str(w) for w in command], cwd=folder, env=environment, stdout=out, stderr=subprocess.STDOUT,
                       timeout=LIMIT_S)  # fmt: skip
    return log.read_text(errors="replace")


def junit(report: Path, log: Path) -> list[Case]:
    """The cases of a JUnit file; no file means that the program died before its end."""
    if not report.exists():
        raise Missing(f"no report was written; {log}:\n{log.read_text(errors='replace')[-2000:]}")
    found = []
    for case in ElementTree.parse(report).iter("testcase"):
        bad = next((child for child in case if child.tag in ("failure", "error")), None)
        skip = case.find("skipped")
        if bad is not None:
            note = bad.get("message") or (bad.text or "").strip()
            found.append(Case(case.get("name"), FAILED, note.splitlines()[0][:200] if note else ""))
        elif skip is not None:
            found.append(Case(case.get("name"), SKIPPED, skip.get("message") or "skips itself"))
        else:
            found.append(Case(case.get("name"), PASSED))
    return found


# ---- the connector for Python ----

PYTEST = ("pytest==9.2.0", "pytest-timeout==2.4.0", "pytz")
TESTED_KERNEL = "databricks-sql-kernel==0.3.0"


def connector_tests() -> Path:
    return foreign.checkout(foreign.PYTHON, BUILD)


def python_of_the_tests() -> Path:
    """The connector at the commit of its tests, with the newest kernel wheel that its code was written for."""
    source = connector_tests()
    return foreign.python_environment(BUILD / "venv-commit", f"{source}[pyarrow]", TESTED_KERNEL, *PYTEST)


def newest_python() -> Path:
    return foreign.python_environment(BUILD / "venv-newest", "databricks-sql-connector[kernel,pyarrow]", *PYTEST)


def connector_versions(python: Path) -> str:
    return foreign.installed(python, "databricks-sql-connector", "databricks-sql-kernel")


def pytest(python: Path, tests: list, out: Path, folder: Path) -> list[Case]:
    with local_warehouse() as server:
        return pytest_run(python, tests, out, folder, python_variables(server))


def pytest_run(python: Path, tests: list, out: Path, folder: Path, variables: dict[str, str]) -> list[Case]:
    report = out / "junit.xml"
    report.unlink(missing_ok=True)
    options = ["-q", "-p", "connector_plugin", "-p", "no:cacheprovider", "--timeout=600", f"--junitxml={report}"]
    environment = clean_environment(PYTHONPATH=str(HERE), DBK_ORACLE_LEAVE_OUT=not_run(out.name), **variables)
    execute([python, "-m", "pytest", *options, *tests], out / "log.txt", environment, folder)
    return junit(report, out / "log.txt")


def python_kernel(out: Path):
    python = python_of_the_tests()
    cases = pytest(python, ["tests/e2e/test_kernel_backend.py"], out, connector_tests())
    return f"{connector_versions(python)} (commit {foreign.PYTHON.commit[:8]})", cases


def python_kernel_newest(out: Path):
    python = newest_python()
    return connector_versions(python), pytest(python, ["tests/e2e/test_kernel_backend.py"], out, connector_tests())


def python_sea(out: Path):
    python = newest_python()
    return connector_versions(python), pytest(python, [HERE / "sea_backend.py"], out, HERE)


def python_sea_own(out: Path):
    """Over TLS: the retry tests put their answers into urllib3's pools for https."""
    python = python_of_the_tests()
    with secure_warehouse() as secure:
        variables = dict(
            python_variables(secure.warehouse),
            DATABRICKS_SERVER_HOSTNAME=secure.host,
            DBK_ORACLE_OPTION="use_sea",
            DBK_ORACLE_ROOTS=str(secure.roots),
        )
        cases = pytest_run(python, ["tests/e2e"], out, connector_tests(), variables)
    return f"{connector_versions(python)} (commit {foreign.PYTHON.commit[:8]})", cases


# ---- the driver for Node.js ----

NODE_PACKAGES = ("@databricks/sql@2.1.0", "mocha@10.8.2", "chai@4.5.0", "sinon@17.0.1", "ts-node@10.9.2",
                 "typescript@5.5.4", "@types/node@18")  # fmt: skip
ADDON = "node_modules/@databricks/databricks-sql-kernel-linux-x64-gnu"


def node_folder() -> Path:
    """A folder with the driver and its kernel from npm, and the driver's tests beside them."""
    need("node", "npm")
    folder = BUILD / "node"
    ready = folder / ".ready"
    wanted = "\n".join(NODE_PACKAGES)
    if not ready.exists() or ready.read_text() != wanted:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "package.json").write_text('{"private": true}\n')
        run("npm", "install", "--no-audit", "--no-fund", "--loglevel=error", *NODE_PACKAGES, cwd=folder)
        if not (folder / ADDON).exists():
            raise Missing("npm has no kernel for this machine: its package is for x64 Linux with glibc")
        ready.write_text(wanted)
    return folder


def node_kernel(out: Path):
    folder = node_folder()
    source = foreign.checkout(foreign.NODE, BUILD, ("tests", "tsconfig.json"))
    shutil.copytree(source / "tests", folder / "tests", dirs_exist_ok=True)
    shutil.copy(source / "tsconfig.json", folder)
    lib = folder / "lib"  # what the tests import as ../../../lib
    lib.unlink(missing_ok=True)
    lib.symlink_to(folder / "node_modules/@databricks/sql/dist")
    report = out / "junit.xml"
    report.unlink(missing_ok=True)
    command = ["node_modules/.bin/mocha", "--exit", "--config", "tests/e2e/.mocharc.js", "--reporter", "xunit",
               "--reporter-option", f"output={report}", "tests/e2e/kernel/**/*.test.ts"]  # fmt: skip
    with served() as environment:
        environment |= {"TS_NODE_TRANSPILE_ONLY": "1"}
        execute(command, out / "log.txt", environment, folder)
    return "@databricks/sql 2.1.0, databricks-sql-kernel-linux-x64-gnu 1.0.0", junit(report, out / "log.txt")


# ---- the driver for Go ----


def go_kernel(out: Path):
    """The driver links an archive that no public place offers; the Node addon has the same functions, and a
    linker knows a shared object by its content, not by its name."""
    need("go", "gcc")
    addon = next((node_folder() / ADDON).glob("*.node"))
    # One file of the repository is left out: some snapshots lack it, and no kernel test reads it.
    source = foreign.checkout(foreign.GO, BUILD, (".", ":(exclude)internal/rows/arrowbased/testdata/diamonds.json"))
    backend = source / "internal" / "backend" / "kernel"
    library = backend / "lib" / "linux_amd64"
    for folder in (library, backend / "include"):
        folder.mkdir(parents=True, exist_ok=True)
    shutil.copy(ROOT / "include" / "databricks_kernel.h", backend / "include")
    shutil.copy(addon, library / "libdatabricks_sql_kernel.a")
    run("gcc", "-shared", "-fPIC", "-Wall", "-Werror", f"-I{ROOT}/include", "-o", library / "libtrust.so",
        HERE / "trust.c", ROOT / "tests" / "e2e" / "abi_probe_napi.c")  # fmt: skip
    program = out / "kernel.test"
    environment = clean_environment(
        CGO_ENABLED="1", CGO_LDFLAGS=f"-Wl,--no-as-needed -L{library} -ltrust", LD_LIBRARY_PATH=str(library)
    )
    run("go", "test", "-c", "-o", program, "-tags", "databricks_kernel", ".", cwd=source, env=environment)
    with secure_warehouse() as secure:
        environment |= dict(
            DATABRICKS_PECOTESTING_SERVER_HOSTNAME=secure.host,
            DATABRICKS_PECOTESTING_HTTP_PATH2=secure.warehouse.http_path,
            DATABRICKS_PECOTESTING_TOKEN=secure.warehouse.token,
            DATABRICKS_CLIENT_ID="local-client",
            DATABRICKS_CLIENT_SECRET="local-secret",
            SSL_CERT_FILE=str(secure.roots),
        )
        command = [program, "-test.v", "-test.timeout", "900s", "-test.run", "^TestKernel(E2E|Thrift|Params)",
                   "-test.skip", f"^({not_run(out.name)})$"]  # fmt: skip
        text = execute(command, out / "log.txt", environment, source)
    return f"databricks-sql-go {foreign.GO.commit[:8]}, kernel 1.0.0 (npm)", go_cases(text)


def go_cases(text: str) -> list[Case]:
    words = {"PASS": PASSED, "FAIL": FAILED, "SKIP": SKIPPED}
    found = re.findall(r"^ *--- (PASS|FAIL|SKIP): (\S+)", text, re.M)
    if not re.search(r"^(PASS|FAIL)$", text, re.M):
        raise Missing(f"the test program ended early:\n{text[-2000:]}")
    return [Case(name, words[word], notes_before(text, name)) for word, name in found]


def notes_before(text: str, name: str) -> str:
    found = re.search(rf"^=== RUN   {re.escape(name)}\n(?: *(\S+_test\.go:.*)\n)?", text, re.M)
    return (found.group(1) or "")[:200] if found else ""


# ---- the driver for Java ----

JDBC = "com.databricks:databricks-jdbc:3.4.5"


def jdbc(out: Path):
    need("java", "mvn")
    jar = BUILD / "jdbc" / f"databricks-jdbc-{JDBC.rsplit(':', 1)[1]}.jar"
    if not jar.exists():
        run("mvn", "--quiet", "--batch-mode", "org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy",
            f"-Dartifact={JDBC}", f"-DoutputDirectory={jar.parent}")  # fmt: skip
    opened = ["--add-opens=java.base/java.nio=ALL-UNNAMED"]  # Arrow reads direct buffers
    with served() as environment:
        text = execute(["java", *opened, "-cp", jar, HERE / "Jdbc.java"], out / "log.txt", environment, out)
    words = {"PASS": PASSED, "FAIL": FAILED, "SKIP": SKIPPED}
    found = re.findall(r"^(PASS|FAIL|SKIP) (\S+) ?(.*)$", text, re.M)
    if not re.search(r"^END$", text, re.M):
        raise Missing(f"the program ended early:\n{text[-2000:]}")
    return JDBC, [Case(name, words[word], note[:200]) for word, name, note in found]


# ---- all of them ----


def need(*programs: str) -> None:
    missing = [name for name in programs if shutil.which(name) is None]
    if missing:
        raise Missing(f"not installed here: {', '.join(missing)}")


def known(suite: str) -> list[dict]:
    with (HERE / "known.toml").open("rb") as file:
        return [entry for entry in tomllib.load(file)["known"] if entry["suite"] == suite]


def not_run(suite: str) -> str:
    """A regular expression of the cases that are never started."""
    return "|".join(entry["case"] for entry in known(suite) if not entry.get("run", True))


def judged(suite: str, cases: list[Case]) -> list[Case]:
    """The cases as they count: known ones become skips, and known ones that pass are errors."""
    result = []
    for case in cases:
        entry = next((e for e in known(suite) if re.fullmatch(e["case"], case.name)), None)
        if entry is None:
            result.append(case)
        elif case.outcome == PASSED:
            result.append(Case(case.name, FAILED, "passes: take it out of known.toml"))
        else:
            result.append(Case(case.name, SKIPPED, entry["reason"]))
    left_out = [e for e in known(suite) if not e.get("run", True)]
    return result + [Case(entry["case"], SKIPPED, f"not run: {entry['reason']}") for entry in left_out]


SUITES = [
    Suite("python-kernel", "databricks-sql-connector on the closed kernel: tests/e2e/test_kernel_backend.py", python_kernel),
    Suite("python-kernel-newest", "the same with the newest of both from the index", python_kernel_newest),
    Suite("python-sea", "the connector's pure-Python SEA backend: sea_backend.py", python_sea),
    Suite("python-sea-own", "the same backend: the cases of its tests/e2e with use_sea", python_sea_own),
    Suite("node-kernel", "@databricks/sql on the closed kernel: tests/e2e/kernel", node_kernel),
    Suite("go-kernel", "databricks-sql-go on the closed kernel: TestKernelE2E", go_kernel),
    Suite("jdbc", "Databricks' JDBC driver in SEA mode: Jdbc.java", jdbc),
]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", default="", help="suites, separated by commas: " + ", ".join(s.name for s in SUITES))
    args = parser.parse_args()
    wanted = set(filter(None, args.only.split(",")))
    if wanted - {suite.name for suite in SUITES}:
        parser.error(f"no such suite: {', '.join(wanted - {suite.name for suite in SUITES})}")
    totals = dict.fromkeys((PASSED, FAILED, SKIPPED), 0)
    for suite in SUITES:
        if wanted and suite.name not in wanted:
            continue
        started = time.monotonic()
        out = BUILD / "out" / suite.name
        out.mkdir(parents=True, exist_ok=True)
        print(f"==> {suite.name}: {suite.what}", flush=True)
        try:
            versions, cases = suite.cases(out)
            cases = judged(suite.name, cases)
        except (Missing, subprocess.TimeoutExpired) as error:
            versions, cases = "", [Case("the whole suite", FAILED, str(error))]
        count = {outcome: sum(case.outcome == outcome for case in cases) for outcome in totals}
        for case in cases:
            if case.outcome != PASSED:
                print(f"    {case.outcome.upper():8} {case.name}: {case.note}")
        seconds = time.monotonic() - started
        print(f"    {', '.join(f'{n} {outcome}' for outcome, n in count.items())} in {seconds:.0f} s  [{versions}]", flush=True)
        for outcome, n in count.items():
            totals[outcome] += n
    print(", ".join(f"{n} {outcome}" for outcome, n in totals.items()))
    return 1 if totals[FAILED] else 0


if __name__ == "__main__":
    sys.exit(main())
