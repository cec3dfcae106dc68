"""The functions of dbkernel.h that switch telemetry, listen to it and count it; and what a session that is dropped, a
forked child and a server that says nothing make of it."""

from __future__ import annotations

import json

import pytest
from abi_driver import INVALID_ARGUMENT, UNAUTHENTICATED, Probe, Session, wait_until
from abi_env import LIBRARY, sanitizer

NO_SERVER = "http://127.0.0.1:1"
ZEROES = {
    "breaker_open": False,
    **dict.fromkeys(
        "queued sent dropped_full dropped_breaker dropped_failed dropped_off exports failed_exports".split(), 0
    ),
}
LINKS = "SELECT id, repeat('x', 100) AS t FROM range(0, 300000)"


@pytest.fixture(autouse=True)
def clean(warehouse):
    def forget():
        warehouse.clear_faults()
        warehouse.call("DELETE", "/_lw/telemetry")
        warehouse.call("DELETE", "/_lw/flags")

    forget()
    yield
    forget()


def uploads(warehouse, path: str = "/telemetry-ext") -> list[dict]:
    received = warehouse.call("GET", "/_lw/telemetry").json()["uploads"]
    return [upload for upload in received if upload["path"] == path]


def told(warehouse) -> list[dict]:
    return [event["entry"]["sql_driver_log"] for upload in uploads(warehouse) for event in upload["events"]]


def operations(warehouse) -> list[str]:
    return [log["sql_operation"]["operation_detail"]["operation_type"] for log in told(warehouse)]


def asked(warehouse, mark: int) -> list[str]:
    """Every request that is about telemetry."""
    paths = [entry["path"] for entry in warehouse.journal(mark)]
    return [path for path in paths if "telemetry" in path.lower() or "feature-flags" in path]


def open_with(probe: Probe, server, *setters: tuple, **options) -> Session:
    """A session after the setters: ("mode", "on", None, None), ("callback", True, True), ..."""
    config = probe.config(server, **options)
    for name, *args in setters:
        owner = "kernel" if name in ("config", "circuit_breaker_config") else "dbk"
        probe.call(f"{owner}_session_config_set_telemetry_{name}", config, *args).ok()
    session = probe.name("session")
    probe.call("kernel_session_open", config, session).ok()
    return Session(probe, session)


ON = ("mode", "on", None, None)


def every_event(flush_timeout_ms: int = 5000) -> tuple:
    """On, each event at once, no second attempt."""
    return ("config", True, 1, 100, 0, 0, flush_timeout_ms)


def stats(probe: Probe, host: str) -> dict:
    return probe.call("dbk_telemetry_get_stats", host, True, 4096).ok()["stats"]


def taken(probe: Probe) -> dict:
    return probe.do("records")["telemetry"]


def values(record: dict) -> dict:
    return {name: attribute["value"] for name, attribute in record["attributes"].items()}


# ---- dbk_session_config_set_telemetry_mode --------------------------------------------------------------------------


def test_mode_judges_its_words(probe, warehouse):
    call = "dbk_session_config_set_telemetry_mode"
    config = probe.config(warehouse)
    probe.call(call, None, "on", None, None).fails(INVALID_ARGUMENT, f"{call}: config must not be null")
    for word in (None, "", "ON", "yes", {"hex": "ff"}):
        probe.call(call, config, word, None, None).fails(INVALID_ARGUMENT, 'telemetry mode must be "off", "on" or "auto"')
    for bad in ("", "a b", "a/b", "a?b", "../x y", "é", "a" * 97):
        probe.call(call, config, "auto", bad, None).fails(INVALID_ARGUMENT, "telemetry client must be letters, digits")
        probe.call(call, config, "auto", None, bad).fails(INVALID_ARGUMENT, "telemetry flag must be letters, digits")
    for word in ("off", "on", "auto"):
        probe.call(call, config, word, "a" * 96, "b.c-d_e").ok()
    probe.call("kernel_session_config_free", config)


@pytest.mark.parametrize("setters", [[], [("mode", "off", None, None)], [ON, ("mode", "off", None, None)]])
def test_nothing_leaves_when_it_is_off(probe, warehouse, setters):
    mark = warehouse.journal_mark()
    session = open_with(probe, warehouse, *setters)
    assert session.rows("SELECT 1") == [(1,)]
    session.close()
    assert asked(warehouse, mark) == []
    assert stats(probe, warehouse.url) == ZEROES


