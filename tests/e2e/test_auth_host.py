"""Tokens that the host renews: replaced on a live session, with an end, asked of a callback."""

from __future__ import annotations

import time

import jwt
import pytest
from abi_driver import CANCELLED, INVALID_ARGUMENT, UNAUTHENTICATED, wait_until
from auth_calls import config, open_session, requests, token_requests
from warehouse.testing import local_warehouse

GOOD, BAD = "good-token", "bad-token"


@pytest.fixture(scope="module")
def server():
    """https, and this token only."""
    with local_warehouse("--tls", "--token", GOOD) as running:
        yield running


@pytest.fixture(autouse=True)
def clean(server):
    yield
    server.clear_faults()


def provider_counts(probe):
    return probe.do("provider")["provider"]


def test_token_of_a_live_session_is_replaced(probe, server):
    session = open_session(probe, config(probe, server, ("auth_pat", GOOD)))
    probe.call("dbk_session_set_token", session.handle, BAD, 0).ok()
    assert session.query("SELECT 1")["status"] == UNAUTHENTICATED
    probe.call("dbk_session_set_token", session.handle, "a\nb", 0).fails(INVALID_ARGUMENT, "control characters")
    probe.call("dbk_session_set_token", session.handle, "", 0).fails(INVALID_ARGUMENT)
    probe.call("dbk_session_set_token", session.handle, None, 0).fails(INVALID_ARGUMENT, "token must not be null")
    probe.call("dbk_session_set_token", session.handle, GOOD, 0).ok()
    assert session.rows("SELECT 1") == [(1,)]
    session.close()


def test_token_is_replaced_while_others_use_it(probe, server):
    session = open_session(probe, config(probe, server, ("auth_pat", GOOD)))
    statements = [session.statement(f"SELECT {i}") for i in range(16)]
    calls = [
        probe.start("kernel_statement_execute", statement, f"replaced-{i}", thread=f"t{i}")
        for i, statement in enumerate(statements)
    ]
    for _ in range(50):
        probe.call("dbk_session_set_token", session.handle, GOOD, 0).ok()
    for number in calls:
        probe.wait(number).ok()
    for i, statement in enumerate(statements):
        probe.call("kernel_executed_statement_close", f"replaced-{i}").ok()
        probe.call("kernel_statement_close", statement).ok()
    session.close()


def test_a_token_with_an_end(probe, server):
    past = config(probe, server, ("dbk:auth_token", GOOD, int(time.time()) - 1))
    since = server.journal_mark()
    probe.call("kernel_session_open", past, "never").fails(UNAUTHENTICATED, "the access token has expired")
    assert requests(server, since, "/api/2.0/sql/sessions") == []
    session = open_session(probe, config(probe, server, ("dbk:auth_token", GOOD, int(time.time()) + 3600)))
    assert session.rows("SELECT 1") == [(1,)]
    probe.call("dbk_session_set_token", session.handle, GOOD, int(time.time()) - 5).ok()
    assert "dbk_session_set_token" in session.query("SELECT 1")["error"]["message"]
    probe.call("dbk_session_set_token", session.handle, GOOD, 0).ok()
    session.close()


def test_sessions_that_renew_their_own_take_no_token(probe):
    with local_warehouse("--tls") as other:
        session = open_session(probe, config(probe, other, ("auth_m2m", "local-client", "local-secret")))
        answer = probe.call("dbk_session_set_token", session.handle, GOOD, 0)
        answer.fails(INVALID_ARGUMENT, "this session renews its token by itself (oauth-m2m)")
        session.close()


def provided(probe, server, script):
    return config(probe, server, ("dbk:token_provider", script))


def test_provider(probe, server):
    session = open_session(probe, provided(probe, server, f"token:{GOOD}"))
    for _ in range(3):
        assert session.rows("SELECT 1") == [(1,)]
    assert provider_counts(probe)["calls"] == 1
    session.close()


def test_provider_is_released_with_the_last_user(probe, server):
    handle = provided(probe, server, f"token:{GOOD}")
    session = open_session(probe, handle)
    session.close()
    wait_until(lambda: provider_counts(probe)["released"] == 1, what="the release")


def test_provider_is_asked_when_its_token_is_refused(probe, server):
    session = open_session(probe, provided(probe, server, f"token:{BAD} token:{GOOD}"))
    assert session.rows("SELECT 1") == [(1,)]
    assert provider_counts(probe) == {"calls": 2, "refused": 1, "released": provider_counts(probe)["released"]}
    session.close()


