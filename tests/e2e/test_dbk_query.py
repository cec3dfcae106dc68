"""dbk query: formats, parameters, several statements, files, streaming."""

import base64
import csv
import hashlib
import io
import json
import os
import subprocess
import threading
import time

import duckdb
import pyarrow as pa
import pytest

from cli_helpers import DBK, SANITIZED, clean_environment, connection, dbk, run_dbk, server  # noqa: F401

EVERY_TYPE = """SELECT true AS bool, cast(-128 AS TINYINT) AS i8, cast(32767 AS SMALLINT) AS i16,
  cast(-2147483648 AS INT) AS i32, cast(9223372036854775807 AS BIGINT) AS i64,
  cast(0.1 AS FLOAT) AS f32, cast(1e300 AS DOUBLE) AS f64,
  cast('-12345678901234567890123456.789012345678' AS DECIMAL(38, 12)) AS big,
  cast('0.10' AS DECIMAL(10, 2)) AS amount, 'it\\'s "x", y' AS text, '' AS empty,
  unhex('00FF7F') AS bytes, DATE'0001-01-01' AS first, DATE'9999-12-31' AS last,
  TIMESTAMP'2026-01-31 12:00:00.5' AS at, TIMESTAMP_NTZ'2026-01-31 12:00:00' AS ntz,
  INTERVAL '1-2' YEAR TO MONTH AS ym, INTERVAL '1 02:03:04' DAY TO SECOND AS ds,
  array(1, NULL, 3) AS list, map('k', 1.5) AS m, named_struct('a', 1, 'b', 'x') AS s,
  cast(NULL AS STRING) AS nothing, cast('NaN' AS DOUBLE) AS nan"""


def test_default_format_is_csv_when_piped(dbk):
    assert dbk("SELECT 1 AS a, 'x' AS b", check=0).text == "a,b\n1,x\n"


def test_csv_of_every_type(dbk):
    ran = dbk(EVERY_TYPE, check=0)
    names, row = list(csv.reader(io.StringIO(ran.text)))
    cells = dict(zip(names, row))
    assert cells["bool"] == "true"
    assert [cells[n] for n in ("i8", "i16", "i32", "i64")] == ["-128", "32767", "-2147483648", "9223372036854775807"]
    assert (cells["f32"], cells["f64"], cells["nan"]) == ("0.1", "1e+300", "NaN")
    assert cells["big"] == "-12345678901234567890123456.789012345678"
    assert cells["amount"] == "0.10"
    assert cells["text"] == 'it\'s "x", y'
    assert cells["bytes"] == "00FF7F"
    assert (cells["first"], cells["last"]) == ("0001-01-01", "9999-12-31")
    assert (cells["at"], cells["ntz"]) == ("2026-01-31 12:00:00.5", "2026-01-31 12:00:00")
    assert cells["ym"] == "1-2" and cells["ds"].startswith("1 02:03:04")
    assert json.loads(cells["list"]) == [1, None, 3]
    assert json.loads(cells["s"]) == {"a": 1, "b": "x"}
    assert (cells["nothing"], cells["empty"]) == ("", "")
    assert ',"",' in ran.text  # an empty string is not NULL


def test_json_of_every_type(dbk):
    ran = dbk(EVERY_TYPE, "--format", "json", check=0)
    (row,) = json.loads(ran.text, parse_float=str)
    assert row["i64"] == 9223372036854775807
    assert row["big"] == "-12345678901234567890123456.789012345678"  # all digits are in the text
    assert row["amount"] == "0.10"
    assert base64.b64decode(row["bytes"]) == b"\x00\xff\x7f"
    assert (row["at"], row["ntz"]) == ("2026-01-31T12:00:00.5Z", "2026-01-31T12:00:00")
    assert row["list"] == [1, None, 3] and row["s"] == {"a": 1, "b": "x"} and set(row["m"]) == {"k"}
    assert row["nothing"] is None and row["empty"] == "" and row["nan"] == "NaN"
    assert list(row) == list(dict.fromkeys(row)) and len(row) == 23


def test_jsonl_is_one_object_per_line(dbk):
    ran = dbk("SELECT id, repeat('\\n', 2) AS s FROM range(3)", "--format", "jsonl", check=0)
    assert [json.loads(line) for line in ran.lines()] == [{"id": i, "s": "\n\n"} for i in range(3)]


