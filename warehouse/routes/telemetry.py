"""Where drivers send telemetry, with read-back for tests, and the feature flags that switch it on."""

from __future__ import annotations

import json
from collections import deque
from typing import TYPE_CHECKING, Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from warehouse.errors import bad_request
from warehouse.journal import redact_headers
from warehouse.web import JsonResponse, Turn, read_object

if TYPE_CHECKING:
    from warehouse.app import Warehouse

_FLAG = "databricks.partnerplatform.clientConfigsFeatureFlags.enableTelemetry"
CLIENTS = ("", "ForPythonDriver", "ForGoDriver", "ForNodeJs", "ForAdbc")
KEPT = 10_000


class Telemetry:
    """What was received, and the flags that are handed out."""

    def __init__(self) -> None:
        self.received: deque[dict[str, Any]] = deque(maxlen=KEPT)
        self.flags: dict[str, str] = {}
        self.ttl_seconds: Any = 900
        self.reset_flags()

    def reset_flags(self) -> None:
        self.flags = {_FLAG + client: "false" for client in CLIENTS}
        self.ttl_seconds = 900


class _Handlers:
    def __init__(self, warehouse: "Warehouse") -> None:
        self.w = warehouse

    async def receive(self, request: Request) -> Response:
        turn = Turn(self.w, request, "telemetry")
        if turn.refused is not None:
            return turn.refused
        body = await read_object(request)
        logs = body.get("protoLogs")
        if not isinstance(logs, list):
            raise bad_request("protoLogs must be a list of JSON strings")
        parsed, errors = [], []
        for at, text in enumerate(logs):
            event = _event(text)
            parsed.append(event)
            if event is None:
                errors.append(f"protoLogs[{at}] is not a JSON object in a string")
        self.w.telemetry.received.append(
            {
                "time": self.w.clock.now(),
                "path": request.url.path,
                "headers": redact_headers(request.scope["headers"]),
                "upload_time": body.get("uploadTime"),
                "has_items": "items" in body,
                "events": parsed,
            }
        )
        good = len(logs) - len(errors)
        answer = {"errors": errors, "numSuccess": 0, "numProtoSuccess": good, "numRealtimeSuccess": 0}
        return turn.answer(answer)

    async def feature_flags(self, request: Request) -> Response:
        turn = Turn(self.w, request, "flags")
        if turn.refused is not None:
            return turn.refused
        telemetry = self.w.telemetry
        flags = [{"name": name, "value": value} for name, value in telemetry.flags.items()]
        return turn.answer({"flags": flags, "ttl_seconds": telemetry.ttl_seconds})

    # -- administration --------------------------------------------------------------------------
    async def read(self, request: Request) -> Response:
        return JsonResponse({"uploads": list(self.w.telemetry.received)})

    async def clear(self, request: Request) -> Response:
        self.w.telemetry.received.clear()
        return JsonResponse({})

    async def set_flags(self, request: Request) -> Response:
        """``{"telemetry": true}``, or ``{"flags": {name: value}}``; ``ttl_seconds`` with either."""
        body, telemetry = await read_object(request), self.w.telemetry
        flags = body.get("flags") or {}
        if not isinstance(flags, dict) or not all(isinstance(v, str) for v in flags.values()):
            raise bad_request("flags must be an object of strings")
        if isinstance(body.get("telemetry"), bool):
            telemetry.flags.update({n: str(body["telemetry"]).lower() for n in telemetry.flags})
        telemetry.flags.update(flags)
        telemetry.ttl_seconds = body.get("ttl_seconds", telemetry.ttl_seconds)
        return JsonResponse({"flags": telemetry.flags, "ttl_seconds": telemetry.ttl_seconds})

    async def reset_flags(self, request: Request) -> Response:
        self.w.telemetry.reset_flags()
        return JsonResponse({})


def _event(text: Any) -> dict[str, Any] | None:
    try:
        value = json.loads(text) if isinstance(text, str) else None
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def routes(warehouse: "Warehouse") -> list[Route]:
    handlers = _Handlers(warehouse)
    flags = "/api/2.0/connector-service/feature-flags/{client}/{version}"
    return [
        Route("/telemetry-ext", handlers.receive, methods=["POST"]),
        Route("/telemetry-unauth", handlers.receive, methods=["POST"]),
        Route(flags, handlers.feature_flags, methods=["GET"]),
        Route("/_lw/telemetry", handlers.read, methods=["GET"]),
        Route("/_lw/telemetry", handlers.clear, methods=["DELETE"]),
        Route("/_lw/flags", handlers.set_flags, methods=["POST"]),
        Route("/_lw/flags", handlers.reset_flags, methods=["DELETE"]),
    ]
