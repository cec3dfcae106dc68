"""Ways to log in, as configurations for the probe; and what the warehouse's journal says of logins."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl

from abi_driver import Probe, Session

CLIENT, SECRET = "local-client", "local-secret"


def config(probe: Probe, server: Any, *setters: tuple, url: str | None = None) -> str:
    """A configuration without credentials, then the setters: ("auth_m2m", id, secret), ..., each
    kernel_session_config_set_<name>, or dbk_session_config_set_<name> for ("dbk:name", ...)."""
    handle = probe.name("config")
    probe.call("kernel_session_config_new", handle).ok()
    probe.call("kernel_session_config_set_http_path", handle, url or server.url, server.http_path).ok()
    probe.call("kernel_session_config_set_retry_config", handle, 20, 50, 2, 5000).ok()
    if server.tls_dir:
        pem = open(f"{server.tls_dir}/ca.pem").read()
        probe.call("kernel_session_config_set_tls_trusted_certs", handle, {"hex": pem.encode().hex()}).ok()
    for name, *args in setters:
        owner, _, rest = name.rpartition(":")
        probe.call(f"{owner or 'kernel'}_session_config_set_{rest}", handle, *args).ok()
    return handle


def requests(server: Any, since: int, path: str) -> list[dict[str, Any]]:
    """The journal's entries for one path."""
    return [e for e in server.journal(since) if e["path"] == path]


def token_requests(server: Any, since: int) -> list[dict[str, Any]]:
    return [e for e in server.journal(since) if e["path"].endswith("/token") and e["method"] == "POST"]


def open_session(probe: Probe, handle: str, **fields: Any) -> Session:
    session = probe.name("session")
    probe.call("kernel_session_open", handle, session, **fields).ok()
    return Session(probe, session)


class TokenEndpoint:
    """A token endpoint of the test's own on 127.0.0.1: keeps whole forms (the journal of the warehouse
    holds no secrets) and gives every caller a token of the warehouse's kind."""

    def __init__(self, answer: dict[str, Any] | None = None) -> None:
        self.answer = answer or {"access_token": "token-of-the-test", "token_type": "Bearer", "expires_in": 3600}
        self.forms: list[dict[str, str]] = []
        self.headers: list[dict[str, str]] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}/token"

    def _handler(self) -> type:
        keeper = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"])).decode()
                keeper.forms.append(dict(parse_qsl(body, keep_blank_values=True)))
                keeper.headers.append({k.lower(): v for k, v in self.headers.items()})
                data = json.dumps(keeper.answer).encode()
                self.send_response(200)
                self.send_header("content-length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *args: Any) -> None:
                pass

        return Handler

    def __enter__(self) -> TokenEndpoint:
        return self

    def __exit__(self, *what: Any) -> None:
        self._server.shutdown()
        self._server.server_close()
