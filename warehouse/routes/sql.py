"""Sessions and statements: the SQL Statement Execution API itself."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from warehouse.errors import bad_request, not_found
from warehouse.faults import Hints, merged
from warehouse.faults.profiles import of_statement
from warehouse.faults.rules import parse_header
from warehouse.requests import cancel_on_timeout, execute_request, session_confs, text_field, wait_seconds
from warehouse.statements import Statement
from warehouse.web import JsonResponse, Turn, note, read_object

if TYPE_CHECKING:
    from warehouse.app import Warehouse

LATE_CANCEL_S = 60.0


class Sql:
    def __init__(self, warehouse: "Warehouse") -> None:
        self.w = warehouse

    # -- sessions --------------------------------------------------------------------------------
    async def create_session(self, request: Request) -> Response:
        w = self.w
        body = await _read_scoped(request)
        warehouse_id = text_field(body, "warehouse_id", required=True)
        turn = Turn(w, request, "session.create", w.profiles.rules(warehouse_id, "session.create"))
        if turn.refused is not None:
            return turn.refused
        org = org_of(request)
        self._check_warehouse(org, warehouse_id)
        catalog, schema = text_field(body, "catalog"), text_field(body, "schema")
        session = w.sessions.create(warehouse_id, catalog, schema, session_confs(body))
        session.org, session.user = org, w.config.user
        return turn.answer({"session_id": session.id}, headers={"x-databricks-org-id": org})

    async def delete_session(self, request: Request) -> Response:
        turn = Turn(self.w, request, "session.delete")
        if turn.refused is not None:
            return turn.refused
        if not turn.ignored:
            session_id = request.path_params["session"]
            self._own_session(request, session_id)
            session = self.w.sessions.delete(session_id)
            await asyncio.to_thread(self.w.engine.end_session, session)
        return turn.answer({})

    def _check_warehouse(self, org: str, warehouse_id: str) -> None:
        if not self.w.knows_warehouse(org, warehouse_id):
            raise not_found(f"Endpoint {warehouse_id} does not exist.")

    def _own_session(self, request: Request, session_id: str):
        session = self.w.sessions.get(session_id)
        if self.w.workspaces.unified and session.org != org_of(request):
            raise not_found(f"Session {session_id} does not exist or is closed.")
        return session

    # -- execute ---------------------------------------------------------------------------------
    async def execute(self, request: Request) -> Response:
        w = self.w
        body = await _read_scoped(request)
        session_id = text_field(body, "session_id")
        warehouse_id = text_field(body, "warehouse_id")
        known = w.sessions.peek(session_id)
        profile = known.warehouse_id if known else warehouse_id
        parsed = execute_request(body, self._background_hints(request, profile))
        wait_s, cancel_late = wait_seconds(body), cancel_on_timeout(body)
        own = [*parsed.hints.rules, *w.profiles.rules(profile, "stmt.execute")]
        turn = Turn(w, request, "stmt.execute", own)
        if turn.refused is not None:
            if session_id and any(a.name == "expiresession" for a in turn.actions):
                w.sessions.expire(session_id)
            return turn.refused
        if session_id:
            session = self._own_session(request, session_id)
        else:
            warehouse_id = text_field(body, "warehouse_id", required=True)
            self._check_warehouse(org_of(request), warehouse_id)
            session = w.sessions.detached(warehouse_id, text_field(body, "catalog"), text_field(body, "schema"))
            session.org, session.user = org_of(request), w.config.user
        w.compute.use(session.warehouse_id)
        statement = w.statements.submit(session, parsed)
        note(request, statement_id=statement.id)
        w.history.started(statement, request.scope["extensions"]["lw.journal"])
        if wait_s == 0:
            payload = {"statement_id": statement.id, "status": {"state": "PENDING"}}
        else:
            await self._wait(statement, wait_s, cancel_late)
            payload = await w.answers.statement(statement, poll=False)
        return turn.answer(payload)

    def _background_hints(self, request: Request, profile: str) -> Hints:
        """What the header and the profile of the warehouse id say about a statement."""
        hints = self.w.profiles.hints(profile)
        header = request.headers.get("x-lw-fault")
        return merged(of_statement(parse_header(header)), hints) if header else hints

    async def _wait(self, statement: Statement, seconds: float, cancel_late: bool) -> None:
        if statement.hints.pending:
            return
        if not await _until_done(statement, seconds) and cancel_late:
            self.w.statements.cancel(statement.id)

    # -- one statement ---------------------------------------------------------------------------
    def _statement(self, request: Request) -> Statement:
        statement = self.w.statements.get(request.path_params["statement"])
        if self.w.workspaces.unified and statement.session.org != org_of(request):
            raise not_found(f"The statement {statement.id} was not found.")
        return statement

    def _turn(self, request: Request, point: str, statement: Statement, chunk: int | None = None) -> Turn:
        return Turn(self.w, request, point, statement.hints.rules, statement.id, chunk)

    async def get_statement(self, request: Request) -> Response:
        statement_id = request.path_params["statement"]
        if self.w.statements.was_closed(statement_id):
            return JsonResponse({"statement_id": statement_id, "status": {"state": "CLOSED"}})
        statement = self._statement(request)
        turn = self._turn(request, "stmt.get", statement)
        if turn.refused is not None:
            return turn.refused
        if 0 < statement.hints.pending <= statement.polled:
            await _until_done(statement, 1.0)  # the hint promises the end after N polls
        return turn.answer(await self.w.answers.statement(statement, poll=True))

    async def get_chunk(self, request: Request) -> Response:
        statement_id, text = request.path_params["statement"], request.path_params["chunk"]
        if self.w.statements.was_closed(statement_id):
            raise not_found(f"The statement {statement_id} was closed.")
        statement = self._statement(request)
        if not text.isascii() or not text.isdigit() or len(text) > 9:
            raise bad_request(f"chunk_index must be a non-negative integer, got '{text[:40]}'")
        index = int(text)
        offset = request.query_params.get("row_offset")
        if offset is not None and not (offset.isascii() and offset.isdigit()):
            raise bad_request("row_offset must be a non-negative integer")
        turn = self._turn(request, "stmt.chunk", statement, index)
        if turn.refused is not None:
            return turn.refused
        return turn.answer(await self.w.answers.chunk(statement, index))

    async def cancel_statement(self, request: Request) -> Response:
        statement_id = request.path_params["statement"]
        if self.w.statements.was_closed(statement_id):
            return JsonResponse({})
        statement = self._statement(request)
        turn = self._turn(request, "stmt.cancel", statement)
        if turn.refused is not None:
            return turn.refused
        if turn.has("late"):  # the statement ends while the cancel is on its way
            await _until_done(statement, LATE_CANCEL_S)
        if not turn.ignored:
            self.w.statements.cancel(statement_id)
        return turn.answer({})

    async def close_statement(self, request: Request) -> Response:
        statement_id = request.path_params["statement"]
        own = self.w.statements.hints_of(statement_id)
        turn = Turn(self.w, request, "stmt.close", own.rules if own else [], statement_id)
        if turn.refused is not None:
            return turn.refused
        if not turn.ignored:
            if not self.w.statements.was_closed(statement_id):
                self._statement(request)
            self.w.statements.close(statement_id)
        return turn.answer({})


async def _read_scoped(request: Request) -> dict[str, Any]:
    """The body; a warehouse or session in the path stands for the field (JDBC since 3.4 writes them there)."""
    body = await read_object(request)
    for part in ("warehouse", "session"):
        if part in request.path_params:
            body[f"{part}_id"] = request.path_params[part]
    return body


async def _until_done(statement: Statement, seconds: float) -> bool:
    if statement.done.done():
        return True
    try:
        await asyncio.wait_for(asyncio.shield(asyncio.wrap_future(statement.done)), seconds)
    except TimeoutError:
        return False
    return True


def org_of(request: Request) -> str:
    """The workspace a request was routed to (see ``identity/workspaces.py``)."""
    return request.scope["extensions"]["lw.org"]


def routes(warehouse: "Warehouse") -> list[Route]:
    sql, prefix = Sql(warehouse), "/api/2.0/sql"
    one = prefix + "/statements/{statement}"
    scoped = prefix + "/warehouses/{warehouse}/sessions"
    ours = scoped + "/{session}/statements"
    return [
        Route(prefix + "/sessions", sql.create_session, methods=["POST"]),
        Route(prefix + "/sessions/", sql.create_session, methods=["POST"]),
        Route(prefix + "/sessions/{session}", sql.delete_session, methods=["DELETE"]),
        Route(prefix + "/statements", sql.execute, methods=["POST"]),
        Route(prefix + "/statements/", sql.execute, methods=["POST"]),
        Route(one, sql.get_statement, methods=["GET"]),
        Route(one, sql.close_statement, methods=["DELETE"]),
        Route(one + "/cancel", sql.cancel_statement, methods=["POST"]),
        Route(one + "/result/chunks/{chunk}", sql.get_chunk, methods=["GET"]),
        Route(scoped, sql.create_session, methods=["POST"]),
        Route(scoped + "/{session}", sql.delete_session, methods=["DELETE"]),
        Route(ours, sql.execute, methods=["POST"]),
        Route(ours + "/{statement}", sql.get_statement, methods=["GET"]),
        Route(ours + "/{statement}", sql.close_statement, methods=["DELETE"]),
    ]
