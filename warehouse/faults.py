"""Faults on demand: hints in an SQL comment, rules set through the admin endpoint.

A statement may start with ``/*lw: chunk_rows=10, fault=storage.get#2:slow(20B/500ms)*/``. Hints change
how its result is cut and sent; fault rules belong to its own requests only. Rules from
``POST /_lw/faults`` belong to every request they match. A rule reads
``<point>[#nth[..mth]][?chunk=K]:<action>(arguments)``; nth counts the requests that match, from 1.
"""

from __future__ import annotations

import asyncio
import random
import re
from dataclasses import dataclass, field
from typing import Any

from starlette.responses import Response

from warehouse.errors import bad_request
from warehouse.protocol import ConnectionHandle

POINTS = (
    "stmt.execute", "stmt.get", "stmt.chunk", "stmt.cancel", "stmt.close", "session.create",
    "session.delete", "storage.get",
)  # fmt: skip
# What an action changes: "before" = instead of doing the work, "payload" = the JSON answer,
# "wire" = how the answer's bytes travel.
ACTIONS = {
    "status": "before",
    "reset": "wire",
    "truncate": "wire",
    "slow": "wire",
    "stall": "wire",
    "html": "wire",
    "garbage": "wire",
    "rows": "payload",
    "expired": "payload",
    "nolinks": "payload",
    "loop": "payload",
}


@dataclass(frozen=True)
class Action:
    name: str
    args: tuple[str, ...] = ()

    @property
    def before(self) -> bool:
        return self.name == "status" or (self.name == "reset" and self.args[:1] == ("before",))

    def text(self) -> str:
        return f"{self.name}({','.join(self.args)})" if self.args else self.name


@dataclass
class Rule:
    point: str
    action: Action
    first: int = 1
    last: int | None = None
    chunk: int | None = None
    statement: str | None = None
    times: int | None = None
    seen: int = 0
    fired: int = 0

    def hit(self, point: str, statement: str | None, chunk: int | None) -> bool:
        if point != self.point or (self.chunk is not None and chunk != self.chunk):
            return False
        if self.statement not in (None, "*") and statement != self.statement:
            return False
        self.seen += 1
        if self.seen < self.first or (self.last is not None and self.seen > self.last):
            return False
        if self.times is not None and self.fired >= self.times:
            return False
        self.fired += 1
        return True


@dataclass
class Hints:
    chunk_rows: int = 0
    chunk_bytes: int = 0
    inline_max: int | None = None
    links_per_page: int | None = None
    compression: str | None = None  # "none" or "lz4"
    pending: int = 0
    disposition: str | None = None  # "inline", "external" or "json"
    pad_rows: int = 0
    empty: str = ""  # how a zero-row result is sent: "" as live, "attachment", "nochunk", "nomanifest"
    rules: list[Rule] = field(default_factory=list)


# -- reading --------------------------------------------------------------------------------------
_COMMENT = re.compile(r"/\*\s*lw:(.*?)\*/", re.DOTALL)
_RULE = re.compile(
    r"^(?P<point>[a-z]+\.[a-z]+)(?:#(?P<first>\d+)(?:(?P<range>\.\.)(?P<last>\d*))?)?"
    r"(?:\?chunk=(?P<chunk>\d+))?:(?P<action>.+)$",
    re.DOTALL,
)
_ACTION = re.compile(r"^(?P<name>[a-z]+)(?:\((?P<args>.*)\))?$", re.DOTALL)
_NUMBERS = {"chunk_rows", "chunk_bytes", "inline_max", "links_per_page", "pending", "pad_rows"}
_WORDS = {
    "compression": ("none", "lz4"),
    "disposition": ("inline", "external", "json"),
    "empty": ("attachment", "nochunk", "nomanifest"),
}


def split_outside(text: str, separator: str = ",") -> list[str]:
    """Splits at separators that are not inside parentheses or quotes."""
    parts, depth, quote, current = [], 0, "", ""
    for char in text:
        if quote:
            quote = "" if char == quote else quote
        elif char in "'\"":
            quote = char
        elif char == "(":
            depth += 1
        elif char == ")":
            depth -= 1
        elif char == separator and depth == 0:
            parts.append(current.strip())
            current = ""
            continue
        current += char
    parts.append(current.strip())
    return [p for p in parts if p]


