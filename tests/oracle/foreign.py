"""Software that is not ours, fetched for a run into build/ and never committed.

Packages come from their registries through the ordinary clients. Test files are in no package: they come from
the projects' git repositories (tests/clones.py), each at one commit, so that numbers can be compared.
"""

from __future__ import annotations

import subprocess
import sys
import tarfile
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.append(str(ROOT / "tests"))
from clones import Missing, clone  # noqa: E402


@dataclass(frozen=True)
class Repository:
    owner: str
    name: str
    commit: str


PYTHON = Repository("databricks", "databricks-sql-python", "e550cb7218d85e78a69d0617f60189428cc90dd8")
NODE = Repository("databricks", "databricks-sql-nodejs", "f342b5f7e22afb5a580b4609917b788be68c4a8a")
GO = Repository("databricks", "databricks-sql-go", "94da4710e0ebb733e8f7b6975a3a0f412ddf5cd4")


def run(*command, **kwargs) -> subprocess.CompletedProcess:
    """Runs a command; when it fails, the end of what it said is in the error."""
    words = [str(word) for word in command]
    done = subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **kwargs)
    if done.returncode != 0:
        raise Missing(f"{' '.join(words)}: exit code {done.returncode}\n{done.stdout[-2000:]}")
    return done


def checkout(repository: Repository, build: Path, paths: tuple[str, ...] = (".",), commit: str = "") -> Path:
    """The files of the repository at its commit, unpacked once."""
    commit = commit or repository.commit
    folder = build / "sources" / f"{repository.name}-{commit[:10]}"
    if not (folder / ".ready").exists():
        source = clone(repository.owner, repository.name, build / "sources")
        folder.mkdir(parents=True, exist_ok=True)
        archive = folder / "files.tar"
        run("git", "-C", source, "archive", "-o", archive, commit, "--", *paths)
        with tarfile.open(archive) as tar:
            tar.extractall(folder, filter="data")
        archive.unlink()
        (folder / ".ready").touch()
    return folder


def python_environment(folder: Path, *packages: str) -> Path:
    """A Python of its own with these packages, made again when the list changes."""
    python, ready = folder / "bin" / "python", folder / ".ready"
    wanted = "\n".join(packages)
    if not ready.exists() or ready.read_text() != wanted:
        run(sys.executable, "-m", "venv", "--clear", folder)
        run(python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *packages)
        ready.write_text(wanted)
    return python


def installed(python: Path, *names: str) -> str:
    """'name version, name version' of what is installed there."""
    code = "import sys, importlib.metadata as m; print(', '.join(n + ' ' + m.version(n) for n in sys.argv[1:]))"
    return run(python, "-c", code, *names).stdout.strip()
