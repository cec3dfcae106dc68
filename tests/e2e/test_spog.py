"""Unified hosts: the rows of spec spog 7, by their numbers, each judged by every request that the warehouse saw."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from abi_driver import INVALID_ARGUMENT, UNAUTHENTICATED, Probe
from abi_env import LIBRARY
from auth_calls import CLIENT, SECRET, config, open_session
from warehouse.testing import local_warehouse

ID = "abc123"
W = f"/sql/1.0/warehouses/{ID}"
HOST_FACTS = "/.well-known/databricks-config"
DOCUMENT = "/.well-known/oauth-authorization-server"
FORM = "does not match /sql/1.0/warehouses/{id} or /sql/1.0/endpoints/{id}"
IGNORED = "ignoring non-numeric o= value in http_path"
PAT, M2M = ("auth_pat", "a-token"), ("auth_m2m", CLIENT, SECRET)
BIG = "SELECT id, repeat('x', 100) FROM range(200000)"  # comes from the storage origin


@pytest.fixture(scope="module")
def plain():
    """A workspace of its own: takes requests with and without an id."""
    with local_warehouse("--warehouse-id", ID) as running:
        yield running


@pytest.fixture(scope="module")
def unified():
    with local_warehouse("--tls", "--workspace", f"64={ID}") as running:
        running.http_path = W + "?o=64"
        yield running


@pytest.fixture(autouse=True)
def clean(request):
    yield
    for name in {"plain", "unified"} & set(request.fixturenames):
        server = request.getfixturevalue(name)
        server.clear_faults()
        server.call("POST", "/_lw/oidc", {"account_oidc": False, "host_metadata": True, "host_type": None})


@pytest.fixture
def fresh(build_dir, probe_program):
    """A process that knows nothing of any host yet."""
    with Probe(probe_program, build_dir / LIBRARY) as running:
        yield running


def sent(server, mark) -> list[dict]:
    return [e for e in server.journal(mark) if not e["path"].startswith("/_lw")]


def org_of(entry) -> str | None:
    return dict(entry["headers"]).get("x-databricks-org-id")


def at(server, http_path):
    """The same server under another http_path, as `config` wants it."""
    return type("At", (), {"url": server.url, "tls_dir": server.tls_dir, "http_path": http_path})


def logged(probe, text: str) -> int:
    return sum(text in line["message"] for line in probe.do("logs")["logs"])


# Row: http_path, the header's value, is it warned of.
PATHS = {
    "1": (W + "?o=64", "64", False),
    "2": (W, None, False),
    "3a": (W + "?o=", None, False),
    "3b": (W + "?o", None, False),
    "3c": (W + "?", None, False),
    "4": (W + "?O=64", None, False),
    "5": (W + "?foo=1&o=64&bar=2", "64", False),
    "6": (W + "?o=1&o=1", "1", False),
    "8": (W + "?o=&o=2", "2", False),
    "9": (W + "?o=x&o=2", None, True),
    "10": (W + "?o=abc", None, True),
    "11a": (W + "?o=-5", None, True),
    "11b": (W + "?o=+64", None, True),
    "12": (W + "?o=%36%34", "64", False),
    "13": (W + "?%6F=64", "64", False),
    "14": (W + "?o=64%0d%0aX:1", None, True),
    "15": (W + "?o=64 ", "64", False),
    "16a": (W + "?o=064", "064", False),
    "16b": (W + "?o=0", "0", False),
    "17": (W + "?o=" + "1" * 29, None, True),
    "18": (W + "?o=64#frag", "64", False),
    "19": (W + "#o=64", None, False),
    "20": (W + "/?o=64", "64", False),
    "21": (W + "?o=64?o=65", None, True),
    "22": (W + "?o=64;p=1", None, True),
    "23": (W + "?a=b;o=64", None, False),
    "25a": (W[1:] + "?o=64", "64", False),
    "25b": (f"/sql/1.0/endpoints/{ID}?o=64", "64", False),
    "31": (W + "?o=\uff16\uff14", None, True),
}


@pytest.mark.parametrize("row", PATHS)
def test_http_path(probe, plain, row):
    path, org, warned = PATHS[row]
    probe.call("kernel_set_log_callback", "numbered", None, "warn").ok()
    mark = plain.journal_mark()
    session = open_session(probe, config(probe, at(plain, path), PAT))
    assert session.rows("SELECT 1") == [(1,)]
    session.close()
    entries = sent(plain, mark)
    assert {org_of(e) for e in entries} == {org}
    bodies = [e["body"]["warehouse_id"] for e in entries if "warehouse_id" in e.get("body", {})]
    assert set(bodies) == {ID}
    assert logged(probe, IGNORED) == (1 if warned else 0)


REFUSED = {
    "7": (W + "?o=1&o=2", "conflicting workspace ids in http_path"),
    "24": (W + "&o=64", FORM),
    "26": (f"/SQL/1.0/warehouses/{ID}", FORM),
    "27a": ("/sql/1.0/warehouses/", FORM),
    "27b": ("", FORM),
    "27c": (ID, FORM),
    "27d": ("/foo?o=1", FORM),
    "28": ("/sql/1.0/warehouses/a/b", FORM),
    "29a": ("sql/protocolv1/o/77/0605-cluster", "all-purpose cluster paths need the Thrift backend"),
    "29b": ("sql/protocolv1/o/77/0605-cluster?o=88", "all-purpose cluster paths need the Thrift backend"),
    "30a": ("evil/sql/protocolv1/o/999/c", FORM),
    "30b": ("sql/protocolv1/o/999/", FORM),
    "30c": (W + "/sql/protocolv1/o/999/c", FORM),
}


@pytest.mark.parametrize("row", REFUSED)
def test_http_path_that_is_refused(probe, plain, row):
    path, text = REFUSED[row]
    mark = plain.journal_mark()
    probe.call("kernel_session_open", config(probe, at(plain, path), PAT), "never").fails(INVALID_ARGUMENT, text)
    assert sent(plain, mark) == []


@pytest.mark.parametrize(("row", "path", "org"), [("32", W, None), ("33", W + "?o=64", "64")])
def test_custom_header(probe, plain, row, path, org):
    mark = plain.journal_mark()
    custom = ("custom_header", "X-Databricks-Org-Id", "99")
    open_session(probe, config(probe, at(plain, path), PAT, custom)).close()
    assert {org_of(e) for e in sent(plain, mark)} == {org}


def test_34_and_F2_every_request_of_a_login_with_links(fresh, unified):
    """The list of an OAuth session: probe, discovery, token, then the workspace, and storage."""
    mark = unified.journal_mark()
    session = open_session(fresh, config(fresh, unified, M2M))
    assert session.query(BIG)["status"] == 0
    session.close()
    entries = sent(unified, mark)
    start = [f"{e['method']} {e['path']}" for e in entries[:5]]
    assert start == [
        f"GET {HOST_FACTS}",
        f"GET /oidc{DOCUMENT}",
        "POST /oidc/v1/token",
        "POST /api/2.0/sql/sessions",
        "POST /api/2.0/sql/statements",
    ]
    for e in entries:
        workspace = e["path"].startswith("/api/")
        assert org_of(e) == ("64" if workspace else None), e
        assert ("authorization" in dict(e["headers"])) == (workspace or e["path"].endswith("/token")), e
    assert any(e["origin"] == "storage" for e in entries)


def test_F2_requests_of_a_plain_open(fresh, unified):
    mark = unified.journal_mark()
    open_session(fresh, config(fresh, unified, PAT)).close()
    assert [f"{e['method']} {e['path'].rsplit('/', 1)[0]}" for e in sent(unified, mark)] == [
        "POST /api/2.0/sql",
        "DELETE /api/2.0/sql/sessions",
    ]


# Rows 35 and 36: two computes of one connection are here the http_path and the option.
@pytest.mark.parametrize(
    ("path", "option", "org", "text"),
    [
        (W + "?o=64", "99", None, "conflicting workspace ids: 64 in http_path, workspace_id is 99"),
        (W + "?o=64", "64", "64", None),
        (W, "64", "64", None),
        (W + "?o=x", "64", "64", None),
        (W + "?o=64", None, "64", None),
        (W, "6a", None, "workspace_id is not a number"),
        (W, "64\r\n", None, "workspace_id is not a number"),
        (W, "1" * 21, None, "workspace_id is not a number"),
    ],
)
def test_35_36_workspace_id_option(probe, plain, path, option, org, text):
    mark = plain.journal_mark()
    handle = config(probe, at(plain, path), PAT, ("dbk:workspace_id", option, False))
    if text is not None:
        probe.call("kernel_session_open", handle, "never").fails(INVALID_ARGUMENT, text)
        assert sent(plain, mark) == []
        return
    open_session(probe, handle).close()
    assert {org_of(e) for e in sent(plain, mark)} == {org}


def report(probe, server, *setters) -> dict:
    handle = config(probe, server, *(setters or [PAT]))
    told = json.loads(probe.call("dbk_connection_report", handle, True).ok()["text"])
    probe.call("kernel_session_config_free", handle)
    return told


def test_37_unified_without_an_id(fresh, unified):
    told = report(fresh, at(unified, W))
    assert (told["host_type"], told["matrix_row"], told["header_sent"]) == ("unified", 3, False)
    assert "/sql/1.0/warehouses/<id>?o=<workspace-id>" in told["warnings"][0]
    assert "this host serves many workspaces" in told["error"]


def test_38_an_id_on_a_workspace_of_its_own(fresh, plain):
    mark = plain.journal_mark()
    told = report(fresh, at(plain, W + "?o=64"))
    assert (told["host_type"], told["matrix_row"], told["header_sent"]) == ("workspace", 4, True)
    assert "likely ignored" in told["warnings"][0]
    assert {org_of(e) for e in sent(plain, mark) if e["path"].startswith("/api")} == {"64"}


def test_39_a_probe_that_hangs(fresh, unified):
    """A PAT does not ask; the login goes on without (its bound in time: discovery_test.c, host_probe_test.c)."""
    unified.fault("host.config:silence")
    open_session(fresh, config(fresh, unified, PAT)).close()
    open_session(fresh, config(fresh, unified, M2M)).close()
    told = report(fresh, unified)
    assert told["probe"].startswith("failed: ") and told["matrix_row"] == 6 and told["round_trip"] == "ok"


@pytest.mark.parametrize("fault", ["status(500)", "status(404)", "html", "json(truncated)", "json(empty)"])
def test_40_a_probe_that_says_nothing(fresh, unified, fault):
    fresh.call("kernel_set_log_callback", "numbered", None, "warn").ok()
    unified.fault(f"host.config:{fault}")
    for _ in range(2):
        told = report(fresh, at(unified, W + "?o=64"))
        assert told["host_type"] is None and told["probe"].startswith("failed: ")
        assert (told["matrix_row"], told["warnings"]) == (6, [])
    assert logged(fresh, "host metadata of") == 1


def test_41_one_probe_for_a_host(fresh, unified):
    mark = unified.journal_mark()
    for _ in range(3):
        report(fresh, unified)
        open_session(fresh, config(fresh, unified, M2M)).close()
    assert len([e for e in sent(unified, mark) if e["path"] == HOST_FACTS]) == 1


@pytest.mark.parametrize(
    ("path", "text"),
    [
        (W, "this host serves many workspaces, and the http_path does not say which"),
        (W + "?o=65", "workspace 65 is not reachable through this host: HTTP 303: redirected to /login.html"),
    ],
)
def test_42_a_session_that_ends_at_a_login_page(fresh, unified, path, text):
    mark = unified.journal_mark()
    for count in (1, 2):  # the second time the host is known
        handle = config(fresh, at(unified, path), PAT)
        fresh.call("kernel_session_open", handle, "never").fails(UNAUTHENTICATED, text)
        paths = [e["path"] for e in sent(unified, mark)]
        assert paths.count("/api/2.0/sql/sessions") == count and paths.count(HOST_FACTS) == 1
        assert len(paths) == count + 1


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_43_a_redirect_to_another_host(fresh, unified, status):
    unified.fault(f"session.create:redirect(https://localhost:1/x,{status})")
    mark = unified.journal_mark()
    text = f"workspace 64 is not reachable through this host: HTTP {status}: redirected to localhost:1/x"
    fresh.call("kernel_session_open", config(fresh, unified, PAT), "never").fails(UNAUTHENTICATED, text)
    assert [e["path"] for e in sent(unified, mark)] == ["/api/2.0/sql/sessions", HOST_FACTS]


def test_a_page_in_place_of_a_session(fresh, unified):
    unified.fault("session.create:html")
    answer = fresh.call("kernel_session_open", config(fresh, unified, PAT), "never")
    answer.fails(UNAUTHENTICATED, "workspace 64 is not reachable through this host: ")


@pytest.mark.parametrize("login", [M2M], ids=["m2m"])
def test_44_the_login_server_of_the_account(fresh, unified, login):
    unified.call("POST", "/_lw/oidc", {"account_oidc": True})
    account = "00000000-1111-2222-3333-444444444444"
    mark = unified.journal_mark()
    session = open_session(fresh, config(fresh, unified, login))
    assert session.rows("SELECT 1") == [(1,)]
    session.close()
    login_paths = [e["path"] for e in sent(unified, mark) if "/oidc/" in e["path"]]
    assert login_paths == [f"/oidc/accounts/{account}{DOCUMENT}", f"/oidc/accounts/{account}/v1/token"]
    told = report(fresh, unified, login)
    assert told["oidc_endpoint_used"] == f"{unified.url}/oidc/accounts/{account}"


def test_45_account_metadata_that_cannot_be_used(fresh, unified):
    """The rules themselves: src/auth/host_probe_test.c; here what follows: the host's own document."""
    unified.call("POST", "/_lw/oidc", {"account_oidc": True})
    unified.fault("oidc.discovery#1:status(404)")
    mark = unified.journal_mark()
    open_session(fresh, config(fresh, unified, M2M)).close()
    paths = [e["path"] for e in sent(unified, mark) if e["path"].startswith("/oidc")]
    assert paths[1:] == [f"/oidc{DOCUMENT}", "/oidc/v1/token"]


