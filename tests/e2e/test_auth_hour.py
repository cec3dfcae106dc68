"""An hour in which tokens live for a minute: 10,000 statements, one login per life, none fails. Client and
server move in the same virtual time."""

from __future__ import annotations

import mmap
import struct

import pytest
from abi_driver import Probe
from abi_env import LIBRARY, sanitizer
from auth_calls import CLIENT, SECRET, config, open_session, token_requests
from warehouse.testing import local_warehouse

STATEMENTS, ROUND, HOUR_S = 10_000, 10, 3600


@pytest.fixture
def server():
    with local_warehouse("--tls", "--issued-tokens-only") as running:
        running.call("POST", "/_lw/oidc", {"expires_in": 60})
        yield running


@pytest.mark.timeout(600)
@pytest.mark.skipif(sanitizer() != "", reason="NOT RUN: a sanitizer's runtime does not stand a preloaded clock")
def test_an_hour_of_tokens_that_live_a_minute(build_dir, probe_program, server, tmp_path):
    offset = tmp_path / "offset"
    offset.write_bytes(bytes(8))
    env = {"LD_PRELOAD": str(build_dir / "tests" / "libclock_shim.so"), "CLOCK_SHIM": str(offset)}
    with open(offset, "r+b") as file, mmap.mmap(file.fileno(), 8) as clock:
        with Probe(probe_program, build_dir / LIBRARY, env) as probe:
            session = open_session(probe, config(probe, server, ("auth_m2m", CLIENT, SECRET)))
            statement = session.statement("SELECT 1")
            step_s = HOUR_S / (STATEMENTS / ROUND)
            for i in range(STATEMENTS // ROUND):
                server.advance_clock(step_s)
                clock[:] = struct.pack("q", int((i + 1) * step_s * 1e9))
                numbers = []
                for _ in range(ROUND):
                    numbers.append(probe.start("kernel_statement_execute", statement, "executed"))
                    numbers.append(probe.start("kernel_executed_statement_close", "executed"))
                for number in numbers:
                    probe.wait(number).ok()
            probe.call("kernel_statement_close", statement).ok()
            session.close()
    seen = server.journal()
    executed = [e for e in seen if e["path"].endswith("/statements") and e["method"] == "POST"]
    assert len(executed) == STATEMENTS
    assert {e["status"] for e in executed} == {200}
    logins = token_requests(server, 0)
    assert {e["status"] for e in logins} == {200}
    # A life ends between its half (30 s), when the next token is fetched, and its last quarter (45 s); it is counted from
    # when it was asked for, which is before the journal's time, the more so on a busy machine.
    times = [e["time"] for e in logins]
    lives = [later - earlier for earlier, later in zip(times, times[1:])]
    assert len(lives) >= HOUR_S / 45  # more than an hour: the time that the test took itself is added
    assert all(25 <= life <= 50 for life in lives), sorted(lives)
