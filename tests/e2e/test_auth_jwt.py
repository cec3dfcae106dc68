"""Client credentials by a signature: every algorithm and key form, checked by the warehouse and by PyJWT."""

from __future__ import annotations

import datetime

import jwt
import pytest
from abi_driver import INVALID_ARGUMENT, UNAUTHENTICATED
from auth_calls import TokenEndpoint, config, open_session, token_requests
from cryptography.hazmat.primitives import serialization as ser
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from warehouse.testing import local_warehouse

CLIENT, KID, PASSPHRASE = "jwt-client", "key-1", "pass phrase é"
KEYS = {
    "rsa": rsa.generate_private_key(65537, 2048),
    "p256": ec.generate_private_key(ec.SECP256R1()),
    "p384": ec.generate_private_key(ec.SECP384R1()),
}
ALGORITHMS = {
    **{f"{family}{bits}": "rsa" for family in ("RS", "PS") for bits in (256, 384, 512)},
    "ES256": "p256",
    "ES384": "p384",
}


def pem(key, form: str = "pkcs8", passphrase: bytes | None = None, how=None) -> bytes:
    formats = {"pkcs8": ser.PrivateFormat.PKCS8, "traditional": ser.PrivateFormat.TraditionalOpenSSL}
    lock = how or (ser.BestAvailableEncryption(passphrase) if passphrase else ser.NoEncryption())
    return key.private_bytes(ser.Encoding.PEM, formats[form], lock)


def public(key) -> str:
    return key.public_key().public_bytes(ser.Encoding.PEM, ser.PublicFormat.SubjectPublicKeyInfo).decode()


@pytest.fixture(scope="module")
def server():
    with local_warehouse("--tls", "--issued-tokens-only") as running:
        keys = [{"client_id": CLIENT, "kid": name, "public_key": public(key)} for name, key in KEYS.items()]
        reply = running.call("POST", "/_lw/oidc", {"jwt_keys": keys, "check_jti": True})
        assert reply.status == 200, reply.body
        yield running


@pytest.fixture(autouse=True)
def clean(server):
    yield
    server.clear_faults()
    server.call("POST", "/_lw/clock", {"skew_s": 0})


def jwt_config(probe, server, path, kid=KID, passphrase=None, algorithm=None, scopes=None, token_url=None):
    setter = ("auth_m2m_jwt", CLIENT, str(path), kid, passphrase, algorithm, scopes, token_url)
    return config(probe, server, setter)


@pytest.fixture
def key_file(tmp_path):
    def write(data: bytes):
        path = tmp_path / "key.pem"
        path.write_bytes(data)
        return path

    return write


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_algorithm(probe, server, key_file, algorithm):
    name = ALGORITHMS[algorithm]
    since = server.journal_mark()
    handle = jwt_config(probe, server, key_file(pem(KEYS[name])), name, None, algorithm)
    session = open_session(probe, handle)
    assert session.rows("SELECT 1") == [(1,)]
    session.close()
    (asked,) = token_requests(server, since)
    assert list(asked["body"]) == ["grant_type", "client_assertion_type", "client_assertion", "scope"]
    assert "authorization" not in dict(asked["headers"])


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_assertion_by_another_library(probe, server, key_file, algorithm):
    """The session itself fails, its token is none; what matters is the assertion."""
    key = KEYS[ALGORITHMS[algorithm]]
    with TokenEndpoint() as endpoint:
        path = key_file(pem(key))
        handle = jwt_config(probe, server, path, "kid é", None, algorithm, "a, b", endpoint.url)
        probe.call("kernel_session_open", handle, "never").fails(UNAUTHENTICATED, "HTTP 401")
    form = endpoint.forms[0]
    assert form["scope"] == "a b"
    assert form["client_assertion_type"] == "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
    token = form["client_assertion"]
    claims = jwt.decode(token, key.public_key(), algorithms=[algorithm], audience=endpoint.url, issuer=CLIENT)
    assert list(claims) == ["iss", "sub", "aud", "jti", "iat", "exp"]
    assert claims["sub"] == CLIENT and claims["exp"] - claims["iat"] == 300
    assert abs(claims["iat"] - datetime.datetime.now().timestamp()) < 60
    assert len(claims["jti"]) == 32
    header = jwt.get_unverified_header(token)
    assert list(header.items()) == [("typ", "JWT"), ("alg", algorithm), ("kid", "kid é")]
    # The refused token was replaced once, by a new assertion.
    assert len(endpoint.forms) == 2
    second = jwt.decode(endpoint.forms[1]["client_assertion"], options={"verify_signature": False})
    assert second["jti"] != claims["jti"]


FORMS = {
    "pkcs1": ("rsa", "traditional", None, "RS256"),
    "sec1": ("p256", "traditional", None, "ES256"),
    "encrypted rsa": ("rsa", "pkcs8", PASSPHRASE, "PS256"),
    "encrypted ec": ("p384", "pkcs8", PASSPHRASE, "ES384"),
    "default algorithm": ("rsa", "pkcs8", None, None),
}


