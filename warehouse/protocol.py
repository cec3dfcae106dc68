"""HTTP connections that know their number and can be cut: what the journal and faults need."""

from __future__ import annotations

import itertools
import socket
import struct
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

_numbers = itertools.count(1)


class ConnectionHandle:
    """Given to the application in ``scope["extensions"]["lw.connection"]``."""

    def __init__(self, number: int, transport: Any) -> None:
        self.number = number
        self._transport = transport

    def reset(self) -> None:
        """Closes with TCP RST: a zero linger time makes the kernel drop what is unsent."""
        sock = self._transport.get_extra_info("socket")
        if sock is not None:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._transport.abort()

    def close(self) -> None:
        """Sends what was written so far, then closes: the client sees a body cut short."""
        self._transport.close()


class WarehouseProtocol(HttpToolsProtocol):
    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self._lw_connection = ConnectionHandle(next(_numbers), transport)

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self.scope.setdefault("extensions", {})["lw.connection"] = self._lw_connection
