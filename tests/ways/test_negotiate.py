"""A proxy that wants the user's Kerberos ticket (Negotiate)."""

from __future__ import annotations

import struct

import kerberos
import pytest
from abi_driver import NETWORK_ERROR, wait_until
from auth_calls import config, open_session
from test_proxies import PAT, port_of, proxy, run_queries


@pytest.fixture(scope="module")
def realm():
    with kerberos.realm() as here:
        yield here


@pytest.fixture
def squid(realm):
    with kerberos.squid(realm) as running:
        yield running


def test_a_ticket(probes, server, realm, squid):
    """The whole way of a query, API and storage, as the person of the ticket."""
    realm.log_in()
    run_queries(probes(**realm.env), server, proxy(f"http://localhost:{squid.port}"))
    for url in (server.url, server.storage_url):
        known = f"CONNECT 127.0.0.1:{port_of(url)} {kerberos.USER}@{kerberos.REALM}"
        wait_until(lambda known=known: known in squid.seen(), what="the log")


def test_a_proxy_of_the_environment(probes, server, realm, squid):
    realm.log_in()
    run_queries(probes(HTTPS_PROXY=f"http://localhost:{squid.port}", **realm.env), server)


def test_long_sessions_log_in_once_per_connection(probes, server, realm, squid):
    realm.log_in()
    probe = probes(**realm.env)
    session = open_session(probe, config(probe, server, PAT, proxy(f"http://localhost:{squid.port}")))
    for i in range(10):
        assert session.rows(f"SELECT {i}") == [(i,)]
    session.close()
    wait_until(lambda: "CONNECT" in squid.seen(), what="the log")
    assert squid.seen().count(f"{kerberos.USER}@{kerberos.REALM}") <= 2


@pytest.mark.parametrize("ticket", ["none", "of another name", "expired"])
def test_no_good_ticket(build_dir, probes, server, realm, squid, tmp_path, ticket):
    """Asked once, refused once, and told what to do."""
    realm.log_in()
    host, env = "localhost", dict(realm.env)
    if ticket == "none":
        realm.log_out()
    elif ticket == "expired":  # the client's clock is two days on
        (tmp_path / "offset").write_bytes(struct.pack("q", 2 * 86400 * 10**9))
        env |= {"LD_PRELOAD": str(build_dir / "tests" / "libclock_shim.so"), "CLOCK_SHIM": str(tmp_path / "offset")}
    else:
        host = "127.0.0.1"  # there is no principal HTTP/127.0.0.1
    probe = probes(**env)
    handle = config(probe, server, PAT, proxy(f"http://{host}:{squid.port}"))
    answer = probe.call("kernel_session_open", handle, "never")
    answer.fails(NETWORK_ERROR, "proxy authentication required: no Kerberos ticket that is good for this proxy (klist shows")
    assert answer["error"]["retryable"] is False and "after 1 attempts" in answer.message
