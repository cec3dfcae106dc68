"""Values written as text: intervals, timestamps, dates, numbers; Spark's forms, computed here."""

from __future__ import annotations

import re
from decimal import Decimal

from warehouse.dialect.types import BIGINT, DOUBLE, INT, SparkType, decimal
from warehouse.errors import SqlError

_UNITS_US = {
    "WEEK": 7 * 86_400_000_000, "DAY": 86_400_000_000, "HOUR": 3_600_000_000, "MINUTE": 60_000_000,
    "SECOND": 1_000_000, "MILLISECOND": 1000, "MICROSECOND": 1,
}  # fmt: skip
_MONTHS = {"YEAR": 12, "MONTH": 1}
_TYPE_UNIT = {"WEEK": "DAY", "MILLISECOND": "SECOND", "MICROSECOND": "SECOND"}


def unit_name(text: str) -> str:
    unit = text.upper()
    return unit[:-1] if unit.endswith("S") and unit[:-1] in {**_UNITS_US, **_MONTHS} else unit


def interval_type(first: str, last: str | None = None) -> SparkType:
    start = _TYPE_UNIT.get(unit_name(first), unit_name(first))
    end = _TYPE_UNIT.get(unit_name(last), unit_name(last)) if last else start
    return SparkType("INTERVAL", interval=start if start == end else f"{start} TO {end}")


def bad_interval(text: str) -> SqlError:
    return SqlError("INVALID_INTERVAL_FORMAT.UNMATCHED_FORMAT_STRING", f"Error parsing '{text}' to interval", "22006")


def interval_value(text: str, first: str, last: str | None) -> tuple[bool, int]:
    """(is year-month, months or microseconds) of ``INTERVAL '<text>' <first> [TO <last>]``."""
    body = text.strip()
    sign = 1
    while body[:1] in ("+", "-"):
        sign = -sign if body[0] == "-" else sign
        body = body[1:].strip()
    first = unit_name(first)
    if last is None or unit_name(last) == first:
        return _single_unit(body, sign, first, text)
    last = unit_name(last)
    if first == "YEAR":
        match = re.fullmatch(r"(\d+)-(\d+)", body)
        if match is None or int(match[2]) > 11:
            raise bad_interval(text)
        return True, sign * (int(match[1]) * 12 + int(match[2]))
    units = ["DAY", "HOUR", "MINUTE", "SECOND"]
    if first not in units or last not in units:
        raise bad_interval(text)
    wanted = units[units.index(first) : units.index(last) + 1]
    parts = re.split(r"[ :]+", body)
    if len(parts) != len(wanted):
        raise bad_interval(text)
    total = 0
    for unit, part in zip(wanted, parts):
        if not re.fullmatch(r"\d+(\.\d{0,9})?" if unit == "SECOND" else r"\d+", part):
            raise bad_interval(text)
        total += int(Decimal(part or "0") * _UNITS_US[unit])
    return False, sign * total


def _single_unit(body: str, sign: int, unit: str, text: str) -> tuple[bool, int]:
    if unit in _MONTHS:
        if not re.fullmatch(r"\d+", body):
            raise bad_interval(text)
        return True, sign * int(body) * _MONTHS[unit]
    if unit not in _UNITS_US or not re.fullmatch(r"\d+(\.\d{0,9})?|\.\d{1,9}", body):
        raise bad_interval(text)
    return False, sign * int(Decimal(body) * _UNITS_US[unit])


# -- dates and timestamps -------------------------------------------------------------------------
_DATE = re.compile(r"^\s*(\d{4})(?:-(\d{1,2})(?:-(\d{1,2})(?:[ T].*)?)?)?\s*$", re.DOTALL)
_TIMESTAMP = re.compile(
    r"^\s*(?P<y>\d{4})(?:-(?P<mo>\d{1,2})(?:-(?P<d>\d{1,2})"
    r"(?:[ T](?P<h>\d{1,2})?(?::(?P<mi>\d{1,2})(?::(?P<s>\d{1,2})(?:\.(?P<f>\d{0,9}))?)?)?"
    r"\s*(?P<zone>Z|[+-]\d{1,2}(?::?\d{2}(?::?\d{2})?)?|(?:UTC|GMT)?[+-]\d{1,2}(?::\d{2})?|[A-Za-z][\w/+-]*)?)?)?)?\s*$"
)


def canonical_date(text: str) -> str | None:
    """``YYYY-MM-DD`` of Spark's accepted forms (month and day optional, time ignored), or None."""
    match = _DATE.match(text)
    if match is None:
        return None
    year, month, day = match[1], match[2] or "1", match[3] or "1"
    return f"{year}-{int(month):02d}-{int(day):02d}"


def canonical_timestamp(text: str, with_zone: bool) -> str | None:
    """``YYYY-MM-DD HH:MM:SS.ffffff[zone]`` of Spark's accepted forms, or None."""
    match = _TIMESTAMP.match(text)
    if match is None:
        return None
    part = match.groupdict()
    fraction = (part["f"] or "")[:6].ljust(6, "0")
    value = (
        f"{part['y']}-{int(part['mo'] or 1):02d}-{int(part['d'] or 1):02d} "
        f"{int(part['h'] or 0):02d}:{int(part['mi'] or 0):02d}:{int(part['s'] or 0):02d}.{fraction}"
    )
    zone = part["zone"]
    if not zone or not with_zone:
        return value
    zone = re.sub(r"^(?:UTC|GMT)(?=[+-])", "", zone)
    if zone in ("Z", "UTC", "GMT"):
        return value + "+00"
    offset = re.fullmatch(r"([+-])(\d{1,2})(?::?(\d{2}))?(?::?\d{2})?", zone)
    if offset is not None:
        return f"{value}{offset[1]}{int(offset[2]):02d}:{offset[3] or '00'}"
    return f"{value} {zone}"


# -- numbers --------------------------------------------------------------------------------------
def number_type(text: str) -> SparkType:
    """The type of an unsuffixed literal: 1 INT, 3000000000 BIGINT, 1.50 DECIMAL(3,2), 1e3 DOUBLE."""
    if "e" in text.lower():
        return DOUBLE
    if "." in text:
        return exact_type(text)
    value = int(text)
    if value < 2**31:
        return INT
    return BIGINT if value < 2**63 else exact_type(text)


def exact_type(text: str) -> SparkType:
    sign, digits, exponent = Decimal(text).as_tuple()
    scale = max(0, -exponent)
    unscaled = int("".join(map(str, digits))) * 10 ** max(0, exponent)
    precision = max(len(str(unscaled)), scale, 1)
    if precision > 38:
        raise SqlError(
            "DECIMAL_PRECISION_EXCEEDS_MAX_PRECISION",
            f"Decimal precision {precision} exceeds max precision 38",
            "22003",
        )
    return decimal(precision, scale)
