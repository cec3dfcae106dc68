"""Wrong and unusual arguments in every function that both libraries export: equal status, message,
error fields and out parameters, call by call."""

from __future__ import annotations

import pytest
from abi_driver import Answer, Probe
from abi_env import LIBRARY
from comparing import differences, shown

BAD_UTF8 = {"hex": "61ff62"}
LONG = "x" * 100_000

# Arguments of every function: a handle's kind; "req" and "opt" texts; "data" of a pointer and a length;
# "out", "flag"; "array" and "schema"; any other value is given as it is.
CONFIG = {
    "free": ["config"],
    "set_warehouse": ["config", "req", "req"],
    "set_http_path": ["config", "req", "req"],
    "set_auth_pat": ["config", "req"],
    "set_auth_m2m": ["config", "req", "req"],
    "set_auth_m2m_jwt": ["config", "req", "req", "req", "opt", "opt", "opt", "opt"],
    "set_auth_u2m": ["config", "opt", 0, "opt"],
    "set_auth_azure_sp": ["config", "req", "req", "opt", "opt"],
    "set_identity_federation_client_id": ["config", "req"],
    "set_oauth_token_endpoint": ["config", "req"],
    "set_oauth_scopes": ["config", "req"],
    "set_u2m_token_cache_config": ["config", True, "opt"],
    "set_session_conf": ["config", "req", "req"],
    "set_client_conf": ["config", "req", "req"],
    "set_custom_header": ["config", "req", "req"],
    "set_request_timeout": ["config", 1],
    "set_ignore_transactions": ["config", True],
    "set_retry_config": ["config", 1, 1, 1, 1],
    "set_telemetry_config": ["config", True, 1, 1, 1, 1, 1],
    "set_telemetry_circuit_breaker_config": ["config", True, 1, 1],
    "set_driver_system_configuration": ["config", *["opt"] * 12],
    "set_proxy": ["config", "req", "opt", "opt", "opt"],
    "set_tls_trusted_certs": ["config", "data"],
    "set_tls_allow_self_signed": ["config", True],
    "set_tls_skip_hostname_verification": ["config", True],
    "set_tls_client_certificate": ["config", "data", "data"],
}
FUNCTIONS = {
    "kernel_session_config_new": ["out"],
    **{f"kernel_session_config_{name}": args for name, args in CONFIG.items()},
    "kernel_session_close": ["session"],
    "kernel_session_is_open": ["session", "flag"],
    "kernel_session_test": ["session"],
    "kernel_session_new_statement": ["session", "out"],
    "kernel_session_set_autocommit": ["session", True],
    "kernel_session_get_autocommit": ["session", "flag"],
    "kernel_session_commit": ["session"],
    "kernel_session_rollback": ["session"],
    "kernel_statement_set_sql": ["statement", "req"],
    "kernel_statement_bind_null": ["statement", 1],
    "kernel_statement_bind_int64": ["statement", 1, 5],
    "kernel_statement_bind_double": ["statement", 1, 0.5],
    "kernel_statement_bind_bool": ["statement", 1, True],
    "kernel_statement_bind_string": ["statement", 1, "req"],
    "kernel_statement_bind_parameter": ["statement", "opt", "req", "opt"],
    "kernel_statement_execute": ["statement", "out"],
    "kernel_statement_submit": ["statement", "out"],
    "kernel_statement_close": ["statement"],
    "kernel_statement_canceller_new": ["statement", "out"],
    "kernel_statement_canceller_cancel": ["canceller", "flag"],
    "kernel_statement_canceller_free": ["canceller"],
    "kernel_executed_statement_get_result_stream": ["executed", "out"],
    "kernel_executed_statement_num_modified_rows": ["executed"],
    "kernel_executed_statement_query_id": ["executed"],
    "kernel_executed_statement_close": ["executed"],
    "kernel_result_stream_get_schema": ["stream", "schema"],
    "kernel_result_stream_next_batch": ["stream", "array", "schema"],
    "kernel_result_stream_close": ["stream"],
}
ENDING = ("_free", "_close")


