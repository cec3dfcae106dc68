"""Names, signatures, types of arguments: what needs no server."""

import inspect
import subprocess
import sys

import pytest
from conftest import FOLDER, ROOT

import databricks_sql_kernel as kernel

# What the contract (python-module.md 1.2) and the published wheels up to 1.3.0 have, and ours.
KEYWORDS = """
auth_type access_token client_id client_secret oauth_scopes token_url redirect_ports redirect_port
oauth_callback_timeout_secs jwt_key_file jwt_kid jwt_passphrase jwt_algorithm identity_federation_client_id
azure_client_id azure_client_secret azure_tenant_id azure_workspace_resource_id token_cache_enabled
token_cache_passphrase tls_ca_cert tls_skip_verify tls_skip_hostname_verify tls_client_cert tls_client_key
sea_response_compression_enabled request_timeout_secs max_connections retry_min_wait_secs retry_max_wait_secs
retry_max_attempts retry_overall_timeout_secs http_headers catalog schema session_conf enable_geospatial_support
driver_name driver_version runtime_name runtime_version runtime_vendor os_name os_version os_arch client_app_name
locale_name char_set_encoding process_name complex_types_as_json intervals_as_string telemetry_enabled
telemetry_batch_size telemetry_flush_interval_ms telemetry_max_retries telemetry_retry_delay_ms
telemetry_close_flush_timeout_ms telemetry_circuit_breaker_enabled telemetry_circuit_breaker_threshold
telemetry_circuit_breaker_timeout_ms proxy proxy_username proxy_password proxy_bypass tls_client_key_password
memory_budget_bytes token_provider
""".split()

CLASSES = [
    "ExecutedAsyncStatement",
    "ExecutedStatement",
    "Metadata",
    "ResultStream",
    "Statement",
    "StatementCanceller",
]


def refuse(**arguments) -> kernel.KernelError:
    with pytest.raises(kernel.KernelError) as caught:
        kernel.Session(**{"host": "h", "http_path": "/sql/1.0/warehouses/w", "access_token": "t", **arguments})
    return caught.value


def test_the_signature_can_be_asked_for():
    parameters = inspect.signature(kernel.Session).parameters
    assert set(parameters) == {"host", "http_path", *KEYWORDS}
    assert all(parameters[name].kind is inspect.Parameter.KEYWORD_ONLY for name in KEYWORDS)
    assert parameters["host"].default is inspect.Parameter.empty


def test_every_method_has_a_signature_and_a_doc():
    for name in [*CLASSES, "Session"]:
        for member, value in vars(getattr(kernel, name)).items():
            if not member.startswith("_") or member.startswith("__arrow"):
                assert value.__doc__, f"{name}.{member}"
                if callable(value):
                    inspect.signature(value)


def test_stubs_name_what_there_is():
    text = (ROOT / "bindings" / "python" / "databricks_sql_kernel.pyi").read_text()
    for name in [*CLASSES, "Session", "KernelError"]:
        for member in vars(getattr(kernel, name)):
            if not member.startswith("_"):
                assert f"def {member}(" in text or f"    {member}:" in text or f"    {member} =" in text, member
    for name in KEYWORDS:
        assert f"        {name}: " in text


def test_module_attributes():
    assert kernel.__file__
    assert kernel.__version__.endswith(kernel.__kernel_version__)
    assert set(kernel.__all__) >= {*CLASSES, "Session", "KernelError", "init_logging", "reset_logging"}


@pytest.mark.parametrize("name", CLASSES)
def test_only_the_module_makes_them(name):
    with pytest.raises(TypeError):
        getattr(kernel, name)()