def test_empty_results(dbk):
    sql = "SELECT 1 AS a, 'x' AS b WHERE false"
    assert dbk(sql, check=0).text == "a,b\n"
    assert dbk(sql, "--format", "json", check=0).text == "[]\n"
    assert dbk(sql, "--format", "jsonl", check=0).text == ""
    table = dbk(sql, "--format", "table", check=0)
    assert table.lines() == [" a | b", "---+---"] and table.err.startswith("0 rows in ")


def test_arrow_is_an_ipc_stream(dbk):
    ran = dbk("SELECT id, id * 2 AS d, array(id) AS l FROM range(1000)", "--format", "arrow", check=0)
    table = pa.ipc.open_stream(ran.out).read_all()
    assert table.num_rows == 1000
    assert table["d"].to_pylist() == [2 * i for i in range(1000)]
    assert pa.types.is_list(table.schema.field("l").type)


def test_table(dbk):
    ran = dbk("SELECT 1 AS n, 'a\tb' AS s UNION ALL SELECT 22, NULL ORDER BY n", "--format", "table", check=0)
    assert ran.lines() == ["  n | s", "----+------", "  1 | a\\tb", " 22 | NULL"]
    assert ran.err.startswith("2 rows in ")
    assert "\x1b" not in ran.text + ran.err


def test_table_options(dbk):
    sql = "SELECT repeat('x', 200) AS s"
    assert dbk(sql, "--format", "table", "--no-header", check=0).lines() == [" " + "x" * 59 + "…"]
    assert dbk(sql, "--format", "table", "--max-width", "5", check=0).lines()[2] == " xxxx…"
    quiet = dbk(sql, "--format", "table", "--max-width", "0", "-q", check=0)
    assert quiet.lines()[2] == " " + "x" * 200 and quiet.err == ""


def test_statements_without_rows_say_what_they_did(dbk):
    ran = dbk(
        "CREATE TABLE cli_t (a INT); INSERT INTO cli_t VALUES (1), (2), (3); UPDATE cli_t SET a = 0 WHERE a = 1;"
        "SELECT count(*) AS n FROM cli_t; DROP TABLE cli_t",
        "--format", "table", check=0,
    )  # fmt: skip
    said = [line.split(" in ")[0] for line in ran.err.splitlines()]
    assert said == ["OK", "3 rows changed", "1 row changed", "1 row", "OK"]
    assert ran.lines() == [" n", "---", " 3"]


def test_csv_options(dbk):
    sql = "SELECT 'NA' AS a, cast(NULL AS INT) AS b"
    assert dbk(sql, "--null", "NA", check=0).text == 'a,b\n"NA",NA\n'
    assert dbk(sql, "--no-header", check=0).text == "NA,\n"


# ---- parameters ----


def test_named_parameters(dbk):
    ran = dbk(
        "SELECT :s AS s, :n + 1 AS n, :d AS d, :gone IS NULL AS gone",
        "-p", "s=it's; -- ${x}", "-p", "n:INT=41", "--param", "d:DATE=2024-02-29", "-p", "gone:INT", "--format", "json",
        check=0,
    )  # fmt: skip
    assert json.loads(ran.text) == [{"s": "it's; -- ${x}", "n": 42, "d": "2024-02-29", "gone": True}]


def test_positional_parameters(dbk):
    ran = dbk("SELECT ? AS a, ? AS b", "-p", "=x=y", "-p", ":DECIMAL(10,2)=1.5", check=0)
    assert ran.text == "a,b\nx=y,1.50\n"


# ---- several statements, files ----


def test_statements_run_in_one_session_and_stop_at_an_error(dbk, server):
    mark = server.journal_mark()
    ran = dbk("SELECT ';' AS a; SELECT 2 AS b", "SELECT * FROM missing_table; SELECT 4 AS d", check=1)
    assert ran.text == "a\n;\nb\n2\n"
    assert "in statement 3 of 4" in ran.err and "d" not in ran.text.split()
    requests = [(e["method"], e["path"]) for e in server.journal(mark) if e["path"].startswith("/api/")]
    sessions = [r for r in requests if r == ("POST", "/api/2.0/sql/sessions")]
    assert len(sessions) == 1
    assert len([r for r in requests if r == ("POST", "/api/2.0/sql/statements")]) == 3


def test_sql_from_a_file_and_from_standard_input(dbk, tmp_path):
    script = tmp_path / "q.sql"
    script.write_text("\ufeff-- two statements; really\nSELECT 1 AS a;\n\nSELECT nope")
    ran = dbk("--file", str(script), check=1)
    assert ran.text == "a\n1\n"
    assert f"in statement 2 of 2, {script} line 4" in ran.err
    assert dbk("-f", "-", stdin=b"SELECT 7 AS seven;", check=0).text == "seven\n7\n"


