"""What every route uses: JSON answers, bounded bodies, and the turn of a request at its fault point."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

from starlette.requests import Request
from starlette.responses import Response

from warehouse.errors import ApiError
from warehouse.faults.payload import distort
from warehouse.faults.wire import FaultyResponse, refusal

if TYPE_CHECKING:
    from warehouse.app import Warehouse
    from warehouse.faults.rules import Rule

MAX_BODY_BYTES = 64 * 1024 * 1024
NOTED_BODY_BYTES = 1024 * 1024
NOTED_TEXT = 100_000


class JsonResponse(Response):
    media_type = "application/json"

    def render(self, content: Any) -> bytes:
        return json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")


def error_response(status: int, code: str, message: str, headers: dict[str, str] | None = None) -> Response:
    return JsonResponse({"error_code": code, "message": message}, status, headers)


def parse_object(body: bytes) -> dict[str, Any]:
    try:
        value = json.loads(body.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise ApiError(400, "MALFORMED_REQUEST", f"Could not parse request object: {error}") from error
    if not isinstance(value, dict):
        raise ApiError(400, "MALFORMED_REQUEST", "Could not parse request object: expected a JSON object")
    return value


async def read_body(request: Request, limit: int = MAX_BODY_BYTES) -> bytes:
    """The body, refused with 413 as soon as it is known to be too large, with 408 when it stops coming."""
    length = request.headers.get("content-length", "0")
    too_large = ApiError(413, "BAD_REQUEST", f"The request body is larger than {limit} bytes.")
    if length.isdigit() and int(length) > limit:
        raise too_large
    parts, size = [], 0
    patience_s = request.scope["extensions"]["lw.connection"].patience_s
    clock = asyncio.get_running_loop().time
    try:
        async with asyncio.timeout(patience_s) as pause:
            async for part in request.stream():
                pause.reschedule(clock() + patience_s)
                size += len(part)
                if size > limit:
                    raise too_large
                parts.append(part)
    except TimeoutError as error:
        message = f"Nothing of the request body came for {patience_s:g} seconds."
        raise ApiError(408, "BAD_REQUEST", message, {"connection": "close"}) from error
    return b"".join(parts)


async def read_object(request: Request) -> dict[str, Any]:
    """A JSON object; it is also shown in the journal."""
    data = await read_body(request)
    body = parse_object(data)
    note(request, body=body if len(data) <= NOTED_BODY_BYTES else _shortened(body))
    return body


def _shortened(body: dict[str, Any]) -> dict[str, Any]:
    """The journal keeps 100,000 bodies: of a huge one only the beginnings of its texts."""
    return {
        key: value[:NOTED_TEXT] if isinstance(value, str) else "[left out]" if isinstance(value, (list, dict)) else value
        for key, value in list(body.items())[:100]
    }


def note(request: Request, **fields: Any) -> None:
    """Adds facts to the journal entry of this request (administration has none)."""
    entry = request.scope["extensions"].get("lw.journal")
    if entry is not None:
        entry.update(fields)


def bearer(request: Request) -> str:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


class Turn:
    """One request at one fault point: what goes wrong with it, decided once and counted once.

    ``refused`` is the answer that stands in for the work, ``ignored`` asks to skip the work but to
    answer as if it was done; ``answer`` sends a JSON payload through the remaining actions.
    """

    def __init__(
        self,
        warehouse: "Warehouse",
        request: Request,
        point: str,
        own: "list[Rule] | tuple" = (),
        statement: str | None = None,
        chunk: int | None = None,
    ) -> None:
        self._request = request
        self._chunk = chunk or 0
        self._warehouse = warehouse
        rules = [*own, *warehouse.faults.from_header(request, point)] if statement is None else own
        self.actions = warehouse.faults.take(point, rules, statement=statement, chunk=chunk)
        self.refused: Response | None = None
        if self.actions:
            note(request, faults=[a.text() for a in self.actions])
            self._decide()

    def _decide(self) -> None:
        for action in self.actions:
            if action.name == "revoke":
                self._warehouse.tokens.revoke(bearer(self._request))
                self.refused = error_response(401, "UNAUTHENTICATED", "The access token has expired.")
                return
            answer = refusal(action, self._request)
            if answer is not None:
                self.refused = answer
                return
            if action.name == "nocontinue":
                self._request.scope["extensions"]["lw.connection"].ignore_expect()
            if action.name == "holdwindow" and (stream := self._request.scope["extensions"]["lw.connection"].http2):
                stream.holds_window = True
            if action.before:
                self.refused = FaultyResponse(JsonResponse({}), [action])
                return

    def has(self, name: str) -> bool:
        return any(a.name == name for a in self.actions)

    @property
    def ignored(self) -> bool:
        return self.has("ignore")

    def answer(self, payload: dict[str, Any], status: int = 200, headers: dict[str, str] | None = None) -> Response:
        if not self.actions:
            return JsonResponse(payload, status, headers)
        distort(payload, self.actions, self._chunk, self._warehouse)
        return FaultyResponse(JsonResponse(payload, status, headers), self.actions)

    def send(self, response: Response) -> Response:
        return FaultyResponse(response, self.actions) if self.actions else response
