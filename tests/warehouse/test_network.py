"""TLS on each origin, proxies, and what can go wrong before a request is read."""

from __future__ import annotations

import base64
import contextlib
import http.client
import socket
import ssl
import time

import pytest

from warehouse.net import certs
from warehouse.testing import execute_body, local_warehouse

SESSIONS = "/api/2.0/sql/sessions"
STATEMENTS = "/api/2.0/sql/statements"
CREDENTIALS = "user:pass word"


@pytest.fixture(scope="module")
def secure(tmp_path_factory):
    """Both origins with TLS, both proxies, all certificates in a folder of its own."""
    folder = tmp_path_factory.mktemp("tls")
    options = ["--tls", "--tls-dir", str(folder), "--proxy-port", "0", "--mitm-port", "0"]
    with local_warehouse(*options, "--proxy-credentials", CREDENTIALS) as server:
        yield server


@pytest.fixture(autouse=True)
def no_rules_left(request):
    yield
    if "secure" in request.fixturenames:
        secure = request.getfixturevalue("secure")
        _admin(secure, "DELETE", "/_lw/faults")


def _trusting(server, ca="ca.pem", cert=None, key=None) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=f"{server.tls_dir}/{ca}")
    if cert:
        context.load_cert_chain(f"{server.tls_dir}/{cert}", f"{server.tls_dir}/{key}")
    return context


def _call(server, method, path, body=None, context=None, origin="url", headers=None):
    host, port = getattr(server, origin).split("//")[1].split(":")
    connection = http.client.HTTPSConnection(host, int(port), timeout=60, context=context or _trusting(server))
    with contextlib.closing(connection):
        connection.request(method, path, body, {"authorization": "Bearer x", **(headers or {})})
        answer = connection.getresponse()
        return answer.status, answer.read()


def _admin(server, method, path, body=None):
    import json

    status, data = _call(server, method, path, None if body is None else json.dumps(body).encode())
    assert status == 200, data
    return json.loads(data)


def _fault(server, rule):
    _admin(server, "POST", "/_lw/faults", {"fault": rule})


def _journal(server, since=0):
    return _admin(server, "GET", f"/_lw/journal?since={since}")["entries"]


# -- TLS --------------------------------------------------------------------------------------------
def test_both_origins_speak_tls(secure):
    import json

    assert secure.url.startswith("https://") and secure.storage_url.startswith("https://")
    body = execute_body("/*lw: inline_max=0*/ SELECT id FROM range(5)")
    status, data = _call(secure, "POST", STATEMENTS, json.dumps(body).encode())
    link = json.loads(data)["result"]["external_links"][0]["external_link"]
    assert status == 200 and link.startswith(secure.storage_url)
    path = link.removeprefix(secure.storage_url)
    assert _call(secure, "GET", path, origin="storage_url")[0] == 400, "storage refuses a token"
    entry = next(e for e in _journal(secure) if e["path"] == STATEMENTS)
    assert entry["tls"]["version"] == "TLSv1.3" and entry["tls"]["client"] is None


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        ("expired", "certificate has expired"),
        ("not-yet-valid", "not yet valid"),
        ("wrong-name", "IP address mismatch"),
        ("self-signed", "self-signed certificate"),
        ("unknown-ca", "unable to get local issuer certificate"),
        ("missing-intermediate", "unable to get local issuer certificate"),
    ],
)
def test_bad_certificates_fail_with_their_reason(secure, kind, reason):
    seen = _admin(secure, "GET", "/_lw/journal")["last_seq"]
    _fault(secure, f"conn#1?origin=api:cert({kind})")
    with pytest.raises(ssl.SSLCertVerificationError, match=reason):
        _call(secure, "GET", "/_lw/health")
    assert _call(secure, "GET", "/_lw/health")[0] == 200
    failed = [e for e in _journal(secure, seen) if "handshake failed" in e.get("outcome", "")]
    assert len(failed) <= 1


def test_a_certificate_can_be_bad_for_the_whole_server(tmp_path):
    with local_warehouse("--tls", "storage", "--tls-dir", str(tmp_path), "--tls-cert", "expired") as server:
        assert server.url.startswith("http://") and server.call("GET", "/_lw/health").status == 200
        with pytest.raises(ssl.SSLCertVerificationError, match="expired"):
            _call(server, "GET", "/r/x/0", origin="storage_url")


def test_a_kept_folder_keeps_its_ca(tmp_path):
    first = certs.Folder(tmp_path, ["localhost"])
    ca = first.ca_file.read_bytes()
    assert certs.Folder(tmp_path, ["localhost"]).ca_file.read_bytes() == ca
    assert (tmp_path / "client-key.pem").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("version", ["1.2", "1.3"])
