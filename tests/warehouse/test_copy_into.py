"""COPY INTO: files of a volume become rows of a table, each file once."""

from __future__ import annotations

import gzip
import io
import zlib
from datetime import date, datetime, timezone
from decimal import Decimal

import pyarrow as pa
import pyarrow.orc as orc
import pyarrow.parquet as parquet
import pytest

ROOT = "/Volumes/main/default/e2etests"
COLUMNS = "(id BIGINT, name STRING, day DATE, price DECIMAL(10,2))"


@pytest.fixture
def place(warehouse, request):
    """A table and a folder that only this test has: copy(sql), put(name, bytes), rows()."""
    place = Place(warehouse, f"{request.node.originalname}_{zlib.crc32(request.node.name.encode())}")
    warehouse.execute(f"CREATE TABLE {place.table} {COLUMNS}")
    yield place
    warehouse.execute(f"DROP TABLE {place.table}")


class Place:
    def __init__(self, warehouse, name: str) -> None:
        self.warehouse = warehouse
        self.table = f"main.default.{name}"
        self.folder = f"{ROOT}/{name}"

    def put(self, name: str, data: bytes) -> None:
        path = f"/api/2.0/fs/files{self.folder}/{name}?overwrite=true"
        assert self.warehouse.call("PUT", path, data).status == 204

    def copy(self, rest: str, source: str = "", target: str = "") -> tuple[int, ...]:
        """The counts: affected, inserted, corrupt files."""
        sql = f"COPY INTO {self.table} {target} FROM {source or repr(self.folder)} {rest}"
        answer = self.warehouse.execute(sql)
        assert answer["status"]["state"] == "SUCCEEDED", answer["status"]
        names = [c["name"] for c in answer["manifest"]["schema"]["columns"]]
        assert names == ["num_affected_rows", "num_inserted_rows", "num_skipped_corrupt_files"]
        (counts,) = zip(*(c.to_pylist() for c in self.warehouse.read(answer).columns))
        assert answer["status"]["num_modified_rows"] == counts[0]
        return counts

    def error(self, rest: str, source: str = "", target: str = "") -> str:
        sql = f"COPY INTO {self.table} {target} FROM {source or repr(self.folder)} {rest}"
        return self.warehouse.error(sql)["error"]["message"]

    def rows(self) -> list[tuple]:
        return self.warehouse.rows(f"SELECT * FROM {self.table} ORDER BY id")


def _written(write, **columns) -> bytes:
    sink = io.BytesIO()
    write(pa.table(columns), sink)
    return sink.getvalue()


def _parquet(**columns) -> bytes:
    return _written(parquet.write_table, **columns)


def test_parquet_by_name_and_once(place):
    place.put("a.parquet", _parquet(NAME=["a", None], id=pa.array([1, 2], pa.int32()), day=pa.array([0, 1], pa.date32())))
    assert place.copy("FILEFORMAT = PARQUET") == (2, 2, 0)
    place.put("b.parquet", _parquet(id=[3], price=pa.array([Decimal("1.255")])))
    place.put("_SUCCESS", b"not a data file")
    assert place.copy("FILEFORMAT = PARQUET") == (1, 1, 0), "a was loaded before"
    assert place.copy("FILEFORMAT = PARQUET") == (0, 0, 0)
    assert place.rows() == [
        (1, "a", date(1970, 1, 1), None), (2, None, date(1970, 1, 2), None), (3, None, None, Decimal("1.26")),
    ]  # fmt: skip
    assert place.copy("FILEFORMAT = PARQUET COPY_OPTIONS ('force' = 'true')") == (3, 3, 0)


@pytest.mark.parametrize("kind", ["uint8", "uint64", "timestamp", "dictionary", "large_string", "nested"])
def test_arrow_types_of_parquet_files(warehouse, kind):
    moment = datetime(2024, 5, 6, 7, 8, 9, tzinfo=timezone.utc)
    array, declared, want = {
        "uint8": (pa.array([255], pa.uint8()), "SMALLINT", 255),
        "uint64": (pa.array([2**64 - 1], pa.uint64()), "DECIMAL(20,0)", Decimal(2**64 - 1)),
        "timestamp": (pa.array([moment], pa.timestamp("ns", "Europe/Berlin")), "TIMESTAMP", moment),
        "dictionary": (pa.array(["x"]).dictionary_encode(), "STRING", "x"),
        "large_string": (pa.array(["x"], pa.large_string()), "STRING", "x"),
        "nested": (pa.array([{"a": [1, 2]}]), "STRUCT<a: ARRAY<BIGINT>>", {"a": [1, 2]}),
    }[kind]
    place = Place(warehouse, f"arrow_{kind}")
    warehouse.execute(f"CREATE OR REPLACE TABLE {place.table} (id {declared})")
    place.put("a.parquet", _parquet(id=array))
    place.copy("FILEFORMAT = PARQUET")
    assert place.rows() == [(want,)]


