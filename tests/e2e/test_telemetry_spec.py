"""The rows of the test table of spec telemetry 13 by their numbers: which test holds each."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
CALLS, EVENTS = "tests/e2e/test_telemetry_calls.py::test_", "tests/python/test_python_events.py::test_"
UNIT, BREAKER = "src/telemetry/export_test.c::", "src/telemetry/breaker_test.c::"
ROWS = {
    "T1": [CALLS + "nothing_leaves_when_it_is_off"],
    "T2": [CALLS + "mode_on", "src/session/session_test.c::close_waits_for_nothing_when_telemetry_has_left"],
    "T3": [UNIT + "a_full_batch_leaves_at_once_and_the_rest_by_the_clock", EVENTS + "the_workspace_id_of_the_path"],
    "T4": ["tests/python/test_python_telemetry.py::test_an_enabled_session_tells_its_life_in_one_upload"],
    "T5": [EVENTS + "the_workspace_id_of_the_path"],
    "T6": [EVENTS + "an_event_leaves_when_the_rows_have_ended"],
    "T7": [UNIT + "a_full_batch_leaves_at_once_and_the_rest_by_the_clock"],
    "T8": [UNIT + "a_full_batch_leaves_at_once_and_the_rest_by_the_clock"],
    "T9": [EVENTS + "chunks_latencies_and_format"],
    "T10": [EVENTS + "a_result_that_is_not_read_to_its_end"],
    "T11": [CALLS + "formats_and_compression"],
    "T12": [CALLS + "formats_and_compression"],
    "T13": [EVENTS + "a_failed_statement_tells_its_state_and_no_text"],
    "T14": [CALLS + "no_text_of_the_caller_leaves"],
    "T15": [EVENTS + "polls_and_retries_are_counted"],
    "T16": [EVENTS + "polls_and_retries_are_counted"],
    "T17": [CALLS + "an_asynchronous_statement", CALLS + "a_cancel_that_was_sent_is_an_event"],
    "T18": [CALLS + "every_catalog_call_is_one_event"],
    "T19": [EVENTS + "a_failed_chunk_keeps_the_statements_id"],
    "T20": [EVENTS + "a_statement_open_at_the_end_is_told_before_its_session"],
    "T21": [CALLS + "a_statement_is_told_once_however_it_ends", CALLS + "a_dropped_session_ends_with_its_last_statement"],
    "T22": [UNIT + "passing_failures_are_tried_again_and_others_are_not", EVENTS + "broken_endpoints_change_nothing"],
    "T23": [UNIT + "passing_failures_are_tried_again_and_others_are_not"],
    "T24": [UNIT + "an_open_breaker_sends_nothing"],
    "T24b": [UNIT + "attempts_end_with_the_time_that_a_close_waits"],
    "T25": ["src/session/session_test.c::close_waits_for_telemetry_as_long_as_it_may", UNIT + "a_close_waits_for_its_own_events_only"],
    "T26": [CALLS + "a_silent_endpoint_holds_nobody_up"],
    "T27": [UNIT + "an_open_breaker_sends_nothing", CALLS + "stats_count_what_was_not_taken"],
    "T28": [BREAKER + "opens_after_failures_in_a_row_and_lets_one_probe_through"],
    "T29": [UNIT + "an_open_breaker_sends_nothing", BREAKER + "opens_after_failures_in_a_row_and_lets_one_probe_through"],
    "T30": [BREAKER + "a_success_starts_the_count_anew"],
    "T31": [BREAKER + "rests_as_long_as_the_server_asks_within_bounds"],
    "T32": [CALLS + "without_a_breaker_everything_is_tried"],
    "T33": [CALLS + "the_breaker_outlives_its_sessions_and_is_of_one_host"],
    "T34": [CALLS + "the_breaker_outlives_its_sessions_and_is_of_one_host"],
    "T35": [UNIT + "sessions_of_one_principal_share_their_posts", EVENTS + "two_sessions_share_an_upload"],
    "T36": [
        UNIT + "another_principal_or_user_agent_has_a_queue_of_its_own",
        UNIT + "nothing_is_sent_with_the_token_of_a_closed_session",
    ],
    "T37": [EVENTS + "a_session_without_telemetry_beside_one_with"],
    "T38": ["src/abi/abi_test.c::setters_judge_numbers"],
    "T39": [UNIT + "the_environment_switches_it_off", CALLS + "a_kill_switch_that_says_neither"],
    "T40": [UNIT + "the_servers_flag_decides", UNIT + "many_sessions_ask_for_the_flag_once", CALLS + "mode_auto_asks_for_the_flag"],
    "T41": [UNIT + "a_flag_counts_for_its_time_and_stays_when_the_server_fails"],
    "T42": [UNIT + "a_flag_counts_for_its_time_and_stays_when_the_server_fails"],
    "T43": [UNIT + "events_before_a_silent_server_take_bounded_memory_and_are_counted", UNIT + "a_post_is_bounded_in_bytes"],
    "T44": [
        UNIT + "a_full_batch_leaves_at_once_and_the_rest_by_the_clock",
        "tests/e2e/test_logging.py::test_12_telemetry_is_debug",
    ],
    "T45": [UNIT + "a_hundred_sessions_on_ten_hosts_from_many_threads"],
    "T46": [CALLS + "a_child_tells_of_its_own_sessions_only"],
    "T47": [CALLS + "who_calls_is_scrubbed"],
    "T48": [CALLS + "volume_statements"],
    "T49": [CALLS + "the_librarys_own_statements_are_marked"],
    "T50": ["tests/node_more/test_node_telemetry.py::test_the_official_driver_on_our_addon"],
    "4.1 CANCEL_STATEMENT": [CALLS + "a_cancel_that_was_sent_is_an_event", CALLS + "a_cancel_before_anything_ran_is_none"],
    "4.4 failed opens": [CALLS + "a_refused_open_is_told_without_credentials", CALLS + "a_refused_open_is_not_told_by_default"],
}  # fmt: skip


def test_the_table_is_whole():
    assert {f"T{n}" for n in range(1, 51)} <= set(ROWS)


@pytest.mark.parametrize("row", ROWS)
def test_each_row_has_its_test(row):
    for name in ROWS[row]:
        path, _, test = name.partition("::")
        assert re.search(rf"(DBK_TEST\({test}\)|def {test}\()", (ROOT / path).read_text()), name
