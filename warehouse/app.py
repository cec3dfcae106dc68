"""The ASGI application: routes of both origins, authentication, the journal, JSON errors."""

from __future__ import annotations

import asyncio
import hmac
import json
import logging
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from warehouse import __version__
from warehouse.answers import Answers
from warehouse.clock import Clock
from warehouse.config import Config
from warehouse.engine.base import Engine
from warehouse.errors import ApiError, bad_request, not_found
from warehouse.faults import Action, Faults, FaultyResponse, distort, refusal, rule_from_json
from warehouse.ids import Ids
from warehouse.journal import Effects, Journal, redact_headers
from warehouse.requests import (
    MAX_BODY_BYTES,
    cancel_on_timeout,
    execute_request,
    parse_object,
    session_confs,
    text_field,
    wait_seconds,
)  # fmt: skip
from warehouse.sessions import Sessions
from warehouse.statements import Statement, Statements
from warehouse.storage import Links, Storage

log = logging.getLogger("warehouse.http")

ORG_ID = "1234567890123456"


class JsonResponse(Response):
    media_type = "application/json"

    def render(self, content: Any) -> bytes:
        return json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode("utf-8")


class Warehouse:
    """Everything of one server that lives as long as its event loop."""

    def __init__(self, config: Config, engine: Engine, effects: Effects, clock: Clock, ids: Ids) -> None:
        self.config = config
        self.engine = engine
        self.clock = clock
        self.effects = effects
        self.journal = Journal(config.journal_limit)
        self.faults = Faults()
        self.sessions = Sessions(clock, ids)
        self.statements = Statements(config, engine, clock, ids)
        self.links = Links(ids.secret(), config, clock)
        self.answers = Answers(config, self.links)
        self.storage = Storage(self.links, self.statements, self.faults)
        self.last_request = clock.now()
        self.in_flight = 0

    # -- sessions --------------------------------------------------------------------------------
    async def create_session(self, request: Request) -> Response:
        actions = self.faults.take("session.create")
        refused = _refused(request, actions)
        if refused is not None:
            return refused
        body = await self._body(request)
        self._check_warehouse(text_field(body, "warehouse_id", required=True))
        session = self.sessions.create(
            body["warehouse_id"],
            text_field(body, "catalog"),
            text_field(body, "schema"),
            session_confs(body),
        )
        response = JsonResponse({"session_id": session.id}, headers={"x-databricks-org-id": ORG_ID})
        return _faulty(response, actions)

    async def delete_session(self, request: Request) -> Response:
        actions = self.faults.take("session.delete")
        refused = _refused(request, actions)
        if refused is not None:
            return refused
        self.sessions.delete(request.path_params["session"])
        return _faulty(JsonResponse({}), actions)

    def _check_warehouse(self, warehouse_id: str) -> None:
        if warehouse_id not in self.config.warehouse_ids:
            raise not_found(f"Endpoint {warehouse_id} does not exist.")

    # -- statements ------------------------------------------------------------------------------
    async def execute(self, request: Request) -> Response:
        body = await self._body(request)
        session_id = text_field(body, "session_id")
        parsed = execute_request(body)
        wait_s, cancel_late = wait_seconds(body), cancel_on_timeout(body)
        actions = self.faults.take("stmt.execute", parsed.hints.rules)
        refused = _refused(request, actions)
        if refused is not None:
            return refused
        if session_id:
            session = self.sessions.get(session_id)
        else:
            warehouse_id = text_field(body, "warehouse_id", required=True)
            self._check_warehouse(warehouse_id)
            session = self.sessions.detached(warehouse_id, text_field(body, "catalog"), text_field(body, "schema"))
        statement = self.statements.submit(session, parsed)
        _note(request, statement_id=statement.id)
        if wait_s == 0:
            payload = {"statement_id": statement.id, "status": {"state": "PENDING"}}
        else:
            await self._wait(statement, wait_s, cancel_late)
            payload = await self.answers.statement(statement, poll=False)
        distort(payload, actions)
        return _faulty(JsonResponse(payload), actions)

    async def _wait(self, statement: Statement, seconds: float, cancel_late: bool) -> None:
        if statement.hints.pending:
            return
        if not await self._until_done(statement, seconds) and cancel_late:
            self.statements.cancel(statement.id)

    @staticmethod
    async def _until_done(statement: Statement, seconds: float) -> bool:
        if statement.done.done():
            return True
        try:
            await asyncio.wait_for(asyncio.shield(asyncio.wrap_future(statement.done)), seconds)
        except TimeoutError:
            return False
        return True

    async def get_statement(self, request: Request) -> Response:
        statement_id = request.path_params["statement"]
        if self.statements.was_closed(statement_id):
            return JsonResponse({"statement_id": statement_id, "status": {"state": "CLOSED"}})
        statement = self.statements.get(statement_id)
        actions = self.faults.take("stmt.get", statement.hints.rules, statement_id)
        refused = _refused(request, actions)
        if refused is not None:
            return refused
        if 0 < statement.hints.pending <= statement.polled:
            await self._until_done(statement, 1.0)  # the hint promises the end after N polls
        payload = await self.answers.statement(statement, poll=True)
        distort(payload, actions)
        return _faulty(JsonResponse(payload), actions)

    async def get_chunk(self, request: Request) -> Response:
        statement_id, text = request.path_params["statement"], request.path_params["chunk"]
        if self.statements.was_closed(statement_id):
            raise not_found(f"The statement {statement_id} was closed.")
        statement = self.statements.get(statement_id)
        if not text.isascii() or not text.isdigit() or len(text) > 9:
            raise bad_request(f"chunk_index must be a non-negative integer, got '{text[:40]}'")
        index = int(text)
        offset = request.query_params.get("row_offset")
        if offset is not None and not (offset.isascii() and offset.isdigit()):
            raise bad_request("row_offset must be a non-negative integer")
        actions = self.faults.take("stmt.chunk", statement.hints.rules, statement_id, index)
        refused = _refused(request, actions)
        if refused is not None:
            return refused
        payload = await self.answers.chunk(statement, index)
        distort(payload, actions, index)
        return _faulty(JsonResponse(payload), actions)

    async def cancel_statement(self, request: Request) -> Response:
        statement_id = request.path_params["statement"]
        if self.statements.was_closed(statement_id):
            return JsonResponse({})
        statement = self.statements.get(statement_id)
        actions = self.faults.take("stmt.cancel", statement.hints.rules, statement_id)
        refused = _refused(request, actions)
        if refused is not None:
            return refused
        self.statements.cancel(statement_id)
        return _faulty(JsonResponse({}), actions)

    async def close_statement(self, request: Request) -> Response:
        statement_id = request.path_params["statement"]
        own = self.statements.hints_of(statement_id)
        actions = self.faults.take("stmt.close", own.rules if own else [], statement_id)
        refused = _refused(request, actions)
        if refused is not None:
            return refused
        self.statements.close(statement_id)
        return _faulty(JsonResponse({}), actions)

    # -- administration --------------------------------------------------------------------------
    async def add_fault(self, request: Request) -> Response:
        self.faults.add(rule_from_json(await self._body(request)))
        return JsonResponse({"rules": len(self.faults.rules)})

    async def clear_faults(self, request: Request) -> Response:
        self.faults.clear()
        return JsonResponse({"rules": 0})

    async def list_faults(self, request: Request) -> Response:
        rules = [{"at": r.point, "do": r.action.text(), "fired": r.fired} for r in self.faults.rules]
        return JsonResponse({"rules": rules})

    async def read_journal(self, request: Request) -> Response:
        since = request.query_params.get("since", "0")
        if not since.isascii() or not since.isdigit():
            raise bad_request("since must be a number")
        return JsonResponse(self.journal.since(int(since)))

    async def clear_journal(self, request: Request) -> Response:
        self.journal.clear()
        return JsonResponse({})

    async def read_effects(self, request: Request) -> Response:
        return JsonResponse({"effects": self.effects.snapshot()})

    async def clear_effects(self, request: Request) -> Response:
        self.effects.clear()
        return JsonResponse({})

    async def move_clock(self, request: Request) -> Response:
        seconds = (await self._body(request)).get("advance_s", 0)
        if isinstance(seconds, bool) or not isinstance(seconds, (int, float)) or abs(seconds) > 1e9:
            raise bad_request("advance_s must be a number of seconds")
        self.clock.advance(float(seconds))
        return JsonResponse({"now": self.clock.rfc3339(self.clock.now())})

    async def health(self, request: Request) -> Response:
        return JsonResponse(
            {
                "status": "ok",
                "version": __version__,
                "sessions": self.sessions.count(),
                "statements": self.statements.count(),
            }
        )

    # -- plumbing --------------------------------------------------------------------------------
    async def _body(self, request: Request) -> dict[str, Any]:
        length = request.headers.get("content-length", "0")
        if length.isdigit() and int(length) > MAX_BODY_BYTES:
            raise ApiError(413, "BAD_REQUEST", f"The request body is larger than {MAX_BODY_BYTES} bytes.")
        parts, size = [], 0
        async for part in request.stream():
            size += len(part)
            if size > MAX_BODY_BYTES:
                raise ApiError(413, "BAD_REQUEST", f"The request body is larger than {MAX_BODY_BYTES} bytes.")
            parts.append(part)
        body = parse_object(b"".join(parts))
        _note(request, body=body)
        return body

    def is_idle(self) -> bool:
        return self.in_flight == 0 and self.sessions.count() == 0 and self.statements.unfinished() == 0

    def authorize(self, header: str | None) -> None:
        scheme, _, token = (header or "").partition(" ")
        token = token.strip()
        good = scheme.lower() == "bearer" and bool(token)
        if good and self.config.token is not None:
            good = hmac.compare_digest(token.encode(), self.config.token.encode())
        if not good:
            raise ApiError(
                401,
                "UNAUTHENTICATED",
                "Credential was not sent or was of an unsupported type or is not valid for this API.",
                {"www-authenticate": 'Bearer realm="DatabricksRealm"'},
            )


