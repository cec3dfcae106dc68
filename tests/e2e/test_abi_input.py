"""Wrong input at every door that leads to the server: connections, tokens, SQL, parameters, handles
that are stale, and closing in any order. Codes and messages as spec c-abi 2.2 and 2.9 have them."""

from __future__ import annotations

import itertools
import shutil
import socket
import time
from pathlib import Path

import pytest
from abi_driver import (
    INVALID_ARGUMENT,
    INVALID_HANDLE,
    NETWORK_ERROR,
    NOT_FOUND,
    SQL_ERROR,
    SUCCESS,
    UNAUTHENTICATED,
)
from abi_env import ROOT, run_program
from warehouse.testing import local_warehouse


# ---- opening ---------------------------------------------------------------------------------------
def refused(probe, server, **options):
    """Opens, expects a failure, and checks that nothing was given out."""
    config = probe.config(server, **{"retry": (10, 20, 1, 1000), **options})
    answer = probe.call("kernel_session_open", config, "never")
    assert answer.status != SUCCESS
    assert answer["out"] == "untouched"
    return answer


def closed_port() -> int:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        return unused.getsockname()[1]


def test_closed_port(probe, warehouse):
    answer = refused(probe, warehouse, url=f"http://127.0.0.1:{closed_port()}")
    answer.fails(NETWORK_ERROR, "HTTP request failed after 2 attempts")
    assert answer["error"]["retryable"] is True
    assert answer["info"]["may_have_executed"] is False


def test_unknown_host(probe, warehouse):
    answer = refused(probe, warehouse, url="http://no-such-host.invalid")
    answer.fails(NETWORK_ERROR, "no-such-host.invalid")


def test_https_on_a_plain_port(probe, warehouse):
    answer = refused(probe, warehouse, url=warehouse.url.replace("http://", "https://"))
    answer.fails(NETWORK_ERROR)


def test_a_port_that_speaks_something_else(probe, warehouse):
    import threading

    def serve(listener):
        while True:
            try:
                peer, _ = listener.accept()
            except OSError:
                return
            with peer:
                peer.recv(65536)
                peer.sendall(b"220 smtp.example ready\r\n")

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve, args=(listener,), daemon=True)
        thread.start()
        answer = refused(probe, warehouse, url=f"http://127.0.0.1:{listener.getsockname()[1]}")
        listener.shutdown(socket.SHUT_RDWR)
    answer.fails(NETWORK_ERROR)


def test_silent_port_is_bounded(probe, warehouse):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        begun = time.monotonic()
        refused(probe, warehouse, url=url, timeout_ms=200)
        assert time.monotonic() - begun < 30


def test_cancel_token_ends_a_silent_open(probe, warehouse):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        config = probe.config(warehouse, url=f"http://127.0.0.1:{listener.getsockname()[1]}")
        probe.call("kernel_cancel_token_new", "token").ok()
        number = probe.start("kernel_session_open_cancellable", config, "never", "token", thread="one")
        peer, _ = listener.accept()  # the request is on its way
        begun = time.monotonic()
        probe.call("kernel_cancel_token_cancel", "token").ok()
        answer = probe.wait(number)
        assert answer.fails(8)["out"] == "untouched"
        assert time.monotonic() - begun < 30
        probe.call("kernel_cancel_token_free", "token").ok()
        peer.close()


PATHS = [
    ("/sql/1.0/warehouses/nope", NOT_FOUND, "HTTP 404: Endpoint nope does not exist."),
    ("/sql/1.0/warehouse/local", INVALID_ARGUMENT, "http_path '/sql/1.0/warehouse/local' does not match"),
    ("/sql/1.0/warehouses/a/b", INVALID_ARGUMENT, "does not match"),
    ("/sql/protocolv1/o/0/0-1-x", INVALID_ARGUMENT, "does not match"),
    ("", INVALID_ARGUMENT, "http_path '' does not match"),
]


@pytest.mark.parametrize(("path", "code", "text"), PATHS, ids=[repr(row[0]) for row in PATHS])
def test_wrong_http_path(probe, warehouse, path, code, text):
    mark = warehouse.journal_mark()
    refused(probe, warehouse, http_path=path).fails(code, text)
    assert len(warehouse.journal(mark)) == (1 if code == NOT_FOUND else 0)


