"""Test suites of ODBC's users on our driver, against a local warehouse: make odbc-official.

They are not in a package registry: fetch the repositories and say where they are.
  PYODBC_DIR     mkleehammer/pyodbc     tests/postgresql_test.py with the installed pyodbc
  NANODBC_DIR    nanodbc/nanodbc        test/postgresql_test.cpp (needs cmake, g++, unixodbc-dev)
  NODE_ODBC_DIR  IBM/node-odbc          its mocha tests (needs node, npm)
  DBD_ODBC_DIR   perl5-dbi/DBD-ODBC     t/*.t (needs libdbd-odbc-perl, libtest-nowarnings-perl, libtest-output-perl)
  R_ODBC_LIBS    r-dbi/odbc, installed into this R library (R CMD INSTALL -l); DBItest, r-cran-dbitest, tests it (4 minutes)
  UNIXODBC_TEST_DIR  chipitsine/unixodbc-test-code  the driver manager's own Auto Tests (needs unixodbc-dev)
A word after the program's name chooses a suite. Exit code 1: one of them failed (the driver manager's tests, some of which no driver
passes, are only counted). ODBC_SUITES_STRING (a connection string) runs the suites of pyodbc and
nanodbc unadapted on another driver, to compare, of R DBItest with nothing left out, and of node odbc cursors.js.

With DBK_BUILD_DIR=build/cmake/asan (or tsan) the driver is the one with that sanitizer, whose runtime is loaded first; what it
finds is printed and is an error (make odbc-sanitizers).

Each suite is copied to build/odbc-suites and adapted by the tables of adapted.py: other names of types, and what is left
out with its reason."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlparse

import adapted

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
DRIVER = Path(os.environ.get("DBK_BUILD_DIR", ROOT / "build")).resolve() / "libdatabricks_odbc.so"
OUT = ROOT / "build" / "odbc-suites"
sys.path.insert(0, str(ROOT))

from warehouse.testing import local_warehouse  # noqa: E402


def copy(source: Path, name: str, changes: adapted.Changes) -> Path:
    """The suite's files in a folder of ours, with every change made; one that no longer fits is an error."""
    folder = OUT / name
    shutil.copytree(source, folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns(".git", "node_modules", "build"))
    for file, old, new in changes:
        path = folder / file
        text = path.read_text()
        changed = re.sub(old, new, text)
        if changed == text:
            raise SystemExit(f"{name}: {file} has nothing like {old!r}: adapted.py is for another version of the suite")
        path.write_text(changed)
    return folder


failed: list[str] = []


def run(command: list[str | Path], folder: Path, environment: dict[str, str], judged: bool = True) -> str:
    done = subprocess.run(command, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace")
    (OUT / f"{folder.name}.log").write_text(done.stdout)
    if judged and done.returncode != 0:
        failed.append(folder.name)
    return done.stdout


def pyodbc(source: Path, environment: dict[str, str], foreign: bool) -> str:
    folder = copy(source, "pyodbc", [] if foreign else adapted.PYODBC)
    left = [] if foreign else ["-k", " and ".join(f"not {test}" for test in adapted.PYODBC_LEFT_OUT)]
    # pyodbc switches autocommit off, and a warehouse takes neither CREATE nor TRUNCATE in a transaction: as most sources are
    # set, transactions are ignored
    environment = {**environment, "PYODBC_POSTGRESQL": environment["PYODBC_POSTGRESQL"].replace("IgnoreTransactions=0", "")}
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *left, "tests/postgresql_test.py"]
    return run(command, folder, environment).strip().splitlines()[-1]


def nanodbc(source: Path, environment: dict[str, str], foreign: bool) -> str:
    hidden = [("test/postgresql_test.cpp", rf'("{test}",\s*)"', r'\1"[.]') for test in adapted.NANODBC_LEFT_OUT]
    folder = copy(source, "nanodbc-foreign" if foreign else "nanodbc", [] if foreign else adapted.NANODBC + hidden)
    made = folder / "made"
    subprocess.run(["cmake", "-S", folder, "-B", made], check=True, stdout=subprocess.DEVNULL)
    subprocess.run(["cmake", "--build", made, "--target", "postgresql_tests", "--parallel", "2"], check=True, stdout=subprocess.DEVNULL)
    environment = {**environment, "NANODBC_TEST_DATADIR": str(folder / "test" / "data")}
    return "; ".join(run([made / "test" / "postgresql_tests"], folder, environment).strip().splitlines()[-2:])


