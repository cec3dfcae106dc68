"""The official connector's own test suites on our module: `make python-suites`.

    python tests/python/suites.py [--versions 4.4.0,...] [--only unit,realkernel,e2e,tls]

For each version: the connector from the package index, its tests from its git repository (the clone that
DBK_CONNECTOR_SOURCE names, else one from the public repository), our wheel of build/python, and the local
warehouse for what needs a server. Everything fetched stays in build/python-suites.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tarfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BUILD = ROOT / "build" / "python-suites"
REPOSITORY = "https://github.com/databricks/databricks-sql-python"
VERSIONS = ["4.2.7", "4.4.0", "newest"]
# What the connector's tests import. (Its sdist has no tests; where the clone has no tag of a version, the
# clone's newest tests are taken.)
PACKAGES = ["pytest", "pytest-timeout", "pytz"]
LIMIT_S = 3600

sys.path.insert(0, str(ROOT))
from warehouse.testing import local_warehouse  # noqa: E402


def run(*command, **kwargs) -> subprocess.CompletedProcess:
    return subprocess.run([str(word) for word in command], check=True, **kwargs)


def source() -> Path:
    given = os.environ.get("DBK_CONNECTOR_SOURCE")
    if given:
        return Path(given)
    clone = BUILD / "connector.git"
    if not clone.exists():
        run("git", "clone", "--quiet", "--bare", REPOSITORY, clone)
    return clone


def environment(version: str) -> Path:
    """A Python with that connector and our wheel."""
    folder = BUILD / f"venv-{version}"
    python = folder / "bin" / "python"
    pip = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    wanted = "" if version == "newest" else f"=={version}"
    if not (folder / ".ready").exists():
        run(sys.executable, "-m", "venv", "--clear", folder)
        run(*pip, f"databricks-sql-connector[pyarrow]{wanted}", *PACKAGES)
        (folder / ".ready").touch()
    wheels = sorted((ROOT / "build" / "python").glob("*.whl"))
    run(*pip, "--no-index", "--no-deps", "--force-reinstall", wheels[-1])
    return python


def tests(version: str) -> Path:
    """The test files of that version."""
    folder = BUILD / f"tests-{version}"
    if not (folder / "tests").exists():
        folder.mkdir(parents=True, exist_ok=True)
        repo = source()
        tags = subprocess.run(["git", "-C", repo, "tag"], capture_output=True, text=True, check=True).stdout.split()
        commit = f"v{version}" if f"v{version}" in tags else "HEAD"
        archive = folder / "tests.tar"
        run("git", "-C", repo, "archive", "-o", archive, commit, "tests", "conftest.py", "pyproject.toml")
        with tarfile.open(archive) as tar:
            tar.extractall(folder, filter="data")
    return folder


def pytest(python: Path, folder: Path, name: str, arguments: list, **variables) -> str:
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("DATABRICKS_", "PYTHONPATH"))}
    log = folder / f"{name}.log"
    with log.open("w") as out:
        subprocess.run(
            [str(python), "-m", "pytest", "-q", "-rsfE", "-p", "no:cacheprovider", "--timeout=600", *arguments],
            cwd=folder,
            env={**clean, **variables},
            stdout=out,
            stderr=subprocess.STDOUT,
            timeout=LIMIT_S,
        )
    lines = log.read_text(errors="replace").splitlines()
    notes = [line for line in lines if line.startswith(("FAILED ", "ERROR ", "SKIPPED "))]
    return "\n".join([lines[-1] if lines else "nothing", *(f"    {note[:240]}" for note in notes)])


def suites(version: str, only: set[str]) -> None:
    python, folder = environment(version), tests(version)

    def show(name: str, arguments: list, **variables) -> None:
        if name in only:
            print(f"{version:8} {name:12} {pytest(python, folder, name, arguments, **variables)}", flush=True)

    show("unit", ["tests/unit", "-m", "not realkernel"])
    show("realkernel", ["tests/unit/test_session.py", "-m", "realkernel"])
    if not only & {"e2e", "tls"}:
        return
    with local_warehouse() as server:
        show(
            "e2e",
            ["tests/e2e/test_kernel_backend.py"],
            DATABRICKS_SERVER_HOSTNAME=server.url,
            DATABRICKS_HTTP_PATH=server.http_path,
            DATABRICKS_TOKEN=server.token,
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--versions", default=",".join(VERSIONS))
    parser.add_argument("--only", default="unit,realkernel,e2e")
    args = parser.parse_args()
    BUILD.mkdir(parents=True, exist_ok=True)
    for version in args.versions.split(","):
        suites(version, set(args.only.split(",")))


if __name__ == "__main__":
    main()