def test_tokens(probe, warehouse):
    refused(probe, warehouse, token="").fails(INVALID_ARGUMENT, "PAT auth requires a non-empty access token")
    with local_warehouse("--token", "secret-token") as strict:
        answer = refused(probe, strict, token="wrong-token")
        answer.fails(UNAUTHENTICATED, "HTTP 401: Credential was not sent")
        assert answer["error"]["http_status"] == 401
        assert "wrong-token" not in answer["error"]["message"]
        session = probe.open(strict, token="secret-token")
        session.close()


@pytest.mark.parametrize("token", ["two\nlines", "tab\tbed\r", "ctrl\x01"])
def test_tokens_that_no_header_can_hold(probe, warehouse, token):
    mark = warehouse.journal_mark()
    answer = refused(probe, warehouse, token=token)
    assert answer.status in (INVALID_ARGUMENT, NETWORK_ERROR)
    assert token not in answer["error"]["message"]
    assert warehouse.journal(mark) == []


@pytest.mark.parametrize("header", [("bad name", "v"), ("name", "a\nb"), ("", "v"), ("x:y", "v")])
def test_custom_headers_that_cannot_be_sent(probe, warehouse, header):
    mark = warehouse.journal_mark()
    answer = refused(probe, warehouse, headers=[header])
    assert answer.status in (INVALID_ARGUMENT, NETWORK_ERROR)
    assert warehouse.journal(mark) == []


def test_garbage_in_tls_settings(probe, warehouse):
    config = probe.config(warehouse, url="https://127.0.0.1:1")
    probe.call("kernel_session_config_set_tls_trusted_certs", config, "no certificate").ok()
    answer = probe.call("kernel_session_open", config, "never")
    answer.fails(INVALID_ARGUMENT, "Invalid PEM bytes in TlsConfig.custom_ca_cert: no certificates found")


def test_catalog_that_is_not_there(probe, warehouse):
    config = probe.config(warehouse)
    probe.call("dbk_session_config_set_namespace", config, "no_such_catalog", None).ok()
    answer = probe.call("kernel_session_open", config, "never")
    if answer.status == SUCCESS:  # a server may leave it to the first statement
        probe.call("kernel_session_close", "never").ok()
    else:
        assert answer["error"]["http_status"] in (400, 404)


# ---- SQL -------------------------------------------------------------------------------------------
def execute(session, sql, params=None):
    """Executes and closes; the answer."""
    probe = session.probe
    statement = session.statement(sql, params)
    answer = probe.call("kernel_statement_execute", statement, "executed")
    if answer.status == SUCCESS:
        probe.call("kernel_executed_statement_close", "executed").ok()
    else:
        assert answer["out"] == "untouched"
    probe.call("kernel_statement_close", statement).ok()
    return answer


WRONG_SQL = [
    ("SELEC 1", "42601"),
    ("SELECT * FROM no_such_table", "42P01"),
    ("SELECT no_such_column FROM range(1)", "42703"),
    ("SELECT CAST('abc' AS INT)", "22018"),
    ("SELECT 1 / 0", "22012"),
]


@pytest.mark.parametrize(("sql", "state"), WRONG_SQL, ids=[row[0] for row in WRONG_SQL])
def test_wrong_sql(session, sql, state):
    answer = execute(session, sql).fails(SQL_ERROR)
    error, info = answer["error"], answer["info"]
    assert error["sql_state"] == state
    length = info["message_length"]
    assert error["message"].encode()[length:].decode() == f"; error_code={info['error_code']}"
    assert len(error["query_id"]) == 36
    assert (error["http_status"], error["vendor_code"], error["retryable"]) == (0, 0, False)


def test_sql_never_set(session):
    execute(session, None).fails(INVALID_ARGUMENT, "StatementSpec.sql must be set before execute()")


@pytest.mark.parametrize("sql", ["", "   ", ";", "--", "/* open"])
def test_sql_without_sense(session, sql):
    assert execute(session, sql).status in (SQL_ERROR, INVALID_ARGUMENT)
    assert session.rows("SELECT 1") == [(1,)]


def test_a_megabyte_of_sql(session):
    text = "x" * (1 << 20)
    assert session.rows(f"SELECT length('{text}')") == [(1 << 20,)]
    wide = "é" * (1 << 19)
    assert session.rows(f"SELECT length('{wide}')") == [(1 << 19,)]


