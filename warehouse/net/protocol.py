"""HTTP connections that know their number and can be cut: what the journal and faults need."""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import socket
import struct
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEAD_MAX_BYTES = 256 * 1024
UNUSED_S = 120.0  # a connection on which no request ever comes

_numbers = itertools.count(1)


def next_number() -> int:
    """Connections of all listeners are counted together."""
    return next(_numbers)


def reset_on_close(sock: Any) -> None:
    """A zero linger time makes the kernel drop what is unsent and send TCP RST."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


class ConnectionHandle:
    """Given to the application in ``scope["extensions"]["lw.connection"]``."""

    http2: Any = None  # the stream, where the connection speaks HTTP/2

    def __init__(
        self, number: int, patience_s: float, transport: Any, protocol: "WarehouseProtocol | None" = None
    ) -> None:
        self.number = number
        self.patience_s = patience_s
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
    """HTTP/1.1 of uvicorn, with bounds: a head that is too large or does not end gets an answer and no
    further attention, and so does what is no HTTP."""

    origin = ""  # these two are set by the listener that made it
    patience_s = 60.0

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self._lw_connection = ConnectionHandle(next_number(), self.patience_s, transport, self)
        self._head_bytes: int | None = None  # of the request whose head is still coming in
        self._deadline = self.loop.call_later(UNUSED_S, transport.close)

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._deadline.cancel()
        self._lw_connection.lost()

    def data_received(self, data: bytes) -> None:
        if self._lw_connection.drops_next and self.cycle is not None and self.cycle.response_complete:
            self._lw_connection.reset()
            return
        if self._head_bytes is not None:
            self._head_bytes += len(data)
        super().data_received(data)
        if self._head_bytes is not None and self._head_bytes > HEAD_MAX_BYTES:
            self._give_up("431 Request Header Fields Too Large", f"The head is larger than {HEAD_MAX_BYTES} bytes.")

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._deadline.cancel()
        self._deadline = self.loop.call_later(self.patience_s, self._head_is_late)
        self._head_bytes = 0
        self.scope["extensions"] = {"lw.connection": self._lw_connection, "lw.origin": self.origin}

    def on_headers_complete(self) -> None:
        self._deadline.cancel()
        self._head_bytes = None
        super().on_headers_complete()

    def send_400_response(self, msg: str) -> None:
        self._give_up("400 Bad Request", msg)

    def _head_is_late(self) -> None:
        self._give_up("408 Request Timeout", f"The head of the request was not whole after {self.patience_s:g} seconds.")

    def _give_up(self, status: str, message: str) -> None:
        if self.transport.is_closing():
            return
        if self.origin == "storage":
            kind = "application/xml"
            body = f'<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>BadRequest</Code><Message>{message}</Message></Error>'
        else:
            kind = "application/json"
            body = json.dumps({"error_code": "MALFORMED_REQUEST", "message": message})
        head = f"HTTP/1.1 {status}\r\ncontent-type: {kind}\r\ncontent-length: {len(body)}\r\nconnection: close\r\n\r\n"
        self.transport.write((head + body).encode())
        self.transport.close()