def _note(request: Request, **fields: Any) -> None:
    """Adds facts to the journal entry of this request (administration has none)."""
    entry = request.scope["extensions"].get("lw.journal")
    if entry is not None:
        entry.update(fields)


def _refused(request: Request, actions: list[Action]) -> Response | None:
    """The answer of an action that stands in for the work, if there is one."""
    if actions:
        _note(request, faults=[a.text() for a in actions])
    for action in actions:
        if action.name == "status":
            return refusal(action)
        if action.before:
            return FaultyResponse(JsonResponse({}), [action])
    return None


def _faulty(response: Response, actions: list[Action]) -> Response:
    return FaultyResponse(response, actions) if actions else response


# -- assembly -------------------------------------------------------------------------------------
def _error_response(status: int, code: str, message: str, headers: dict[str, str] | None = None) -> Response:
    return JsonResponse({"error_code": code, "message": message}, status, headers)


async def _on_api_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, ApiError)
    return _error_response(error.status, error.error_code, error.message, error.headers)


async def _on_http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    codes = {404: "ENDPOINT_NOT_FOUND", 405: "METHOD_NOT_ALLOWED"}
    message = f"No API found for '{request.method} {request.url.path[:200]}'"
    return _error_response(
        error.status_code, codes.get(error.status_code, "BAD_REQUEST"), message, dict(error.headers or {})
    )


