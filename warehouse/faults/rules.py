"""Fault rules: their text, where they come from, which requests they hit.

A rule reads ``<point>[#nth[..mth]][~rate][?filter=value[&..]]:<action>(arguments)``; nth counts the
requests that match, from 1; rate is the share of them that is hit, drawn from the server's seed.

Five places can hold rules: ``POST /_lw/faults``, a comment ``/*lw: chunk_rows=10, fault=...*/`` in the
statement, the header ``x-lw-fault``, the profile of a warehouse id, and ``--fault`` or a TOML file at
the start. A rule of a comment belongs to that statement's own requests only.
"""

from __future__ import annotations

import dataclasses
import random
import re
from dataclasses import dataclass, field
from typing import Any

from starlette.requests import Request

from warehouse.errors import bad_request

POINTS = (
    "session.create", "session.delete", "stmt.execute", "stmt.get", "stmt.chunk", "stmt.cancel", "stmt.close",
    "storage.get", "storage.put", "storage.delete", "files", "oidc.discovery", "oidc.authorize", "oidc.token",
    "host.config", "telemetry", "flags", "compute", "conn", "proxy",
)  # fmt: skip

_BYTES = r"\d+(?:B|KB|MB)?"
_SECONDS = r"\d+(?:\.\d+)?"
# The same names as arrow.KINDS, kept here so that a wrong one is refused when the rule is read.
_ARROW = (
    "truncated noeos noschema hugelen negative offsets bigendian empty fewer zerocolumns renamed retyped dictionary "
    "deltadictionary runends deep decimal256 largeutf8 stringview bufferlz4 bufferzstd legacy"
)
# name: (what it changes, pattern of its arguments). "before" stands in for the work, "payload" changes
# the JSON answer, "wire" changes how the answer's bytes travel, "http2" is for connections that speak it, "conn" acts when a
# connection is made.
ACTIONS: dict[str, tuple[str, str]] = {
    "status": ("before", r"[1-5]\d\d(?:,.*)?"),
    "redirect": ("before", r"[^,]+(?:,30[12378])?"),
    "bigerror": ("before", rf"(?:{_BYTES})?"),
    "revoke": ("before", r""),
    "expiresession": ("before", r"(?:404|400)?"),
    "oautherror": ("before", r"[a-z_]*(?:,\d{3})?"),
    "ignore": ("work", r""),
    "late": ("work", r""),
    "norange": ("work", r""),
    "rows": ("payload", r"(?:[+-]?\d+)?"),
    "expired": ("payload", rf"(?:{_SECONDS})?"),
    "nolinks": ("payload", r""),
    "loop": ("payload", r""),
    "set": ("payload", r"[\w.]+,.*"),
    "drop": ("payload", r"[\w.]+"),
    "state": ("payload", r"\w+"),
    "failed": ("payload", r"(?:\w+)?"),
    "columns": ("payload", r"drop|extra|rename|retype"),
    "gap": ("payload", r"[+-]?\d+"),
    "duplinks": ("payload", r""),
    "shufflelinks": ("payload", r""),
    "linkhost": ("payload", r"[\w.:\[\]-]+"),
    "oddpath": ("payload", r""),
    "badbase64": ("payload", r""),
    "reuse": ("payload", r""),
    "arrow": ("payload", _ARROW.replace(" ", "|")),
    "lz4": ("payload", rf"raw|pack|concat|checksum|truncated|bomb(?:,{_BYTES})?"),
    "json": ("wire", r"truncated|bom|duplicates|strings|numbers|nulls|extra|utf8|deep|array|empty|null"),
    "reset": ("wire", r"|before|after|\d+|upload(?:,\d+)?"),
    "close": ("wire", r"|before|after"),
    "silence": ("wire", r"|after"),
    "truncate": ("wire", r"\d*"),
    "rawclose": ("wire", r"\d*"),
    "halfclose": ("wire", r"\d*"),
    "slow": ("wire", r"(?:\d+(?:B|KB|MB)?/\d+(?:ms|s))?"),
    "stall": ("wire", rf"(?:{_SECONDS})?"),
    "stallbody": ("wire", rf"{_SECONDS}(?:,\d+)?"),
    "html": ("wire", r""),
    "garbage": ("wire", r""),
    "gzip": ("wire", r""),
    "length": ("wire", r"[+-]\d+"),
    "chunked": ("wire", r""),
    "badchunk": ("wire", r""),
    "headers": ("wire", r"\d+"),
    "nulheader": ("wire", r""),
    "nocontinue": ("wire", r""),
    "dropnext": ("wire", r""),
    "refusestream": ("http2", r""),
    "rststream": ("http2", r"\d*"),
    "goaway": ("http2", r"before|after|lost"),
    "pings": ("http2", r"\d+"),
    "holdwindow": ("http2", r""),
    "streams": ("conn", r"\d+"),
    "refuse": ("conn", rf"{_SECONDS}"),
    "handshake": ("conn", rf"{_SECONDS}"),
    "cert": ("conn", r"[a-z-]+"),
    "tls": ("conn", r"1\.[23]"),
    "clientcert": ("conn", r""),
}  # fmt: skip
# What can be done to a bare connection, and to a proxy's CONNECT.
_AT_CONNECTIONS = {"reset", "silence", "close", "garbage", "refuse", "handshake", "cert", "tls", "clientcert", "streams"}
_AT_PROXIES = {"status", "reset", "silence", "close", "stall"}


