"""The rows of spec auth 16 by their numbers: which test holds each, and row 11 itself."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from abi_driver import INVALID_ARGUMENT
from auth_calls import config
from warehouse.testing import local_warehouse

ROOT = Path(__file__).resolve().parents[2]

ROWS = {
    1: ["src/auth/auth_test.c::basic_lines"],
    2: ["src/auth/flight_test.c::m2m_on_the_wire"],
    3: ["src/auth/auth_test.c::token_ages", "src/auth/flight_test.c::an_hour_of_short_tokens"],
    4: ["src/auth/flight_test.c::token_goes_stale_then_is_replaced"],
    5: ["src/auth/flight_test.c::many_wait_for_one_request", "tests/e2e/test_auth_m2m.py::test_64_statements_and_a_refused_token"],
    6: ["src/auth/flight_test.c::federation_decisions"],
    7: ["src/auth/flight_test.c::federation_falls_back_and_asks_again_later"],
    8: [
        "tests/e2e/test_auth_browser.py::test_cache_is_written_and_used",
        "tests/e2e/test_auth_browser.py::test_cache_of_the_other_kernel_is_used",
    ],
    9: [
        "tests/e2e/test_auth_browser.py::test_what_is_not_the_answer_is_turned_away",
        "tests/e2e/test_auth_browser.py::test_refusal_by_the_person",
    ],
    10: ["tests/e2e/test_auth_browser.py::test_busy_port"],
    11: ["tests/e2e/test_auth_spec.py::test_11_line_breaks"],
    12: ["src/sea/client_test.c::client_header_lines", "tests/ways/test_headers.py::test_headers_go_to_the_workspace_only"],
    13: [
        "tests/ways/test_certificates.py::test_a_bad_certificate",
        "tests/ways/test_certificates.py::test_a_server_of_long_ago",
        "src/net/http_tls_test.c::tls_least_version",
    ],
    14: [
        "tests/ways/test_certificates.py::test_nginx_wants_a_certificate",
        "tests/ways/test_certificates.py::test_nginx_gets_none_or_another",
    ],
    15: [
        "tests/ways/test_proxies.py::test_squid_wants_other_credentials",
        "tests/e2e/test_auth_spec.py::test_11_line_breaks",
    ],
    16: ["src/net/proxy_test.c"],
    17: [
        "tests/e2e/test_auth_azure.py::test_tenant_that_is_not_told",
        "tests/e2e/test_auth_azure.py::test_given_tenant_that_is_none",
    ],
    18: ["src/auth/flight_test.c::m2m_failures", "tests/ways/test_logins.py::test_token_endpoint"],
    19: ["src/auth/auth_test.c::tokens_are_taken_out_of_errors", "tests/e2e/test_auth_secrets.py::test_mode"],
}  # fmt: skip


@pytest.mark.parametrize("row", range(1, 20))
def test_each_row_has_its_test(row):
    for name in ROWS[row]:
        path, _, test = name.partition("::")
        text = (ROOT / path).read_text()
        assert not test or re.search(rf"(DBK_TEST\({test}\)|def {test}\()", text), name


@pytest.fixture(scope="module")
def server():
    with local_warehouse() as running:
        yield running


PAT = ("auth_pat", "a-token")
BREAKS = {
    "token": [("auth_pat", "tok\r\nx: y")],
    "header name": [PAT, ("custom_header", "X-A\r\nX-B", "1")],
    "header value": [PAT, ("custom_header", "X-A", "1\r\nX-B: 2")],
    "user agent": [PAT, ("custom_header", "User-Agent", "a\r\nX-B: 2")],
    "client id": [("auth_m2m", "cid\r\nx", "secret")],
    "client id of a key": [("auth_m2m_jwt", "cid\r\n", "/nowhere.pem", "k", None, None, None, None)],
    "client id of a person": [("auth_u2m", "cid\r\n", 0, None)],
    "client id of Azure": [("auth_azure_sp", "cid\r\n", "s", "t.example", None)],
    "client id of federation": [PAT, ("dbk:federation", "fed\r\n", False, True)],
    "proxy user": [PAT, ("proxy", "http://127.0.0.1:9", "user\r\nx: y", "pw", None)],
    "proxy url": [PAT, ("proxy", "http://127.0.0.1:9/\r\n", None, None, None)],
    "workspace id": [PAT, ("dbk:workspace_id", "64\r\nx: y", False)],
    "resource id": [("auth_azure_sp", "c", "s", "t.example", "/subscriptions\r\nx")],
}


@pytest.mark.parametrize("where", BREAKS)
def test_11_line_breaks(probe, server, where):
    mark = server.journal_mark()
    answer = probe.call("kernel_session_open", config(probe, server, *BREAKS[where]), "never")
    answer.fails(INVALID_ARGUMENT)
    assert [e for e in server.journal(mark) if not e["path"].startswith("/_lw")] == []
    assert "\r" not in answer.message and "\n" not in answer.message


def test_11_line_break_in_the_host(probe, server):
    mark = server.journal_mark()
    handle = config(probe, server, PAT, url=server.url + "\r\nx: y")
    probe.call("kernel_session_open", handle, "never").fails(INVALID_ARGUMENT)
    assert [e for e in server.journal(mark) if not e["path"].startswith("/_lw")] == []