def test_sql_with_nul(session):
    """dbk_statement_set_sql_n carries NUL to the server; what that says of it is the server's."""
    probe = session.probe
    statement = session.statement(None)
    probe.call("dbk_statement_set_sql_n", statement, "SELECT 'a\0b'").ok()
    answer = probe.call("kernel_statement_execute", statement, "executed")
    if answer.status == SUCCESS:
        probe.call("kernel_executed_statement_close", "executed").ok()
    assert answer.status in (SUCCESS, SQL_ERROR, INVALID_ARGUMENT)
    probe.call("dbk_statement_set_sql_n", statement, {"hex": "53ff"}).fails(
        INVALID_ARGUMENT, "sql is not valid UTF-8"
    )
    probe.call("dbk_statement_set_sql_n", statement, None).fails(INVALID_ARGUMENT, "sql must not be null")
    probe.call("dbk_statement_set_sql_n", statement, "").ok()
    probe.call("kernel_statement_set_sql", statement, "SELECT 1\0 this is cut").ok()
    probe.call("kernel_statement_execute", statement, "executed").ok()
    probe.call("kernel_executed_statement_close", "executed").ok()
    probe.call("kernel_statement_close", statement).ok()


# ---- parameters ------------------------------------------------------------------------------------
def test_parameter_values_with_nul(session):
    probe = session.probe
    statement = session.statement("SELECT length(:v)")
    bind = "dbk_statement_bind_parameter_n"
    probe.call(bind, statement, "v", "STRING", "a\0b").ok()
    probe.call(bind, statement, "v", None, "x").fails(INVALID_ARGUMENT, "parameter sql_type must not be null")
    probe.call(bind, statement, "v", "STRING", {"hex": "ff"}).fails(
        INVALID_ARGUMENT, "parameter value is not valid UTF-8"
    )
    answer = probe.call("kernel_statement_execute", statement, "executed")
    if answer.status == SUCCESS:
        probe.call("kernel_executed_statement_close", "executed").ok()
    assert answer.status in (SUCCESS, SQL_ERROR, INVALID_ARGUMENT)
    probe.call("kernel_statement_close", statement).ok()


def test_parameter_styles_that_exclude_each_other(session):
    typed = {"bind": "int64", "args": [1, 1]}
    positional, named = {"type": "INT", "value": "1"}, {"name": "a", "type": "INT", "value": "1"}
    execute(session, "SELECT ?, :a", [positional, named]).fails(
        INVALID_ARGUMENT, "positional and named raw parameters are mutually exclusive; pass only one"
    )
    for raw in (positional, named):
        execute(session, "SELECT ?", [typed, raw]).fails(
            INVALID_ARGUMENT, "raw parameters cannot be mixed with positional/named TypedValue params"
        )


def test_set_sql_forgets_parameters(session):
    probe = session.probe
    statement = session.statement("SELECT ?", [{"bind": "int64", "args": [1, 1]}])
    probe.call("kernel_statement_set_sql", statement, "SELECT 2").ok()
    probe.call("kernel_statement_execute", statement, "executed").ok()
    probe.call("kernel_executed_statement_close", "executed").ok()
    probe.call("kernel_statement_close", statement).ok()


def test_too_many_parameters(session):
    """Ordinals have an end, and one beyond it costs no memory."""
    probe = session.probe
    statement = session.statement("SELECT 1")
    bind = "kernel_statement_bind_int64"
    for ordinal in (65537, 1 << 31, 1 << 40, -1):
        answer = probe.call(bind, statement, ordinal, 1)
        assert answer.status == INVALID_ARGUMENT, (ordinal, answer)
    probe.call(bind, statement, 0, 1).fails(
        INVALID_ARGUMENT, "positional parameter ordinal must be >= 1 (1-based)"
    )
    probe.call(bind, statement, 65536, 1).ok()
    answer = probe.call("kernel_statement_execute", statement, "executed")
    if answer.status == SUCCESS:
        probe.call("kernel_executed_statement_close", "executed").ok()
    assert answer.status in (SUCCESS, SQL_ERROR, INVALID_ARGUMENT)
    probe.call("kernel_statement_close", statement).ok()


