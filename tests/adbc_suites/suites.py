"""The validation suites of two projects on our ADBC driver, against a local warehouse: make adbc-suites.

Neither is in a package registry: fetch the repositories and say where they are.
  ARROW_ADBC_DIR        apache/arrow-adbc: the C++ suite (needs g++, libgtest-dev, libgmock-dev)
  ADBC_VALIDATION_DIR   adbc-drivers/validation: the Python suite
  ADBC_SUITES_PYTHON    a Python 3.13 or later in whose environment that suite is installed
Each suite runs as it is and once more with transactions, which are opt-in; the Python suite's ingests also through a volume.
Words after the program's name go to pytest. With DBK_BUILD_DIR of a sanitizer build, and the sanitizer's library in
ADBC_SUITES_PRELOAD, the driver is judged by it too."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
BUILD = Path(os.environ.get("DBK_BUILD_DIR", ROOT / "build")).resolve()
OUT = ROOT / "build" / "adbc-suites"
sys.path[:0] = [str(ROOT), str(HERE / "python")]

import dialect  # noqa: E402

from warehouse.testing import local_warehouse  # noqa: E402

SETUP = (
    "CREATE SCHEMA IF NOT EXISTS main.adbc_testing",
    "CREATE SCHEMA IF NOT EXISTS main.adbc_second",
    "CREATE CATALOG adbc_other",
    "CREATE SCHEMA adbc_other.adbc_testing",
    "CREATE VOLUME main.adbc_testing.staging",
)
TRANSACTIONS = {"DBK_ADBC_TRANSACTIONS": "1"}
STAGED = {"DBK_ADBC_VOLUME": "/Volumes/main/adbc_testing/staging"}
TRANSACTION_TESTS = "*AutocommitToggle:*Transactions:*SqlQueryInsertRollback"


def build_cxx(source: Path) -> Path:
    """Compiles what is newer than its object; minutes the first time."""
    c = source / "c"
    OUT.mkdir(parents=True, exist_ok=True)
    include = OUT / "include" / "nanoarrow"
    include.mkdir(parents=True, exist_ok=True)
    for header in (c / "vendor" / "nanoarrow").glob("nanoarrow.h*"):
        (include / header.name).write_bytes(header.read_bytes())
    flags = [f"-I{path}" for path in (OUT / "include", c, c / "include", c / "driver", c / "vendor", c / "vendor/fmt/include")]
    objects = []
    sources = [c / "vendor/nanoarrow/nanoarrow.c", c / "driver/common/utils.c", HERE / "validation.cc"]
    for path in sources + sorted((c / "validation").glob("*.cc")):
        made = OUT / (path.name + ".o")
        if not made.exists() or made.stat().st_mtime < path.stat().st_mtime:
            compiler = ["gcc"] if path.suffix == ".c" else ["g++", "-std=c++20"]
            subprocess.run([*compiler, "-O0", "-c", path, *flags, "-o", made], check=True)
        objects.append(made)
    program = OUT / "validation"
    libraries = ["-lgtest_main", "-lgtest", "-lgmock", "-lpthread", f"-L{BUILD}", "-ladbc_driver_databricks", f"-Wl,-rpath,{BUILD}"]
    subprocess.run(["g++", *objects, "-o", program, *libraries], check=True)
    return program


def cxx_runs(source: Path) -> list[tuple[str, list, dict[str, str]]]:
    program = [build_cxx(source), "--gtest_brief=1"]
    return [
        ("C++", program, {}),
        ("C++, transactions", [*program, f"--gtest_filter={TRANSACTION_TESTS}"], TRANSACTIONS),
    ]


def python_runs(source: Path) -> list[tuple[str, list, dict[str, str]]]:
    queries = dialect.write(source / "adbc_drivers_validation" / "queries", OUT / "queries")
    more = {"PYTHONPATH": str(source), "DBK_ADBC_QUERIES": str(queries)}
    pytest = [os.environ.get("ADBC_SUITES_PYTHON", "python3"), "-m", "pytest", "-q", "-rs", "--tb=short", "-p", "no:cacheprovider"]
    return [
        ("Python", [*pytest, *sys.argv[1:], "."], more),
        ("Python, ingest through a volume", [*pytest, *sys.argv[1:], "test_ingest.py"], more | STAGED),
        ("Python, transactions", [*pytest, "-k", "transaction", "test_statement.py"], more | TRANSACTIONS),
    ]


def main() -> int:
    arrow, validation = os.environ.get("ARROW_ADBC_DIR"), os.environ.get("ADBC_VALIDATION_DIR")
    if not arrow and not validation:
        print(__doc__)
        return 2
    runs = (cxx_runs(Path(arrow)) if arrow else []) + (python_runs(Path(validation)) if validation else [])
    failed = []
    with local_warehouse() as server:
        for sql in SETUP:
            server.execute(sql)
        where = {"DBK_ADBC_URI": server.url + server.http_path, "DBK_ADBC_TOKEN": server.token}
        where["DBK_ADBC_DRIVER"] = str(BUILD / "libadbc_driver_databricks.so")
        if preload := os.environ.get("ADBC_SUITES_PRELOAD"):
            where["LD_PRELOAD"] = preload
        for name, command, more in runs:
            print(f"== {name}", flush=True)
            if subprocess.call(command, cwd=HERE / "python", env={**os.environ, **where, **more}) != 0:
                failed.append(name)
    print(f"failed: {', '.join(failed)}" if failed else f"all {len(runs)} runs passed")
    return int(bool(failed))


if __name__ == "__main__":
    sys.exit(main())