def test_csv_with_header(place):
    place.put("a.csv", b'\xef\xbb\xbfid,name,day,price\n1,"q ""x"" \\"y\\", z",2020-01-31,1.255\n2,"",,\n3\n')
    assert place.copy("FILEFORMAT = CSV FORMAT_OPTIONS ('header' = 'true')") == (3, 3, 0)
    assert place.rows() == [
        (1, 'q "x" "y", z', date(2020, 1, 31), Decimal("1.26")), (2, "", None, None), (3, None, None, None),
    ]  # fmt: skip


def test_csv_by_position(place):
    place.put("a.txt.gz", gzip.compress(b"1|NA|2020-01-01|5\n"))
    options = "FORMAT_OPTIONS ('sep' = '|', 'nullValue' = 'NA')"
    assert place.copy(f"FILEFORMAT = CSV {options}", target="BY POSITION") == (1, 1, 0)
    place.put("b.csv", b'"two\nlines",2\n')
    assert place.copy("FILEFORMAT = CSV FILES = ('b.csv') FORMAT_OPTIONS (multiLine = true)", target="(name, id)") == (1, 1, 0)
    assert place.rows() == [(1, None, date(2020, 1, 1), Decimal("5.00")), (2, "two\nlines", None, None)]
    place.put("c.csv", b"1,2,3\n")
    assert "INSERT_COLUMN_ARITY_MISMATCH" in place.error("FILEFORMAT = CSV FILES = ('c.csv')", target="BY POSITION")
    assert "by position" in place.error("FILEFORMAT = JSON", target="BY POSITION")


@pytest.mark.parametrize(
    ("mode", "want"), [("PERMISSIVE", [(1, "a"), (2, None), (3, "c")]), ("DROPMALFORMED", [(1, "a")]), ("FAILFAST", None)]
)
def test_records_of_the_wrong_length(place, mode, want):
    place.put("a.csv", b"id,name\n1,a\n2\n3,c,d\n")
    clauses = f"FILEFORMAT = CSV FORMAT_OPTIONS ('header' = 'true', 'mode' = '{mode}')"
    if want is None:
        message = place.error(clauses)
        assert "FAILED_READ_FILE" in message and "Expected 2 columns, got 1" in message
    else:
        place.copy(clauses)
        assert [row[:2] for row in place.rows()] == want


def test_json_lines_and_documents(place):
    place.put("a.json", b'{"id": 1, "name": "x", "price": 2.5}\n\n{"id": 2, "day": "2021-02-03"}\n')
    assert place.copy("FILEFORMAT = JSON") == (2, 2, 0)
    place.put("doc/b.json", b'[\n {"id": 3,\n  "name": {"a": 1}}, {"id": 4, "name": "text"}]')
    clauses = "FILEFORMAT = JSON PATTERN = 'doc/*.js{on,x}' FORMAT_OPTIONS ('multiLine' = 'true')"
    assert place.copy(clauses) == (2, 2, 0)
    assert place.rows() == [
        (1, "x", None, Decimal("2.50")), (2, None, date(2021, 2, 3), None), (3, '{"a": 1}', None, None),
        (4, "text", None, None),
    ]  # fmt: skip
    place.put("c.json", b'{"id": ')
    assert "a record is not a JSON object" in place.error("FILEFORMAT = JSON")
    assert place.copy("FILEFORMAT = JSON FORMAT_OPTIONS ('ignoreCorruptFiles' = 'true')") == (0, 0, 1)


def test_a_query_over_the_files(place):
    place.put("a.json", b'{"n": "1", "s": {"deep": "x"}}\n{"n": "2", "s": null}\n')
    source = f"(SELECT n::BIGINT * 10 AS id, upper(s.deep) AS name FROM '{place.folder}' WITH (CREDENTIAL none) WHERE n > (SELECT 0))"
    assert place.copy("FILEFORMAT = JSON", source=source) == (2, 2, 0)
    assert [row[:2] for row in place.rows()] == [(10, "X"), (20, None)]


def test_orc_text_and_binary_files(warehouse, place):
    place.put("a.orc", _written(orc.write_table, id=[7]))
    assert place.copy("FILEFORMAT = ORC PATTERN = '*.orc'") == (1, 1, 0)
    place.put("b.txt", b"one\ntwo\n")
    source = f"(SELECT length(value) AS id, value AS name FROM '{place.folder}/b.txt')"
    assert place.copy("FILEFORMAT = TEXT", source=source) == (2, 2, 0)
    source = f"(SELECT length AS id, path AS name FROM '{place.folder}')"
    assert place.copy("FILEFORMAT = BINARYFILE FILES = ('b.txt') COPY_OPTIONS ('force' = 'true')", source=source) == (1, 1, 0)
    assert (8, f"{place.folder}/b.txt") in [row[:2] for row in place.rows()]


