"""Drives a library of the C ABI through the probe, one process per `Probe`.

    with Probe(program, library) as probe:
        session = probe.open(server)
        result = session.query("SELECT 1")

Commands are JSON objects, one per line (abi_probe.c):

    {"call": function, "args": [...]}   any function of the two headers. A handle is given and received
                                        by name; null is NULL; a text is a string or {"hex": "ff"};
                                        an out parameter other than a handle is null or anything.
    {"do": "drain", "stream": name}     next_batch to the end; "values": "hash" hashes every column
    {"do": "read"|"release", "batch": name}   a batch that next_batch kept ("keep": name)
    {"do": "fork", "commands": [...]}   runs them in a child
    {"do": "load", "path": file}, {"do": "unload"}, {"do": "handles"}, {"do": "logs"}, {"do": "records"}, {"do": "provider"}, {"do": "last_error"}

"thread": name runs a command on that thread. An answer carries the number of its command, "status",
"error" (the last error, null when there is none) and what the call wrote.
"""

from __future__ import annotations

import itertools
import json
import os
import subprocess
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

SUCCESS, INVALID_ARGUMENT, UNAUTHENTICATED, PERMISSION_DENIED, NOT_FOUND = range(5)
RESOURCE_EXHAUSTED, UNAVAILABLE, TIMEOUT, CANCELLED, DATA_LOSS, INTERNAL = range(5, 11)
INVALID_HANDLE, NETWORK_ERROR, SQL_ERROR = range(11, 14)

LIMIT_S = 120.0


class ProbeError(AssertionError):
    """The probe did not do what a test needs it to do: died, hung, or a call failed."""


class Answer(dict):
    @property
    def status(self) -> int | None:
        return self.get("status")

    @property
    def message(self) -> str | None:
        return self["error"]["message"] if self.get("error") else None

    def ok(self) -> Answer:
        if self.get("status", 0) != SUCCESS or self.get("error"):
            raise ProbeError(f"the call failed: {json.dumps(self)[:2000]}")
        return self

    def fails(self, status: int, text: str | None = None) -> Answer:
        """The call failed with this status; the message holds `text`."""
        error = self.get("error") or {}
        if self.status != status or error.get("code") != status or (text or "") not in error["message"]:
            raise ProbeError(f"wanted status {status} and {text!r}, got {json.dumps(self)[:2000]}")
        return self