def test_one_raw_parameter_too_many(session):
    probe = session.probe
    statement = session.statement("SELECT 1")
    args = ("kernel_statement_bind_parameter", statement, None, "INT", "1")
    numbers = [probe.start(*args) for _ in range(65537)]
    statuses = [probe.wait(n).status for n in numbers]
    assert statuses[:65536] == [SUCCESS] * 65536
    assert statuses[65536] == INVALID_ARGUMENT
    probe.call("kernel_statement_close", statement).ok()


@pytest.mark.parametrize(
    ("key", "value", "status"),
    [
        ("row_limit", "5", SUCCESS),
        ("row_limit", "", SUCCESS),
        ("row_limit", "five", INVALID_ARGUMENT),
        ("query_tags", "a:b,c", SUCCESS),
        ("no_such_option", "1", INVALID_ARGUMENT),
        (None, "1", INVALID_ARGUMENT),
        ("row_limit", None, INVALID_ARGUMENT),
        ({"hex": "ff"}, "1", INVALID_ARGUMENT),
    ],
)
def test_statement_options(session, key, value, status):
    statement = session.statement("SELECT 1")
    assert session.probe.call("dbk_statement_set_option", statement, key, value).status == status
    session.probe.call("kernel_statement_close", statement).ok()


# ---- handles ---------------------------------------------------------------------------------------
STALE_EXEC = "executed statement was invalidated by a re-execute or close on its parent statement"
STALE_STREAM = "result stream's executed statement was invalidated by a re-execute or close on its parent statement"
CLOSED_EXEC = "result stream used after its executed statement was closed"


def check_stale(probe, executed, stream):
    """Every call answers InvalidStatementHandle and touches nothing; closing is still fine."""
    answer = probe.call("kernel_executed_statement_get_result_stream", executed, "never")
    answer.fails(INVALID_HANDLE, STALE_EXEC)
    assert answer["out"] == "untouched"
    modified = probe.call("kernel_executed_statement_num_modified_rows", executed)
    assert modified["number"] == -1
    assert modified["error"]["code"] == INVALID_HANDLE
    query_id = probe.call("kernel_executed_statement_query_id", executed)
    assert query_id["text"] is None
    assert query_id["error"]["code"] == INVALID_HANDLE
    probe.call("dbk_executed_get_info", executed, True).fails(INVALID_HANDLE, STALE_EXEC)
    schema = probe.call("kernel_result_stream_get_schema", stream, 1).fails(INVALID_HANDLE, STALE_STREAM)
    assert schema["schema"] == "untouched"
    batch = probe.call("kernel_result_stream_next_batch", stream, 1, 1).fails(INVALID_HANDLE, STALE_STREAM)
    assert batch["batch"] in ("untouched", "end")
    probe.call("dbk_result_stream_next_ipc", stream, True).fails(INVALID_HANDLE)
    probe.call("dbk_result_stream_export", stream, 1).fails(INVALID_HANDLE)
    probe.call("kernel_result_stream_close", stream).ok()
    probe.call("kernel_executed_statement_close", executed).ok()


EXTERNAL = "/*lw: chunk_rows=10, disposition=external*/ SELECT id FROM range(100)"


def test_stale_after_executing_again(session):
    probe = session.probe
    running = session.execute(EXTERNAL)
    running.next().ok()
    probe.call("kernel_statement_execute", running.statement, "second").ok()
    check_stale(probe, running.executed, running.stream)
    probe.call("kernel_executed_statement_get_result_stream", "second", "second_stream").ok()
    assert probe.do("drain", stream="second_stream")["rows"] == 100
    probe.call("kernel_result_stream_close", "second_stream").ok()
    probe.call("kernel_executed_statement_close", "second").ok()
    probe.call("kernel_statement_close", running.statement).ok()


def test_an_execution_that_fails_also_makes_stale(session):
    probe = session.probe
    running = session.execute(EXTERNAL)
    probe.call("kernel_statement_set_sql", running.statement, "SELECT * FROM no_such_table").ok()
    probe.call("kernel_statement_execute", running.statement, "never").fails(SQL_ERROR)
    for function, handle in (
        ("kernel_result_stream_close", running.stream),
        ("kernel_executed_statement_close", running.executed),
        ("kernel_statement_close", running.statement),
    ):
        probe.call(function, handle).ok()


