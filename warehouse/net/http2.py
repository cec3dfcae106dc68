"""HTTP/2 (``--http2``, with TLS): a connection of many requests that can be refused and cut one by one.

The framing is the library h2's. GOAWAY is written by hand: behind one of h2's own nothing can be sent,
and a server that takes its leave still answers what it has accepted.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Any
from urllib.parse import unquote

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.errors import ErrorCodes
from h2.events import (
    ConnectionTerminated,
    DataReceived,
    RemoteSettingsChanged,
    RequestReceived,
    StreamEnded,
    StreamReset,
    WindowUpdated,
)  # fmt: skip
from h2.exceptions import ProtocolError
from h2.settings import SettingCodes, Settings
from hyperframe.frame import GoAwayFrame

from warehouse.net.protocol import UNUSED_S, ConnectionHandle, next_number

log = logging.getLogger("warehouse.net")


class ByAlpn(asyncio.Protocol):
    """Gives a connection to HTTP/2 or to HTTP/1.1, as the handshake has settled."""

    def __init__(self, http2: Callable[[], "Http2Protocol"], http1: Callable[[], asyncio.Protocol]) -> None:
        self._http2, self._http1 = http2, http1

    def connection_made(self, transport: Any) -> None:
        chosen = transport.get_extra_info("ssl_object").selected_alpn_protocol()
        protocol = (self._http2 if chosen == "h2" else self._http1)()
        transport.set_protocol(protocol)
        protocol.connection_made(transport)


class Http2Protocol(asyncio.Protocol):
    """One connection. ``app`` is the ASGI application."""

    def __init__(self, app: Callable, origin: str, patience_s: float) -> None:
        self.app, self.origin, self.patience_s = app, origin, patience_s
        self.streams: dict[int, Stream] = {}
        self.transport: Any = None
        self.leaving = False  # GOAWAY was sent: closes with its last stream
        self.room = asyncio.Event()  # set when the client has made room in a window
        self.number = next_number()
        self.h2 = H2Connection(H2Configuration(client_side=False, header_encoding=None))
        self._tasks: set[asyncio.Task] = set()

    # -- what asyncio calls ----------------------------------------------------------------------
    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        most = getattr(transport.get_extra_info("ssl_object").context, "lw_streams", 0)
        if most:
            self.h2.local_settings = Settings(client=False, initial_values={SettingCodes.MAX_CONCURRENT_STREAMS: most})
        self.h2.initiate_connection()
        self.flush()
        self._unused = asyncio.get_running_loop().call_later(UNUSED_S, self._close_unused)

    def _close_unused(self) -> None:
        if not self.streams:
            self.transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        self._unused.cancel()
        for stream in list(self.streams.values()):
            stream.disconnect()
        self.room.set()

    def data_received(self, data: bytes) -> None:
        try:
            for event in self.h2.receive_data(data):
                self._handle(event)
        except ProtocolError as error:
            log.info("HTTP/2 connection %d: %s", self.number, error)
            self.flush()
            self.transport.close()
            return
        self.flush()

    def _handle(self, event: Any) -> None:
        if isinstance(event, RequestReceived):
            self._begin(event)
        elif isinstance(event, (WindowUpdated, RemoteSettingsChanged)):
            self.room.set()
        elif isinstance(event, ConnectionTerminated):
            self.transport.close()
        elif event_stream := self.streams.get(getattr(event, "stream_id", None)):
            if isinstance(event, DataReceived):
                event_stream.feed(event.data, event.flow_controlled_length)
            elif isinstance(event, StreamEnded):
                event_stream.feed_end()
            elif isinstance(event, StreamReset):
                event_stream.disconnect()

    # -- requests --------------------------------------------------------------------------------
    def _begin(self, event: RequestReceived) -> None:
        if self.leaving:  # the client does not know it yet; its request is above the last stream that counts
            return
        stream = Stream(self, event.stream_id)
        self.streams[event.stream_id] = stream
        task = asyncio.create_task(self._serve(stream, self._scope(event.headers, stream)))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _scope(self, headers: list[tuple[bytes, bytes]], stream: "Stream") -> dict[str, Any]:
        pseudo = {name: value for name, value in headers if name.startswith(b":")}
        path, _, query = pseudo[b":path"].partition(b"?")
        plain = [(n, v) for n, v in headers if not n.startswith(b":")]
        return {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "http_version": "2",
            "method": pseudo[b":method"].decode("ascii"),
            "scheme": pseudo[b":scheme"].decode("ascii"),
            "path": unquote(path.decode("latin-1")),
            "raw_path": path,
            "query_string": query,
            "root_path": "",
            "headers": [(b"host", pseudo.get(b":authority", b"")), *plain],
            "client": self.transport.get_extra_info("peername")[:2],
            "server": self.transport.get_extra_info("sockname")[:2],
            "extensions": {"lw.connection": stream.handle, "lw.origin": self.origin},
        }

    async def _serve(self, stream: "Stream", scope: dict[str, Any]) -> None:
        try:
            await self.app(scope, stream.receive, stream.send)
        except Exception:  # noqa: BLE001 - a bug of ours must not take the other requests along
            log.exception("HTTP/2 %s %s", scope["method"], scope["path"])
            stream.reset(ErrorCodes.INTERNAL_ERROR)
        finally:
            self.streams.pop(stream.number, None)
            if self.leaving and not self.streams:
                self.transport.close()

    # -- frames ----------------------------------------------------------------------------------
    def flush(self) -> None:
        data = self.h2.data_to_send()
        if data and not self.transport.is_closing():
            self.transport.write(data)

    def go_away(self, last_stream: int) -> None:
        """Takes leave: requests above ``last_stream`` were not and will not be processed."""
        self.leaving = True
        self.transport.write(GoAwayFrame(0, last_stream_id=last_stream, error_code=ErrorCodes.NO_ERROR).serialize())

    def ping(self, count: int) -> None:
        for i in range(count):
            self.h2.ping(i.to_bytes(8, "big"))
        self.flush()


class Stream:
    """One request and its answer, as ASGI wants them."""

    def __init__(self, connection: Http2Protocol, number: int) -> None:
        self.connection, self.number = connection, number
        self.handle = StreamHandle(self)
        self.gone = False  # the client has left, or our side was cut
        self.holds_window = False  # fault: what was read makes no room for more
        self._parts: asyncio.Queue[tuple[bytes, int, bool]] = asyncio.Queue()
        self._head: list[tuple[bytes, bytes]] = []

    def feed(self, data: bytes, cost: int) -> None:
        self._parts.put_nowait((data, cost, True))

    def feed_end(self) -> None:
        self._parts.put_nowait((b"", 0, False))

    def disconnect(self) -> None:
        self.gone = True
        self.handle.lost()
        self.feed_end()
        self.connection.room.set()

    async def receive(self) -> dict[str, Any]:
        if self.gone and self._parts.empty():
            return {"type": "http.disconnect"}
        data, cost, more = await self._parts.get()
        if self.gone:
            return {"type": "http.disconnect"}
        if cost and not self.holds_window:
            self.connection.h2.acknowledge_received_data(cost, self.number)
            self.connection.flush()
        return {"type": "http.request", "body": data, "more_body": more}

    async def send(self, message: dict[str, Any]) -> None:
        if self.gone:
            return
        if message["type"] == "http.response.start":
            headers = [
                (n.lower(), v) for n, v in message["headers"] if n.lower() not in (b"connection", b"transfer-encoding")
            ]
            self._head = [(b":status", b"%d" % message["status"]), *headers]
            return
        body, more = message.get("body", b""), message.get("more_body", False)
        h2 = self.connection.h2
        try:
            if self._head:
                h2.send_headers(self.number, self._head, end_stream=not body and not more)
                self._head = []
                if not body and not more:
                    self.connection.flush()
                    return
            await self._send_body(body, more)
        except ProtocolError:  # the client has reset the stream in between
            self.gone = True

    async def _send_body(self, body: bytes, more: bool) -> None:
        connection, at = self.connection, 0
        while at < len(body):
            size = min(connection.h2.local_flow_control_window(self.number), connection.h2.max_outbound_frame_size)
            if size <= 0:
                connection.room.clear()
                connection.flush()
                await connection.room.wait()
                if self.gone:
                    return
                continue
            part = body[at : at + size]
            at += len(part)
            connection.h2.send_data(self.number, part, end_stream=not more and at == len(body))
            connection.flush()
        if not body and not more:
            connection.h2.end_stream(self.number)
        connection.flush()

    def reset(self, code: ErrorCodes) -> None:
        """RST_STREAM: this request only."""
        if self.gone:
            return
        self.gone = True
        try:
            self.connection.h2.reset_stream(self.number, code)
        except ProtocolError:
            return
        self.connection.flush()


class StreamHandle(ConnectionHandle):
    """What faults do to a connection, seen from one of its requests.

    What needs the bytes of HTTP/1.1 (a wrong length, a bad chunk) breaks the stream here.
    """

    def __init__(self, stream: Stream) -> None:
        connection = stream.connection
        super().__init__(connection.number, connection.patience_s, connection.transport)
        self.http2 = stream

    def detach(self) -> None:
        self.http2.gone = True

    def write(self, data: bytes) -> None:
        self.http2.gone = False
        self.http2.reset(ErrorCodes.PROTOCOL_ERROR)

    def drop_next_request(self) -> None:
        self.http2.connection.go_away(self.http2.number)

    def ignore_expect(self) -> None:
        """There is no 100 Continue to be left out."""