def test_session_settings(dbk):
    ran = dbk("SELECT count(*) AS n FROM nation", "--catalog", "samples", "--schema", "tpch", check=0)
    assert ran.text == "n\n25\n"
    zone = dbk("SELECT TIMESTAMP'2026-07-01 12:00:00' AS t", "--conf", "TIMEZONE=Europe/Amsterdam", check=0)
    assert zone.text == "t\n2026-07-01 10:00:00Z\n"


def test_row_limit(dbk):
    ran = dbk("SELECT id FROM range(100)", "--row-limit", "3", check=0)
    assert ran.lines() == ["id", "0", "1", "2"]
    assert ran.err == "note: cut by --row-limit\n"


def test_timing(dbk):
    ran = dbk("SELECT 1 AS a", "--timing", check=0)
    assert ran.err.startswith("time: ") and "query id " in ran.err


# ---- output ----


def test_output_file_appears_when_complete(dbk, tmp_path):
    target = tmp_path / "rows.csv"
    assert dbk("SELECT 1 AS a", "-o", str(target), check=0).out == b""
    assert target.read_text() == "a\n1\n"
    dbk("SELECT 2 AS a; SELECT nope", "-o", str(target), check=1)
    assert target.read_text() == "a\n1\n"  # as before
    assert os.listdir(tmp_path) == ["rows.csv"]


def test_a_reader_that_leaves_is_no_error(server):
    with subprocess.Popen(
        [DBK, "query", "SELECT id FROM range(50000000)", "--format", "csv"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=clean_environment(connection(server)),
    ) as process:  # fmt: skip
        assert process.stdout.readline() == b"id\n"
        process.stdout.close()
        assert process.wait(timeout=60) == 0
        assert process.stderr.read() == b""


def test_a_full_disk_is_an_error(dbk):
    ran = dbk("SELECT id FROM range(100000)", "-o", "/dev/full", check=4)
    assert "cannot write /dev/full: No space left on device" in ran.err


# ---- streaming ----


class Peak(threading.Thread):
    """The peak memory of a process by its own high-water mark, which getrusage mixes with its parent's."""

    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self.path, self.kib = f"/proc/{pid}/status", 0

    def run(self) -> None:
        while True:
            try:
                with open(self.path) as status:
                    lines = [line for line in status if line.startswith("VmHWM:")]
            except OSError:
                return
            if not lines:  # ended, not yet waited for
                return
            self.kib = max(self.kib, int(lines[0].split()[1]))
            time.sleep(0.01)


def test_five_million_rows_in_constant_memory(server, tmp_path):
    sql = "SELECT id, cast(id AS string) s FROM range(5000000)"
    expected = tmp_path / "expected.csv"
    duckdb.sql("SELECT range AS id, range::VARCHAR AS s FROM range(5000000)").write_csv(str(expected), header=True)
    digest, lines = hashlib.sha256(), 0
    with subprocess.Popen(
        [DBK, "query", sql, "--format", "csv"], stdout=subprocess.PIPE, env=clean_environment(connection(server))
    ) as process:
        peak = Peak(process.pid)
        peak.start()
        while block := process.stdout.read(1 << 20):
            digest.update(block)
            lines += block.count(b"\n")
        assert process.wait() == 0
    peak.join(5)
    assert lines == 5_000_001
    assert digest.hexdigest() == hashlib.sha256(expected.read_bytes()).hexdigest()
    if not SANITIZED:
        assert 0 < peak.kib < 150 * 1024, f"{peak.kib} KiB"


def test_help_and_version():
    assert "exit codes:" in run_dbk("--help", check=0).text
    assert "--row-limit" in run_dbk("query", "--help", check=0).text
    assert run_dbk("--version", check=0).text.startswith("dbk ")
    assert "usage:" in run_dbk(check=2).err


@pytest.mark.parametrize("sql", ["SELECT 1 AS a", "SELECT * FROM range(300000)"])
def test_no_request_follows_the_close_of_the_session(dbk, server, sql):
    mark = server.journal_mark()
    dbk(sql, check=0)
    calls = [(e["method"], e["path"]) for e in server.journal(mark) if e["path"].startswith("/api/2.0/sql/sessions")]
    assert [method for method, _ in calls] == ["POST", "DELETE"]
