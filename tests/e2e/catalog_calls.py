"""Catalog calls through the probe, and a scripted server for answers that no real server gives."""

from __future__ import annotations

import base64
import http.server
import json
import threading
from collections.abc import Callable
from typing import Any

import pyarrow as pa
from abi_driver import SUCCESS, Session, rows_of


def ask(session: Session, name: str, *args: Any) -> dict[str, Any]:
    """Everything one can see of a catalog call: `name` without its prefix, or a whole dbk_ name.

    "rows" are there when the call and its stream went well. An error has "stage" call or read.
    """
    probe, stream = session.probe, session.probe.name("stream")
    function = name if name.startswith("dbk_") else f"kernel_metadata_{name}"
    done = probe.call(function, session.handle, *args, stream)
    seen: dict[str, Any] = {"status": done.status, "error": done["error"]}
    if done.status != SUCCESS:
        return {**seen, "stage": "call"}
    schema = probe.call("kernel_result_stream_get_schema", stream, 1).ok()
    seen["schema"] = schema["schema"]
    seen.update(session._read(stream, {}))
    probe.call("kernel_result_stream_close", stream).ok()
    if seen["read_status"] != SUCCESS:
        return {"status": seen["read_status"], "error": seen["read_error"], "stage": "read"}
    return {**seen, "rows": rows_of(seen)}


def columns_of(seen: dict[str, Any]) -> list[str]:
    return [column["name"] for column in seen["schema"]["children"]]


def posted(entries: list[dict[str, Any]]) -> list[str]:
    """The SQL of the statements in a journal, in order."""
    return [e["body"]["statement"] for e in entries if e["method"] == "POST" and e["path"].endswith("/statements")]


# ---- a server that says what it is told ---------------------------------------------------------------


def result(table: pa.Table, state: str = "SUCCEEDED") -> dict[str, Any]:
    """The answer to a statement with this table inline; without rows there is no attachment."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    columns = [
        {"name": name, "type_name": "STRING", "type_text": "STRING", "position": i}
        for i, name in enumerate(table.schema.names)
    ]
    manifest = {
        "format": "ARROW_STREAM",
        "total_chunk_count": 0,
        "total_row_count": table.num_rows,
        "schema": {"column_count": len(columns), "columns": columns},
    }
    if table.num_rows == 0:
        return {"status": {"state": state}, "manifest": manifest}
    chunk = {"chunk_index": 0, "row_offset": 0, "row_count": table.num_rows}
    manifest.update(total_chunk_count=1, chunks=[chunk])
    attachment = base64.b64encode(sink.getvalue()).decode()
    return {"status": {"state": state}, "manifest": manifest, "result": {**chunk, "attachment": attachment}}


def json_result(names: list[str], rows: list[list[str | None]]) -> dict[str, Any]:
    """The same as JSON_ARRAY."""
    answer = result(pa.table({name: pa.array([], pa.string()) for name in names}))
    chunk = {"chunk_index": 0, "row_offset": 0, "row_count": len(rows)}
    answer["manifest"].update(format="JSON_ARRAY", total_chunk_count=1, total_row_count=len(rows), chunks=[chunk])
    answer["result"] = {**chunk, "data_array": rows}
    return answer


def failed(message: str, sqlstate: str | None = None, code: str = "BAD_REQUEST") -> dict[str, Any]:
    status = {"state": "FAILED", "error": {"error_code": code, "message": message}}
    return {"status": status if sqlstate is None else {**status, "sql_state": sqlstate}}


def rejected(http_status: int, message: str | None = None, code: str = "X") -> tuple[int, dict[str, Any]]:
    body = {"error_code": code}
    return http_status, body if message is None else {**body, "message": message}


Reply = pa.Table | dict[str, Any] | tuple[int, dict[str, Any]]


class ScriptedServer:
    """Answers every statement with `answer(sql)`; open() of a probe takes it for a warehouse."""

    http_path, token = "/sql/1.0/warehouses/scripted", "x"

    def __init__(self) -> None:
        self.answer: Callable[[str], Reply] = lambda sql: pa.table({"catalog": ["c"]})
        self.statements: list[str] = []
        self.peak = 0
        self._now = self._count = 0
        self._lock = threading.Lock()
        owner = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *args) -> None: ...

            def respond(self) -> None:
                length = int(self.headers.get("content-length") or 0)
                body = json.loads(self.rfile.read(length)) if length else {}
                status, reply = owner._reply(self.command, self.path, body)
                data = json.dumps(reply).encode()
                self.send_response(status)
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            do_GET = do_POST = do_DELETE = respond

        class Http(http.server.ThreadingHTTPServer):
            daemon_threads, request_queue_size = True, 128

        self._http = Http(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._http.server_port}"
        threading.Thread(target=self._http.serve_forever, daemon=True).start()

    def _reply(self, method: str, path: str, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        if "/sessions" in path:
            return 200, {"session_id": "s"} if method == "POST" else {}
        if method != "POST" or not path.rstrip("/").endswith("/statements"):
            return 200, {}
        with self._lock:
            self._count += 1
            number = self._count
            self._now += 1
            self.peak = max(self.peak, self._now)
            self.statements.append(body["statement"])
        reply = self.answer(body["statement"])
        with self._lock:
            self._now -= 1
        if isinstance(reply, tuple):
            return reply
        answer = result(reply) if isinstance(reply, pa.Table) else reply
        return 200, {"statement_id": f"st-{number}", **answer}

    def reset(self) -> None:
        self.statements, self.peak = [], 0

    def close(self) -> None:
        self._http.shutdown()
        self._http.server_close()