def test_mode_on(probe, warehouse):
    session = open_with(probe, warehouse, ON)
    session.rows("SELECT 1")
    session.close()
    assert operations(warehouse) == ["CREATE_SESSION", "EXECUTE_STATEMENT", "DELETE_SESSION"]


@pytest.mark.parametrize(("names", "path", "flag"), [
    ((None, None), "/ADBC/", "enableTelemetryForAdbc"),
    (("NODEJS", "enableTelemetryForNodeJs"), "/NODEJS/", "enableTelemetryForNodeJs"),
])  # fmt: skip
@pytest.mark.parametrize("answer", ["true", "false", None])
def test_mode_auto_asks_for_the_flag(probe, warehouse, names, path, flag, answer):
    if answer is not None:
        flags = {f"databricks.partnerplatform.clientConfigsFeatureFlags.{flag}": answer}
        warehouse.call("POST", "/_lw/flags", {"flags": flags})
    else:
        warehouse.fault("flags:status(500)")
    mark = warehouse.journal_mark()
    session = open_with(probe, warehouse, ("mode", "auto", *names))
    session.rows("SELECT 1")
    session.close()
    wanted = 3 if answer == "true" else 0
    assert [p for p in asked(warehouse, mark) if f"/feature-flags{path}" in p] and len(told(warehouse)) == wanted
    if answer == "false":
        assert stats(probe, warehouse.url) == {**ZEROES, "dropped_off": 3}


@pytest.mark.parametrize("name", ["DATABRICKS_TELEMETRY_DISABLED", "DO_NOT_TRACK"])
def test_the_environment_wins(build_dir, probe_program, warehouse, name):
    mark = warehouse.journal_mark()
    with Probe(probe_program, build_dir / LIBRARY, {name: "1"}) as probe:
        session = open_with(probe, warehouse, ON, ("refused", True))
        session.rows("SELECT 1")
        session.close()
    assert asked(warehouse, mark) == []


# ---- databricks.telemetry.* -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("setter", ["kernel_session_config_set_session_conf", "kernel_session_config_set_client_conf"])
def test_keys_switch_it_on_through_a_driver_that_says_nothing(probe, warehouse, tmp_path, setter):
    """A session conf reaches us through any driver; the server does not see it."""
    sink = tmp_path / "told.jsonl"
    config, session = probe.config(warehouse), probe.name("session")
    for key, value in (("mode", "on"), ("batch_size", "1"), ("local_sink", str(sink))):
        probe.call(setter, config, f"databricks.telemetry.{key}", value).ok()
    probe.call("kernel_session_config_set_telemetry_config", config, False, 100, 5000, 3, 100, 5000).ok()
    mark = warehouse.journal_mark()
    probe.call("kernel_session_open", config, session).ok()
    opened = Session(probe, session)
    assert opened.rows("SELECT 'secret_literal'") == [("secret_literal",)]
    opened.close()
    assert operations(warehouse) == ["CREATE_SESSION", "EXECUTE_STATEMENT", "DELETE_SESSION"]
    assert len(uploads(warehouse)) > 1  # batch_size
    assert "databricks.telemetry" not in str(warehouse.journal(mark))
    lines = [json.loads(line) for line in sink.read_text().splitlines()]
    assert [line["attributes"]["db.operation.name"] for line in lines if "db.operation.name" in line["attributes"]] == (
        operations(warehouse)
    )
    assert {"databricks.http.request", "databricks.statement"} <= {line["name"] for line in lines}
    assert "secret" not in sink.read_text() and sink.stat().st_mode & 0o777 == 0o600


def test_a_sink_alone_sends_nothing_and_a_bad_one_changes_nothing(probe, warehouse, tmp_path):
    sink, mark = tmp_path / "told.jsonl", warehouse.journal_mark()
    for path in (sink, tmp_path / "no" / "such" / "folder"):
        config, session = probe.config(warehouse), probe.name("session")
        probe.call("kernel_session_config_set_client_conf", config, "databricks.telemetry.local_sink", str(path)).ok()
        probe.call("kernel_session_open", config, session).ok()
        opened = Session(probe, session)
        assert opened.rows("SELECT 1") == [(1,)]
        opened.close()
    assert asked(warehouse, mark) == [] and len(sink.read_text().splitlines()) > 3


# ---- dbk_session_config_set_telemetry_refused -----------------------------------------------------------------------


