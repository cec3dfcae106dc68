"""Use the local warehouse in tests.

::

    from warehouse.testing import local_warehouse

    @pytest.fixture(scope="session")
    def warehouse():
        with local_warehouse() as server:
            yield server

The server is a subprocess on free ports that dies with the test process.
"""

from __future__ import annotations

import base64
import contextlib
import functools
import json
import os
import re
import signal
import ssl
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import lz4.frame
import pyarrow as pa

from warehouse.processes import end

START_TIMEOUT_S = 60.0  # a second is enough, unless the machine is very busy
SPARK_START_TIMEOUT_S = 240.0
_ROOT = Path(__file__).resolve().parent.parent


@dataclass
class Reply:
    """An HTTP answer; ``json()`` of its body."""

    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


def request(
    method: str,
    url: str,
    body: Any = None,
    headers: dict[str, str] | None = None,
    timeout_s: float = 60.0,
    ca_file: str | None = None,
) -> Reply:
    """One request without any retry; HTTP errors are answers, not exceptions."""
    data = body if isinstance(body, (bytes, type(None))) else json.dumps(body).encode()
    call = urllib.request.Request(url, data=data, headers=headers or {}, method=method)
    try:
        with _opener(ca_file).open(call, timeout=timeout_s) as answer:
            return Reply(answer.status, _lower(answer.headers), answer.read())
    except urllib.error.HTTPError as error:
        with error:
            return Reply(error.code, _lower(error.headers), error.read())


@functools.cache
def _opener(ca_file: str | None) -> urllib.request.OpenerDirector:
    """Proxies of the environment have no business between a test and its server."""
    handlers: list[Any] = [urllib.request.ProxyHandler({})]
    if ca_file is not None:
        handlers.append(urllib.request.HTTPSHandler(context=ssl.create_default_context(cafile=ca_file)))
    return urllib.request.build_opener(*handlers)


def _lower(headers) -> dict[str, str]:
    return {k.lower(): v for k, v in headers.items()}


