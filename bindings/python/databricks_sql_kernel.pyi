"""The Databricks SQL kernel: sessions, statements and their rows as Arrow."""

from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import Any, Literal, final

import pyarrow

__all__ = [
    "Batch",
    "ExecutedAsyncStatement",
    "ExecutedStatement",
    "KernelError",
    "Loop",
    "Metadata",
    "Operation",
    "ResultStream",
    "Session",
    "Statement",
    "StatementCanceller",
    "init_logging",
    "reset_logging",
]
__version__: str
__kernel_version__: str

_State = Literal["Pending", "Running", "Succeeded", "Failed", "Cancelled", "Closed", "Unknown"]

def init_logging() -> bool: ...
def reset_logging() -> None: ...

class KernelError(Exception):
    code: str
    message: str
    sql_state: str | None
    error_code: str | None
    vendor_code: int | None
    http_status: int | None
    retryable: bool
    query_id: str | None
    display_message: str | None
    diagnostic_info: str | None
    error_details_json: str | None
    request_id: str | None
    attempts: int | None
    may_have_executed: bool

@final
class Session:
    def __new__(
        cls,
        host: str,
        http_path: str,
        *,
        auth_type: str | None = None,
        access_token: str | None = None,
        token_provider: Callable[[], str | tuple[str, float | None]] | None = None,
        client_id: str | None = None,
        client_secret: str | None = None,
        oauth_scopes: Sequence[str] | None = None,
        token_url: str | None = None,
        redirect_ports: Sequence[int] | None = None,
        redirect_port: int | None = None,
        oauth_callback_timeout_secs: float | None = None,
        jwt_key_file: str | None = None,
        jwt_kid: str | None = None,
        jwt_passphrase: str | None = None,
        jwt_algorithm: str | None = None,
        identity_federation_client_id: str | None = None,
        azure_client_id: str | None = None,
        azure_client_secret: str | None = None,
        azure_tenant_id: str | None = None,
        azure_workspace_resource_id: str | None = None,
        token_cache_enabled: bool | None = None,
        token_cache_passphrase: str | None = None,
        tls_ca_cert: bytes | None = None,
        tls_skip_verify: bool | None = False,
        tls_skip_hostname_verify: bool | None = False,
        tls_client_cert: bytes | None = None,
        tls_client_key: bytes | None = None,
        tls_client_key_password: str | None = None,
        proxy: str | None = None,
        proxy_username: str | None = None,
        proxy_password: str | None = None,
        proxy_bypass: str | None = None,
        sea_response_compression_enabled: bool | None = False,
        request_timeout_secs: float | None = None,
        max_connections: int | None = None,
        memory_budget_bytes: int | None = None,
        retry_min_wait_secs: float | None = None,
        retry_max_wait_secs: float | None = None,
        retry_max_attempts: int | None = None,
        retry_overall_timeout_secs: float | None = None,
        http_headers: Sequence[tuple[str, str]] | None = None,
        catalog: str | None = None,
        schema: str | None = None,
        session_conf: Mapping[str, str] | None = None,
        enable_geospatial_support: bool | None = True,
        driver_name: str | None = None,
        driver_version: str | None = None,
        runtime_name: str | None = None,
        runtime_version: str | None = None,
        runtime_vendor: str | None = None,
        os_name: str | None = None,
        os_version: str | None = None,
        os_arch: str | None = None,
        client_app_name: str | None = None,
        locale_name: str | None = None,
        char_set_encoding: str | None = None,
        process_name: str | None = None,
        complex_types_as_json: bool | None = False,
        intervals_as_string: bool | None = False,
        telemetry_enabled: bool | None = None,
        telemetry_batch_size: int | None = None,
        telemetry_flush_interval_ms: int | None = None,
        telemetry_max_retries: int | None = None,
        telemetry_retry_delay_ms: int | None = None,
        telemetry_close_flush_timeout_ms: int | None = None,
        telemetry_circuit_breaker_enabled: bool | None = None,
        telemetry_circuit_breaker_threshold: int | None = None,
        telemetry_circuit_breaker_timeout_ms: int | None = None,
    ) -> Session: ...
    @property
    def session_id(self) -> str: ...
    @property
    def closed(self) -> bool: ...
    def statement(self) -> Statement: ...
    def metadata(self) -> Metadata: ...
    def attach_async_statement(self, statement_id: str) -> ExecutedAsyncStatement: ...
    def close(self) -> None: ...
    def __enter__(self) -> Session: ...
    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> None: ...

@final
class Statement:
    def set_sql(self, sql: str, /) -> None: ...
    def set_row_limit(self, row_limit: int | None, /) -> None: ...
    def set_query_tags(self, tags: dict[str, str | None], /) -> None: ...
    def bind_param(self, ordinal: int, value_str: str | None, sql_type: str) -> None: ...
    def bind_named_param(self, name: str, value_str: str | None, sql_type: str) -> None: ...
    def execute(self) -> ExecutedStatement: ...
    def submit(self) -> ExecutedAsyncStatement: ...
    def canceller(self) -> StatementCanceller: ...
    def close(self) -> None: ...
    def __enter__(self) -> Statement: ...
    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> None: ...