def parse_action(text: str) -> Action:
    match = _ACTION.match(text.strip())
    if match is None or match["name"] not in ACTIONS:
        raise bad_request(f"unknown fault action: {text.strip()}")
    args = tuple(a.strip("'\"") for a in split_outside(match["args"] or ""))
    return Action(match["name"], args)


def parse_rule(text: str) -> Rule:
    match = _RULE.match(text.strip())
    if match is None or match["point"] not in POINTS:
        raise bad_request(f"unknown fault: {text.strip()}")
    first = int(match["first"] or 1)
    if match["first"] is None:
        last = None
    elif match["range"]:
        last = int(match["last"]) if match["last"] else None
    else:
        last = first
    chunk = int(match["chunk"]) if match["chunk"] else None
    return Rule(match["point"], parse_action(match["action"]), first, last, chunk)


def parse_hints(sql: str) -> Hints:
    """The hints of all ``/*lw: */`` comments of a statement; a wrong one is a 400, not ignored."""
    hints = Hints()
    for body in _COMMENT.findall(sql):
        for item in split_outside(body):
            key, _, value = item.partition("=")
            _set_hint(hints, key.strip(), value.strip())
    return hints


def _set_hint(hints: Hints, key: str, value: str) -> None:
    if key == "fault":
        hints.rules.append(parse_rule(value))
    elif key in _NUMBERS:
        if not value.isdigit() or len(value) > 12:
            raise bad_request(f"lw hint {key} needs a number, not '{value}'")
        setattr(hints, key, int(value))
    elif key in _WORDS:
        if value not in _WORDS[key]:
            raise bad_request(f"lw hint {key} is one of {', '.join(_WORDS[key])}, not '{value}'")
        setattr(hints, key, value)
    else:
        raise bad_request(f"unknown lw hint: {key}")


def rule_from_json(body: Any) -> Rule:
    """``{"fault": "<rule>"}`` or ``{"at", "do", "match": {nth, chunk, statement}, "times"}``."""
    if not isinstance(body, dict):
        raise bad_request("a fault is a JSON object")
    if isinstance(body.get("fault"), str):
        rule = parse_rule(body["fault"])
    else:
        point, do, match = body.get("at"), body.get("do"), body.get("match") or {}
        if point not in POINTS or not isinstance(do, str) or not isinstance(match, dict):
            raise bad_request(f"a fault needs at (one of {', '.join(POINTS)}) and do")
        rule = Rule(point, parse_action(do))
        rule.chunk = _optional_int(match, "chunk")
        rule.statement = match.get("statement")
        nth = match.get("nth")
        if isinstance(nth, str) and re.fullmatch(r"\d+\.\.\d*", nth):
            low, _, high = nth.partition("..")
            rule.first, rule.last = int(low), int(high) if high else None
        elif nth is not None:
            rule.first = rule.last = _optional_int(match, "nth")
    if "statement" in body:
        rule.statement = body["statement"]
    rule.times = _optional_int(body, "times")
    return rule


def _optional_int(body: dict, key: str) -> int | None:
    value = body.get(key)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise bad_request(f"{key} is a number")
    return value


# -- deciding -------------------------------------------------------------------------------------
class Faults:
    """The registry: server-wide rules, asked together with a statement's own."""

    def __init__(self) -> None:
        self.rules: list[Rule] = []

    def add(self, rule: Rule) -> None:
        self.rules.append(rule)

    def clear(self) -> None:
        self.rules.clear()

    def take(
        self, point: str, own: list[Rule] = (), statement: str | None = None, chunk: int | None = None
    ) -> list[Action]:
        """The actions for one request; each rule counts it."""
        return [r.action for r in [*own, *self.rules] if r.hit(point, statement, chunk)]


# -- payload lies ---------------------------------------------------------------------------------
PAST = "2000-01-01T00:00:00.000Z"


def distort(payload: dict[str, Any], actions: list[Action], chunk: int = 0) -> None:
    """Applies the actions of kind "payload" to a statement or chunk answer."""
    for action in actions:
        if action.name == "rows":
            _lie_about_rows(payload, int(action.args[0]) if action.args else 1, chunk)
        elif action.name == "expired":
            for link in _links(payload):
                link["expiration"] = PAST
                link["external_link"] = re.sub(r"exp=\d+", "exp=946684800", link["external_link"])
        elif action.name == "nolinks":
            for holder in (payload, payload.get("result")):
                if isinstance(holder, dict) and "external_links" in holder:
                    holder["external_links"] = []
        elif action.name == "loop":
            for entry in [*_links(payload), payload.get("result"), payload]:
                if isinstance(entry, dict) and "next_chunk_index" in entry:
                    entry["next_chunk_index"] = 0


