"""Certificates: each way to be refused, with whose it is and what to do; nginx that wants the client's."""

from __future__ import annotations

import contextlib
import queue
import socket
import ssl
import threading
import warnings
from pathlib import Path

import parties
import pytest
from abi_driver import NETWORK_ERROR, wait_until
from auth_calls import config, open_session
from warehouse.net.certs import KEY_PASSPHRASE, Folder
from warehouse.testing import local_warehouse

PAT = ("auth_pat", "a-token")


def pem(path) -> dict[str, str]:
    return {"hex": Path(path).read_bytes().hex()}



def refused(probe, server, *setters):
    answer = probe.call("kernel_session_open", config(probe, server, PAT, *setters), "never")
    assert answer.status == NETWORK_ERROR and answer["error"]["retryable"] is False, answer
    assert "after 1 attempts" in answer.message
    return answer.message


def trusted(probe, server, *setters):
    session = open_session(probe, config(probe, server, PAT, *setters))
    assert session.rows("SELECT 1") == [(1,)]
    session.close()


CA = "dbkernel local warehouse"
KINDS = {
    "expired": f"certificate of CN=server, issued by CN={CA} intermediate CA: it expired on 20",
    "not-yet-valid": f"certificate of CN=server, issued by CN={CA} intermediate CA: it is valid from 20",
    "wrong-name": "it is for wrong.example, not for 127.0.0.1",
    "self-signed": "certificate of CN=self-signed, issued by CN=self-signed: it is self-signed: if this is your server, add",
    "unknown-ca": "issued by CN=a CA that nobody trusts: that issuer is not trusted here",
    "missing-intermediate": f"issued by CN={CA} intermediate CA: that issuer is not trusted here",
}


@pytest.mark.parametrize("kind", KINDS)
def test_a_bad_certificate(probes, kind):
    with local_warehouse("--tls", "--tls-cert", kind) as server:
        assert KINDS[kind] in refused(probes(), server)
        skip = ("tls_skip_hostname_verification", True)
        if kind == "wrong-name":
            trusted(probes(), server, skip)
        else:
            refused(probes(), server, skip)
        trusted(probes(), server, ("tls_allow_self_signed", True))


def test_an_intercepting_proxy(probes, server):
    through = ("proxy", server.mitm_url, "user", "secret", None)
    message = refused(probes(), server, through)
    assert "issued by CN=dbkernel intercepting proxy CA: that issuer is not trusted here: a proxy that inspects" in message
    trusted(probes(NODE_EXTRA_CA_CERTS=f"{server.tls_dir}/mitm-ca.pem"), server, through)
    trusted(probes(SSL_CERT_FILE=f"{server.tls_dir}/mitm-ca.pem"), server, through)
    trusted(probes(REQUESTS_CA_BUNDLE=f"{server.tls_dir}/mitm-ca.pem"), server, through)


def test_versions(probes):
    with local_warehouse("--tls", "--tls-max", "1.2") as server:
        trusted(probes(), server)
        probe = probes()
        handle = config(probe, server, PAT, ("dbk:tls_min_version", "1.3"))
        answer = probe.call("kernel_session_open", handle, "never")
        answer.fails(NETWORK_ERROR, "closed in the middle of the TLS handshake")  # this server does not say why


@contextlib.contextmanager
def old_server(folder):
    """Speaks TLS 1.1 and nothing else; its port, and a queue of what became of each connection."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.load_cert_chain(folder / "server-good.pem", folder / "server-good-key.pem")
    with warnings.catch_warnings(action="ignore"):
        context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_1
    seen = queue.Queue()
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve():
            with contextlib.suppress(OSError):
                while True:
                    client, _ = server.accept()
                    try:
                        with context.wrap_socket(client, server_side=True) as secure:
                            seen.put(secure.version())
                    except ssl.SSLError as refused:
                        seen.put(refused.reason)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield server.getsockname()[1], seen
        server.shutdown(socket.SHUT_RDWR)
        thread.join(60)


def test_a_server_of_long_ago(probes, server, certificates):
    """Refused in one handshake; another client shows that the server speaks what it says."""
    with old_server(certificates) as (port, seen):
        message = refused(probes(), Front(port, certificates, server))
        assert "speaks no TLS version that is accepted here; the oldest accepted is 1.2 (" in message
        assert seen.get(timeout=60) == "UNSUPPORTED_PROTOCOL"
        client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        client.set_ciphers("ALL:@SECLEVEL=0")
        with warnings.catch_warnings(action="ignore"):
            client.minimum_version = ssl.TLSVersion.TLSv1_1
        client.load_verify_locations(certificates / "ca.pem")
        with socket.create_connection(("127.0.0.1", port)) as plain, client.wrap_socket(plain, server_hostname="localhost") as secure:
            assert secure.version() == "TLSv1.1"
        assert seen.get(timeout=60) == "TLSv1.1", "more than one handshake of ours"


def with_client(folder, cert, key):
    return ("tls_client_certificate", pem(folder / cert), pem(folder / key))


@pytest.fixture(scope="module")
def certificates(tmp_path_factory):
    folder = Folder(tmp_path_factory.mktemp("certificates"), ["127.0.0.1", "localhost"])
    folder.server("good")
    return folder.path


class Front:
    """nginx as a server for `config`."""

    def __init__(self, port, folder, server):
        self.url, self.tls_dir, self.http_path = f"https://127.0.0.1:{port}", str(folder), server.http_path


@pytest.mark.parametrize(
    ("cert", "key", "password"),
    [
        ("client.pem", "client-key.pem", None),
        ("client.pem", "client-key-sec1.pem", None),
        ("client-and-key.pem", "client-and-key.pem", None),
        ("client.pem", "client-key-encrypted.pem", KEY_PASSPHRASE),
    ],
)
def test_nginx_wants_a_certificate(probes, certificates, tmp_path, cert, key, password):
    with local_warehouse() as server, parties.nginx(tmp_path, certificates, server.url) as nginx:
        front = Front(nginx.port, certificates, server)
        trusted(
            probes(), front, with_client(certificates, cert, key), ("dbk:tls_client_key_password", password)
        )  # fmt: skip
        wait_until(lambda: '"DELETE /api/2.0/sql/sessions' in nginx.seen(), what="the log")
        assert nginx.seen().count('"POST /api/2.0/sql/sessions') == 1


def test_nginx_gets_none_or_another(probes, certificates, tmp_path):
    with local_warehouse() as server, parties.nginx(tmp_path, certificates, server.url) as nginx:
        front, mark = Front(nginx.port, certificates, server), server.journal_mark()
        for setters in ([], [with_client(certificates, "client-other.pem", "client-other-key.pem")]):
            probe = probes()
            answer = probe.call("kernel_session_open", config(probe, front, PAT, *setters), "never")
            assert answer.status != 0 and "SSL certificate" in answer.message, answer
        assert server.journal(mark) == []
