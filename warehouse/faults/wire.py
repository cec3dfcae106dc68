"""Faults of HTTP answers: instead of them, and in how their bytes travel."""

from __future__ import annotations

import asyncio
import gzip
import json
import random
import re
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from warehouse.faults import arrow, http2
from warehouse.faults.rules import Action
from warehouse.net.protocol import ConnectionHandle

FOREVER_S = 3600.0
HTML = b"<!DOCTYPE html><html><head><title>Sign in</title></head><body>Please sign in.</body></html>"
_STATUS_CODES = {
    400: "BAD_REQUEST", 401: "UNAUTHENTICATED", 403: "PERMISSION_DENIED", 404: "NOT_FOUND",
    429: "RESOURCE_EXHAUSTED", 503: "TEMPORARILY_UNAVAILABLE", 504: "DEADLINE_EXCEEDED",
}  # fmt: skip


# -- instead of the work --------------------------------------------------------------------------
def refusal(action: Action, request: Request) -> Response | None:
    """The answer that stands in for the work, if the action asks for one."""
    maker = _REFUSALS.get(action.name)
    return maker(action, request) if maker is not None else None


def _status(action: Action, request: Request) -> Response:
    """``status(code[,body[,retry-after]])``; the bodies html, gzip, empty and json are made here."""
    code, text = int(action.args[0]), action.arg(1)
    headers = {"retry-after": action.args[2]} if len(action.args) > 2 else {}
    if code in (204, 304) or code < 200 or text == "empty":
        return Response(b"", code, headers)
    if text == "html":
        return Response(HTML, code, headers, media_type="text/html")
    if text and text not in ("gzip", "json"):
        return Response(text, code, headers, media_type="text/plain")
    body = _service_error(code, f"injected fault {code}")
    if text == "gzip":
        body, headers = gzip.compress(body), {**headers, "content-encoding": "gzip"}
    return Response(body, code, headers, media_type="application/json")


def _service_error(code: int, message: str) -> bytes:
    name = _STATUS_CODES.get(code, "INTERNAL_ERROR")
    return json.dumps({"error_code": name, "message": message}, separators=(",", ":")).encode()


def _redirect(action: Action, request: Request) -> Response | None:
    """``redirect(where[,code])``; ``self`` is a loop, ``hop`` one detour that then works."""
    where = action.args[0]
    if where == "hop" and request.query_params.get("hop") == "1":
        return None
    url = request.url
    if where == "hop":
        url = url.include_query_params(hop=1)
    target = str(url) if where in ("self", "hop") else where
    return Response(b"", int(action.arg(1, "302")), {"location": target})


def _big_error(action: Action, request: Request) -> Response:
    size = arrow.size_of(action.arg(0, "5MB"))
    return Response(_service_error(500, "x" * size), 500, media_type="application/json")


def _expire_session(action: Action, request: Request) -> Response:
    code = action.number(404)
    name = "RESOURCE_DOES_NOT_EXIST" if code == 404 else "INVALID_STATE"
    body = {"error_code": name, "message": f"{name}: session does not exist or is closed."}
    return Response(json.dumps(body), code, media_type="application/json")


def _oauth_error(action: Action, request: Request) -> Response:
    name = action.arg(0, "invalid_client")
    code = int(action.arg(1, "401" if name == "invalid_client" else "400"))
    body = {"error": name, "error_description": f"injected fault {name}"}
    return Response(json.dumps(body), code, media_type="application/json")


_REFUSALS = {
    "status": _status, "redirect": _redirect, "bigerror": _big_error, "expiresession": _expire_session,
    "oautherror": _oauth_error,
}  # fmt: skip


# -- while it travels -----------------------------------------------------------------------------
class FaultyResponse(Response):
    """Sends another response through the actions of kind "wire".

    First the body is changed, then waits happen, then one action may decide how the bytes leave.
    """

    def __init__(self, inner: Response, actions: list[Action]) -> None:
        self.inner = inner
        self.actions = actions
        self.background = None
        self.status_code = inner.status_code

    async def __call__(self, scope, receive, send) -> None:
        connection: ConnectionHandle = scope["extensions"]["lw.connection"]
        if connection.http2 is None and any(a.name in http2.DELIVERIES for a in self.actions):
            self.inner = Response("injected fault: the connection does not speak HTTP/2", 500)
            self.actions = []
        answer = _Answer(self.inner, scope, connection, send)
        for action in self.actions:
            change = _CHANGES.get(action.name)
            if change is not None:
                change(answer, action)
        for action in self.actions:
            if action.name == "stall":
                await asyncio.sleep(action.seconds(60.0))
            elif action.name in ("slow", "dropnext"):
                _BEFORE_SENDING[action.name](answer, action)
        for action in self.actions:
            deliver = _DELIVERIES.get(action.name) or http2.DELIVERIES.get(action.name)
            if deliver is not None:
                await deliver(answer, action, receive)
                return
        await answer.send_whole()