async def _on_crash(request: Request, error: Exception) -> Response:
    if isinstance(error, ClientDisconnect):
        return Response(status_code=499)
    log.exception("%s %s", request.method, request.url.path, exc_info=error)
    return _error_response(500, "INTERNAL_ERROR", f"{type(error).__name__}: {error}")


def _application(routes: list[Route]) -> Starlette:
    handlers = {ApiError: _on_api_error, HTTPException: _on_http_error, ClientDisconnect: _on_crash}
    app = Starlette(routes=routes, exception_handlers={**handlers, Exception: _on_crash})
    app.router.redirect_slashes = False
    return app


def _api_routes(w: Warehouse) -> list[Route]:
    sql = "/api/2.0/sql"
    one = sql + "/statements/{statement}"
    return [
        Route(sql + "/sessions", w.create_session, methods=["POST"]),
        Route(sql + "/sessions/", w.create_session, methods=["POST"]),
        Route(sql + "/sessions/{session}", w.delete_session, methods=["DELETE"]),
        Route(sql + "/statements", w.execute, methods=["POST"]),
        Route(sql + "/statements/", w.execute, methods=["POST"]),
        Route(one, w.get_statement, methods=["GET"]),
        Route(one, w.close_statement, methods=["DELETE"]),
        Route(one + "/cancel", w.cancel_statement, methods=["POST"]),
        Route(one + "/result/chunks/{chunk}", w.get_chunk, methods=["GET"]),
        Route("/_lw/faults", w.add_fault, methods=["POST"]),
        Route("/_lw/faults", w.clear_faults, methods=["DELETE"]),
        Route("/_lw/faults", w.list_faults, methods=["GET"]),
        Route("/_lw/journal", w.read_journal, methods=["GET"]),
        Route("/_lw/journal", w.clear_journal, methods=["DELETE"]),
        Route("/_lw/effects", w.read_effects, methods=["GET"]),
        Route("/_lw/effects", w.clear_effects, methods=["DELETE"]),
        Route("/_lw/clock", w.move_clock, methods=["POST"]),
        Route("/_lw/health", w.health, methods=["GET"]),
    ]


