"""The token cache of the JDBC driver, written and read by that driver's own class; its jar comes from the registry."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest
import test_auth_browser as browser_test
from abi_driver import Probe
from abi_env import LIBRARY, ROOT
from auth_calls import open_session
from test_auth_browser import CLIENT, SCOPES, Browser

VERSION = "3.4.5"
FOLDER = ROOT / "build" / "jdbc"


@pytest.fixture(scope="session")
def java():
    """Runs Cache.java with the driver's jar, as a user whose home is that of a browser."""
    jar = FOLDER / f"databricks-jdbc-{VERSION}.jar"
    for program in ("java", "mvn"):
        if shutil.which(program) is None:
            pytest.skip(f"{program} is not installed: the JDBC driver's class was not run")
    if not jar.exists():
        copy = "org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy"
        command = ["mvn", "-q", "-B", copy, f"-Dartifact=com.databricks:databricks-jdbc:{VERSION}"]
        done = subprocess.run([*command, f"-DoutputDirectory={FOLDER}"], capture_output=True, text=True, timeout=300)
        if done.returncode != 0:
            pytest.skip(f"the JDBC driver {VERSION} could not be fetched: {done.stdout[-300:]}")

    def run(home: Path, *args: str) -> str:
        program = ["java", f"-Duser.home={home}", "-cp", str(jar), str(Path(__file__).with_name("Cache.java"))]
        done = subprocess.run([*program, *args], capture_output=True, text=True, timeout=100, env={**os.environ})
        assert done.returncode == 0, done.stderr
        return done.stdout.strip().splitlines()[-1] if done.stdout.strip() else ""

    return run


@pytest.fixture
def browser(tmp_path):
    return Browser(tmp_path)


@pytest.fixture
def person(build_dir, probe_program, browser):
    with Probe(probe_program, build_dir / LIBRARY, browser.env) as running:
        yield running


def test_the_driver_writes_we_read(java, person, server, browser):
    browser_test.log_in(person, server, browser).close()
    ours = browser_test.cache_path(browser, server)
    content = browser_test.decrypt(ours, "pp")
    ours.unlink()
    theirs = browser_test.jdbc_path(browser, server)
    assert java(browser.home, "path", server.url, CLIENT, ",".join(SCOPES)) == str(theirs)
    tokens = content["access_token"], content["refresh_token"]
    java(browser.home, "save", str(theirs), "pp", *tokens, "2099-01-02T03:04:05.678Z")
    open_session(person, browser_test.u2m(person, server)).close()
    assert len(browser.opened()) == 1


def test_we_write_the_driver_reads_nothing(java, person, server, browser):
    """Box and cipher are the same, the names inside are those of the Rust kernel: the driver's class finds neither
    token (and looks in another folder in the first place)."""
    browser_test.log_in(person, server, browser).close()
    assert java(browser.home, "load", str(browser_test.cache_path(browser, server)), "pp") in ("null", "null null")
