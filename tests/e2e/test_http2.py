"""dbk over HTTP/2: a change is made at most once whatever becomes of its stream, and what only reads is asked again."""

from __future__ import annotations

import pytest
from cli_helpers import connection, run_dbk
from warehouse.testing import local_warehouse

FAULTS = ["refusestream", "rststream(10)", "goaway(before)", "goaway(after)", "goaway(lost)", "pings(100)"]
UNCLEAR = "may have run"


@pytest.fixture(scope="module")
def server():
    with local_warehouse("--tls", "--http2") as server:
        yield server


@pytest.fixture
def dbk(server):
    server.clear_faults()
    environment = {**connection(server), "SSL_CERT_FILE": f"{server.tls_dir}/ca.pem"}
    return lambda sql: run_dbk("query", sql, "--format", "csv", env=environment)


@pytest.mark.parametrize("fault", FAULTS)
def test_a_change_is_made_once_or_said_to_be_unclear(server, dbk, fault):
    server.execute("CREATE TABLE IF NOT EXISTS main.default.http2_changes (a STRING)")
    server.fault(f"stmt.execute#1:{fault}")
    sql = f"INSERT INTO main.default.http2_changes VALUES ('{fault}')"
    ran = dbk(sql)
    made = server.effects().get(sql, 0)
    assert made <= 1
    assert UNCLEAR in ran.err if ran.code else made == 1, ran.err
    hit = [e for e in server.journal() if e.get("faults") == [fault]]
    assert hit and hit[-1]["tls"]["alpn"] == "h2"


@pytest.mark.parametrize("fault", FAULTS)
def test_what_reads_is_asked_again(server, dbk, fault):
    server.fault(f"stmt.chunk#1:{fault}")
    ran = dbk("/*lw: chunk_rows=10, inline_max=0, links_per_page=2*/ SELECT * FROM range(100)")
    assert ran.lines() == ["id", *map(str, range(100))], ran.err
    assert [e for e in server.journal() if e.get("faults") == [fault]]


def test_one_stream_at_a_time(server, dbk):
    server.fault("conn?origin=api:streams(1)")
    assert dbk("/*lw: chunk_rows=10, inline_max=0, links_per_page=1*/ SELECT * FROM range(100)").lines()[-1] == "99"
