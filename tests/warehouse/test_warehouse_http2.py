"""HTTP/2: the same answers, many at once on one connection, and the faults that only it has."""

from __future__ import annotations

import json
import socket
import ssl
import threading

import pytest
from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import (
    ConnectionTerminated,
    DataReceived,
    PingReceived,
    RemoteSettingsChanged,
    ResponseReceived,
    StreamEnded,
    StreamReset,
)  # fmt: skip
from h2.settings import SettingCodes

from warehouse.testing import execute_body, local_warehouse

STATEMENTS = "/api/2.0/sql/statements"


@pytest.fixture(scope="module")
def server():
    with local_warehouse("--tls", "--http2") as server:
        yield server


@pytest.fixture
def client(server):
    server.clear_faults()
    with Client(server) as client:
        yield client


class Patient(H2Connection):
    """h2's own refuses everything that comes behind a GOAWAY, also what the server has promised."""

    def _receive_goaway_frame(self, frame):
        event = ConnectionTerminated()
        event.last_stream_id = frame.last_stream_id
        return [], [event]


class Client:
    """One connection. ``events`` are all frames that came, as h2 tells them."""

    def __init__(self, server) -> None:
        self._server = server
        context = ssl.create_default_context(cafile=f"{server.tls_dir}/ca.pem")
        context.set_alpn_protocols(["h2", "http/1.1"])
        host, port = server.host.rsplit(":", 1)
        self.socket = context.wrap_socket(socket.create_connection((host, int(port)), timeout=60), server_hostname=host)
        self.protocol = self.socket.selected_alpn_protocol()
        self.h2 = Patient(H2Configuration(header_encoding="utf-8"))
        self.events: list = []
        self.open = True
        self.h2.initiate_connection()
        self._flush()

    def __enter__(self) -> "Client":
        return self

    def __exit__(self, *_) -> None:
        self.socket.close()

    def _flush(self) -> None:
        data = self.h2.data_to_send()
        if data:
            self.socket.sendall(data)

    def begin(self, method: str, path: str, body: bytes = b"", end: bool = True) -> int:
        number = self.h2.get_next_available_stream_id()
        headers = [(":method", method), (":scheme", "https"), (":authority", self._server.host), (":path", path),
                   ("authorization", "Bearer local"), ("content-type", "application/json")]  # fmt: skip
        self.h2.send_headers(number, headers, end_stream=not body)
        if body:
            self.h2.send_data(number, body, end_stream=end)
        self._flush()
        return number

    def execute(self, sql: str) -> int:
        return self.begin("POST", STATEMENTS, json.dumps(execute_body(sql, None)).encode())

    def take(self, until=lambda event: False) -> bool:
        """Reads until an event is as wanted; False when the server has closed instead."""
        while self.open:
            data = self.socket.recv(65536)
            if not data:
                self.open = False
                break
            fresh = self.h2.receive_data(data)
            self.events += fresh
            for event in fresh:
                if isinstance(event, DataReceived):
                    self.h2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
            self._flush()
            if any(until(event) for event in fresh):
                return True
        return False

    def of(self, kind, number: int | None = None) -> list:
        return [e for e in self.events if isinstance(e, kind) and number in (None, getattr(e, "stream_id", None))]

    def answer(self, number: int) -> tuple[int, bytes]:
        if not self.of(StreamEnded, number):
            assert self.take(lambda e: isinstance(e, StreamEnded) and e.stream_id == number), self.events
        status = dict(self.of(ResponseReceived, number)[0].headers)[":status"]
        return int(status), b"".join(e.data for e in self.of(DataReceived, number))


def test_the_client_chooses(server, client):
    assert client.protocol == "h2"
    status, body = client.answer(client.execute("SELECT 41 + 1 AS answer"))
    assert status == 200 and server.read(json.loads(body)).column(0).to_pylist() == [42]
    assert server.journal()[-1]["tls"]["alpn"] == "h2"
    assert server.rows("SELECT 1") == [(1,)], "the tests' own client speaks HTTP/1.1"
    assert server.journal()[-1]["tls"]["alpn"] is None


def test_answers_come_as_they_are_ready(client):
    slow = client.execute("/*lw: fault=stmt.execute:stall(1)*/ SELECT 1")
    quick = client.execute("SELECT 2")
    assert client.answer(quick)[0] == 200
    assert not client.of(StreamEnded, slow)
    assert client.answer(slow)[0] == 200


def test_large_bodies_in_both_directions(server, client):
    path = "/api/2.0/fs/files/Volumes/main/default/e2etests/http2"
    number = client.begin("PUT", f"{path}?overwrite=true", b"start", end=False)
    left = b"x" * 300_000
    while left:
        size = min(client.h2.local_flow_control_window(number), client.h2.max_outbound_frame_size, len(left))
        if size == 0:
            client.take(lambda e: type(e).__name__ == "WindowUpdated")
            continue
        client.h2.send_data(number, left[:size], end_stream=size == len(left))
        client._flush()
        left = left[size:]
    assert client.answer(number)[0] == 204
    status, body = client.answer(client.begin("GET", path))
    assert (status, len(body)) == (200, 300_005)


