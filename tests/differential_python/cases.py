"""What is asked of both Python modules: an id, a kind (a function of runner.py) and its arguments."""

from __future__ import annotations

import datetime
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "differential"))

from statements import CHUNKED, EFFECTS, EMPTY_TYPES, ERRORS, NESTED, SCALARS, SHAPES  # noqa: E402


class Case(NamedTuple):
    id: str
    kind: str
    args: tuple


def named(group: str, kind: str, statements: dict[str, str], *more: Any) -> list[Case]:
    return [Case(f"{group}: {name}", kind, (sql, *more)) for name, sql in statements.items()]


# ---- through the connector ----
EXPRESSIONS = [
    f"{a} {op} {b}" for a in (1, 7, -3) for b in (2, 5) for op in ("+", "-", "*", "/", "%", "=", "<", ">")
] + [
    "upper('a')", "length('abc')", "concat('a', 'b')", "abs(-1)", "round(1.25, 1)", "coalesce(NULL, 1)",
    "current_catalog()", "current_schema()", "date_add('2024-01-01', 1)", "year('2024-01-01')", "substr('abc', 2)",
    "trim(' a ')", "replace('abc', 'b', 'x')", "floor(1.5)", "ceil(1.5)", "sqrt(4)", "pow(2, 3)", "greatest(1, 2)",
    "least(1, 2)", "if(true, 1, 2)",
]  # fmt: skip
TABLES = ["lw.types.all_types", "lw.types.nested", "lw.types.nulls", "lw.types.edge"] + [
    f"samples.tpch.{table}" for table in ("nation", "region", "customer", "orders", "part", "supplier")
]
SHOWN = {
    sql: sql
    for sql in (
        "SHOW CATALOGS", "SHOW SCHEMAS IN main", "SHOW TABLES IN samples.tpch", "SET ANSI_MODE",
        "DESCRIBE TABLE samples.tpch.nation", "USE SCHEMA default", "SELECT 1; SELECT 2",
    )
}  # fmt: skip
IST = datetime.timezone(datetime.timedelta(hours=5, minutes=30))
VALUES = {
    "int": 1, "negative": -1, "int edge": 2**31, "bigint": 2**40, "bigint edge": 2**63 - 1, "float": 1.5,
    "small float": 1e-7, "large float": 1e300, "text": "x", "no text": "", "quotes": "it's \"é\" \\ %s ?",
    "long text": "x" * 100_000, "true": True, "false": False, "null": None, "decimal": Decimal("-123.45"),
    "scientific decimal": Decimal("1E+2"), "small decimal": Decimal("0.001"), "wide decimal": Decimal("1" * 38),
    "date": datetime.date(2024, 2, 29), "first date": datetime.date(1, 1, 1),
    "timestamp": datetime.datetime(2024, 2, 29, 1, 2, 3), "microseconds": datetime.datetime(2024, 2, 29, 1, 2, 3, 456),
    "zoned": datetime.datetime(2024, 2, 29, 18, 0, 0, tzinfo=IST),
}  # fmt: skip
REFUSED = {
    "nan": float("nan"), "infinite": float("inf"), "too large": 2**70, "bytes": b"abc", "list": [1, 2],
    "dict": {"a": 1}, "object": object,
}  # fmt: skip


def parameters() -> list[Case]:
    cases = [Case(f"parameter: {n}", "rows", ("SELECT ? AS v", [v])) for n, v in {**VALUES, **REFUSED}.items()]
    cases += [Case(f"named parameter: {n}", "rows", ("SELECT :v AS v", {"v": v})) for n, v in VALUES.items()]
    cases += [
        Case(f"two parameters: {a!r} {b!r}", "rows", ("SELECT ? AS a, ? AS b", [a, b]))
        for a in (1, "x", None)
        for b in (2.5, None, True)
    ]
    return cases + [
        Case("parameters: too few", "rows", ("SELECT ?, ?", [1])),
        Case("parameters: too many", "rows", ("SELECT ?", [1, 2])),
        Case("parameters: wrong name", "rows", ("SELECT :a", {"b": 1})),
        Case("parameters: none given", "rows", ("SELECT ?",)),
    ]


def effects() -> list[Case]:
    return [
        Case(f"effects: {name} {number}", "rows", (sql.replace("{t}", "main.default.both"),))
        for name, statements in EFFECTS.items()
        for number, sql in enumerate(statements)
    ]


