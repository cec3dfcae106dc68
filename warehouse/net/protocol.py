"""HTTP connections that know their number and can be cut: what the journal and faults need."""

from __future__ import annotations

import asyncio
import itertools
import os
import socket
import struct
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

_numbers = itertools.count(1)


def reset_on_close(sock: Any) -> None:
    """A zero linger time makes the kernel drop what is unsent and send TCP RST."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


class ConnectionHandle:
    """Given to the application in ``scope["extensions"]["lw.connection"]``."""

    def __init__(self, number: int, protocol: "WarehouseProtocol", transport: Any) -> None:
        self.number = number
        self.drops_next = False
        self._protocol = protocol
        self._transport = transport
        self._lost = asyncio.Event()

    # -- facts -----------------------------------------------------------------------------------
    def tls_facts(self) -> dict[str, Any] | None:
        """Version, cipher and the client's certificate, for the journal; None without TLS."""
        ssl_object = self._transport.get_extra_info("ssl_object")
        if ssl_object is None:
            return None
        peer = ssl_object.getpeercert() or {}
        subject = {key: value for part in peer.get("subject", ()) for key, value in part}
        return {
            "version": ssl_object.version(),
            "cipher": ssl_object.cipher()[0],
            "client": subject.get("commonName"),
            "alpn": ssl_object.selected_alpn_protocol(),
        }

    def lost(self) -> None:
        self._lost.set()

    async def gone(self, timeout_s: float) -> None:
        """Waits until the client has left."""
        try:
            await asyncio.wait_for(self._lost.wait(), timeout_s)
        except TimeoutError:
            self._transport.abort()

    async def flushed(self) -> None:
        """Waits until what was written has left this process, so that a reset does not swallow it."""
        for _ in range(200):
            if self._transport.get_write_buffer_size() == 0:
                break
            await asyncio.sleep(0.005)
        await asyncio.sleep(0.02)  # the client's kernel must have it before the RST comes

    # -- violence --------------------------------------------------------------------------------
    def detach(self) -> None:
        """Takes the answer out of the HTTP library's hands: it must not add a 500 of its own."""
        cycle = self._protocol.cycle
        if cycle is not None:
            cycle.disconnected = True

    def write(self, data: bytes) -> None:
        self._transport.write(data)

    def drop_next_request(self) -> None:
        """Resets the connection when the next request arrives on it."""
        self.drops_next = True

    def reset(self) -> None:
        """Closes with TCP RST."""
        sock = self._transport.get_extra_info("socket")
        if sock is not None:
            reset_on_close(sock)
        self._transport.abort()

    def close(self) -> None:
        """Sends what was written so far, then closes: the client sees a body cut short."""
        self._transport.close()

    async def close_raw(self) -> None:
        """FIN without TLS's farewell."""
        await self.half_close()
        self._transport.abort()

    async def half_close(self) -> None:
        """FIN in our direction only; the client may go on sending."""
        await self.flushed()
        sock = self._transport.get_extra_info("socket")
        if sock is not None:
            # Not write_eof: TLS transports have none, and here nothing of TLS is wanted.
            with socket.socket(fileno=os.dup(sock.fileno())) as twin:
                twin.shutdown(socket.SHUT_WR)

    def ignore_expect(self) -> None:
        """Never sends ``100 Continue``."""
        cycle = self._protocol.cycle
        if cycle is not None:
            cycle.waiting_for_100_continue = False


class WarehouseProtocol(HttpToolsProtocol):
    origin = ""  # set by the listener that made it

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self._lw_connection = ConnectionHandle(next(_numbers), self, transport)

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._lw_connection.lost()

    def data_received(self, data: bytes) -> None:
        if self._lw_connection.drops_next and self.cycle is not None and self.cycle.response_complete:
            self._lw_connection.reset()
            return
        super().data_received(data)

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self.scope["extensions"] = {"lw.connection": self._lw_connection, "lw.origin": self.origin}
