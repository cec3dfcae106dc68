"""The memory and the rules of the token endpoint: clients, codes, refresh tokens, grants.

It decides as the service does and answers with OAuth's error forms; ``routes/oidc.py`` speaks HTTP.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote_plus

from warehouse.clock import Clock
from warehouse.config import Config
from warehouse.errors import bad_request
from warehouse.identity import jwt
from warehouse.identity.tokens import Tokens
from warehouse.ids import Ids

EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"
ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
CODE_LIFE_S = 60.0
ASSERTION_LIFE_S = 24 * 3600.0
CLOCK_LEEWAY_S = 60.0
DEFAULT_CLIENT = ("local-client", "local-secret")


class OAuthError(Exception):
    def __init__(self, code: str, description: str, status: int = 400) -> None:
        super().__init__(description)
        self.code, self.description, self.status = code, description, status

    def body(self) -> dict[str, str]:
        return {"error": self.code, "error_description": self.description}


def _invalid_client(why: str) -> OAuthError:
    return OAuthError("invalid_client", f"Client authentication failed: {why}", 401)


def _invalid_grant(why: str) -> OAuthError:
    return OAuthError("invalid_grant", why)


@dataclass
class _Code:
    client_id: str
    redirect_uri: str
    challenge: str
    scope: str
    expires: float


@dataclass
class _Refresh:
    client_id: str
    subject: str
    scope: str
    family: str  # all tokens that came from one login
    spent: bool = False


@dataclass
class Settings:
    """What ``POST /_lw/oidc`` can change."""

    expires_in: Any = 3600  # sent as it is given: 0, negative, a string; absent with None
    rotate_refresh: bool = False
    require_pkce: bool = True
    check_jti: bool = False  # refuse an assertion that was used before
    token_has_exp: bool = True
    authorize_error: str | None = None  # /authorize answers this error instead of a code
    account_id: str = "00000000-1111-2222-3333-444444444444"
    account_oidc: bool = False  # databricks-config points to .../oidc/accounts/{account_id}
    host_metadata: bool = True  # False: databricks-config is 404
    host_type: str | None = None
    aad_location: str | None = None  # Location of /aad/auth
    aad_tenant: str = "9f37a392-f0ae-4280-9796-f1864a10effc"


class Oidc:
    def __init__(self, config: Config, clock: Clock, ids: Ids, tokens: Tokens) -> None:
        self._config = config
        self._clock = clock
        self._ids = ids
        self._tokens = tokens
        self._secret = ids.secret()
        self._signer: jwt.Signer | None = None
        self._clients: dict[str, str] = dict([DEFAULT_CLIENT, *config.clients.items()])
        self._keys: dict[tuple[str, str], Any] = {}
        self._key_texts = dict(config.jwt_keys)
        self._codes: dict[str, _Code] = {}
        self._refresh: dict[str, _Refresh] = {}
        self._seen: set[str] = set()
        self.set = Settings()

    # -- administration --------------------------------------------------------------------------
    def configure(self, body: dict[str, Any]) -> None:
        for key, value in body.items():
            if key == "clients":
                if not isinstance(value, dict) or not all(isinstance(v, str) for v in value.values()):
                    raise bad_request("clients must be an object of strings")
                self._clients.update(value)
            elif key == "jwt_keys":
                self._add_keys(value)
            elif key in Settings.__dataclass_fields__:
                self._set(key, value)
            else:
                raise bad_request(f"unknown setting: {key[:100]}")

    def _set(self, key: str, value: Any) -> None:
        have = getattr(Settings(), key)
        kind = type(have) if have is not None and key != "expires_in" else None
        if (kind is not None and type(value) is not kind) or (
            kind is None and key != "expires_in" and not isinstance(value, (str, type(None)))
        ):
            raise bad_request(f"wrong type for setting {key}")
        setattr(self.set, key, value)

    def _add_keys(self, given: Any) -> None:
        if not isinstance(given, list) or not all(isinstance(k, dict) for k in given):
            raise bad_request("jwt_keys must be a list of {client_id, kid, public_key}")
        for key in given:
            client, kid, pem = (key.get(n) for n in ("client_id", "kid", "public_key"))
            if not all(isinstance(v, str) for v in (client, kid, pem)):
                raise bad_request("jwt_keys must be a list of {client_id, kid, public_key}")
            try:
                self._keys[(client, kid)] = jwt.load_public_key(pem)
            except ValueError as error:
                raise bad_request(f"public_key of {client}/{kid} cannot be read: {error}") from error

    def settings(self) -> dict[str, Any]:
        known = {**{k: None for k in self._key_texts}, **self._keys}
        return {**vars(self.set), "clients": sorted(self._clients), "jwt_keys": sorted(map(list, known))}

    def revoke_refresh_token(self, token: str) -> None:
        self._refresh.pop(token, None)

    def revoke_refresh_tokens(self) -> int:
        count = len(self._refresh)
        self._refresh.clear()
        return count

    # -- tokens ----------------------------------------------------------------------------------
    @property
    def signer(self) -> jwt.Signer:
        if self._signer is None:
            self._signer = jwt.Signer(self._secret)
        return self._signer

    def access_token(self, issuer: str, subject: str, client_id: str, scope: str) -> dict[str, Any]:
        """A token answer; the token's own life follows ``expires_in`` when that is a number."""
        now = self._clock.now()
        asked = self.set.expires_in
        try:
            life = float(asked) if asked is not None else 3600.0
        except (TypeError, ValueError):
            life = 3600.0
        claims: dict[str, Any] = {"iss": issuer, "sub": subject, "client_id": client_id, "scope": scope}
        claims.update(iat=int(now), jti=self._ids.new(), aud=issuer.removesuffix("/oidc"))
        if self.set.token_has_exp:
            claims["exp"] = int(now + life)
        token = self.signer.sign(claims)
        self._tokens.issued(token, now + life)
        answer = {"access_token": token, "token_type": "Bearer", "expires_in": asked, "scope": scope}
        if asked is None:
            del answer["expires_in"]
        return answer

    # -- authorize -------------------------------------------------------------------------------
    def authorize(self, query: dict[str, str]) -> dict[str, str]:
        """The parameters that go back to ``redirect_uri``: a code, or an error."""
        if self.set.authorize_error:
            return {"error": self.set.authorize_error, "error_description": "The user did not consent"}
        if query.get("response_type") != "code":
            return {"error": "unsupported_response_type", "error_description": "response_type must be code"}
        challenge = query.get("code_challenge", "")
        if self.set.require_pkce and (not challenge or query.get("code_challenge_method") != "S256"):
            return {"error": "invalid_request", "error_description": "PKCE with code_challenge_method S256 is required"}
        code = self._ids.new()
        expires = self._clock.now() + CODE_LIFE_S
        self._codes[code] = _Code(
            query["client_id"], query["redirect_uri"], challenge, query.get("scope", ""), expires
        )  # fmt: skip
        return {"code": code}

    # -- token -----------------------------------------------------------------------------------
    def token(self, form: dict[str, str], authorization: str | None, issuer: str, endpoint: str) -> dict[str, Any]:
        grant = form.get("grant_type", "")
        if grant == "client_credentials":
            client = self.client(form, authorization, endpoint)
            return self.access_token(issuer, client, client, form.get("scope", "all-apis"))
        if grant == "authorization_code":
            return self._by_code(form, issuer)
        if grant == "refresh_token":
            return self._by_refresh(form, issuer)
        if grant in (EXCHANGE, JWT_BEARER):
            return self._by_federation(form, grant, issuer)
        if not grant:
            raise OAuthError("invalid_request", "grant_type is missing")
        raise OAuthError("unsupported_grant_type", f"The grant type {grant[:200]} is not supported")

    def knows(self, client: str) -> bool:
        return client in self._clients

    def client(self, form: dict[str, str], authorization: str | None, endpoint: str) -> str:
        """The id of the client that proved itself by Basic, by a secret in the body, or by a key."""
        if "client_assertion" in form:
            return self._by_assertion(form, endpoint)
        client, secret = form.get("client_id", ""), form.get("client_secret", "")
        if authorization is not None:
            client, secret = _basic(authorization)
        if not client or not secret:
            raise _invalid_client("no client id and secret")
        known = self._clients.get(client)
        if known is None or not hmac.compare_digest(known.encode(), secret.encode()):
            raise _invalid_client("unknown client id or wrong secret")
        return client

    def _by_assertion(self, form: dict[str, str], endpoint: str) -> str:
        token = form["client_assertion"]
        try:
            if form.get("client_assertion_type") != ASSERTION:
                raise jwt.BadToken("client_assertion_type is not jwt-bearer")
            header, claims = jwt.read(token)
            client, kid = claims.get("iss"), header.get("kid")
            key = self._key(client, kid)
            if key is None:
                raise jwt.BadToken("there is no key with this client id and kid")
            jwt.verify(token, key, str(header.get("alg")))
            self._check_claims(claims, endpoint)
        except jwt.BadToken as error:
            raise _invalid_client(str(error)) from error
        return client

    def _key(self, client: Any, kid: Any) -> Any:
        if not isinstance(client, str) or not isinstance(kid, str):
            return None
        if (client, kid) not in self._keys and (client, kid) in self._key_texts:
            self._keys[(client, kid)] = jwt.load_public_key(self._key_texts[(client, kid)])
        return self._keys.get((client, kid))

    def _check_claims(self, claims: dict[str, Any], endpoint: str) -> None:
        now = self._clock.now()
        times = [claims.get("exp"), claims.get("iat", 0)]
        if any(isinstance(t, bool) or not isinstance(t, (int, float)) for t in times):
            raise jwt.BadToken("exp and iat must be numbers")
        if times[0] <= now:
            raise jwt.BadToken("the assertion has expired")
        if times[0] > now + ASSERTION_LIFE_S or times[1] > now + CLOCK_LEEWAY_S:
            raise jwt.BadToken("the assertion is from the future")
        if claims.get("sub") != claims.get("iss"):
            raise jwt.BadToken("sub and iss differ")
        audience = claims.get("aud")
        if endpoint not in (audience if isinstance(audience, list) else [audience]):
            raise jwt.BadToken(f"aud is not {endpoint}")
        jti = claims.get("jti")
        if not isinstance(jti, str) or not jti:
            raise jwt.BadToken("jti is missing")
        if self.set.check_jti and jti in self._seen:
            raise jwt.BadToken("the assertion was used before")
        self._seen.add(jti)

    def _by_code(self, form: dict[str, str], issuer: str) -> dict[str, Any]:
        code = self._codes.pop(form.get("code", ""), None)  # a code is good once, whatever follows
        if code is None or code.expires <= self._clock.now():
            raise _invalid_grant("The authorization code is invalid, expired or was used before")
        if form.get("client_id") != code.client_id or form.get("redirect_uri") != code.redirect_uri:
            raise _invalid_grant("client_id or redirect_uri differ from those of the authorization request")
        verifier = form.get("code_verifier", "")
        if code.challenge:
            digest = hashlib.sha256(verifier.encode("utf-8", "replace")).digest()
            if base64.urlsafe_b64encode(digest).rstrip(b"=").decode() != code.challenge:
                raise _invalid_grant("code_verifier does not match code_challenge")
        answer = self.access_token(issuer, self._config.user, code.client_id, code.scope)
        if "offline_access" in code.scope.split():
            first = _Refresh(code.client_id, self._config.user, code.scope, self._ids.new())
            answer["refresh_token"] = self._new_refresh(first)
        return answer

    def _new_refresh(self, entry: _Refresh) -> str:
        token = "rt-" + self._ids.new()
        self._refresh[token] = entry
        return token

    def _by_refresh(self, form: dict[str, str], issuer: str) -> dict[str, Any]:
        token = form.get("refresh_token", "")
        entry = self._refresh.get(token)
        if entry is None or form.get("client_id", entry.client_id) != entry.client_id:
            raise _invalid_grant("The refresh token is invalid, expired or revoked")
        if entry.spent:  # somebody has a copy: the whole login ends
            self._refresh = {t: e for t, e in self._refresh.items() if e.family != entry.family}
            raise _invalid_grant("The refresh token was used before; all tokens of this login are revoked")
        answer = self.access_token(issuer, entry.subject, entry.client_id, form.get("scope") or entry.scope)
        if self.set.rotate_refresh:
            entry.spent = True
            fresh = _Refresh(entry.client_id, entry.subject, entry.scope, entry.family)
            answer["refresh_token"] = self._new_refresh(fresh)
        return answer

    def _by_federation(self, form: dict[str, str], grant: str, issuer: str) -> dict[str, Any]:
        name = "assertion" if grant == JWT_BEARER else "subject_token"
        token = form.get(name, "")
        if not token:
            raise OAuthError("invalid_request", f"{name} is missing")
        if grant == EXCHANGE and not form.get("subject_token_type", "").endswith(":jwt"):
            raise OAuthError("invalid_request", "subject_token_type must be urn:ietf:params:oauth:token-type:jwt")
        try:
            _, claims = jwt.read(token)
        except jwt.BadToken as error:
            raise _invalid_grant(f"The {name} cannot be used: {error}") from error
        if not isinstance(claims.get("iss"), str) or not claims["iss"]:
            raise _invalid_grant(f"The {name} names no issuer")
        expires = claims.get("exp")
        if isinstance(expires, (int, float)) and expires <= self._clock.now():
            raise _invalid_grant(f"The {name} has expired")
        if claims["iss"] == issuer and form.get("return_original_token_if_authenticated") == "true":
            return {"access_token": token, "token_type": "Bearer", "scope": str(claims.get("scope", ""))}
        client = form.get("identity_federation_client_id") or form.get("client_id") or ""
        subject = client or str(claims.get("sub") or claims["iss"])
        return self.access_token(issuer, subject, client, form.get("scope", "all-apis"))


def _basic(header: str) -> tuple[str, str]:
    """Id and secret; both are form-encoded inside the base64 (RFC 6749, 2.3.1)."""
    scheme, _, text = header.partition(" ")
    try:
        client, colon, secret = base64.b64decode(text.strip(), validate=True).decode("utf-8").partition(":")
    except ValueError as error:
        raise _invalid_client("the Authorization header is not valid") from error
    if scheme.lower() != "basic" or not colon:
        raise _invalid_client("the Authorization header is not valid")
    return unquote_plus(client), unquote_plus(secret)