@dataclass
class Server:
    """A running local warehouse and the few calls that tests make on it."""

    url: str
    storage_url: str
    http_path: str
    token: str
    pid: int
    proxy_url: str = ""
    mitm_url: str = ""
    tls_dir: str = ""
    process: subprocess.Popen = field(repr=False, default=None)

    @property
    def host(self) -> str:
        return self.url.split("//", 1)[1]

    def call(self, method: str, path: str, body: Any = None, token: str | None = "", **headers: str) -> Reply:
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if token is not None:
            sent["authorization"] = f"Bearer {token or self.token}"
        if body is not None:
            sent.setdefault("content-type", "application/json")
        ca_file = os.path.join(self.tls_dir, "ca.pem") if self.tls_dir else None
        return request(method, self.url + path, body, sent, ca_file=ca_file)

    def session(self, **fields: Any) -> str:
        answer = self.call("POST", "/api/2.0/sql/sessions", {"warehouse_id": "local", **fields})
        assert answer.status == 200, answer.body
        return answer.json()["session_id"]

    def execute(self, sql: str, session: str | None = None, **fields: Any) -> dict[str, Any]:
        """The answer of an execute request as the kernel sends it (hybrid, Arrow, LZ4)."""
        answer = self.call("POST", "/api/2.0/sql/statements", execute_body(sql, session, **fields))
        assert answer.status == 200, (answer.status, answer.body)
        return answer.json()

    def finished(self, answer: dict[str, Any]) -> dict[str, Any]:
        """Polls until the statement of an answer has ended: on a busy machine ``wait_timeout`` may not be enough."""
        while answer["status"]["state"] in ("PENDING", "RUNNING"):
            time.sleep(0.05)
            answer = self.call("GET", f"/api/2.0/sql/statements/{answer['statement_id']}").json()
        return answer

    def table(self, sql: str, session: str | None = None, **fields: Any) -> pa.Table:
        """The whole result, inline or by links; raises AssertionError when the statement failed."""
        answer = self.finished(self.execute(sql, session, **fields))
        assert answer["status"]["state"] == "SUCCEEDED", answer["status"]
        return self.read(answer)

    def rows(self, sql: str, session: str | None = None, **fields: Any) -> list[tuple]:
        columns = [column.to_pylist() for column in self.table(sql, session, **fields).columns]
        return list(zip(*columns))

    def error(self, sql: str, session: str | None = None, **fields: Any) -> dict[str, Any]:
        """The status of a statement that must fail."""
        answer = self.finished(self.execute(sql, session, **fields))
        assert answer["status"]["state"] == "FAILED", answer["status"]
        return answer["status"]

    def read(self, answer: dict[str, Any]) -> pa.Table:
        """Follows an answer to its last chunk and checks every count on the way."""
        manifest, result = answer["manifest"], answer["result"]
        packed = manifest.get("result_compression") == "LZ4_FRAME"
        tables, rows, index = [], 0, 0
        while True:
            pieces, following = self._pieces(result)
            for piece, data in pieces:
                assert piece["chunk_index"] == index and piece["row_offset"] == rows, piece
                table = decode(data, packed)
                assert table.num_rows == piece["row_count"], piece
                tables.append(table)
                rows, index = rows + table.num_rows, index + 1
            if following is None:
                break
            path = f"/api/2.0/sql/statements/{answer['statement_id']}/result/chunks/{following}"
            reply = self.call("GET", path)
            assert reply.status == 200, reply.body
            result = reply.json()
        if "total_row_count" in manifest:
            assert rows == manifest["total_row_count"], (rows, manifest)
        if tables:
            return pa.concat_tables(tables)
        names = [column["name"] for column in manifest["schema"]["columns"]]
        return pa.table([pa.nulls(0)] * len(names), names=names)

    def _pieces(self, result: dict[str, Any]) -> tuple[list[tuple[dict, bytes]], int | None]:
        if "external_links" in result:
            links = result["external_links"]
            pieces = []
            for link in links:
                reply = request("GET", link["external_link"], headers=link.get("http_headers") or {})
                assert reply.status == 200, reply.body
                assert len(reply.body) == link["byte_count"]
                pieces.append((link, reply.body))
            return pieces, links[-1].get("next_chunk_index")
        if "attachment" not in result:
            return [], None
        return [(result, base64.b64decode(result["attachment"]))], result.get("next_chunk_index")

    def journal(self, since: int = 0) -> list[dict[str, Any]]:
        return self.call("GET", f"/_lw/journal?since={since}").json()["entries"]

    def journal_mark(self) -> int:
        return self.call("GET", f"/_lw/journal?since={1 << 62}").json()["last_seq"]  # no entry, only the number

    def when_requested(self, path: str, act: Callable[[], Any]) -> threading.Thread:
        """Calls ``act`` in a thread, now started, once a request has come whose path has a match of the regular
        expression ``path``: to cancel what has begun."""
        mark = self.journal_mark()

        def watch() -> None:
            while not any(re.search(path, entry["path"]) for entry in self.journal(mark)):
                time.sleep(0.01)
            act()

        thread = threading.Thread(target=watch, daemon=True)
        thread.start()
        return thread

    def fault(self, rule: str, **fields: Any) -> None:
        reply = self.call("POST", "/_lw/faults", {"fault": rule, **fields})
        assert reply.status == 200, reply.body

    def clear_faults(self) -> None:
        self.call("DELETE", "/_lw/faults")

    def effects(self) -> dict[str, int]:
        return self.call("GET", "/_lw/effects").json()["effects"]

    def advance_clock(self, seconds: float) -> None:
        self.call("POST", "/_lw/clock", {"advance_s": seconds})

    def stop(self) -> int:
        """Asks it to stop and returns its exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=60)


def execute_body(sql: str, session: str | None = None, **fields: Any) -> dict[str, Any]:
    body = {
        "warehouse_id": "local",
        "statement": sql,
        "disposition": "INLINE_OR_EXTERNAL_LINKS",
        "format": "ARROW_STREAM",
        "result_compression": "LZ4_FRAME",
        **fields,
    }
    if session is not None:
        body["session_id"] = session
    return {k: v for k, v in body.items() if v is not None}


def decode(data: bytes, packed: bool) -> pa.Table:
    if packed:
        data = lz4.frame.decompress(data)
    return pa.ipc.open_stream(data).read_all()


def start(*options: str, exit_with_parent: bool = True) -> Server:
    """Starts a server and waits until it is ready. The caller stops it."""
    with tempfile.TemporaryDirectory() as folder:
        port_file = os.path.join(folder, "port.json")
        command = [sys.executable, "-m", "warehouse", "--port", "0", "--port-file", port_file, *options]
        if exit_with_parent:
            command.append("--exit-with-parent")
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(_ROOT), os.environ.get("PYTHONPATH", "")])}
        process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)
        deadline = time.monotonic() + (SPARK_START_TIMEOUT_S if "spark" in options else START_TIMEOUT_S)
        while not os.path.exists(port_file):
            if process.poll() is not None:
                raise RuntimeError(f"the local warehouse stopped with exit code {process.returncode}")
            if time.monotonic() > deadline:
                process.kill()
                raise RuntimeError("the local warehouse did not start in time")
            time.sleep(0.01)
        with open(port_file) as file:
            return Server(**json.load(file), process=process)


@contextlib.contextmanager
def local_warehouse(*options: str) -> Iterator[Server]:
    server = start(*options)
    try:
        yield server
    finally:
        end(server.process)
        server.process.stdout.close()