@dataclass(frozen=True)
class Action:
    name: str
    args: tuple[str, ...] = ()

    @property
    def before(self) -> bool:
        """Cuts the connection instead of doing the work."""
        if self.name == "refusestream":
            return True
        return self.name in ("reset", "close", "goaway") and self.args[:1] in (("before",), ("upload",))

    def arg(self, index: int, default: str = "") -> str:
        return self.args[index] if index < len(self.args) and self.args[index] else default

    def seconds(self, default: float) -> float:
        return float(self.arg(0) or default)

    def number(self, default: int) -> int:
        return int(self.arg(0) or default)

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
    origin: str | None = None
    rate: float | None = None
    times: int | None = None
    seen: int = 0
    fired: int = 0
    random: random.Random = field(default_factory=lambda: random.Random(0), repr=False)

    def hit(self, point: str, statement: str | None = None, chunk: int | None = None, origin: str | None = None) -> bool:
        if point != self.point or (self.chunk is not None and chunk != self.chunk):
            return False
        if self.statement not in (None, "*") and statement != self.statement:
            return False
        if self.origin is not None and origin != self.origin:
            return False
        self.seen += 1
        if self.seen < self.first or (self.last is not None and self.seen > self.last):
            return False
        if self.times is not None and self.fired >= self.times:
            return False
        if self.rate is not None and self.random.random() >= self.rate:
            return False
        self.fired += 1
        return True


@dataclass
class Hints:
    """How the result of one statement is cut and sent, and what goes wrong with it."""

    chunk_rows: int = 0
    chunk_bytes: int = 0
    inline_max: int | None = None
    links_per_page: int | None = None
    compression: str | None = None  # "none" or "lz4"
    pending: int = 0
    disposition: str | None = None  # "inline", "external" or "json"
    pad_rows: int = 0
    empty: str = ""  # how a zero-row result is sent: "" as live, "chunk", "attachment", "nochunk", "nomanifest"
    totals: str = ""  # "late": succeeds with the first chunks, the manifest has no totals
    fail_after: int | None = None  # the query breaks after this many chunks
    empty_chunk: int | None = None  # this chunk holds no rows
    dml: str | None = None  # "rows": no num_modified_rows in the status
    rules: list[Rule] = field(default_factory=list)


def merged(over: Hints, under: Hints) -> Hints:
    """The hints of ``over``; where it says nothing, those of ``under``. Rules of both apply."""
    empty, out = Hints(), Hints(rules=[*over.rules, *under.rules])
    for one in dataclasses.fields(Hints):
        if one.name != "rules":
            value = getattr(over, one.name)
            setattr(out, one.name, value if value != getattr(empty, one.name) else getattr(under, one.name))
    return out


