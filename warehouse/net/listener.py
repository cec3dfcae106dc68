"""A port under our control: accepts one connection at a time, so that each can have its own fate.

uvicorn would accept by itself; then no connection could be refused, left in silence, reset before its
first byte, or get a certificate of its own. The HTTP protocol behind it is still uvicorn's.
"""

from __future__ import annotations

import asyncio
import logging
import random
import socket
import ssl
from collections.abc import Callable
from typing import TYPE_CHECKING

from warehouse.faults.rules import Action, Faults
from warehouse.journal import Journal
from warehouse.net.protocol import reset_on_close

if TYPE_CHECKING:
    from warehouse.net.tls import Tls

log = logging.getLogger("warehouse.net")

BACKLOG = 2048
HANDSHAKE_LIMIT_S = 60.0


class Place:
    """A bound port. It is held by a socket that never listens: while the listening one is closed,
    clients are refused and nobody else can take the port."""

    def __init__(self, host: str, port: int) -> None:
        self._family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._host = host
        self._holder = self._bound(port)
        try:
            self.port = self._holder.getsockname()[1]
            self.first = self.listen()  # now, so that a port in use is told before anything starts
        except OSError:
            self._holder.close()
            raise

    def _bound(self, port: int) -> socket.socket:
        sock = socket.socket(self._family, socket.SOCK_STREAM)
        try:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            sock.bind((self._host, port))
        except OSError:
            sock.close()
            raise
        return sock

    def listen(self) -> socket.socket:
        sock = self._bound(self.port)
        sock.setblocking(False)
        sock.listen(BACKLOG)
        return sock


class Listener:
    """Accepts for one origin. ``make_protocol`` gives the HTTP protocol of a connection."""

    def __init__(
        self,
        origin: str,
        place: Place,
        make_protocol: Callable[[], asyncio.BaseProtocol] | None,
        faults: Faults,
        journal: Journal,
        tls: "Tls | None" = None,
    ) -> None:
        self.origin = origin
        self.place = place
        self.tls = tls
        self._make_protocol = make_protocol
        self._faults = faults
        self._journal = journal
        self._tasks: set[asyncio.Task] = set()
        self._loop_task: asyncio.Task | None = None
        self._socket: socket.socket | None = place.first

    def start(self) -> None:
        self._loop_task = asyncio.create_task(self._accept_loop())

    def close(self) -> None:
        for task in [self._loop_task, *self._tasks]:
            if task is not None:
                task.cancel()
        if self._socket is not None:
            self._socket.close()

    async def wait_closed(self) -> None:
        """What uvicorn asks of a server; here everything is closed at once."""

    async def refuse(self, seconds: float) -> None:
        """Closes the port for a while: the kernel refuses who knocks."""
        if self._socket is None:
            return
        if self._loop_task is not None:
            self._loop_task.cancel()
        self._socket.close()
        self._socket = None
        self._spawn(self._open_later(seconds))

    async def _open_later(self, seconds: float) -> None:
        await asyncio.sleep(seconds)
        self._socket = self.place.listen()
        self.start()

    def _spawn(self, work) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _accept_loop(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            try:
                connection, _ = await loop.sock_accept(self._socket)
            except OSError as error:  # out of descriptors, or the client is gone already
                log.warning("%s: accept: %s", self.origin, error)
                await asyncio.sleep(0.05)
                continue
            connection.setblocking(False)
            self._spawn(self._admit(connection))

    async def _admit(self, connection: socket.socket) -> None:
        actions = self._faults.take("conn", origin=self.origin)
        context = self.tls.context() if self.tls is not None else None
        try:
            if actions:
                self._note(faults=[a.text() for a in actions])
                context = await self._suffer(connection, actions, context)
            await self.serve(connection, context)
        except _Spoiled:
            connection.close()
        except (OSError, ssl.SSLError, asyncio.TimeoutError) as error:
            # A failed handshake: clients that retry certificate errors are seen by these entries.
            self._note(outcome=f"handshake failed: {getattr(error, 'reason', None) or error}")
            connection.close()
        except asyncio.CancelledError:
            connection.close()
            raise

    async def serve(self, connection: socket.socket, context: ssl.SSLContext | None) -> None:
        """Hands the connection to HTTP."""
        loop = asyncio.get_running_loop()
        limit = {"ssl_handshake_timeout": HANDSHAKE_LIMIT_S} if context is not None else {}
        await loop.connect_accepted_socket(self._make_protocol, connection, ssl=context, **limit)

    def _note(self, **facts) -> None:
        self._journal.open(origin=self.origin, method="ACCEPT", path="", **facts)

    # -- faults ----------------------------------------------------------------------------------
    async def _suffer(
        self, connection: socket.socket, actions: list[Action], context: ssl.SSLContext | None
    ) -> ssl.SSLContext | None:
        """Applies actions of the point ``conn``; returns the TLS context for what is left."""
        wishes: dict[str, object] = {}
        for action in actions:
            if action.name in ("reset", "refuse"):
                if action.name == "refuse":
                    await self.refuse(action.seconds(1.0))
                reset_on_close(connection)
                raise _Spoiled
            if action.name == "close":
                raise _Spoiled
            if action.name == "silence":
                await asyncio.sleep(3600.0)
                raise _Spoiled
            if action.name == "garbage":
                await asyncio.get_running_loop().sock_sendall(connection, random.Random(1).randbytes(512))
                raise _Spoiled
            if action.name == "handshake":
                await asyncio.sleep(action.seconds(1.0))
            elif action.name == "cert":
                wishes["kind"] = action.args[0]
            elif action.name == "tls":
                wishes["version"] = action.args[0]
            elif action.name == "clientcert":
                wishes["client_required"] = True
            elif action.name == "streams":
                wishes["streams"] = action.number(1)
        return self.tls.context(**wishes) if wishes and self.tls is not None else context


class _Spoiled(Exception):
    """The connection ends here; it still has to be closed."""
