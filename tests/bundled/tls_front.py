"""The local warehouse behind TLS, as a driver that insists on https sees a real one: a certificate for
127.0.0.1, signed by an authority made for the run.

As a program it runs a command with the environment that the Go driver's server tests read:

    python tests/bundled/tls_front.py go test -tags databricks_kernel -run TestKernelE2E .
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import ssl
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from warehouse.testing import Server, local_warehouse  # noqa: E402

START_LIMIT_S = 20.0


@dataclass
class Authority:
    """PEM files in one folder: the authority, and a server's certificate and key signed by it."""

    folder: Path

    @property
    def roots(self) -> Path:
        return self.folder / "ca.pem"

    @property
    def hashed(self) -> Path:
        """A folder of roots as OpenSSL looks them up, by the hash of the subject."""
        return self.folder / "hashed"


def _openssl(folder: Path, *args: str) -> str:
    done = subprocess.run(["openssl", *args], cwd=folder, capture_output=True, text=True, timeout=30)
    if done.returncode != 0:
        raise RuntimeError(f"openssl {args[0]}: {done.stderr}")
    return done.stdout.strip()


def make_authority(folder: Path) -> Authority:
    new_key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-noenc"]
    _openssl(
        folder, "req", "-x509", *new_key, "-keyout", "ca.key", "-out", "ca.pem", "-days", "2",
        "-subj", "/CN=dbkernel test authority", "-addext", "basicConstraints=critical,CA:TRUE",
    )  # fmt: skip
    _openssl(folder, "req", *new_key, "-keyout", "server.key", "-out", "server.csr", "-subj", "/CN=127.0.0.1")
    (folder / "ext").write_text("subjectAltName=IP:127.0.0.1,DNS:localhost\nbasicConstraints=CA:FALSE\n")
    _openssl(
        folder, "x509", "-req", "-in", "server.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial",
        "-out", "server.pem", "-days", "2", "-extfile", "ext",
    )  # fmt: skip
    authority = Authority(folder)
    authority.hashed.mkdir()
    name = _openssl(folder, "x509", "-in", "ca.pem", "-noout", "-hash")
    (authority.hashed / f"{name}.0").write_text(authority.roots.read_text())
    return authority


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError, asyncio.IncompleteReadError):
        while data := await reader.read(1 << 16):
            writer.write(data)
            await writer.drain()
    with contextlib.suppress(OSError):
        writer.close()


class Front:
    """Ends TLS on a free port of 127.0.0.1 and passes the bytes on; runs on a thread of its own."""

    def __init__(self, authority: Authority, host: str, port: int):
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(authority.folder / "server.pem", authority.folder / "server.key")
        self._target = (host, port)
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._stop = asyncio.Event()
        self._thread = threading.Thread(target=self._loop.run_until_complete, args=(self._serve(),), daemon=True)
        self.port = 0

    async def _connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            back_reader, back_writer = await asyncio.open_connection(*self._target)
        except OSError:
            writer.close()
            return
        await asyncio.gather(_pump(reader, back_writer), _pump(back_reader, writer))

    async def _serve(self) -> None:
        # A client that refuses the certificate is part of the tests, not worth a line.
        self._loop.set_exception_handler(lambda loop, context: None)
        server = await asyncio.start_server(self._connection, "127.0.0.1", 0, ssl=self._context)
        self.port = server.sockets[0].getsockname()[1]
        self._ready.set()
        await self._stop.wait()
        server.close()

    def __enter__(self) -> Front:
        self._thread.start()
        if not self._ready.wait(START_LIMIT_S):
            raise RuntimeError("the TLS front did not start")
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(START_LIMIT_S)


@dataclass
class SecureWarehouse:
    warehouse: Server
    authority: Authority
    host: str  # "127.0.0.1:PORT": https is implied


@contextlib.contextmanager
def secure_warehouse() -> Iterator[SecureWarehouse]:
    with tempfile.TemporaryDirectory(prefix="dbk-tls-") as folder, local_warehouse() as server:
        authority = make_authority(Path(folder))
        url = urlsplit(server.url)
        with Front(authority, url.hostname or "127.0.0.1", url.port or 80) as front:
            yield SecureWarehouse(server, authority, f"127.0.0.1:{front.port}")


def main() -> int:
    with secure_warehouse() as secure:
        environment = dict(
            os.environ,
            DATABRICKS_PECOTESTING_SERVER_HOSTNAME=secure.host,
            DATABRICKS_PECOTESTING_HTTP_PATH2=secure.warehouse.http_path,
            DATABRICKS_PECOTESTING_TOKEN=secure.warehouse.token,
            SSL_CERT_FILE=str(secure.authority.roots),
        )
        return subprocess.run(sys.argv[1:], env=environment).returncode


if __name__ == "__main__":
    sys.exit(main())
