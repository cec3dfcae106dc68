"""`cmake --install`: the driver in a prefix of its own, registered with the driver manager, and found by name."""

from __future__ import annotations

import os
import shutil
import subprocess

import pytest
from odbc_env import DRIVER, ROOT

RULES = DRIVER.parent / "cmake" / "release" / "drivers" / "odbc"


def install(prefix, folder, **more) -> subprocess.CompletedProcess:
    environment = {**os.environ, "ODBCSYSINI": str(folder), "ODBCINI": str(folder / "odbc.ini"), **more}
    return subprocess.run(
        ["cmake", "--install", str(RULES), "--prefix", str(prefix)], capture_output=True, text=True, timeout=120, env=environment, cwd=ROOT
    )


@pytest.fixture
def folder(tmp_path):
    if not (RULES / "cmake_install.cmake").exists():
        pytest.skip(f"{RULES} has no rules of installation: another build folder is tested (DBK_BUILD_DIR)")
    if shutil.which("odbcinst") is None:
        pytest.skip("odbcinst is not installed (Debian: odbcinst)")
    (tmp_path / "etc").mkdir()
    return tmp_path / "etc"


def test_the_installed_driver_is_registered_and_connects(folder, tmp_path, source):
    done = install(tmp_path / "prefix", folder)
    assert done.returncode == 0, done.stderr
    (driver,) = (tmp_path / "prefix").rglob("libdatabricks_odbc.so")
    registered = (folder / "odbcinst.ini").read_text()
    assert "[Databricks dbkernel]" in registered and f"{driver}" in registered, registered
    environment = {**os.environ, "ODBCSYSINI": str(folder), "ODBCINI": str(folder / "odbc.ini")}
    listed = subprocess.run(["odbcinst", "-q", "-d"], capture_output=True, text=True, env=environment, timeout=60)
    assert listed.stdout.split("\n")[0] == "[Databricks dbkernel]"
    keys = "\n".join(f"{name}={value}" for name, value in source.keys.items())
    (folder / "odbc.ini").write_text(f"[w]\nDriver=Databricks dbkernel\n{keys}\n")
    asked = subprocess.run(["isql", "w", "-b", "-d|"], input="SELECT 40 + 2\n", capture_output=True, text=True, env=environment, timeout=60)
    assert "42" in asked.stdout, asked.stdout + asked.stderr


def test_a_staged_installation_registers_nothing(folder, tmp_path):
    stage = tmp_path / "stage"
    done = install("/opt/dbkernel", folder, DESTDIR=str(stage))
    assert done.returncode == 0, done.stderr
    (ini,) = stage.rglob("odbcinst.ini")
    assert "Driver=/opt/dbkernel/" in ini.read_text()  # where it will be, not where it is staged
    assert not (folder / "odbcinst.ini").exists()
