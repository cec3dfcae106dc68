"""The fields of a telemetry event: spec telemetry.md 3, and a check of one event against them."""

from __future__ import annotations

import re
from typing import Any

# Arguments of a session whose uploads are counted: what it tells leaves when it is closed, however slow the machine is.
UNHURRIED = {
    "telemetry_enabled": True, "telemetry_flush_interval_ms": 600_000, "telemetry_close_flush_timeout_ms": 60_000,
}  # fmt: skip

BOOL, INT, TEXT = bool, int, str
UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
ID = re.compile(r"[A-Za-z0-9_.-]{1,96}")
OPERATIONS = set(
    "TYPE_UNSPECIFIED CREATE_SESSION DELETE_SESSION EXECUTE_STATEMENT EXECUTE_STATEMENT_ASYNC CLOSE_STATEMENT "
    "CANCEL_STATEMENT LIST_TYPE_INFO LIST_CATALOGS LIST_SCHEMAS LIST_TABLES LIST_TABLE_TYPES LIST_COLUMNS "
    "LIST_FUNCTIONS LIST_PRIMARY_KEYS LIST_IMPORTED_KEYS LIST_EXPORTED_KEYS LIST_CROSS_REFERENCES".split()
)
HOST = {"host_url": TEXT, "port": INT, "proxy_auth_type": {"AUTH_UNSPECIFIED", "NONE", "BASIC", "SPNEGO"}}
SYSTEM = {
    name: TEXT
    for name in (
        "driver_name driver_version runtime_name runtime_version runtime_vendor os_name os_version os_arch "
        "client_app_name locale_name char_set_encoding process_name".split()
    )
}
CONNECTION = {
    "http_path": TEXT,
    "mode": {"SEA", "THRIFT"},
    "host_info": HOST,
    "use_proxy": BOOL,
    "use_system_proxy": BOOL,
    "proxy_host_info": HOST,
    "auth_mech": {"TYPE_UNSPECIFIED", "OTHER", "PAT", "OAUTH"},
    "auth_flow": {"TYPE_UNSPECIFIED", "TOKEN_PASSTHROUGH", "CLIENT_CREDENTIALS", "BROWSER_BASED_AUTHENTICATION"},
    "auth_scope": TEXT,
    "allow_self_signed_support": BOOL,
    "use_system_trust_store": BOOL,
    "http_connection_pool_size": INT,
    "enable_arrow": BOOL,
    "enable_direct_results": BOOL,
    "enable_complex_datatype_support": BOOL,
    "enable_sea_hybrid_results": BOOL,
    "socket_timeout": INT,
    "support_many_parameters": BOOL,
    "enable_token_cache": BOOL,
    "enable_jwt_assertion": BOOL,
    "jwt_algorithm": TEXT,
    "azure_tenant_id": TEXT,
    "azure_workspace_resource_id": TEXT,
    "auto_commit": BOOL,
}
CHUNKS = {
    "initial_chunk_latency_millis": INT,
    "slowest_chunk_latency_millis": INT,
    "total_chunks_present": INT,
    "total_chunks_iterated": INT,
    "sum_chunks_download_time_millis": INT,
}
OPERATION = {
    "statement_type": {"QUERY", "SQL", "UPDATE", "METADATA", "VOLUME"},
    "is_compressed": BOOL,
    "execution_result": {"FORMAT_UNSPECIFIED", "INLINE_ARROW", "INLINE_JSON", "EXTERNAL_LINKS", "COLUMNAR_INLINE"},
    "chunk_id": INT,
    "retry_count": INT,
    "chunk_details": CHUNKS,
    "result_latency": {"result_set_ready_latency_millis": INT, "result_set_consumption_latency_millis": INT},
    "operation_detail": {
        "n_operation_status_calls": INT,
        "operation_status_latency_millis": INT,
        "operation_type": OPERATIONS,
        "is_internal_call": BOOL,
    },
}
LOG = {
    "session_id": ID,
    "sql_statement_id": ID,
    "system_configuration": SYSTEM,
    "driver_connection_params": CONNECTION,
    "auth_type": {"pat", "oauth-m2m", "oauth-m2m-jwt", "oauth-u2m", "azure-sp-m2m", "token-provider"},
    "vol_operation": {"volume_operation_type": {"TYPE_UNSPECIFIED", "PUT", "GET", "DELETE", "LIST", "QUERY"}},
    "sql_operation": OPERATION,
    "error_info": {
        "error_name": set(
            "InvalidArgument Unauthenticated PermissionDenied NotFound ResourceExhausted Unavailable Timeout "
            "Cancelled DataLoss Internal InvalidStatementHandle NetworkError SqlError".split()
        ),
        "stack_trace": re.compile(r"[A-Z0-9]{5}"),
    },
    "operation_latency_ms": INT,
}
EVENT = {
    "workspace_id": INT,
    "frontend_log_event_id": UUID,
    "context": {"client_context": {"user_agent": TEXT, "timestamp_millis": INT}},
    "entry": {"sql_driver_log": LOG},
}
REQUIRED = {
    "": {"frontend_log_event_id", "context", "entry"},
    ".context.client_context": {"user_agent", "timestamp_millis"},
    ".entry.sql_driver_log": {
        "session_id", "system_configuration", "driver_connection_params", "auth_type", "sql_operation",
        "operation_latency_ms",
    },
    ".entry.sql_driver_log.driver_connection_params": {
        "http_path", "mode", "host_info", "auth_mech", "auth_flow", "auto_commit"
    },
    ".entry.sql_driver_log.sql_operation": {"operation_detail"},
    ".entry.sql_driver_log.sql_operation.operation_detail": {"operation_type", "is_internal_call"},
}  # fmt: skip


def _matches(value: Any, kind: Any) -> bool:
    if isinstance(kind, re.Pattern):
        return isinstance(value, str) and kind.fullmatch(value) is not None
    if isinstance(kind, set):
        return value in kind
    if kind is INT:
        return isinstance(value, int) and not isinstance(value, bool) and value >= 0
    return isinstance(value, kind) and value != ""


def problems(value: Any, table: Any = None, at: str = "") -> list[str]:
    """What is wrong with an event: keys that are not in the table, wrong types and words, missing keys."""
    table = EVENT if table is None else table
    if not isinstance(table, dict):
        return [] if _matches(value, table) else [f"{at}: {value!r} is not {table}"]
    if not isinstance(value, dict):
        return [f"{at}: {value!r} is no object"]
    found = [f"{at}.{key} is not in the table" for key in value.keys() - table.keys()]
    found += [f"{at}.{key} is missing" for key in REQUIRED.get(at, set()) - value.keys()]
    for key in value.keys() & table.keys():
        found += problems(value[key], table[key], f"{at}.{key}")
    return found


def logs(uploads: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The driver logs of all events, each of which is as the table says."""
    out = []
    for upload in uploads:
        for event in upload["events"]:
            assert problems(event) == [], event
            out.append(event["entry"]["sql_driver_log"])
    return out


def operation(log: dict[str, Any]) -> str:
    return log["sql_operation"]["operation_detail"]["operation_type"]
