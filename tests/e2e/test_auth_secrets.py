"""Every way to log in at TRACE, good and bad: nothing that is written holds a secret."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import jwt
import pytest
import test_auth_browser as browser_test
import test_auth_jwt as jwt_test
from abi_driver import Probe
from abi_env import LIBRARY
from auth_calls import CLIENT, SECRET, config
from cryptography.hazmat.primitives import serialization
from warehouse.testing import local_warehouse

PAT = "dapi" + "0123456789abcdef" * 2
ODD = "0dd-opaque-t0ken"  # looks like no token that anybody knows
WRONG = "wr0ng-secret-value"
KEY_PASSPHRASE = "cl1ent-key-passphrase"
PROXY_USER, PROXY_PASSWORD = "pr0xy-user", "pr0xy-password"


@pytest.fixture(scope="module")
def server():
    with local_warehouse("--tls", "--mitm-port", "0") as running:
        keys = [{"client_id": jwt_test.CLIENT, "kid": "rsa", "public_key": jwt_test.public(jwt_test.KEYS["rsa"])}]
        running.call("POST", "/_lw/oidc", {"jwt_keys": keys})
        yield running


def locked(key_file: Path) -> bytes:
    key = serialization.load_pem_private_key(key_file.read_bytes(), None)
    lock = serialization.BestAvailableEncryption(KEY_PASSPHRASE.encode())
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, lock)


def foreign() -> str:
    return jwt.encode({"iss": "https://idp.example", "sub": "s"}, "k" * 32)


def modes(server, key_file):
    """Name: setters. Every text in them longer than 7 characters counts as secret, but for the names."""
    azure = ("t.example", "/subscriptions/s")
    return {
        "pat": [("auth_pat", PAT)],
        "opaque pat": [("auth_pat", ODD)],
        "token with an end": [("dbk:auth_token", ODD, 4_000_000_000)],
        "federation": [("auth_pat", foreign())],
        "m2m": [("auth_m2m", CLIENT, SECRET)],
        "m2m wrong": [("auth_m2m", CLIENT, WRONG)],
        "jwt": [("auth_m2m_jwt", jwt_test.CLIENT, key_file, "rsa", jwt_test.PASSPHRASE, "RS256", None, None)],
        "jwt wrong": [("auth_m2m_jwt", jwt_test.CLIENT, key_file, "rsa", WRONG, "RS256", None, None)],
        "azure": [("auth_azure_sp", CLIENT, SECRET, *azure)],
        "azure wrong": [("auth_azure_sp", CLIENT, WRONG, *azure)],
        "client key": [("auth_pat", PAT), ("dbk:tls_client_key_password", KEY_PASSPHRASE)],
        "client key wrong": [("auth_pat", PAT), ("dbk:tls_client_key_password", WRONG)],
        "proxy": [("auth_pat", PAT), ("proxy", server and server.mitm_url, PROXY_USER, PROXY_PASSWORD, None)],
        "provider": [("dbk:token_provider", f"token:{ODD} token:{foreign()}")],
        "provider failing": [("dbk:token_provider", f"token:{ODD}\x01")],
    }


def secrets(key_pem: bytes) -> list[str]:
    basics = [base64.b64encode(f"{CLIENT}:{s}".encode()).decode() for s in (SECRET, WRONG)]
    basics += [base64.b64encode(f"{user}:{PROXY_PASSWORD}".encode()).decode() for user in ("u", PROXY_USER)]
    lines = key_pem.decode().splitlines()[1:-1]
    phrases = [jwt_test.PASSPHRASE, KEY_PASSPHRASE, "cache-passphrase"]
    return [PAT, ODD, SECRET, WRONG, PROXY_PASSWORD, *phrases, *basics, *lines]


def visible(probe) -> str:
    """What other users of the machine see of the process: its command line, and the names of its threads."""
    process = Path(f"/proc/{probe.pid}")
    names = [p.read_text() for p in process.glob("task/*/comm")]
    return (process / "cmdline").read_text() + "".join(names)


def written(probe, log) -> str:
    answers = json.dumps([a for many in probe._answers.values() for a in many], ensure_ascii=False)
    return log.read_text() + probe.stderr + answers


def check(text: str, hidden: list[str]) -> None:
    for secret in [*hidden, "eyJ", "rt-", "client_assertion=", "code_verifier="]:
        assert secret not in text, (secret, text[max(0, text.index(secret) - 300) :][:600])


@pytest.mark.parametrize("name", modes(None, ""))
@pytest.mark.parametrize("refused", [False, True])
def test_mode(build_dir, probe_program, server, tmp_path, name, refused):
    key = jwt_test.pem(jwt_test.KEYS["rsa"], passphrase=jwt_test.PASSPHRASE.encode())
    key_file, log = tmp_path / "key.pem", tmp_path / "log"
    key_file.write_bytes(key)
    client_key = locked(Path(server.tls_dir) / "client-key.pem") if name.startswith("client key") else b""
    if refused:  # the server repeats what it was sent
        server.fault(f"session.create:status(401,bad token {PAT} or {ODD})")
    try:
        with Probe(probe_program, build_dir / LIBRARY) as probe:
            probe.call("kernel_init_logging", "trace", str(log)).ok()
            handle = config(probe, server, *modes(server, str(key_file))[name])
            if client_key:
                cert = (Path(server.tls_dir) / "client.pem").read_bytes()
                setter = "kernel_session_config_set_tls_client_certificate"
                probe.call(setter, handle, {"hex": cert.hex()}, {"hex": client_key.hex()}).ok()
            if name.startswith("azure"):
                address = server.mitm_url.replace("http://", f"http://u:{PROXY_PASSWORD}@")
                probe.call("kernel_session_config_set_proxy", handle, address, None, None, None).ok()
            if name.startswith(("azure", "proxy")):
                pem = open(f"{server.tls_dir}/mitm-ca.pem").read() + open(f"{server.tls_dir}/ca.pem").read()
                probe.call("kernel_session_config_set_tls_trusted_certs", handle, {"hex": pem.encode().hex()}).ok()
            if probe.call("kernel_session_open", handle, "s").status == 0:
                server.call("POST", "/_lw/tokens/revoke", {})
                probe.call("kernel_session_test", "s")
                probe.call("kernel_session_close", "s").ok()
            text = visible(probe) + written(probe, log)
    finally:
        server.clear_faults()
    assert "request" in text or "failing" in name or "wrong" in name  # the log is there
    hidden = secrets(key) + client_key.decode().splitlines()[1:-1]
    if refused and name not in ("opaque pat", "token with an end"):
        hidden.remove(ODD)  # repeated by the server, and no secret that this session knows
    check(text, hidden)


def test_browser(build_dir, probe_program, server, tmp_path):
    browser, log = browser_test.Browser(tmp_path), tmp_path / "log"
    with Probe(probe_program, build_dir / LIBRARY, browser.env) as probe:
        probe.call("kernel_init_logging", "trace", str(log)).ok()
        for _ in range(2):
            if not browser.opened():
                session = browser_test.log_in(probe, server, browser, passphrase="cache-passphrase")
            server.call("POST", "/_lw/tokens/revoke", {})
            session.query("SELECT 1")
        session.close()
        text = visible(probe) + written(probe, log)
    query = browser_test.query_of(browser.opened()[0])
    assert "browser login" in text
    check(text, ["cache-passphrase", query["state"], query["code_challenge"]])
