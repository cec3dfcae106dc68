"""One running server: ports, listeners, proxies, signals, the end of the process."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import signal
import sys
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import uvicorn

from warehouse.app import App, Warehouse
from warehouse.clock import Clock
from warehouse.config import HTTP_PATH, Config
from warehouse.engine.base import Engine
from warehouse.ids import Ids
from warehouse.journal import Effects
from warehouse.net.listener import Listener, Place
from warehouse.net.protocol import WarehouseProtocol

if TYPE_CHECKING:
    from warehouse.net.certs import Folder

EXIT_USAGE = 2
# Some 20 frames of the SQL parser for each level that a statement is nested: room for a few hundred levels.
RECURSION_MAX = 8_000
STACK_BYTES = 64 << 20  # of each worker; only what is used is taken


class Ports:
    """The bound ports and, with TLS, the folder of certificates: all that the port file tells."""

    def __init__(self, config: Config) -> None:
        self._config = config
        wanted = {"api": config.port, "storage": config.storage_port}
        if config.proxy_port is not None:
            wanted["proxy"] = config.proxy_port
        if config.mitm_port is not None:
            wanted["mitm"] = config.mitm_port
        self.places = {origin: _bind(config.host, port) for origin, port in wanted.items()}
        self.folder: Folder | None = None
        if config.tls or config.mitm_port is not None:
            self.folder = _certificates(config)
        config.url, config.storage_url = self.url("api"), self.url("storage")

    def url(self, origin: str) -> str:
        host = self._config.host
        if origin == "storage" and self._config.link_host:
            host = self._config.link_host
        shown = f"[{host}]" if ":" in host else host
        secure = origin in self._config.tls
        return f"{'https' if secure else 'http'}://{shown}:{self.places[origin].port}"

    def tell(self) -> dict[str, Any]:
        """The content of the port file; what is switched off is not in it."""
        config = self._config
        content = {
            "url": config.url,
            "storage_url": config.storage_url,
            "http_path": HTTP_PATH,
            "token": config.token or "local",
            "pid": os.getpid(),
        }
        for origin in ("proxy", "mitm"):
            if origin in self.places:
                content[f"{origin}_url"] = self.url(origin)
        if self.folder is not None:
            content["tls_dir"] = str(self.folder.path)
        return content


def _bind(host: str, port: int) -> Place:
    """A port, or a one-line message and exit code 2."""
    try:
        return Place(host, port)
    except OSError as error:
        reason = "the port is in use" if error.errno == 98 else (error.strerror or str(error))
        print(f"dbkernel local warehouse: cannot listen on {host}:{port}: {reason}", file=sys.stderr)
        raise SystemExit(EXIT_USAGE) from None


def _certificates(config: Config) -> "Folder":
    try:
        from warehouse.net.certs import Folder
    except ImportError:
        print("dbkernel local warehouse: TLS needs the Python package cryptography", file=sys.stderr)
        raise SystemExit(EXIT_USAGE) from None
    path = Path(config.tls_dir or tempfile.mkdtemp(prefix="dbkernel-warehouse-tls-"))
    names = ["localhost", "127.0.0.1", "::1", *config.tls_names]
    if config.host not in names:
        names.append(config.host)
    return Folder(path, names)


class _Server(uvicorn.Server):
    """uvicorn's life cycle over our own listeners, and our signal rule: the first SIGINT or SIGTERM
    stops, whatever clients do."""

    def __init__(
        self, app: App, make_listeners: Callable, on_ready: Callable[[], None], request_timeout_s: float
    ) -> None:
        options = {"loop": "none", "lifespan": "off", "ws": "none", "access_log": False, "log_config": None}
        super().__init__(
            uvicorn.Config(
                app,
                http=WarehouseProtocol,
                server_header=False,
                date_header=False,
                timeout_keep_alive=120,
                **options,
            )
        )
        self._make_listeners = make_listeners
        self._on_ready = on_ready
        self._request_timeout_s = request_timeout_s

    def handle_exit(self, sig: int, frame) -> None:
        self.stop()

    def stop(self) -> None:
        self.should_exit = True
        self.force_exit = True  # do not wait for clients that keep a connection or a download open

    async def startup(self, sockets=None) -> None:
        await self.lifespan.startup()

        def protocol_of(origin: str, http2: bool) -> Callable[[], asyncio.BaseProtocol]:
            def make() -> WarehouseProtocol:
                protocol = WarehouseProtocol(
                    config=self.config, server_state=self.server_state, app_state=self.lifespan.state
                )
                protocol.origin, protocol.patience_s = origin, self._request_timeout_s
                return protocol

            return _either(make, self.config.loaded_app, origin, self._request_timeout_s) if http2 else make

        self.servers = self._make_listeners(protocol_of)
        for listener in self.servers:
            listener.start()
        self.started = True
        self._on_ready()


def _either(http1: Callable, app: Callable, origin: str, patience_s: float) -> Callable[[], asyncio.BaseProtocol]:
    """HTTP/2 or HTTP/1.1, as each client wishes."""
    from warehouse.net.http2 import ByAlpn, Http2Protocol

    return lambda: ByAlpn(lambda: Http2Protocol(app, origin, patience_s), http1)


def _listeners(config: Config, ports: Ports, warehouse: Warehouse, protocol_of: Callable) -> list[Listener]:
    tls = None
    if config.tls:
        from warehouse.net.tls import Tls

        protocols = ("h2", "http/1.1") if config.http2 else ("http/1.1",)
        tls = Tls(ports.folder, config.tls_cert, config.tls_min, config.tls_max, config.tls_client_cert, protocols)
    shared = {"faults": warehouse.faults, "journal": warehouse.journal}
    origins = {
        origin: Listener(
            origin, ports.places[origin], protocol_of(origin, config.http2 and origin in config.tls),
            tls=tls if origin in config.tls else None, **shared
        )  # fmt: skip
        for origin in ("api", "storage")
    }
    warehouse.listeners = dict(origins)
    for origin in ("proxy", "mitm"):
        if origin in ports.places:
            warehouse.listeners[origin] = _proxy(origin, config, ports, origins, shared)
    return list(warehouse.listeners.values())


def _proxy(origin: str, config: Config, ports: Ports, origins: dict[str, Listener], shared: dict) -> Listener:
    from warehouse.net.proxy import Proxy

    proxy = Proxy(origin, ports.places[origin], None, **shared)
    proxy.upstreams, proxy.credentials = origins, config.proxy_credentials
    if origin == "mitm":
        from warehouse.net.tls import Interceptor

        proxy.interceptor = Interceptor(ports.folder)
    return proxy


# -- the process ----------------------------------------------------------------------------------
def _write_port_file(config: Config, content: dict[str, Any]) -> None:
    """Appears at once and whole: whoever waits for it never reads half a file."""
    path = Path(config.port_file)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=path.name)
    with os.fdopen(handle, "w") as file:
        json.dump(content, file)
    os.replace(name, path)


async def _watch(server: _Server, warehouse: Warehouse, parent: int) -> None:
    config = warehouse.config
    while not server.should_exit:
        await asyncio.sleep(0.25)
        warehouse.statements.forget_old()
        if config.exit_with_parent and os.getppid() != parent:
            server.stop()
        idle_s = warehouse.clock.now() - warehouse.last_request
        if config.idle_exit_s and idle_s >= config.idle_exit_s and warehouse.is_idle():
            server.stop()


async def _serve(config: Config, ports: Ports, engine: Engine, effects: Effects, parent: int) -> None:
    warehouse = Warehouse(config, engine, effects, Clock(), Ids(config.seed))

    def ready() -> None:
        if config.port_file:
            _write_port_file(config, ports.tell())
        token = config.token or "local"
        print(f"dbkernel local warehouse: {config.url}  http_path {HTTP_PATH}  token {token}", flush=True)

    def listeners(protocol_of: Callable) -> list[Listener]:
        return _listeners(config, ports, warehouse, protocol_of)

    server = _Server(App(warehouse), listeners, ready, config.request_timeout_s)
    loop = asyncio.get_running_loop()
    for signum in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(signum, server.handle_exit, signum, None)
    watcher = asyncio.create_task(_watch(server, warehouse, parent))
    try:
        await server._serve()  # without uvicorn's own signal handlers
    finally:
        watcher.cancel()
        warehouse.statements.shutdown()


def run(config: Config, ports: Ports, engine: Engine, effects: Effects, parent: int) -> None:
    """Serves until a signal, then ends the process."""
    try:
        import uvloop

        loop_run = uvloop.run
    except ImportError:
        loop_run = asyncio.run
    sys.setrecursionlimit(RECURSION_MAX)
    threading.stack_size(STACK_BYTES)
    code = 0
    try:
        loop_run(_serve(config, ports, engine, effects, parent))
    except KeyboardInterrupt:
        pass
    except BaseException:
        logging.exception("the server stopped")
        code = 1
    sys.stdout.flush()
    sys.stderr.flush()
    # Worker threads may still be inside the engine; nothing on disk needs them to finish.
    os._exit(code)