@final
class ExecutedStatement:
    @property
    def statement_id(self) -> str: ...
    @property
    def num_modified_rows(self) -> int | None: ...
    @property
    def total_rows(self) -> int | None: ...
    @property
    def display_message(self) -> None: ...
    @property
    def diagnostic_info(self) -> None: ...
    @property
    def error_details_json(self) -> None: ...
    def arrow_schema(self) -> pyarrow.Schema: ...
    def fetch_next_batch(self) -> pyarrow.RecordBatch | None: ...
    def fetch_next(self) -> Batch | None: ...
    def columns(self) -> list[tuple[str, str, bool, dict[str, str]]]: ...
    def stats(self) -> dict[str, int]: ...
    def fetch_all_arrow(self) -> pyarrow.Table: ...
    def cancel(self) -> None: ...
    def close(self) -> None: ...
    def __arrow_c_schema__(self) -> object: ...
    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object: ...
    def __enter__(self) -> ExecutedStatement: ...
    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> None: ...

@final
class ExecutedAsyncStatement:
    @property
    def statement_id(self) -> str: ...
    def status(self) -> tuple[_State, KernelError | None]: ...
    def await_result(self) -> ResultStream: ...
    def fetch_result(self) -> ResultStream: ...
    def reader(self) -> ExecutedAsyncStatement: ...
    def cancel(self) -> None: ...
    def close(self) -> None: ...
    def __enter__(self) -> ExecutedAsyncStatement: ...
    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> None: ...

@final
class ResultStream:
    def arrow_schema(self) -> pyarrow.Schema: ...
    def fetch_next_batch(self) -> pyarrow.RecordBatch | None: ...
    def fetch_next(self) -> Batch | None: ...
    def columns(self) -> list[tuple[str, str, bool, dict[str, str]]]: ...
    def stats(self) -> dict[str, int]: ...
    def fetch_all_arrow(self) -> pyarrow.Table: ...
    def close(self) -> None: ...
    def __arrow_c_schema__(self) -> object: ...
    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object: ...
    def __enter__(self) -> ResultStream: ...
    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> None: ...

@final
class Batch:
    def __len__(self) -> int: ...
    def rows(self, start: int = 0, stop: int | None = ..., /) -> list[tuple[Any, ...]]: ...
    def __arrow_c_schema__(self) -> object: ...
    def __arrow_c_array__(self, requested_schema: object | None = None) -> tuple[object, object]: ...

_Callback = Callable[["Operation"], object]

@final
class Operation:
    @property
    def query_id(self) -> str | None: ...
    def cancel(self) -> None: ...
    def done(self) -> bool: ...
    def result(self) -> Any: ...

@final
class Loop:
    @property
    def pending(self) -> int: ...
    def fileno(self) -> int: ...
    def run_once(self) -> int: ...
    def close(self) -> None: ...
    def open_session(self, callback: _Callback, host: str, http_path: str, /, **options: Any) -> Operation: ...
    def close_session(self, callback: _Callback, session: Session, /) -> Operation: ...
    def execute(self, callback: _Callback, statement: Statement, /) -> Operation: ...
    def next_batch(self, callback: _Callback, rows: ExecutedStatement | ResultStream, /) -> Operation: ...
    def columns(self, callback: _Callback, rows: ExecutedStatement | ResultStream, /) -> Operation: ...
    def metadata(
        self,
        callback: _Callback,
        session: Session,
        call: int,
        catalog: str | None = None,
        schema: str | None = None,
        object: str | None = None,
        column: str | None = None,
        parent_catalog: str | None = None,
        parent_schema: str | None = None,
        parent_table: str | None = None,
        /,
    ) -> Operation: ...

@final
class StatementCanceller:
    def cancel(self) -> None: ...
    def statement_id(self) -> str | None: ...

@final
class Metadata:
    def list_catalogs(self) -> ResultStream: ...
    def list_schemas(self, *, catalog: str | None = None, schema_pattern: str | None = None) -> ResultStream: ...
    def list_tables(
        self,
        *,
        catalog: str | None = None,
        schema_pattern: str | None = None,
        table_pattern: str | None = None,
        table_types: Sequence[str] | None = None,
    ) -> ResultStream: ...
    def list_columns(
        self,
        *,
        catalog: str | None = None,
        schema_pattern: str | None = None,
        table_pattern: str | None = None,
        column_pattern: str | None = None,
    ) -> ResultStream: ...
    def functions(
        self, *, catalog: str | None = None, schema_pattern: str | None = None, name_pattern: str | None = None
    ) -> ResultStream: ...
    def procedures(
        self, *, catalog: str | None = None, schema_pattern: str | None = None, name_pattern: str | None = None
    ) -> ResultStream: ...
    def procedure_columns(
        self,
        *,
        catalog: str | None = None,
        schema_pattern: str | None = None,
        name_pattern: str | None = None,
        column_pattern: str | None = None,
    ) -> ResultStream: ...
    def primary_keys(self, *, catalog: str, schema: str, table: str) -> ResultStream: ...
    def foreign_keys(
        self,
        *,
        parent_catalog: str | None = None,
        parent_schema: str | None = None,
        parent_table: str | None = None,
        foreign_catalog: str,
        foreign_schema: str,
        foreign_table: str,
    ) -> ResultStream: ...
    def table_types(self) -> ResultStream: ...
    def type_info(self) -> ResultStream: ...
    list_functions = functions
    list_procedures = procedures
    list_table_types = table_types
    list_type_info = type_info
    get_primary_keys = primary_keys
    get_cross_reference = foreign_keys