def _links(payload: dict[str, Any]) -> list[dict[str, Any]]:
    result = payload.get("result")
    links = list(payload.get("external_links") or [])
    return links + list((result or {}).get("external_links") or [])


def _lie_about_rows(payload: dict[str, Any], by: int, chunk: int) -> None:
    manifest = payload.get("manifest") or {}
    if "total_row_count" in manifest:
        manifest["total_row_count"] += by
    entries = [*manifest.get("chunks", []), *_links(payload), payload.get("result"), payload]
    for entry in entries:
        if isinstance(entry, dict) and entry.get("chunk_index") == chunk and "row_count" in entry:
            entry["row_count"] += by


# -- on the wire ----------------------------------------------------------------------------------
_HTML = b"<!DOCTYPE html><html><head><title>Sign in</title></head><body>Please sign in.</body></html>"


class FaultyResponse(Response):
    """Sends another response through the actions of kind "wire"."""

    def __init__(self, inner: Response, actions: list[Action]) -> None:
        self.inner = inner
        self.actions = actions
        self.background = None
        self.status_code = inner.status_code

    async def __call__(self, scope, receive, send) -> None:
        connection: ConnectionHandle = scope["extensions"]["lw.connection"]
        body, headers, status = self.inner.body, list(self.inner.raw_headers), self.inner.status_code
        pace: tuple[int, float] | None = None
        cut: int | None = None
        for action in self.actions:
            if action.name == "stall":
                await asyncio.sleep(float(action.args[0]) if action.args else 60.0)
            elif action.name == "reset":
                connection.reset()
                return
            elif action.name == "html":
                body, status = _HTML, 200
                headers = [(b"content-type", b"text/html; charset=utf-8")]
            elif action.name == "garbage":
                body = random.Random(len(body)).randbytes(max(64, len(body)))
                headers = [h for h in headers if h[0] != b"content-length"]
            elif action.name == "truncate":
                cut = int(action.args[0]) if action.args else len(body) // 2
            elif action.name == "slow":
                pace = _pace(action.args[0] if action.args else "1B/100ms")
        headers = [h for h in headers if h[0] != b"content-length"]
        headers.append((b"content-length", str(len(body)).encode()))
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await _send_body(send, body if cut is None else body[:cut], pace, more=cut is not None)
        if cut is not None:
            connection.close()


async def _send_body(send, body: bytes, pace: tuple[int, float] | None, more: bool) -> None:
    if pace is not None:
        size, pause_s = pace
        for at in range(0, len(body), size):
            await send({"type": "http.response.body", "body": body[at : at + size], "more_body": True})
            await asyncio.sleep(pause_s)
        body = b""
    await send({"type": "http.response.body", "body": body, "more_body": more})


def _pace(text: str) -> tuple[int, float]:
    """``20B/500ms`` -> (20, 0.5)"""
    match = re.fullmatch(r"(\d+)(B|KB|MB)?/(\d+)(ms|s)", text.strip())
    if match is None:
        raise bad_request(f"slow needs <bytes>/<ms>, not '{text}'")
    size = int(match[1]) * {"KB": 1024, "MB": 1024 * 1024}.get(match[2] or "B", 1)
    return max(1, size), int(match[3]) / (1000 if match[4] == "ms" else 1)


_STATUS_CODES = {
    400: "BAD_REQUEST", 401: "UNAUTHENTICATED", 403: "PERMISSION_DENIED", 404: "NOT_FOUND",
    429: "RESOURCE_EXHAUSTED", 503: "TEMPORARILY_UNAVAILABLE", 504: "DEADLINE_EXCEEDED",
}  # fmt: skip


def refusal(action: Action) -> Response:
    """The answer of ``status(code[,body[,retry-after]])``."""
    code = int(action.args[0]) if action.args and action.args[0].isdigit() else 500
    headers = {"retry-after": action.args[2]} if len(action.args) > 2 else {}
    if len(action.args) > 1 and action.args[1]:
        return Response(action.args[1], code, headers, media_type="text/plain")
    name = _STATUS_CODES.get(code, "INTERNAL_ERROR")
    body = f'{{"error_code":"{name}","message":"injected fault {code}"}}'
    return Response(body, code, headers, media_type="application/json")
