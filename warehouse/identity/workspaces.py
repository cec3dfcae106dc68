"""One host in front of several workspaces (SPOG): who is meant is said by the org id.

Without ``--workspace`` there is a single workspace and the org id is ignored, as on a workspace's own
host. With it, a request without a known id ends at the login page (spec spog, head).
"""

from __future__ import annotations

import re

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from warehouse.config import Config

ORG_ID = "1234567890123456"


class Workspaces:
    def __init__(self, config: Config) -> None:
        self._config = config

    @property
    def unified(self) -> bool:
        return bool(self._config.workspaces)

    def has_warehouse(self, org: str, warehouse_id: str) -> bool:
        if not self.unified:
            return warehouse_id in self._config.warehouse_ids
        return warehouse_id in self._config.workspaces.get(org, ())

    def warehouses(self, org: str) -> tuple[str, ...]:
        return self._config.workspaces.get(org, ()) if self.unified else self._config.warehouse_ids

    def resolve(self, request: Request) -> str | Response:
        """The org id of a request, or the redirect that one without it gets."""
        if not self.unified:
            return ORG_ID
        asked = request.headers.get("x-databricks-org-id") or request.query_params.get("o") or ""
        if asked in self._config.workspaces:
            return asked
        target = f"/login.html?next={request.url.path}" if request.method == "GET" else "/login.html"
        return RedirectResponse(target, 303)


def parse_workspace(text: str) -> tuple[str, tuple[str, ...]]:
    """``<org id>=<warehouse id>[,<warehouse id>..]``"""
    org, _, ids = text.partition("=")
    names = tuple(i for i in ids.split(",") if i)
    if not re.fullmatch(r"[0-9]{1,20}", org) or not names:
        raise ValueError(f"{text!r} is not <org id>=<warehouse id>[,..]")
    return org, names