def refused_open(probe, warehouse, *setters: tuple) -> None:
    warehouse.fault("session.create:status(401)")
    config = probe.config(warehouse, token="a-secret-token", http_path=warehouse.http_path + "?o=987")
    for name, *args in setters:
        probe.call(f"dbk_session_config_set_telemetry_{name}", config, *args).ok()
    probe.call("kernel_session_open", config, "never").fails(UNAUTHENTICATED)
    warehouse.clear_faults()


def test_a_refused_open_is_told_without_credentials(probe, warehouse):
    call = "dbk_session_config_set_telemetry_refused"
    probe.call(call, None, True).fails(INVALID_ARGUMENT, f"{call}: config must not be null")
    refused_open(probe, warehouse, ON, ("refused", True))
    wait_until(lambda: uploads(warehouse, "/telemetry-unauth"), what="the report of the failed open")
    (upload,) = uploads(warehouse, "/telemetry-unauth")
    names = {name.lower() for name, _ in upload["headers"]}
    assert not names & {"authorization", "cookie", "x-databricks-org-id"}
    (event,) = upload["events"]
    log = event["entry"]["sql_driver_log"]
    assert set(event) == {"frontend_log_event_id", "context", "entry"}
    assert set(log) == {"system_configuration", "sql_operation", "error_info"}
    assert set(log["system_configuration"]) == {"driver_name", "driver_version"}
    assert log["sql_operation"] == {"operation_detail": {"operation_type": "CREATE_SESSION"}}
    assert log["error_info"] == {"error_name": "Unauthenticated"}
    assert uploads(warehouse) == []
    for secret in ("a-secret-token", "987", warehouse.http_path, "local"):
        assert secret not in str((log, event["context"]["client_context"]["user_agent"])), secret


@pytest.mark.parametrize("setters", [[ON], [("refused", True)], [ON, ("refused", True), ("refused", False)]])
def test_a_refused_open_is_not_told_by_default(probe, warehouse, setters):
    mark = warehouse.journal_mark()
    refused_open(probe, warehouse, *setters)
    session = open_with(probe, warehouse)  # what the failed one left behind has been seen to
    session.close()
    assert asked(warehouse, mark) == []


# ---- dbk_session_config_set_telemetry_callback ----------------------------------------------------------------------


def test_callback_hears_everything_and_nothing_is_sent(probe, warehouse):
    call = "dbk_session_config_set_telemetry_callback"
    probe.call(call, None, True, True).fails(INVALID_ARGUMENT, f"{call}: config must not be null")
    mark = warehouse.journal_mark()
    session = open_with(probe, warehouse, ("callback", True, True))
    ident = probe.call("dbk_session_id", session.handle)["text"]
    session.query("SELECT 'secret_literal' WHERE 1 = 1")
    assert taken(probe)["released"] == 0
    session.query("SELECT secret_column FROM secret_table")
    before = taken(probe)["records"]
    session.close()
    rest = taken(probe)
    assert rest["released"] == 1 and asked(warehouse, mark) == []
    records = before + rest["records"]
    assert all(r["sized"] and r["start_unix_ns"] > 10**18 and r["duration_ns"] >= 0 for r in records)
    (failed,) = [r for r in records if r["name"] == "databricks.statement"]
    facts = values(failed)
    assert failed["failed"] and facts["databricks.session.id"] == ident and facts["databricks.statement.id"]
    assert (facts["db.system.name"], facts["db.operation.name"]) == ("databricks", "EXECUTE_STATEMENT")
    assert facts["error.type"] == "SqlError" and len(facts["db.response.status_code"]) == 5
    local = {n for r in records for n, a in r["attributes"].items() if not a["exported"]}
    assert {"url.path", "server.address"} <= local and not any(n.startswith("databricks.result") for n in local)
    assert "secret" not in str(records) and warehouse.token not in str(records)


def test_callback_and_upload_tell_the_same(probe, warehouse):
    session = open_with(probe, warehouse, ON, ("callback", True, False))
    session.rows(LINKS)
    session.close()
    names = {"CREATE_SESSION": "databricks.session.open", "DELETE_SESSION": "databricks.session.close"}
    heard = [r for r in taken(probe)["records"] if "db.operation.name" in r["attributes"]]
    assert [values(r)["db.operation.name"] for r in heard] == operations(warehouse)
    assert all(r["name"] == names.get(values(r)["db.operation.name"], "databricks.statement") for r in heard)
    here, sent = values(heard[1]), told(warehouse)[1]["sql_operation"]
    assert here["databricks.result.format"] == sent["execution_result"] == "EXTERNAL_LINKS"
    assert here["databricks.chunk.count"] == sent["chunk_details"]["total_chunks_present"] > 1
    assert here["databricks.chunk.slowest_ms"] == sent["chunk_details"]["slowest_chunk_latency_millis"]


