"""The same calls through our module and the closed one: equal rows, description, schema, exceptions. A
difference is a bug of ours, or stands in KNOWN with the reason that docs/differences.md gives."""

from __future__ import annotations

import json
import re

import pytest
from cases import all_cases
from conftest import PAIRS

CASES = all_cases()

WRONG_ARGUMENT = "a KernelError InvalidArgument with the reason, where the wheel raises ValueError or OverflowError"
CONFIGURATION = "InvalidArgument, not retryable, where the Rust kernel says NetworkError"
OLD_WHEEL = "an argument that wheels before 1.1.0 have not"
TEXT = "the message says more"
READ_AGAIN = "a submitted statement can be read again and again, also by another handle"
# Case -> why it differs; with a pair in front it differs there only.
KNOWN = {
    "session: {'auth_type': 'nope'}": WRONG_ARGUMENT,
    "session: {'auth_type': 'pat', 'access_token': ''}": WRONG_ARGUMENT,
    "session: {'auth_type': 'oauth-m2m'}": WRONG_ARGUMENT,
    "session: {'auth_type': 'oauth-m2m', 'client_id': 'a'}": WRONG_ARGUMENT,
    "session: {'auth_type': 'oauth-m2m-jwt'}": WRONG_ARGUMENT,
    "session: {'auth_type': 'azure-sp-m2m'}": WRONG_ARGUMENT,
    "session: {'retry_max_attempts': -1}": WRONG_ARGUMENT,
    "session: {'request_timeout_secs': -1}": WRONG_ARGUMENT,
    "session: {'max_connections': -1}": WRONG_ARGUMENT,
    "session: {'telemetry_batch_size': 0}": WRONG_ARGUMENT,
    "session: {'max_connections': 0}": "0 is the default number of connections",
    "kernel 1.0.0: session: {'max_connections': 5}": OLD_WHEEL,
    "session: {'http_path': '/sql/protocolv1/o/1/2'}": TEXT,
    "session: {'tls_ca_cert': b''}": "an empty CA bundle adds nothing",
    "session: {'tls_ca_cert': b'nonsense'}": CONFIGURATION,
    "session: {'tls_client_cert': b'x'}": CONFIGURATION,
    "session: {'tls_client_key': b'x'}": CONFIGURATION,
    "session: {'tls_client_cert': b'x', 'tls_client_key': b'y'}": CONFIGURATION,
    "session: {'http_headers': [('bad name', 'x')]}": CONFIGURATION,
    "connect: {'http_headers': [('bad name', '1')]}": CONFIGURATION,
    "module: submitted_module": READ_AGAIN,
    "module: attached": READ_AGAIN,
    "kernel 1.3.0: connector: submitted": READ_AGAIN,
    "module: session_id_after_close": "the id of a session is known for ever",
    "kernel 1.3.0: catalog: ('tables', 'samples', 'tpch', 'nation', ['table'])": "table types in any case",
}
# Since 1.0.0 the closed kernel adds the SQL type to empty results, names the values of their lists "element"
# and writes VOID small.
NEWER = [
    (re.compile(r'\["Spark:DataType:SqlName", "[^"]*"\], '), ""),
    (re.compile(r"list<element: "), "list<item: "),
    (re.compile(r'\["databricks.type_text", "void"\]'), '["databricks.type_text", "VOID"]'),
]


def comparable(pair: str, value: object) -> str:
    text = json.dumps(value, sort_keys=True, ensure_ascii=False)
    if pair != "kernel 1.0.0":
        for pattern, replacement in NEWER:
            text = pattern.sub(replacement, text)
    return text


def test_enough_cases():
    assert len(CASES) >= 600


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id[:80])
@pytest.mark.parametrize("pair", PAIRS)
def test_case(seen, pair, case):
    ours, real = (comparable(pair, side[case.id]) for side in seen(pair))
    reason = KNOWN.get(case.id) or KNOWN.get(f"{pair}: {case.id}")
    if reason is None:
        assert ours == real, f"\nours {ours[:2000]}\nreal {real[:2000]}"
    else:
        assert ours != real, f"no difference any more: {reason}"
