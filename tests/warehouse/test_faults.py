"""Faults on demand, the journal, the effects counter."""

from __future__ import annotations

import http.client
import urllib.error

import pytest

from warehouse.errors import ApiError
from warehouse.faults import parse_hints, parse_rule, rule_from_json, split_outside
from warehouse.testing import execute_body, request

STATEMENTS = "/api/2.0/sql/statements"
LINKS = "chunk_rows=10, inline_max=0, links_per_page=3"
BROKEN = (ConnectionError, http.client.HTTPException, urllib.error.URLError)


@pytest.fixture(autouse=True)
def no_rules_left(warehouse):
    yield
    warehouse.clear_faults()


def _links(warehouse, hints):
    answer = warehouse.execute(f"/*lw: {LINKS}, {hints}*/ SELECT id FROM range(30)")
    return answer, answer["result"]["external_links"]


# -- reading hints ----------------------------------------------------------------------------------
def test_hints_are_read():
    hints = parse_hints(
        "/*lw: chunk_rows=10, links_per_page=2, fault=storage.get#2:slow(20B/500ms), compression=none*/ SELECT 1 "
        "/* not ours */ /*lw: pending=3, fault=stmt.chunk#2..4?chunk=1:status(503,'a, b',7)*/"
    )
    assert (hints.chunk_rows, hints.links_per_page, hints.compression, hints.pending) == (10, 2, "none", 3)
    slow, status = hints.rules
    assert (slow.point, slow.first, slow.last, slow.action.args) == ("storage.get", 2, 2, ("20B/500ms",))
    assert (status.chunk, status.first, status.last, status.action.args) == (1, 2, 4, ("503", "a, b", "7"))


@pytest.mark.parametrize(
    "text",
    [
        "fault=x", "fault=stmt.execute", "fault=stmt.execute:explode", "fault=stmt.execute#x:reset", "chunk_rows=-1",
        "chunk_rows=9999999999999", "compression=zip", "disposition=mail", "nosuch=1", "fault=stmt.execute:status(((",
    ],
)  # fmt: skip
def test_wrong_hints_are_refused(text):
    with pytest.raises(ApiError):
        parse_hints(f"/*lw: {text}*/ SELECT 1")


def test_rules_count_their_own_requests():
    rule = parse_rule("storage.get#2..3?chunk=1:reset")
    hits = [rule.hit("storage.get", None, c) for c in (1, 0, 1, 1, 1)]
    assert hits == [False, False, True, True, False]
    assert not rule.hit("stmt.get", None, 1)
    every = rule_from_json({"at": "stmt.get", "do": "status(503)", "times": 2})
    assert [every.hit("stmt.get", None, None) for _ in range(3)] == [True, True, False]
    ranged = rule_from_json({"at": "stmt.get", "do": "reset", "match": {"nth": "2..", "statement": "s1"}})
    assert [ranged.hit("stmt.get", s, None) for s in ("s1", "s2", "s1", "s1")] == [False, False, True, True]


@pytest.mark.parametrize(
    "body",
    [
        {},
        [],
        {"at": "x", "do": "reset"},
        {"at": "stmt.get"},
        {"fault": "x"},
        {"at": "stmt.get", "do": "reset", "times": -1},
    ],
)
def test_wrong_rules_are_refused(warehouse, body):
    assert warehouse.call("POST", "/_lw/faults", body).status == 400


def test_split_outside():
    assert split_outside("a, b(c, d), 'e, f',") == ["a", "b(c, d)", "'e, f'"]


# -- actions ----------------------------------------------------------------------------------------
def test_status_stands_in_for_the_work(warehouse):
    warehouse.execute("CREATE TABLE IF NOT EXISTS main.default.fault_t (a INT)")
    sql = "/*lw: fault=stmt.execute:status(503,busy,7)*/ INSERT INTO main.default.fault_t VALUES (1)"
    reply = warehouse.call("POST", STATEMENTS, execute_body(sql))
    assert (reply.status, reply.body, reply.headers["retry-after"]) == (503, b"busy", "7")
    assert sql not in warehouse.effects()


def test_reset_after_the_work_was_done(warehouse):
    warehouse.execute("CREATE TABLE IF NOT EXISTS main.default.fault_t (a INT)")
    sql = "/*lw: fault=stmt.execute:reset*/ INSERT INTO main.default.fault_t VALUES (2)"
    with pytest.raises(BROKEN):
        warehouse.call("POST", STATEMENTS, execute_body(sql))
    assert warehouse.effects()[sql] == 1
    before = sql.replace("reset", "reset(before)")
    with pytest.raises(BROKEN):
        warehouse.call("POST", STATEMENTS, execute_body(before))
    assert before not in warehouse.effects()


def test_default_status_body_is_a_service_error(warehouse):
    warehouse.fault("session.create#1:status(429)")
    reply = warehouse.call("POST", "/api/2.0/sql/sessions", {"warehouse_id": "local"})
    assert (reply.status, reply.json()["error_code"]) == (429, "RESOURCE_EXHAUSTED")
    assert warehouse.session()


def test_truncate_sends_a_short_body(warehouse):
    _, links = _links(warehouse, "fault=storage.get#1?chunk=1:truncate(10)")
    assert request("GET", links[0]["external_link"]).status == 200
    with pytest.raises(http.client.IncompleteRead) as broken:
        request("GET", links[1]["external_link"])
    assert len(broken.value.partial) == 10
    assert request("GET", links[1]["external_link"]).status == 200, "only the first time"


