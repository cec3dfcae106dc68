"""Access tokens: which ones are good, which were revoked, when those that we issued end."""

from __future__ import annotations

import hmac

from warehouse.clock import Clock
from warehouse.config import Config
from warehouse.errors import ApiError

_BAD = "Credential was not sent or was of an unsupported type or is not valid for this API."


class Tokens:
    """Any token is good unless ``--token`` or ``--issued-tokens-only`` says otherwise; tokens of our own
    endpoint end at their time on the server's clock, which tests can move."""

    def __init__(self, config: Config, clock: Clock) -> None:
        self._config = config
        self._clock = clock
        self._expires: dict[str, float] = {}  # issued here
        self._revoked: set[str] = set()

    def issued(self, token: str, expires: float) -> None:
        self._expires[token] = expires

    def revoke(self, token: str) -> None:
        if token:
            self._revoked.add(token)

    def revoke_all_issued(self) -> int:
        self._revoked.update(self._expires)
        return len(self._expires)

    def check(self, header: str | None) -> None:
        """Raises the 401 that a workspace answers."""
        scheme, _, token = (header or "").partition(" ")
        token = token.strip()
        if scheme.lower() != "bearer" or not token:
            raise _unauthenticated(_BAD)
        if token in self._revoked:
            raise _unauthenticated("The access token was revoked.", "invalid_token")
        expires = self._expires.get(token)
        if expires is not None:
            if expires <= self._clock.now():
                raise _unauthenticated("The access token has expired.", "invalid_token")
            return
        fixed = self._config.token
        if fixed is not None and hmac.compare_digest(token.encode(), fixed.encode()):
            return
        if fixed is not None or self._config.issued_tokens_only:
            raise _unauthenticated(_BAD)


def _unauthenticated(message: str, error: str = "") -> ApiError:
    challenge = 'Bearer realm="DatabricksRealm"' + (f', error="{error}"' if error else "")
    return ApiError(401, "UNAUTHENTICATED", message, {"www-authenticate": challenge})
