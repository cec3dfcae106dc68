"""Reading the fields of requests: strict about what matters, with the service's error shapes."""

from __future__ import annotations

import json
import re
from typing import Any

from warehouse.engine.base import Parameter
from warehouse.errors import bad_request
from warehouse.faults import Hints, merged, parse_hints
from warehouse.results import ARROW, JSON
from warehouse.statements import HYBRID, INLINE, LINKS, Request

MAX_PARAMETERS = 10_000


def text_field(body: dict[str, Any], key: str, required: bool = False) -> str:
    value = body.get(key)
    if value is None:
        if required:
            raise bad_request(f"Missing required field: {key}")
        return ""
    if not isinstance(value, str):
        raise bad_request(f"Field {key} must be a string")
    if "\x00" in value and key != "statement":
        raise bad_request(f"Field {key} must not contain a NUL character")
    return value


def session_confs(body: dict[str, Any]) -> dict[str, str]:
    """Kernel, Python and JDBC say ``session_confs``; the open ADBC driver ``session_configuration``."""
    confs: dict[str, str] = {}
    for key in ("session_configuration", "session_confs"):
        given = body.get(key)
        if given is None:
            continue
        if not isinstance(given, dict) or not all(isinstance(v, str) for v in given.values()):
            raise bad_request(f"Field {key} must be an object of strings")
        confs.update(given)
    return confs


def wait_seconds(body: dict[str, Any]) -> float:
    text = text_field(body, "wait_timeout") or "10s"
    match = re.fullmatch(r"(\d{1,6})s", text)
    seconds = int(match[1]) if match else -1
    if seconds != 0 and not 5 <= seconds <= 50:
        raise bad_request(f"wait_timeout must be 0s or between 5s and 50s, got '{text}'")
    return float(seconds)


def cancel_on_timeout(body: dict[str, Any]) -> bool:
    choice = text_field(body, "on_wait_timeout") or "CONTINUE"
    if choice not in ("CONTINUE", "CANCEL"):
        raise bad_request(f"on_wait_timeout must be CONTINUE or CANCEL, got '{choice}'")
    return choice == "CANCEL"


def execute_request(body: dict[str, Any], background: Hints | None = None) -> Request:
    """``background``: hints that hold where the statement's own comment says nothing."""
    sql = text_field(body, "statement", required=True)
    hints = parse_hints(sql)
    if background is not None:
        hints = merged(hints, background)
    disposition = text_field(body, "disposition") or INLINE
    if disposition not in (INLINE, LINKS, HYBRID):
        raise bad_request(f"Unknown disposition: '{disposition}'")
    form = text_field(body, "format") or JSON
    if form not in (ARROW, JSON):
        raise bad_request(f"Unsupported format: '{form}'; this server sends ARROW_STREAM and JSON_ARRAY")
    compression = (text_field(body, "result_compression") or "NONE").upper()
    if compression not in ("NONE", "LZ4_FRAME"):
        raise bad_request(f"Unknown result_compression: '{compression}'")
    if hints.disposition == "json":
        disposition, form = INLINE, JSON
    elif hints.disposition is not None:
        disposition = INLINE if hints.disposition == "inline" else LINKS
    return Request(
        sql=sql,
        parameters=_parameters(body.get("parameters")),
        disposition=disposition,
        format=form,
        lz4=compression == "LZ4_FRAME",
        row_limit=_limit(body, "row_limit"),
        byte_limit=_limit(body, "byte_limit"),
        query_tags=_tags(body.get("query_tags")),
        hints=hints,
    )


def _limit(body: dict[str, Any], key: str) -> int | None:
    value = body.get(key)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise bad_request(f"{key} must be a non-negative integer")
    return value


def _parameters(given: Any) -> list[Parameter]:
    if given is None:
        return []
    if not isinstance(given, list) or len(given) > MAX_PARAMETERS:
        raise bad_request(f"parameters must be a list of at most {MAX_PARAMETERS}")
    found = []
    for position, entry in enumerate(given, start=1):
        if not isinstance(entry, dict):
            raise bad_request("each parameter must be an object")
        name, ordinal, value = entry.get("name"), entry.get("ordinal"), entry.get("value")
        if name is not None and (not isinstance(name, str) or not re.fullmatch(r"\w+", name)):
            raise bad_request(f"Invalid parameter name: {name!r}")
        if isinstance(value, (bool, int, float)):
            value = json.dumps(value)
        if value is not None and not isinstance(value, str):
            raise bad_request("a parameter's value must be a string or null")
        if ordinal is not None and (isinstance(ordinal, bool) or not isinstance(ordinal, int)):
            raise bad_request("a parameter's ordinal must be an integer")
        kind = text_field(entry, "type") or "STRING"
        if name is None and ordinal is None:
            ordinal = position
        found.append(Parameter(kind, value, name, ordinal))
    return found


def _tags(given: Any) -> dict[str, str | None]:
    if given is None:
        return {}
    if not isinstance(given, list):
        raise bad_request("query_tags must be a list of {key, value}")
    tags: dict[str, str | None] = {}
    for entry in given:
        if not isinstance(entry, dict) or not isinstance(entry.get("key"), str):
            raise bad_request("query_tags must be a list of {key, value}")
        value = entry.get("value")
        if value is not None and not isinstance(value, str):
            raise bad_request("a query tag's value must be a string")
        tags[entry["key"]] = value
    return tags
