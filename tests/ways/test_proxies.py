"""Through proxies that are not ours: the whole way of a query, and each way to be refused."""

from __future__ import annotations

import contextlib
import socket
import threading
from urllib.parse import quote

import parties
import pytest
from abi_driver import INVALID_ARGUMENT, NETWORK_ERROR, wait_until
from abi_env import free_port
from auth_calls import config, open_session

PAT = ("auth_pat", "a-token")
BIG = "SELECT id, repeat('x', 100) FROM range(200000)"  # comes from the storage origin


def proxy(url, user=None, password=None, bypass=None):
    return ("proxy", url, user, password, bypass)


def port_of(url: str) -> str:
    return url.rsplit(":", 1)[1]


def run_queries(probe, server, *setters):
    session = open_session(probe, config(probe, server, PAT, *setters))
    assert session.rows("SELECT 1") == [(1,)]
    seen = session.query(BIG)
    assert seen["status"] == 0 and sum(len(batch["columns"][0]) for batch in seen["batches"]) == 200000
    session.close()


def refusal(probe, server, *setters, status=NETWORK_ERROR, timeout_ms=None):
    handle = config(probe, server, PAT, *setters)
    if timeout_ms is not None:
        probe.call("kernel_session_config_set_request_timeout", handle, timeout_ms).ok()
    answer = probe.call("kernel_session_open", handle, "never")
    assert answer.status == status, answer
    return answer


# -- squid ------------------------------------------------------------------------------------------
def test_squid(probes, server):
    with parties.squid() as squid:
        run_queries(probes(), server, proxy(f"http://127.0.0.1:{squid.port}", parties.USER, parties.PASSWORD))
        for url in (server.url, server.storage_url):  # one configuration for both
            wait_until(lambda url=url: f"CONNECT 127.0.0.1:{port_of(url)} {parties.USER}" in squid.seen(), what="the log")


def test_squid_with_credentials_in_its_url(probes, server):
    with parties.squid() as squid:
        login = f"{parties.USER}:{quote(parties.PASSWORD, safe='')}"
        run_queries(probes(), server, proxy(f"http://{login}@127.0.0.1:{squid.port}"))


@pytest.mark.parametrize("name", ["https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"])
def test_squid_of_the_environment(probes, server, name):
    with parties.squid() as squid:
        login = f"{parties.USER}:{quote(parties.PASSWORD, safe='')}"
        run_queries(probes(**{name: f"http://{login}@127.0.0.1:{squid.port}"}), server)
        wait_until(lambda: f"CONNECT 127.0.0.1:{port_of(server.url)}" in squid.seen(), what="the log")


@pytest.mark.parametrize("bypass", ["127.0.0.0/8", "127.0.0.1", "*", "a.example, 127.0.0.0/8"])
@pytest.mark.parametrize("way", ["environment", "explicit"])
def test_bypass(probes, server, way, bypass):
    with parties.squid() as squid:
        url = f"http://127.0.0.1:{squid.port}"
        if way == "environment":
            run_queries(probes(HTTPS_PROXY=url, NO_PROXY=bypass), server)
        else:
            run_queries(probes(), server, proxy(url, bypass=bypass))
        assert "CONNECT" not in squid.seen()


def test_an_explicit_proxy_replaces_the_environment(probes, server):
    with parties.squid() as squid:
        env = {"HTTPS_PROXY": "http://127.0.0.1:9", "NO_PROXY": "*"}
        explicit = proxy(f"http://127.0.0.1:{squid.port}", parties.USER, parties.PASSWORD)
        run_queries(probes(**env), server, explicit)
        wait_until(lambda: f"CONNECT 127.0.0.1:{port_of(server.url)}" in squid.seen(), what="the log")


@pytest.mark.parametrize(("user", "password"), [(None, None), (parties.USER, "wrong-secret"), (parties.USER, None)])
def test_squid_wants_other_credentials(probes, server, user, password):
    with parties.squid() as squid:
        answer = refusal(probes(), server, proxy(f"http://127.0.0.1:{squid.port}", user, password))
        assert "proxy authentication required: the proxy's user or password is missing or wrong" in answer.message
        assert answer["error"]["retryable"] is False
        assert "wrong-secret" not in answer.message
        wait_until(lambda: "CONNECT" in squid.seen(), what="the log")
        assert squid.seen().count("CONNECT") == 1  # not repeated


