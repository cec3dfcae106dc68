"""What goes to whom: the workspace id and custom headers to the workspace only (spec spog 2, auth 13); the probe of
`dbk debug`, and none at open. Judged by the warehouse's journal."""

from __future__ import annotations

import json
import subprocess

import pytest
from auth_calls import CLIENT, SECRET, config, open_session
from warehouse.testing import local_warehouse

BIG = "SELECT id, repeat('x', 100) FROM range(200000)"  # comes from the storage origin
PROBE = "/.well-known/databricks-config"
OURS = {"authorization", "x-databricks-org-id", "x-gateway"}


@pytest.fixture(scope="module")
def unified():
    with local_warehouse("--tls", "--workspace", "64=abc123") as running:
        running.http_path = "/sql/1.0/warehouses/abc123?o=64"
        yield running


def names(entry) -> dict[str, str]:
    return {name.lower(): value for name, value in entry["headers"]}


@pytest.mark.parametrize("login", [("auth_pat", "a-token"), ("auth_m2m", CLIENT, SECRET)])
def test_headers_go_to_the_workspace_only(probes, unified, login):
    mark, probe = unified.journal_mark(), probes()
    custom = [("custom_header", "X-Gateway", "secret-of-a-gateway"), ("custom_header", "Content-Length", "3")]
    custom += [("custom_header", "x-databricks-org-id", "99"), ("custom_header", "Authorization", "Basic x")]
    session = open_session(probe, config(probe, unified, login, *custom))
    assert session.query(BIG)["status"] == 0
    session.close()
    kinds = set()
    for entry in unified.journal(mark):
        sent = names(entry)
        if entry["path"].startswith("/api/2.0/sql"):
            kinds.add("workspace")
            assert sent["x-databricks-org-id"] == "64" and "x-gateway" in sent, entry
            assert sent["authorization"].startswith("Bearer"), entry
        elif entry["origin"] == "storage":
            kinds.add("storage")
            assert not OURS & sent.keys(), entry
        elif "oidc" in entry["path"]:
            kinds.add("login")
            assert not {"x-databricks-org-id", "x-gateway"} & sent.keys(), entry
        elif entry["path"] == PROBE:  # an OAuth login with ?o= asks what the host is
            kinds.add("probe")
            assert not OURS & sent.keys(), entry
    assert kinds == {"workspace", "storage"} | ({"login", "probe"} if login[0] == "auth_m2m" else set())


@pytest.mark.parametrize(("name", "value"), [("X-A", "a\r\nX-B: c"), ("X-A", "a\x7f"), ("X A", "a"), ("X\r\nY", "a"), ("", "a")])
def test_headers_that_would_break_the_request(probes, unified, name, value):
    mark, probe = unified.journal_mark(), probes()
    handle = config(probe, unified, ("auth_pat", "a-token"), ("custom_header", name, value))
    assert probe.call("kernel_session_open", handle, "never").status == 1
    assert [e for e in unified.journal(mark) if e["path"].startswith("/api")] == []


def debug(build_dir, server, http_path, token="a-token", *options, **variables):
    environment = {
        "DATABRICKS_HOST": server.url,
        "DATABRICKS_HTTP_PATH": http_path,
        "DATABRICKS_TOKEN": token,
        "SSL_CERT_FILE": f"{server.tls_dir}/ca.pem",
        "PATH": "/usr/bin:/bin",
        **variables,
    }
    command = [build_dir / "dbk", "debug", *options]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60)
    assert token not in done.stdout + done.stderr
    return done


