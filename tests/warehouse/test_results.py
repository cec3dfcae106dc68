"""Chunks, links, LZ4, inline results, limits, streaming; every body is decoded with pyarrow."""

from __future__ import annotations

import base64
import json
import struct
from urllib.parse import parse_qs, urlsplit

import lz4.frame
import pyarrow as pa
import pytest

from warehouse.testing import decode, execute_body, local_warehouse, request

STATEMENTS = "/api/2.0/sql/statements"


def _links(warehouse, sql, **fields):
    answer = warehouse.execute(sql, **fields)
    return answer, answer["result"]["external_links"]


def _chunk(warehouse, answer, index, query=""):
    return warehouse.call("GET", f"{STATEMENTS}/{answer['statement_id']}/result/chunks/{index}{query}")


@pytest.mark.parametrize("rows", [1, 9, 10, 11, 20, 25, 1000])
@pytest.mark.parametrize("packed", ["LZ4_FRAME", None])
def test_rows_survive_any_cut(warehouse, rows, packed):
    sql = f"/*lw: chunk_rows=10, inline_max=0*/ SELECT id, CAST(id AS STRING) AS s FROM range({rows})"
    answer = warehouse.execute(sql, result_compression=packed)
    manifest = answer["manifest"]
    assert manifest["total_row_count"] == rows and manifest["total_chunk_count"] == -(-rows // 10)
    assert [c["row_offset"] for c in manifest["chunks"]] == list(range(0, rows, 10))
    assert ("result_compression" in manifest) == (packed is not None)
    table = warehouse.read(answer)
    assert table.to_pydict() == {"id": list(range(rows)), "s": [str(i) for i in range(rows)]}


def test_chunk_bytes_hint_makes_many_chunks(warehouse):
    answer = warehouse.execute("/*lw: chunk_bytes=4096*/ SELECT id FROM range(100000)")
    assert 190 <= answer["manifest"]["total_chunk_count"] <= 210, "8 bytes a row and a validity bit"
    assert warehouse.read(answer).num_rows == 100000


def test_lz4_frames_as_the_service_writes_them(warehouse):
    _, links = _links(warehouse, "/*lw: inline_max=0*/ SELECT uuid() AS u FROM range(300000)")
    data = request("GET", links[0]["external_link"]).body
    magic, flags, sizes = struct.unpack("<IBB", data[:6])
    assert magic == 0x184D2204
    assert flags >> 6 == 1 and flags & 0b0010_0000, "version 01, independent blocks"
    assert not flags & 0b0001_0100, "no checksums"
    assert sizes >> 4 & 7 == 7, "blocks of 4 MiB"
    assert decode(data, packed=True).num_rows == links[0]["row_count"]


def test_pages_of_links(warehouse):
    sql = "/*lw: chunk_rows=10, inline_max=0, links_per_page=3*/ SELECT id FROM range(100)"
    answer, links = _links(warehouse, sql)
    assert [(k["chunk_index"], k["next_chunk_index"]) for k in links] == [(0, 1), (1, 2), (2, 3)]
    page = _chunk(warehouse, answer, 9).json()["external_links"]
    assert [k["chunk_index"] for k in page] == [9] and "next_chunk_index" not in page[0]
    page = _chunk(warehouse, answer, 4, "?row_offset=40").json()["external_links"]
    assert [k["row_offset"] for k in page] == [40, 50, 60]
    assert page[0]["next_chunk_internal_link"] == (
        f"{STATEMENTS}/{answer['statement_id']}/result/chunks/5?row_offset=50"
    )
    assert _chunk(warehouse, answer, 10).status == 404


def test_inline_in_several_chunks(warehouse):
    answer = warehouse.execute("/*lw: chunk_rows=10, disposition=inline*/ SELECT id FROM range(35)")
    assert answer["result"]["next_chunk_index"] == 1 and "attachment" in answer["result"]
    last = _chunk(warehouse, answer, 3).json()
    assert (last["chunk_index"], last["row_offset"], last["row_count"]) == (3, 30, 5)
    assert "next_chunk_index" not in last
    assert warehouse.read(answer).column(0).to_pylist() == list(range(35))


def test_inline_threshold(warehouse):
    small = warehouse.execute("/*lw: inline_max=100000*/ SELECT id FROM range(1000)")
    large = warehouse.execute("/*lw: inline_max=1000*/ SELECT id FROM range(1000)")
    assert "attachment" in small["result"] and "external_links" in large["result"]
    forced = warehouse.execute("SELECT 1", disposition="EXTERNAL_LINKS")
    assert "external_links" in forced["result"]


def test_json_array(warehouse):
    sql = (
        "SELECT id, id = 1 AS b, 1.50 AS d, 1e10 AS f, 'é' AS s, NULL AS n, array(1, NULL) AS a, map('k', 1) AS m, "
        "struct(1 AS x) AS st, TIMESTAMP '2021-01-02 03:04:05.678' AS ts, DATE '2021-01-02' AS dt, "
        "INTERVAL '-1 02:03:04' DAY TO SECOND AS i, INTERVAL '1-2' YEAR TO MONTH AS y FROM range(2) ORDER BY id"
    )
    answer = warehouse.execute(sql, format="JSON_ARRAY", disposition="INLINE")
    assert answer["manifest"]["format"] == "JSON_ARRAY"
    assert answer["result"]["data_array"] == [
        [
            i, b, "1.50", "1.0E10", "é", None, "[1,null]", '{"k":1}', '{"x":1}', "2021-01-02T03:04:05.678Z",
            "2021-01-02", "-1 02:03:04.000000000", "1-2",
        ]
        for i, b in (("0", "false"), ("1", "true"))
    ]  # fmt: skip


def test_json_array_through_links(warehouse):
    _, links = _links(
        warehouse,
        "/*lw: chunk_rows=2, links_per_page=2*/ SELECT id FROM range(3)",
        format="JSON_ARRAY",
        disposition="EXTERNAL_LINKS",
    )
    bodies = [json.loads(request("GET", k["external_link"]).body) for k in links]
    assert bodies == [[["0"], ["1"]], [["2"]]]


def test_json_hint_overrides_the_request(warehouse):
    answer = warehouse.execute("/*lw: disposition=json*/ SELECT 1")
    assert answer["result"]["data_array"] == [["1"]]


def test_inline_json_has_a_limit(warehouse):
    sql = "SELECT repeat('x', 1000) FROM range(30000)"
    status = warehouse.error(sql, format="JSON_ARRAY", disposition="INLINE")
    assert "INLINE_BYTE_LIMIT_EXCEEDED" in status["error"]["message"]


# -- limits -----------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("limit", "rows", "truncated"), [(0, 0, True), (1, 1, True), (9, 9, True), (10, 10, False), (11, 10, False)]
)
def test_row_limit(warehouse, limit, rows, truncated):
    answer = warehouse.execute("SELECT id FROM range(10)", row_limit=limit)
    assert answer["manifest"]["truncated"] is truncated
    assert answer["manifest"]["total_row_count"] == rows
    assert warehouse.read(answer).num_rows == rows


