"""The storage origin: serves chunk files under signed, expiring links, on its own port.

It stands for a cloud provider's object store, so it knows nothing of tokens and refuses a request
that carries one: a client that leaks its workspace token to storage must be seen in tests.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import re
from typing import TYPE_CHECKING
from urllib.parse import quote, urlencode

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from warehouse.clock import Clock
from warehouse.config import Config
from warehouse.errors import ApiError
from warehouse.faults.payload import ODD_PATH
from warehouse.statements import Statements
from warehouse.volumes import VolumeError
from warehouse.web import Turn, note, read_body

if TYPE_CHECKING:
    from warehouse.app import Warehouse

OBJECT_MAX_BYTES = 5 << 30
LINK_HEADER = "x-lw-link-token"


class Links:
    """Makes and checks link signatures."""

    def __init__(self, secret: bytes, config: Config, clock: Clock) -> None:
        self._secret = secret
        self._config = config
        self._clock = clock

    def make(self, statement_id: str, chunk: int, ttl_s: float | None = None) -> tuple[str, str]:
        """The URL and its expiration as RFC 3339."""
        expires = int(self._clock.now() + (self._config.link_ttl_s if ttl_s is None else ttl_s))
        query = urlencode({"exp": expires, "sig": self._sign(statement_id, chunk, expires)})
        url = f"{self._config.storage_url}/r/{statement_id}/{chunk}?{query}"
        return url, self._clock.rfc3339(expires)

    def make_object(self, method: str, key: str) -> tuple[str, str, dict[str, str]]:
        """A link for one method on an object of a volume: URL, expiration, headers to send along."""
        expires = int(self._clock.now() + self._config.link_ttl_s)
        query = urlencode({"exp": expires, "op": method, "sig": self._digest(f"{method}{key}/{expires}")})
        url = f"{self._config.storage_url}/v{quote(key)}?{query}"
        return url, self._clock.rfc3339(expires), self.headers(key)

    def object_problem(self, method: str, key: str, expires: str, operation: str, signature: str) -> str | None:
        if not expires.isascii() or not expires.isdigit() or len(expires) > 15:
            return "AuthenticationFailed"
        good = self._digest(f"{operation}{key}/{int(expires)}")
        allowed = {"GET": ("GET", "HEAD")}.get(operation, (operation,))
        if not hmac.compare_digest(good.encode(), signature.encode()) or method not in allowed:
            return "SignatureDoesNotMatch"
        return "RequestExpired" if int(expires) <= self._clock.now() else None

    def headers(self, statement_id: str) -> dict[str, str]:
        """Per-link headers a client must send along; empty unless they are switched on."""
        if not self._config.require_link_headers:
            return {}
        return {LINK_HEADER: self._digest(f"header/{statement_id}")[:32]}

    def problem(self, statement_id: str, chunk: int, expires: str, signature: str) -> str | None:
        """What is wrong with a link: the error code of the XML answer, or None."""
        if not expires.isascii() or not expires.isdigit() or len(expires) > 15:
            return "AuthenticationFailed"
        good = self._sign(statement_id, chunk, int(expires))
        if not hmac.compare_digest(good.encode(), signature.encode()):
            return "SignatureDoesNotMatch"
        return "RequestExpired" if int(expires) <= self._clock.now() else None

    def _sign(self, statement_id: str, chunk: int, expires: int) -> str:
        return self._digest(f"{statement_id}/{chunk}/{expires}")

    def _digest(self, text: str) -> str:
        return hmac.new(self._secret, text.encode(), hashlib.sha256).hexdigest()


def xml_error(status: int, code: str, message: str) -> Response:
    body = f'<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>{code}</Code><Message>{message}</Message></Error>'
    return Response(body, status, media_type="application/xml")


class Storage:
    def __init__(self, warehouse: "Warehouse") -> None:
        self._warehouse = warehouse
        self._links: Links = warehouse.links
        self._statements: Statements = warehouse.statements

    def routes(self) -> list[Route]:
        """The whole storage origin."""
        return [
            Route("/r/{statement}/{chunk}", self.download, methods=["GET"]),
            Route("/r/{statement}/{chunk}/{rest:path}", self.download, methods=["GET"]),
            Route("/v{key:path}", self.object, methods=["PUT", "GET", "HEAD", "DELETE"]),
        ]

    async def download(self, request: Request) -> Response:
        if "authorization" in request.headers:
            return xml_error(400, "InvalidAuthenticationInfo", "Only one auth mechanism allowed.")
        statement_id = request.path_params["statement"]
        chunk_text = request.path_params["chunk"]
        if not chunk_text.isascii() or not chunk_text.isdigit() or len(chunk_text) > 9:
            return xml_error(404, "NoSuchKey", "The specified key does not exist.")
        chunk = int(chunk_text)
        own = self._statements.hints_of(statement_id)
        turn = Turn(self._warehouse, request, "storage.get", own.rules if own else [], statement_id, chunk)
        if turn.refused is not None:
            return turn.refused
        response = await self._answer(request, statement_id, chunk, ranges=not turn.has("norange"))
        if response.status_code < 300 and turn.has("expired"):
            response = xml_error(403, "RequestExpired", "Request has expired.")
        return turn.send(response)

    async def _answer(self, request: Request, statement_id: str, chunk: int, ranges: bool) -> Response:
        if "rest" in request.path_params and not request.scope["raw_path"].endswith(b"/" + ODD_PATH.encode()):
            # A client that decodes and encodes a path again asks for another object.
            return xml_error(403, "SignatureDoesNotMatch", "The path is not the one that was signed.")
        query = request.query_params
        problem = self._links.problem(statement_id, chunk, query.get("exp", ""), query.get("sig", ""))
        if problem is not None:
            return xml_error(403, problem, "The link's signature is not valid or has expired.")
        for name, value in self._links.headers(statement_id).items():
            if request.headers.get(name) != value:
                return xml_error(403, "MissingHeader", f"The link needs its header {name}.")
        data = await self._read(statement_id, chunk)
        if data is None:
            return xml_error(404, "NoSuchKey", "The specified key does not exist.")
        return ranged(request.headers.get("range") if ranges else None, data)

    # -- volumes ---------------------------------------------------------------------------------
    async def object(self, request: Request) -> Response:
        point = {"PUT": "storage.put", "DELETE": "storage.delete"}.get(request.method, "storage.get")
        turn = Turn(self._warehouse, request, point)
        if turn.refused is not None:
            return turn.refused
        return turn.send(await self._object(request))

    async def _object(self, request: Request) -> Response:
        if "authorization" in request.headers:
            return xml_error(400, "InvalidAuthenticationInfo", "Only one auth mechanism allowed.")
        key, query = request.path_params["key"], request.query_params
        parts = query.get("exp", ""), query.get("op", ""), query.get("sig", "")
        problem = self._links.object_problem(request.method, key, *parts)
        if problem is not None:
            return xml_error(403, problem, "The link's signature is not valid or has expired.")
        for name, value in self._links.headers(key).items():
            if request.headers.get(name) != value:
                return xml_error(403, "MissingHeader", f"The link needs its header {name}.")
        volumes = self._warehouse.volumes
        if request.method == "PUT":
            return await self._upload(request, key)
        if request.method == "DELETE":
            return Response(b"", 204) if volumes.remove(key) else xml_error(404, "NoSuchKey", "There is no such key.")
        found = volumes.get(key)
        if found is None:
            return xml_error(404, "NoSuchKey", "The specified key does not exist.")
        return ranged(request.headers.get("range"), found[0])

    async def _upload(self, request: Request, key: str) -> Response:
        if "content-length" not in request.headers:
            return xml_error(411, "MissingContentLength", "You must provide the Content-Length HTTP header.")
        try:
            data = await read_body(request, OBJECT_MAX_BYTES)
            note(request, body_bytes=len(data), body_sha256=hashlib.sha256(data).hexdigest())
            fresh = self._warehouse.volumes.put(key, data, self._warehouse.clock.now())
        except (ApiError, VolumeError) as error:
            return xml_error(413, "EntityTooLarge", str(error))
        return Response(b"", 201 if fresh else 200, {"etag": f'"{hashlib.md5(data).hexdigest()}"'})

    # -- results ---------------------------------------------------------------------------------
    async def _read(self, statement_id: str, chunk: int) -> bytes | None:
        stream = self._statements.stream_of(statement_id)
        if stream is None:
            return None
        if not stream.data_is_hot(chunk):
            data = await asyncio.to_thread(stream.data, chunk)
        else:
            data = stream.data(chunk)
        # A reader that downloads a chunk will want the ones after it: keep producing.
        stream.wait_for(chunk)
        return data


_RANGE = re.compile(r"bytes=(\d*)-(\d*)$")


def ranged(header: str | None, data: bytes) -> Response:
    kind = "application/octet-stream"
    match = _RANGE.match(header.strip()) if header else None
    if match is None or match[0] == "bytes=-":
        return Response(data, 200, {"accept-ranges": "bytes"}, media_type=kind)
    size = len(data)
    if match[1]:
        first = int(match[1])
        last = min(int(match[2]), size - 1) if match[2] else size - 1
    else:
        first, last = max(0, size - int(match[2])), size - 1
    if first > last:
        return Response(b"", 416, {"content-range": f"bytes */{size}"}, media_type=kind)
    headers = {"content-range": f"bytes {first}-{last}/{size}", "accept-ranges": "bytes"}
    return Response(data[first : last + 1], 206, headers, media_type=kind)
