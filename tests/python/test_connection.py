"""How a session reaches its warehouse: TLS with client certificates, proxies."""

from pathlib import Path

import pytest

import databricks_sql_kernel as kernel
from warehouse.net.certs import KEY_PASSPHRASE
from warehouse.testing import local_warehouse


@pytest.fixture(scope="module")
def guarded():
    """A warehouse that wants a client certificate."""
    with local_warehouse("--tls", "--tls-client-cert") as server:
        yield server


def one(server, **options) -> list:
    with kernel.Session(host=server.url, http_path=server.http_path, access_token=server.token, **options) as session:
        statement = session.statement()
        statement.set_sql("SELECT 1 AS a")
        return statement.execute().fetch_all_arrow().column(0).to_pylist()


def certificate(server, key: str) -> dict[str, bytes]:
    names = {"tls_ca_cert": "ca.pem", "tls_client_cert": "client.pem", "tls_client_key": key}
    return {name: (Path(server.tls_dir) / file).read_bytes() for name, file in names.items()}


def test_a_client_certificate(guarded):
    assert one(guarded, **certificate(guarded, "client-key.pem")) == [1]


def test_an_encrypted_client_key(guarded):
    files = certificate(guarded, "client-key-encrypted.pem")
    assert one(guarded, **files, tls_client_key_password=KEY_PASSPHRASE) == [1]
    for password, message in [(None, "without a passphrase"), ("wrong", "with this passphrase")]:
        with pytest.raises(kernel.KernelError, match=message) as caught:
            one(guarded, **files, tls_client_key_password=password)
        assert caught.value.code == "InvalidArgument"


def test_a_proxy_with_a_password():
    with local_warehouse("--proxy-port", "0", "--proxy-credentials", "me:secret") as server:
        proxy = {"proxy": server.proxy_url, "proxy_username": "me", "proxy_password": "secret"}
        assert one(server, **proxy) == [1]
        with pytest.raises(kernel.KernelError) as caught:
            one(server, **{**proxy, "proxy_password": "wrong"}, retry_max_attempts=1)
        assert "secret" not in caught.value.message and "wrong" not in caught.value.message
        assert one(server, **{**proxy, "proxy_password": "wrong"}, proxy_bypass="127.0.0.1") == [1]


def peak_of(where, budget: int) -> tuple[int, int]:
    """What a result of 12 MB held at most while it was read slowly to its end, and its decoded bytes."""
    sql = "/*lw: chunk_rows=2500, disposition=external*/ SELECT id, repeat('x', 100) AS s FROM range(100000)"
    with kernel.Session(**where, memory_budget_bytes=budget) as limited:
        statement = limited.statement()
        statement.set_sql(sql)
        executed = statement.execute()
        rows = 0
        while (batch := executed.fetch_next_batch()) is not None:
            rows += batch.num_rows
        stats = executed.stats()
        executed.close()
        assert rows == stats["rows"] == 100_000 and stats["chunks"] == 40 and executed.stats() == stats
        return stats["peak_bytes"], stats["bytes_arrow"]


def test_a_memory_budget_bounds_memory(where):
    chunk = 2500 * (8 + 4 + 100)
    one_chunk, total = peak_of(where, 1)  # less than a chunk: one at a time
    assert total >= 40 * chunk and chunk <= one_chunk < 4 * chunk
    some, _ = peak_of(where, 8 * chunk)
    assert some <= 8 * chunk + 4 * chunk


def test_a_memory_budget_changes_no_row(where):
    sql = "/*lw: chunk_rows=500, disposition=external*/ SELECT id, repeat('x', 100) AS s FROM range(20000) ORDER BY id"
    for budget in (1, 100_000, None):
        with kernel.Session(**where, memory_budget_bytes=budget) as limited:
            statement = limited.statement()
            statement.set_sql(sql)
            assert statement.execute().fetch_all_arrow().column(0).to_pylist() == list(range(20000))
    with pytest.raises(kernel.KernelError, match="memory_budget_bytes must be >= 0"):
        kernel.Session(**where, memory_budget_bytes=-1)
