"""The command line: options, sockets, signals, the life of the process."""

from __future__ import annotations

import argparse
import asyncio
import ctypes
import json
import logging
import os
import signal
import socket
import sys
import tempfile
from pathlib import Path

import uvicorn

from warehouse.app import App, Warehouse
from warehouse.clock import Clock
from warehouse.config import MIB, Config
from warehouse.engine.duck import DuckEngine
from warehouse.ids import Ids
from warehouse.journal import Effects
from warehouse.protocol import WarehouseProtocol

HTTP_PATH = "/sql/1.0/warehouses/local"
EXIT_USAGE = 2
_LOOPBACK = ("127.0.0.1", "::1", "localhost")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m warehouse",
        description="A local SQL warehouse that speaks the Databricks SQL Statement Execution API.",
    )
    add = parser.add_argument
    add("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    add("--port", type=_port, default=0, help="API port, 0 for a free one (default: %(default)s)")
    add("--storage-port", type=_port, default=0, help="port of the storage origin (default: a free one)")
    add("--port-file", help="write {url, storage_url, http_path, token, pid} as JSON to this file when ready")
    add("--token", help="accept only this token (default: any that is not empty)")
    add("--warehouse-id", action="append", default=[], help="accept this warehouse id beside 'local'")
    add("--inline-max-bytes", type=_count, default=5 * MIB, help="largest result sent inline")
    add("--chunk-bytes", type=_positive, default=20 * MIB, help="uncompressed size of a chunk")
    add("--chunk-rows", type=_count, default=0, help="most rows in a chunk, 0 for no limit")
    add("--link-ttl", type=_seconds, default=900.0, metavar="S", help="life of a signed link in seconds")
    add("--links-per-page", type=_positive, default=32, help="most links in one answer")
    add("--require-link-headers", action="store_true", help="storage links need their http_headers")
    add("--idle-exit", type=_seconds, default=0.0, metavar="S", help="stop after S idle seconds")
    add("--exit-with-parent", action="store_true", help="stop when the parent process is gone")
    add("--seed", type=int, help="make ids and signatures reproducible")
    add("--log-level", default="warning", choices=("debug", "info", "warning", "error"))
    return parser


def _number(text: str, low: int, high: int) -> int:
    try:
        value = int(text)
    except ValueError:
        value = low - 1
    if not low <= value <= high:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from {low} to {high}")
    return value


def _port(text: str) -> int:
    return _number(text, 0, 65535)


def _count(text: str) -> int:
    return _number(text, 0, 1 << 40)


def _positive(text: str) -> int:
    return _number(text, 1, 1 << 40)


def _seconds(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value < 1e9:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds")
    return value


def _config(args: argparse.Namespace) -> Config:
    return Config(
        host=args.host,
        port=args.port,
        storage_port=args.storage_port,
        port_file=args.port_file,
        inline_max_bytes=args.inline_max_bytes,
        chunk_bytes=args.chunk_bytes,
        chunk_rows=args.chunk_rows,
        link_ttl_s=args.link_ttl,
        links_per_page=args.links_per_page,
        require_link_headers=args.require_link_headers,
        token=args.token,
        warehouse_ids=("local", *args.warehouse_id),
        log_level=args.log_level,
        idle_exit_s=args.idle_exit,
        exit_with_parent=args.exit_with_parent,
        seed=args.seed,
    )


def _bind(host: str, port: int) -> socket.socket:
    """A listening socket, or a one-line message and exit code 2."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind((host, port))
        sock.listen(2048)
    except OSError as error:
        sock.close()
        reason = "the port is in use" if error.errno == 98 else (error.strerror or str(error))
        print(f"dbkernel local warehouse: cannot listen on {host}:{port}: {reason}", file=sys.stderr)
        raise SystemExit(EXIT_USAGE) from None
    return sock


def _write_port_file(config: Config) -> None:
    """Appears at once and whole: whoever waits for it never reads half a file."""
    path = Path(config.port_file)
    content = {
        "url": config.url,
        "storage_url": config.storage_url,
        "http_path": HTTP_PATH,
        "token": config.token or "local",
        "pid": os.getpid(),
    }
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=path.name)
    with os.fdopen(handle, "w") as file:
        json.dump(content, file)
    os.replace(name, path)


def _die_with_parent() -> int:
    """Asks Linux for SIGTERM when the parent thread ends; elsewhere the watcher below notices."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(1, signal.SIGTERM)
    return os.getppid()


async def _watch(server: uvicorn.Server, warehouse: Warehouse, parent: int) -> None:
    config = warehouse.config
    while not server.should_exit:
        await asyncio.sleep(0.25)
        warehouse.statements.forget_old()
        if config.exit_with_parent and os.getppid() != parent:
            server.should_exit = True
        idle_s = warehouse.clock.now() - warehouse.last_request
        if config.idle_exit_s and idle_s >= config.idle_exit_s and warehouse.is_idle():
            server.should_exit = True


class _Server(uvicorn.Server):
    """uvicorn with our signal rule: the first SIGINT or SIGTERM stops, whatever clients do."""

    def handle_exit(self, sig: int, frame) -> None:
        self.should_exit = True
        self.force_exit = True  # do not wait for clients that keep a connection or a download open

    async def startup(self, sockets=None) -> None:
        await super().startup(sockets=sockets)
        self.on_ready()


async def _serve(config: Config, engine: DuckEngine, effects: Effects, sockets, parent: int) -> None:
    clock, ids = Clock(), Ids(config.seed)
    warehouse = Warehouse(config, engine, effects, clock, ids)
    app = App(warehouse, sockets[0].getsockname()[1])
    server = _Server(
        uvicorn.Config(
            app,
            http=WarehouseProtocol,
            loop="none",
            lifespan="off",
            ws="none",
            access_log=False,
            log_config=None,
            server_header=False,
            timeout_keep_alive=120,
            backlog=2048,
        )
    )

    def ready() -> None:
        if config.port_file:
            _write_port_file(config)
        print(
            f"dbkernel local warehouse: {config.url}  http_path {HTTP_PATH}  token {config.token or 'local'}",
            flush=True,
        )

    server.on_ready = ready
    loop = asyncio.get_running_loop()
    for signum in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(signum, server.handle_exit, signum, None)
    watcher = asyncio.create_task(_watch(server, warehouse, parent))
    try:
        await server._serve(sockets)  # without uvicorn's own signal handlers
    finally:
        watcher.cancel()
        warehouse.statements.shutdown()


def main(argv: list[str] | None = None) -> None:
    args = _parser().parse_args(argv)
    config = _config(args)
    parent = _die_with_parent() if config.exit_with_parent else os.getppid()
    logging.basicConfig(level=config.log_level.upper(), format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    sockets = [_bind(config.host, config.port), _bind(config.host, config.storage_port)]
    shown = f"[{config.host}]" if ":" in config.host else config.host
    config.url = f"http://{shown}:{sockets[0].getsockname()[1]}"
    config.storage_url = f"http://{shown}:{sockets[1].getsockname()[1]}"
    if config.host not in _LOOPBACK:
        print(
            f"dbkernel local warehouse: listening on {config.host}, which other machines may reach; "
            "tokens and data travel unencrypted",
            file=sys.stderr,
        )
    effects = Effects()
    engine = DuckEngine(effects)
    try:
        import uvloop

        run = uvloop.run
    except ImportError:
        run = asyncio.run
    code = 0
    try:
        run(_serve(config, engine, effects, sockets, parent))
    except KeyboardInterrupt:
        pass
    except BaseException:
        logging.exception("the server stopped")
        code = 1
    sys.stdout.flush()
    sys.stderr.flush()
    # Worker threads may still be inside the engine; nothing on disk needs them to finish.
    os._exit(code)