CATALOG = [
    ("catalogs",), ("schemas", "main"), ("schemas", "samples", "t%"), ("schemas", None, "default"), ("schemas", "nope"),
    ("schemas", "main", ""), ("schemas", "%"), ("schemas", "*", "default"), ("schemas", "  "),
    ("tables", "samples", "tpch"), ("tables", "samples", "tpch", "n%"), ("tables", "samples", "tpch", "n_tion"),
    ("tables", "samples", "tpch", "nation", ["TABLE"]), ("tables", "samples", "tpch", "nation", ["VIEW"]),
    ("tables", "samples", "tpch", "nation", ["table"]), ("tables", "samples", "tpch", "nation", []),
    ("tables", "system", "information_schema"), ("tables", "", "x"), ("tables", "nope", "x"), ("tables", "  "),
    ("tables", None, "tpch", "nation"), ("tables", "samples", "tpch", "it's"), ("tables", "samples", "tpch", "a`b"),
    ("columns", "samples", "tpch", "nation"), ("columns", "samples", "tpch", "nation", "n_%"),
    ("columns", "lw", "types", "all_types"), ("columns", "lw", "types", "nested"), ("columns", "samples", "tpch", ""),
    ("columns", "nope", "a", "b"), ("columns", None, "tpch", "region"), ("columns", "samples", "tpch", "nation", ""),
]  # fmt: skip
CONNECT = [
    {"http_path": "/x"}, {"http_path": "/sql/1.0/warehouses/nope"}, {"http_path": "/sql/1.0/warehouses/local?o=7"},
    {"http_path": "/sql/1.0/endpoints/local"}, {"access_token": ""}, {"_socket_timeout": -1}, {"_socket_timeout": 0},
    {"catalog": "samples", "schema": "tpch"}, {"catalog": "nope"}, {"session_configuration": {"ANSI_MODE": "false"}},
    {"session_configuration": {"QUERY_TAGS": "a:b"}}, {"http_headers": [("X-One", "1")]}, {"http_headers": [("bad name", "1")]},
    {"user_agent_entry": "both"}, {"_tls_no_verify": True}, {"_use_arrow_native_complex_types": True},
    {"auth_type": "databricks-oauth", "oauth_client_id": ""}, {"_retry_stop_after_attempts_count": 2},
    {"_retry_delay_min": 0.5, "_retry_delay_max": 1}, {"enable_metric_view_metadata": True},
    {"_tls_trusted_ca_file": "/nowhere.pem"}, {"query_tags": {"a": "b"}},
]  # fmt: skip
CONNECTOR = ["row_limit", "query_tags", "submitted", "submitted_failure", "fetch_sizes", "closed_cursor", "many_cursors",
             "description_before_rows", "cancel_of_nothing", "executemany", "iteration"]  # fmt: skip