class _Answer:
    def __init__(self, inner: Response, scope, connection: ConnectionHandle, send) -> None:
        self.body: bytes = bytes(inner.body)
        self.status = inner.status_code
        self.headers = [h for h in inner.raw_headers if h[0] != b"content-length"]
        self.connection = connection
        self.pace: tuple[int, float] | None = None
        self._send = send
        self._journal = scope["extensions"].get("lw.journal", {})

    def set_header(self, name: bytes, value: bytes) -> None:
        self.headers = [h for h in self.headers if h[0] != name] + [(name, value)]

    async def send_head(self, length: int | None = None) -> None:
        size = len(self.body) if length is None else length
        headers = [*self.headers, (b"content-length", str(size).encode())]
        if self.status in (204, 304):
            headers = self.headers
        await self._send({"type": "http.response.start", "status": self.status, "headers": headers})

    async def send_part(self, body: bytes, more: bool) -> None:
        if self.pace is not None:
            size, pause_s = self.pace
            for at in range(0, len(body), size):
                await self._send({"type": "http.response.body", "body": body[at : at + size], "more_body": True})
                await asyncio.sleep(pause_s)
            body = b""
        await self._send({"type": "http.response.body", "body": body, "more_body": more})

    async def send_whole(self) -> None:
        await self.send_head()
        await self.send_part(self.body, more=False)

    async def send_cut(self, size: int) -> None:
        """The head with the full length, then only the first bytes; the connection is still open."""
        await self.send_head()
        await self.send_part(self.body[:size], more=True)

    def send_raw(self, headers: list[tuple[bytes, bytes]], body: bytes) -> None:
        """Bytes that no HTTP library would write; the connection is closed behind them."""
        lines = [b"HTTP/1.1 %d Faulty" % self.status, *(n + b": " + v for n, v in [*self.headers, *headers])]
        self._journal.update(status=self.status, bytes=len(body))
        self.connection.detach()
        self.connection.write(b"\r\n".join(lines) + b"\r\n\r\n" + body)

    def gone(self, how: str) -> None:
        self._journal["outcome"] = how
        self.connection.detach()


# changes of the body ------------------------------------------------------------------------------
def _html(answer: _Answer, action: Action) -> None:
    answer.body, answer.status = HTML, 200
    answer.headers = [(b"content-type", b"text/html; charset=utf-8")]


def _garbage(answer: _Answer, action: Action) -> None:
    answer.body = random.Random(len(answer.body)).randbytes(max(64, len(answer.body)))


def _gzip(answer: _Answer, action: Action) -> None:
    answer.body = gzip.compress(answer.body, 1)
    answer.set_header(b"content-encoding", b"gzip")


def _spoil(answer: _Answer, action: Action) -> None:
    if answer.status == 200 and (b"content-type", b"application/octet-stream") in answer.headers:
        answer.body = arrow.spoil(answer.body, action)


def _pad_headers(answer: _Answer, action: Action) -> None:
    answer.headers.append((b"x-lw-padding", b"x" * action.number(70_000)))


def _json(answer: _Answer, action: Action) -> None:
    answer.body = broken_json(answer.body, action.args[0])


_CHANGES = {
    "html": _html, "garbage": _garbage, "gzip": _gzip, "arrow": _spoil, "lz4": _spoil, "headers": _pad_headers,
    "json": _json,
}  # fmt: skip


def _set_pace(answer: _Answer, action: Action) -> None:
    size, pause, unit = re.fullmatch(r"(\d+(?:B|KB|MB)?)/(\d+)(ms|s)", action.arg(0, "1B/1s")).groups()
    answer.pace = max(1, arrow.size_of(size)), int(pause) / (1000 if unit == "ms" else 1)


def _drop_next(answer: _Answer, action: Action) -> None:
    answer.connection.drop_next_request()


_BEFORE_SENDING = {"slow": _set_pace, "dropnext": _drop_next}


# ways to leave ------------------------------------------------------------------------------------
async def _reset(answer: _Answer, action: Action, receive) -> None:
    when = action.arg(0, "after")
    if when == "upload":
        await _read_some(receive, int(action.arg(1, "0")))
    elif when.isdigit():
        await answer.send_cut(int(when))
        await answer.connection.flushed()
    answer.gone("reset")
    answer.connection.reset()


async def _read_some(receive, size: int) -> None:
    read = 0
    while True:
        message = await receive()
        read += len(message.get("body", b""))
        if message["type"] == "http.disconnect" or not message.get("more_body") or read >= max(1, size):
            return


async def _close(answer: _Answer, action: Action, receive) -> None:
    answer.gone("closed")
    answer.connection.close()


