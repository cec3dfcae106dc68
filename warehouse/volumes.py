"""Objects of volumes and of the user's stage: kept in memory, reached by signed links or the Files API."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

from warehouse.catalog import Catalogs

if TYPE_CHECKING:
    from warehouse.storage import Links

TOTAL_MAX_BYTES = 4 << 30
STAGE = "stage://tmp/"


class VolumeError(Exception):
    """A path that cannot be used. ``code`` is the error code of the Files API."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status, self.code, self.message = status, code, message


@dataclass
class Entry:
    path: str
    is_directory: bool
    size: int = 0
    modified: float = 0.0  # epoch seconds

    @property
    def name(self) -> str:
        return self.path.rstrip("/").rsplit("/", 1)[1]


class Volumes:
    """Keys are full paths (``/Volumes/c/s/v/file`` or ``/stage/tmp/user/file``)."""

    def __init__(self, catalogs: Catalogs) -> None:
        self.links: Links | None = None  # set by the server: signs what statements hand out
        self._catalogs = catalogs
        self._objects: dict[str, tuple[bytes, float]] = {}
        self._directories: set[str] = set()
        self._total = 0
        self._lock = threading.Lock()

    # -- names -----------------------------------------------------------------------------------
    def key(self, path: str, user: str) -> str:
        """The key of a path, once it is sure that the place exists and is the user's."""
        text = path.removeprefix("dbfs:")
        if "\x00" in text or "/../" in text + "/" or "/./" in text + "/":
            raise VolumeError(400, "INVALID_PARAMETER_VALUE", f"The path is not valid: {path!r}")
        if text.startswith(STAGE):
            owner, _, rest = text.removeprefix(STAGE).partition("/")
            if owner != user:
                raise VolumeError(403, "PERMISSION_DENIED", f"PERMISSION_DENIED: The stage of {owner} is not yours")
            return f"/stage/tmp/{owner}/{_clean(rest)}"
        parts = [p for p in text.split("/") if p]
        if not text.startswith("/Volumes/") or len(parts) < 2:
            raise VolumeError(400, "INVALID_PARAMETER_VALUE", f"The path must start with /Volumes/: {path}")
        self._check_volume(parts[1:4])
        return "/" + "/".join(["Volumes", *(p.lower() for p in parts[1:4]), *parts[4:]])

    def _check_volume(self, parts: list[str]) -> None:
        catalog, schema, volume = [*(p.lower() for p in parts), "", ""][:3]
        if not self._catalogs.has_catalog(catalog):
            raise VolumeError(404, "NOT_FOUND", f"NOT_FOUND: Catalog '{parts[0]}' does not exist.")
        found = self._catalogs.find_schema(catalog, schema)
        if found is None:
            raise VolumeError(404, "NOT_FOUND", f"NOT_FOUND: Schema '{catalog}.{schema}' does not exist.")
        if volume not in found.volumes:
            raise VolumeError(404, "NOT_FOUND", f"NOT_FOUND: Volume '{catalog}.{schema}.{volume}' does not exist.")

    def drop_volume(self, catalog: str, schema: str, volume: str) -> None:
        """Forgets what a volume held; the names are in lower case."""
        root = f"/Volumes/{catalog}/{schema}/{volume}/"
        with self._lock:
            for key in [k for k in self._objects if k.startswith(root)]:
                self._total -= len(self._objects.pop(key)[0])
            self._directories = {d for d in self._directories if not d.startswith(root)}

    # -- objects ---------------------------------------------------------------------------------
    def put(self, key: str, data: bytes, now: float) -> bool:
        """True when it is new."""
        with self._lock:
            old = self._objects.get(key)
            total = self._total + len(data) - (len(old[0]) if old else 0)
            if total > TOTAL_MAX_BYTES:
                raise VolumeError(413, "RESOURCE_EXHAUSTED", f"Volumes hold at most {TOTAL_MAX_BYTES} bytes.")
            self._objects[key] = (data, now)
            self._total = total
            return old is None

    def get(self, key: str) -> tuple[bytes, float] | None:
        return self._objects.get(key)

    def exists(self, key: str) -> bool:
        return key in self._objects

    def remove(self, key: str) -> bool:
        with self._lock:
            old = self._objects.pop(key, None)
            self._total -= len(old[0]) if old else 0
            return old is not None

    # -- directories -----------------------------------------------------------------------------
    def make_directory(self, key: str) -> None:
        self._directories.add(key.rstrip("/") + "/")

    def is_directory(self, key: str) -> bool:
        """Made as one, holding something, or the root of a volume."""
        root = key.rstrip("/") + "/"
        if root in self._directories or (root.startswith("/Volumes/") and root.count("/") == 5):
            return True
        with self._lock:
            return any(k.startswith(root) for k in (*self._objects, *self._directories))

    def remove_directory(self, key: str) -> None:
        if self.list(key):
            raise VolumeError(400, "DIRECTORY_NOT_EMPTY", f"The directory is not empty: {key}")
        self._directories.discard(key.rstrip("/") + "/")

    def under(self, key: str) -> list[str]:
        """The keys of all objects in a directory, however deep."""
        root = key.rstrip("/") + "/"
        with self._lock:
            return sorted(k for k in self._objects if k.startswith(root))

    def list(self, key: str) -> list[Entry]:
        """What lies directly in a directory, or the object itself."""
        found: dict[str, Entry] = {}
        root = key.rstrip("/") + "/"
        with self._lock:
            objects, directories = dict(self._objects), set(self._directories)
        for path, (data, modified) in objects.items():
            if path == key:
                found[path] = Entry(path, False, len(data), modified)
            elif path.startswith(root):
                name, slash, _ = path[len(root) :].partition("/")
                if slash:
                    found.setdefault(root + name, Entry(f"{root}{name}/", True))
                else:
                    found[path] = Entry(path, False, len(data), modified)
        for path in directories:
            if path.startswith(root) and path != root:
                name = path[len(root) :].split("/", 1)[0]
                found.setdefault(root + name, Entry(f"{root}{name}/", True))
        return [found[k] for k in sorted(found)]


def _clean(path: str) -> str:
    return "/".join(p for p in path.split("/") if p)