def test_errors_made_in_python_have_every_attribute():
    error = kernel.KernelError("said")
    assert str(error) == "said" and error.args == ("said",)
    assert error.code == "Unknown" and error.message == "" and error.retryable is False
    for name in ("sql_state", "error_code", "vendor_code", "http_status", "query_id", "display_message"):
        assert getattr(error, name) is None
    error.anything = 1  # instances have a __dict__
    assert issubclass(kernel.KernelError, Exception)


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"host": ""}, "host must not be empty"),
        ({"http_path": "/x"}, "does not match /sql/1.0/warehouses/{id} or /sql/1.0/endpoints/{id}"),
        ({"access_token": ""}, "PAT auth requires a non-empty access token"),
        ({"access_token": None}, "Session requires auth"),
        ({"auth_type": "magic"}, 'unsupported auth_type "magic"'),
        ({"request_timeout_secs": -1}, "request_timeout_secs must be finite and >= 0"),
        ({"request_timeout_secs": float("nan")}, "request_timeout_secs must be finite and >= 0"),
        ({"max_connections": -1}, "max_connections must be >= 0"),
        ({"retry_max_attempts": 2**40}, "retry_max_attempts is too large"),
        ({"telemetry_batch_size": 0}, "telemetry batch_size must be > 0"),
        ({"tls_client_cert": b"x"}, "tls_client_cert and tls_client_key must be given together"),
        ({"tls_ca_cert": b"x"}, "no certificates found"),
        ({"http_headers": [("a b", "c")]}, "custom HTTP header 1 of 1 has an invalid name"),
        ({"redirect_ports": [70000], "auth_type": "oauth-u2m"}, "redirect_port is too large"),
    ],
)
def test_values_that_are_refused(arguments, message):
    error = refuse(**arguments)
    assert error.code == "InvalidArgument" and message in error.message
    assert error.retryable is False


@pytest.mark.parametrize(
    "arguments",
    [
        {"host": None},
        {"host": 5},
        {"access_token": 5},
        {"request_timeout_secs": "5"},
        {"max_connections": 1.5},
        {"session_conf": {"a": 1}},
        {"session_conf": [("a", "b")]},
        {"http_headers": 5},
        {"http_headers": {"a": "b"}},
        {"tls_ca_cert": "text"},
        {"tls_ca_cert": 5},
        {"oauth_scopes": [1]},
        {"no_such_keyword": 1},
    ],
)
def test_types_that_are_refused(arguments):
    with pytest.raises(TypeError):
        kernel.Session(**{"host": "h", "http_path": "/sql/1.0/warehouses/w", "access_token": "t", **arguments})


def test_a_header_is_a_pair():
    with pytest.raises(ValueError, match="one has 1 elements"):
        kernel.Session(host="h", http_path="/sql/1.0/warehouses/w", access_token="t", http_headers=[("a",)])


def test_arguments_of_the_call_itself():
    with pytest.raises(TypeError, match="missing required argument: 'http_path'"):
        kernel.Session("h")
    with pytest.raises(TypeError, match="at most 2 positional"):
        kernel.Session("h", "p", "t")
    with pytest.raises(TypeError, match="multiple values for argument 'host'"):
        kernel.Session("h", host="h")
    with pytest.raises(ValueError, match="NUL"):
        kernel.Session("h\0", "p", access_token="t")


def test_secrets_are_in_no_message():
    secret = "dapi-very-secret"
    for arguments in ({"http_path": "/x"}, {"auth_type": "magic"}, {"http_headers": [("a b", secret)]}):
        error = refuse(access_token=secret, **arguments)
        assert secret not in str(error) and secret not in repr(error)


def test_import_is_quick_and_quiet():
    code = (
        "import sys, time, threading; sys.path.insert(0, sys.argv[1]); before = set(sys.modules)\n"
        "start = time.perf_counter(); import databricks_sql_kernel; took = time.perf_counter() - start\n"
        "assert set(sys.modules) - before == {'databricks_sql_kernel'}, set(sys.modules) - before\n"
        "import os; assert len(os.listdir('/proc/self/task')) == 1\n"
        "print(took)"
    )
    best = min(
        float(subprocess.run([sys.executable, "-c", code, str(FOLDER)], check=True, capture_output=True).stdout)
        for _ in range(3)
    )
    assert best < 0.25, best  # 10 ms on an idle machine
