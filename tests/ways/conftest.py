"""Third parties between the kernel and the local warehouse: proxies and a TLS server of the distribution, each a
process of the test's own on a free port of 127.0.0.1, ended by its pid. What is not installed is skipped loudly."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "e2e"))

from abi_env import LIBRARY, build_dir, probe_program  # noqa: E402, F401
from abi_driver import Probe  # noqa: E402
from warehouse.testing import local_warehouse  # noqa: E402

PROXY_VARIABLES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")
CA_VARIABLES = ("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "NODE_EXTRA_CA_CERTS")


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch):
    """What this machine is set up with has no business in a test; an empty variable counts as unset."""
    for name in PROXY_VARIABLES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    for name in CA_VARIABLES:
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def probes(build_dir, probe_program):  # noqa: F811
    """Makes probes with variables in their environment."""
    running = []

    def make(**env: str) -> Probe:
        probe = Probe(probe_program, build_dir / LIBRARY, env)
        running.append(probe)
        return probe

    yield make
    for probe in running:
        assert probe.close() == 0, probe.stderr


@pytest.fixture(scope="module")
def server():
    with local_warehouse("--tls", "--mitm-port", "0", "--proxy-port", "0", "--proxy-credentials", "user:secret") as running:
        yield running


def pytest_terminal_summary(terminalreporter):
    for report in terminalreporter.stats.get("skipped", ()):
        terminalreporter.write_line(f"NOT RUN: {report.nodeid}: {report.longrepr[-1]}", yellow=True)
