"""Runs the files of docs/test-your-app.md as they stand there: `make guide`.

    python tests/guide/guide.py [--only python,node,go,java]

Drivers come from their registries into build/guide. What cannot be had on this machine is left out, loudly; with
--only it is an error.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BUILD = ROOT / "build" / "guide"
GUIDE = ROOT / "docs" / "test-your-app.md"
TRIPS = "trips: 21932"
CONNECTOR = "databricks-sql-connector[kernel,pyarrow]"
NODE = "@databricks/sql@2.1.0"
JDBC = "com.databricks:databricks-jdbc:3.4.5"

sys.path.insert(0, str(ROOT))
from warehouse.testing import local_warehouse  # noqa: E402


class LeftOut(Exception):
    """Cannot be run on this machine, and why."""


def file_of(name: str) -> str:
    """The text of a file that the guide shows."""
    found = re.search(rf"^`{re.escape(name)}`:\n\n```\w+\n(.*?)^```$", GUIDE.read_text(), re.M | re.S)
    assert found, f"{GUIDE.name} shows no {name}"
    return found[1]


def place(folder: Path, name: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(file_of(name))
    return folder / name


def need(*programs: str) -> None:
    for program in programs:
        if shutil.which(program) is None:
            raise LeftOut(f"{program} is not installed")


def run(*command: object, **options) -> str:
    done = subprocess.run([str(word) for word in command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **options)
    if done.returncode != 0:
        raise AssertionError(f"{' '.join(map(str, command))}: exit code {done.returncode}\n{done.stdout[-4000:]}")
    return done.stdout


def fetch(*command: object, **options) -> str:
    """A command that needs a registry: without one there is nothing to run."""
    try:
        return run(*command, **options)
    except AssertionError as error:
        raise LeftOut(str(error)) from None


@contextlib.contextmanager
def warehouse(*options: str) -> Iterator[tuple[str, Path]]:
    """Its address, and the file that tells the rest."""
    with local_warehouse(*options) as server:
        told = BUILD / "warehouse.json"
        told.write_text(json.dumps({"url": server.url, "http_path": server.http_path, "token": server.token, "tls_dir": server.tls_dir}))
        yield server.url, told


def python() -> str:
    """A fresh environment with the warehouse as a package, the connector, and the guide's test file."""
    folder = BUILD / "python"
    shutil.rmtree(folder, ignore_errors=True)
    source = BUILD / "warehouse"  # setuptools leaves its work beside the sources
    shutil.rmtree(source, ignore_errors=True)
    shutil.copytree(ROOT / "warehouse", source, ignore=shutil.ignore_patterns("__pycache__", "build", "*.egg-info"))
    run(sys.executable, "-m", "venv", folder / "venv")
    binaries = folder / "venv" / "bin"
    fetch(binaries / "python", "-m", "pip", "install", "-q", "--disable-pip-version-check", source, CONNECTOR, "pytest")
    run(binaries / "dbkernel-warehouse", "--help")
    test = place(folder, "test_trips.py")
    text = run(binaries / "python", "-m", "pytest", "-q", "-p", "no:cacheprovider", test, cwd=folder)
    assert "4 passed" in text, text
    return text.strip().splitlines()[-1]


def node() -> str:
    need("node", "npm")
    folder = BUILD / "node"
    program = place(folder, "trips.js")
    (folder / "package.json").write_text('{"private": true}')
    fetch("npm", "install", "--silent", "--no-audit", "--no-fund", NODE, cwd=folder)
    with warehouse() as (_, told):
        return said(run("node", program, told, cwd=folder, timeout=120))


def go() -> str:
    need("go")
    driver = ROOT / "build" / "go" / "driver"
    if not (driver / "internal" / "backend" / "kernel").is_dir():
        raise LeftOut("build/go/driver has no driver with the kernel backend: `make go` fetches one when the module proxy offers it")
    folder = BUILD / "go"
    place(folder, "trips.go")
    shutil.copy(ROOT / "bindings" / "go" / "example" / "go.mod", folder)
    run("go", "mod", "edit", f"-replace=github.com/databricks/databricks-sql-go={driver}", cwd=folder)
    fetch("go", "mod", "tidy", cwd=folder)
    run("go", "build", "-tags", "databricks_kernel", "-o", "trips", ".", cwd=folder)
    with warehouse("--tls") as (_, told):
        return said(run(folder / "trips", told, timeout=120))


def java() -> str:
    need("java", "mvn")
    folder = BUILD / "java"
    program = place(folder, "Trips.java")
    jar = folder / f"databricks-jdbc-{JDBC.rsplit(':', 1)[1]}.jar"
    if not jar.exists():
        copy = "org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy"
        fetch("mvn", "-q", "-B", copy, f"-Dartifact={JDBC}", f"-DoutputDirectory={folder}")
    with warehouse() as (url, _):
        return said(run("java", "--add-opens=java.base/java.nio=ALL-UNNAMED", "-cp", jar, program, url, cwd=folder, timeout=300))


def said(text: str) -> str:
    assert TRIPS in text.splitlines(), text
    return TRIPS


PARTS: dict[str, Callable[[], str]] = {"python": python, "node": node, "go": go, "java": java}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="", help="these parts alone, and all of them must run")
    wanted = [name for name in parser.parse_args().only.split(",") if name]
    BUILD.mkdir(parents=True, exist_ok=True)
    bad = False
    for name in wanted or PARTS:
        try:
            print(f"guide: {name}: {PARTS[name]()}", flush=True)
        except LeftOut as reason:
            bad |= bool(wanted)
            print(f"guide: {name}: LEFT OUT: {reason}", flush=True)
        except (AssertionError, subprocess.TimeoutExpired) as error:
            bad = True
            print(f"guide: {name}: FAILED: {error}", flush=True)
    sys.exit(bad)


if __name__ == "__main__":
    main()