def test_row_limit_over_many_chunks(warehouse):
    answer = warehouse.execute("/*lw: chunk_rows=10, inline_max=0*/ SELECT id FROM range(100000)", row_limit=95)
    assert answer["manifest"]["total_chunk_count"] == 10 and answer["manifest"]["truncated"] is True
    assert warehouse.read(answer).num_rows == 95


def test_byte_limit(warehouse):
    answer = warehouse.execute("SELECT id FROM range(100000)", byte_limit=8000)
    assert answer["manifest"]["truncated"] is True
    assert 0 < warehouse.read(answer).num_rows <= 1000


# -- nothing ----------------------------------------------------------------------------------------
@pytest.mark.parametrize("disposition", ["INLINE_OR_EXTERNAL_LINKS", "EXTERNAL_LINKS"])
def test_empty_result_as_the_service_sends_it(warehouse, disposition):
    answer = warehouse.execute("SELECT 1 AS a WHERE 1 = 0", disposition=disposition)
    columns = answer["manifest"]["schema"].pop("columns")
    assert columns[0]["type_text"] == "INT"
    assert answer["manifest"] == {
        "format": "ARROW_STREAM", "schema": {"column_count": 1}, "result_compression": "LZ4_FRAME", "truncated": False,
        "total_chunk_count": 0, "total_row_count": 0, "total_byte_count": 0,
    }  # fmt: skip
    assert answer["result"] == {}
    assert _chunk(warehouse, answer, 0).status == 404