def test_new_columns(warehouse, place):
    place.put("a.json", b'{"id": 1, "extra": [1, 2]}')
    message = place.error("FILEFORMAT = JSON")
    assert "COPY_INTO_SCHEMA_MISMATCH_WITH_TARGET_TABLE" in message and "extra" in message
    merge = "COPY_OPTIONS ('mergeSchema' = 'true')"
    assert place.copy(f"FILEFORMAT = JSON {merge}") == (1, 1, 0)
    assert place.rows() == [(1, None, None, None, [1, 2])]
    warehouse.execute(f"CREATE OR REPLACE TABLE {place.table}")
    assert "DELTA_READ_TABLE_WITHOUT_COLUMNS" in warehouse.error(f"SELECT * FROM {place.table}")["error"]["message"]
    assert place.copy(f"FILEFORMAT = JSON {merge}") == (1, 1, 0), "a new table has loaded nothing"
    assert warehouse.rows(f"SELECT id, extra FROM {place.table}") == [(1, [1, 2])]


def test_validate_loads_nothing(warehouse, place):
    place.put("a.csv", b"id\n1\n2\n3\n")
    sql = f"COPY INTO {place.table} FROM '{place.folder}' FILEFORMAT = CSV VALIDATE %s FORMAT_OPTIONS ('header' = 'true')"
    assert warehouse.rows(sql % "2 ROWS") == [("1",), ("2",)]
    assert len(warehouse.rows(sql % "ALL")) == 3
    assert place.rows() == []


def test_a_file_that_fails_can_be_loaded_later(place):
    place.put("a.csv", b"id,day\n1,never\n")
    header = "FILEFORMAT = CSV FORMAT_OPTIONS ('header' = 'true')"
    assert "CAST_INVALID_INPUT" in place.error(header)
    place.put("a.csv", b"id,day\n1,2020-01-01\n")
    assert place.copy(header) == (1, 1, 0)


@pytest.mark.parametrize(
    ("clauses", "text"),
    [
        ("FILEFORMAT = AVRO", "COPY_INTO_SOURCE_FILE_FORMAT_NOT_SUPPORTED"),
        ("FILEFORMAT = PARQUET FILES = ('no')", "PATH_NOT_FOUND"),
        ("FILEFORMAT = PARQUET", "FAILED_READ_FILE"),
        ("FILEFORMAT = CSV FORMAT_OPTIONS ('dateFormat' = 'dd.MM.yyyy')", "no format option dateformat"),
        ("FILEFORMAT = CSV FORMAT_OPTIONS ('sep' = '||')", "one character"),
        ("FILEFORMAT = CSV FORMAT_OPTIONS ('encoding' = 'klingon')", "unknown encoding klingon"),
        ("FILEFORMAT = CSV FORMAT_OPTIONS ('header')", "PARSE_SYNTAX_ERROR"),
        ("FILEFORMAT = CSV FORMAT_OPTIONS ('header' = )", "PARSE_SYNTAX_ERROR"),
        ("FILEFORMAT = CSV NONSENSE", "PARSE_SYNTAX_ERROR"),
        ("", "PARSE_SYNTAX_ERROR"),
    ],
)  # fmt: skip
def test_errors(place, clauses, text):
    place.put("a", b"no parquet")
    assert text in place.error(clauses)
    assert place.rows() == []


@pytest.mark.parametrize(
    ("source", "text"),
    [
        (f"'{ROOT}/nothing-here'", "PATH_NOT_FOUND"),
        ("'/etc/passwd'", "INVALID_STAGING_PATH"),
        ("'/Volumes/main/default/nosuch/x'", "RESOURCE_NOT_FOUND"),
        ("(SELECT 1)", "PARSE_SYNTAX_ERROR"),
        (f"(SELECT * FROM '{ROOT}'", "PARSE_SYNTAX_ERROR"),
    ],
)
def test_wrong_sources(place, source, text):
    assert text in place.error("FILEFORMAT = CSV", source=source)


def test_the_target_is_a_table(warehouse):
    rest = f"FROM '{ROOT}' FILEFORMAT = CSV"
    assert "TABLE_OR_VIEW_NOT_FOUND" in warehouse.error(f"COPY INTO nosuch {rest}")["error"]["message"]
    warehouse.execute("CREATE OR REPLACE VIEW copy_view AS SELECT 1 AS a")
    assert "EXPECT_TABLE_NOT_VIEW" in warehouse.error(f"COPY INTO copy_view {rest}")["error"]["message"]


def test_effects_count_it(warehouse, place):
    place.put("a.csv", b"id\n1\n")
    sql = f"COPY INTO {place.table} FROM '{place.folder}' FILEFORMAT = CSV FORMAT_OPTIONS ('header' = 'true')"
    warehouse.execute(sql), warehouse.execute(sql)
    assert warehouse.effects()[sql] == 1, "the second one had nothing to do"