def test_callback_is_released_once(probe, warehouse):
    call = "dbk_session_config_set_telemetry_callback"
    config = probe.config(warehouse)
    probe.call(call, config, True, True).ok()
    probe.call(call, config, True, True).ok()  # the first one is heard no more
    assert taken(probe)["released"] == 1
    probe.call(call, config, False, True).ok()  # nobody: release is not called for that
    assert taken(probe)["released"] == 2
    probe.call(call, config, True, True).ok()
    probe.call("kernel_session_config_free", config)  # never opened
    assert taken(probe) == {"records": [], "released": 3}
    warehouse.fault("session.create:status(401)")
    refused = probe.config(warehouse)
    probe.call(call, refused, True, True).ok()
    probe.call("kernel_session_open", refused, "never").fails(UNAUTHENTICATED)
    wait_until(lambda: taken(probe)["released"] == 4, what="the release after a failed open")


# ---- dbk_telemetry_get_stats ----------------------------------------------------------------------------------------


def test_stats_judge_their_arguments(probe):
    call = "dbk_telemetry_get_stats"
    for args in ((None, True, 4096), (NO_SERVER, False, 4096), (NO_SERVER, True, 0), (NO_SERVER, True, 8)):
        probe.call(call, *args).fails(INVALID_ARGUMENT, "dbk_telemetry_get_stats: host and out must be non-null")
    for host in ("", "ftp://h", "https://a b", "https://u:p@h"):
        assert probe.call(call, host, True, 4096).status == INVALID_ARGUMENT, host
    assert stats(probe, NO_SERVER) == stats(probe, "https://never.told.example") == ZEROES


def test_stats_count_what_was_taken(probe, warehouse):
    session = open_with(probe, warehouse, ON)
    session.rows("SELECT 1")
    assert stats(probe, warehouse.url) == {**ZEROES, "queued": 2}
    assert stats(probe, warehouse.url + "/") == stats(probe, warehouse.url)
    session.close()
    assert stats(probe, warehouse.url) == {**ZEROES, "sent": 3, "exports": 1}


def test_stats_count_what_was_not_taken(probe, warehouse):
    warehouse.fault("telemetry:status(503)")
    session = open_with(probe, warehouse, every_event(), ("circuit_breaker_config", True, 2, 60000))
    for _ in range(4):
        assert session.rows("SELECT 1") == [(1,)]
    session.close()
    now = stats(probe, warehouse.url)
    assert now["breaker_open"] and now["failed_exports"] == now["exports"] == 2 and now["sent"] == now["queued"] == 0
    assert now["dropped_failed"] + now["dropped_breaker"] == 6 and now["dropped_breaker"] > 0


# ---- dbk_executed_get_stats -----------------------------------------------------------------------------------------


def test_statement_stats_judge_their_arguments(probe, session):
    running = session.execute("SELECT 1")
    for args in ((None, True, 4096), (running.executed, False, 4096), (running.executed, True, 8)):
        probe.call("dbk_executed_get_stats", *args).fails(INVALID_ARGUMENT, "dbk_executed_get_stats: exec and out")
    running.close()


def statement_stats(probe, running) -> dict:
    return probe.call("dbk_executed_get_stats", running.executed, True, 4096).ok()["stats"]


def test_statement_stats_grow_until_the_rows_have_ended(probe, session):
    running = session.execute(LINKS)
    first = statement_stats(probe, running)
    assert first["format"] == "EXTERNAL_LINKS" and first["chunks_iterated"] == 0 and first["consume_ms"] == -1
    running.next().ok()
    assert statement_stats(probe, running)["chunks_iterated"] == 1
    running.drain()
    end = statement_stats(probe, running)
    assert end["chunks_iterated"] == end["chunks_total"] > 1 and end["rows"] == 300000 and end["bytes_received"] > 0
    assert 0 <= end["chunk_first_ms"] <= end["chunk_slowest_ms"] <= end["chunk_sum_ms"]
    assert end["ready_ms"] >= 0 and end["consume_ms"] >= 0 and end["latency_ms"] <= end["ready_ms"]
    running.close()