@pytest.mark.parametrize("form", ["told", "jwt"])
def test_provider_is_asked_ahead_of_the_end(probe, server, form):
    """The first token ends within the margin: it is not used for a second request."""
    end = int(time.time()) + 1
    with local_warehouse("--tls") as other:
        token = f"short:{end}" if form == "told" else jwt.encode({"exp": end}, "k" * 32)
        session = open_session(probe, provided(probe, other, f"token:{token} token:long"))
        wait_until(lambda: time.time() > end, 5)
        assert session.rows("SELECT 1") == [(1,)]
        assert provider_counts(probe)["calls"] == 2
        session.close()


FAILURES = {
    "fail:vault-is-sealed": "the token provider failed: vault-is-sealed",
    "nothing": "it returned without a token",
    "token:": "it returned without a token",
    "token:a\tb": "it returned without a token",
}


@pytest.mark.parametrize("script", FAILURES)
def test_provider_that_fails(probe, server, script):
    handle = provided(probe, server, script)
    probe.call("kernel_session_open", handle, "never").fails(UNAUTHENTICATED, FAILURES[script])


def test_provider_that_hangs_is_cancelled(probe, server):
    """Nobody waits for the callback; it is told and ends by itself."""
    handle, token = provided(probe, server, "wait"), probe.name("token")
    probe.call("kernel_cancel_token_new", token).ok()
    opening = probe.start("kernel_session_open_cancellable", handle, "never", token, thread="opener")
    wait_until(lambda: provider_counts(probe)["calls"] == 1, what="the call")
    probe.call("kernel_cancel_token_cancel", token).ok()
    probe.wait(opening).fails(CANCELLED)
    probe.call("kernel_cancel_token_free", token)


def test_64_statements_and_a_slow_provider(probe, server):
    session = open_session(probe, provided(probe, server, f"token:{GOOD}"))
    server.call("POST", "/_lw/tokens/revoke", {"token": "another"})
    statements = [session.statement(f"SELECT {i}") for i in range(64)]
    calls = [
        probe.start("kernel_statement_execute", statement, f"slow-{i}", thread=f"t{i}")
        for i, statement in enumerate(statements)
    ]
    for number in calls:
        probe.wait(number).ok()
    assert provider_counts(probe)["calls"] == 1
    for i, statement in enumerate(statements):
        probe.call("kernel_executed_statement_close", f"slow-{i}").ok()
        probe.call("kernel_statement_close", statement).ok()
    session.close()


# ---- federation: the test signs, the workspace exchanges ------------------------------------------
def foreign(**claims):
    return jwt.encode({"iss": "https://idp.example", "sub": "somebody", **claims}, "k" * 32)


@pytest.fixture(scope="module")
def issuing():
    with local_warehouse("--tls", "--issued-tokens-only") as running:
        yield running


GRANT = "urn:ietf:params:oauth:grant-type:"


@pytest.mark.parametrize(
    ("client_id", "rfc8693", "grant"),
    [(None, False, "jwt-bearer"), ("fed", False, "jwt-bearer"), ("fed", True, "token-exchange")],
)
def test_federation(probe, issuing, client_id, rfc8693, grant):
    since = issuing.journal_mark()
    handle = config(
        probe, issuing, ("auth_pat", foreign()), ("dbk:federation", client_id, rfc8693, True)
    )  # fmt: skip
    session = open_session(probe, handle)
    assert session.rows("SELECT 1") == [(1,)]
    session.close()
    (asked,) = token_requests(issuing, since)
    assert asked["body"]["grant_type"] == GRANT + grant
    assert asked["body"].get("identity_federation_client_id" if not rfc8693 else "client_id") == client_id


def test_federation_falls_back(probe):
    """An exchange that fails is a warning; the token itself is tried, and once only asked for."""
    with local_warehouse("--tls") as server:
        since = server.journal_mark()
        session = open_session(probe, config(probe, server, ("auth_pat", foreign(exp=1))))
        assert session.rows("SELECT 1") == [(1,)]
        session.close()
        assert len(token_requests(server, since)) == 1


def test_federation_that_must_not_fall_back(probe, issuing):
    handle = config(
        probe, issuing, ("auth_pat", foreign(exp=1)), ("dbk:federation", "fed", False, True)
    )  # fmt: skip
    probe.call("kernel_session_open", handle, "never").fails(UNAUTHENTICATED, "Token federation: token exchange")
