"""Lies in JSON answers: counts, links, states, columns, and any field by its path."""

from __future__ import annotations

import base64
import json
import re
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit, urlunsplit

from warehouse.faults import arrow
from warehouse.faults.rules import Action

if TYPE_CHECKING:
    from warehouse.app import Warehouse

PAST = "2000-01-01T00:00:00.000Z"
# A path that a client changes when it decodes and encodes URLs again (spec local-warehouse 3.2, storage).
ODD_PATH = "a%2Fb+c%20d%C3%A9"


def distort(payload: dict[str, Any], actions: list[Action], chunk: int, warehouse: "Warehouse") -> None:
    """Applies the actions of kind "payload" to an answer."""
    for action in actions:
        change = _CHANGES.get(action.name)
        if change is not None:
            change(payload, action, chunk)
        elif action.name == "expired":
            _expire(payload, action, warehouse)
        elif action.name == "reuse" and warehouse.statements.previous_id:
            payload["statement_id"] = warehouse.statements.previous_id


# -- helpers --------------------------------------------------------------------------------------
def _links(payload: dict[str, Any]) -> list[dict[str, Any]]:
    result = payload.get("result")
    links = list(payload.get("external_links") or [])
    return links + list((result or {}).get("external_links") or [])


def _holders(payload: dict[str, Any]) -> list[dict[str, Any]]:
    """The objects that may hold ``external_links`` or an attachment: the answer and its ``result``."""
    return [h for h in (payload, payload.get("result")) if isinstance(h, dict)]


def _steps(payload: Any, path: str) -> tuple[Any, Any] | None:
    """The container of a path's last step and that step as a key or an index."""
    *above, last = path.split(".")
    here = payload
    for step in above:
        try:
            here = here[int(step)] if isinstance(here, list) else here.get(step)
        except (ValueError, IndexError, AttributeError):
            return None
        if here is None:
            return None
    if isinstance(here, list):
        return (here, int(last)) if last.isdigit() and int(last) < len(here) else None
    return (here, last) if isinstance(here, dict) else None


# -- one change each ------------------------------------------------------------------------------
def _rows(payload: dict[str, Any], action: Action, chunk: int) -> None:
    by = action.number(1)
    manifest = payload.get("manifest") or {}
    if "total_row_count" in manifest:
        manifest["total_row_count"] += by
    for entry in [*manifest.get("chunks", []), *_links(payload), payload.get("result"), payload]:
        if isinstance(entry, dict) and entry.get("chunk_index") == chunk and "row_count" in entry:
            entry["row_count"] += by


def _gap(payload: dict[str, Any], action: Action, chunk: int) -> None:
    manifest = payload.get("manifest") or {}
    for entry in [*manifest.get("chunks", []), *_links(payload), *_holders(payload)]:
        if entry.get("row_offset"):
            entry["row_offset"] += action.number(1)


def _expire(payload: dict[str, Any], action: Action, warehouse: "Warehouse") -> None:
    """Links that expired long ago, or that will in a few seconds."""
    for link in _links(payload):
        if not action.args:
            link["expiration"] = PAST
            link["external_link"] = re.sub(r"exp=\d+", "exp=946684800", link["external_link"])
        else:
            index = link["chunk_index"]
            url, expiration = warehouse.links.make(payload_statement(link), index, action.seconds(5))
            link.update(external_link=url, expiration=expiration)


def payload_statement(link: dict[str, Any]) -> str:
    return urlsplit(link["external_link"]).path.split("/")[2]


def _no_links(payload: dict[str, Any], action: Action, chunk: int) -> None:
    for holder in _holders(payload):
        if "external_links" in holder:
            holder["external_links"] = []


def _duplicate_links(payload: dict[str, Any], action: Action, chunk: int) -> None:
    for holder in _holders(payload):
        if holder.get("external_links"):
            holder["external_links"] = [dict(k) for k in holder["external_links"] for _ in range(2)]


