"""Logging in otherwise than with a token: what the official driver's keys say, over the local warehouse."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlparse

import pytest
from odbc_env import DRIVER, Source
from warehouse.testing import local_warehouse

RESOURCE = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Databricks/workspaces/w"


@pytest.fixture(scope="module")
def server():
    with local_warehouse("--issued-tokens-only") as running:
        yield running


@pytest.fixture
def isql(server, tmp_path: Path):
    """isql with a data source of these keys; the machine's identity is the warehouse's look-alike of Azure's."""
    url = urlparse(server.url)

    def run(**keys: str):
        where = {"Host": url.hostname, "Port": str(url.port), "SSL": "0", "HTTPPath": server.http_path}
        source = Source(tmp_path, {**where, **keys})
        lines = "\n".join(f"{name}={value}" for name, value in source.keys.items())
        (tmp_path / "odbc.ini").write_text(f"[local]\nDriver={DRIVER}\n{lines}\n")
        (tmp_path / "odbcinst.ini").write_text("")
        return source.run("isql", "local", "-b", "-v", input="SELECT 41 + 1\n", AZURE_POD_IDENTITY_AUTHORITY_HOST=server.url)

    return run


def test_managed_identity_of_azure(server, isql):
    since = server.journal_mark()
    done = isql(AuthMech="11", Auth_Flow="3", azure_workspace_resource_id=RESOURCE)
    assert "42" in done.stdout, done.stdout + done.stderr
    asked = [e for e in server.journal(since) if e["path"].startswith("/metadata/")]
    assert [dict(e["headers"])["metadata"] for e in asked] == ["true", "true"]
    opened = [e for e in server.journal(since) if e["path"] == "/api/2.0/sql/sessions"]
    assert dict(opened[0]["headers"])["x-databricks-azure-workspace-resource-id"] == RESOURCE
    assert "x-databricks-azure-sp-management-token" in dict(opened[0]["headers"])


def test_an_identity_that_the_machine_has_not(isql):
    done = isql(AuthMech="11", Auth_Flow="3", Auth_Client_ID="somebody")
    assert "28000" in done.stdout + done.stderr and "Identity not found" in done.stdout + done.stderr


def test_a_flow_that_is_none(isql):
    done = isql(AuthMech="11", Auth_Flow="4")
    assert "Auth_Flow=4 is not supported" in done.stdout + done.stderr
