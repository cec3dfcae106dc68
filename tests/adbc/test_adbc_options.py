"""Options: names and defaults of the Rust, Go and C# drivers, URI forms, what cannot be."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import adbc_driver_manager as manager
import pytest
from adbc_env import DRIVER, options

NotSupported = manager.NotSupportedError
Wrong = manager.ProgrammingError


def database(**given):
    return manager.AdbcDatabase(driver=str(DRIVER), **given)


PLACE = {"uri": "https://w.example.com", "databricks.warehouse_id": "abc"}
TOKEN = {"databricks.access_token": "dapi-secret"}


@pytest.mark.parametrize(
    "name, default",
    [
        ("databricks.port", "443"),
        ("databricks.cloudfetch.enabled", "true"),
        ("databricks.cloudfetch.link_prefetch_window", "128"),
        ("databricks.cloudfetch.max_chunks_in_memory", "16"),
        ("databricks.cloudfetch.speed_threshold_mbps", "0.1"),
        ("databricks.auth.redirect_port", "8020"),
        ("databricks.http.connect_timeout_ms", "30000"),
        ("databricks.retry.min_wait_ms", "1000"),
        ("databricks.retry.overall_timeout_ms", "900000"),
        ("databricks.ssl_mode", "require"),
        ("databricks.log_level", "off"),
        ("adbc.databricks.cloudfetch.max_bytes_per_file", "20MB"),
        ("adbc.databricks.cloudfetch.memory_buffer_size_mb", "200"),
        ("adbc.databricks.oauth.grant_type", "access_token"),
        ("adbc.databricks.protocol", "thrift"),
        ("adbc.databricks.trace_propagation.header_name", "traceparent"),
        ("adbc.apache.statement.batch_size", "2000000"),
        ("adbc.http_options.tls.enabled", "true"),
    ],
)
def test_defaults(name, default):
    with database(**PLACE, **TOKEN) as opened:
        assert opened.get_option(name) == default


@pytest.mark.parametrize(
    "name, value",
    [
        ("databricks.cloudfetch.enabled", "maybe"),
        ("databricks.cloudfetch.max_chunks_in_memory", "-1"),
        ("databricks.port", "https"),
        ("databricks.query.timeout", "1 minute"),
        ("databricks.auth.type", "kerberos"),
        ("databricks.log_level", "loud"),
        ("databricks.ssl_mode", "off"),
        ("adbc.databricks.cloudfetch.straggler_quantile", "half"),
    ],
)
def test_bad_values_are_refused(name, value):
    with pytest.raises(Wrong, match=name) as caught:
        database(**PLACE, **TOKEN, **{name: value})
    assert caught.value.status_code == manager.AdbcStatusCode.INVALID_ARGUMENT


@pytest.mark.parametrize("value", ["90", "1m30s", "90000ms", "1.5m"])
def test_durations_of_the_go_driver(value):
    with database(**PLACE, **TOKEN, **{"databricks.query.timeout": value}) as opened:
        assert opened.get_option("databricks.query.timeout") == value


def test_aliases_stand_for_one_option():
    with database(**PLACE, **TOKEN, **{"adbc.databricks.query_tags": "team:x"}) as opened:
        assert opened.get_option("databricks.query_tags") == "team:x"
        opened.set_options(**{"databricks.query_tags": "team:y"})
        assert opened.get_option("databricks.query_tags") == "team:y"


def test_numbers_and_bytes():
    with database(**PLACE, **TOKEN) as opened:
        opened.set_options(**{"databricks.retry.max_retries": 7, "databricks.cloudfetch.speed_threshold_mbps": 0.25})
        assert opened.get_option_int("databricks.retry.max_retries") == 7
        assert opened.get_option_float("databricks.cloudfetch.speed_threshold_mbps") == 0.25
        assert opened.get_option_bytes("databricks.retry.max_retries") == b"7"
        opened.set_options(**{"databricks.retry.max_retries": 4.0})
        assert opened.get_option_int("databricks.retry.max_retries") == 4
        assert opened.get_option_int("databricks.cloudfetch.enabled") == 1


def test_secrets_are_not_read_back():
    with database(**PLACE, **TOKEN) as opened:
        for name in ("databricks.access_token", "password", "uri", "databricks.auth.client_secret"):
            with pytest.raises(Wrong) as caught:
                opened.get_option(name)
            assert caught.value.status_code == manager.AdbcStatusCode.NOT_FOUND
            assert "dapi-secret" not in str(caught.value)


@pytest.mark.parametrize("value", ["text", 1, 1.5, b"bytes"])
def test_unknown_options(database, connection, statement, value):
    for opened in (database, connection, statement):
        with pytest.raises(NotSupported, match="unknown option databricks.nonsense"):
            opened.set_options(**{"databricks.nonsense": value})
        with pytest.raises(Wrong) as caught:
            opened.get_option("databricks.nonsense")
        assert caught.value.status_code == manager.AdbcStatusCode.NOT_FOUND


@pytest.mark.parametrize(
    "given, message",
    [
        ({**TOKEN}, "no host"),
        ({"uri": "https://w.example.com", **TOKEN}, "no warehouse"),
        (PLACE, "no credentials"),
        ({**PLACE, "databricks.auth.type": "oauth_m2m", "databricks.auth.client_id": "x"}, "client_secret"),
        ({**PLACE, **TOKEN, "databricks.oauth.client_secret": "s"}, "choose one"),
        ({**PLACE, **TOKEN, "username": "me"}, "username must be 'token'"),
        ({"uri": "ftp://x", **TOKEN}, "uri must begin with"),
        ({"uri": "databricks:///sql", **TOKEN}, "there is no host"),
        ({"uri": "databricks://me:pw@h/sql/1.0/warehouses/a"}, "the user must be token"),
        ({"uri": "databricks://h/sql/protocolv1/o/1/cluster", **TOKEN}, "all-purpose cluster"),
        ({"uri": "databricks://h/p?authType=ldap", **TOKEN}, "authType"),
        ({"uri": "databricks://h/p?catalog", **TOKEN}, "key=value"),
        ({"uri": "databricks://h/a%zz", **TOKEN}, "hexadecimal"),
        ({**PLACE, **TOKEN, "databricks.ssl_root_cert": "/no/such.pem"}, "cannot open the certificates"),
    ],
)
def test_what_is_missing_is_told_at_init(given, message):
    with pytest.raises(Wrong, match=message) as caught:
        database(**given)
    assert caught.value.status_code == manager.AdbcStatusCode.INVALID_ARGUMENT
    assert "dapi-secret" not in str(caught.value)


@pytest.mark.parametrize(
    "given",
    [
        {"uri": "databricks://token:dapi%2F1@h:443/sql/1.0/warehouses/a?catalog=c&timeout=30&ansi_mode=true"},
        {"uri": "databricks://h/sql/1.0/warehouses/a?authType=OAuthM2M&clientID=i&clientSecret=s"},
        {"uri": "databricks://h/sql/1.0/warehouses/a?authType=oauthu2m"},
        {"databricks.server_hostname": "h", "databricks.http_path": "sql/1.0/endpoints/a", "databricks.access_token": "t"},
        {"adbc.spark.host": "h", "adbc.spark.path": "/sql/1.0/warehouses/a", "adbc.spark.oauth.access_token": "t"},
        {"uri": "https://h/sql/1.0/warehouses/a?o=123", "username": "token", "password": "t"},
        {
            "adbc.spark.host": "h",
            "adbc.databricks.warehouse_id": "a",
            "adbc.databricks.oauth.grant_type": "client_credentials",
            "adbc.databricks.oauth.client_id": "i",
            "adbc.databricks.oauth.client_secret": "s",
            "adbc.databricks.oauth.scope": "sql",
            "adbc.spark.auth_type": "oauth",
        },
    ],
)
def test_forms_of_all_drivers_are_understood(given):
    database(**given).close()


def test_session_settings_arrive(warehouse, connect):
    mark = warehouse.journal_mark()
    made = connect(
        **{
            "databricks.catalog": "samples",
            "databricks.schema": "tpch",
            "ssp_ansi_mode": "true",
            "databricks.session_conf.timezone": "UTC",
            "databricks.query.timeout": "1m30s",
            "databricks.query_tags": "team:adbc",
            "databricks.user_agent_entry": "suite",
        }
    )
    with made.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM nation")
        assert cursor.fetchone() == (25,)
    sent = [e for e in warehouse.journal(mark) if e["method"] == "POST"]
    session = next(e for e in sent if e["path"].endswith("/sessions"))
    assert session["body"]["catalog"] == "samples" and session["body"]["schema"] == "tpch"
    confs = session["body"]["session_confs"]
    assert confs["ansi_mode"] == "true" and confs["timezone"] == "UTC" and confs["STATEMENT_TIMEOUT"] == "90"
    assert "suite" in dict(session["headers"])["user-agent"]
    query = next(e for e in sent if e["path"].endswith("/statements"))
    assert query["body"]["query_tags"] == [{"key": "team", "value": "adbc"}]


def test_explicit_options_win_over_the_uri(warehouse):
    wrong = warehouse.url + "/sql/1.0/warehouses/nowhere"
    given = options(warehouse, uri=wrong, **{"databricks.http_path": warehouse.http_path})
    with database(**given) as opened, manager.AdbcConnection(opened):
        pass


def test_connection_options(connection):
    assert connection.get_option("adbc.connection.autocommit") == "true"
    connection.set_autocommit(True)
    with pytest.raises(NotSupported, match="databricks.transactions"):
        connection.set_autocommit(False)
    assert connection.get_option("adbc.connection.readonly") == "false"
    connection.set_options(**{"adbc.connection.catalog": "samples", "adbc.connection.db_schema": "tpch"})
    assert connection.get_option("adbc.connection.catalog") == "samples"
    assert connection.get_option("adbc.connection.db_schema") == "tpch"
    with pytest.raises(Wrong) as caught:
        connection.set_options(**{"adbc.connection.catalog": "no`such"})
    assert caught.value.status_code == manager.AdbcStatusCode.NOT_FOUND
    with pytest.raises(Wrong) as caught:
        connection.set_options(**{"adbc.connection.db_schema": ""})
    assert caught.value.status_code == manager.AdbcStatusCode.INVALID_ARGUMENT


def test_catalog_before_the_connection_is_open(database):
    given = {"adbc.connection.catalog": "samples", "adbc.connection.db_schema": "tpch"}
    with manager.AdbcConnection(database, **given) as opened:
        assert opened.get_option("adbc.connection.db_schema") == "tpch"


TURKISH = """
import locale, sys
import adbc_driver_manager as manager, pyarrow as pa
locale.setlocale(locale.LC_ALL, "tr_TR.UTF-8")
assert locale.localeconv()["decimal_point"] == ","
driver, uri, token = sys.argv[1:]
given = {"uri": uri.replace("http:", "HTTP:"), "databricks.access_token": token, "databricks.query.timeout": "1.5m"}
with manager.AdbcDatabase(driver=driver, **given) as database:
    database.set_options(**{"databricks.cloudfetch.speed_threshold_mbps": 0.5})
    assert database.get_option("databricks.cloudfetch.speed_threshold_mbps") == "0.5"
    database.set_options(**{"databricks.cloudfetch.speed_threshold_mbps": "0.25"})
    assert database.get_option_float("databricks.cloudfetch.speed_threshold_mbps") == 0.25
    with manager.AdbcConnection(database) as connection, manager.AdbcStatement(connection) as statement:
        statement.set_sql_query("SELECT ? AS f")
        statement.bind(pa.record_batch([pa.array([0.1])], names=["0"]))
        handle, _ = statement.execute_query()
        assert pa.RecordBatchReader._import_from_c(handle.address).read_all().to_pylist() == [{"f": 0.1}]
        statement.set_sql_query("WITH t AS (SELECT 1.5D AS a) SELECT a FROM t")  # an I in upper case is another letter there
        handle = statement.execute_schema()
        assert pa.Schema._import_from_c(handle.address).names == ["a"]
