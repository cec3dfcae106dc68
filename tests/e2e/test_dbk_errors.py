"""dbk: the error block and the exit codes."""

import socket

import pytest

from cli_helpers import connection, dbk, run_dbk, server  # noqa: F401


def test_sql_errors_show_sqlstate_query_id_and_hint(dbk):
    ran = dbk("SELECT * FROM missing_table", check=1)
    first, *rest = ran.err.splitlines()
    assert first.startswith("error: [TABLE_OR_VIEW_NOT_FOUND]")
    assert any("sqlstate 42P01, query id " in line for line in rest)
    assert rest[-1].startswith("  hint: ") and "catalog.schema.table" in rest[-1]
    assert ran.out == b""


def test_syntax_errors(dbk):
    ran = dbk("SELEC 1", check=1)
    assert "PARSE_SYNTAX_ERROR" in ran.err and "sqlstate 42601" in ran.err and "hint: " in ran.err


@pytest.mark.parametrize(
    "args, said",
    [
        (["qurey", "SELECT 1"], "Did you mean 'query'?"),
        (["sheep-farm"], "unknown command 'sheep-farm'"),
        (["query", "--formt=csv", "SELECT 1"], "Did you mean --format?"),
        (["query"], "there is no SQL"),
        (["query", " -- nothing\n;"], "there is no SQL statement"),
        (["query", "-f", "missing.sql"], "cannot read missing.sql: No such file"),
        (["query", "--token", "dapi-secret", "SELECT 1"], "there is no --token"),
        (["query", "SELECT 1", "-o", "no/such/folder/x"], "cannot write no/such/folder/x"),
        (["query", "--token-file", "missing", "--host", "h", "--http-path", "p", "SELECT 1"], "the token file missing"),
        (["query", "SELECT 1"], "no host: set DATABRICKS_HOST or use --host"),
        (["query", "SELECT 1", "--host", "h"], "no HTTP path"),
        (["query", "SELECT 1", "--host", "h", "--http-path", "p"], "no token"),
    ],
)
def test_usage_errors(args, said):
    ran = run_dbk(*args, check=2)
    assert said in ran.err and "dapi-secret" not in ran.err and ran.out == b""


def closed_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def test_connection_errors(server):
    def failing(**changes: str) -> str:
        env = {**connection(server), **changes}
        return run_dbk("query", "SELECT 1", env=env, check=3).err

    assert "hint: nothing answers there" in failing(DATABRICKS_HOST=f"http://127.0.0.1:{closed_port()}")
    assert "hint: there is no such host" in failing(DATABRICKS_HOST="https://no.such.host.invalid")
    assert "hint: the host does not speak https" in failing(DATABRICKS_HOST=server.url.replace("http:", "https:"))
    assert "hint: the HTTP path stands in" in failing(DATABRICKS_HTTP_PATH="/nonsense")
    assert "hint: there is no such warehouse" in failing(DATABRICKS_HTTP_PATH="/sql/1.0/warehouses/unknown")


def test_refused_tokens(server, dbk):
    server.fault("session.create:status(401)", times=1)
    try:
        ran = dbk("SELECT 1", check=3)
    finally:
        server.clear_faults()
    assert "HTTP 401" in ran.err and "hint: the token was not accepted" in ran.err
    assert server.token not in ran.err.replace("token", "")


def test_lost_rows_are_exit_code_4_and_leave_no_file(dbk, tmp_path):
    target = tmp_path / "rows.csv"
    sql = "/*lw: chunk_rows=1000, disposition=external, fault=stmt.chunk:rows(-1)*/ SELECT id FROM range(100000)"
    ran = dbk(sql, "-o", str(target))
    assert ran.code == 4, (ran.code, ran.err)
    assert "hint: rows are missing or damaged" in ran.err
    assert not list(tmp_path.iterdir())


def test_a_token_file(server, tmp_path):
    env = connection(server)
    del env["DATABRICKS_TOKEN"]
    token = tmp_path / "token"
    token.write_text(server.token + "\n")
    token.chmod(0o600)
    ran = run_dbk("query", "SELECT 1 AS a", "--token-file", str(token), env=env, check=0)
    assert (ran.text, ran.err) == ("a\n1\n", "")
    token.chmod(0o644)
    ran = run_dbk("query", "SELECT 1 AS a", "--token-file", str(token), env=env, check=0)
    assert "warning: other users can read" in ran.err
    token.write_text(" \n")
    assert "is empty" in run_dbk("query", "SELECT 1", "--token-file", str(token), env=env, check=2).err


def test_server_text_cannot_control_the_terminal(dbk):
    ran = dbk("SELECT * FROM `a\x1b[31mb`", check=1)
    assert "\x1b" not in ran.err


def test_arrow_is_not_written_to_a_terminal(server):
    from cli_helpers import on_terminal

    ran = on_terminal(["query", "SELECT 1", "--format", "arrow"], connection(server))
    assert ran.code == 2 and "binary" in ran.screen
