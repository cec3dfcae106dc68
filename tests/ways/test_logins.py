"""Every way to log in against every way of a login server to fail, over TLS: the code, the words, how often it is
asked, and that it ends soon. What only time shows (a server that says nothing) is in src/auth/flight_test.c."""

from __future__ import annotations

import contextlib

import jwt
import pytest
import test_auth_azure as azure_test
import test_auth_browser as browser_test
import test_auth_jwt as jwt_test
from abi_driver import INTERNAL, NETWORK_ERROR, NOT_FOUND, PERMISSION_DENIED, UNAUTHENTICATED, Probe, Session
from abi_env import LIBRARY
from auth_calls import CLIENT, SECRET, config, token_requests
from warehouse.testing import local_warehouse

LIMIT_S = 15.0  # of an opening that fails; the machine may be slow, the kernel's own limit is 30 s


@pytest.fixture(scope="module")
def server():
    with local_warehouse("--tls", "--issued-tokens-only", "--mitm-port", "0") as running:
        keys = [{"client_id": jwt_test.CLIENT, "kid": "rsa", "public_key": jwt_test.public(jwt_test.KEYS["rsa"])}]
        running.call("POST", "/_lw/oidc", {"jwt_keys": keys})
        yield running


@pytest.fixture(autouse=True)
def clean(server):
    yield
    server.clear_faults()
    server.call("POST", "/_lw/clock", {"skew_s": 0})


class Login:
    """One way to log in, in a process of its own: no token of another test is at hand."""

    repeats = True  # what is sent may be sent again

    def __init__(self, probe, server, folder) -> None:
        self.probe, self.server = probe, server
        self.prepare(folder)

    def prepare(self, folder) -> None:
        pass

    def start(self) -> tuple[str, int]:
        name = self.probe.name("session")
        return name, self.probe.start("kernel_session_open", self.config(), name, thread="opener")

    def open(self):
        name, number = self.start()
        return name, self.probe.wait(number, LIMIT_S)


class Secret(Login):
    words = "could not client credentials grant: M2M token exchange failed: "

    def config(self, *more):
        return config(self.probe, self.server, ("auth_m2m", CLIENT, SECRET), *more)


class Key(Login):
    words = ""  # the server's own: "HTTP 401: ..."

    def prepare(self, folder) -> None:
        self.path = folder / "key.pem"
        self.path.write_bytes(jwt_test.pem(jwt_test.KEYS["rsa"]))

    def config(self, *more):
        setter = ("auth_m2m_jwt", jwt_test.CLIENT, str(self.path), "rsa", None, None, None, None)
        return config(self.probe, self.server, setter, *more)


class Person(Login):
    """With a login of yesterday in the cache: its refresh token is spent, which must not happen twice."""

    words, repeats = "OAuth token refresh failed: ", False

    def prepare(self, folder) -> None:
        self.browser = browser_test.Browser(folder)
        session = browser_test.log_in(self.probe_with(self.browser), self.server, self.browser)
        session.close()
        path = browser_test.cache_path(self.browser, self.server)
        content = browser_test.decrypt(path, "pp")
        browser_test.encrypt(path, {**content, "expires_at": "2020-01-01T00:00:00Z"}, "pp")

    def probe_with(self, browser):
        self.probe = Probe(*self.probe, browser.env)
        return self.probe

    def config(self, *more):
        return browser_test.u2m(self.probe, self.server)


class Azure(Login):
    words = "could not client credentials grant: Azure token request failed: "

    def config(self, *more):
        return azure_test.azure(self.probe, self.server, "t.example")


class Federation(Login):
    words = "Token federation: token exchange: "

    def config(self, *more):
        token = jwt.encode({"iss": "https://idp.example", "sub": "s"}, "k" * 32)
        strict = ("dbk:federation", "fed", False, True)
        return config(self.probe, self.server, ("auth_pat", token), strict, *more)


LOGINS = {"secret": Secret, "key": Key, "person": Person, "azure": Azure, "federation": Federation}


@contextlib.contextmanager
def made(name, build_dir, probe_program, server, folder):
    way, program = LOGINS[name], (probe_program, build_dir / LIBRARY)
    here = way(program if way is Person else Probe(*program), server, folder)
    yield here
    assert here.probe.close() == 0, here.probe.stderr


@pytest.fixture(params=LOGINS)
def login(request, build_dir, probe_program, server, tmp_path):
    with made(request.param, build_dir, probe_program, server, tmp_path) as here:
        yield here


@pytest.fixture(params=["secret", "key", "person"])
def discovering(request, build_dir, probe_program, server, tmp_path):
    """Those that ask where the login server is."""
    with made(request.param, build_dir, probe_program, server, tmp_path) as here:
        yield here


@pytest.fixture(params=["secret", "key"])
def pointed(request, build_dir, probe_program, server, tmp_path):
    """Those whose token endpoint can be named."""
    with made(request.param, build_dir, probe_program, server, tmp_path) as here:
        yield here


