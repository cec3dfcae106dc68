"""The requests of a login, side by side with the Rust kernel. What differs stands in EXPECTED, and with its
reason in docs/differences.md."""

from __future__ import annotations

import pytest
from abi_driver import INVALID_ARGUMENT, UNAUTHENTICATED, Probe
from abi_env import LIBRARY
from auth_calls import CLIENT, SECRET, TokenEndpoint, config
from comparing import differences, wire
from cryptography.hazmat.primitives import serialization as ser
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from warehouse.testing import local_warehouse

KEYS = {"rsa": rsa.generate_private_key(65537, 2048), "ec": ec.generate_private_key(ec.SECP256R1())}


@pytest.fixture(scope="module")
def server():
    with local_warehouse("--tls") as running:
        keys = [
            {
                "client_id": "jwt-client",
                "kid": kid,
                "public_key": key.public_key()
                .public_bytes(ser.Encoding.PEM, ser.PublicFormat.SubjectPublicKeyInfo)
                .decode(),
            }
            for kid, key in KEYS.items()
        ]
        running.call("POST", "/_lw/oidc", {"jwt_keys": keys})
        yield running


@pytest.fixture
def probes(build_dir, probe_program, peer_library):
    with Probe(probe_program, build_dir / LIBRARY) as ours, Probe(probe_program, peer_library) as peer:
        yield ours, peer


@pytest.fixture
def key_file(tmp_path):
    def write(name, form=ser.PrivateFormat.PKCS8, passphrase=None):
        lock = ser.BestAvailableEncryption(passphrase) if passphrase else ser.NoEncryption()
        path = tmp_path / f"{name}.pem"
        path.write_bytes(KEYS[name].private_bytes(ser.Encoding.PEM, form, lock))
        return str(path)

    return write


def login(probe, server, *setters):
    """Opens and closes; the answer and the requests up to the session."""
    since = server.journal_mark()
    answer = probe.call("kernel_session_open", config(probe, server, *setters), "s")
    if answer.status == 0:
        probe.call("kernel_session_close", "s").ok()
    seen = [e for e in server.journal(since) if not e["path"].startswith("/_lw") and e["method"] != "DELETE"]
    return answer, [wire(e) for e in seen]


def jwt_setter(path, passphrase=None, algorithm=None, scopes=None, kid="rsa"):
    return ("auth_m2m_jwt", "jwt-client", path, kid, passphrase, algorithm, scopes, None)


GOOD = {
    "pat": lambda key_file: ("auth_pat", "a-token"),
    "m2m": lambda key_file: ("auth_m2m", CLIENT, SECRET),
    "jwt": lambda key_file: jwt_setter(key_file("rsa")),
    "jwt ec": lambda key_file: jwt_setter(key_file("ec"), None, "ES256", None, "ec"),
    "jwt encrypted": lambda key_file: jwt_setter(key_file("rsa", passphrase=b"pp"), "pp", "PS384"),
}


@pytest.mark.parametrize("name", GOOD)
def test_requests_of_a_login(probes, server, key_file, name):
    setter = GOOD[name](key_file)
    (ours, our_wire), (peer, peer_wire) = (login(probe, server, setter) for probe in probes)
    assert (ours.status, peer.status) == (0, 0)
    found = list(differences(our_wire, peer_wire))
    assert not found, "ours | peer:\n" + "\n".join(found)


def test_whole_forms(probes, server, key_file):
    """What the journal does not keep: scopes, secrets, the parts of an assertion."""
    cases = [("auth_m2m", "id é", "sec ret&=é"), jwt_setter(key_file("rsa"), None, None, "a b")]
    for setter in cases:
        forms = []
        for probe in probes:
            with TokenEndpoint() as endpoint:
                setters = [setter, ("oauth_token_endpoint", endpoint.url)]
                since = server.journal_mark()
                probe.call("kernel_session_open", config(probe, server, *setters), "s").ok()
                probe.call("kernel_session_close", "s").ok()
                assert not [e for e in server.journal(since) if "oidc" in e["path"]]
            form = {k: v if k != "client_assertion" else "<assertion>" for k, v in endpoint.forms[0].items()}
            headers = {k: v for k, v in endpoint.headers[0].items() if k not in ("user-agent", "host", "content-length")}
            forms.append({"form": list(map(list, form.items())), "headers": headers, "count": len(endpoint.forms)})
        found = list(differences(*forms))
        assert not found, "ours | peer:\n" + "\n".join(found)


@pytest.mark.parametrize("client_id", [None, "fed"])
def test_federation(probes, server, client_id):
    """A foreign JWT as access token."""
    import jwt

    token = jwt.encode({"iss": "https://idp.example", "sub": "x"}, "k" * 32)
    setters = [("auth_pat", token)]
    if client_id is not None:
        setters.append(("identity_federation_client_id", client_id))
    wires = [login(probe, server, *setters)[1] for probe in probes]
    found = list(differences(*wires))
    assert not found, "ours | peer:\n" + "\n".join(found)


REFUSED = {
    "m2m no id": ("auth_m2m", "", "s"),
    "m2m no secret": ("auth_m2m", "c", ""),
    "jwt no id": ("auth_m2m_jwt", "", "f", "k", None, None, None, None),
    "jwt no kid": ("auth_m2m_jwt", "c", "f", "", None, None, None, None),
    "jwt no file": ("auth_m2m_jwt", "c", "", "k", None, None, None, None),
    "jwt missing file": ("auth_m2m_jwt", "c", "/nowhere.pem", "k", None, None, None, None),
    "azure no id": ("auth_azure_sp", "", "s", None, None),
    "azure no secret": ("auth_azure_sp", "c", "", None, None),
}


@pytest.mark.parametrize("name", REFUSED)
def test_messages_of_refused_settings(probes, server, name):
    answers = [login(probe, server, REFUSED[name])[0] for probe in probes]
    assert [a.status for a in answers] == [INVALID_ARGUMENT] * 2
    assert answers[0].message == answers[1].message


def test_algorithm_nobody_has(probes, server, key_file):
    setter = jwt_setter(key_file("ec"), None, "ES512")
    answers = [login(probe, server, setter)[0] for probe in probes]
    assert [a.status for a in answers] == [INVALID_ARGUMENT] * 2
    assert answers[0].message == answers[1].message


def test_wrong_secret(probes, server):
    """The same words, and ours names the host after them."""
    ours, peer = (login(probe, server, ("auth_m2m", CLIENT, "wr0ng"))[0] for probe in probes)
    assert (ours.status, peer.status) == (UNAUTHENTICATED, UNAUTHENTICATED)
    assert ours.message.startswith(peer.message)
    assert (ours["error"]["http_status"], peer["error"]["http_status"]) == (401, 0)
