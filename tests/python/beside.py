"""Our module and the closed one beside the same connector: for suites.py, the differential tests and the
benchmarks. Everything fetched stays in build/python-suites."""

from __future__ import annotations

import os
import subprocess
import sys
import tarfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.append(str(ROOT / "tests"))
from clones import clone  # noqa: E402

BUILD = ROOT / "build" / "python-suites"
OURS = ROOT / "build" / "bundled" / "python"
REAL_VERSION = "1.3.0"
NEWEST = "newest"
SOURCE = "source"  # the newest commit of the connector's repository
# What the connector's own tests import.
PACKAGES = ["pytest", "pytest-timeout", "pytz"]


def run(*command, **kwargs) -> subprocess.CompletedProcess:
    return subprocess.run([str(word) for word in command], check=True, **kwargs)


def install(python: Path | str, *arguments) -> None:
    run(python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *arguments, stdin=subprocess.DEVNULL)


def checkout(version: str) -> Path:
    """The connector's files of that version; the newest there are when the repository has no tag of it."""
    folder = BUILD / f"tests-{version}"
    if not (folder / "tests").exists():
        folder.mkdir(parents=True, exist_ok=True)
        git = ["git", "-C", str(clone("databricks", "databricks-sql-python", BUILD))]
        tags = subprocess.run([*git, "tag"], capture_output=True, text=True, check=True).stdout.split()
        commit = f"v{version}" if f"v{version}" in tags else "HEAD"
        archive = folder / "tests.tar"
        run(*git, "archive", "-o", archive, commit)
        with tarfile.open(archive) as tar:
            tar.extractall(folder, filter="data")
    return folder


def connector(version: str = NEWEST) -> Path:
    """The Python of an environment with that version of the connector, and no kernel module."""
    folder = BUILD / f"connector-{version}"
    python = folder / "bin" / "python"
    if not (folder / ".ready").exists():
        BUILD.mkdir(parents=True, exist_ok=True)
        run(sys.executable, "-m", "venv", "--clear", folder)
        package = "databricks-sql-connector[pyarrow]" + (f"=={version}" if version not in (NEWEST, SOURCE) else "")
        if version == SOURCE:
            package = f"{checkout(SOURCE)}[pyarrow]"
        install(python, package, *PACKAGES)
        (folder / ".ready").touch()
    return python


def module_folder(which: str, kernel_version: str = REAL_VERSION) -> Path:
    """What to put on PYTHONPATH for the module "ours" or "real" of a version: the extension and its dist-info."""
    if which == "ours":
        if not list(OURS.glob("*.dist-info")):
            raise SystemExit("build/bundled/python holds no wheel: make python")
        return OURS
    folder = BUILD / f"real-{kernel_version}"
    if not (folder / ".ready").exists():
        # Without its pin of pyarrow: both modules get the connector's.
        install(sys.executable, "--no-deps", "--target", folder, f"databricks-sql-kernel=={kernel_version}")
        (folder / ".ready").touch()
    return folder


def environment(which: str, kernel_version: str = REAL_VERSION, **variables: str) -> dict[str, str]:
    """The environment of a process that is to load that module."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("DATABRICKS_", "PYTHON"))}
    return {**kept, "PYTHONPATH": str(module_folder(which, kernel_version)), **variables}