# -- reading --------------------------------------------------------------------------------------
_COMMENT = re.compile(r"/\*\s*lw:(.*?)\*/", re.DOTALL)
_RULE = re.compile(
    r"^(?P<point>[a-z]+(?:\.[a-z]+)?)(?:#(?P<first>\d{1,9})(?:(?P<range>\.\.)(?P<last>\d{0,9}))?)?"
    r"(?:~(?P<rate>[01](?:\.\d+)?|\.\d+))?(?:\?(?P<filter>[a-z]+=[^:()]*))?:(?P<action>.+)$",
    re.DOTALL,
)
_ACTION = re.compile(r"^(?P<name>[a-z0-9]+)(?:\((?P<args>.*)\))?$", re.DOTALL)
_NUMBERS = {
    "chunk_rows", "chunk_bytes", "inline_max", "links_per_page", "pending", "pad_rows", "fail_after", "empty_chunk",
}  # fmt: skip
_WORDS = {
    "compression": ("none", "lz4"),
    "disposition": ("inline", "external", "json"),
    "empty": ("chunk", "attachment", "nochunk", "nomanifest"),
    "totals": ("late",),
    "dml": ("rows",),
}


def split_outside(text: str, separator: str = ",", keep_empty: bool = False) -> list[str]:
    """Splits at separators that are not inside parentheses or quotes."""
    parts, depth, start = [], 0, 0
    for match in re.finditer(rf"'[^']*'?|\"[^\"]*\"?|[()]|{re.escape(separator)}", text):
        if match[0] == "(":
            depth += 1
        elif match[0] == ")":
            depth -= 1
        elif match[0] == separator and depth == 0:
            parts.append(text[start : match.start()].strip())
            start = match.end()
    parts.append(text[start:].strip())
    return parts if keep_empty else [p for p in parts if p]


def parse_action(text: str) -> Action:
    match = _ACTION.match(text.strip())
    if match is None or match["name"] not in ACTIONS:
        raise bad_request(f"unknown fault action: {text.strip()[:200]}")
    given = match["args"]
    args = tuple(a.strip("'\"") for a in split_outside(given, keep_empty=True)) if given else ()
    action = Action(match["name"], args)
    if not re.fullmatch(ACTIONS[action.name][1], ",".join(args), re.DOTALL):
        raise bad_request(f"wrong arguments for a fault action: {action.text()[:200]}")
    return action


def _check_place(point: str, action: Action) -> None:
    allowed = {"conn": _AT_CONNECTIONS, "proxy": _AT_PROXIES}.get(point)
    kind = ACTIONS[action.name][0]
    if (allowed is not None and action.name not in allowed) or (allowed is None and kind == "conn"):
        raise bad_request(f"{action.name} is not possible at {point}")


def parse_rule(text: str) -> Rule:
    match = _RULE.match(text.strip())
    if match is None or match["point"] not in POINTS:
        raise bad_request(f"unknown fault: {text.strip()[:200]}")
    first = int(match["first"] or 1)
    if match["first"] is None:
        last = None
    elif match["range"]:
        last = int(match["last"]) if match["last"] else None
    else:
        last = first
    rule = Rule(match["point"], parse_action(match["action"]), first, last)
    _check_place(rule.point, rule.action)
    if match["rate"]:
        rule.rate = float(match["rate"])
    for part in (match["filter"] or "").split("&"):
        if part:
            _set_filter(rule, *part.partition("=")[::2])
    return rule


def _set_filter(rule: Rule, key: str, value: str) -> None:
    if key == "chunk" and value.isascii() and value.isdigit() and len(value) < 10:
        rule.chunk = int(value)
    elif key in ("statement", "origin") and value:
        setattr(rule, key, value)
    else:
        raise bad_request(f"unknown fault filter: {key}={value[:100]}")


def parse_hints(sql: str) -> Hints:
    """The hints of all ``/*lw: */`` comments of a statement; a wrong one is a 400, not ignored."""
    hints = Hints()
    if "/*" in sql:
        for body in _COMMENT.findall(sql):
            _read_items(hints, body)
    return hints


def parse_header(text: str) -> Hints:
    """The header ``x-lw-fault``: the same list as in a comment; ``fault=`` may be left out."""
    hints = Hints()
    _read_items(hints, text, bare_rules=True)
    return hints


def _read_items(hints: Hints, text: str, bare_rules: bool = False) -> None:
    for item in split_outside(text):
        key, _, value = item.partition("=")
        key = key.strip()
        if bare_rules and not re.fullmatch(r"[a-z_]+", key):
            hints.rules.append(parse_rule(item))
        else:
            _set_hint(hints, key, value.strip())


