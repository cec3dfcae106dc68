"""Fixtures that tests/odbc and tests/odbc_tools share: the driver, registered in files of its own, and a warehouse."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlparse

import pyodbc
import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from warehouse.testing import Server, local_warehouse  # noqa: E402

DRIVER = Path(os.environ.get("DBK_BUILD_DIR", ROOT / "build")).resolve() / "libdatabricks_odbc.so"
pyodbc.pooling = False  # each test sees its own connection


@dataclass
class Source:
    """A data source "local" in an odbc.ini of the test's own."""

    folder: Path
    keys: dict[str, str]

    def string(self, **more: str) -> str:
        keys = {"Driver": f"{{{DRIVER}}}", **self.keys, **more}
        return ";".join(f"{name}={value}" for name, value in keys.items() if value is not None)

    def connect(self, **more: str) -> pyodbc.Connection:
        return pyodbc.connect(self.string(**more))

    def environment(self) -> dict[str, str]:
        return {
            **os.environ,
            "ODBCINI": str(self.folder / "odbc.ini"),
            "ODBCSYSINI": str(self.folder),
            "ODBCINSTINI": "odbcinst.ini",
        }

    def run(self, *command: str, input: str | None = None, limit_s: float = 60.0, **more) -> subprocess.CompletedProcess:
        return subprocess.run(
            command, input=input, capture_output=True, text=True, timeout=limit_s, env={**self.environment(), **more}
        )


@pytest.fixture(scope="session")
def warehouse() -> Iterator[Server]:
    assert DRIVER.exists(), f"{DRIVER} is not built: make"
    with local_warehouse() as server:
        yield server


@pytest.fixture(scope="session")
def source(warehouse: Server, tmp_path_factory: pytest.TempPathFactory) -> Source:
    url = urlparse(warehouse.url)
    keys = {
        "Host": url.hostname,
        "Port": str(url.port),
        "SSL": "0",
        "HTTPPath": warehouse.http_path,
        "AuthMech": "3",
        "UID": "token",
        "PWD": warehouse.token,
    }
    folder = tmp_path_factory.mktemp("odbc")
    lines = "\n".join(f"{name}={value}" for name, value in keys.items())
    (folder / "odbc.ini").write_text(f"[local]\nDriver=dbk\n{lines}\n")
    (folder / "odbcinst.ini").write_text(f"[dbk]\nDriver={DRIVER}\nThreading=0\n")
    return Source(folder, keys)


@pytest.fixture
def connection(source: Source) -> Iterator[pyodbc.Connection]:
    opened = source.connect()
    yield opened
    opened.close()


@pytest.fixture
def cursor(connection: pyodbc.Connection) -> pyodbc.Cursor:
    return connection.cursor()
