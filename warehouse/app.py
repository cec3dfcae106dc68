"""The ASGI application: what one server consists of, its origins, authentication, the journal."""

from __future__ import annotations

import logging
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from warehouse.answers import Answers
from warehouse.clock import Clock
from warehouse.config import Config
from warehouse.engine.base import Engine
from warehouse.errors import ApiError
from warehouse.faults import Faults, parse_rule
from warehouse.faults.profiles import Profiles
from warehouse.identity.oidc import Oidc
from warehouse.identity.tokens import Tokens
from warehouse.identity.workspaces import Workspaces
from warehouse.ids import Ids
from warehouse.journal import Effects, Journal, redact_headers
from warehouse.net.listener import Listener
from warehouse.page.history import History
from warehouse.routes import admin, compute, files, oidc, page, sql, telemetry
from warehouse.routes.visitors import admit
from warehouse.sessions import Sessions
from warehouse.statements import Statements
from warehouse.storage import Links, Storage
from warehouse.web import error_response

log = logging.getLogger("warehouse.http")

# The groups of the API origin; the busiest first, because routes are tried in order.
GROUPS = (sql, files, telemetry, compute, oidc, admin, page)
# Paths that need a token; everything else of the API origin is public or checks for itself.
_PROTECTED = ("/api/", "/telemetry-ext")


class Warehouse:
    """Everything of one server that lives as long as its event loop."""

    def __init__(self, config: Config, engine: Engine, effects: Effects, clock: Clock, ids: Ids) -> None:
        self.config = config
        self.engine = engine
        self.clock = clock
        self.ids = ids
        self.effects = effects
        self.journal = Journal(config.journal_limit, clock.now)
        self.faults = Faults(config.seed, [parse_rule(text) for text in config.faults])
        self.profiles = Profiles(self.faults, config.profiles)
        self.tokens = Tokens(config, clock)
        self.oidc = Oidc(config, clock, ids, self.tokens)
        self.workspaces = Workspaces(config)
        self.compute = compute.Compute()
        self.telemetry = telemetry.Telemetry()
        self.sessions = Sessions(clock, ids)
        self.history = History()
        self.statements = Statements(config, engine, clock, ids, self.history)
        self.links = Links(ids.secret(), config, clock)
        self.volumes = engine.volumes
        self.volumes.links = self.links
        self.answers = Answers(config, self.links)
        self.storage = Storage(self)
        self.listeners: dict[str, Listener] = {}
        self.last_request = clock.now()
        self.in_flight = 0

    def knows_warehouse(self, org: str, warehouse_id: str) -> bool:
        return self.workspaces.has_warehouse(org, warehouse_id) or warehouse_id in self.profiles

    def is_idle(self) -> bool:
        return self.in_flight == 0 and self.sessions.count() == 0 and self.statements.unfinished() == 0


# -- errors ---------------------------------------------------------------------------------------
async def _on_api_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, ApiError)
    return error_response(error.status, error.error_code, error.message, error.headers)


async def _on_http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    codes = {404: "ENDPOINT_NOT_FOUND", 405: "METHOD_NOT_ALLOWED"}
    message = f"No API found for '{request.method} {request.url.path[:200]}'"
    return error_response(
        error.status_code, codes.get(error.status_code, "BAD_REQUEST"), message, dict(error.headers or {})
    )


async def _on_crash(request: Request, error: Exception) -> Response:
    if isinstance(error, ClientDisconnect):
        return Response(status_code=499)
    log.exception("%s %s", request.method, request.url.path, exc_info=error)
    return error_response(500, "INTERNAL_ERROR", f"{type(error).__name__}: {error}")


def _application(routes: list[Route]) -> Starlette:
    handlers = {ApiError: _on_api_error, HTTPException: _on_http_error, ClientDisconnect: _on_crash}
    app = Starlette(routes=routes, exception_handlers={**handlers, Exception: _on_crash})
    app.router.redirect_slashes = False
    return app


# -- the two origins ------------------------------------------------------------------------------
class App:
    """Sends a request to the origin of its listener, checks tokens, and keeps the journal."""

    def __init__(self, warehouse: Warehouse) -> None:
        self._warehouse = warehouse
        self._api = _application([route for group in GROUPS for route in group.routes(warehouse)])
        self._storage = _application(warehouse.storage.routes())

    async def __call__(self, scope, receive, send) -> None:
        if scope["type"] != "http":
            return
        warehouse, path = self._warehouse, scope["path"]
        is_api = scope["extensions"]["lw.origin"] == "api"
        if is_api and page.is_page(path):  # people who look on leave no trace and keep nothing awake
            await self._api(scope, receive, send)
            return
        warehouse.last_request = warehouse.clock.now()
        if path.startswith("/_lw/") and is_api:
            await (self._not_admitted(scope) or self._api)(scope, receive, send)
            return
        entry = self._open_entry(scope, "api" if is_api else "storage")

        async def watched_send(message) -> None:
            # Noted before sending: whoever has the answer also finds it in the journal.
            if message["type"] == "http.response.start":
                entry["status"] = message["status"]
                message["headers"] = [*message["headers"], (b"date", warehouse.clock.http_date())]
            else:
                entry["bytes"] += len(message.get("body", b""))
            await send(message)

        warehouse.in_flight += 1
        try:
            refusal = self._refusal(scope, path) if is_api else None
            handler = refusal or (self._api if is_api else self._storage)
            await handler(scope, receive, watched_send)
        finally:
            warehouse.in_flight -= 1
            warehouse.journal.close(entry)
            warehouse.history.ended(entry)
            warehouse.last_request = warehouse.clock.now()

    def _not_admitted(self, scope) -> Response | None:
        """The 403 of somebody else's request to the administration."""
        config = self._warehouse.config
        if config.open_admin:
            return None
        try:
            admit(Request(scope), config)
        except ApiError as error:
            return error_response(error.status, error.error_code, error.message, error.headers)
        return None

    def _refusal(self, scope, path: str) -> Response | None:
        """The redirect to the login page or the 401 of a request that may not come in."""
        if not path.startswith(_PROTECTED):
            return None
        request = Request(scope)
        org = self._warehouse.workspaces.resolve(request)
        if isinstance(org, Response):
            return org
        scope["extensions"]["lw.org"] = org
        try:
            self._warehouse.tokens.check(request.headers.get("authorization"))
        except ApiError as error:
            return error_response(error.status, error.error_code, error.message, error.headers)
        return None

    def _open_entry(self, scope, origin: str) -> dict[str, Any]:
        query = scope["query_string"].decode("latin-1")
        connection = scope["extensions"]["lw.connection"]
        entry = self._warehouse.journal.open(
            origin=origin,
            connection=connection.number,
            method=scope["method"],
            path=scope["path"],
            query=query if origin == "api" else ("[signed]" if query else ""),
            headers=redact_headers(scope["headers"]),
        )
        if scope["scheme"] == "https":
            entry["tls"] = connection.tls_facts()
        self._warehouse.history.opened(entry)
        scope["extensions"]["lw.journal"] = entry
        return entry