def _shuffle_links(payload: dict[str, Any], action: Action, chunk: int) -> None:
    for holder in _holders(payload):
        if holder.get("external_links"):
            holder["external_links"].reverse()


def _loop(payload: dict[str, Any], action: Action, chunk: int) -> None:
    for entry in [*_links(payload), *_holders(payload)]:
        if "next_chunk_index" in entry:
            entry["next_chunk_index"] = 0


def _link_host(payload: dict[str, Any], action: Action, chunk: int) -> None:
    """Another host name; the port stays unless one is given."""
    for link in _links(payload):
        parts = urlsplit(link["external_link"])
        host = action.arg(0)
        has_port = re.search(r":\d+$", host) is not None
        place = host if has_port else f"{host}:{parts.port}"
        link["external_link"] = urlunsplit(parts._replace(netloc=place))


def _odd_path(payload: dict[str, Any], action: Action, chunk: int) -> None:
    for link in _links(payload):
        parts = urlsplit(link["external_link"])
        link["external_link"] = urlunsplit(parts._replace(path=f"{parts.path}/{ODD_PATH}"))


def _set(payload: dict[str, Any], action: Action, chunk: int) -> None:
    text = ",".join(action.args[1:])
    try:
        value = json.loads(text)
    except ValueError:
        value = text
    place = _steps(payload, action.args[0])
    if place is not None:
        place[0][place[1]] = value


def _drop(payload: dict[str, Any], action: Action, chunk: int) -> None:
    place = _steps(payload, action.args[0])
    if place is not None and (isinstance(place[0], list) or place[1] in place[0]):
        del place[0][place[1]]


def _state(payload: dict[str, Any], action: Action, chunk: int) -> None:
    if "status" in payload:
        payload["status"] = {"state": action.args[0]}
        if action.args[0] != "SUCCEEDED":
            payload.pop("manifest", None)
            payload.pop("result", None)


def _failed(payload: dict[str, Any], action: Action, chunk: int) -> None:
    condition = action.arg(0, "INJECTED_FAULT")
    payload.pop("manifest", None)
    payload.pop("result", None)
    payload["status"] = {
        "state": "FAILED",
        "error": {"error_code": "BAD_REQUEST", "message": f"[{condition}] An injected failure. SQLSTATE: 58000"},
        "sql_state": "58000",
    }


def _columns(payload: dict[str, Any], action: Action, chunk: int) -> None:
    """The manifest says something else than the Arrow schema."""
    schema = (payload.get("manifest") or {}).get("schema")
    if not schema or not schema["columns"]:
        return
    columns, kind = schema["columns"], action.args[0]
    if kind == "drop":
        columns.pop()
    elif kind == "extra":
        columns.append({"name": "extra", "type_text": "INT", "type_name": "INT", "position": len(columns)})
    elif kind == "rename":
        columns[0]["name"] += "_renamed"
    else:
        columns[0].update(type_text="STRING", type_name="STRING")
    schema["column_count"] = len(columns)


def _attachments(payload: dict[str, Any], action: Action, chunk: int) -> None:
    for holder in _holders(payload):
        if isinstance(holder.get("attachment"), str):
            data = arrow.spoil(base64.b64decode(holder["attachment"]), action)
            holder["attachment"] = base64.b64encode(data).decode("ascii")


def _bad_base64(payload: dict[str, Any], action: Action, chunk: int) -> None:
    for holder in _holders(payload):
        if isinstance(holder.get("attachment"), str):
            holder["attachment"] = "*" + quote(holder["attachment"][1:41]) + "==="


_CHANGES = {
    "rows": _rows, "gap": _gap, "nolinks": _no_links, "duplinks": _duplicate_links, "shufflelinks": _shuffle_links,
    "loop": _loop, "linkhost": _link_host, "oddpath": _odd_path, "set": _set, "drop": _drop, "state": _state,
    "failed": _failed, "columns": _columns, "arrow": _attachments, "lz4": _attachments, "badbase64": _bad_base64,
}  # fmt: skip