def test_only_one_version(secure, version):
    _fault(secure, f"conn#1..2?origin=api:tls({version})")
    context = _trusting(secure)
    context.minimum_version = context.maximum_version = getattr(ssl.TLSVersion, f"TLSv1_{version[2]}")
    assert _call(secure, "GET", "/_lw/health", context=context)[0] == 200
    other = _trusting(secure)
    other.minimum_version = other.maximum_version = getattr(ssl.TLSVersion, f"TLSv1_{5 - int(version[2])}")
    with pytest.raises(ssl.SSLError):
        _call(secure, "GET", "/_lw/health", context=other)


@pytest.mark.parametrize(
    ("cert", "key", "good"),
    [
        ("client.pem", "client-key.pem", True),
        ("client.pem", "client-key-sec1.pem", True),
        ("client-and-key.pem", "client-and-key.pem", True),
        ("client-other.pem", "client-other-key.pem", False),
        (None, None, False),
    ],
)
def test_client_certificates(secure, cert, key, good):
    _fault(secure, "conn#1?origin=api:clientcert")
    context = _trusting(secure, cert=cert, key=key)
    if good:
        assert _call(secure, "POST", SESSIONS, b'{"warehouse_id":"local"}', context)[0] == 200
        entry = [e for e in _journal(secure) if e["path"] == SESSIONS][-1]
        assert entry["tls"]["client"] == "client"
    else:
        with pytest.raises((ssl.SSLError, ConnectionError)):
            _call(secure, "GET", "/_lw/health", context=context)


def test_slow_handshake(secure):
    _fault(secure, "conn#1?origin=api:handshake(0.3)")
    started = time.monotonic()
    assert _call(secure, "GET", "/_lw/health")[0] == 200
    assert time.monotonic() - started >= 0.3


def test_close_without_close_notify(secure):
    _fault(secure, "session.create#1:rawclose(5)")
    with pytest.raises((ssl.SSLEOFError, http.client.IncompleteRead)):
        _call(secure, "POST", SESSIONS, b'{"warehouse_id":"local"}')


def test_files_for_clients_are_there(secure):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    with pytest.raises(ssl.SSLError):
        context.load_verify_locations(f"{secure.tls_dir}/ca-with-bad-block.pem")
    context.load_cert_chain(
        f"{secure.tls_dir}/client.pem", f"{secure.tls_dir}/client-key-encrypted.pem", password=certs.KEY_PASSPHRASE
    )
    with pytest.raises(ssl.SSLCertVerificationError):
        _call(secure, "GET", "/_lw/health", context=_trusting(secure, "ca-unknown.pem"))


# -- connections ------------------------------------------------------------------------------------
def _connect(url, timeout=60):
    host, port = url.split("//")[1].split(":")
    return socket.create_connection((host, int(port)), timeout=timeout)


