"""Azure service principals. Entra is played by the local warehouse, behind a proxy that takes its name."""

from __future__ import annotations

import pytest
from abi_driver import INVALID_ARGUMENT, UNAUTHENTICATED
from auth_calls import CLIENT, SECRET, config, open_session, requests, token_requests
from warehouse.testing import local_warehouse

TENANT = "9f37a392-f0ae-4280-9796-f1864a10effc"
APPLICATION = "2ff814a6-3304-4ab8-85cb-cd0e6f879c1d"
RESOURCE = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Databricks/workspaces/w"


@pytest.fixture(scope="module")
def server():
    """The proxy leads every host to this server, with certificates of its own CA."""
    with local_warehouse("--tls", "--issued-tokens-only", "--mitm-port", "0") as running:
        yield running


@pytest.fixture(autouse=True)
def clean(server):
    yield
    server.clear_faults()
    server.call("POST", "/_lw/oidc", {"aad_location": None, "aad_tenant": TENANT, "expires_in": 3600})


def azure(probe, server, tenant=None, resource=None, client=CLIENT, secret=SECRET):
    handle = config(probe, server, ("auth_azure_sp", client, secret, tenant, resource))
    probe.call("kernel_session_config_set_proxy", handle, server.mitm_url, None, None, None).ok()
    pem = open(f"{server.tls_dir}/mitm-ca.pem").read() + open(f"{server.tls_dir}/ca.pem").read()
    probe.call("kernel_session_config_set_tls_trusted_certs", handle, {"hex": pem.encode().hex()}).ok()
    return handle


def entra(server, since):
    return [e for e in token_requests(server, since)]


@pytest.mark.parametrize("tenant", [None, "contoso.example"])
def test_data_token(probe, server, tenant):
    since = server.journal_mark()
    session = open_session(probe, azure(probe, server, tenant))
    assert session.rows("SELECT 1") == [(1,)]
    session.close()
    assert len(requests(server, since, "/aad/auth")) == (1 if tenant is None else 0)
    (asked,) = entra(server, since)
    assert asked["path"] == f"/{tenant or TENANT}/oauth2/v2.0/token"
    assert asked["body"] == {"grant_type": "client_credentials", "scope": f"{APPLICATION}/.default"}
    assert dict(asked["headers"])["host"] == "login.microsoftonline.com"
    for entry in requests(server, since, "/api/2.0/sql/sessions"):
        assert not any(name.startswith("x-databricks-azure") for name, _ in entry["headers"])


def test_management_token(probe, server):
    since = server.journal_mark()
    session = open_session(probe, azure(probe, server, resource=RESOURCE))
    assert session.rows("SELECT 1") == [(1,)]
    session.close()
    first, second = entra(server, since)
    assert second["path"] == f"/{TENANT}/oauth2/token"
    assert list(second["body"]) == ["grant_type", "client_id", "client_secret", "resource"]
    assert second["body"]["resource"] == "https://management.core.windows.net/"
    assert "authorization" not in dict(second["headers"])
    seen = [e for e in server.journal(since) if e["path"].startswith("/api/")]
    assert seen
    for entry in seen:
        headers = dict(entry["headers"])
        assert headers["x-databricks-azure-workspace-resource-id"] == RESOURCE
        assert "x-databricks-azure-sp-management-token" in headers


LOCATIONS = {
    "no redirect": ("", "did not return a redirect Location; pass azure_tenant_id explicitly"),
    "evil": ("https://evil.example/t/oauth2/authorize", 'did not redirect to a Microsoft login host (got "evil.example")'),
    "evil in the user": ("https://login.microsoftonline.com@evil.example/t/x", '(got "evil.example")'),
    "plain": ("http://login.microsoftonline.com/t/oauth2", "did not redirect to a Microsoft login host"),
    "everybody's": ("https://login.microsoftonline.com/organizations/oauth2", "not the id or the domain of one directory"),
    "dots": ("https://login.microsoftonline.com/../x/oauth2", "not the id or the domain of one directory"),
    "no tenant": ("https://login.microsoftonline.com", "not the id or the domain of one directory"),
    "escape": ("https://login.microsoftonline.com/a%2Fb/oauth2", "not the id or the domain of one directory"),
}  # fmt: skip


@pytest.mark.parametrize("name", LOCATIONS)
def test_tenant_that_is_not_told(probe, server, name):
    location, text = LOCATIONS[name]
    server.call("POST", "/_lw/oidc", {"aad_location": location})
    since = server.journal_mark()
    probe.call("kernel_session_open", azure(probe, server), "never").fails(UNAUTHENTICATED, text)
    assert entra(server, since) == []


def test_other_clouds(probe, server):
    server.call("POST", "/_lw/oidc", {"aad_location": "https://login.microsoftonline.us/gov/oauth2/authorize?x=1"})
    since = server.journal_mark()
    open_session(probe, azure(probe, server, resource=RESOURCE, client=CLIENT)).close()
    first, second = entra(server, since)
    assert dict(first["headers"])["host"] == "login.microsoftonline.us"
    assert second["body"]["resource"] == "https://management.core.usgovcloudapi.net/"


@pytest.mark.parametrize("tenant", ["../x?y", "a/b", "common", "a b", "."])
def test_given_tenant_that_is_none(probe, server, tenant):
    probe.call("kernel_session_open", azure(probe, server, tenant), "never").fails(INVALID_ARGUMENT, "tenant")


@pytest.mark.parametrize(("what", "args"), [("azure_client_id", ("", "s")), ("azure_client_secret", ("c", ""))])
def test_missing_setting(probe, server, what, args):
    handle = azure(probe, server, client=args[0], secret=args[1])
    text = f"Azure SP auth requires a non-empty {what}"
    probe.call("kernel_session_open", handle, "never").fails(INVALID_ARGUMENT, text)


def test_wrong_secret(probe, server):
    answer = probe.call("kernel_session_open", azure(probe, server, secret="wr0ng-one"), "never")
    answer.fails(UNAUTHENTICATED, "AADSTS7000215")
    assert "wr0ng-one" not in str(answer)