def test_statement_stats_of_inline_rows_polls_and_retries(probe, session, warehouse):
    warehouse.fault("stmt.execute#1:status(429)")
    running = session.execute("/*lw: pending=3*/ SELECT 1")
    running.drain()
    end = statement_stats(probe, running)
    assert end["format"] == "INLINE_ARROW" and end["retry_count"] == 1 and end["poll_count"] >= 3 and end["rows"] == 1
    assert end["chunk_first_ms"] == end["chunk_slowest_ms"] == end["chunk_sum_ms"] == -1
    running.close()


def test_statement_stats_from_another_thread(probe, session):
    running = session.execute(LINKS)
    drained = probe.send({"do": "drain", "stream": running.stream, "values": "none", "thread": "reader"})
    seen = [statement_stats(probe, running)["rows"]]
    while not probe.answered(drained):
        seen.append(statement_stats(probe, running)["rows"])
    assert seen == sorted(seen) and statement_stats(probe, running)["rows"] == 300000
    running.close()


# ---- what is told of: rows of the spec ------------------------------------------------------------------------------

METADATA = [
    ("kernel_metadata_list_catalogs", (), "LIST_CATALOGS"),
    ("kernel_metadata_list_schemas", (None, None), "LIST_SCHEMAS"),
    ("kernel_metadata_list_tables", (None, None, None, None), "LIST_TABLES"),
    ("kernel_metadata_list_columns", ("main", None, None, None), "LIST_COLUMNS"),
    ("kernel_metadata_functions", (None, None, None), "LIST_FUNCTIONS"),
    ("kernel_metadata_procedures", (None, None, None), "TYPE_UNSPECIFIED"),
    ("kernel_metadata_procedure_columns", (None, None, None, None), "TYPE_UNSPECIFIED"),
    ("kernel_metadata_primary_keys", ("samples", "tpch", "nation"), "LIST_PRIMARY_KEYS"),
    ("kernel_metadata_foreign_keys", (None, None, None, "samples", "tpch", "nation"), "LIST_CROSS_REFERENCES"),
    ("dbk_metadata_cross_reference", ("samples", "tpch", "nation", "samples", "tpch", "region"), "LIST_CROSS_REFERENCES"),
    ("kernel_metadata_list_table_types", (), "LIST_TABLE_TYPES"),
    ("dbk_metadata_type_info", (), "LIST_TYPE_INFO"),
]  # fmt: skip


def test_every_catalog_call_is_one_event(probe, warehouse):
    session = open_with(probe, warehouse, ON)
    for function, args, _ in METADATA:
        stream = probe.name("stream")
        probe.call(function, session.handle, *args, stream).ok()
        probe.call("kernel_result_stream_close", stream).ok()
    session.close()
    assert operations(warehouse) == ["CREATE_SESSION", *[word for *_, word in METADATA], "DELETE_SESSION"]
    logs = told(warehouse)[1:-1]
    assert {log["sql_operation"]["statement_type"] for log in logs} == {"METADATA"}
    silent = {"LIST_TABLE_TYPES", "LIST_TYPE_INFO"}  # the library knows them by itself
    for log, (*_, word) in zip(logs, METADATA, strict=True):
        assert ("sql_statement_id" in log) == (word not in silent), word


@pytest.mark.parametrize(("sql", "kind"), [
    ("PUT '/home/bob/secret.csv' INTO 'stage://tmp/local/secret/f' OVERWRITE", "PUT"),
    ("GET 'stage://tmp/local/secret/f' TO '/home/bob/secret.csv'", "GET"),
    ("REMOVE 'stage://tmp/local/secret/f'", "DELETE"),
])  # fmt: skip
def test_volume_statements(probe, warehouse, sql, kind):
    session = open_with(probe, warehouse, ON)
    session.rows(sql)
    session.close()
    log = told(warehouse)[1]
    assert log["sql_operation"]["statement_type"] == "VOLUME"
    assert log["vol_operation"] == {"volume_operation_type": kind}
    assert "secret" not in str(uploads(warehouse)) and "bob" not in str(uploads(warehouse))