def test_faults_of_bare_connections(warehouse):
    try:
        warehouse.fault("conn#1?origin=storage:reset")
        with pytest.raises(ConnectionResetError), _connect(warehouse.storage_url) as client:
            client.sendall(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n")
            client.recv(1) or client.recv(1)
        warehouse.clear_faults()
        warehouse.fault("conn#1?origin=storage:close")
        with _connect(warehouse.storage_url) as client:
            assert client.recv(1) == b""
        warehouse.clear_faults()
        warehouse.fault("conn#1?origin=storage:garbage")
        with _connect(warehouse.storage_url) as client:
            assert len(client.recv(4096)) > 0
        warehouse.clear_faults()
        warehouse.fault("conn#1?origin=storage:silence")
        with _connect(warehouse.storage_url, 0.3) as client, pytest.raises(TimeoutError):
            client.sendall(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n")
            client.recv(1)
    finally:
        warehouse.clear_faults()


def test_refused_connections_come_back(warehouse):
    warehouse.call("POST", "/_lw/listeners", {"origin": "storage", "refuse_s": 2})
    with pytest.raises(ConnectionRefusedError):
        _connect(warehouse.storage_url)
    deadline = time.monotonic() + 60
    while True:
        try:
            _connect(warehouse.storage_url).close()
            break
        except ConnectionRefusedError:
            assert time.monotonic() < deadline
            time.sleep(0.05)
    assert warehouse.call("POST", "/_lw/listeners", {"origin": "nosuch"}).status == 400


# -- proxies ----------------------------------------------------------------------------------------
def _through(server, proxy, context, credentials=CREDENTIALS, host="127.0.0.1", port=None, path="/_lw/health"):
    proxy_host, proxy_port = proxy.split("//")[1].split(":")
    connection = http.client.HTTPSConnection(proxy_host, int(proxy_port), timeout=60, context=context)
    headers = {}
    if credentials is not None:
        headers["Proxy-Authorization"] = "Basic " + base64.b64encode(credentials.encode()).decode()
    connection.set_tunnel(host, port or int(server.url.rsplit(":", 1)[1]), headers)
    with contextlib.closing(connection):
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, answer.read()


def test_connect_proxy(secure):
    assert _through(secure, secure.proxy_url, _trusting(secure))[0] == 200
    assert _through(secure, secure.proxy_url, _trusting(secure), host="localhost", port=443)[0] == 200
    for wrong in (None, "user:wrong"):
        with pytest.raises(OSError, match="407"):
            _through(secure, secure.proxy_url, _trusting(secure), wrong)
    with pytest.raises(OSError, match="502"):
        _through(secure, secure.proxy_url, _trusting(secure), port=9)
    entries = [e for e in _journal(secure) if e["origin"] == "proxy"]
    assert [e["status"] for e in entries] == [200, 200, 407, 407, 502]
    assert ["proxy-authorization", "Basic [redacted]"] in entries[0]["headers"]


@pytest.mark.parametrize(("rule", "text"), [("status(407)", "407"), ("status(502)", "502")])
def test_proxy_refuses_once_or_for_ever(secure, rule, text):
    _fault(secure, f"proxy#1:{rule}")
    with pytest.raises(OSError, match=text):
        _through(secure, secure.proxy_url, _trusting(secure))
    assert _through(secure, secure.proxy_url, _trusting(secure))[0] == 200
    _fault(secure, f"proxy:{rule}")
    for _ in range(2):
        with pytest.raises(OSError, match=text):
            _through(secure, secure.proxy_url, _trusting(secure))


def test_proxy_answers_407_and_takes_the_second_try_on_one_connection(secure):
    target = secure.url.split("//")[1]
    login = base64.b64encode(CREDENTIALS.encode()).decode()
    with _connect(secure.proxy_url) as client:
        client.sendall(f"CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n\r\n".encode())
        assert client.recv(4096).startswith(b"HTTP/1.1 407")
        client.sendall(f"CONNECT {target} HTTP/1.1\r\nProxy-Authorization: Basic {login}\r\n\r\n".encode())
        assert client.recv(4096).startswith(b"HTTP/1.1 200")


def test_proxy_goes_silent_after_connect(secure):
    _fault(secure, "proxy#1:silence(after)")
    target = secure.url.split("//")[1]
    login = base64.b64encode(CREDENTIALS.encode()).decode()
    with _connect(secure.proxy_url) as client:
        client.sendall(f"CONNECT {target} HTTP/1.1\r\nProxy-Authorization: Basic {login}\r\n\r\n".encode())
        assert client.recv(4096).startswith(b"HTTP/1.1 200")
        client.settimeout(0.3)
        with pytest.raises(TimeoutError):
            client.sendall(b"\x16\x03\x01")
            client.recv(1)


def test_intercepting_proxy_signs_with_its_own_ca(secure):
    with pytest.raises(ssl.SSLCertVerificationError):
        _through(secure, secure.mitm_url, _trusting(secure))
    assert _through(secure, secure.mitm_url, _trusting(secure, "mitm-ca.pem"))[0] == 200
    named = _through(secure, secure.mitm_url, _trusting(secure, "mitm-ca.pem"), host="workspace.example", port=443)
    assert named[0] == 403  # it arrived: /_lw/ is not for a name that is not this machine's
    careless = ssl._create_unverified_context()
    assert _through(secure, secure.mitm_url, careless)[0] == 200


def test_plain_requests_through_a_proxy():
    with local_warehouse("--proxy-port", "0") as server:
        host, port = server.proxy_url.split("//")[1].split(":")
        connection = http.client.HTTPConnection(host, int(port), timeout=60)
        connection.request("POST", server.url + SESSIONS, b'{"warehouse_id":"local"}', {"authorization": "Bearer x"})
        assert connection.getresponse().status == 200
        connection.close()
        for garbage in (b"\x00\xff\r\n\r\n", b"CONNECT x HTTP/1.1\r\n\r\n", b"GET http://example.com/ HTTP/1.1\r\n\r\n"):
            with _connect(server.proxy_url) as client:
                client.sendall(garbage)
                client.shutdown(socket.SHUT_WR)
                assert b" 200 " not in client.recv(4096)
        assert server.call("GET", "/_lw/health").status == 200


@pytest.mark.parametrize("options", [["--tls", "nosuch"], ["--tls-min", "1.3", "--tls-max", "1.2"], ["--tls-cert", "x"]])
def test_wrong_options(options):
    from warehouse import cli

    with pytest.raises(SystemExit) as stopped:
        cli.parse(options)
    assert stopped.value.code == 2


def test_names_agree():
    from warehouse import cli

    assert cli._CERTIFICATES == certs.KINDS
