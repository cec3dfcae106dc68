"""Proxies for tests: a plain CONNECT proxy, and one that reads along with a CA of its own.

Both lead only to this server's own origins, whatever host is asked for: a proxy that goes anywhere
would be an open relay. The asked port decides; 443 and 80 mean the API origin, or the storage origin
when the host's name starts with ``storage``.
"""

from __future__ import annotations

import asyncio
import base64
import hmac
import socket
import ssl
from dataclasses import dataclass
from urllib.parse import urlsplit

from warehouse.faults.rules import Action
from warehouse.journal import redact_headers
from warehouse.net.listener import Listener
from warehouse.net.protocol import reset_on_close
from warehouse.net.tls import Interceptor, upstream_context

HEAD_MAX_BYTES = 64 * 1024
HEAD_LIMIT_S = 60.0
_REASONS = {200: "Connection established", 407: "Proxy Authentication Required", 502: "Bad Gateway"}


@dataclass
class _Head:
    method: str
    target: str
    headers: list[tuple[bytes, bytes]]
    rest: bytes  # what came behind the head

    def header(self, name: bytes) -> str | None:
        return next((v.decode("latin-1") for n, v in self.headers if n.lower() == name), None)


class Proxy(Listener):
    """One proxy port. With an interceptor, TLS inside CONNECT ends here and starts again behind it."""

    upstreams: dict[str, Listener] = {}
    credentials: str | None = None  # "user:password"
    interceptor: Interceptor | None = None

    async def serve(self, connection: socket.socket, context: ssl.SSLContext | None) -> None:
        entry: dict = {}
        try:
            while True:
                head = await asyncio.wait_for(_read_head(connection), HEAD_LIMIT_S)
                if head is None:
                    return
                entry = self._open_entry(head)
                if not await self._answer(connection, head, entry):
                    return
        except (ValueError, OSError, asyncio.TimeoutError) as error:
            entry["outcome"] = f"{type(error).__name__}: {error}"
        finally:
            connection.close()

    def _open_entry(self, head: _Head) -> dict:
        headers = redact_headers(head.headers)
        return self._journal.open(origin=self.origin, method=head.method, path=head.target, headers=headers)

    async def _answer(self, connection: socket.socket, head: _Head, entry: dict) -> bool:
        """True when the client may ask again on this connection."""
        actions = self._faults.take("proxy", origin=self.origin)
        if actions:
            entry["faults"] = [a.text() for a in actions]
        for action in actions:
            if action.name == "stall":
                await asyncio.sleep(action.seconds(60.0))
            elif action.name != "silence" or not action.args:
                return await _refuse(connection, action, entry)
        if not self._knows(head.header(b"proxy-authorization")):
            return await _reply(connection, 407, entry)
        upstream = self._upstream(head)
        if upstream is None:
            return await _reply(connection, 502, entry)
        entry["status"] = 200
        if head.method == "CONNECT":
            await _send(connection, b"HTTP/1.1 200 Connection established\r\n\r\n")
        if any(a.name == "silence" for a in actions):
            await asyncio.sleep(3600.0)
        await self._join(connection, head, upstream)
        return False

    def _knows(self, header: str | None) -> bool:
        if self.credentials is None:
            return True
        good = "Basic " + base64.b64encode(self.credentials.encode()).decode()
        return hmac.compare_digest((header or "").encode("latin-1"), good.encode())

    def _upstream(self, head: _Head) -> Listener | None:
        host, port = _host_and_port(head)
        for listener in self.upstreams.values():
            if listener.place.port == port:
                return listener
        if port in (80, 443):
            return self.upstreams["storage" if host.startswith("storage") else "api"]
        return None

    async def _join(self, connection: socket.socket, head: _Head, upstream: Listener) -> None:
        inside = None
        if head.method == "CONNECT" and self.interceptor is not None:
            inside = self.interceptor.context(_host_and_port(head)[0])
        client_reader, client_writer = await _streams(connection.dup(), inside)
        try:
            outside = upstream_context() if inside is not None and upstream.tls is not None else None
            reader, writer = await asyncio.open_connection("127.0.0.1", upstream.place.port, ssl=outside)
        except OSError:
            client_writer.close()
            raise
        writer.write(head.rest if head.method == "CONNECT" else _origin_form(head))
        await asyncio.gather(_pump(client_reader, writer), _pump(reader, client_writer), return_exceptions=True)


# -- HTTP by hand ---------------------------------------------------------------------------------
async def _read_head(connection: socket.socket) -> _Head | None:
    """The next request's head, or None when the client is gone."""
    loop, data = asyncio.get_running_loop(), b""
    while b"\r\n\r\n" not in data:
        part = await loop.sock_recv(connection, 4096)
        if not part:
            return None
        data += part
        if len(data) > HEAD_MAX_BYTES:
            raise ValueError("the request's head is too large")
    block, _, rest = data.partition(b"\r\n\r\n")
    first, *lines = block.split(b"\r\n")
    words = first.decode("latin-1").split(" ")
    if len(words) != 3 or not words[2].startswith("HTTP/1."):
        raise ValueError("not an HTTP request")
    headers = [(n.strip(), v.strip()) for n, _, v in (line.partition(b":") for line in lines)]
    return _Head(words[0], words[1], headers, rest)


def _host_and_port(head: _Head) -> tuple[str, int]:
    if head.method == "CONNECT":
        host, _, port = head.target.rpartition(":")
        if not host or not port.isdigit():
            raise ValueError(f"CONNECT needs host:port, not {head.target[:100]}")
        return host.strip("[]").lower(), int(port)
    parts = urlsplit(head.target)
    return (parts.hostname or "").lower(), parts.port or 80


def _origin_form(head: _Head) -> bytes:
    """``GET http://host/path`` as the origin wants it; one request per connection."""
    parts = urlsplit(head.target)
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    kept = [h for h in head.headers if not h[0].lower().startswith(b"proxy-") and h[0].lower() != b"connection"]
    lines = [f"{head.method} {path} HTTP/1.1".encode("latin-1"), *(n + b": " + v for n, v in kept)]
    return b"\r\n".join([*lines, b"connection: close", b"", head.rest])


async def _send(connection: socket.socket, data: bytes) -> None:
    await asyncio.get_running_loop().sock_sendall(connection, data)


async def _reply(connection: socket.socket, code: int, entry: dict) -> bool:
    entry["status"] = code
    lines = [f"HTTP/1.1 {code} {_REASONS.get(code, 'Faulty')}", "content-length: 0"]
    if code == 407:
        lines.append('proxy-authenticate: Basic realm="local warehouse"')
    await _send(connection, "\r\n".join([*lines, "", ""]).encode())
    return True


async def _refuse(connection: socket.socket, action: Action, entry: dict) -> bool:
    entry["outcome"] = action.text()
    if action.name == "status":
        return await _reply(connection, int(action.args[0]), entry)
    if action.name == "silence":
        await asyncio.sleep(3600.0)
    if action.name == "reset":
        reset_on_close(connection)
    return False


async def _streams(
    connection: socket.socket, context: ssl.SSLContext | None
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader()
    protocol = asyncio.StreamReaderProtocol(reader)
    transport, _ = await loop.connect_accepted_socket(lambda: protocol, connection, ssl=context)
    return reader, asyncio.StreamWriter(transport, protocol, reader, loop)


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """One direction, until its end; then the other side is told that nothing more comes."""
    try:
        while data := await reader.read(65_536):
            writer.write(data)
            await writer.drain()
    finally:
        if writer.can_write_eof():
            writer.write_eof()
        else:
            writer.close()