def build_node(folder: Path) -> None:
    """Builds the addon anew: its sources are adapted, too."""
    if not (folder / "node_modules").exists():
        subprocess.run(["npm", "install", "--ignore-scripts", "--no-audit", "--no-fund", "--silent"], cwd=folder, check=True)
    home = Path(shutil.which("node")).resolve().parents[1]
    npm = Path(subprocess.check_output(["npm", "root", "-g"], text=True).strip()) / "npm"
    names = [f"--module={folder}/build/Release/odbc.node", "--module_name=odbc", f"--module_path={folder}/lib/bindings/napi-v8"]
    gyp = ["node", npm / "node_modules/node-gyp/bin/node-gyp.js", "configure", "build", f"--nodedir={home}", *names, "--napi_version=8", "--napi_build_version=8"]
    subprocess.run(gyp, cwd=folder, check=True, capture_output=True)


def node_cursors(folder: Path, environment: dict[str, str]) -> str:
    done = subprocess.run(["node", "--expose-gc", HERE / "cursors.js", folder], env=environment, capture_output=True, text=True)
    said = (done.stdout + done.stderr).strip().splitlines()
    return (said[-1] if said else "") if done.returncode == 0 else f"cursors.js ended with {done.returncode} {said[-1:]}"


def node(source: Path, environment: dict[str, str], foreign: bool) -> str:
    folder = copy(source, "node-foreign" if foreign else "node", [] if foreign else adapted.NODE)
    build_node(folder)
    cursors = node_cursors(folder, environment)
    if foreign:  # the suite itself has no configuration for other drivers
        return cursors
    shutil.copy(HERE / "node_config.js", folder / "test" / "DBMS" / "mssql" / "config.js")
    words = {"DBMS": "mssql", "DB_SCHEMA": "default", "DB_TABLE": "odbctests", "DB_STOREDPROCEDURE": "none"}
    left = ["--grep", "|".join(re.escape(test) for test in adapted.NODE_LEFT_OUT), "--invert"]
    said = run(["node", "node_modules/.bin/mocha", "--slow", "60000", "--timeout", "60000", *left], folder, {**environment, **words})
    counts = [line.strip() for line in said.splitlines() if re.match(r"\s+\d+ (passing|failing|pending)", line)]
    return "; ".join([*(counts or [said[-200:]]), cursors])


def perl(source: Path, environment: dict[str, str], _: bool) -> str:
    folder = copy(source, "perl", adapted.PERL)
    files = sorted(f"t/{path.name}" for path in (folder / "t").glob("*.t") if path.name not in adapted.PERL_LEFT_OUT)
    environment = {**environment, "PERL5OPT": f"-I{HERE} -MUnpegged"}
    return "; ".join(run(["prove", *files], folder, environment).strip().splitlines()[-2:])


def dbitest(source: Path, environment: dict[str, str], foreign: bool) -> str:
    words = {"R_LIBS": str(source), "LC_ALL": "C.UTF-8", "DBITEST_SKIP": "" if foreign else " ".join(adapted.DBITEST_LEFT_OUT)}
    words |= {"DBITEST_DIALECT": "postgresql"} if foreign else {}
    # transactions are ignored, as most sources are set, but where they are what is tested
    most = {**environment, **words, "CONNECTION_STRING": environment["CONNECTION_STRING"].replace("IgnoreTransactions=0", "")}
    folder = OUT / "dbitest"
    folder.mkdir(exist_ok=True)
    contexts = ["getting_started", "driver", "connection", "result", "sql", "meta", "compliance"]
    said = run(["Rscript", HERE / "dbitest.R", "transaction"], folder, {**environment, **words}).splitlines()
    said += run(["Rscript", HERE / "dbitest.R", *contexts], folder, most).splitlines()
    counts = [f"{sum(line.startswith(f'{became} ') for line in said)} {became}" for became in ("passed", "failed", "skipped")]
    ends = [] if any("Full compliance" in line for line in said) else [f"did not end: {said[-1:]}"]
    wrong = [*ends, *(line for line in said if line.startswith("failed "))]
    if wrong:
        failed.append(folder.name)
    return "; ".join([*counts, *wrong])


def driver_manager(source: Path, environment: dict[str, str], _: bool) -> str:
    """Auto Tests are libraries for a window program; autotest.c runs each in a terminal."""
    folder = copy(source, "unixodbc", adapted.DRIVER_MANAGER)
    tests = folder / "AutoTests" / "MyODBC3"
    for file in tests.glob("*/*.[ch]"):  # written when a length had 32 bits
        file.write_text(re.sub(r"\b(S|U)DWORD\b", lambda m: "SQLLEN" if m[1] == "S" else "SQLULEN", file.read_text(errors="replace")))
    said = []
    for name in adapted.DRIVER_MANAGER_TESTS:
        words = ["-w", "-O1", "-g", "-DVOID=void", "-include", "time.h", f"-I{folder}/AutoTests/include", f"-I{tests}/common", f"-I{tests}/{name}"]
        sources = [*sorted((tests / name).glob("*.c")), tests / "common" / "exectime.c", HERE / "autotest.c"]
        subprocess.run(["cc", *words, "-o", folder / name, *sources, "-lodbc"], check=True)
        done = run([folder / name, "local", "token", environment["DBI_PASS"]], folder, environment, judged=False)
        (OUT / f"unixodbc-{name}.log").write_text(done)
        end = re.search(r"end of .*: (\d+) test cases", done)
        said.append(f"{name} {done.count('Passed')} of {end[1]}" if end else f"{name} did not end: {done[-100:]!r}")
    return ", ".join(said)