@pytest.mark.parametrize(
    ("http_path", "source", "row", "warning"),
    [
        ("/sql/1.0/warehouses/abc123?o=64", "query", 2, None),
        ("/sql/1.0/warehouses/abc123?o=x64", "malformed", 8, "is not a number"),
        ("/sql/1.0/warehouses/abc123", "none", 3, "/sql/1.0/warehouses/<id>?o=<workspace-id>"),
    ],
)
def test_debug(build_dir, unified, http_path, source, row, warning):
    mark = unified.journal_mark()
    told = json.loads(debug(build_dir, unified, http_path, "a-token", "--format", "json").stdout)
    assert told["host"] == unified.url and told["host_type"] == "unified" and told["probe"] == "ok"
    assert (told["workspace_id_source"], told["matrix_row"]) == (source, row)
    assert told["workspace_id"] == ("64" if source == "query" else None)
    assert told["warnings"] == [] if warning is None else warning in told["warnings"][0]
    assert "CN=server < CN=dbkernel local warehouse intermediate CA" in told["tls"]
    (asked,) = [e for e in unified.journal(mark) if e["path"] == PROBE]
    assert not OURS & names(asked).keys()


TROUBLE = {  # variables, a fault; tls_verified, in the error, in the hint
    "token": ({}, "session.create:status(401,json)", "yes", "HTTP 401", "the token was not accepted"),
    "rights": ({}, "session.create:status(403,json)", "yes", "HTTP 403", "may not use this warehouse"),
    "warehouse": ({}, "session.create:status(404,json)", "yes", "HTTP 404", "no such warehouse"),
    "login": (
        {"DATABRICKS_TOKEN": "", "DATABRICKS_CLIENT_ID": CLIENT, "DATABRICKS_CLIENT_SECRET": "wr0ng"},
        None, "yes", "invalid_client", "the login was refused",
    ),
    "certificate": ({"SSL_CERT_FILE": "/dev/null"}, None, "refused", "that issuer is not trusted here", None),
    "host": ({"DATABRICKS_HOST": "nowhere.invalid"}, None, None, "resolve host", "there is no such host"),
    "port": ({"DATABRICKS_HOST": "https://127.0.0.1:9"}, None, None, "onnect to", "nothing answers there"),
    "proxy": ({"HTTPS_PROXY": "http://u:pr0xy-pw@127.0.0.1:9"}, None, None, "the proxy does not answer", None),
    "kind of proxy": ({"HTTPS_PROXY": "ftp://127.0.0.1:9"}, None, None, "proxy of an unknown kind", None),
}  # fmt: skip


@pytest.mark.parametrize("trouble", TROUBLE)
def test_debug_in_trouble(build_dir, unified, trouble):
    variables, fault, verified, error, hint = TROUBLE[trouble]
    if fault:
        unified.fault(fault)
    try:
        done = debug(build_dir, unified, unified.http_path, "a-token", "--format", "json", **variables)
    finally:
        unified.clear_faults()
    told = json.loads(done.stdout)
    assert done.returncode == 3 and told["round_trip"] == "no session"
    assert told["tls_verified"] == verified and error in told["error"]
    assert hint in told["hint"] if hint else told["hint"] is None
    assert "wr0ng" not in done.stdout and "pr0xy-pw" not in done.stdout


def test_debug_with_client_credentials_of_the_environment(build_dir, unified):
    client = {"DATABRICKS_TOKEN": "", "DATABRICKS_CLIENT_ID": CLIENT, "DATABRICKS_CLIENT_SECRET": SECRET}
    done = debug(build_dir, unified, unified.http_path, "a-token", "--format", "json", **client)
    told = json.loads(done.stdout)
    assert (done.returncode, told["auth"], told["hint"]) == (0, "oauth-m2m", None) and SECRET not in done.stdout


def test_debug_for_people(build_dir, unified):
    done = debug(build_dir, unified, unified.http_path)
    assert done.returncode == 0 and "round_trip           ok\n" in done.stdout


def test_debug_of_a_host_that_is_not_there(build_dir, unified):
    class Nowhere:
        url, tls_dir = "https://127.0.0.1:9", unified.tls_dir

    done = debug(build_dir, Nowhere, unified.http_path, "a-token", "--format", "json")
    told = json.loads(done.stdout)
    assert done.returncode == 3
    assert told["probe"].startswith("failed: ") and told["round_trip"] == "no session" and told["error"]
