"""SQL warehouses as objects: list, get, start, stop."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from warehouse.errors import not_found
from warehouse.routes.sql import org_of
from warehouse.web import Turn

if TYPE_CHECKING:
    from warehouse.app import Warehouse


class Compute:
    """The states of all warehouse ids. A stopped one starts by itself when it is used."""

    def __init__(self) -> None:
        self._stopped: set[str] = set()

    def use(self, warehouse_id: str) -> None:
        self._stopped.discard(warehouse_id)

    def stop(self, warehouse_id: str) -> None:
        self._stopped.add(warehouse_id)

    def describe(self, warehouse_id: str) -> dict[str, object]:
        state = "STOPPED" if warehouse_id in self._stopped else "RUNNING"
        return {
            "id": warehouse_id,
            "name": warehouse_id,
            "state": state,
            "cluster_size": "2X-Small",
            "warehouse_type": "PRO",
            "enable_serverless_compute": True,
            "num_clusters": 1 if state == "RUNNING" else 0,
            "odbc_params": {"path": f"/sql/1.0/warehouses/{warehouse_id}", "protocol": "https"},
        }


class _Handlers:
    def __init__(self, warehouse: "Warehouse") -> None:
        self.w = warehouse

    async def serve(self, request: Request) -> Response:
        turn = Turn(self.w, request, "compute")
        if turn.refused is not None:
            return turn.refused
        org, warehouse_id = org_of(request), request.path_params.get("warehouse")
        if warehouse_id is None:
            every = [self.w.compute.describe(i) for i in self.w.workspaces.warehouses(org)]
            return turn.answer({"warehouses": every})
        if not self.w.knows_warehouse(org, warehouse_id):
            raise not_found(f"SQL warehouse {warehouse_id} does not exist.")
        verb = request.url.path.rsplit("/", 1)[1]
        if request.method == "GET":
            return turn.answer(self.w.compute.describe(warehouse_id))
        (self.w.compute.use if verb == "start" else self.w.compute.stop)(warehouse_id)
        return turn.answer({})


def routes(warehouse: "Warehouse") -> list[Route]:
    serve, prefix = _Handlers(warehouse).serve, "/api/2.0/sql/warehouses"
    return [
        Route(prefix, serve, methods=["GET"]),
        Route(prefix + "/{warehouse}", serve, methods=["GET"]),
        Route(prefix + "/{warehouse}/start", serve, methods=["POST"]),
        Route(prefix + "/{warehouse}/stop", serve, methods=["POST"]),
    ]
