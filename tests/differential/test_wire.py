"""Whole requests side by side with the Rust kernel: which, in what order, their headers in their order, their bodies.
What differs by design stands below, and with its reason in docs/differences.md."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import jwt
import pytest
from abi_driver import Probe, Session, wait_until
from abi_env import LIBRARY
from auth_calls import CLIENT, SECRET, config, open_session
from comparing import _UUID
from cryptography.hazmat.primitives import serialization as ser
from cryptography.hazmat.primitives.asymmetric import rsa
from warehouse.testing import local_warehouse

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "e2e"))
import test_auth_browser as browser_test  # noqa: E402

KEY = rsa.generate_private_key(65537, 2048)
BIG = "SELECT id, repeat('x', 100) FROM range(200000)"  # comes from the storage origin


@pytest.fixture(scope="module")
def server():
    with local_warehouse("--tls") as running:
        public = KEY.public_key().public_bytes(ser.Encoding.PEM, ser.PublicFormat.SubjectPublicKeyInfo).decode()
        running.call("POST", "/_lw/oidc", {"jwt_keys": [{"client_id": "jwt-client", "kid": "k", "public_key": public}]})
        yield running


def shape(value):
    """Without ids and ports, which each process has its own of."""
    return re.sub(r"localhost:\d+", "localhost:<port>", _UUID.sub("<id>", value)) if isinstance(value, str) else value


def request(entry) -> dict:
    """One request as it went out, without what is different by nature."""
    headers = [(k.lower(), v) for k, v in entry["headers"]]
    free = {"user-agent", "host", "content-length"}
    named: dict[str, list[str]] = {}
    for name, value in headers:
        if name not in free:
            named.setdefault(name, []).append(re.sub(r"^(Bearer|Basic) .*", r"\1", value))
    return {
        "line": f"{entry['method']} {_UUID.sub('<id>', entry['path'])}",
        "order": [k for k, _ in headers],
        "headers": named,
        "body": [[k, shape(v)] for k, v in entry.get("body", {}).items()],
    }


def settled(server, since) -> list[dict]:
    """The requests since then, once the ends of statements and session have been told. These go at the end, sorted:
    the peer tells of a statement's end in the background."""
    entries: list[dict] = []

    def over() -> bool:
        entries[:] = [e for e in server.journal(since) if not e["path"].startswith("/_lw")]
        begun = [e for e in entries if e["method"] == "POST" and e["path"].endswith(("/statements", "/sessions"))]
        return len(begun) == len([e for e in entries if e["method"] == "DELETE" and e["status"]])

    wait_until(over, what="the end of the session")
    return sorted(entries, key=lambda e: (e["method"] == "DELETE", e["path"].split("/")[-2] if e["method"] == "DELETE" else ""))


def session(probe, server, *setters) -> Session:
    return open_session(probe, config(probe, server, *setters))


def plain(probe, server, folder, *setters):
    live = session(probe, server, *setters)
    assert live.rows("SELECT 1") == [(1,)]
    live.close()


def with_pat(probe, server, folder):
    plain(probe, server, folder, ("auth_pat", "a-token"))


def with_links(probe, server, folder):
    live = session(probe, server, ("auth_pat", "a-token"))
    assert live.query(BIG)["status"] == 0
    live.close()


def with_metadata(probe, server, folder):
    live = session(probe, server, ("auth_pat", "a-token"))
    probe.call("kernel_metadata_list_catalogs", live.handle, "catalogs").ok()
    probe.do("drain", stream="catalogs")
    probe.call("kernel_result_stream_close", "catalogs").ok()
    live.close()


def with_headers(probe, server, folder):
    custom = [("custom_header", name, value) for name, value in
              (("X-One", "1"), ("X-Two", "2"), ("X-One", "3"), ("User-Agent", "Mine/1.0"), ("Authorization", "Basic x"))]
    plain(probe, server, folder, ("auth_pat", "a-token"), *custom)


def with_secret(probe, server, folder):
    plain(probe, server, folder, ("auth_m2m", CLIENT, SECRET))


def with_key(probe, server, folder):
    path = folder / "key.pem"
    path.write_bytes(KEY.private_bytes(ser.Encoding.PEM, ser.PrivateFormat.PKCS8, ser.NoEncryption()))
    plain(probe, server, folder, ("auth_m2m_jwt", "jwt-client", str(path), "k", None, None, None, None))


def with_federation(probe, server, folder):
    token = jwt.encode({"iss": "https://idp.example", "sub": "x"}, "k" * 32)
    plain(probe, server, folder, ("auth_pat", token))


def with_person(probe, server, folder):
    """The code of a browser login, then the refresh token that its cache kept."""
    browser_test.log_in(probe, server, probe.browser).close()
    path = browser_test.cache_path(probe.browser, server)
    content = browser_test.decrypt(path, "pp")
    browser_test.encrypt(path, {**content, "expires_at": "2020-01-01T00:00:00Z"}, "pp")
    open_session(probe, browser_test.u2m(probe, server)).close()


WAYS = {
    "pat": with_pat, "links": with_links, "metadata": with_metadata, "custom headers": with_headers,
    "secret": with_secret, "key": with_key, "federation": with_federation, "person": with_person,
}  # fmt: skip


@pytest.fixture
def sides(build_dir, probe_program, peer_library, tmp_path):
    made = []
    for name, library in (("ours", build_dir / LIBRARY), ("peer", peer_library)):
        folder = tmp_path / name
        folder.mkdir()
        browser = browser_test.Browser(folder)
        probe = Probe(probe_program, library, browser.env)
        probe.browser = browser
        made.append((probe, folder))
    yield made
    for probe, _ in made:
        probe.close()


def seen(side, server, way) -> list[dict]:
    since = server.journal_mark()
    way(side[0], server, side[1])
    return [request(e) for e in settled(server, since)]


# Lines of the peer's that we do not send, by way; the reasons are in docs/differences.md.
LESS = {"links": r"GET /api/2.0/sql/statements/<id>/result/chunks/\d+"}  # a link asked for once, ahead of need


def without(requests: list[dict], pattern: str | None) -> list[dict]:
    return [r for r in requests if pattern is None or not re.fullmatch(pattern, r["line"])]


@pytest.mark.parametrize("way", WAYS)
def test_requests(sides, server, way):
    """Lines in their order, headers as a set with their values, bodies in the order of their keys. The order of
    different headers means nothing in HTTP and is each library's own; equal names keep theirs."""
    ours, peer = (seen(side, server, WAYS[way]) for side in sides)
    ours, peer = without(ours, LESS.get(way)), without(peer, LESS.get(way))
    if way == "links":  # downloads run side by side: which comes first is chance
        ours, peer = (sorted(sent, key=lambda r: r["line"]) for sent in (ours, peer))
    assert [r["line"] for r in ours] == [r["line"] for r in peer]
    for mine, other in zip(ours, peer):
        assert sorted(mine["order"]) == sorted(other["order"]), (mine, other)
        assert mine["headers"] == other["headers"], (mine, other)
        assert mine["body"] == other["body"], (mine, other)


def test_user_agents(sides, server):
    """The same first word, and a custom one replaces the whole (spec auth 13), on every request."""
    agents = []
    for side in sides:
        since = server.journal_mark()
        with_headers(side[0], server, side[1])
        agents.append({dict(e["headers"])["user-agent"] for e in settled(server, since)})
    assert agents == [{"Mine/1.0"}, {"Mine/1.0"}]