def test_squid_forbids(probes, server):
    with parties.squid("http_access deny CONNECT") as squid:
        explicit = proxy(f"http://127.0.0.1:{squid.port}", parties.USER, parties.PASSWORD)
        answer = refusal(probes(), server, explicit)
        assert "the proxy does not allow this host" in answer.message
        assert answer["error"]["retryable"] is False
        wait_until(lambda: "CONNECT" in squid.seen(), what="the log")
        assert squid.seen().count("CONNECT") == 1  # not repeated


def test_squid_does_not_reach_the_host(probes, server):
    with parties.squid() as squid:
        explicit = proxy(f"http://127.0.0.1:{squid.port}", parties.USER, parties.PASSWORD)
        probe = probes()
        handle = config(probe, server, PAT, explicit, url=f"https://127.0.0.1:{free_port()}")
        answer = probe.call("kernel_session_open", handle, "never")
        answer.fails(NETWORK_ERROR, "the proxy could not reach the host")


# -- tinyproxy --------------------------------------------------------------------------------------
def test_tinyproxy(probes, server, tmp_path):
    with parties.tinyproxy(tmp_path) as tiny:
        run_queries(probes(), server, proxy(f"http://127.0.0.1:{tiny.port}", parties.USER, "plainsecret"))
        for url in (server.url, server.storage_url):
            wait_until(lambda url=url: f"127.0.0.1:{port_of(url)}" in tiny.seen(), what="the log")
        answer = refusal(probes(), server, proxy(f"http://127.0.0.1:{tiny.port}", parties.USER, "no"))
        assert "proxy" in answer.message


# -- SOCKS ------------------------------------------------------------------------------------------
@pytest.mark.parametrize("scheme", ["socks5", "socks5h"])
def test_microsocks(probes, server, tmp_path, scheme):
    with parties.microsocks(tmp_path) as socks:
        run_queries(probes(), server, proxy(f"{scheme}://127.0.0.1:{socks.port}", parties.USER, parties.PASSWORD))
        wait_until(lambda: f"connected to 127.0.0.1:{port_of(server.url)}" in socks.seen(), what="the log")
        wait_until(lambda: f"connected to 127.0.0.1:{port_of(server.storage_url)}" in socks.seen(), what="the log")


def test_microsocks_wants_other_credentials(probes, server, tmp_path):
    with parties.microsocks(tmp_path) as socks:
        answer = refusal(probes(), server, proxy(f"socks5://127.0.0.1:{socks.port}", parties.USER, "wrong-secret"))
        assert "the SOCKS proxy refused: check its user and password" in answer.message
        assert "wrong-secret" not in answer.message


def test_dante(probes, server, tmp_path):
    with parties.dante(tmp_path) as socks:
        run_queries(probes(ALL_PROXY=f"socks5h://127.0.0.1:{socks.port}"), server)
        wait_until(lambda: f"127.0.0.1.{port_of(server.url)}" in socks.seen(), what="the log")


# -- no proxy at all --------------------------------------------------------------------------------
@contextlib.contextmanager
def listener(answer: bytes | None):
    """Takes connections; answers each with these bytes and closes, or with None is silent."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        kept = []

        def serve():
            while True:
                try:
                    client, _ = server.accept()
                except OSError:
                    return
                kept.append(client)
                if answer is not None:
                    client.recv(4096)
                    client.sendall(answer)
                    client.close()

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield server.getsockname()[1]
        server.shutdown(socket.SHUT_RDWR)
        thread.join(60)
        for client in kept:
            client.close()


def test_a_proxy_that_is_none(probes, server):
    with listener(b"\x00\xff\x15garbage\r\n\r\n") as port:
        answer = refusal(probes(), server, proxy(f"http://127.0.0.1:{port}"))
        assert "the proxy closed the connection or did not answer in HTTP" in answer.message
    with listener(b"") as port:
        answer = refusal(probes(), server, proxy(f"http://127.0.0.1:{port}"))
        assert "proxy" in answer.message.lower()


def test_a_silent_proxy(probes, server):
    with listener(None) as port:
        answer = refusal(probes(), server, proxy(f"http://127.0.0.1:{port}"), timeout_ms=300)
        assert "no complete answer within 300 ms" in answer.message


def test_no_such_proxy(probes, server):
    answer = refusal(probes(), server, proxy("http://nowhere.invalid:3128"))
    assert "there is no such proxy host" in answer.message
    refusal(probes(), server, proxy(f"http://127.0.0.1:{free_port()}"))


def test_a_proxy_user_with_a_line_end(probes, server):
    probe = probes()
    handle = config(probe, server, PAT, proxy("http://127.0.0.1:9", "user\r\nX-Injected: 1", "p"))
    probe.call("kernel_session_open", handle, "never").fails(INVALID_ARGUMENT, "proxy user holds a control character")
