"""The local warehouse as a driver that insists on https sees a real one: API and storage over TLS, with
certificates of an authority made for the run.

As a program it runs a command with the environment that the Go driver's server tests read:

    python tests/bundled/secure.py go test -tags databricks_kernel -run TestKernelE2E .
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from warehouse.testing import Server, local_warehouse  # noqa: E402


@dataclass
class SecureWarehouse:
    warehouse: Server
    host: str  # "127.0.0.1:PORT": https is implied
    roots: Path  # PEM file of the authority
    hashed: Path  # folder of roots as OpenSSL looks them up: by the hash of the subject


def _hashed(folder: Path, roots: Path) -> Path:
    hashed = folder / "hashed"
    hashed.mkdir()
    done = subprocess.run(
        ["openssl", "x509", "-in", roots, "-noout", "-hash"], capture_output=True, text=True, check=True, timeout=30
    )
    (hashed / f"{done.stdout.strip()}.0").write_text(roots.read_text())
    return hashed


@contextlib.contextmanager
def secure_warehouse() -> Iterator[SecureWarehouse]:
    with tempfile.TemporaryDirectory(prefix="dbk-tls-") as name:
        folder = Path(name)
        with local_warehouse("--tls", "both", "--tls-dir", str(folder / "tls")) as server:
            roots = folder / "tls" / "ca.pem"
            yield SecureWarehouse(server, server.host, roots, _hashed(folder, roots))


def main() -> int:
    with secure_warehouse() as secure:
        environment = dict(
            os.environ,
            DATABRICKS_PECOTESTING_SERVER_HOSTNAME=secure.host,
            DATABRICKS_PECOTESTING_HTTP_PATH2=secure.warehouse.http_path,
            DATABRICKS_PECOTESTING_TOKEN=secure.warehouse.token,
            SSL_CERT_FILE=str(secure.roots),
        )
        return subprocess.run(sys.argv[1:], env=environment).returncode


if __name__ == "__main__":
    sys.exit(main())