def test_html_and_garbage(warehouse):
    _, links = _links(warehouse, "fault=storage.get#1:html, fault=storage.get#2:garbage")
    assert b"<html>" in request("GET", links[0]["external_link"]).body
    garbage = request("GET", links[0]["external_link"])
    assert garbage.status == 200 and len(garbage.body) >= 64 and b"ARROW" not in garbage.body
    assert garbage.body != request("GET", links[0]["external_link"]).body


def test_slow_and_stall_still_deliver(warehouse):
    _, links = _links(warehouse, "fault=storage.get#1:slow(100B/1ms), fault=storage.get#2:stall(0.01)")
    first = request("GET", links[0]["external_link"])
    assert first.status == 200 and len(first.body) == links[0]["byte_count"]
    assert request("GET", links[0]["external_link"]).body == first.body


def test_lies_about_rows(warehouse):
    sql = "/*lw: fault=stmt.execute:rows(+2)*/ SELECT id FROM range(5)"
    answer = warehouse.execute(sql)
    assert (answer["manifest"]["total_row_count"], answer["result"]["row_count"]) == (7, 7)
    assert answer["manifest"]["chunks"][0]["row_count"] == 7
    answer, links = _links(warehouse, "fault=stmt.execute:rows(-3)")
    assert answer["manifest"]["total_row_count"] == 27 and [k["row_count"] for k in links] == [7, 10, 10]


def test_expired_links_are_refreshed_by_the_chunk_call(warehouse):
    answer, links = _links(warehouse, "fault=stmt.execute:expired")
    assert links[0]["expiration"].startswith("2000-") and request("GET", links[0]["external_link"]).status == 403
    fresh = warehouse.call("GET", f"{STATEMENTS}/{answer['statement_id']}/result/chunks/0").json()["external_links"][0]
    assert request("GET", fresh["external_link"]).status == 200


def test_nolinks_and_loop(warehouse):
    answer, _ = _links(warehouse, "links_per_page=1, fault=stmt.chunk#1:nolinks, fault=stmt.chunk#2:loop")
    path = f"{STATEMENTS}/{answer['statement_id']}/result/chunks/1"
    assert warehouse.call("GET", path).json() == {"external_links": []}
    assert warehouse.call("GET", path).json()["external_links"][0]["next_chunk_index"] == 0
    assert warehouse.call("GET", path).json()["external_links"][0]["next_chunk_index"] == 2


def test_padding_rows_are_not_counted(warehouse):
    answer, links = _links(warehouse, "pad_rows=3, compression=none")
    import pyarrow as pa

    table = pa.ipc.open_stream(request("GET", links[0]["external_link"]).body).read_all()
    assert (links[0]["row_count"], table.num_rows) == (10, 13)
    assert answer["manifest"]["total_row_count"] == 30


def test_faults_on_poll_and_cancel(warehouse):
    sql = "/*lw: pending=1, fault=stmt.get#1:status(500), fault=stmt.cancel#1:status(503)*/ SELECT 1"
    statement = warehouse.execute(sql)["statement_id"]
    assert [warehouse.call("GET", f"{STATEMENTS}/{statement}").status for _ in range(2)] == [500, 200]
    assert [warehouse.call("POST", f"{STATEMENTS}/{statement}/cancel").status for _ in range(2)] == [503, 200]


def test_admin_rules_can_be_listed_and_cleared(warehouse):
    warehouse.fault("storage.get:status(404)", times=1)
    _, links = _links(warehouse, "")
    assert [request("GET", links[0]["external_link"]).status for _ in range(2)] == [404, 200]
    listed = warehouse.call("GET", "/_lw/faults").json()["rules"]
    assert listed == [{"at": "storage.get", "do": "status(404)", "fired": 1}]
    warehouse.clear_faults()
    assert warehouse.call("GET", "/_lw/faults").json()["rules"] == []


# -- journal ----------------------------------------------------------------------------------------
def test_journal_tells_the_whole_story(warehouse):
    mark = warehouse.journal_mark()
    answer, links = _links(warehouse, "")
    request("GET", links[0]["external_link"], headers={"x-test": "1"})
    warehouse.call("DELETE", f"{STATEMENTS}/{answer['statement_id']}")
    execute, download, close = warehouse.journal(mark)
    assert [e["origin"] for e in (execute, download, close)] == ["api", "storage", "api"]
    assert execute["body"]["statement"].endswith("FROM range(30)")
    assert execute["statement_id"] == answer["statement_id"] and execute["status"] == 200
    assert ["authorization", "Bearer [redacted]"] in execute["headers"]
    assert ["x-test", "1"] in download["headers"] and download["bytes"] == links[0]["byte_count"]
    assert download["query"] == "[signed]" and "sig=" not in str(download)
    assert close["method"] == "DELETE" and close["connection"] != execute["connection"]
    assert execute["seq"] < download["seq"] < close["seq"]


def test_journal_records_faults_and_can_be_cleared(warehouse):
    warehouse.fault("session.create#1:status(503)")
    mark = warehouse.journal_mark()
    warehouse.call("POST", "/api/2.0/sql/sessions", {"warehouse_id": "local"})
    entry = warehouse.journal(mark)[-1]
    assert entry["faults"] == ["status(503)"] and entry["status"] == 503
    warehouse.call("DELETE", "/_lw/journal")
    assert warehouse.journal() == []
    assert warehouse.journal_mark() >= entry["seq"], "sequence numbers go on"
