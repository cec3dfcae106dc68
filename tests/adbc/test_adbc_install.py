"""The manifest, profiles, and the exported names: how managers find the driver."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pytest
from adbc_env import DRIVER, ROOT, examples, for_warehouse, options

BUILD = Path(os.environ.get("DBK_BUILD_DIR", ROOT / "build")).resolve()
CMAKE = BUILD / "cmake" / "release" if BUILD == ROOT / "build" else BUILD

QUERY = """
import sys
import adbc_driver_manager.dbapi as adbc
with adbc.connect({arguments}, autocommit=True) as connection, connection.cursor() as cursor:
    cursor.execute("SELECT count(*) FROM samples.tpch.nation")
    print(cursor.fetchone()[0])
"""


def python(arguments: str, **environment: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", QUERY.format(arguments=arguments)],
        capture_output=True, text=True, timeout=60, env={**os.environ, **environment},
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.fixture(scope="module")
def prefix(tmp_path_factory) -> Path:
    where = tmp_path_factory.mktemp("installed")
    subprocess.run(
        ["cmake", "--install", CMAKE, "--prefix", where, "--component", "adbc"], check=True, capture_output=True
    )
    return where


def test_the_manifest_names_the_installed_driver(prefix, warehouse):
    manifests = str(prefix / "etc" / "adbc" / "drivers")
    given = options(warehouse)
    assert python(f"driver='databricks', db_kwargs={given!r}", ADBC_DRIVER_PATH=manifests) == "25"


def test_a_profile(prefix, warehouse, tmp_path):
    given = options(warehouse)
    (tmp_path / "mine.toml").write_text(
        "profile_version = 1\ndriver = 'databricks'\n[Options]\n"
        f"uri = '{given['uri']}'\n'databricks.access_token' = '{{{{ env_var(TOKEN_OF_TEST) }}}}'\n"
        "'databricks.retry.max_retries' = 3\n'databricks.cloudfetch.enabled' = true\n"
        "'databricks.cloudfetch.speed_threshold_mbps' = 0.5\n"
    )
    answer = python(
        "uri='profile://mine'",
        ADBC_DRIVER_PATH=str(prefix / "etc" / "adbc" / "drivers"),
        ADBC_PROFILE_PATH=str(tmp_path),
        TOKEN_OF_TEST=given["databricks.access_token"],
    )
    assert answer == "25"


def test_nothing_but_adbc_is_exported():
    listed = subprocess.run(["nm", "-D", "--defined-only", DRIVER], capture_output=True, text=True, check=True).stdout
    names = {line.split()[-1] for line in listed.splitlines()}
    assert all(name.startswith("Adbc") for name in names) and len(names) == 58
    assert {"AdbcDriverInit", "AdbcDriverDatabricksInit", "AdbcDatabricksInit"} <= names


def test_the_example_in_c(warehouse, tmp_path):
    """The example of docs/adbc.md, linked with the driver itself; our declarations in place of adbc.h."""
    (example,) = examples("c")
    (tmp_path / "ids.c").write_text(example)
    header = tmp_path / "arrow-adbc" / "adbc.h"
    header.parent.mkdir()
    header.write_text(
        f'#include "{ROOT}/drivers/adbc/adbc_abi.h"\n'
        "#define ADBC_ERROR_INIT ((struct AdbcError){.vendor_code = ADBC_ERROR_VENDOR_CODE_PRIVATE_DATA})\n"
    )
    subprocess.run(
        ["cc", "-std=c11", "-Wall", "-Werror", "-I", tmp_path, "-I", ROOT / "include", tmp_path / "ids.c", "-L", BUILD,
         "-ladbc_driver_databricks", f"-Wl,-rpath,{BUILD}", "-o", tmp_path / "ids"],
        check=True,
    )
    given = options(warehouse)
    environment = {**os.environ, "DATABRICKS_URI": given["uri"], "DATABRICKS_TOKEN": given["databricks.access_token"]}
    done = subprocess.run([tmp_path / "ids"], capture_output=True, text=True, timeout=60, env=environment)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == [str(n) for n in range(10)]


def test_the_first_example_in_python(warehouse):
    done = subprocess.run([sys.executable, "-c", for_warehouse(examples()[0], warehouse)], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert "n_name: string" in done.stdout and "FRANCE" in done.stdout


def test_the_example_of_partitions(statement, connection):
    (example,) = [block for block in examples() if "execute_partitions" in block]
    found = {"statement": statement, "connection": connection}
    example = example.replace("partitions[7]", "partitions[-1]")  # how many there are is the server's choice
    exec(compile(example, "docs/adbc.md", "exec"), found)  # noqa: S102
    batches = pa.RecordBatchReader._import_from_c(found["handle"].address)
    assert "l_orderkey" in batches.schema.names and batches.read_all().num_rows > 0
