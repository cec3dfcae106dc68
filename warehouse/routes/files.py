"""The Files API: objects and directories of volumes, and links to them."""

from __future__ import annotations

import hashlib
from email.utils import formatdate
from typing import TYPE_CHECKING, Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from warehouse.errors import ApiError, bad_request
from warehouse.requests import text_field
from warehouse.storage import ranged
from warehouse.volumes import Entry, VolumeError
from warehouse.web import Turn, note, read_body, read_object

if TYPE_CHECKING:
    from warehouse.app import Warehouse

FILE_MAX_BYTES = 5 << 30
_METHODS = {"create-upload-url": "PUT", "create-download-url": "GET", "create-delete-url": "DELETE"}


class _Handlers:
    def __init__(self, warehouse: "Warehouse") -> None:
        self.w = warehouse
        self.volumes = warehouse.volumes

    def _key(self, path: str) -> str:
        try:
            return self.volumes.key(path, self.w.config.user)
        except VolumeError as error:
            raise ApiError(error.status, error.code, error.message) from error

    # -- files -----------------------------------------------------------------------------------
    async def file(self, request: Request) -> Response:
        turn = Turn(self.w, request, "files")
        if turn.refused is not None:
            return turn.refused
        key = self._key(request.path_params["path"])
        if request.method == "PUT":
            return turn.send(await self._upload(request, key))
        found = self.volumes.get(key)
        if found is None:
            raise ApiError(404, "NOT_FOUND", f"The file being accessed is not found: {key}")
        if request.method == "DELETE":
            self.volumes.remove(key)
            return turn.send(Response(b"", 204))
        data, modified = found
        response = ranged(request.headers.get("range"), data)
        response.headers["last-modified"] = formatdate(modified, usegmt=True)
        return turn.send(response)

    async def _upload(self, request: Request, key: str) -> Response:
        overwrite = request.query_params.get("overwrite", "false").lower() == "true"
        if not overwrite and self.volumes.exists(key):
            raise ApiError(409, "ALREADY_EXISTS", f"The file being created already exists: {key}")
        data = await read_body(request, FILE_MAX_BYTES)
        note(request, body_bytes=len(data), body_sha256=hashlib.sha256(data).hexdigest())
        try:
            self.volumes.put(key, data, self.w.clock.now())
        except VolumeError as error:
            raise ApiError(error.status, error.code, error.message) from error
        return Response(b"", 204)

    # -- directories -----------------------------------------------------------------------------
    async def directory(self, request: Request) -> Response:
        turn = Turn(self.w, request, "files")
        if turn.refused is not None:
            return turn.refused
        key = self._key(request.path_params["path"])
        if request.method == "PUT":
            self.volumes.make_directory(key)
            return turn.send(Response(b"", 204))
        if not self.volumes.is_directory(key):
            raise ApiError(404, "NOT_FOUND", f"The directory being accessed is not found: {key}")
        if request.method == "HEAD":
            return turn.send(Response(b"", 200))
        if request.method == "DELETE":
            try:
                self.volumes.remove_directory(key)
            except VolumeError as error:
                raise ApiError(error.status, error.code, error.message) from error
            return turn.send(Response(b"", 204))
        return turn.answer({"contents": [_content(e) for e in self.volumes.list(key)]})

    async def list(self, request: Request) -> Response:
        """The older form of listing that JDBC uses."""
        turn = Turn(self.w, request, "files")
        if turn.refused is not None:
            return turn.refused
        key = self._key(request.query_params.get("path", ""))
        if not self.volumes.is_directory(key) and not self.volumes.exists(key):
            raise ApiError(404, "NOT_FOUND", f"No such file or directory: {key}")
        files = [
            {
                "path": e.path.rstrip("/"),
                "is_dir": e.is_directory,
                "file_size": e.size,
                "modification_time": int(e.modified * 1000),
            }
            for e in self.volumes.list(key)
        ]
        return turn.answer({"files": files})

    # -- links -----------------------------------------------------------------------------------
    async def create_url(self, request: Request) -> Response:
        turn = Turn(self.w, request, "files")
        if turn.refused is not None:
            return turn.refused
        body = await read_object(request)
        path = text_field(body, "path", required=True)
        if path.endswith("/"):
            raise bad_request("path must name a file")
        method = _METHODS[request.url.path.rsplit("/", 1)[1]]
        url, _, headers = self.w.links.make_object(method, self._key(path))
        return turn.answer({"url": url, "headers": [{"name": k, "value": v} for k, v in headers.items()]})


def _content(entry: Entry) -> dict[str, Any]:
    found: dict[str, Any] = {"path": entry.path, "is_directory": entry.is_directory, "name": entry.name}
    if not entry.is_directory:
        found.update(file_size=entry.size, last_modified=int(entry.modified * 1000))
    return found


def routes(warehouse: "Warehouse") -> list[Route]:
    handlers, prefix = _Handlers(warehouse), "/api/2.0/fs"
    links = [Route(f"{prefix}/{name}", handlers.create_url, methods=["POST"]) for name in _METHODS]
    return [
        *links,
        Route(prefix + "/list", handlers.list, methods=["GET"]),
        Route(prefix + "/files{path:path}", handlers.file, methods=["PUT", "GET", "HEAD", "DELETE"]),
        Route(prefix + "/directories{path:path}", handlers.directory, methods=["PUT", "GET", "HEAD", "DELETE"]),
    ]
