"""dbk --profile: a section of the Databricks CLI's configuration file."""

from __future__ import annotations

import pytest
from abi_env import run_program
from warehouse.testing import local_warehouse


@pytest.fixture(scope="module")
def server():
    with local_warehouse("--token", "profile-token") as running:
        yield running


@pytest.fixture
def home(tmp_path, server):
    file = tmp_path / ".databrickscfg"
    place = f"host = {server.url}/\nwarehouse_id = local\n"
    file.write_text(
        f"[DEFAULT]\nhost = nowhere.invalid\n[pat]\n{place}token = profile-token\n"
        f"[m2m]\n{place}client_id = local-client\nclient_secret = wrong-secret\n"
    )
    file.chmod(0o600)
    return {"HOME": str(tmp_path), "PATH": "/usr/bin:/bin"}


def test_profile(build_dir, home):
    done = run_program(build_dir / "dbk", "query", "--profile", "pat", "--format", "csv", "-q", "SELECT 7 AS x", env=home)
    assert done.stdout == "x\n7\n"


def test_profile_of_the_environment(build_dir, home):
    env = {**home, "DATABRICKS_CONFIG_PROFILE": "pat"}
    done = run_program(build_dir / "dbk", "query", "--format", "csv", "-q", "SELECT 7 AS x", env=env)
    assert done.stdout == "x\n7\n"


@pytest.mark.parametrize(
    ("profile", "text"),
    [("m2m", "invalid_client"), ("none", "there is no profile 'none'"), ("DEFAULT", "names no warehouse")],
)
def test_profile_that_does_not_serve(build_dir, home, profile, text):
    import subprocess

    command = [build_dir / "dbk", "query", "--profile", profile, "SELECT 1"]
    done = subprocess.run(command, env=home, capture_output=True, text=True, timeout=60)
    assert done.returncode != 0 and text in done.stderr and "wrong-secret" not in done.stderr


def test_profile_and_host(build_dir, home):
    done = run_program(build_dir / "dbk", "query", "--profile", "pat", "--host", "h", "SELECT 1", env=home, code=2)
    assert "exclude each other" in done.stderr