def test_46_telemetry(fresh, unified):
    mark = unified.journal_mark()
    handle = config(fresh, unified, PAT)
    fresh.call("kernel_session_config_set_telemetry_config", handle, True, 1, 100, 0, 0, 5000).ok()
    session = open_session(fresh, handle)
    assert session.rows("SELECT 1") == [(1,)]
    session.close()
    events = [e for e in sent(unified, mark) if e["path"].startswith("/telemetry")]
    assert events and {org_of(e) for e in events} == {"64"}


@pytest.mark.parametrize("without", [False, True])
def test_exchange_of_tokens_names_the_workspace(fresh, unified, without):
    import jwt

    foreign = jwt.encode({"iss": "https://idp.example", "sub": "s"}, "k" * 32)
    mark = unified.journal_mark()
    handle = config(fresh, unified, ("auth_pat", foreign), ("dbk:workspace_id", None, without))
    open_session(fresh, handle).close()
    (asked,) = [e for e in sent(unified, mark) if e["path"] == "/oidc/v1/token"]
    assert org_of(asked) == (None if without else "64")


def test_rows_are_all_here():
    """Every number of the spec's table has a test in this file."""
    text = Path(__file__).read_text()
    rows = {int("".join(filter(str.isdigit, k))) for k in [*PATHS, *REFUSED]} | {32, 33}
    missing = [n for n in range(1, 47) if n not in rows and f"test_{n}_" not in text and f"_{n}_" not in text]
    assert missing == []