def _set_hint(hints: Hints, key: str, value: str) -> None:
    if key == "fault":
        hints.rules.append(parse_rule(value))
    elif key in _NUMBERS:
        if not (value.isascii() and value.isdigit()) or len(value) > 12:
            raise bad_request(f"lw hint {key} needs a number, not '{value[:100]}'")
        setattr(hints, key, int(value))
    elif key in _WORDS:
        if value not in _WORDS[key]:
            raise bad_request(f"lw hint {key} is one of {', '.join(_WORDS[key])}, not '{value[:100]}'")
        setattr(hints, key, value)
    else:
        raise bad_request(f"unknown lw hint: {key[:100]}")


def rule_from_json(body: Any) -> Rule:
    """``{"fault": "<rule>"}`` or ``{"at", "do", "match": {nth, chunk, statement, origin}, "times", "rate"}``."""
    if not isinstance(body, dict):
        raise bad_request("a fault is a JSON object")
    if isinstance(body.get("fault"), str):
        rule = parse_rule(body["fault"])
    else:
        point, do, match = body.get("at"), body.get("do"), body.get("match") or {}
        if point not in POINTS or not isinstance(do, str) or not isinstance(match, dict):
            raise bad_request(f"a fault needs at (one of {', '.join(POINTS)}) and do")
        rule = Rule(point, parse_action(do))
        _check_place(point, rule.action)
        rule.chunk = _optional_int(match, "chunk")
        rule.statement, rule.origin = _optional_text(match, "statement"), _optional_text(match, "origin")
        nth = match.get("nth")
        if isinstance(nth, str) and re.fullmatch(r"\d{1,9}\.\.\d{0,9}", nth):
            low, _, high = nth.partition("..")
            rule.first, rule.last = int(low), int(high) if high else None
        elif nth is not None:
            rule.first = rule.last = _optional_int(match, "nth")
    if "statement" in body:
        rule.statement = _optional_text(body, "statement")
    rule.times = _optional_int(body, "times")
    rate = body.get("rate", rule.rate)
    if rate is not None and (isinstance(rate, bool) or not isinstance(rate, (int, float)) or not 0 <= rate <= 1):
        raise bad_request("rate is a number from 0 to 1")
    rule.rate = rate
    return rule


def _optional_int(body: dict, key: str) -> int | None:
    value = body.get(key)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise bad_request(f"{key} is a number")
    return value


def _optional_text(body: dict, key: str) -> str | None:
    value = body.get(key)
    if value is not None and not isinstance(value, str):
        raise bad_request(f"{key} is a string")
    return value


# -- deciding -------------------------------------------------------------------------------------
class Faults:
    """The registry: server-wide rules, asked together with a statement's own."""

    def __init__(self, seed: int | None = None, permanent: list[Rule] | None = None) -> None:
        self._seed = seed or 0
        self._permanent: list[Rule] = []
        self.rules: list[Rule] = []
        self._headers: dict[str, Hints] = {}
        for rule in permanent or []:
            self._permanent.append(self._seeded(rule))
        self.clear()

    def _seeded(self, rule: Rule) -> Rule:
        rule.random = random.Random(f"{self._seed}/{len(self.rules) + len(self._permanent)}")
        return rule

    def add(self, rule: Rule) -> None:
        self.rules.append(self._seeded(rule))

    def clear(self) -> None:
        """Forgets what tests added; rules given at the start stay."""
        self.rules = list(self._permanent)
        self._headers.clear()

    def header_hints(self, text: str | None) -> Hints:
        """The hints of a header; its rules count over all requests that carry the same text."""
        if not text:
            return Hints()
        hints = self._headers.get(text)
        if hints is None:
            hints = parse_header(text)
            if len(self._headers) < 10_000:
                self._headers[text] = hints
        return hints

    def from_header(self, request: Request, point: str) -> list[Rule]:
        """Not for requests that name a statement: those follow the rules it was executed with."""
        if "x-lw-fault" not in request.headers:
            return []
        return [r for r in self.header_hints(request.headers["x-lw-fault"]).rules if r.point == point]

    def take(
        self,
        point: str,
        own: list[Rule] | tuple = (),
        statement: str | None = None,
        chunk: int | None = None,
        origin: str | None = None,
    ) -> list[Action]:
        """The actions for one request; each rule counts it."""
        if not own and not self.rules:
            return []
        return [r.action for r in [*own, *self.rules] if r.hit(point, statement, chunk, origin)]
