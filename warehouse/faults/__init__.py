"""Faults on demand: what goes wrong, where, and how often.

``rules`` reads and counts fault rules, ``payload`` lies in JSON answers, ``wire`` spoils how bytes
travel, ``arrow`` spoils what they say, ``profiles`` names whole behaviours by warehouse id.
"""

from warehouse.faults.rules import (
    POINTS,
    Action,
    Faults,
    Hints,
    Rule,
    merged,
    parse_header,
    parse_hints,
    parse_rule,
    rule_from_json,
    split_outside,
)

__all__ = [
    "POINTS", "Action", "Faults", "Hints", "Rule", "merged", "parse_header", "parse_hints", "parse_rule",
    "rule_from_json", "split_outside",
]  # fmt: skip