class Probe:
    def __init__(self, program: Path, library: Path | None, env: dict[str, str] | None = None) -> None:
        self._stderr = tempfile.TemporaryFile()
        self._process = subprocess.Popen(
            [str(program), *([str(library)] if library else [])],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._stderr,
            env={**os.environ, **(env or {})},
        )
        self._numbers, self._names = itertools.count(1), itertools.count(1)
        self._answers: dict[int, list[Answer]] = {}
        self._arrived = threading.Condition()
        self._ended = False
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    @property
    def pid(self) -> int:
        return self._process.pid

    # -- one command ---------------------------------------------------------------------------------
    def send(self, command: dict[str, Any]) -> int:
        number = next(self._numbers)
        line = json.dumps({**command, "n": number}) + "\n"
        try:
            self._process.stdin.write(line.encode())
            self._process.stdin.flush()
        except OSError:
            raise ProbeError(f"the probe is gone: {self._obituary()}") from None
        return number

    def wait(self, number: int, limit_s: float = LIMIT_S) -> Answer:
        return self.wait_all(number, 1, limit_s)[0]

    def wait_all(self, number: int, count: int, limit_s: float = LIMIT_S) -> list[Answer]:
        deadline = time.monotonic() + limit_s
        with self._arrived:
            while len(self._answers.get(number, ())) < count:
                left = deadline - time.monotonic()
                if left <= 0 or self._ended:
                    why = "has no answer" if left <= 0 else "ended"
                    raise ProbeError(f"the probe {why} after {limit_s - left:.1f} s: {self._obituary()}")
                self._arrived.wait(left)
            return self._answers[number]

    def answered(self, number: int) -> bool:
        with self._arrived:
            return number in self._answers

    def do(self, what: str, limit_s: float = LIMIT_S, **fields: Any) -> Answer:
        return self.wait(self.send({"do": what, **fields}), limit_s)

    def call(self, function: str, *args: Any, limit_s: float = LIMIT_S, **fields: Any) -> Answer:
        return self.wait(self.start(function, *args, **fields), limit_s)

    def start(self, function: str, *args: Any, **fields: Any) -> int:
        """Sends a call and does not wait; with thread="name" the probe does not either."""
        return self.send({"call": function, "args": list(args), **fields})

    def fork(self, commands: list[dict[str, Any]], limit_s: float = LIMIT_S, **fields: Any) -> tuple[int, list[Answer]]:
        """What the child answered, and the exit code of the child."""
        number = self.send({"do": "fork", "commands": commands, **fields})
        parent = self.wait(number, limit_s)
        return parent["exit"], [a for a in self._answers.get(0, ()) if a.get("child")]

    # -- handles -------------------------------------------------------------------------------------
    def name(self, prefix: str) -> str:
        return f"{prefix}{next(self._names)}"

    def config(self, server: Any, **options: Any) -> str:
        """A configuration for `server` (anything with url, http_path, token).

        Options: session_confs, client_confs, headers (pairs), retry (four numbers), timeout_ms, and
        url, http_path, token in place of the server's.
        """
        config = self.name("config")
        self.call("kernel_session_config_new", config).ok()
        url = options.get("url", getattr(server, "url", None))
        path = options.get("http_path", getattr(server, "http_path", None))
        self.call("kernel_session_config_set_http_path", config, url, path).ok()
        token = options.get("token", getattr(server, "token", None))
        self.call("kernel_session_config_set_auth_pat", config, token).ok()
        retry = options.get("retry", (20, 50, 2, 5000))
        self.call("kernel_session_config_set_retry_config", config, *retry).ok()
        if "timeout_ms" in options:
            self.call("kernel_session_config_set_request_timeout", config, options["timeout_ms"]).ok()
        for setter, pairs in (
            ("session_conf", dict(options.get("session_confs", {})).items()),
            ("client_conf", dict(options.get("client_confs", {})).items()),
            ("custom_header", options.get("headers", ())),
        ):
            for key, value in pairs:
                self.call(f"kernel_session_config_set_{setter}", config, key, value).ok()
        return config

    def open(self, server: Any, **options: Any) -> Session:
        session = self.name("session")
        self.call("kernel_session_open", self.config(server, **options), session).ok()
        return Session(self, session)

    # -- the end -------------------------------------------------------------------------------------
    def close(self, limit_s: float = LIMIT_S) -> int:
        """Lets the probe end by itself; a sanitizer reports leaks then. Returns the exit code."""
        if self._process.poll() is None:
            try:
                self._process.stdin.close()
                self._process.wait(limit_s)
            except (OSError, subprocess.TimeoutExpired):
                self.kill()
        self._reader.join(limit_s)
        self._process.stdout.close()
        return self._process.returncode

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()

    @property
    def stderr(self) -> str:
        self._stderr.seek(0)
        return self._stderr.read().decode(errors="replace")

    def __enter__(self) -> Probe:
        return self

    def __exit__(self, kind, value, trace) -> None:
        if kind is not None:
            self.kill()
        code = self.close()
        if kind is None and code != 0:
            raise ProbeError(f"the probe ended badly: {self._obituary()}")
        self._stderr.close()

    def _obituary(self) -> str:
        # A process that a sanitizer stops closes its output first and writes the report after that.
        try:
            self._process.wait(5 if self._ended else 0.1)
        except subprocess.TimeoutExpired:
            pass
        return f"exit code {self._process.poll()}, stderr:\n{self.stderr[-8000:]}"

    def _read(self) -> None:
        for line in self._process.stdout:
            answer = Answer(json.loads(line))
            with self._arrived:
                self._answers.setdefault(answer.get("n", 0), []).append(answer)
                self._arrived.notify_all()
        with self._arrived:
            self._ended = True
            self._arrived.notify_all()