def test_the_librarys_own_statements_are_marked(probe, warehouse):
    session = open_with(probe, warehouse, ON)
    probe.call("kernel_session_test", session.handle).ok()
    session.rows("SELECT 1")
    session.close()
    marks = [log["sql_operation"]["operation_detail"]["is_internal_call"] for log in told(warehouse)[1:-1]]
    assert marks == [True, False]


def test_a_cancel_that_was_sent_is_an_event(probe, warehouse):
    session = open_with(probe, warehouse, ON)
    statement, canceller = session.statement("/*lw: pending=1000*/ SELECT 1"), probe.name("canceller")
    probe.call("kernel_statement_canceller_new", statement, canceller).ok()
    mark = warehouse.journal_mark()
    number = probe.start("kernel_statement_execute", statement, "never", thread="runs")
    wait_until(lambda: [e for e in warehouse.journal(mark) if e["method"] == "GET"], what="a poll")
    probe.call("kernel_statement_canceller_cancel", canceller, None).ok()
    assert probe.wait(number).status != 0
    probe.call("kernel_statement_canceller_free", canceller).ok()
    probe.call("kernel_statement_close", statement).ok()
    session.close()
    logs = dict(zip(operations(warehouse), told(warehouse), strict=True))
    assert sorted(logs) == ["CANCEL_STATEMENT", "CREATE_SESSION", "DELETE_SESSION", "EXECUTE_STATEMENT"]
    cancel, execute = logs["CANCEL_STATEMENT"], logs["EXECUTE_STATEMENT"]
    assert cancel["sql_statement_id"] == execute["sql_statement_id"] and "error_info" not in cancel
    assert execute["error_info"]["error_name"] == "Cancelled"


def test_a_cancel_before_anything_ran_is_none(probe, warehouse):
    session = open_with(probe, warehouse, ON)
    statement, canceller = session.statement("SELECT 1"), probe.name("canceller")
    probe.call("kernel_statement_canceller_new", statement, canceller).ok()
    probe.call("kernel_statement_canceller_cancel", canceller, None).ok()
    probe.call("kernel_statement_canceller_free", canceller).ok()
    probe.call("kernel_statement_close", statement).ok()
    session.close()
    assert operations(warehouse) == ["CREATE_SESSION", "DELETE_SESSION"]


def test_an_asynchronous_statement(probe, warehouse):
    session = open_with(probe, warehouse, ON)
    statement, running = session.statement("SELECT 1"), probe.name("async")
    probe.call("kernel_statement_submit", statement, running).ok()
    probe.call("dbk_async_close", running).ok()  # its result was never asked for
    probe.call("kernel_statement_close", statement).ok()
    session.close()
    assert operations(warehouse) == ["CREATE_SESSION", "EXECUTE_STATEMENT_ASYNC", "DELETE_SESSION"]
    log = told(warehouse)[1]["sql_operation"]
    assert not {"execution_result", "result_latency", "chunk_details"} & set(log)


def test_formats_and_compression(probe, warehouse):
    session = open_with(probe, warehouse, ON)
    for sql in ("SELECT 1", LINKS, "SELECT 1 AS a WHERE 1 = 0"):
        session.rows(sql)
    session.close()
    inline, links, empty = [log["sql_operation"] for log in told(warehouse)[1:-1]]
    assert inline["execution_result"] == "INLINE_ARROW" and "chunk_details" not in inline
    assert links["execution_result"] == "EXTERNAL_LINKS" and links["is_compressed"] is True
    assert "chunk_details" not in empty and empty["execution_result"] in ("INLINE_ARROW", "FORMAT_UNSPECIFIED")


def test_no_text_of_the_caller_leaves(probe, warehouse):
    session = open_with(probe, warehouse, ON)
    bound = [{"name": "p", "type": "STRING", "value": "secret_value"}]
    session.rows("SELECT 'secret_literal' AS secret_column, :p", bound)
    session.query("SELECT * FROM secret_table WHERE a = :p", bound)
    stream = probe.name("stream")
    probe.call("kernel_metadata_list_tables", session.handle, "secret_catalog", None, None, None, stream)
    if stream in probe.do("handles")["handles"]:
        probe.call("kernel_result_stream_close", stream).ok()
    session.close()
    assert len(told(warehouse)) == 5 and "secret" not in str(uploads(warehouse))


