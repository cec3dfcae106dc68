"""Configurations that cannot be opened, on both libraries: equal status, message and out parameters,
except where a row of docs/differences.md says why not."""

from __future__ import annotations

import socket

import pytest
from abi_driver import INVALID_ARGUMENT, NETWORK_ERROR, SUCCESS, Probe
from abi_env import LIBRARY
from comparing import differences, shown

PATHS = [
    "", "/", "x", "/sql/1.0/warehouses", "/sql/1.0/warehouses/", "/sql/1.0/warehouses/a/b", "/sql/1.0/warehouse/a",
    "/SQL/1.0/warehouses/a", "/sql/2.0/warehouses/a", "sql/protocolv1/o/1/2-3-4", "/sql/1.0/warehouses/?o=1",
    "/sql/1.0/endpoints/", " /sql/1.0/warehouses/a", "/sql/1.0/warehouses/nope", "/sql/1.0/endpoints/nope?o=5",
]  # fmt: skip
# What a configuration lacks or holds: calls on "c" before kernel_session_open.
CONFIGS = {
    "nothing": [],
    "no auth": [("set_warehouse", "{url}", "local")],
    "no connection": [("set_auth_pat", "t")],
    "empty token": [("set_warehouse", "{url}", "local"), ("set_auth_pat", "")],
    "empty token and bad path": [("set_http_path", "{url}", "/nope"), ("set_auth_pat", "")],
    "blank token": [("set_warehouse", "{url}", "local"), ("set_auth_pat", "  ")],
    "unknown warehouse": [("set_warehouse", "{url}", "nope"), ("set_auth_pat", "t")],
    "empty warehouse": [("set_warehouse", "{url}", ""), ("set_auth_pat", "t")],
    "last connection wins": [("set_http_path", "{url}", "/nope"), ("set_warehouse", "{url}", "nope"), ("set_auth_pat", "t")],
    "last path wins": [("set_warehouse", "{url}", "nope"), ("set_http_path", "{url}", "/nope"), ("set_auth_pat", "t")],
    "last token wins": [("set_warehouse", "{url}", "local"), ("set_auth_pat", "t"), ("set_auth_pat", "")],
    "bad session conf": [("set_warehouse", "{url}", "local"), ("set_auth_pat", "t"), ("set_session_conf", "no_such", "1")],
    **{f"path {path!r}": [("set_http_path", "{url}", path), ("set_auth_pat", "t")] for path in PATHS},
}
# Differences by design, as in docs/differences.md.
KNOWN = {
    "blank token": "refused before a request is sent",
    "path '/sql/1.0/warehouses/a/b'": "refused before a request is sent",
    "path 'sql/protocolv1/o/1/2-3-4'": "the message says what such a path needs",
    "path ' /sql/1.0/warehouses/a'": "blanks around are ignored",
}
RETRY = (10, 20, 1, 1000)


@pytest.fixture(scope="module")
def probes(build_dir, probe_program, peer_library):
    with Probe(probe_program, build_dir / LIBRARY) as ours, Probe(probe_program, peer_library) as peer:
        yield ours, peer


def opened(probe: Probe, url: str, calls: list[tuple]) -> dict:
    probe.call("kernel_session_config_new", "c").ok()
    probe.call("kernel_session_config_set_retry_config", "c", *RETRY).ok()
    for function, *args in calls:
        filled = [a.replace("{url}", url) if isinstance(a, str) else a for a in args]
        probe.call(f"kernel_session_config_{function}", "c", *filled).ok()
    answer = probe.call("kernel_session_open", "c", "s")
    if answer.status == SUCCESS:
        probe.call("kernel_session_close", "s").ok()
    return shown({k: v for k, v in answer.items() if k not in ("n", "ms", "info")})


@pytest.mark.parametrize("name", CONFIGS)
def test_open(probes, warehouse, name):
    found = list(differences(*(opened(probe, warehouse.url, CONFIGS[name]) for probe in probes)))
    if name in KNOWN:
        assert found, f"no longer different: {KNOWN[name]}"
        return
    assert not found, "ours | peer:\n" + "\n".join(found)


@pytest.mark.parametrize(("config", "out"), [("c", None), (None, "never"), (None, None)])
def test_open_without_pointers(probes, config, out):
    answers = []
    for probe in probes:
        if config is not None:
            probe.call("kernel_session_config_new", config).ok()
        answer = probe.call("kernel_session_open", config, out)
        answers.append({k: v for k, v in answer.items() if k not in ("n", "ms", "info")})
    assert not list(differences(*answers))


def closed_port() -> int:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        return unused.getsockname()[1]


def test_closed_port(probes):
    """The same code and flags; the reason is curl's words and not reqwest's."""
    calls = [("set_warehouse", "{url}", "w"), ("set_auth_pat", "t")]
    url = f"http://127.0.0.1:{closed_port()}"
    ours, peer = (opened(probe, url, calls) for probe in probes)
    for answer in (ours, peer):
        assert answer["error"].pop("message").startswith("HTTP request failed after 2 attempts: ")
    assert ours == peer


# Not worth a retry, so not a network error: docs/differences.md.
CLIENT = {
    "header name": ("set_custom_header", "bad name", "v"),
    "certificates": ("set_tls_trusted_certs", "no certificate"),
}


@pytest.mark.parametrize("name", CLIENT)
def test_what_no_client_can_be_made_of(probes, warehouse, name):
    calls = [("set_warehouse", "{url}", "local"), ("set_auth_pat", "t"), CLIENT[name]]
    ours, peer = (opened(probe, warehouse.url, calls) for probe in probes)
    assert (ours["status"], peer["status"]) == (INVALID_ARGUMENT, NETWORK_ERROR), (ours, peer)
    assert (ours["error"]["retryable"], peer["error"]["retryable"]) == (False, True)


def test_empty_certificates(probes, warehouse):
    """No certificate is nothing to add; the Rust kernel takes it for a broken file."""
    calls = [("set_warehouse", "{url}", "local"), ("set_auth_pat", "t"), ("set_tls_trusted_certs", "")]
    ours, peer = (opened(probe, warehouse.url, calls) for probe in probes)
    assert (ours["status"], peer["status"]) == (SUCCESS, NETWORK_ERROR)