async def _silence(answer: _Answer, action: Action, receive) -> None:
    answer.gone("silence")
    await answer.connection.gone(FOREVER_S)


async def _truncate(answer: _Answer, action: Action, receive) -> None:
    await answer.send_cut(action.number(len(answer.body) // 2))
    answer.gone("truncated")
    answer.connection.close()


async def _raw_close(answer: _Answer, action: Action, receive) -> None:
    """TCP ends without TLS's close_notify: a truncation that only TLS can notice."""
    await answer.send_cut(action.number(len(answer.body) // 2))
    answer.gone("rawclosed")
    await answer.connection.close_raw()


async def _half_close(answer: _Answer, action: Action, receive) -> None:
    await answer.send_cut(action.number(len(answer.body) // 2))
    answer.gone("half-closed")
    await answer.connection.half_close()
    await answer.connection.gone(FOREVER_S)


async def _stall_body(answer: _Answer, action: Action, receive) -> None:
    size = int(action.arg(1, "0"))
    await answer.send_head()
    await answer.send_part(answer.body[:size], more=True)
    await asyncio.sleep(action.seconds(60.0))
    await answer.send_part(answer.body[size:], more=False)


async def _wrong_length(answer: _Answer, action: Action, receive) -> None:
    size = max(0, len(answer.body) + action.number(0))
    answer.send_raw([(b"content-length", str(size).encode())], answer.body)
    answer.connection.close()


async def _chunked(answer: _Answer, action: Action, receive) -> None:
    middle = len(answer.body) // 2
    parts = [p for p in (answer.body[:middle], answer.body[middle:]) if p]
    body = b"".join(b"%x\r\n%s\r\n" % (len(p), p) for p in parts)
    answer.send_raw([(b"transfer-encoding", b"chunked")], body + b"0\r\n\r\n")
    answer.connection.close()


async def _bad_chunk(answer: _Answer, action: Action, receive) -> None:
    middle = len(answer.body) // 2
    body = b"%x\r\n%s\r\nZZ\r\n" % (middle, answer.body[:middle]) + answer.body[middle:]
    answer.send_raw([(b"transfer-encoding", b"chunked")], body)
    answer.connection.close()


async def _nul_header(answer: _Answer, action: Action, receive) -> None:
    length = (b"content-length", str(len(answer.body)).encode())
    answer.send_raw([length, (b"x-lw-nul", b"a\x00b")], answer.body)
    answer.connection.close()


_DELIVERIES = {
    "reset": _reset, "close": _close, "silence": _silence, "truncate": _truncate, "rawclose": _raw_close,
    "halfclose": _half_close, "stallbody": _stall_body, "length": _wrong_length, "chunked": _chunked,
    "badchunk": _bad_chunk, "nulheader": _nul_header,
}  # fmt: skip


# -- broken JSON ----------------------------------------------------------------------------------
_OPTIONAL = {
    "sql_state", "error", "num_modified_rows", "manifest", "result", "chunks", "truncated", "total_byte_count",
    "total_row_count", "result_compression", "next_chunk_index", "next_chunk_internal_link", "http_headers",
    "byte_count", "type_precision", "type_scale", "expires_in", "refresh_token", "scope", "is_volume_operation",
}  # fmt: skip


def broken_json(body: bytes, kind: str) -> bytes:
    if kind == "truncated":
        return body[: len(body) // 2]
    if kind == "bom":
        return b"\xef\xbb\xbf" + body
    if kind == "array":
        return b"[" + body + b"]"
    if kind in ("empty", "null"):
        return b"" if kind == "empty" else b"null"
    if kind == "utf8":
        return body.replace(b'":"', b'":"\xff\xc0', 1)
    if kind == "duplicates":  # the wrong value comes first, so that most readers still see the right one
        keys = [json.dumps(k) for k in json.loads(body)]
        return b"{" + "".join(f'{k}:"duplicate",' for k in keys).encode() + body[1:]
    if kind == "deep":
        return body[:-1] + b',"deep":' + b"[" * 2000 + b"]" * 2000 + b"}"
    return json.dumps(_walk(json.loads(body), kind), ensure_ascii=False, separators=(",", ":")).encode()


def _walk(value: Any, kind: str) -> Any:
    if isinstance(value, list):
        return [_walk(v, kind) for v in value]
    if isinstance(value, dict):
        out = {k: None if kind == "nulls" and k in _OPTIONAL else _walk(v, kind) for k, v in value.items()}
        if kind == "extra":
            out.update(x_unknown={"a": [1, None]}, x_unknown_text="?")
        return out
    if kind == "strings" and isinstance(value, (int, float)) and not isinstance(value, bool):
        return str(value)
    if kind == "numbers" and isinstance(value, str):
        return len(value)
    return value