def test_empty_result_variants(warehouse):
    counted = warehouse.execute("/*lw: empty=chunk*/ SELECT 1 AS a WHERE 1 = 0")
    assert counted["manifest"]["total_chunk_count"] == 1 and "attachment" not in counted["result"]
    assert counted["result"]["row_count"] == 0 and _chunk(warehouse, counted, 0).json() == counted["result"]
    attachment = warehouse.execute("/*lw: empty=attachment*/ SELECT 1 AS a WHERE 1 = 0")["result"]["attachment"]
    assert decode(base64.b64decode(attachment), packed=True).schema.names == ["a"]
    assert "manifest" not in warehouse.execute("/*lw: empty=nomanifest*/ SELECT 1 AS a WHERE 1 = 0")
    rows = warehouse.execute("SELECT 1 AS a WHERE 1 = 0", format="JSON_ARRAY", disposition="INLINE")
    assert (rows["manifest"]["total_chunk_count"], rows["result"]["data_array"]) == (1, [])
    sql = "/*lw: empty=nochunk*/ SELECT 1 AS a WHERE 1 = 0"
    none = warehouse.execute(sql, format="JSON_ARRAY", disposition="INLINE")
    assert (none["manifest"]["total_chunk_count"], none["result"]) == (0, {})


def test_ddl_has_no_columns(warehouse):
    answer = warehouse.execute("CREATE SCHEMA IF NOT EXISTS main.ddl_answer")
    assert answer["manifest"]["schema"] == {"column_count": 0} and answer["manifest"]["total_chunk_count"] == 0
    assert answer["result"] == {} and "num_modified_rows" not in answer["status"]


# -- streaming --------------------------------------------------------------------------------------
@pytest.fixture
def patient():
    """A server that counts for as long as it takes, however busy the machine is."""
    with local_warehouse("--count-deadline", "600") as server:
        yield server


def test_a_huge_range_answers_before_it_is_computed(patient):
    warehouse = patient
    answer = warehouse.finished(warehouse.execute("SELECT * FROM range(100000000)"))
    manifest = answer["manifest"]
    assert manifest["total_row_count"] == 100_000_000
    counts = [c["row_count"] for c in manifest["chunks"]]
    assert len(counts) == manifest["total_chunk_count"] and sum(counts) == 100_000_000
    assert [c for c in manifest["chunks"] if "byte_count" not in c], "most chunks do not exist yet"
    link = answer["result"]["external_links"][0]
    first = decode(request("GET", link["external_link"]).body, packed=True)
    assert first.column("id")[first.num_rows - 1].as_py() == link["row_count"] - 1
    later = _chunk(warehouse, answer, 3).json()["external_links"][0]
    table = decode(request("GET", later["external_link"]).body, packed=True)
    assert table.column("id")[0].as_py() == later["row_offset"] == 3 * counts[0]
    warehouse.call("DELETE", f"{STATEMENTS}/{answer['statement_id']}")


def test_a_result_that_cannot_be_counted_succeeds_with_its_totals(warehouse):
    answer = warehouse.execute("/*lw: chunk_rows=1000*/ SELECT id FROM range(100000) WHERE rand() < 0.5")
    manifest = answer["manifest"]
    assert manifest["total_row_count"] == sum(c["row_count"] for c in manifest["chunks"])
    assert manifest["total_byte_count"] == sum(c["byte_count"] for c in manifest["chunks"])
    assert len(manifest["chunks"]) == manifest["total_chunk_count"] > 16
    assert warehouse.read(answer).num_rows == manifest["total_row_count"]


def test_an_uncountable_result_can_be_canceled_while_it_is_computed(warehouse):
    sql = "/*lw: chunk_rows=1000*/ SELECT id, rand() AS r FROM range(1000000000000)"
    answer = warehouse.call("POST", STATEMENTS, execute_body(sql, wait_timeout="0s")).json()
    url = f"{STATEMENTS}/{answer['statement_id']}"
    assert warehouse.call("POST", url + "/cancel").status == 200
    assert warehouse.call("GET", url).json()["status"]["state"] == "CANCELED"


def test_an_endless_result_has_no_totals_but_a_chain(warehouse):
    _reads_an_endless_chain(warehouse, "/*lw: totals=late, chunk_rows=1000*/")
    with local_warehouse("--complete-max-bytes", "100000") as small:
        _reads_an_endless_chain(small, "/*lw: chunk_rows=1000*/")


def _reads_an_endless_chain(warehouse, hint):
    answer = warehouse.execute(f"{hint} SELECT id, rand() AS r FROM range(1000000000000)")
    assert "total_row_count" not in answer["manifest"] and "total_chunk_count" not in answer["manifest"]
    index = 0
    for _ in range(20):
        page = _chunk(warehouse, answer, index).json()["external_links"]
        assert page[0]["row_offset"] == index * 1000
        index = page[-1]["next_chunk_index"]
    assert index >= 20
    assert warehouse.call("DELETE", f"{STATEMENTS}/{answer['statement_id']}").status == 200