def test_a_statement_is_told_once_however_it_ends(probe, warehouse):
    session = open_with(probe, warehouse, ON)
    unread = session.execute("SELECT 1")
    unread.close()
    read = session.execute("SELECT 1")
    read.drain()
    read.close()
    session.close()
    assert operations(warehouse) == ["CREATE_SESSION", "EXECUTE_STATEMENT", "EXECUTE_STATEMENT", "DELETE_SESSION"]


def end_closed(probe, running):
    probe.call("dbk_async_close", running).ok()


def end_awaited(probe, running):
    assert probe.call("dbk_async_await", running, 0, True).ok()["flag"]
    end_closed(probe, running)


def end_taken(probe, running):
    executed, stream = probe.name("executed"), probe.name("stream")
    probe.call("dbk_async_take_result", running, executed).ok()
    probe.call("kernel_executed_statement_get_result_stream", executed, stream).ok()
    probe.do("drain", stream=stream)
    end_closed(probe, running)
    probe.call("kernel_result_stream_close", stream).ok()
    probe.call("kernel_executed_statement_close", executed).ok()


def end_after_the_session(probe, running):
    """Its event is told when the session closes; the handle goes later."""


@pytest.mark.parametrize("end", [end_closed, end_awaited, end_taken, end_after_the_session])
@pytest.mark.parametrize("left", [False, True])
def test_a_submitted_statement_is_told_once_by_whom_submitted_it(probe, warehouse, left, end):
    """Also when it stays on the server, and others attach to it by its id."""
    session = open_with(probe, warehouse, ON)
    statement, running, attached = session.statement(LINKS), probe.name("async"), probe.name("attached")
    probe.call("kernel_statement_submit", statement, running).ok()
    probe.call("kernel_statement_close", statement).ok()
    if left:
        probe.call("dbk_async_leave", running).ok()
    query_id = probe.call("dbk_async_query_id", running)["text"]
    probe.call("dbk_async_attach", session.handle, query_id, attached).ok()
    end(probe, running)
    probe.call("dbk_async_close", attached).ok()
    session.close()
    assert operations(warehouse) == ["CREATE_SESSION", "EXECUTE_STATEMENT_ASYNC", "DELETE_SESSION"]
    log = told(warehouse)[1]
    assert log["sql_statement_id"] == query_id and "error_info" not in log
    chunks = log["sql_operation"].get("chunk_details")
    if end is end_taken:
        assert chunks["total_chunks_present"] > 1
        assert chunks["total_chunks_iterated"] == (0 if left else chunks["total_chunks_present"])
    if end is end_after_the_session:
        end_closed(probe, running)
        assert len(told(warehouse)) == 3


def test_who_calls_is_scrubbed(probe, warehouse):
    config = probe.config(warehouse)
    names = ["Bearer abcdefgh", "1", "token=hunter2", *[None] * 5, "/home/bob/x.py", None, None, "/home/bob/x.py --secret"]
    probe.call("kernel_session_config_set_driver_system_configuration", config, *names).ok()
    probe.call("dbk_session_config_set_telemetry_mode", config, *ON[1:]).ok()
    probe.call("kernel_session_open", config, "s").ok()
    probe.call("kernel_session_close", "s").ok()
    system = told(warehouse)[0]["system_configuration"]
    assert system["process_name"] == "x.py" and system["driver_version"] == "1"
    for secret in ("abcdefgh", "hunter2", "bob", "--secret"):
        assert secret not in str(uploads(warehouse)), secret


# ---- the circuit breaker, as one sees it from outside ---------------------------------------------------------------


def test_the_breaker_outlives_its_sessions_and_is_of_one_host(probe, warehouse):
    other = warehouse.url.replace("127.0.0.1", "localhost")
    warehouse.fault("telemetry:status(503)")
    session = open_with(probe, warehouse, every_event(), ("circuit_breaker_config", True, 1, 60000))
    session.close()
    assert stats(probe, warehouse.url)["breaker_open"] and not stats(probe, other)["breaker_open"]
    warehouse.clear_faults()
    mark = warehouse.journal_mark()
    session = open_with(probe, warehouse, every_event(), ("circuit_breaker_config", True, 1, 60000))
    session.close()
    assert asked(warehouse, mark) == []
    session = open_with(probe, warehouse, every_event(), url=other)
    session.close()
    assert stats(probe, other)["sent"] == 2 and stats(probe, warehouse.url)["sent"] == 0


