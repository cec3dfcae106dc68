"""``/_lw/``: what tests use to set the server up and to look inside; no driver calls it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from warehouse import __version__
from warehouse.errors import bad_request
from warehouse.faults import rule_from_json
from warehouse.web import JsonResponse, read_object

if TYPE_CHECKING:
    from warehouse.app import Warehouse


class Admin:
    def __init__(self, warehouse: "Warehouse") -> None:
        self.w = warehouse

    # -- faults ----------------------------------------------------------------------------------
    async def add_fault(self, request: Request) -> Response:
        self.w.faults.add(rule_from_json(await read_object(request)))
        return JsonResponse({"rules": len(self.w.faults.rules)})

    async def clear_faults(self, request: Request) -> Response:
        self.w.faults.clear()
        return JsonResponse({"rules": len(self.w.faults.rules)})

    async def list_faults(self, request: Request) -> Response:
        rules = [{"at": r.point, "do": r.action.text(), "fired": r.fired} for r in self.w.faults.rules]
        return JsonResponse({"rules": rules})

    # -- looking inside --------------------------------------------------------------------------
    async def read_journal(self, request: Request) -> Response:
        since = request.query_params.get("since", "0")
        if not since.isascii() or not since.isdigit():
            raise bad_request("since must be a number")
        return JsonResponse(self.w.journal.since(int(since)))

    async def clear_journal(self, request: Request) -> Response:
        self.w.journal.clear()
        return JsonResponse({})

    async def read_effects(self, request: Request) -> Response:
        return JsonResponse({"effects": self.w.effects.snapshot()})

    async def clear_effects(self, request: Request) -> Response:
        self.w.effects.clear()
        return JsonResponse({})

    async def health(self, request: Request) -> Response:
        counts = {"sessions": self.w.sessions.count(), "statements": self.w.statements.count()}
        return JsonResponse({"status": "ok", "version": __version__, **counts})

    # -- time, sessions, statements, tokens --------------------------------------------------------
    async def move_clock(self, request: Request) -> Response:
        body = await read_object(request)
        if "skew_s" in body:
            self.w.clock.skew(_seconds(body, "skew_s"))
        self.w.clock.advance(_seconds(body, "advance_s"))
        return JsonResponse({"now": self.w.clock.rfc3339(self.w.clock.now())})

    async def expire_session(self, request: Request) -> Response:
        session = self.w.sessions.delete(request.path_params["session"])
        await asyncio.to_thread(self.w.engine.end_session, session)
        return JsonResponse({})

    async def cancel_statement(self, request: Request) -> Response:
        self.w.statements.cancel(request.path_params["statement"])
        return JsonResponse({})

    async def revoke_tokens(self, request: Request) -> Response:
        """``{"token": text}``, or ``{}`` for every token that this server issued."""
        body = await read_object(request)
        token = body.get("token")
        if token is None:
            return JsonResponse({"revoked": self.w.tokens.revoke_all_issued() + self.w.oidc.revoke_refresh_tokens()})
        if not isinstance(token, str) or not token:
            raise bad_request("token must be a string that is not empty")
        self.w.tokens.revoke(token)
        self.w.oidc.revoke_refresh_token(token)
        return JsonResponse({"revoked": 1})

    async def set_oidc(self, request: Request) -> Response:
        self.w.oidc.configure(await read_object(request))
        return JsonResponse(self.w.oidc.settings())

    async def read_oidc(self, request: Request) -> Response:
        return JsonResponse(self.w.oidc.settings())


    async def refuse_connections(self, request: Request) -> Response:
        """``{"origin": "storage", "refuse_s": 1}`` closes that port for a while."""
        body = await read_object(request)
        listener = self.w.listeners.get(str(body.get("origin")))
        if listener is None:
            raise bad_request(f"origin is one of {', '.join(self.w.listeners)}")
        await listener.refuse(_seconds(body, "refuse_s"))
        return JsonResponse({})


def _seconds(body: dict, key: str) -> float:
    seconds = body.get(key, 0)
    if isinstance(seconds, bool) or not isinstance(seconds, (int, float)) or not abs(seconds) <= 1e9:
        raise bad_request(f"{key} must be a number of seconds")
    return float(seconds)


def routes(warehouse: "Warehouse") -> list[Route]:
    admin = Admin(warehouse)
    return [
        Route("/_lw/faults", admin.add_fault, methods=["POST"]),
        Route("/_lw/faults", admin.clear_faults, methods=["DELETE"]),
        Route("/_lw/faults", admin.list_faults, methods=["GET"]),
        Route("/_lw/journal", admin.read_journal, methods=["GET"]),
        Route("/_lw/journal", admin.clear_journal, methods=["DELETE"]),
        Route("/_lw/effects", admin.read_effects, methods=["GET"]),
        Route("/_lw/effects", admin.clear_effects, methods=["DELETE"]),
        Route("/_lw/clock", admin.move_clock, methods=["POST"]),
        Route("/_lw/health", admin.health, methods=["GET"]),
        Route("/_lw/sessions/{session}/expire", admin.expire_session, methods=["POST"]),
        Route("/_lw/statements/{statement}/cancel", admin.cancel_statement, methods=["POST"]),
        Route("/_lw/tokens/revoke", admin.revoke_tokens, methods=["POST"]),
        Route("/_lw/listeners", admin.refuse_connections, methods=["POST"]),
        Route("/_lw/oidc", admin.set_oidc, methods=["POST"]),
        Route("/_lw/oidc", admin.read_oidc, methods=["GET"]),
    ]