def test_an_error_behind_the_first_chunks(warehouse):
    sql = "/*lw: chunk_rows=1000*/ SELECT id, CASE WHEN id = 900000 THEN CAST('x' || id AS INT) ELSE 1 END AS v FROM range(1000000)"
    answer = warehouse.execute(sql)
    assert answer["status"]["state"] == "SUCCEEDED"
    reply = _chunk(warehouse, answer, 950)
    assert reply.status == 400 and "CAST_INVALID_INPUT" in reply.json()["message"]
    status = warehouse.call("GET", f"{STATEMENTS}/{answer['statement_id']}").json()["status"]
    assert (status["state"], status["sql_state"]) == ("FAILED", "22018")


def test_chunks_pushed_out_of_memory_are_read_from_disk():
    from warehouse.results import ChunkStore

    store = ChunkStore(limit_bytes=100)
    for index in range(10):
        store.put("a", index, bytes([index]) * 60)
    assert not store.is_hot("a", 0) and store.is_hot("a", 9)
    assert [store.get("a", i) for i in range(10)] == [bytes([i]) * 60 for i in range(10)]
    store.drop("a")
    assert store.get("a", 0) is None


# -- storage origin ---------------------------------------------------------------------------------
@pytest.fixture
def link(warehouse):
    _, links = _links(warehouse, "/*lw: inline_max=0*/ SELECT id FROM range(1000)")
    return links[0]


def test_storage_refuses_the_workspace_token(link):
    reply = request("GET", link["external_link"], headers={"authorization": "Bearer local"})
    assert reply.status == 400 and b"<Error>" in reply.body


@pytest.mark.parametrize(
    ("header", "status", "first", "last"),
    [
        ("bytes=0-9", 206, 0, 9), ("bytes=5-", 206, 5, None), ("bytes=-7", 206, -7, None),
        ("bytes=0-99999999", 206, 0, None), ("bytes=99999999-", 416, None, None), ("items=0-1", 200, 0, None),
        ("bytes=-", 200, 0, None),
    ],
)  # fmt: skip
def test_storage_honours_ranges(link, header, status, first, last):
    whole = request("GET", link["external_link"]).body
    reply = request("GET", link["external_link"], headers={"range": header})
    assert reply.status == status
    if status != 416:
        assert reply.body == whole[first : None if last is None else last + 1]
    if status == 206:
        assert reply.headers["content-range"].endswith(f"/{len(whole)}")


@pytest.mark.parametrize("change", [("sig=", "sig=0"), ("exp=", "exp=9"), ("/0?", "/1?"), ("?exp", "?x")])
def test_storage_refuses_changed_links(link, change):
    reply = request("GET", link["external_link"].replace(*change))
    assert reply.status == 403 and reply.headers["content-type"].startswith("application/xml")


def test_storage_knows_only_links(warehouse):
    assert request("GET", warehouse.storage_url + "/").status == 404
    assert request("GET", warehouse.storage_url + "/api/2.0/sql/statements").status == 404
    assert request("GET", warehouse.storage_url + "/r/x/0").status == 403


def test_links_die_with_their_statement(warehouse):
    answer, links = _links(warehouse, "/*lw: inline_max=0*/ SELECT 1")
    warehouse.call("DELETE", f"{STATEMENTS}/{answer['statement_id']}")
    assert request("GET", links[0]["external_link"]).status == 404


def test_links_expire_by_the_virtual_clock():
    with local_warehouse("--link-ttl", "60", "--require-link-headers") as server:
        answer, links = _links(server, "/*lw: inline_max=0*/ SELECT 1")
        url, headers = links[0]["external_link"], links[0]["http_headers"]
        assert request("GET", url).status == 403, "the link's headers are required"
        assert request("GET", url, headers=headers).status == 200
        server.advance_clock(61)
        expired = request("GET", url, headers=headers)
        assert expired.status == 403 and b"RequestExpired" in expired.body
        fresh = _chunk(server, answer, 0).json()["external_links"][0]
        assert parse_qs(urlsplit(fresh["external_link"]).query)["exp"] > parse_qs(urlsplit(url).query)["exp"]
        assert request("GET", fresh["external_link"], headers=headers).status == 200


def test_frames_are_plain_ipc_without_compression(warehouse):
    _, links = _links(warehouse, "/*lw: inline_max=0, compression=none*/ SELECT 1")
    body = request("GET", links[0]["external_link"]).body
    assert body[:4] == b"\xff\xff\xff\xff"
    with pytest.raises(RuntimeError):
        lz4.frame.decompress(body)
    assert pa.ipc.open_stream(body).read_all().num_rows == 1