def test_without_a_breaker_everything_is_tried(probe, warehouse):
    warehouse.fault("telemetry:status(503)")
    session = open_with(probe, warehouse, every_event(), ("circuit_breaker_config", False, 0, 0))
    for _ in range(10):
        session.rows("SELECT 1")
    session.close()
    now = stats(probe, warehouse.url)
    assert now["dropped_failed"] == 12 and now["dropped_breaker"] == 0 and not now["breaker_open"]


@pytest.mark.parametrize(("value", "warned"), [("maybe", 1), ("0", 0)])
def test_a_kill_switch_that_says_neither(build_dir, probe_program, warehouse, value, warned):
    with Probe(probe_program, build_dir / LIBRARY, {"DATABRICKS_TELEMETRY_DISABLED": value}) as probe:
        probe.call("kernel_init_logging_callback", "warn", "one", 1).ok()
        session = open_with(probe, warehouse, ON)
        session.close()
        logs = [log["message"] for log in probe.do("logs")["logs"]]
    assert len(told(warehouse)) == 2
    assert len(logs) == warned and all("DATABRICKS_TELEMETRY_DISABLED" in text for text in logs)


# ---- servers that say nothing, sessions that are dropped, children --------------------------------------------------


def test_a_silent_endpoint_holds_nobody_up(probe, warehouse):
    warehouse.fault("telemetry:silence")
    session = open_with(probe, warehouse, every_event(flush_timeout_ms=50))
    for i in range(40):
        assert session.rows(f"SELECT {i}") == [(i,)]
    now = stats(probe, warehouse.url)  # the first upload has no answer yet: no statement waited for one
    assert now["exports"] == 0 and now["queued"] >= 40 and now["sent"] == 0
    session.close()
    now = stats(probe, warehouse.url)
    assert now["queued"] == 0 and now["dropped_failed"] == 42


def test_a_dropped_session_is_told_to_its_end(probe, warehouse):
    session = open_with(probe, warehouse, ON, ("callback", True, True))
    session.rows("SELECT 1")
    probe.call("dbk_session_release", session.handle).ok()
    wait_until(lambda: taken(probe)["released"] == 1, what="the end of the session")
    assert operations(warehouse) == ["CREATE_SESSION", "EXECUTE_STATEMENT", "DELETE_SESSION"]
    assert stats(probe, warehouse.url) == {**ZEROES, "sent": 3, "exports": 1}


def test_a_dropped_session_ends_with_its_last_statement(probe, warehouse):
    session = open_with(probe, warehouse, ON, ("callback", True, True))
    running = session.execute("SELECT 1")
    probe.call("dbk_session_release", session.handle).ok()
    assert running.drain()["rows"] == 1
    assert told(warehouse) == []
    running.close()
    wait_until(lambda: taken(probe)["released"] == 1, what="the end of the session")
    assert operations(warehouse) == ["CREATE_SESSION", "EXECUTE_STATEMENT", "DELETE_SESSION"]


def test_a_child_tells_of_its_own_sessions_only(probe, warehouse):
    if sanitizer() == "tsan":
        pytest.skip("ThreadSanitizer does not follow threads that a forked child starts")
    session = open_with(probe, warehouse, ON)
    session.rows("SELECT 1")  # two events wait in the parent's queue
    call = lambda function, *args: {"call": function, "args": list(args)}  # noqa: E731
    code, answers = probe.fork([
        call("dbk_telemetry_get_stats", warehouse.url, True, 4096),
        call("kernel_session_config_new", "c"),
        call("kernel_session_config_set_http_path", "c", warehouse.url, warehouse.http_path),
        call("kernel_session_config_set_auth_pat", "c", warehouse.token),
        call("dbk_session_config_set_telemetry_mode", "c", "on", None, None),
        call("kernel_session_open", "c", "own"),
        call("dbk_session_id", "own"),
        call("kernel_session_test", "own"),
        call("kernel_session_close", "own"),
        call("kernel_session_close", session.handle),
    ])  # fmt: skip
    assert code == 0 and all(a.get("status", 0) == 0 for a in answers), answers
    own = next(a["text"] for a in answers if "text" in a)
    assert operations(warehouse) == ["CREATE_SESSION", "EXECUTE_STATEMENT", "DELETE_SESSION"]
    assert {log["session_id"] for log in told(warehouse)} == {own}
    mine = probe.call("dbk_session_id", session.handle)["text"]
    session.close()
    assert [log["session_id"] for log in told(warehouse)] == [own] * 3 + [mine] * 3
