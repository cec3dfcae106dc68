"""The self-contained addon (make node) inside four Node.js: by the dynamic linker's own trace none of its calls goes
into the OpenSSL, libuv, zlib, nghttp2, zstd or brotli that Node.js exports to every library it loads."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from warehouse.testing import local_warehouse  # noqa: E402

ADDON = ROOT / "build" / "bundled" / "node" / "index.linux-x64-gnu.node"
NOT_OURS = re.compile(
    r"^(SSL_|TLS_|DTLS|EVP_|CRYPTO_|OPENSSL_|BIO_|ERR_|X509|PEM_|ASN1|RSA_|EC_|BN_|OSSL_|uv_|inflate|deflate|crc32|"
    r"adler32|compress|uncompress|nghttp2_|ZSTD_|Brotli|ares_|curl_|LZ4|json_)"
)
QUERY = """
require(process.argv[1]).openSession({ hostName: process.argv[2], httpPath: '/sql/1.0/warehouses/local', token: 'local' })
  .then(async (c) => { const s = await c.executeStatement('SELECT id FROM range(1000)'); await s.fetchNextBatch();
    await c.close(); console.log(process.version); });
"""
pytestmark = pytest.mark.skipif(not ADDON.exists(), reason=f"SYMBOLS NOT CHECKED: no {ADDON}: make node")


def node(version: str) -> Path:
    folder = ROOT / "build" / "node" / f"node-{version}"
    binary = folder / "node_modules" / "node" / "bin" / "node"
    if not binary.exists():
        npm = shutil.which("npm") or pytest.skip("SYMBOLS NOT CHECKED: there is no npm to fetch Node.js with")
        folder.mkdir(parents=True, exist_ok=True)
        command = [npm, "install", "--no-audit", "--no-fund", "--no-save", "--prefix", str(folder), f"node@{version}"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=600)
        if not binary.exists():
            pytest.skip(f"SYMBOLS NOT CHECKED in Node.js {version}: npm could not fetch it: {done.stderr[-300:]}")
    return binary


@pytest.mark.parametrize("version", ["18", "20", "22", "24"])
def test_no_call_goes_into_the_libraries_of_node(version: str, tmp_path: Path) -> None:
    binary = node(version)
    env = {**os.environ, "LD_DEBUG": "bindings", "LD_DEBUG_OUTPUT": str(tmp_path / "trace")}
    with local_warehouse() as server:
        command = [str(binary), "-e", QUERY, str(ADDON), server.url]
        done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=120)
    assert done.stdout.startswith(f"v{version}."), done.stderr[-2000:]
    line = re.compile(rf"binding file {re.escape(str(ADDON))} \[\d+\] to (\S+) \[\d+\]: normal symbol `([^']+)'")
    bound = [m.groups() for trace in tmp_path.glob("trace*") for m in line.finditer(trace.read_text(errors="replace"))]
    assert any(name.startswith("napi_") for _, name in bound), "the trace was read"
    assert [pair for pair in bound if NOT_OURS.match(pair[1])] == []


def test_two_names_are_exported() -> None:
    done = subprocess.run(["nm", "-D", "--defined-only", str(ADDON)], capture_output=True, text=True, check=True)
    names = {line.split()[-1] for line in done.stdout.splitlines()}
    assert names == {"napi_register_module_v1", "node_api_module_get_api_version_v1"}