"""


def test_in_a_locale_with_a_comma_and_another_i(warehouse, tmp_path):
    localedef = shutil.which("localedef")
    if localedef is None or not Path("/usr/share/i18n/locales/tr_TR").exists():
        pytest.skip("localedef or its sources are missing (apt install locales)")
    subprocess.run([localedef, "-i", "tr_TR", "-f", "UTF-8", tmp_path / "tr_TR.UTF-8"], check=True, capture_output=True)
    given = options(warehouse)
    done = subprocess.run(
        [sys.executable, "-c", TURKISH, DRIVER, given["uri"], given["databricks.access_token"]],
        capture_output=True, text=True, timeout=60, env={**os.environ, "LOCPATH": str(tmp_path)},
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("prefix", ["", "adbc."])
def test_telemetry_keys(connect, warehouse, prefix, tmp_path):
    """Each reaches the kernel: mode and batch_size by what is sent, local_sink by its file, a bad number by its refusal."""
    warehouse.call("DELETE", "/_lw/telemetry")
    key, sink = f"{prefix}databricks.telemetry.", tmp_path / "told.jsonl"
    numbers = ("flush_interval_ms", "max_retries", "retry_delay_ms", "close_flush_timeout_ms")
    breaker = {f"{key}circuit_breaker_{name}": value for name, value in
               (("enabled", "true"), ("threshold", "7"), ("timeout_ms", "1000"))}  # fmt: skip
    options = {f"{key}mode": "on", f"{key}batch_size": "1", f"{key}local_sink": str(sink), **breaker,
               **{f"{key}{name}": "5000" for name in numbers}}  # fmt: skip
    with connect(**options) as opened, opened.cursor() as cursor:
        cursor.execute("SELECT 1")
        assert cursor.fetchall() == [(1,)]
    uploads = warehouse.call("GET", "/_lw/telemetry").json()["uploads"]
    logs = [event["entry"]["sql_driver_log"] for upload in uploads for event in upload["events"]]
    assert len(uploads) > 1 and "EXECUTE_STATEMENT" in str(logs) and "databricks.statement" in sink.read_text()
    with pytest.raises(Exception, match="batch_size"):
        connect(**{f"{key}batch_size": "0"})
