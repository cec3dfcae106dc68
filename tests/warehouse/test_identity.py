"""OIDC and every grant, token life and revocation, Entra's look-alike, several workspaces on one host."""

from __future__ import annotations

import base64
import hashlib
import json
import time
import urllib.request
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa, utils

from warehouse.identity import jwt
from warehouse.identity.oidc import ASSERTION, EXCHANGE, JWT_BEARER
from warehouse.testing import Reply, execute_body, local_warehouse, request

SESSIONS = "/api/2.0/sql/sessions"
VERIFIER = "v" * 43
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()
REDIRECT = "http://localhost:8030"
FORM = {"content-type": "application/x-www-form-urlencoded"}


@pytest.fixture(scope="module")
def server():
    with local_warehouse("--issued-tokens-only", "--client", "cid:sec ret&=é", "--user", "ann@example.com") as own:
        yield own


@pytest.fixture(autouse=True)
def as_started(server):
    before = {k: v for k, v in server.call("GET", "/_lw/oidc").json().items() if k not in ("clients", "jwt_keys")}
    yield
    server.clear_faults()
    server.call("POST", "/_lw/oidc", before)
    server.call("POST", "/_lw/clock", {"skew_s": 0})


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *arguments):
        return None


def _get(url: str, **headers: str) -> Reply:
    """GET without following redirects."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), _NoRedirect)
    try:
        with opener.open(urllib.request.Request(url, headers=headers), timeout=60) as answer:
            return Reply(answer.status, dict(answer.headers), answer.read())
    except urllib.error.HTTPError as error:
        with error:
            return Reply(error.code, {k.lower(): v for k, v in error.headers.items()}, error.read())


def _basic(client: str = "local-client", secret: str = "local-secret") -> dict[str, str]:
    from urllib.parse import quote_plus

    text = f"{quote_plus(client)}:{quote_plus(secret)}"
    return {"authorization": "Basic " + base64.b64encode(text.encode()).decode()}


def _token(server, headers=None, path="/oidc/v1/token", **form: str) -> Reply:
    return request("POST", server.url + path, urlencode(form).encode(), {**FORM, **(headers or {})})


def _m2m(server) -> str:
    return _token(server, _basic(), grant_type="client_credentials", scope="all-apis").json()["access_token"]


def _opens(server, token: str) -> int:
    return server.call("POST", SESSIONS, {"warehouse_id": "local"}, token=token).status


# -- documents --------------------------------------------------------------------------------------
@pytest.mark.parametrize("root", ["/oidc", "/oidc/accounts/acc-1"])
def test_discovery_leads_to_working_endpoints(server, root):
    found = server.call("GET", root + "/.well-known/oauth-authorization-server", token=None).json()
    assert found["issuer"] == server.url + root and found["code_challenge_methods_supported"] == ["S256"]
    path = found["token_endpoint"].removeprefix(server.url)
    answer = _token(server, _basic(), path, grant_type="client_credentials").json()
    claims = jwt.read(answer["access_token"])[1]
    assert claims["iss"] == server.url + root
    keys = request("GET", found["jwks_uri"]).json()["keys"]
    assert keys[0]["kid"] == jwt.read(answer["access_token"])[0]["kid"]


def test_our_tokens_can_be_verified_with_the_published_key(server):
    key = request("GET", server.url + "/oidc/jwks.json").json()["keys"][0]
    x, y = (int.from_bytes(base64.urlsafe_b64decode(key[n] + "=="), "big") for n in "xy")
    public = ec.EllipticCurvePublicNumbers(x, y, ec.SECP256R1()).public_key()
    jwt.verify(_m2m(server), public, "ES256")


def test_host_metadata(server):
    found = server.call("GET", "/.well-known/databricks-config", token=None).json()
    assert found["oidc_endpoint"] == server.url + "/oidc" and found["host_type"] == "workspace"
    server.call("POST", "/_lw/oidc", {"account_oidc": True, "host_type": "unified"})
    found = server.call("GET", "/.well-known/databricks-config").json()
    assert found["oidc_endpoint"].endswith("/oidc/accounts/{account_id}") and found["host_type"] == "unified"
    server.call("POST", "/_lw/oidc", {"host_metadata": False})
    assert server.call("GET", "/.well-known/databricks-config").status == 404


# -- client credentials -------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("headers", "form", "status"),
    [
        (_basic(), {}, 200),
        (_basic("cid", "sec ret&=é"), {}, 200),
        ({}, {"client_id": "local-client", "client_secret": "local-secret"}, 200),
        (_basic(secret="wrong"), {}, 401),
        (_basic(client="nobody"), {}, 401),
        ({}, {}, 401),
        ({"authorization": "Basic !!!"}, {}, 401),
        ({"authorization": "Bearer x"}, {}, 401),
        (_basic(), {"grant_type": "password"}, 400),
        (_basic(), {"grant_type": ""}, 400),
    ],
)
def test_client_credentials(server, headers, form, status):
    answer = _token(server, headers, **{"grant_type": "client_credentials", "scope": "sql", **form})
    assert answer.status == status, answer.body
    if status == 200:
        body = answer.json()
        assert (body["token_type"], body["expires_in"], body["scope"]) == ("Bearer", 3600, "sql")
        assert _opens(server, body["access_token"]) == 200
        assert answer.headers["cache-control"] == "no-store"
    else:
        assert set(answer.json()) == {"error", "error_description"}
        assert answer.json()["error"] == ("invalid_client" if status == 401 else answer.json()["error"])


@pytest.mark.parametrize(
    ("body", "kind"),
    [(b"{}", "application/json"), (b"\xff=\xff", FORM["content-type"]), (b"a=1&a=2", FORM["content-type"]), (b"", "")],
)
def test_malformed_forms(server, body, kind):
    answer = request("POST", server.url + "/oidc/v1/token", body, {"content-type": kind})
    assert answer.status == 400 and answer.json()["error"] == "invalid_request"


def test_wrong_methods(server):
    assert server.call("GET", "/oidc/v1/token").status == 405
    assert server.call("POST", "/oidc/v1/authorize").status == 405
    assert server.call("GET", "/oidc/nosuch").json()["error_code"] == "ENDPOINT_NOT_FOUND"


# -- JWT assertions -----------------------------------------------------------------------------------
RSA = rsa.generate_private_key(65537, 2048)
P256, P384 = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP384R1())


def _pem(key) -> str:
    return (
        key.public_key()
        .public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
        .decode()
    )  # fmt: skip


def _b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _signed(claims: dict, alg: str, key, kid: str) -> str:
    head = {"typ": "JWT", "alg": alg, "kid": kid}
    text = ".".join(_b64(json.dumps(p).encode()) for p in (head, claims))
    hashed = {"256": hashes.SHA256, "384": hashes.SHA384, "512": hashes.SHA512}[alg[2:]]()
    if alg.startswith("ES"):
        size = (key.key_size + 7) // 8
        r, s = utils.decode_dss_signature(key.sign(text.encode(), ec.ECDSA(hashed)))
        return f"{text}.{_b64(r.to_bytes(size, 'big') + s.to_bytes(size, 'big'))}"
    scheme = padding.PKCS1v15()
    if alg.startswith("PS"):
        scheme = padding.PSS(mgf=padding.MGF1(hashed), salt_length=padding.PSS.DIGEST_LENGTH)
    return f"{text}.{_b64(key.sign(text.encode(), scheme, hashed))}"


def _claims(server, **other) -> dict:
    now = int(time.time())
    base = {"iss": "jwt-client", "sub": "jwt-client", "aud": server.url + "/oidc/v1/token"}
    return {**base, "jti": _b64(hashlib.sha256(str(time.monotonic_ns()).encode()).digest()), "iat": now,
            "exp": now + 300, **other}  # fmt: skip


def _by_assertion(server, token: str) -> Reply:
    fields = {"grant_type": "client_credentials", "client_assertion_type": ASSERTION, "client_assertion": token}
    return _token(server, **fields, scope="all-apis")


@pytest.fixture(scope="module")
def with_keys(server):
    keys = [
        {"client_id": "jwt-client", "kid": kid, "public_key": _pem(key)}
        for kid, key in {"rsa": RSA, "p256": P256, "p384": P384}.items()
    ]
    assert server.call("POST", "/_lw/oidc", {"jwt_keys": keys}).status == 200
    return server


@pytest.mark.parametrize(
    ("alg", "key", "kid"),
    [
        ("RS256", RSA, "rsa"), ("RS384", RSA, "rsa"), ("RS512", RSA, "rsa"), ("PS256", RSA, "rsa"),
        ("PS384", RSA, "rsa"), ("PS512", RSA, "rsa"), ("ES256", P256, "p256"), ("ES384", P384, "p384"),
    ],
)  # fmt: skip
def test_assertions_of_every_algorithm(with_keys, alg, key, kid):
    answer = _by_assertion(with_keys, _signed(_claims(with_keys), alg, key, kid))
    assert answer.status == 200, answer.body
    assert _opens(with_keys, answer.json()["access_token"]) == 200


@pytest.mark.parametrize(
    ("change", "kid", "alg", "reason"),
    [
        ({"aud": "https://other"}, "rsa", "RS256", "aud"),
        ({"exp": 1}, "rsa", "RS256", "expired"),
        ({"exp": None}, "rsa", "RS256", "numbers"),
        ({"exp": 9e9}, "rsa", "RS256", "future"),
        ({"iat": 9e9}, "rsa", "RS256", "future"),
        ({"sub": "other"}, "rsa", "RS256", "sub"),
        ({"jti": ""}, "rsa", "RS256", "jti"),
        ({"iss": "nobody"}, "rsa", "RS256", "no key"),
        ({}, "other", "RS256", "no key"),
        ({}, "p256", "RS256", "needs an RSA key"),
    ],
)
def test_assertions_that_are_refused(with_keys, change, kid, alg, reason):
    answer = _by_assertion(with_keys, _signed(_claims(with_keys, **change), alg, RSA, kid))
    assert (answer.status, answer.json()["error"]) == (401, "invalid_client")
    assert reason in answer.json()["error_description"]


def test_a_changed_assertion_does_not_match(with_keys):
    head, body, signature = _signed(_claims(with_keys), "RS256", RSA, "rsa").split(".")
    other = _signed(_claims(with_keys, scope="admin"), "RS256", RSA, "rsa").split(".")[1]
    for token in (f"{head}.{other}.{signature}", f"{head}.{body}.", f"{head}.{body}", "x", f"{head}.{body}.AAAA"):
        assert _by_assertion(with_keys, token).status == 401
    none = ".".join([_b64(b'{"alg":"none","kid":"rsa"}'), body, ""])
    assert "unsupported algorithm" in _by_assertion(with_keys, none).json()["error_description"]


def test_an_assertion_can_be_good_for_one_use_only(with_keys):
    with_keys.call("POST", "/_lw/oidc", {"check_jti": True})
    token = _signed(_claims(with_keys), "RS256", RSA, "rsa")
    assert [_by_assertion(with_keys, token).status for _ in range(2)] == [200, 401]


# -- browser flow -------------------------------------------------------------------------------------
def _authorize(server, **fields) -> dict[str, list[str]]:
    query = {
        "response_type": "code", "client_id": "databricks-sql-connector", "state": "st&ate", "redirect_uri": REDIRECT,
        "code_challenge": CHALLENGE, "code_challenge_method": "S256", "scope": "sql offline_access", **fields,
    }  # fmt: skip
    answer = _get(f"{server.url}/oidc/v1/authorize?{urlencode(query)}")
    assert answer.status == 302 and answer.headers["location"].startswith(REDIRECT), answer
    return parse_qs(urlsplit(answer.headers["location"]).query)


def _exchange(server, code: str, **other: str) -> Reply:
    fields = {"grant_type": "authorization_code", "code": code, "code_verifier": VERIFIER}
    return _token(server, **{**fields, "client_id": "databricks-sql-connector", "redirect_uri": REDIRECT, **other})


def test_code_flow_with_pkce(server):
    back = _authorize(server)
    assert back["state"] == ["st&ate"]
    answer = _exchange(server, back["code"][0])
    assert answer.status == 200, answer.body
    body = answer.json()
    assert jwt.read(body["access_token"])[1]["sub"] == "ann@example.com" and body["refresh_token"]
    again = _exchange(server, back["code"][0])
    assert (again.status, again.json()["error"]) == (400, "invalid_grant"), "a code is good once"


@pytest.mark.parametrize("other", [{"code_verifier": "x" * 43}, {"client_id": "x"}, {"redirect_uri": "http://x"}])
def test_codes_are_bound_to_their_request(server, other):
    code = _authorize(server)["code"][0]
    assert _exchange(server, code, **other).json()["error"] == "invalid_grant"
    assert _exchange(server, code).json()["error"] == "invalid_grant", "a failed try spends the code"


def test_codes_end(server):
    code = _authorize(server)["code"][0]
    server.advance_clock(61)
    assert _exchange(server, code).json()["error"] == "invalid_grant"


def test_authorize_errors(server):
    assert _authorize(server, response_type="token")["error"] == ["unsupported_response_type"]
    assert _authorize(server, code_challenge_method="plain")["error"] == ["invalid_request"]
    server.call("POST", "/_lw/oidc", {"authorize_error": "access_denied"})
    assert _authorize(server)["error"] == ["access_denied"]
    assert _get(f"{server.url}/oidc/v1/authorize?client_id=x&redirect_uri=javascript:1").status == 400


# -- refresh ------------------------------------------------------------------------------------------
def _login(server) -> str:
    return _exchange(server, _authorize(server)["code"][0]).json()["refresh_token"]


def _refresh(server, token: str, **other: str) -> Reply:
    form = {"grant_type": "refresh_token", "refresh_token": token, "client_id": "databricks-sql-connector", **other}
    return _token(server, **form)


def test_refresh_without_rotation(server):
    token = _login(server)
    for _ in range(2):
        answer = _refresh(server, token)
        assert answer.status == 200 and "refresh_token" not in answer.json()
    assert _refresh(server, token, client_id="other").json()["error"] == "invalid_grant"
    assert _refresh(server, "nosuch").json()["error"] == "invalid_grant"


def test_refresh_with_rotation(server):
    server.call("POST", "/_lw/oidc", {"rotate_refresh": True})
    first = _login(server)
    second = _refresh(server, first).json()["refresh_token"]
    assert second != first
    assert _refresh(server, first).json()["error"] == "invalid_grant", "it was used"
    assert _refresh(server, second).json()["error"] == "invalid_grant", "a reused token ends the whole login"


def test_revoked_refresh_tokens(server):
    token = _login(server)
    server.call("POST", "/_lw/tokens/revoke", {"token": token})
    assert _refresh(server, token).json()["error"] == "invalid_grant"


# -- federation ---------------------------------------------------------------------------------------
def _foreign(**claims) -> str:
    return _signed({"iss": "https://idp.example", "sub": "bob", **claims}, "RS256", RSA, "k")


@pytest.mark.parametrize("grant", [EXCHANGE, JWT_BEARER])
def test_federation(server, grant):
    def exchange(token: str, **other: str) -> Reply:
        name = "assertion" if grant == JWT_BEARER else "subject_token"
        kind = {} if grant == JWT_BEARER else {"subject_token_type": "urn:ietf:params:oauth:token-type:jwt"}
        return _token(server, grant_type=grant, **{name: token}, **kind, scope="sql", **other)

    assert _opens(server, _foreign()) == 401, "a foreign token opens nothing"
    answer = exchange(_foreign(), return_original_token_if_authenticated="true").json()
    assert jwt.read(answer["access_token"])[1]["sub"] == "bob" and _opens(server, answer["access_token"]) == 200
    own = _m2m(server)
    assert exchange(own, return_original_token_if_authenticated="true").json()["access_token"] == own
    named = "identity_federation_client_id" if grant == JWT_BEARER else "client_id"
    assert jwt.read(exchange(_foreign(), **{named: "sp-1"}).json()["access_token"])[1]["sub"] == "sp-1"
    for bad in ("not-a-jwt", _foreign(iss=None), _foreign(exp=1)):
        assert exchange(bad).json()["error"] == "invalid_grant"
    assert exchange("").json()["error"] == "invalid_request"


# -- life of tokens -----------------------------------------------------------------------------------
def test_tokens_end_on_the_virtual_clock(server):
    token = _m2m(server)
    assert _opens(server, token) == 200
    server.advance_clock(3601)
    refused = server.call("POST", SESSIONS, {"warehouse_id": "local"}, token=token)
    assert refused.status == 401 and 'error="invalid_token"' in refused.headers["www-authenticate"]
    assert _opens(server, _m2m(server)) == 200


def test_revocation(server):
    one, two = _m2m(server), _m2m(server)
    assert server.call("POST", "/_lw/tokens/revoke", {"token": one}).json() == {"revoked": 1}
    assert (_opens(server, one), _opens(server, two)) == (401, 200)
    assert server.call("POST", "/_lw/tokens/revoke", {}).json()["revoked"] >= 2
    assert _opens(server, two) == 401
    for wrong in ({"token": 5}, {"token": ""}):
        assert server.call("POST", "/_lw/tokens/revoke", wrong).status == 400


@pytest.mark.parametrize("value", [0, -5, "3600", None])
def test_odd_lives(server, value):
    server.call("POST", "/_lw/oidc", {"expires_in": value})
    answer = _token(server, _basic(), grant_type="client_credentials").json()
    assert answer.get("expires_in") == value and ("expires_in" in answer) == (value is not None)


def test_token_without_exp(server):
    server.call("POST", "/_lw/oidc", {"token_has_exp": False})
    assert "exp" not in jwt.read(_m2m(server))[1]


def test_a_token_can_be_revoked_in_the_middle(server):
    token = _m2m(server)
    sql = "/*lw: chunk_rows=5, inline_max=0, fault=stmt.chunk#1:revoke*/ SELECT id FROM range(20)"
    answer = server.call("POST", "/api/2.0/sql/statements", execute_body(sql), token=token).json()
    path = f"/api/2.0/sql/statements/{answer['statement_id']}/result/chunks/1"
    assert server.call("GET", path, token=token).status == 401
    assert server.call("GET", path, token=token).status == 401, "until it is renewed"
    assert server.call("GET", path, token=_m2m(server)).status == 200


@pytest.mark.parametrize(
    ("rule", "status", "error"),
    [
        ("oidc.token#1:status(500)", 500, None),
        ("oidc.token#1:oautherror(invalid_grant)", 400, "invalid_grant"),
        ("oidc.token#1:oautherror", 401, "invalid_client"),
        ("oidc.token#1:status(429,,2)", 429, None),
    ],
)
def test_token_faults_happen_once(server, rule, status, error):
    server.fault(rule)
    answer = _token(server, _basic(), grant_type="client_credentials")
    assert answer.status == status and (error is None or answer.json()["error"] == error)
    assert _token(server, _basic(), grant_type="client_credentials").status == 200


def test_secrets_stay_out_of_the_journal(server):
    mark = server.journal_mark()
    _token(server, grant_type="client_credentials", client_id="local-client", client_secret="local-secret")
    entry = server.journal(mark)[-1]
    assert entry["body"]["client_secret"] == "[redacted]" and "local-secret" not in json.dumps(entry)


@pytest.mark.parametrize(
    "body", [{"nosuch": 1}, {"clients": []}, {"clients": {"a": 1}}, {"jwt_keys": {}}, {"rotate_refresh": "yes"},
             {"jwt_keys": [{"client_id": "a", "kid": "b", "public_key": "x"}]}, {"aad_location": 5}],
)  # fmt: skip
def test_wrong_settings(server, body):
    assert server.call("POST", "/_lw/oidc", body).status == 400


# -- Entra --------------------------------------------------------------------------------------------
def test_entra_look_alike(server):
    answer = _get(server.url + "/aad/auth")
    assert answer.status == 302
    assert answer.headers["location"].startswith("https://login.microsoftonline.com/9f37a392-")
    server.call("POST", "/_lw/oidc", {"aad_location": "https://evil.example/t/x"})
    assert _get(server.url + "/aad/auth").headers["location"] == "https://evil.example/t/x"
    scope = "2ff814a6-3304-4ab8-85cb-cd0e6f879c1d/.default"
    second = _token(server, _basic(), "/t1/oauth2/v2.0/token", grant_type="client_credentials", scope=scope)
    assert second.status == 200 and second.json()["expires_in"] == 3600
    form = {"grant_type": "client_credentials", "client_id": "local-client", "client_secret": "local-secret"}
    first = _token(server, path="/t1/oauth2/token", **form, resource="https://management.core.windows.net/")
    assert first.json()["expires_in"] == "3600", "version 1 sends numbers as text"
    assert jwt.read(first.json()["access_token"])[1]["iss"] == "https://sts.windows.net/t1/"
    assert _token(server, path="/t1/oauth2/token", **form).json()["error"] == "invalid_scope"
    plain = _token(server, path="/oauth2/token", **form, resource="https://management.core.windows.net/")
    assert plain.status == 200, "without a tenant it is that of the server"
    wrong = _token(server, _basic(secret="x"), "/t1/oauth2/v2.0/token", grant_type="client_credentials", scope=scope)
    assert wrong.status == 401 and wrong.json()["error_description"].startswith("AADSTS7000215")
    found = server.call("GET", "/t1/v2.0/.well-known/openid-configuration", token=None).json()
    assert found["token_endpoint"] == server.url + "/t1/oauth2/v2.0/token"


# -- several workspaces -------------------------------------------------------------------------------
@pytest.fixture(scope="module")
def unified():
    with local_warehouse("--workspace", "64=local,wh64", "--workspace", "65=local") as own:
        yield own


def test_requests_are_routed_by_org_id(unified):
    body = {"warehouse_id": "wh64"}
    assert unified.call("POST", SESSIONS, body, x_databricks_org_id="64").headers["x-databricks-org-id"] == "64"
    assert unified.call("POST", SESSIONS + "?o=64", body).status == 200
    assert unified.call("POST", SESSIONS, body, x_databricks_org_id="65").status == 404, "not its warehouse"
    listed = unified.call("GET", "/api/2.0/sql/warehouses?o=65").json()["warehouses"]
    assert [w["id"] for w in listed] == ["local"]
    config = unified.call("GET", "/.well-known/databricks-config", token=None).json()
    assert config["host_type"] == "unified" and "workspace_id" not in config


@pytest.mark.parametrize("path", [SESSIONS, SESSIONS + "?o=", SESSIONS + "?o=99", "/telemetry-ext"])
def test_without_a_known_org_id_everything_ends_at_the_login_page(unified, path):
    answer = _get(unified.url + path, authorization="Bearer x")
    assert answer.status == 303 and answer.headers["location"].startswith("/login.html")
    assert b"<html>" in unified.call("GET", "/login.html").body


def test_workspaces_do_not_see_each_other(unified):
    created = unified.call("POST", SESSIONS + "?o=64", {"warehouse_id": "local"})
    session = created.json()["session_id"]
    body = execute_body("SELECT 1", session)
    answer = unified.call("POST", "/api/2.0/sql/statements?o=64", body)
    path = f"/api/2.0/sql/statements/{answer.json()['statement_id']}"
    assert unified.call("POST", "/api/2.0/sql/statements?o=65", body).status == 404
    assert (unified.call("GET", path + "?o=64").status, unified.call("GET", path + "?o=65").status) == (200, 404)
    assert unified.call("DELETE", f"{SESSIONS}/{session}?o=65").status == 404
    assert unified.call("DELETE", f"{SESSIONS}/{session}?o=64").status == 200
