"""TLS contexts of the listeners, one for each way a handshake can be asked to go."""

from __future__ import annotations

import ssl
from pathlib import Path

from warehouse.net import certs

VERSIONS = {"1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}


class _Context(ssl.SSLContext):
    lw_streams = 0  # for net.http2, which sees the context of its connection


class Tls:
    def __init__(
        self,
        folder: certs.Folder,
        kind: str = "good",
        low: str = "1.2",
        high: str = "1.3",
        client_required: bool = False,
        protocols: tuple[str, ...] = ("http/1.1",),
    ) -> None:
        self.folder = folder
        self._protocols = protocols
        self._defaults = (kind, low, high, client_required)
        self._contexts: dict[tuple, ssl.SSLContext] = {}
        self.context()

    def context(
        self,
        kind: str | None = None,
        version: str | None = None,
        client_required: bool | None = None,
        streams: int = 0,
    ) -> ssl.SSLContext:
        """A server context; what is not given is as the server was started. ``streams``: how many requests
        a client may have at once on one HTTP/2 connection, 0 for h2's default."""
        usual_kind, low, high, usual_client = self._defaults
        low, high = (version, version) if version else (low, high)
        asked = (kind or usual_kind, low, high, usual_client if client_required is None else client_required, streams)
        if asked not in self._contexts:
            self._contexts[asked] = self._make(*asked)
        return self._contexts[asked]

    def _make(self, kind: str, low: str, high: str, client_required: bool, streams: int) -> ssl.SSLContext:
        context = _Context(ssl.PROTOCOL_TLS_SERVER)
        context.lw_streams = streams
        context.load_cert_chain(*self.folder.server(kind))
        context.minimum_version, context.maximum_version = VERSIONS[low], VERSIONS[high]
        context.set_alpn_protocols(self._protocols)
        # Clients may show a certificate anyway; only on demand must they.
        context.load_verify_locations(self.folder.ca_file)
        context.verify_mode = ssl.CERT_REQUIRED if client_required else ssl.CERT_NONE
        return context


class Interceptor:
    """Signs a certificate for every host name that a client wants to reach through the proxy."""

    def __init__(self, folder: certs.Folder) -> None:
        self._folder = folder
        self.ca_file, self._authority = folder.interceptor()
        self._contexts: dict[str, ssl.SSLContext] = {}

    def context(self, host: str) -> ssl.SSLContext:
        if host not in self._contexts:
            made = certs.issue(host[:60], self._authority, [host])
            path: Path = self._folder.path / "mitm-leaf.pem"
            certs.write(path, made.pem() + made.key_pem(), secret=True)
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(path)
            context.set_alpn_protocols(["http/1.1"])
            self._contexts[host] = context
        return self._contexts[host]


def upstream_context() -> ssl.SSLContext:
    """For the proxy's own connection to our own origin: there is nobody to be checked."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context