SUITES: dict[str, tuple[str, Callable[[Path, dict[str, str], bool], str]]] = {
    "pyodbc": ("PYODBC_DIR", pyodbc),
    "nanodbc": ("NANODBC_DIR", nanodbc),
    "node": ("NODE_ODBC_DIR", node),
    "perl": ("DBD_ODBC_DIR", perl),
    "dbitest": ("R_ODBC_LIBS", dbitest),
    "unixodbc": ("UNIXODBC_TEST_DIR", driver_manager),
}


def sanitizer(environment: dict[str, str]) -> Path:
    """Of a driver that is built with one: its runtime is loaded first, and writes what it finds into this folder."""
    kind = DRIVER.parent.name
    found = OUT / "sanitizer"
    shutil.rmtree(found, ignore_errors=True)
    found.mkdir()
    if kind in ("asan", "tsan"):
        library = subprocess.check_output(["gcc", f"-print-file-name=lib{kind}.so"], text=True).strip()
        log = f"log_path={found}/{kind}"
        environment["LD_PRELOAD"] = library
        environment["ASAN_OPTIONS"] = f"{log}:detect_leaks=0:detect_stack_use_after_return=1:allocator_may_return_null=1"
        environment["UBSAN_OPTIONS"] = f"{log}:print_stacktrace=1"
        environment["TSAN_OPTIONS"] = f"{log}:suppressions={ROOT}/tools/tsan.supp:allocator_may_return_null=1:ignore_noninstrumented_modules=1"
    return found


def run_suites(names: list[str], environment: dict[str, str], foreign: bool) -> None:
    for name in names:
        variable, suite = SUITES[name]
        if not os.environ.get(variable):
            print(f"{name:8} not run: {variable} is not set")
            continue
        print(f"{name:8} {suite(Path(os.environ[variable]), environment, foreign)}", flush=True)
        for test, why in {} if foreign else adapted.LEFT_OUT[name].items():
            print(f"{'':8} left out: {test}: {why}")


def main() -> int:
    foreign = os.environ.get("ODBC_SUITES_STRING")
    names = sys.argv[1:] or (["pyodbc", "nanodbc", "node", "dbitest"] if foreign else list(SUITES))
    if not any(os.environ.get(SUITES[name][0]) for name in names):
        print(__doc__)
        return 2
    OUT.mkdir(parents=True, exist_ok=True)
    if foreign:
        run_suites(names, {**os.environ, "PYODBC_POSTGRESQL": foreign, "NANODBC_TEST_CONNSTR": foreign, "CONNECTION_STRING": foreign}, True)
        return 0
    with local_warehouse() as server, tempfile.TemporaryDirectory() as folder:
        url = urlparse(server.url)
        keys = f"Host={url.hostname};Port={url.port};SSL=0;HTTPPath={server.http_path};AuthMech=3;UID=token;PWD={server.token};IgnoreTransactions=0"
        Path(folder, "odbcinst.ini").write_text(f"[dbkernel]\nDriver={DRIVER}\nThreading=0\n")
        Path(folder, "odbc.ini").write_text("[local]\nDriver=dbkernel\n" + keys.replace(";", "\n") + "\nMapStringToLongVarchar=1\n")
        string = f"Driver={{dbkernel}};{keys}"
        where = {"ODBCSYSINI": folder, "ODBCINSTINI": "odbcinst.ini", "ODBCINI": f"{folder}/odbc.ini"}
        where |= {"PYODBC_POSTGRESQL": string, "NANODBC_TEST_CONNSTR": string, "CONNECTION_STRING": string}
        where |= {"DBI_DSN": "dbi:ODBC:local", "DBI_USER": "token", "DBI_PASS": server.token}
        environment = {**os.environ, **where}
        found = sanitizer(environment)
        run_suites(names, environment, False)
    reports = [line for file in found.iterdir() for line in file.read_text(errors="replace").splitlines() if "ERROR" in line or "SUMMARY" in line or "runtime error" in line]
    print("".join(f"{report}\n" for report in reports), end="")
    if "LD_PRELOAD" in environment:
        print(f"{DRIVER.parent.name}: {len(reports)} reports")
    if failed:
        print(f"failed: {', '.join(failed)}; what they said is in {OUT.relative_to(ROOT)}")
    return 1 if reports or failed else 0


if __name__ == "__main__":
    sys.exit(main())