class Handles:
    """One of each kind, made when a call needs it."""

    def __init__(self, probe: Probe, server) -> None:
        self.probe, self.server = probe, server
        self.session = probe.open(server)
        self._made: dict[str, str] = {}

    def get(self, kind: str) -> str:
        if kind not in self._made:
            self._made[kind] = self._make(kind)
        return self._made[kind]

    def _make(self, kind: str) -> str:
        name = self.probe.name(kind)
        make = {
            "config": ("kernel_session_config_new", []),
            "statement": ("kernel_session_new_statement", [self.session.handle]),
            "canceller": ("kernel_statement_canceller_new", [lambda: self.get("statement")]),
            "executed": ("kernel_statement_execute", [lambda: self.get("statement")]),
            "stream": ("kernel_executed_statement_get_result_stream", [lambda: self.get("executed")]),
        }
        if kind == "session":
            return self.session.handle
        if kind == "executed":
            self.probe.call("kernel_statement_set_sql", self.get("statement"), "SELECT 1").ok()
        function, args = make[kind]
        self.probe.call(function, *[a() if callable(a) else a for a in args], name).ok()
        return name

    def close(self) -> None:
        for kind, function in (
            ("stream", "kernel_result_stream_close"),
            ("executed", "kernel_executed_statement_close"),
            ("canceller", "kernel_statement_canceller_free"),
            ("statement", "kernel_statement_close"),
            ("config", "kernel_session_config_free"),
        ):
            if kind in self._made:
                self.probe.call(function, self._made[kind])
        self.session.close()


HANDLES = ("config", "session", "statement", "canceller", "executed", "stream")


def variants(function: str, kinds: list) -> list[tuple[str, list]]:
    """The argument lists to try: each one wrong by itself, and the first wrong together with others."""
    good = ["ok" if k in ("req", "opt", "data") else k for k in kinds]
    found = []
    for index, kind in enumerate(kinds):
        if kind in HANDLES or kind in ("out", "flag", "array", "schema"):
            values = [None]
        elif kind in ("req", "opt", "data"):
            values = [None, BAD_UTF8, "", LONG, "\U0001f600"]
        else:
            continue
        for value in values:
            label = f"{function}({index} is {'long' if value == LONG else value})"
            found.append((label, [*good[:index], value, *good[index + 1 :]]))
    nothing = [None if isinstance(k, str) else k for k in kinds]
    found.append((f"{function}(nothing)", nothing))
    return found


def calls() -> list[tuple[str, str, list]]:
    listed = [(label, f, args) for f, kinds in FUNCTIONS.items() for label, args in variants(f, kinds)]
    for function, *rows in NUMBERS:
        listed += [(f"{function}{tuple(row)}", function, row) for row in rows]
    return listed