# Fault: what the message holds behind the words of the way, and whether it is worth asking again.
TOKEN_FAULTS = {
    "refused": ("oidc.token:oautherror(invalid_client)", "invalid_client", False),
    "forbidden": ("oidc.token:status(403,html)", "HTTP 403: ", False),
    "down": ("oidc.token:status(503)", "HTTP 503: ", True),
    "hangs up": ("oidc.token:close", "Request failed", True),
    "is reset": ("oidc.token:reset", "Request failed", True),
    "redirects": ("oidc.token:redirect(/login.html)", "which is not followed", False),
    "a page": ("oidc.token:html", "Failed to parse server response", False),
    "is cut": ("oidc.token:json(truncated)", "Failed to parse server response", False),
    "is empty": ("oidc.token:json(empty)", "Failed to parse server response", False),
}


@pytest.mark.parametrize("fault", TOKEN_FAULTS)
def test_token_endpoint(login, server, fault):
    rule, text, transient = TOKEN_FAULTS[fault]
    server.fault(rule)
    since = server.journal_mark()
    _, answer = login.open()
    answer.fails(UNAUTHENTICATED, text)
    assert answer.message.startswith(login.words), answer.message
    # A fifth: a connection kept from the discovery that dies under a request is replaced without counting.
    assert len(token_requests(server, since)) in ({4, 5} if transient and login.repeats else {1})
    assert not [e for e in server.journal(since) if e["path"].startswith("/api/")]
    assert answer["error"]["retryable"] is transient
    for secret in (SECRET, "eyJ", "rt-", "client_assertion"):
        assert secret not in str(answer)


def test_token_endpoint_that_is_slow(login, server):
    server.fault("oidc.token:stall(0.7)")
    name, answer = login.open()
    answer.ok()
    assert Session(login.probe, name).rows("SELECT 1") == [(1,)]


@pytest.mark.parametrize("skew_s", [-7200, 7200])
def test_clock_two_hours_off(login, server, skew_s):
    """One login, and its token serves: nobody takes it for expired or for not yet valid."""
    server.call("POST", "/_lw/clock", {"skew_s": skew_s})
    since = server.journal_mark()
    name, answer = login.open()
    answer.ok()
    for _ in range(3):
        assert Session(login.probe, name).rows("SELECT 1") == [(1,)]
    assert len(token_requests(server, since)) == 1


def test_workspace_says_403(login, server):
    """No new token, no second attempt."""
    server.fault("session.create:status(403,json)")
    since = server.journal_mark()
    _, answer = login.open()
    answer.fails(PERMISSION_DENIED, "HTTP 403")
    assert len(token_requests(server, since)) == 1
    assert len([e for e in server.journal(since) if e["path"].startswith("/api/")]) == 1


def test_workspace_that_takes_no_token(login, server):
    """One more token, one more attempt, then the error."""
    server.fault("session.create:status(401,json)")
    since = server.journal_mark()
    _, answer = login.open()
    answer.fails(UNAUTHENTICATED, "HTTP 401")
    assert len(token_requests(server, since)) == 2
    assert len([e for e in server.journal(since) if e["path"].startswith("/api/")]) == 2


# ---- discovery, of those who use it ---------------------------------------------------------------
DISCOVERY_FAULTS = {
    "is missing": ("oidc.discovery:status(404,json)", NOT_FOUND, "HTTP 404", 1),
    "is broken": ("oidc.discovery:status(500)", INTERNAL, "HTTP 500", 4),
    "is forbidden": ("oidc.discovery:status(403)", PERMISSION_DENIED, "HTTP 403", 1),
    "is a page": ("oidc.discovery:html", INTERNAL, "Failed to parse OIDC discovery response as JSON", 1),
    "is cut": ("oidc.discovery:json(truncated)", INTERNAL, "Failed to parse OIDC discovery response as JSON", 1),
    "moved": ("oidc.discovery:redirect(/login.html)", UNAUTHENTICATED, "redirected, which is not followed", 1),
    "hangs up": ("oidc.discovery:close", NETWORK_ERROR, "OIDC discovery at ", 4),
}


@pytest.mark.parametrize("fault", DISCOVERY_FAULTS)
def test_discovery(discovering, server, fault):
    rule, code, text, requests = DISCOVERY_FAULTS[fault]
    server.fault(rule)
    since = server.journal_mark()
    _, answer = discovering.open()
    answer.fails(code, text)
    assert answer.message.startswith("OIDC discovery at https://127.0.0.1:")
    seen = [e["path"] for e in server.journal(since) if not e["path"].startswith("/_lw")]
    assert seen == ["/oidc/.well-known/oauth-authorization-server"] * requests


def test_nobody_listens(pointed):
    handle = pointed.config(("oauth_token_endpoint", "https://127.0.0.1:9/token"))
    answer = pointed.probe.call("kernel_session_open", handle, "never", limit_s=LIMIT_S)
    answer.fails(UNAUTHENTICATED, "Request failed")
