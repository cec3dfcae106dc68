"""OIDC discovery, authorize and token; host metadata; the look-alike of Microsoft Entra."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlencode

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from warehouse.errors import ApiError, not_found
from warehouse.faults.wire import HTML
from warehouse.identity.oidc import OAuthError
from warehouse.identity.workspaces import ORG_ID
from warehouse.web import Turn, note, read_body

if TYPE_CHECKING:
    from warehouse.app import Warehouse

FORM_MAX_BYTES = 1024 * 1024
_NO_STORE = {"cache-control": "no-store"}
_SECRET_FIELDS = {
    "client_secret", "client_assertion", "assertion", "subject_token", "refresh_token", "code", "code_verifier",
}  # fmt: skip


class _Handlers:
    def __init__(self, warehouse: "Warehouse") -> None:
        self.w = warehouse

    # -- documents -------------------------------------------------------------------------------
    async def discovery(self, request: Request) -> Response:
        turn = Turn(self.w, request, "oidc.discovery")
        if turn.refused is not None:
            return turn.refused
        return turn.answer(self._document(request))

    def _document(self, request: Request) -> dict[str, Any]:
        """The endpoints under the root that was asked: the host's, or an account's."""
        base = _base(request)
        account = request.path_params.get("account")
        issuer = f"{base}/oidc/accounts/{account}" if account else f"{base}/oidc"
        return {
            "issuer": issuer,
            "authorization_endpoint": f"{issuer}/v1/authorize",
            "token_endpoint": f"{issuer}/v1/token",
            "jwks_uri": f"{issuer}/jwks.json",
            "scopes_supported": ["all-apis", "email", "offline_access", "openid", "profile", "sql"],
            "response_types_supported": ["code"],
            "response_modes_supported": ["query"],
            "grant_types_supported": ["client_credentials", "authorization_code", "refresh_token"],
            "code_challenge_methods_supported": ["S256"],
            "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post", "none"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["ES256"],
        }

    async def keys(self, request: Request) -> Response:
        turn = Turn(self.w, request, "oidc.discovery")
        return turn.refused or turn.answer({"keys": [self.w.oidc.signer.jwk]})

    async def host_config(self, request: Request) -> Response:
        """``/.well-known/databricks-config``: what kind of host this is."""
        turn = Turn(self.w, request, "host.config")
        if turn.refused is not None:
            return turn.refused
        settings = self.w.oidc.set
        if not settings.host_metadata:
            raise not_found("There is no host metadata here.")
        unified = self.w.workspaces.unified
        root = _base(request) + "/oidc"
        answer = {
            "oidc_endpoint": root + "/accounts/{account_id}" if settings.account_oidc else root,
            "account_id": settings.account_id,
            "host_type": settings.host_type or ("unified" if unified else "workspace"),
            "cloud": "aws",
        }
        if not unified:
            answer["workspace_id"] = ORG_ID
        return turn.answer(answer)

    # -- authorize and token -----------------------------------------------------------------------
    async def authorize(self, request: Request) -> Response:
        turn = Turn(self.w, request, "oidc.authorize")
        if turn.refused is not None:
            return turn.refused
        query = dict(request.query_params)
        target = query.get("redirect_uri", "")
        if not query.get("client_id") or not target.startswith(("http://", "https://")):
            raise ApiError(400, "INVALID_REQUEST", "client_id and redirect_uri are needed")
        back = self.w.oidc.authorize(query)
        if "state" in query:
            back["state"] = query["state"]
        joint = "&" if "?" in target else "?"
        return turn.send(RedirectResponse(target + joint + urlencode(back), 302, _NO_STORE))

    async def token(self, request: Request) -> Response:
        turn = Turn(self.w, request, "oidc.token")
        if turn.refused is not None:
            return turn.refused
        try:
            form = await _form(request)
            account = request.path_params.get("account")
            issuer = _base(request) + (f"/oidc/accounts/{account}" if account else "/oidc")
            endpoint = str(request.url.replace(query=""))
            answer = self.w.oidc.token(form, request.headers.get("authorization"), issuer, endpoint)
        except OAuthError as error:
            return turn.answer(error.body(), error.status, _NO_STORE)
        return turn.answer(answer, 200, _NO_STORE)

    async def login(self, request: Request) -> Response:
        """Where requests without a known workspace end on a unified host."""
        return Response(HTML, media_type="text/html")

    # -- Entra ------------------------------------------------------------------------------------
    async def aad_auth(self, request: Request) -> Response:
        """Tells a client the tenant: the first part of the Location's path."""
        settings = self.w.oidc.set
        target = settings.aad_location
        if target is None:
            target = f"https://login.microsoftonline.com/{settings.aad_tenant}/oauth2/authorize?response_type=code"
        return Response(b"", 302, {"location": target}) if target else Response(b"", 200)

    def _tenant(self, request: Request) -> str:
        return request.path_params.get("tenant") or self.w.oidc.set.aad_tenant

    async def entra_token(self, request: Request) -> Response:
        """v1 (``resource``) and v2 (``scope`` ending in /.default); client credentials only."""
        turn = Turn(self.w, request, "oidc.token")
        if turn.refused is not None:
            return turn.refused
        tenant, second = self._tenant(request), "/v2.0/" in request.url.path
        try:
            form = await _form(request)
            wanted = form.get("scope" if second else "resource", "")
            if form.get("grant_type") != "client_credentials":
                raise OAuthError("unsupported_grant_type", "AADSTS70003: only client_credentials is supported")
            if not wanted or (second and not wanted.endswith("/.default")):
                raise OAuthError("invalid_scope", "AADSTS70011: the scope or resource is missing or not valid")
            client = self.w.oidc.client(form, request.headers.get("authorization"), str(request.url))
        except OAuthError as error:
            if error.code == "invalid_client":
                error.description = "AADSTS7000215: Invalid client secret provided"
            return turn.answer(error.body(), error.status, _NO_STORE)
        answer = self.w.oidc.access_token(f"https://sts.windows.net/{tenant}/", client, client, wanted)
        answer["ext_expires_in"] = answer.get("expires_in")
        if not second:  # version 1 sends its numbers as text
            answer = {k: str(v) if k.endswith("expires_in") else v for k, v in answer.items()}
            answer["resource"] = wanted
        return turn.answer(answer, 200, _NO_STORE)

    async def machine_token(self, request: Request) -> Response:
        """What 169.254.169.254 answers on a machine of Azure's: a token of the machine's own identity, or of one that it has."""
        turn = Turn(self.w, request, "oidc.token")
        if turn.refused is not None:
            return turn.refused
        words = request.query_params
        client = words.get("client_id", "machine")
        known = client == "machine" or self.w.oidc.knows(client)
        if request.headers.get("metadata", "").lower() != "true":
            problem = "Required metadata header not specified"
        elif "api-version" not in words or not words.get("resource"):
            problem = "api-version and resource are required"
        else:
            problem = "" if known else "Identity not found"
        if problem:
            return turn.answer({"error": "invalid_request", "error_description": problem}, 400, _NO_STORE)
        answer = self.w.oidc.access_token(f"https://sts.windows.net/{self._tenant(request)}/", client, client, words["resource"])
        return turn.answer({**{k: str(v) for k, v in answer.items()}, "resource": words["resource"]}, 200, _NO_STORE)

    async def entra_document(self, request: Request) -> Response:
        turn = Turn(self.w, request, "oidc.discovery")
        if turn.refused is not None:
            return turn.refused
        tenant = self._tenant(request)
        root = f"{_base(request)}/{tenant}"
        return turn.answer(
            {
                "issuer": f"https://sts.windows.net/{tenant}/",
                "authorization_endpoint": f"{root}/oauth2/v2.0/authorize",
                "token_endpoint": f"{root}/oauth2/v2.0/token",
                "jwks_uri": f"{_base(request)}/oidc/jwks.json",
            }
        )