class App:
    """Sends a connection to its origin by the port it came in on, and keeps the journal."""

    def __init__(self, warehouse: Warehouse, api_port: int) -> None:
        self._warehouse = warehouse
        self._api_port = api_port
        self._api = _application(_api_routes(warehouse))
        self._storage = _application([Route("/r/{statement}/{chunk}", warehouse.storage.download, methods=["GET"])])

    async def __call__(self, scope, receive, send) -> None:
        if scope["type"] != "http":
            return
        warehouse, path = self._warehouse, scope["path"]
        is_api = scope["server"][1] == self._api_port
        warehouse.last_request = warehouse.clock.now()
        if path.startswith("/_lw/") and is_api:
            await self._api(scope, receive, send)
            return
        entry = self._open_entry(scope, "api" if is_api else "storage")

        async def watched_send(message) -> None:
            # Noted before sending: whoever has the answer also finds it in the journal.
            if message["type"] == "http.response.start":
                entry["status"] = message["status"]
            else:
                entry["bytes"] += len(message.get("body", b""))
            await send(message)

        warehouse.in_flight += 1
        try:
            if is_api and path.startswith("/api/"):
                refusal_response = self._authorize(scope)
                if refusal_response is not None:
                    await refusal_response(scope, receive, watched_send)
                    return
            await (self._api if is_api else self._storage)(scope, receive, watched_send)
        finally:
            warehouse.in_flight -= 1
            warehouse.last_request = warehouse.clock.now()

    def _authorize(self, scope) -> Response | None:
        header = next((v.decode("latin-1") for n, v in scope["headers"] if n == b"authorization"), None)
        try:
            self._warehouse.authorize(header)
        except ApiError as error:
            return _error_response(error.status, error.error_code, error.message, error.headers)
        return None

    def _open_entry(self, scope, origin: str) -> dict[str, Any]:
        query = scope["query_string"].decode("latin-1")
        entry = self._warehouse.journal.open(
            time=self._warehouse.clock.now(),
            origin=origin,
            connection=scope["extensions"]["lw.connection"].number,
            method=scope["method"],
            path=scope["path"],
            query=query if origin == "api" else ("[signed]" if query else ""),
            headers=redact_headers(scope["headers"]),
        )
        scope["extensions"]["lw.journal"] = entry
        return entry