def test_stale_after_closing_the_statement(session):
    running = session.execute(EXTERNAL)
    session.probe.call("kernel_statement_close", running.statement).ok()
    check_stale(session.probe, running.executed, running.stream)


def test_stream_after_closing_its_execution(session):
    probe = session.probe
    running = session.execute(EXTERNAL)
    running.next().ok()
    probe.call("kernel_executed_statement_close", running.executed).ok()
    running.next().fails(INVALID_HANDLE, CLOSED_EXEC)
    probe.call("kernel_result_stream_get_schema", running.stream, 1).fails(INVALID_HANDLE, CLOSED_EXEC)
    probe.call("kernel_result_stream_close", running.stream).ok()
    probe.call("kernel_statement_close", running.statement).ok()


def test_one_stream_per_execution(session):
    probe = session.probe
    running = session.execute("SELECT 1")
    taken = "a result stream has already been taken from this executed statement; only one is allowed"
    again = ("kernel_executed_statement_get_result_stream", running.executed, "never")
    assert probe.call(*again).fails(INVALID_ARGUMENT, taken)["out"] == "untouched"
    probe.call("kernel_result_stream_close", running.stream).ok()
    probe.call(*again).fails(INVALID_ARGUMENT, taken)
    probe.call("kernel_executed_statement_close", running.executed).ok()
    probe.call("kernel_statement_close", running.statement).ok()


def test_the_end_is_repeatable(session):
    running = session.execute(EXTERNAL)
    assert running.drain()["rows"] == 100
    for _ in range(3):
        assert running.next().ok()["batch"] == "end"
        schema = session.probe.call("kernel_result_stream_get_schema", running.stream, 1).ok()["schema"]
        assert schema["format"] == "+s"
    running.close()


def test_null_outs_of_live_handles(session):
    probe = session.probe
    running = session.execute("SELECT 1")
    for args in ((None, 1), (1, None), (None, None)):
        probe.call("kernel_result_stream_next_batch", running.stream, *args).fails(
            INVALID_ARGUMENT, "kernel_result_stream_next_batch: out pointers must not be null"
        )
    assert running.next().ok()["batch"]["rows"] == 1  # nothing was lost
    running.close()


@pytest.mark.parametrize("order", list(itertools.permutations(["stream", "executed", "statement", "session"])))
def test_closing_in_any_order(probe, warehouse, order):
    session = probe.open(warehouse)
    running = session.execute(EXTERNAL)
    running.next(keep="batch").ok()
    closing = {
        "stream": ("kernel_result_stream_close", running.stream),
        "executed": ("kernel_executed_statement_close", running.executed),
        "statement": ("kernel_statement_close", running.statement),
        "session": ("kernel_session_close", session.handle),
    }
    for kind in order:
        probe.call(*closing[kind]).ok()
    assert probe.do("read", batch="batch")["batch"]["rows"] == 10
    probe.do("release", batch="batch")


def test_statement_after_closing_its_session(probe, warehouse):
    """It keeps what it needs of the session and gets whatever the server says."""
    session = probe.open(warehouse)
    statement = session.statement("SELECT 1")
    session.close()
    answer = probe.call("kernel_statement_execute", statement, "never")
    assert answer.status != SUCCESS
    assert answer["error"]["http_status"] in (400, 404), answer
    probe.call("kernel_statement_close", statement).ok()


def test_many_handles(session):
    """A thousand statements at a time, closed from the first to the last."""
    handles = [session.statement("SELECT 1") for _ in range(1000)]
    for handle in handles:
        session.probe.call("kernel_statement_close", handle).ok()


# ---- results in other forms ------------------------------------------------------------------------
def test_export_and_ipc_of_an_empty_and_a_full_result(session):
    probe = session.probe
    for sql, rows in (("SELECT id FROM range(0)", 0), (EXTERNAL, 100)):
        running = session.execute(sql)
        exported = probe.call("dbk_result_stream_export", running.stream, 1).ok()
        assert exported["errno"] == 0
        assert sum(b["rows"] for b in exported["batches"]) == rows
        running.next().fails(INVALID_HANDLE)
        running.close()

        running = session.execute(sql)
        sizes = []
        while True:
            piece = probe.call("dbk_result_stream_next_ipc", running.stream, True).ok()["number"]
            if piece == 0:
                break
            sizes.append(piece)
        assert len(sizes) >= 2 + (rows > 0)
        running.close()


