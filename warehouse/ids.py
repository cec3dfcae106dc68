"""Identifiers that look like the service's own; reproducible when a seed is given."""

from __future__ import annotations

import random
import threading
import uuid


class Ids:
    def __init__(self, seed: int | None = None) -> None:
        self._random = random.Random(seed) if seed is not None else random.SystemRandom()
        self._lock = threading.Lock()

    def new(self) -> str:
        with self._lock:
            bits = self._random.getrandbits(128)
        return str(uuid.UUID(int=bits, version=4))

    def secret(self) -> bytes:
        with self._lock:
            return self._random.getrandbits(256).to_bytes(32, "big")