def _base(request: Request) -> str:
    """The host as the client calls it."""
    return str(request.base_url).rstrip("/")


async def _form(request: Request) -> dict[str, str]:
    kind = request.headers.get("content-type", "").split(";")[0].strip().lower()
    body = await read_body(request, FORM_MAX_BYTES)
    if kind != "application/x-www-form-urlencoded":
        raise OAuthError("invalid_request", "The body must be application/x-www-form-urlencoded")
    try:
        pairs = parse_qsl(body.decode("utf-8"), keep_blank_values=True, errors="strict", max_num_fields=100)
    except ValueError as error:
        raise OAuthError("invalid_request", f"The form cannot be read: {error}") from error
    form = dict(pairs)
    if len(form) != len(pairs):
        raise OAuthError("invalid_request", "A parameter is repeated")
    note(request, body={k: "[redacted]" if k in _SECRET_FIELDS else v for k, v in form.items()})
    return form


def routes(warehouse: "Warehouse") -> list[Route]:
    h = _Handlers(warehouse)
    found = [
        Route("/.well-known/databricks-config", h.host_config, methods=["GET"]),
        Route("/.well-known/openid-configuration", h.entra_document, methods=["GET"]),
        Route("/aad/auth", h.aad_auth, methods=["GET"]),
        Route("/login.html", h.login, methods=["GET"]),
    ]
    for root in ("/oidc", "/oidc/accounts/{account}"):
        found += [
            Route(root + "/.well-known/oauth-authorization-server", h.discovery, methods=["GET"]),
            Route(root + "/.well-known/openid-configuration", h.discovery, methods=["GET"]),
            Route(root + "/jwks.json", h.keys, methods=["GET"]),
            Route(root + "/v1/authorize", h.authorize, methods=["GET"]),
            Route(root + "/v1/token", h.token, methods=["POST"]),
        ]
    return [
        *found,
        Route("/oidc/oauth2/v2.0/authorize", h.authorize, methods=["GET"]),
        Route("/oidc/oauth2/v2.0/token", h.token, methods=["POST"]),
        Route("/metadata/identity/oauth2/token", h.machine_token, methods=["GET"]),
        Route("/{tenant}/oauth2/v2.0/token", h.entra_token, methods=["POST"]),
        Route("/{tenant}/oauth2/token", h.entra_token, methods=["POST"]),
        Route("/oauth2/token", h.entra_token, methods=["POST"]),
        Route("/{tenant}/v2.0/.well-known/openid-configuration", h.entra_document, methods=["GET"]),
    ]
