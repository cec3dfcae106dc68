"""Multi-statement transactions: the rules of the service, table by table."""

from __future__ import annotations

import itertools

import pytest

_numbers = itertools.count(1)


@pytest.fixture
def table(warehouse):
    name = f"main.default.txn_{next(_numbers)}"
    warehouse.execute(
        f"CREATE OR REPLACE TABLE {name} (id INT, v STRING) USING DELTA "
        "TBLPROPERTIES ('delta.feature.catalogManaged' = 'supported')"
    )
    return name


class Client:
    """A session with its statements."""

    def __init__(self, warehouse, autocommit=True):
        self.warehouse, self.id = warehouse, warehouse.session()
        if not autocommit:
            self("SET AUTOCOMMIT = FALSE")

    def __call__(self, sql, **fields):
        answer = self.warehouse.execute(sql, self.id, **fields)
        assert answer["status"]["state"] == "SUCCEEDED", answer["status"]
        return answer["status"].get("num_modified_rows")

    def rows(self, sql):
        return self.warehouse.rows(sql, self.id)

    def fails(self, sql):
        return self.warehouse.error(sql, self.id)["error"]["message"]


@pytest.fixture
def client(warehouse):
    return Client(warehouse, autocommit=False)


def _ids(warehouse, table):
    return sorted(r[0] for r in warehouse.rows(f"SELECT id FROM {table}"))


def test_autocommit_is_a_setting(warehouse):
    client = Client(warehouse)
    assert client.rows("SET AUTOCOMMIT") == [("AUTOCOMMIT", "true")]
    assert client.rows("SET AUTOCOMMIT = FALSE") == [("AUTOCOMMIT", "false")]
    assert client.rows("SET autocommit") == [("AUTOCOMMIT", "false")]
    assert "INVALID_CONF_VALUE" in client.fails("SET AUTOCOMMIT = maybe")


def test_commit_and_rollback(warehouse, client, table):
    assert client(f"INSERT INTO {table} VALUES (1, 'a')") == 1
    assert client(f"INSERT INTO {table} VALUES (2, 'b')") == 1
    assert client.rows(f"SELECT count(*) FROM {table}") == [(2,)], "own changes are seen"
    assert _ids(warehouse, table) == [], "others see nothing yet"
    client("COMMIT")
    assert _ids(warehouse, table) == [1, 2]
    client(f"DELETE FROM {table} WHERE id = 1")
    client("ROLLBACK")
    client(f"UPDATE {table} SET v = 'x' WHERE id = 2")
    client("COMMIT")
    assert warehouse.rows(f"SELECT id, v FROM {table} ORDER BY id") == [(1, "a"), (2, "x")]


def test_several_tables_change_together(warehouse, client, table):
    other = table + "_b"
    warehouse.execute(f"CREATE OR REPLACE TABLE {other} (id INT)")
    client(f"INSERT INTO {table} VALUES (1, 'a')")
    client(f"MERGE INTO {other} o USING {table} t ON o.id = t.id WHEN NOT MATCHED THEN INSERT (id) VALUES (t.id)")
    client("ROLLBACK")
    assert (_ids(warehouse, table), _ids(warehouse, other)) == ([], [])


def test_closing_the_session_rolls_back(warehouse, client, table):
    client(f"INSERT INTO {table} VALUES (1, 'a')")
    warehouse.call("DELETE", f"/api/2.0/sql/sessions/{client.id}")
    assert _ids(warehouse, table) == []
    second = Client(warehouse, autocommit=False)
    second(f"INSERT INTO {table} VALUES (1, 'a')")
    warehouse.call("POST", f"/_lw/sessions/{second.id}/expire")
    assert _ids(warehouse, table) == []


def test_commit_needs_a_transaction_and_rollback_does_not(warehouse, client):
    assert "NO_ACTIVE_TRANSACTION" in client.fails("COMMIT")
    client("ROLLBACK")
    assert "NO_ACTIVE_TRANSACTION" in Client(warehouse).fails("COMMIT")


def test_begin_starts_one(warehouse, table):
    client = Client(warehouse)
    client("BEGIN TRANSACTION")
    assert "TRANSACTION_ALREADY_ACTIVE" in client.fails("BEGIN")
    client(f"INSERT INTO {table} VALUES (1, 'a')")
    client("ROLLBACK")
    assert _ids(warehouse, table) == []


def test_autocommit_cannot_change_inside(client, table):
    client(f"INSERT INTO {table} VALUES (1, 'a')")
    assert "AUTOCOMMIT_DURING_TRANSACTION" in client.fails("SET AUTOCOMMIT = TRUE")
    client("ROLLBACK")
    client("SET AUTOCOMMIT = TRUE")


def test_reads_are_repeatable(warehouse, client, table):
    warehouse.execute(f"INSERT INTO {table} VALUES (1, 'old')")
    assert client.rows(f"SELECT v FROM {table}") == [("old",)]
    warehouse.execute(f"UPDATE {table} SET v = 'new'")
    assert client.rows(f"SELECT v FROM {table}") == [("old",)]
    client("COMMIT")
    assert client.rows(f"SELECT v FROM {table}") == [("new",)]