class Session:
    def __init__(self, probe: Probe, handle: str) -> None:
        self.probe, self.handle = probe, handle

    def statement(self, sql: str | None, params: list[dict[str, Any]] | None = None, **fields: Any) -> str:
        """params: [{"bind": "int64", "args": [ordinal, value]}] or {"name", "type", "value"}."""
        probe = self.probe
        handle = probe.name("statement")
        probe.call("kernel_session_new_statement", self.handle, handle, **fields).ok()
        if sql is not None:
            probe.call("kernel_statement_set_sql", handle, sql, **fields).ok()
        for param in params or ():
            if "bind" in param:
                probe.call(f"kernel_statement_bind_{param['bind']}", handle, *param["args"], **fields).ok()
            else:
                args = (param.get("name"), param["type"], param["value"])
                probe.call("kernel_statement_bind_parameter", handle, *args, **fields).ok()
        return handle

    def execute(self, sql: str, params: list[dict[str, Any]] | None = None, **fields: Any) -> Running:
        """An executed statement with its stream taken; fails when the statement does."""
        statement = self.statement(sql, params, **fields)
        executed, stream = self.probe.name("executed"), self.probe.name("stream")
        self.probe.call("kernel_statement_execute", statement, executed, **fields).ok()
        self.probe.call("kernel_executed_statement_get_result_stream", executed, stream, **fields).ok()
        return Running(self.probe, statement, executed, stream, fields)

    def query(self, sql: str, params: list[dict[str, Any]] | None = None, **fields: Any) -> dict[str, Any]:
        """Everything one can see of a statement: the error, or schema, batches, counts."""
        probe, seen = self.probe, {}
        statement = self.statement(sql, params, **fields)
        executed, stream = probe.name("executed"), probe.name("stream")
        run = probe.call("kernel_statement_execute", statement, executed, **fields)
        seen["status"], seen["error"] = run.status, run["error"]
        if run.status == SUCCESS:
            seen["modified_rows"] = probe.call("kernel_executed_statement_num_modified_rows", executed)["number"]
            seen["has_query_id"] = bool(probe.call("kernel_executed_statement_query_id", executed)["text"])
            probe.call("kernel_executed_statement_get_result_stream", executed, stream).ok()
            schema = probe.call("kernel_result_stream_get_schema", stream, 1)
            seen["schema_status"], seen["schema_error"] = schema.status, schema["error"]
            seen["schema"] = schema["schema"]
            seen.update(self._read(stream, fields))
            probe.call("kernel_result_stream_close", stream, **fields).ok()
            probe.call("kernel_executed_statement_close", executed, **fields).ok()
        probe.call("kernel_statement_close", statement, **fields).ok()
        return seen

    def _read(self, stream: str, fields: dict[str, Any]) -> dict[str, Any]:
        seen: dict[str, Any] = {"batches": [], "batch_schemas": []}
        while True:
            answer = self.probe.call("kernel_result_stream_next_batch", stream, 1, 1, **fields)
            if answer.status != SUCCESS or answer["batch"] == "end":
                seen["read_status"], seen["read_error"] = answer.status, answer["error"]
                return seen
            seen["batches"].append(answer["batch"])
            seen["batch_schemas"].append(answer["schema"])

    def rows(self, sql: str, params: list[dict[str, Any]] | None = None, **fields: Any) -> list[tuple]:
        """The rows of a statement that must succeed."""
        seen = self.query(sql, params, **fields)
        if seen["status"] != SUCCESS or seen["read_status"] != SUCCESS:
            raise ProbeError(f"{sql[:200]}: {seen['error'] or seen['read_error']}")
        return rows_of(seen)

    def close(self) -> None:
        self.probe.call("kernel_session_close", self.handle).ok()


class Running:
    """An executed statement and its stream."""

    def __init__(self, probe: Probe, statement: str, executed: str, stream: str, fields: dict[str, Any]) -> None:
        self.probe, self.fields = probe, fields
        self.statement, self.executed, self.stream = statement, executed, stream

    def next(self, **options: Any) -> Answer:
        return self.probe.call("kernel_result_stream_next_batch", self.stream, 1, 1, **self.fields, **options)

    def drain(self, values: str = "none", limit_s: float = LIMIT_S) -> Answer:
        return self.probe.do("drain", limit_s, stream=self.stream, values=values, **self.fields)

    @property
    def query_id(self) -> str:
        return self.probe.call("kernel_executed_statement_query_id", self.executed)["text"]

    def close(self) -> None:
        self.probe.call("kernel_result_stream_close", self.stream).ok()
        self.probe.call("kernel_executed_statement_close", self.executed).ok()
        self.probe.call("kernel_statement_close", self.statement).ok()


def rows_of(seen: dict[str, Any]) -> list[tuple]:
    return [row for batch in seen["batches"] for row in zip(*batch["columns"], strict=True)]


def wait_until(condition, limit_s: float = 60.0, what: str = "the condition") -> None:
    """Waits for something that another process does; looking often, never counting on a delay."""
    deadline = time.monotonic() + limit_s
    while not condition():
        if time.monotonic() > deadline:
            raise ProbeError(f"{what} did not come true in {limit_s} s")
        time.sleep(0.005)