def test_stream_exported_in_the_middle_of_a_failing_result(session):
    sql = "/*lw: chunk_rows=10, disposition=external, fault=storage.get?chunk=3:html*/ SELECT id FROM range(100)"
    running = session.execute(sql)
    exported = session.probe.call("dbk_result_stream_export", running.stream, 1).ok()
    assert exported["errno"] != 0
    assert "text/html" in exported["stream_error"]
    running.close()


# ---- submitted statements --------------------------------------------------------------------------
def test_submit_attach_and_take(session):
    probe = session.probe
    statement = session.statement(EXTERNAL)
    probe.call("kernel_statement_submit", statement, "async").ok()
    query_id = probe.call("dbk_async_query_id", "async")["text"]
    assert len(query_id) == 36
    assert probe.call("dbk_async_await", "async", 20000, 1).ok()["flag"] is True
    assert probe.call("dbk_async_poll", "async", True).ok()["kind"] == 2
    probe.call("dbk_async_attach", session.handle, query_id, "attached").ok()
    for name in ("async", "attached"):
        for _ in range(2):
            probe.call("dbk_async_take_result", name, "executed").ok()
            probe.call("kernel_executed_statement_get_result_stream", "executed", "stream").ok()
            assert probe.do("drain", stream="stream")["rows"] == 100
            probe.call("kernel_result_stream_close", "stream").ok()
            probe.call("kernel_executed_statement_close", "executed").ok()
    probe.call("dbk_async_close", "attached").ok()
    probe.call("dbk_async_close", "async").ok()
    probe.call("kernel_statement_close", statement).ok()


def test_submit_of_wrong_sql(session):
    probe = session.probe
    statement = session.statement("SELECT * FROM no_such_table")
    answer = probe.call("kernel_statement_submit", statement, "async")
    if answer.status == SUCCESS:
        probe.call("dbk_async_await", "async", 20000, 1).fails(SQL_ERROR)
        probe.call("dbk_async_take_result", "async", "never").fails(SQL_ERROR)
        probe.call("dbk_async_close", "async").ok()
    else:
        answer.fails(SQL_ERROR)
    probe.call("kernel_statement_close", statement).ok()
    probe.call("dbk_async_attach", session.handle, "00000000-0000-0000-0000-000000000000", "never").fails(NOT_FOUND)
    probe.call("dbk_async_attach", session.handle, None, "never").fails(INVALID_ARGUMENT)


# ---- the headers -----------------------------------------------------------------------------------
@pytest.mark.parametrize("define", [None, "DATABRICKS_KERNEL_NO_ARROW_CDATA"])
def test_headers_compile_as_c(tmp_path, define):
    compiler = shutil.which("cc") or pytest.skip("no C compiler here")
    source = tmp_path / "header.c"
    arrow = "struct ArrowSchema { int own; };\nstruct ArrowArray { int own; };\n" if define else ""
    define_line = f"#define {define}\n" if define else ""
    source.write_text(f"{arrow}{define_line}#include <dbkernel.h>\nint main(void) {{ return 0; }}\n")
    run_program(compiler, "-std=c11", "-Wall", "-Wextra", "-Wpedantic", "-Werror", "-I", ROOT / "include",
                "-fsyntax-only", source)  # fmt: skip


def test_headers_compile_as_cpp():
    compiler = shutil.which("g++") or shutil.which("clang++") or pytest.skip("no C++ compiler here")
    source = Path(__file__).parent / "header_cpp.cc"
    run_program(compiler, "-std=c++11", "-Wall", "-Wextra", "-Wpedantic", "-Werror", "-I", ROOT / "include",
                "-fsyntax-only", source)  # fmt: skip


def test_nothing_but_the_abi_is_exported(build_dir):
    nm = shutil.which("nm") or pytest.skip("no nm here")
    shown = run_program(nm, "-D", "--defined-only", build_dir / "libdatabricks_sql_kernel.so").stdout
    names = [line.split()[-1].split("@")[0] for line in shown.splitlines()]
    assert names
    assert [n for n in names if not n.startswith(("kernel_", "dbk_"))] == []