# ---- the module's own classes ----
BOUND = [
    (t, v)
    for t, texts in {
        "BOOLEAN": ["true", "True", "FALSE", "yes", "1", ""],
        "TINYINT": ["1", "-128", "128", "x", ""],
        "SMALLINT": ["32767", "32768"],
        "INT": ["2147483647", "2147483648", "1.5", " 1", "+1", "0x10"],
        "int": ["7"],
        "BIGINT": ["9223372036854775807", "9223372036854775808"],
        "FLOAT": ["1.5", "1e3", "nan", "inf", "x"],
        "DOUBLE": ["0.1", "1e3", "-0.0", "1e400", "nan", "5e-324"],
        "DECIMAL(10,2)": ["1.25", "1E+2", "123456789.12", "1.234", "x"],
        "DECIMAL(4,0)": ["1E+2"],
        "DECIMAL": ["1"],
        "DECIMAL(39,0)": ["1"],
        "DECIMAL(5,6)": ["1"],
        "STRING": ["a", "", "NULL"],
        "DATE": ["2024-02-29", "2023-02-29", "24-2-9", "2024-02-29 00:00:00", "0001-01-01"],
        "TIMESTAMP": ["2024-02-29 12:34:56", "2024-02-29 12:34:56.123456", "2024-02-29 18:00:00+05:30",
                      "2024-02-29T12:34:56", "2024-02-29 12:34:56Z", "2024-02-29"],
        "TIMESTAMP_NTZ": ["2024-02-29 12:34:56", "2024-02-29 12:34:56+01:00"],
        "VARIANT": ["{}"],
        "VOID": ["x"],
        "ARRAY<INT>": ["[1]"],
        "MAP<STRING,INT>": ["{}"],
        "STRUCT<a:INT>": ["{}"],
        "BINARY": ["abc"],
        "INTERVAL DAY": ["1"],
        "NOSUCH": ["1"],
        "": ["1"],
    }.items()
    for v in [*texts, None]
]  # fmt: skip
SESSION = [
    {"auth_type": "nope"}, {"auth_type": "pat", "access_token": ""}, {"auth_type": "oauth-m2m"},
    {"auth_type": "oauth-m2m", "client_id": "a"}, {"auth_type": "oauth-m2m-jwt"}, {"auth_type": "azure-sp-m2m"},
    {"auth_type": "oauth-m2m-jwt", "client_id": "a", "jwt_key_file": "/nowhere.pem", "jwt_kid": "k"},
    {"http_path": ""}, {"http_path": "/sql/1.0/warehouses/"}, {"http_path": "/sql/1.0/warehouses/local?x=1"},
    {"http_path": "/sql/protocolv1/o/1/2"}, {"session_conf": {}}, {"session_conf": {"a": 1}}, {"session_conf": []},
    {"catalog": "main"}, {"schema": "default"}, {"catalog": 1}, {"retry_max_attempts": 0}, {"retry_max_attempts": -1},
    {"retry_max_attempts": "x"}, {"retry_min_wait_secs": 5, "retry_max_wait_secs": 1}, {"request_timeout_secs": 0},
    {"request_timeout_secs": 1.5}, {"request_timeout_secs": -1}, {"max_connections": 0}, {"max_connections": 5},
    {"max_connections": -1}, {"tls_ca_cert": b""}, {"tls_ca_cert": b"nonsense"}, {"tls_client_cert": b"x"},
    {"tls_client_key": b"x"}, {"tls_client_cert": b"x", "tls_client_key": b"y"}, {"tls_ca_cert": "text"},
    {"http_headers": [("a", "b"), ("a", "c")]}, {"http_headers": [("bad name", "x")]}, {"http_headers": [("a",)]},
    {"http_headers": {"a": "b"}}, {"telemetry_enabled": False}, {"telemetry_batch_size": 0},
    {"complex_types_as_json": True, "intervals_as_string": True}, {"no_such_argument": 1},
    {"tls_skip_verify": True, "tls_skip_hostname_verify": True}, {"driver_name": "d", "driver_version": "1"},
]  # fmt: skip
MODULE = ["surface", "kernel_error", "rows_to_the_end", "all_rows", "closed_handles", "close_twice", "statement_closed_first",
          "changed_rows", "reused_statement", "limit_of_rows", "tags", "mixed_parameters", "submitted_module", "attached",
          "attached_nonsense", "closed_session", "canceller", "metadata_module", "wrong_arguments", "sql_of_wrong_type",
          "no_sql", "failed_statement", "session_id_after_close", "not_constructible"]  # fmt: skip


def all_cases() -> list[Case]:
    types = {**SCALARS, **NESTED}
    empty = {t: f"SELECT CAST(NULL AS {t}) AS x, 1 AS y FROM range(0)" for t in EMPTY_TYPES}
    tables = {t: f"SELECT * FROM {t} ORDER BY 1, 2 LIMIT 20" for t in TABLES}
    cases = [
        *named("rows", "rows", {**types, **SHAPES, **tables}),
        *named("rows, native", "native_rows", {**NESTED, **tables}),
        *named("arrow", "arrow", {**types, **SHAPES, **tables, **CHUNKED}),
        *named("empty", "arrow", empty),
        *[Case(f"expression: {e}", "rows", (f"SELECT {e} AS r",)) for e in EXPRESSIONS],
        *named("error", "rows", ERRORS),
        *named("shown", "rows", SHOWN),
        *effects(),
        *parameters(),
        *[Case(f"catalog: {args}", "catalog", args) for args in CATALOG],
        *[Case(f"connect: {kwargs}", "connect", (kwargs,)) for kwargs in CONNECT],
        *[Case(f"connector: {name}", name, ()) for name in CONNECTOR],
        *[Case(f"bind: {t} {v!r}", "bind", (t, v)) for t, v in BOUND],
        *[Case(f"session: {kwargs}", "session", (kwargs,)) for kwargs in SESSION],
        *named("schema", "schema", {**types, **empty}),
        *named("schema, converted", "schema", {**types, **empty}, True),
        *[Case(f"module: {name}", name, ()) for name in MODULE],
    ]
    assert len({case.id for case in cases}) == len(cases)
    return cases