def test_the_second_writer_fails_at_commit(warehouse, client, table):
    warehouse.execute(f"INSERT INTO {table} VALUES (1, 'old')")
    second = Client(warehouse, autocommit=False)
    assert client(f"UPDATE {table} SET v = 'first' WHERE id = 1") == 1
    assert second(f"UPDATE {table} SET v = 'second' WHERE id = 1") == 1, "told at COMMIT, as by the service"
    client("COMMIT")
    assert "DELTA_CONCURRENT_WRITE" in second.fails("COMMIT")
    assert warehouse.rows(f"SELECT v FROM {table}") == [("first",)]
    second(f"UPDATE {table} SET v = 'again' WHERE id = 1")
    second("COMMIT")
    assert warehouse.rows(f"SELECT v FROM {table}") == [("again",)]


@pytest.mark.parametrize(
    "sql",
    [
        "SHOW CATALOGS", "SHOW SCHEMAS IN main", "SHOW TABLES IN main.default", "SHOW FUNCTIONS",
        "DESCRIBE TABLE EXTENDED {t}", "DESCRIBE EXTENDED {t}",
        "SELECT * FROM main.information_schema.columns LIMIT 1", "CREATE TABLE {t}_x (a INT)", "DROP TABLE {t}",
        "OPTIMIZE {t}", "PUT 'x' INTO '/Volumes/main/default/e2etests/x'",
    ],
)  # fmt: skip
def test_forbidden_commands_abort(warehouse, client, table, sql):
    client(f"INSERT INTO {table} VALUES (1, 'a')")
    message = client.fails(sql.format(t=table))
    assert message.startswith("[TRANSACTION_NOT_SUPPORTED.COMMAND]") and "multi-statement transaction" in message
    assert "TRANSACTION_ABORTED" in client.fails(f"INSERT INTO {table} VALUES (2, 'b')")
    assert "TRANSACTION_ABORTED" in client.fails("COMMIT")
    assert _ids(warehouse, table) == []
    client(f"INSERT INTO {table} VALUES (3, 'c')")
    client("COMMIT")
    assert _ids(warehouse, table) == [3]


@pytest.mark.parametrize(
    "sql",
    [
        "SHOW COLUMNS IN {t}", "DESCRIBE TABLE {t}", "DESCRIBE {t}", "DESCRIBE QUERY SELECT * FROM {t}",
        "DESCRIBE SELECT * FROM {t}", "SET TIMEZONE",
    ],
)  # fmt: skip
def test_allowed_commands(client, table, sql):
    client(f"INSERT INTO {table} VALUES (1, 'a')")
    assert len(client.rows(sql.format(t=table))) > 0
    client("COMMIT")


def test_forbidden_commands_are_free_outside(client, table):
    assert len(client.rows("SHOW CATALOGS")) > 1
    client(f"CREATE TABLE {table}_free (a INT)")


@pytest.mark.parametrize(
    "sql", ["SELECT * FROM nosuch_xyz", "INSERT INTO nosuch_xyz VALUES (1)", "SELECT 1/0", "SELEC 1"]
)
def test_every_error_aborts(warehouse, client, table, sql):
    client(f"INSERT INTO {table} VALUES (1, 'a')")
    client.fails(sql)
    assert "TRANSACTION_ABORTED" in client.fails(f"SELECT * FROM {table}")
    client("ROLLBACK")
    client(f"INSERT INTO {table} VALUES (2, 'b')")
    client("COMMIT")
    assert _ids(warehouse, table) == [2]


def test_two_catalogs_in_one_transaction_are_refused(warehouse, client, table):
    warehouse.execute("CREATE TABLE IF NOT EXISTS peco.default.txn_other (id INT)")
    client(f"INSERT INTO {table} VALUES (1, 'a')")
    assert "MULTIPLE_CATALOGS" in client.fails("INSERT INTO peco.default.txn_other VALUES (1)")
    client("ROLLBACK")
    assert _ids(warehouse, table) == []


def test_parameters_and_large_results_inside(client, table):
    client(f"INSERT INTO {table} VALUES (:i, :v)", parameters=[
        {"name": "i", "type": "INT", "value": "1"}, {"name": "v", "type": "STRING", "value": "p"}])  # fmt: skip
    assert client.rows(f"SELECT v FROM {table}") == [("p",)]
    assert len(client.rows("/*lw: chunk_rows=1000, inline_max=0*/ SELECT id FROM range(5000)")) == 5000
    client("ROLLBACK")


def test_a_statement_of_its_own_loses_against_an_open_transaction(warehouse, client, table):
    warehouse.execute(f"INSERT INTO {table} VALUES (1, 'old')")
    client(f"UPDATE {table} SET v = 'first' WHERE id = 1")
    assert "DELTA_CONCURRENT_WRITE" in warehouse.error(f"UPDATE {table} SET v = 'other'")["error"]["message"]
    client("COMMIT")
    assert warehouse.rows(f"SELECT v FROM {table}") == [("first",)]
