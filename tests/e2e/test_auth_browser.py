"""Browser logins: a browser of the test's own, the port, the token cache and its format."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
import os
import socket
import ssl
import stat
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

import pytest
from abi_driver import CANCELLED, INTERNAL, UNAUTHENTICATED, Probe, wait_until
from abi_env import LIBRARY, free_port
from auth_calls import config, open_session, token_requests
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.kdf.pbkdf2 import PBKDF2HMAC
from warehouse.testing import local_warehouse

CLIENT, SCOPES = "databricks-sql-connector", ["sql", "offline_access"]


@pytest.fixture(scope="module")
def server():
    with local_warehouse("--tls", "--issued-tokens-only") as running:
        yield running


@pytest.fixture(autouse=True)
def clean(server):
    yield
    server.clear_faults()
    server.call("POST", "/_lw/oidc", {"expires_in": 3600, "rotate_refresh": False, "authorize_error": None})


class Browser:
    """A folder with an xdg-open that writes the URL down; the test does what a person would do."""

    def __init__(self, folder: Path) -> None:
        self.home, self.urls = folder / "home", folder / "urls"
        (folder / "bin").mkdir()
        opener = folder / "bin" / "xdg-open"
        opener.write_text(f'#!/bin/sh\necho "$#:$1" >> {self.urls}\n')
        opener.chmod(0o755)
        self.env = {
            "PATH": f"{folder / 'bin'}:{os.environ['PATH']}",
            "HOME": str(self.home),
            "XDG_CONFIG_HOME": "",
            "DISPLAY": ":0",
        }

    def opened(self) -> list[str]:
        return [line.removeprefix("1:") for line in self.urls.read_text().split()] if self.urls.exists() else []

    def files(self) -> list[Path]:
        return sorted(self.home.rglob("*.json"))


@pytest.fixture
def browser(tmp_path):
    return Browser(tmp_path)


@pytest.fixture
def person(build_dir, probe_program, browser):
    with Probe(probe_program, build_dir / LIBRARY, browser.env) as running:
        yield running


def visit(server, url: str) -> tuple[int, str]:
    """Follows redirects like a browser; the status and page of the end."""
    context = ssl.create_default_context(cafile=f"{server.tls_dir}/ca.pem")
    handlers = [urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context)]
    try:
        with urllib.request.build_opener(*handlers).open(url, timeout=60) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def u2m(probe, server, port=0, cache=True, passphrase="pp", client=None, scopes=None):
    setters = [("auth_u2m", client, port, scopes), ("u2m_token_cache_config", cache, passphrase)]
    return config(probe, server, *setters)


def start_login(probe, server, browser, **options):
    """An opening under way, and the URL that the browser was sent to."""
    count = len(browser.opened())
    options.setdefault("port", free_port())
    session = probe.name("session")
    number = probe.start("kernel_session_open", u2m(probe, server, **options), session, thread=session)
    wait_until(lambda: len(browser.opened()) > count or probe.answered(number), 10, "the browser")
    return number, session, browser.opened()[-1] if len(browser.opened()) > count else None


def log_in(probe, server, browser, **options):
    from abi_driver import Session

    number, session, url = start_login(probe, server, browser, **options)
    assert visit(server, url)[0] == 200
    probe.wait(number).ok()
    return Session(probe, session)


def query_of(url: str) -> dict[str, str]:
    return dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(url).query))


def callback(url: str, **replaced) -> str:
    """The URL that the login server would send the browser back to."""
    query = query_of(url)
    back = {"code": "a-code", "state": query["state"], **replaced}
    return f"{query['redirect_uri']}/?{urllib.parse.urlencode({k: v for k, v in back.items() if v is not None})}"


# ---- the format of the cache, by a second implementation ------------------------------------------
JDBC_SALT = b"DatabricksJdbcTokenCache"  # of its older versions, for everybody


def key_of(passphrase: str, salt: bytes) -> bytes:
    return PBKDF2HMAC(hashes.SHA256(), 32, salt, 65536).derive(passphrase.encode())


def decrypt(path: Path, passphrase: str) -> dict:
    raw = base64.b64decode(path.read_bytes(), validate=True)
    work = Cipher(algorithms.AES(key_of(passphrase, raw[:16])), modes.CBC(raw[16:32])).decryptor()
    plain = work.update(raw[32:]) + work.finalize()
    return json.loads(plain[: -plain[-1]])


def encrypt(path: Path, content: dict, passphrase: str, fixed_salt: bytes = b"") -> None:
    plain = json.dumps(content, separators=(",", ":")).encode()
    plain += bytes([16 - len(plain) % 16]) * (16 - len(plain) % 16)
    salt, iv = os.urandom(16), os.urandom(16)
    work = Cipher(algorithms.AES(key_of(passphrase, fixed_salt or salt)), modes.CBC(iv)).encryptor()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(base64.b64encode((b"" if fixed_salt else salt) + iv + work.update(plain) + work.finalize()))
    path.chmod(0o600)


def cache_path(browser, server) -> Path:
    key = json.dumps({"host": server.url, "client_id": CLIENT, "scopes": SCOPES}, separators=(",", ":"))
    name = hashlib.sha256(key.encode()).hexdigest() + ".json"
    return browser.home / ".config" / "databricks-sql-kernel" / "oauth" / name


def jdbc_path(browser, server) -> Path:
    """Where the JDBC driver keeps the login of the same client: ClientConfigurator.getTokenCachePath."""
    number = 0
    for c in ";".join([server.url, CLIENT, ",".join(SCOPES)]):
        number = (31 * number + ord(c)) & 0xFFFFFFFF
    return browser.home / ".config" / "databricks-jdbc" / "oauth" / f"token-cache-{number & 0x7FFFFFFF:x}"


def jdbc_content(content: dict, expiry: str) -> dict:
    return {
        "accessToken": content["access_token"], "tokenType": "Bearer", "refreshToken": content["refresh_token"],
        "expiry": expiry, "canonicalTokenType": "Bearer",
    }  # fmt: skip


# ---- the flow -------------------------------------------------------------------------------------
def test_login(person, server, browser):
    since = server.journal_mark()
    port = free_port()
    session = log_in(person, server, browser, port=port, cache=False)
    assert session.rows("SELECT 1") == [(1,)]
    session.close()
    (url,) = browser.opened()
    names = ["response_type", "client_id", "state", "code_challenge", "code_challenge_method", "redirect_uri", "scope"]
    query = query_of(url)
    assert list(query) == names
    assert query["client_id"] == CLIENT and query["scope"] == "sql offline_access"
    assert query["redirect_uri"] == f"http://localhost:{port}"
    assert len(query["state"]) == 22 and len(query["code_challenge"]) == 43
    (asked,) = token_requests(server, since)
    assert list(asked["body"]) == ["grant_type", "code", "code_verifier", "client_id", "redirect_uri"]
    assert "authorization" not in dict(asked["headers"])
    assert browser.files() == []


def test_given_client_and_scopes(person, server, browser):
    session = log_in(person, server, browser, cache=False, client="mine", scopes="all-apis,offline_access")
    session.close()
    query = query_of(browser.opened()[0])
    assert (query["client_id"], query["scope"]) == ("mine", "all-apis offline_access")


def test_busy_port(person, server, browser):
    port = free_port()
    with socket.socket() as busy:
        busy.bind(("127.0.0.1", port))
        busy.listen()
        log_in(person, server, browser, port=port, cache=False).close()
    assert query_of(browser.opened()[0])["redirect_uri"] == f"http://localhost:{port + 1}"


def test_all_ports_busy(person, server, browser):
    port = free_port()
    taken = []
    try:
        for i in range(5):
            taken.append(socket.socket())
            taken[-1].bind(("127.0.0.1", port + i))
            taken[-1].listen()
        ports = ", ".join(str(port + i) for i in range(5))
        text = f"All candidate callback ports are in use: [{ports}] (last error: "
        person.call("kernel_session_open", u2m(person, server, port, False), "never").fails(INTERNAL, text)
    finally:
        for s in taken:
            s.close()


def test_no_desktop(build_dir, probe_program, server, browser):
    """The URL goes to stderr, for a person at a terminal."""
    env = {**browser.env, "DISPLAY": "", "WAYLAND_DISPLAY": "", "BROWSER": ""}
    with Probe(probe_program, build_dir / LIBRARY, env) as probe:
        number = probe.start("kernel_session_open", u2m(probe, server, free_port(), False), "headless", thread="t")
        wait_until(lambda: "/oidc/v1/authorize?" in probe.stderr, 10, "the URL")
        url = next(line for line in probe.stderr.splitlines() if line.startswith("https://"))
        assert visit(server, url)[0] == 200
        probe.wait(number).ok()
        probe.call("kernel_session_close", "headless").ok()
    assert browser.opened() == []


def test_what_is_not_the_answer_is_turned_away(person, server, browser):
    number, session, url = start_login(person, server, browser, cache=False)
    back = query_of(url)["redirect_uri"]
    for wrong in (
        f"{back}/favicon.ico",
        f"{back}/?code=x",
        callback(url, state="x" * 22),
        callback(url, state=query_of(url)["state"] + "x"),
        callback(url, state=""),
        callback(url, code=""),
        callback(url, code=None, error="access_denied", state="wrong"),
    ):
        status, page = visit(server, wrong)
        assert status == 400 and "Authentication Error" in page, wrong
    request = urllib.request.Request(callback(url), data=b"x")
    with pytest.raises(urllib.error.HTTPError):
        urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=60)
    for raw in (b"", b"\r\n\r\n", b"GET\r\n\r\n", b"\x00\xff\x16\x03\x01\r\n\r\n", b"GET /?" + b"a" * 9000):
        port = urllib.parse.urlsplit(back).port
        with socket.create_connection(("127.0.0.1", port)) as s, contextlib.suppress(OSError):
            s.sendall(raw)  # what is too long is cut off
            s.shutdown(socket.SHUT_WR)
            s.recv(1000)
    assert not person.answered(number)
    status, page = visit(server, url)
    assert status == 200 and "Authentication Successful" in page
    person.wait(number).ok()
    person.call("kernel_session_close", session).ok()


def test_refusal_by_the_person(person, server, browser):
    server.call("POST", "/_lw/oidc", {"authorize_error": "access_denied"})
    number, _, url = start_login(person, server, browser, cache=False)
    status, page = visit(server, url)
    assert status == 400 and "consent" not in page
    text = "OAuth authorization failed: access_denied - The user did not consent"
    answer = person.wait(number).fails(UNAUTHENTICATED, text)
    assert query_of(url)["state"] not in str(answer)


def test_code_that_is_refused(person, server, browser):
    number, _, url = start_login(person, server, browser, cache=False)
    assert visit(server, callback(url, code="fremdé + code"))[0] == 200
    person.wait(number).fails(UNAUTHENTICATED, "could not OAuth code exchange: Server returned error response")


def test_cancel_while_the_person_thinks(person, server, browser):
    token, handle = person.name("token"), u2m(person, server, free_port(), False)
    person.call("kernel_cancel_token_new", token).ok()
    number = person.start("kernel_session_open_cancellable", handle, "never", token, thread="t")
    wait_until(lambda: browser.opened(), 10, "the browser")
    person.call("kernel_cancel_token_cancel", token).ok()
    person.wait(number).fails(CANCELLED)
    person.call("kernel_cancel_token_free", token)
    port = urllib.parse.urlsplit(query_of(browser.opened()[0])["redirect_uri"]).port

    def closed():
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            return True

    wait_until(closed, 5, "the end of the listener")


# ---- the cache ------------------------------------------------------------------------------------
def test_cache_is_written_and_used(person, server, browser):
    log_in(person, server, browser).close()
    (path,) = browser.files()
    assert path == cache_path(browser, server)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    content = decrypt(path, "pp")
    names = ["access_token", "token_type", "refresh_token", "expires_at", "scopes", "stale_threshold_seconds"]
    assert list(content) == names
    assert content["token_type"] == "bearer" and content["scopes"] == SCOPES
    assert content["stale_threshold_seconds"] == 1200
    since = server.journal_mark()
    session = open_session(person, u2m(person, server))
    assert session.rows("SELECT 1") == [(1,)]
    session.close()
    assert len(browser.opened()) == 1
    assert [e["path"] for e in server.journal(since) if "oidc" in e["path"]] == []


def fresh_login(server, browser, person) -> dict:
    log_in(person, server, browser).close()
    return decrypt(cache_path(browser, server), "pp")


def test_cache_of_the_other_kernel_is_used(person, server, browser, tmp_path):
    content = fresh_login(server, browser, person)
    content["expires_at"] = "2099-01-01T00:00:00.488422380Z"
    encrypt(cache_path(browser, server), content, "pp")
    open_session(person, u2m(person, server)).close()
    assert len(browser.opened()) == 1


def test_expired_cache_is_refreshed(person, server, browser):
    content = fresh_login(server, browser, person)
    encrypt(cache_path(browser, server), {**content, "expires_at": "2020-01-01T00:00:00Z"}, "pp")
    since = server.journal_mark()
    open_session(person, u2m(person, server)).close()
    (asked,) = token_requests(server, since)
    assert list(asked["body"]) == ["grant_type", "refresh_token", "client_id"]
    after = decrypt(cache_path(browser, server), "pp")
    assert after["access_token"] != content["access_token"]
    assert after["refresh_token"] == content["refresh_token"]  # none came: the old one goes on
    assert len(browser.opened()) == 1


def test_rotated_refresh_token_is_kept(person, server, browser):
    server.call("POST", "/_lw/oidc", {"rotate_refresh": True})
    content = fresh_login(server, browser, person)
    for _ in range(3):
        encrypt(cache_path(browser, server), {**content, "expires_at": "2020-01-01T00:00:00Z"}, "pp")
        open_session(person, u2m(person, server)).close()
        before, content = content, decrypt(cache_path(browser, server), "pp")
        assert content["refresh_token"] != before["refresh_token"]
    assert len(browser.opened()) == 1


def test_two_processes_spend_one_refresh_token_once(build_dir, probe_program, person, server, browser):
    """With rotation, a token that is spent twice ends the login."""
    server.call("POST", "/_lw/oidc", {"rotate_refresh": True})
    content = fresh_login(server, browser, person)
    encrypt(cache_path(browser, server), {**content, "expires_at": "2020-01-01T00:00:00Z"}, "pp")
    server.fault("oidc.token:stall(0.3)")
    since = server.journal_mark()
    probes = [Probe(probe_program, build_dir / LIBRARY, browser.env) for _ in range(4)]
    numbers = [p.start("kernel_session_open", u2m(p, server), "s", thread="t") for p in probes]
    for p, number in zip(probes, numbers):
        p.wait(number).ok()
        p.call("kernel_session_close", "s").ok()
        p.close()
    assert len(token_requests(server, since)) == 1
    assert len(browser.opened()) == 1


def test_revoked_refresh_token(person, server, browser):
    """At the start the person is asked again, and the dead file is replaced."""
    content = fresh_login(server, browser, person)
    dead = {**content, "expires_at": "2020-01-01T00:00:00Z", "refresh_token": "rt-dead"}
    encrypt(cache_path(browser, server), dead, "pp")
    log_in(person, server, browser).close()
    assert len(browser.opened()) == 2
    assert decrypt(cache_path(browser, server), "pp")["refresh_token"] != "rt-dead"


def test_refresh_token_revoked_in_mid_session(person, server, browser):
    """No second window: an error, and the file goes, so that the next start asks."""
    session = log_in(person, server, browser)
    content = decrypt(cache_path(browser, server), "pp")
    dead = {**content, "expires_at": "2020-01-01T00:00:00Z", "refresh_token": "rt-dead"}
    encrypt(cache_path(browser, server), dead, "pp")
    server.call("POST", "/_lw/tokens/revoke", {})
    seen = session.query("SELECT 1")
    assert seen["status"] == UNAUTHENTICATED
    text = "OAuth token refresh failed (refresh token expired or revoked); re-authentication required"
    assert text in seen["error"]["message"]
    assert browser.files() == [] and len(browser.opened()) == 1
    session.close()


FOREIGN = {
    "wrong passphrase": lambda path, content: encrypt(path, content, "another"),
    "garbage": lambda path, content: path.write_bytes(b"garbage"),
    "empty": lambda path, content: path.write_bytes(b""),
    "no refresh token": lambda path, content: encrypt(path, {"access_token": "x", "expires_at": "2099"}, "pp"),
    "readable by others": lambda path, content: path.chmod(0o644),
    "a link": lambda path, content: (path.rename(path.with_suffix(".x")), path.symlink_to(path.with_suffix(".x"))),
}


@pytest.mark.parametrize("name", FOREIGN)
def test_a_file_that_is_not_ours_is_left_alone(person, server, browser, name):
    """Ours then stands in a folder of our own, and is used the next time."""
    content = fresh_login(server, browser, person)
    path = cache_path(browser, server)
    FOREIGN[name](path, content)
    before = path.read_bytes(), stat.S_IMODE(path.stat().st_mode)
    log_in(person, server, browser).close()
    assert (path.read_bytes(), stat.S_IMODE(path.stat().st_mode)) == before
    own = browser.home / ".config" / "dbkernel" / "oauth" / path.name
    assert decrypt(own, "pp")["refresh_token"]
    open_session(person, u2m(person, server)).close()
    assert len(browser.opened()) == 2


@pytest.mark.parametrize("salt", [b"", JDBC_SALT], ids=["3.x", "older"])
@pytest.mark.parametrize("expiry", ["2099-01-01T00:00:00.678Z", "2020-01-01T00:00:00Z"], ids=["good", "expired"])
def test_login_of_the_jdbc_driver_is_used(person, server, browser, salt, expiry):
    content = fresh_login(server, browser, person)
    cache_path(browser, server).unlink()
    theirs = jdbc_path(browser, server)
    encrypt(theirs, jdbc_content(content, expiry), "pp", salt)
    before, since = theirs.read_bytes(), server.journal_mark()
    session = open_session(person, u2m(person, server))
    assert session.rows("SELECT 1") == [(1,)]
    session.close()
    assert len(browser.opened()) == 1 and theirs.read_bytes() == before
    asked = [list(e["body"]) for e in token_requests(server, since)]
    expired = expiry.startswith("2020")
    assert asked == ([["grant_type", "refresh_token", "client_id"]] if expired else [])
    assert cache_path(browser, server).exists() == expired  # what was fetched is ours


@pytest.mark.parametrize("passphrase", ["another", None])
def test_login_of_the_jdbc_driver_with_another_passphrase(person, server, browser, passphrase):
    content = fresh_login(server, browser, person)
    cache_path(browser, server).unlink()
    encrypt(jdbc_path(browser, server), jdbc_content(content, "2099-01-01T00:00:00Z"), "pp")
    log_in(person, server, browser, passphrase=passphrase).close()
    assert len(browser.opened()) == 2


def test_default_passphrase(person, server, browser):
    for _ in range(2):
        if not browser.opened():
            log_in(person, server, browser, passphrase=None).close()
        else:
            open_session(person, u2m(person, server, passphrase=" ")).close()
    assert len(browser.opened()) == 1
    with pytest.raises(Exception):
        decrypt(cache_path(browser, server), "pp")


def test_no_home_no_cache(build_dir, probe_program, server, browser):
    env = {**browser.env, "HOME": "", "XDG_CONFIG_HOME": ""}
    with Probe(probe_program, build_dir / LIBRARY, env) as probe:
        log_in(probe, server, browser).close()


def test_a_folder_that_cannot_be_written(person, server, browser):
    browser.home.mkdir()
    (browser.home / ".config").write_text("a file")
    log_in(person, server, browser).close()


def test_xdg_config_home(build_dir, probe_program, server, browser, tmp_path):
    env = {**browser.env, "XDG_CONFIG_HOME": str(tmp_path / "xdg")}
    with Probe(probe_program, build_dir / LIBRARY, env) as probe:
        log_in(probe, server, browser).close()
    assert [p.parent for p in (tmp_path / "xdg").rglob("*.json")] == [tmp_path / "xdg" / "databricks-sql-kernel" / "oauth"]
