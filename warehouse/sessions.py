"""SEA sessions: the current catalog and schema, configuration, and the life of both."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import Any

from warehouse.clock import Clock
from warehouse.errors import ApiError, not_found
from warehouse.ids import Ids

DEFAULT_CATALOG = "main"
DEFAULT_SCHEMA = "default"

# name: (default, allowed values or None for any); spec local-warehouse 4.1, row SET
KNOWN_CONFS: dict[str, tuple[str, tuple[str, ...] | None]] = {
    "ANSI_MODE": ("true", ("true", "false")),
    "ENABLE_PHOTON": ("true", ("true", "false")),
    "LEGACY_TIME_PARSER_POLICY": ("EXCEPTION", ("exception", "corrected", "legacy")),
    "MAX_FILE_PARTITION_BYTES": ("128m", None),
    "READ_ONLY_EXTERNAL_METASTORE": ("false", ("true", "false")),
    "STATEMENT_TIMEOUT": ("0", None),
    "TIMEZONE": ("UTC", None),
    "USE_CACHED_RESULT": ("true", ("true", "false")),
    "QUERY_TAGS": ("", None),
    "AUTOCOMMIT": ("true", ("true", "false")),
}
_ALIASES = {
    "SPARK.SQL.SESSION.TIMEZONE": "TIMEZONE",
    "SPARK.SQL.ANSI.ENABLED": "ANSI_MODE",
}
# Set by drivers for other servers of the family; accepted and ignored here.
_TOLERATED_PREFIXES = ("SPARK.", "INFER", "SSP_", "DATABRICKS.", "SERVERSIDE", "LIBRARY", "HIVE.")


def canonical_conf(key: str) -> str:
    upper = key.strip().upper()
    return _ALIASES.get(upper, upper)


def check_conf(key: str, value: str | None = None) -> None:
    """Raises ApiError with the service's condition names for an unknown key or a bad value."""
    name = canonical_conf(key)
    if name not in KNOWN_CONFS:
        if name.startswith(_TOLERATED_PREFIXES):
            return
        raise ApiError(
            400,
            "BAD_REQUEST",
            f"[CONFIG_NOT_AVAILABLE] Configuration {key} is not available. SQLSTATE: 42K0I",
        )
    allowed = KNOWN_CONFS[name][1]
    good = value is None or allowed is None or value.strip().lower() in allowed
    if good and value is not None and name == "TIMEZONE":
        good = zone_for_engine(value) is not None
    if good and value is not None and name == "STATEMENT_TIMEOUT":
        good = value.strip().isdigit()
    if not good:
        raise ApiError(
            400,
            "BAD_REQUEST",
            f"[INVALID_CONF_VALUE] The value '{value}' in the config \"{key}\" is invalid. SQLSTATE: 22022",
        )


_ZONES_LOCK = threading.Lock()
_ZONES: dict[str, str] = {}


def install_zones(names: list[str]) -> None:
    """Called once with the zone names that the engine knows."""
    with _ZONES_LOCK:
        _ZONES.update({n.lower(): n for n in names})


def zone_for_engine(name: str) -> str | None:
    """The Arrow/engine spelling of a session time zone; UTC is called Etc/UTC on the wire."""
    text = name.strip()
    if text.upper() in ("UTC", "Z", "ETC/UTC", "GMT", "UTC+0", "+00:00", "-00:00"):
        return "Etc/UTC"
    found = _ZONES.get(text.lower())
    return found if found else _offset_zone(text)


def _offset_zone(text: str) -> str | None:
    """+05:00 as a fixed zone; whole hours only, because tz names have no others."""
    body = text.upper().removeprefix("UTC").removeprefix("GMT")
    if len(body) < 2 or body[0] not in "+-":
        return None
    hours, _, minutes = body[1:].partition(":")
    if not hours.isdigit() or (minutes and minutes not in ("00", "0")) or int(hours) > 14:
        return None
    sign = "-" if body[0] == "+" else "+"  # POSIX counts west positive
    return f"Etc/GMT{sign}{int(hours)}" if int(hours) else "Etc/UTC"


@dataclass
class Session:
    id: str
    warehouse_id: str
    catalog: str = DEFAULT_CATALOG
    schema: str = DEFAULT_SCHEMA
    confs: dict[str, str] = field(default_factory=dict)  # canonical name -> value as given
    created: float = 0.0
    last_used: float = 0.0
    user: str = "local"
    org: str = ""  # the workspace it belongs to
    transaction: Any = None  # the engine's, while one is open
    variables: dict[str, Any] = field(default_factory=dict)  # lower name -> typed value
    temp_functions: dict[str, Any] = field(default_factory=dict)  # lower name -> SQL function
    temporary: dict[str, Any] = field(default_factory=dict)  # lower name -> catalog entry

    def conf(self, name: str) -> str:
        key = canonical_conf(name)
        return self.confs.get(key, KNOWN_CONFS.get(key, ("", None))[0])

    def set_conf(self, name: str, value: str) -> None:
        self.confs[canonical_conf(name)] = value

    @property
    def ansi(self) -> bool:
        return self.conf("ANSI_MODE").strip().lower() != "false"

    @property
    def zone(self) -> str:
        return zone_for_engine(self.conf("TIMEZONE")) or "Etc/UTC"

    @property
    def timeout_s(self) -> float:
        text = self.conf("STATEMENT_TIMEOUT").strip()
        return float(text) if text.isdigit() else 0.0


class Sessions:
    def __init__(self, clock: Clock, ids: Ids) -> None:
        self._clock = clock
        self._ids = ids
        self._open: dict[str, Session] = {}

    def create(self, warehouse_id: str, catalog: str, schema: str, confs: dict[str, str]) -> Session:
        for key, value in confs.items():
            check_conf(key, value)
        session = self.detached(warehouse_id, catalog, schema)
        for key, value in confs.items():
            session.set_conf(key, value)
        session.id = self._ids.new()
        self._open[session.id] = session
        return session

    def detached(self, warehouse_id: str, catalog: str, schema: str) -> Session:
        """For a statement that names no session: the API allows that."""
        now = self._clock.now()
        return Session(
            id="",
            warehouse_id=warehouse_id,
            catalog=catalog or DEFAULT_CATALOG,
            schema=schema or DEFAULT_SCHEMA,
            created=now,
            last_used=now,
        )

    def get(self, session_id: str) -> Session:
        session = self._open.get(session_id)
        if session is None:
            raise not_found(f"Session {session_id} does not exist or is closed.")
        session.last_used = self._clock.now()
        return session

    def peek(self, session_id: str) -> Session | None:
        return self._open.get(session_id)

    def delete(self, session_id: str) -> Session:
        session = self._open.pop(session_id, None)
        if session is None:
            raise not_found(f"Session {session_id} does not exist or is closed.")
        return session

    def expire(self, session_id: str) -> None:
        self._open.pop(session_id, None)

    def count(self) -> int:
        return len(self._open)
