"""Who may see the page and use ``/_lw/``: this machine, since neither asks for a token."""

from __future__ import annotations

import ipaddress

from starlette.requests import Request

from warehouse.config import Config
from warehouse.errors import ApiError


def admit(request: Request, config: Config) -> None:
    """Only this machine, and only by a name of this machine: another site that has its own name
    resolved to 127.0.0.1 must not read along in somebody's browser."""
    host = request.headers.get("host", "")
    name = host if host.endswith("]") else host.rpartition(":")[0] or host
    names = {"localhost", "127.0.0.1", "[::1]", config.host, *config.tls_names}
    if not _is_loopback(request.client.host if request.client else "") or name not in names:
        raise ApiError(
            403, "PERMISSION_DENIED", "The page and /_lw/ are for this machine only: call 127.0.0.1 (or --open-admin)."
        )


def _is_loopback(address: str) -> bool:
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False