BIG, BIGGEST = 2**32, -1  # -1: every bit set
NUMBERS = [
    ("kernel_session_config_set_retry_config", *[
        ["config", *row] for row in ((0, 1, 1, 1), (5, 1, 1, 1), (1, 1, 0, 0), (10, 20, 1, 5),
                                     (BIGGEST, BIGGEST, BIGGEST, BIGGEST), (0, 0, 0, 0))]),
    ("kernel_session_config_set_telemetry_config", *[
        ["config", *row] for row in ((True, 0, 1, 1, 1, 1), (True, 1, 0, 1, 1, 1), (True, 1, 1, 0, 0, 1),
                                     (True, 1, 1, 1, 1, 0), (False, 0, 0, 0, 0, 0))]),
    ("kernel_session_config_set_telemetry_circuit_breaker_config", *[
        ["config", *row] for row in ((True, 0, 1), (True, 1, 0), (False, 0, 0), (True, 1, BIG))]),
    ("kernel_session_config_set_request_timeout", ["config", 0], ["config", BIGGEST]),
    ("kernel_session_config_set_auth_u2m", ["config", None, 65535, None]),
    ("kernel_session_config_set_client_conf", *[
        ["config", key, value] for key, value in (
            ("cloudfetch_enabled", "TRUE"), ("CLOUDFETCH_ENABLED", "false"), ("cloudfetch_enabled", "1"),
            ("cloudfetch_enabled", "yes"), ("cloudfetch_enabled", " true"), ("complex_types_as_json", "t"),
            ("intervals_as_string", ""), ("cloudfetch_link_prefetch_window", "0"),
            ("cloudfetch_link_prefetch_window", "-1"), ("cloudfetch_link_prefetch_window", "12"),
            ("cloudfetch_link_prefetch_window", "+12"), ("cloudfetch_link_prefetch_window", "1.5"),
            ("cloudfetch_link_prefetch_window", "99999999999999999999"), ("cloudfetch_max_chunks_in_memory", "257"),
            ("cloudfetch_max_chunks_in_memory", "many"), ("inline_max_chunks_in_memory", " 3"),
            ("inline_max_chunks_in_memory", "003"), ("unknown", "true"), ("", ""))]),
    ("kernel_session_config_set_session_conf",
     ["config", "cloudfetch_max_chunks_in_memory", "nonsense"], ["config", "k", "v"]),
    ("kernel_statement_bind_int64", ["statement", 0, 1], ["statement", 2, -(2**63)], ["statement", 0, 0]),
    ("kernel_statement_bind_null", ["statement", 0]),
    ("kernel_statement_bind_double", ["statement", 0, 1.0], ["statement", 1, "nan"], ["statement", 1, "inf"],
     ["statement", 1, "-inf"]),
    ("kernel_statement_bind_bool", ["statement", 0, True]),
    ("kernel_statement_bind_string", ["statement", 0, "x"], ["statement", 0, None], ["statement", 0, BAD_UTF8]),
    ("kernel_statement_bind_parameter", ["statement", "a", None, None], ["statement", "a", "", None],
     ["statement", "", "INT", "1"], ["statement", BAD_UTF8, None, None], ["statement", "a", BAD_UTF8, BAD_UTF8]),
    ("kernel_session_config_set_custom_header", ["config", "bad name", "v"], ["config", "name", "a\nb"],
     ["config", "", ""]),
    ("kernel_get_last_error", [False], [True]),
]  # fmt: skip


# Differences by design, as in docs/differences.md.
KNOWN = {
    "kernel_session_config_set_client_conf(1 is long)": "a long value is cut in messages",
    "kernel_statement_submit(0 is None)": "ours submits",
    "kernel_statement_submit(1 is None)": "ours submits",
    "kernel_statement_submit(nothing)": "ours submits",
}


@pytest.fixture(scope="module")
def pair(warehouse, build_dir, probe_program, peer_library):
    with Probe(probe_program, build_dir / LIBRARY) as ours, Probe(probe_program, peer_library) as peer:
        handles = Handles(ours, warehouse), Handles(peer, warehouse)
        yield handles
        for side in handles:
            side.close()


def answer_of(side: Handles, function: str, args: list) -> dict:
    ending = function.endswith(ENDING) and args[0] is not None
    named = [side.get(a) if isinstance(a, str) and a in HANDLES else a for a in args]
    if ending:
        return {}  # a good close is what every test ends with
    answer: Answer = side.probe.call(function, *named)
    if answer.get("out") == "set":
        _close(side, function, named[-1])
    again = side.probe.do("last_error")
    return shown({**{k: v for k, v in answer.items() if k not in ("n", "ms", "info")}, "again": again["error"]})


def _close(side: Handles, function: str, handle: str) -> None:
    ends = {"config_new": "session_config_free", "new_statement": "statement_close", "execute":
            "executed_statement_close", "canceller_new": "statement_canceller_free",
            "get_result_stream": "result_stream_close"}  # fmt: skip
    end = next(e for suffix, e in ends.items() if function.endswith(suffix))
    side.probe.call(f"kernel_{end}", handle)


@pytest.mark.parametrize(("label", "function", "args"), [pytest.param(*c, id=c[0]) for c in calls()])
def test_call(pair, label, function, args):
    found = list(differences(*(answer_of(side, function, args) for side in pair)))
    if label in KNOWN:
        assert found, f"no longer different: {KNOWN[label]}"
        return
    assert not found, "ours | peer:\n" + "\n".join(found)
