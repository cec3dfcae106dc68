"""``GET /``: the page for people. It needs no token, so it answers only this machine and shows no secrets."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from warehouse import __version__
from warehouse.config import HTTP_PATH
from warehouse.errors import not_found
from warehouse.page import views
from warehouse.page.history import Record
from warehouse.routes.visitors import admit

if TYPE_CHECKING:
    from warehouse.app import Warehouse

_FOLDER = Path(views.__file__).parent
_HEADERS = {
    # No script but the page's own file: what slips through escaping still cannot run.
    "content-security-policy": "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src data:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "cache-control": "no-store",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
}


def is_page(path: str) -> bool:
    return path == "/" or path.startswith(views.BASE + "/")


class _Page:
    def __init__(self, warehouse: "Warehouse") -> None:
        self.w = warehouse

    # -- pages -------------------------------------------------------------------------------------
    async def index(self, request: Request) -> Response:
        admit(request, self.w.config)
        text, state = _query(request)
        history = self.w.history
        return _html(views.index(self._site(), list(history.newest_first()), history.version, text, state))

    async def statements(self, request: Request) -> Response:
        """The list alone, or 204 when nothing changed since ``after``."""
        admit(request, self.w.config)
        history, records = self.w.history, list(self.w.history.newest_first())
        if _unchanged(request, history.version):
            return Response(b"", 204, _HEADERS)
        text, state = _query(request)
        return _html(views.statements(self._site(), records, history.version, text, state))

    async def statement(self, request: Request) -> Response:
        admit(request, self.w.config)
        return _html(views.detail(self._site(), self._record(request), _first(request)))

    async def requests(self, request: Request) -> Response:
        admit(request, self.w.config)
        record = self._record(request)
        if _unchanged(request, record.version):
            return Response(b"", 204, _HEADERS)
        return _html(views.requests(record, _first(request)))

    async def asset(self, request: Request) -> Response:
        admit(request, self.w.config)
        name = request.path_params["name"]
        kind = {"page.css": "text/css", "page.js": "text/javascript"}.get(name)
        if kind is None:
            raise not_found(f"There is no {name[:80]} here.")
        return Response((_FOLDER / name).read_bytes(), headers=_HEADERS, media_type=kind)

    # -- parts -------------------------------------------------------------------------------------
    def _site(self) -> views.Site:
        config = self.w.config
        return views.Site(config.url, config.storage_url, HTTP_PATH, __version__, self.w.sessions.count())

    def _record(self, request: Request) -> Record:
        record = self.w.history.get(request.path_params["statement"])
        if record is None:
            raise not_found("This statement is not among the last ones that the page knows.")
        return record


def _html(content: views.Html) -> Response:
    return Response(content.encode(), headers=_HEADERS, media_type="text/html; charset=utf-8")


def _query(request: Request) -> tuple[str, str]:
    return request.query_params.get("q", "")[:200].strip(), request.query_params.get("state", "")[:20]


def _number(request: Request, name: str) -> int | None:
    text = request.query_params.get(name, "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 12 else None


def _first(request: Request) -> int:
    return _number(request, "first") or 0


def _unchanged(request: Request, version: int) -> bool:
    return _number(request, "after") == version


def routes(warehouse: "Warehouse") -> list[Route]:
    page, one = _Page(warehouse), views.BASE + "/statements/{statement}"
    return [
        Route("/", page.index, methods=["GET"]),
        Route(views.BASE + "/statements", page.statements, methods=["GET"]),
        Route(one, page.statement, methods=["GET"]),
        Route(one + "/requests", page.requests, methods=["GET"]),
        Route(views.BASE + "/{name}", page.asset, methods=["GET"]),
    ]
