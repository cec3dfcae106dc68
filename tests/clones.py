"""Clones of public repositories, for the test suites that are in no package. DBK_SOURCES names a folder of clones for
machines that cannot reach the public host: databricks-sql-python (also .git, or with the owner in front:
databricks+databricks-sql-python), bare or not, or one folder deeper under repo/."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

HOST = "https://github.com"


class Missing(Exception):
    """Something cannot be had here; the text says what and what to do."""


def given(sources: Path, owner: str, name: str) -> Path:
    for called in (name, f"{name}.git", f"{owner}+{name}"):
        for folder in (sources / called / "repo", sources / called):
            if (folder / "HEAD").exists() or (folder / ".git").exists():
                return folder
    raise Missing(f"DBK_SOURCES={sources} has no clone of {owner}/{name}")


def clone(owner: str, name: str, build: Path) -> Path:
    """The one in DBK_SOURCES, else a bare one in build/, made once."""
    sources = os.environ.get("DBK_SOURCES")
    if sources:
        return given(Path(sources), owner, name)
    url, folder = f"{HOST}/{owner}/{name}", build / f"{name}.git"
    if not folder.exists():
        done = subprocess.run(["git", "clone", "--quiet", "--bare", url, str(folder)], stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True)
        if done.returncode != 0:
            raise Missing(f"{done.stdout.strip()}\nWithout {url}: set DBK_SOURCES to a folder with a clone named {name}")
    return folder
