"""dbk query --trace and --trace-file."""

import json
import re

from cli_helpers import dbk, server  # noqa: F401

LINE = re.compile(r" *[0-9.]+ ms +[0-9.]+ ms \[[ =x]{30}\] +(.*)")
CHUNKED = "/*lw: chunk_rows=1000, inline_max=0, pending=2*/ SELECT id, 'secret_literal' AS t FROM range(3000)"


def lines(err: str) -> list[str]:
    return [found[1] for found in map(LINE.fullmatch, err.splitlines()) if found]


def test_a_timeline_names_requests_waits_and_chunks(dbk):
    ran = dbk(CHUNKED, "--trace", check=0)
    told = lines(ran.err)
    assert any(line.startswith("EXECUTE_STATEMENT, EXTERNAL_LINKS") and "3 chunks" in line for line in told)
    assert any(line == "POST /api/2.0/sql/statements, HTTP 200" for line in told)
    assert sum(line.startswith("GET /api/2.0/sql/statements/") for line in told) >= 2
    assert any(line == "wait: poll" for line in told)
    assert {line.split(" from ")[0] for line in told if " from " in line} == {"chunk 0", "chunk 1", "chunk 2"}
    assert "secret_literal" not in ran.err


def test_a_failure_and_a_retry_are_shown(dbk, server):
    server.fault("stmt.execute#1:status(429)")
    try:
        told = lines(dbk("SELECT * FROM there_is_no_such_table", "--trace", check=1).err)
    finally:
        server.clear_faults()
    assert "POST /api/2.0/sql/statements, HTTP 429" in told
    assert any(line == "wait: retry" for line in told)
    assert any(line.startswith("POST /api/2.0/sql/statements, attempt 2, HTTP 200") for line in told)
    assert any(re.fullmatch(r"EXECUTE_STATEMENT.*, SqlError 42P01", line) for line in told)


def test_the_file_is_a_trace_of_the_whole_session(dbk, tmp_path):
    file = tmp_path / "trace.json"
    ran = dbk(CHUNKED, "SELECT 1", "--trace-file", str(file), check=0)
    assert ran.err == "" or lines(ran.err) == []
    events = json.loads(file.read_text())["traceEvents"]
    assert all(e["ph"] == "X" and e["pid"] == 1 and e["ts"] > 0 and e["dur"] >= 0 for e in events)
    kinds = [e["cat"] for e in events]
    assert kinds.count("databricks.statement") == 2 and kinds.count("databricks.chunk.download") == 3
    assert kinds.count("databricks.session.open") == kinds.count("databricks.session.close") == 1
    (statement, _) = [e for e in events if e["cat"] == "databricks.statement"]
    for download in (e for e in events if e["cat"] == "databricks.chunk.download"):
        assert statement["ts"] <= download["ts"] and download["args"]["databricks.chunk.rows"] == 1000
        assert download["args"]["databricks.statement.id"] == statement["args"]["databricks.statement.id"]
    assert "secret_literal" not in file.read_text()


def test_a_file_that_cannot_be_written(dbk, tmp_path):
    ran = dbk("SELECT 1", "--trace-file", str(tmp_path / "no" / "such"), check=4)
    assert "cannot write" in ran.err