@pytest.mark.parametrize("name", FORMS)
def test_key_form(probe, server, key_file, name):
    key, form, passphrase, algorithm = FORMS[name]
    path = key_file(pem(KEYS[key], form, passphrase and passphrase.encode()))
    session = open_session(probe, jwt_config(probe, server, path, key, passphrase, algorithm))
    assert session.rows("SELECT 1") == [(1,)]
    session.close()


def refusals():
    rsa_pem, ec_pem = pem(KEYS["rsa"]), pem(KEYS["p256"])
    locked = pem(KEYS["rsa"], passphrase=PASSPHRASE.encode())
    old = pem(KEYS["rsa"], "traditional", how=ser.BestAvailableEncryption(b"x"))
    kind = "check that the key type matches the configured algorithm: InvalidKeyFormat"
    return {
        "ES512": (ec_pem, None, "ES512", "unsupported JWT algorithm 'ES512'. Supported: RS256, RS384, RS512, PS256, "
                  "PS384, PS512, ES256, ES384 (ES512 is not supported)"),
        "lower case": (rsa_pem, None, "rs256", "unsupported JWT algorithm 'rs256'"),
        "RSA for ES": (rsa_pem, None, "ES256", f"expected an EC key (for an ES* algorithm); {kind}"),
        "EC for RS": (ec_pem, None, None, f"Failed to parse private key: expected an RSA key (for an RS*/PS* "
                      f"algorithm); {kind}"),
        "wrong curve": (ec_pem, None, "ES384", "needs the curve P-384"),
        "no passphrase": (locked, None, None, "the key is encrypted and no jwt_passphrase was given"),
        "wrong passphrase": (locked, "nope", None, "Cannot decrypt private JWT key (wrong passphrase"),
        "needless passphrase": (rsa_pem, "x", None, "Cannot decrypt private JWT key: a passphrase was supplied but the "
                                "key PEM is labelled 'PRIVATE KEY', not 'ENCRYPTED PRIVATE KEY'; only encrypted PKCS#8 "
                                "keys use a passphrase"),
        "old encryption": (old, "x", None, "Cannot decrypt private JWT key PEM error: PEM headers disallowed by RFC7468"),
        "garbage": (b"garbage", None, None, kind),
        "empty": (b"", None, None, kind),
        "public key": (public(KEYS["rsa"]).encode(), None, None, kind),
        "cut": (rsa_pem[:200], None, None, kind),
        "large": (rsa_pem * 200, None, "ES256", kind),
    }  # fmt: skip


@pytest.mark.parametrize("name", refusals())
def test_key_that_is_refused(probe, server, key_file, name):
    data, passphrase, algorithm, text = refusals()[name]
    since = server.journal_mark()
    handle = jwt_config(probe, server, key_file(data), KID, passphrase, algorithm)
    probe.call("kernel_session_open", handle, "never").fails(INVALID_ARGUMENT, text)
    assert server.journal(since)[:-1] == []  # but for the question itself


@pytest.mark.parametrize(
    ("what", "args"),
    [
        ("client_id", ("", "f", "k")),
        ("jwt_kid", ("c", "f", "")),
        ("jwt_key_file", ("c", "", "k")),
    ],
)
def test_missing_setting(probe, server, what, args):
    handle = config(probe, server, ("auth_m2m_jwt", *args, None, None, None, None))
    text = f"OAuth M2M private-key auth requires a non-empty {what}"
    probe.call("kernel_session_open", handle, "never").fails(INVALID_ARGUMENT, text)


def test_missing_file(probe, server, tmp_path):
    handle = jwt_config(probe, server, tmp_path / "none.pem")
    text = "Failed to parse private key: No such file or directory (os error 2)"
    probe.call("kernel_session_open", handle, "never").fails(INVALID_ARGUMENT, text)


def test_unknown_kid(probe, server, key_file):
    handle = jwt_config(probe, server, key_file(pem(KEYS["rsa"])), "another")
    answer = probe.call("kernel_session_open", handle, "never").fails(UNAUTHENTICATED, "HTTP 401")
    assert answer["error"]["http_status"] == 401


@pytest.mark.parametrize("skew_s", [-7200, 7200])
@pytest.mark.parametrize("discovery", [True, False])
def test_clock_two_hours_off(probe, server, key_file, skew_s, discovery):
    """The assertion names the server's time: known from the discovery, else from the first refusal."""
    server.call("POST", "/_lw/clock", {"skew_s": skew_s})
    since = server.journal_mark()
    url = None if discovery else server.url + "/oidc/v1/token"
    session = open_session(probe, jwt_config(probe, server, key_file(pem(KEYS["rsa"])), "rsa", token_url=url))
    assert session.rows("SELECT 1") == [(1,)]
    assert len(token_requests(server, since)) == (1 if discovery else 2)
    session.close()


def test_each_attempt_has_its_own_assertion(probe, server, key_file):
    """check_jti is on: an assertion sent twice would be refused."""
    server.fault("oidc.token#1:status(503)")
    since = server.journal_mark()
    session = open_session(probe, jwt_config(probe, server, key_file(pem(KEYS["rsa"])), "rsa"))
    assert len(token_requests(server, since)) == 2
    session.close()
