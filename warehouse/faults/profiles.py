"""Warehouse ids that name a behaviour: ``/sql/1.0/warehouses/tiny-chunks`` needs no change in a driver.

Each profile is a list of hints and rules as in a statement's comment. More can come from a TOML file.
"""

from __future__ import annotations

from warehouse.faults.rules import Faults, Hints, Rule, parse_header

PROFILES: dict[str, str] = {
    "flaky-429": "stmt.execute#1:status(429,,1), stmt.get#1:status(429,,1), stmt.chunk#1:status(429,,1), "
    "session.create~0.3:status(429,,1), stmt.execute~0.3:status(429,,1)",
    "flaky-503": "stmt.execute~0.3:status(503,,1), stmt.get~0.3:status(503), stmt.chunk~0.3:status(503)",
    "flaky-storage": "inline_max=0, storage.get~0.2:status(503), storage.get~0.1:truncate, storage.get~0.1:reset(100)",
    "slow-start": "pending=3",
    "slow-storage": "inline_max=0, storage.get:slow(64KB/100ms)",
    "tiny-chunks": "chunk_rows=10, inline_max=0, links_per_page=2",
    "expired-links": "inline_max=0, stmt.execute:expired, stmt.get:expired",
    "links-only": "disposition=external",
    "inline-only": "disposition=inline",
    "json-only": "disposition=json",
    "rows-only-dml": "dml=rows",
}


class Profiles:
    def __init__(self, faults: Faults, more: dict[str, str]) -> None:
        self._faults = faults
        self._texts = {**PROFILES, **more}
        for text in more.values():
            parse_header(text)  # a wrong profile is told at the start

    def __contains__(self, warehouse_id: str) -> bool:
        return warehouse_id in self._texts

    def names(self) -> list[str]:
        return sorted(self._texts)

    def rules(self, warehouse_id: str, point: str) -> list[Rule]:
        """Rules of a request that starts something; they count over all requests of the profile."""
        text = self._texts.get(warehouse_id)
        return [r for r in self._faults.header_hints(text).rules if r.point == point] if text else []

    def hints(self, warehouse_id: str) -> Hints:
        """Hints for a new statement, with rules that count its own requests."""
        text = self._texts.get(warehouse_id)
        return of_statement(parse_header(text)) if text else Hints()


def of_statement(hints: Hints) -> Hints:
    """Without the rules that are counted elsewhere."""
    hints.rules = [r for r in hints.rules if r.point.startswith(("stmt.", "storage.")) and r.point != "stmt.execute"]
    return hints
