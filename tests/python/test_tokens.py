"""token_provider: a Python callable as the way to a token, and sessions that outlive theirs."""

import base64
import gc
import json
import threading
import urllib.request
import weakref

import pytest

import databricks_sql_kernel as kernel
from warehouse.testing import local_warehouse

CLIENT = "robot:robot-secret"


@pytest.fixture(scope="module")
def strict():
    """A warehouse that takes the tokens of its token endpoint and no others."""
    with local_warehouse("--issued-tokens-only", "--client", CLIENT) as server:
        yield server


def issue(server) -> tuple[str, int]:
    """A token of the token endpoint and how long it lives."""
    request = urllib.request.Request(
        server.url + "/oidc/v1/token",
        data=b"grant_type=client_credentials&scope=all-apis",
        headers={"authorization": "Basic " + base64.b64encode(CLIENT.encode()).decode()},
    )
    with urllib.request.urlopen(request) as answer:
        told = json.load(answer)
    return told["access_token"], told["expires_in"]


def one(session) -> list:
    statement = session.statement()
    statement.set_sql("SELECT 1 AS a")
    return statement.execute().fetch_all_arrow().column(0).to_pylist()


def opened(server, provider, **options) -> kernel.Session:
    return kernel.Session(server.url, server.http_path, token_provider=provider, **options)


def test_two_hours_pass(strict):
    calls = []

    def provide():
        calls.append(threading.current_thread())
        return issue(strict)[0]

    with opened(strict, provide) as session:
        assert one(session) == [1]
        before = len(calls)
        strict.advance_clock(2 * 3600)  # the server refuses the token that the session has
        assert one(session) == [1]
        assert len(calls) == before + 1
        assert threading.main_thread() not in calls


def test_m2m_outlives_its_token(strict):
    client_id, secret = CLIENT.split(":")
    options = {"auth_type": "oauth-m2m", "client_id": client_id, "client_secret": secret}
    with kernel.Session(strict.url, strict.http_path, **options) as session:
        assert one(session) == [1]
        strict.advance_clock(2 * 3600)
        assert one(session) == [1]


def test_an_end_in_the_past_asks_again(strict):
    calls = []

    def provide():
        calls.append(1)
        return issue(strict)[0], None if len(calls) > 1 else 1  # 1970

    with opened(strict, provide) as session:
        assert one(session) == [1]
    assert len(calls) >= 2


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (lambda: 1 / 0, "token_provider raised ZeroDivisionError"),
        (lambda: None, "the token of token_provider must be a str"),
        (lambda: ("a", 1, 2), "expected a token or"),
        (lambda: ("a", "soon"), "must be real number"),
        (lambda: "", "empty"),
    ],
    ids=["raises", "none", "three", "end", "empty"],
)
def test_a_provider_that_fails(strict, answer, message):
    with pytest.raises(kernel.KernelError, match=message) as caught:
        opened(strict, answer)
    assert caught.value.code == "Unauthenticated"


def test_what_is_no_provider(strict):
    with pytest.raises(TypeError, match="must be callable"):
        opened(strict, "token")
    with pytest.raises(kernel.KernelError, match="token_provider takes the place of"):
        opened(strict, lambda: "t", access_token="t")


def test_a_provider_is_let_go(strict):
    class Provider:
        def __call__(self):
            return issue(strict)[0]

    provider = Provider()
    gone = threading.Event()
    weakref.finalize(provider, gone.set)
    session = opened(strict, provider)
    assert one(session) == [1]
    session.close()
    del session, provider
    gc.collect()
    assert gone.wait(60)


def test_the_end_with_a_provider(script, strict):
    token = issue(strict)[0]
    done = script(f"s = kernel.Session({strict.url!r}, {strict.http_path!r}, token_provider=lambda: {token!r})\nprint('end')")
    assert done.returncode == 0 and done.stdout == "end\n", done.stderr