def test_a_refused_stream_was_not_processed(server, client):
    server.fault("stmt.execute#1:refusestream")
    first, second = client.execute("SELECT 'refused'"), client.execute("SELECT 'fine'")
    assert client.answer(second)[0] == 200
    assert [e.error_code for e in client.of(StreamReset, first)] == [7]
    assert "SELECT 'refused'" not in [e.get("body", {}).get("statement") for e in server.journal() if e.get("status")]


def test_a_stream_reset_in_its_body(server, client):
    server.fault("stmt.execute#1:rststream(7)")
    number = client.execute("SELECT 1")
    assert client.take(lambda e: isinstance(e, StreamReset))
    assert client.of(StreamReset, number)[0].error_code == 2
    assert b"".join(e.data for e in client.of(DataReceived, number)) == b'{"state'
    assert client.answer(client.execute("SELECT 2"))[0] == 200, "the connection goes on"


@pytest.mark.parametrize(("when", "counted", "answered"), [("before", False, False), ("after", True, True), ("lost", True, False)])
def test_goaway(server, client, when, counted, answered):
    table = f"goaway_{when}"
    server.execute(f"CREATE OR REPLACE TABLE {table} (a INT)")
    server.fault(f"stmt.execute#1:goaway({when})")
    number = client.execute(f"INSERT INTO {table} VALUES (1)")
    assert not client.take(), "the server closes when it has nothing left to say"
    last = client.of(ConnectionTerminated)[0].last_stream_id
    assert (last >= number) is counted, "what is above the last stream may be asked again"
    assert bool(client.of(StreamEnded, number)) is answered
    assert server.rows(f"SELECT count(*) FROM {table}") == [(int(counted),)]


def test_requests_in_flight_outlive_a_goaway(server, client):
    slow = client.execute("/*lw: fault=stmt.execute:stall(0.5)*/ SELECT 1")
    server.fault("compute#1:goaway(after)")
    quick = client.begin("GET", "/api/2.0/sql/warehouses/local")
    assert client.answer(quick)[0] == 200 and client.answer(slow)[0] == 200
    assert not client.take()


def test_many_pings(server, client):
    server.fault("stmt.execute#1:pings(500)")
    assert client.answer(client.execute("SELECT 1"))[0] == 200
    assert len(client.of(PingReceived)) == 500


def test_a_window_that_is_never_opened(server, client):
    server.fault("files#1:holdwindow")
    number = client.begin("PUT", "/api/2.0/fs/files/Volumes/main/default/e2etests/held?overwrite=true", b"x", end=False)
    sent = 1
    while window := min(client.h2.local_flow_control_window(number), client.h2.max_outbound_frame_size):
        client.h2.send_data(number, b"x" * window)
        sent += window
    client._flush()
    assert sent == 65535
    threading.Timer(1.0, client.socket.shutdown, (socket.SHUT_RDWR,)).start()
    client.take()
    assert not [e for e in client.events if type(e).__name__ == "WindowUpdated" and e.stream_id == number]


def test_one_request_at_a_time(server):
    server.clear_faults()
    server.fault("conn#1?origin=api:streams(1)")
    with Client(server) as client:
        client.take(lambda e: isinstance(e, RemoteSettingsChanged))
        assert client.h2.remote_settings[SettingCodes.MAX_CONCURRENT_STREAMS] == 1
        assert client.answer(client.execute("SELECT 1"))[0] == 200


def test_faults_of_http_1(server, client):
    """What cannot be written in HTTP/2 breaks the request; the connection's own faults are the same."""
    server.fault("stmt.execute#1:badchunk")
    number = client.execute("SELECT 1")
    assert client.take(lambda e: isinstance(e, StreamReset) and e.stream_id == number and e.error_code == 1)
    server.fault("stmt.execute#1:truncate(5)")
    number = client.execute("SELECT 1")
    assert not client.take()
    assert not client.of(StreamEnded, number)


def test_the_faults_of_http_2_say_when_they_cannot_be(server):
    server.fault("stmt.execute#1:goaway(after)")
    answer = server.call("POST", STATEMENTS, execute_body("SELECT 1", None))
    assert answer.status == 500 and b"does not speak HTTP/2" in answer.body


def test_no_http2_frames(server):
    context = ssl.create_default_context(cafile=f"{server.tls_dir}/ca.pem")
    context.set_alpn_protocols(["h2"])
    host, port = server.host.rsplit(":", 1)
    with context.wrap_socket(socket.create_connection((host, int(port)), timeout=60), server_hostname=host) as broken:
        broken.sendall(b"GET / HTTP/1.1\r\n\r\n" * 10)
        while broken.recv(65536):
            pass
    assert server.rows("SELECT 1") == [(1,)]
