"""What two libraries showed of the same statement, made comparable."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from abi_driver import Probe, Session, wait_until

_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")


def differences(ours: Any, peer: Any, path: str = "") -> Iterator[str]:
    """The places where two JSON values differ, as "path: ours | peer"."""
    if isinstance(ours, dict) and isinstance(peer, dict):
        for key in sorted(ours.keys() | peer.keys()):
            yield from differences(ours.get(key, "absent"), peer.get(key, "absent"), f"{path}.{key}")
    elif isinstance(ours, list) and isinstance(peer, list):
        if len(ours) != len(peer):
            yield f"{path}: {len(ours)} entries | {len(peer)} entries: {str(ours)[:300]} | {str(peer)[:300]}"
            return
        for index, (one, other) in enumerate(zip(ours, peer, strict=True)):
            yield from differences(one, other, f"{path}[{index}]")
    elif ours != peer or type(ours) is not type(peer):
        yield f"{path}: {str(ours)[:600]!r} | {str(peer)[:600]!r}"


def shown(seen: dict[str, Any]) -> dict[str, Any]:
    """A result of Session.query without what must differ: ids, and the order of field metadata,
    which the Rust kernel keeps in a hash map."""
    return _stable(seen)


def _stable(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: sorted(v) if k == "metadata" else _stable(v) for k, v in value.items()}
    if isinstance(value, list):
        return [_stable(v) for v in value]
    if isinstance(value, str):
        return _UUID.sub("<id>", value)
    return value


# Headers that differ by design, or say nothing about the request: docs/differences.md.
_FREE_HEADERS = {"user-agent", "host"}


def wire(entry: dict[str, Any], agent: bool = False) -> dict[str, Any]:
    """One journal entry as the request was: method, path shape, headers, body in its own order."""
    free = _FREE_HEADERS - {"user-agent"} if agent else _FREE_HEADERS
    request = {
        "line": f"{entry['method']} {_UUID.sub('<id>', entry['path'])}?{entry['query']}",
        "headers": sorted(f"{k}: {v}" for k, v in entry["headers"] if k not in free),
    }
    if "body" in entry:
        request["body"] = _stable([[key, value] for key, value in entry["body"].items()])
    return request


class Side:
    """One library on one warehouse, with a session per set of client options."""

    def __init__(self, name: str, probe: Probe, server: Any) -> None:
        self.name, self.probe, self.server = name, probe, server
        self._sessions: dict[tuple, Session] = {}

    def session(self, client_confs: dict[str, str] | None = None) -> Session:
        key = tuple(sorted((client_confs or {}).items()))
        if key not in self._sessions:
            self._sessions[key] = self.probe.open(self.server, client_confs=dict(key))
        return self._sessions[key]

    def close(self) -> None:
        for session in self._sessions.values():
            session.close()
        self._sessions.clear()

    def query(self, sql: str, params: list | None = None, client_confs: dict | None = None) -> tuple[dict, list[dict]]:
        """What the library showed, and the requests it sent for it once its statement is closed."""
        session = self.session(client_confs)
        mark = self.server.journal_mark()
        seen = session.query(sql, params)
        entries: list[dict[str, Any]] = []

        def settled() -> bool:
            entries[:] = self.server.journal(mark)
            began = any(e["path"].endswith("/statements") and e["status"] == 200 for e in entries)
            closed = any(e["method"] == "DELETE" and e["status"] for e in entries)
            return not began or closed

        wait_until(settled, what=f"{self.name} closing its statement")
        return shown(seen), [wire(e) for e in entries]
