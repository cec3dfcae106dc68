"""Apache Spark as the engine: one that the warehouse starts, and one that runs already (``--spark-remote``).

Runs where `make spark` was run and Java 17 is; elsewhere it is skipped and says so.
"""

from __future__ import annotations

import importlib.util
import re
import shutil
import subprocess
import sys
from decimal import Decimal

import pytest

from warehouse.testing import SPARK_START_TIMEOUT_S, local_warehouse


def _missing() -> str:
    if importlib.util.find_spec("pyspark") is None:
        return "pyspark is not installed: make spark"
    if shutil.which("java") is None:
        return "Java is not installed: Spark needs version 17 or later"
    said = subprocess.run(["java", "-version"], capture_output=True, text=True, check=False).stderr
    version = re.search(r'version "(\d+)', said)
    return "" if version and int(version[1]) >= 17 else f"Spark needs Java 17 or later, found: {said.splitlines()[0]}"


REASON = _missing()
pytestmark = [pytest.mark.skipif(bool(REASON), reason=REASON), pytest.mark.timeout(SPARK_START_TIMEOUT_S + 120)]


@pytest.fixture(scope="module")
def own():
    """The warehouse with a Spark of its own."""
    with local_warehouse("--engine", "spark") as server:
        yield server


@pytest.fixture(scope="module")
def remote():
    """A Spark that somebody has started, and a warehouse in front of it."""
    from warehouse.engine.spark_server import LocalSpark

    spark = LocalSpark()
    try:
        with local_warehouse("--engine", "spark", "--spark-remote", spark.url) as server:
            yield server
    finally:
        spark.close()


@pytest.fixture(params=["own", "remote"])
def spark(request):
    return request.getfixturevalue(request.param)


def test_types_and_parameters(spark):
    sql = "SELECT CAST(1.50 AS DECIMAL(10,2)) AS d, :p AS p, array(1, 2) AS a, INTERVAL '1' DAY AS i"
    answer = spark.finished(spark.execute(sql, parameters=[{"name": "p", "type": "INT", "value": "7"}]))
    assert answer["status"]["state"] == "SUCCEEDED", answer["status"]
    texts = [c["type_text"] for c in answer["manifest"]["schema"]["columns"]]
    assert texts == ["DECIMAL(10,2)", "INT", "ARRAY<INT>", "INTERVAL DAY"]
    assert spark.read(answer).to_pylist()[0]["d"] == Decimal("1.50")


def test_a_result_of_many_chunks(spark):
    rows = spark.rows("/*lw: chunk_rows=1000, inline_max=0*/ SELECT id FROM range(10000)")
    assert sorted(rows) == [(i,) for i in range(10000)]


def test_errors_are_sparks_own(spark):
    status = spark.error("SELECT * FROM nosuch")
    assert status["sql_state"] == "42P01" and "TABLE_OR_VIEW_NOT_FOUND" in status["error"]["message"]
    assert spark.error("SELECT 1/0")["sql_state"] == "22012"


def test_tables_and_counts(spark):
    session = spark.session()
    spark.finished(spark.execute("DROP TABLE IF EXISTS counted", session))
    spark.finished(spark.execute("CREATE TABLE counted (a INT, b STRING)", session))
    assert spark.rows("INSERT INTO counted VALUES (1, 'x'), (2, 'y')", session) == [(2, 2)]
    assert spark.rows("SELECT * FROM counted ORDER BY a", session) == [(1, "x"), (2, "y")]
    assert ("counted" in [row[1] for row in spark.rows("SHOW TABLES", session)])
    spark.finished(spark.execute("DROP TABLE counted", session))


def test_cancel(spark):
    answer = spark.execute("SELECT count(*) FROM range(1000000000000) WHERE rand() < 0.5", wait_timeout="0s")
    path = f"/api/2.0/sql/statements/{answer['statement_id']}"
    assert spark.call("POST", f"{path}/cancel").status == 200
    assert spark.call("GET", path).json()["status"]["state"] == "CANCELED"


def test_copy_into(spark):
    """The files of a volume, each once; columns by name and by position, cast to the table's types."""
    session, place = spark.session(), "/Volumes/main/default/e2etests/spark"
    files = {"a.csv": b"a,b\n1,x\n2,\n", "json/b.json": b'{"a": 3, "c": 4.5}\n', "plain/c.csv": b"7,seven\n"}
    for name, text in files.items():
        assert spark.call("PUT", f"/api/2.0/fs/files{place}/{name}", text).status < 300

    def copy(text):
        return spark.rows(f"COPY INTO copied {text}", session)

    for sql in ("DROP TABLE IF EXISTS copied", "CREATE TABLE copied (a INT, b STRING)"):
        assert spark.finished(spark.execute(sql, session))["status"]["state"] == "SUCCEEDED"
    csv, header = f"FROM '{place}' FILEFORMAT = CSV", "FORMAT_OPTIONS ('header' = 'true')"
    assert copy(f"{csv} VALIDATE 1 ROWS {header}") == [("1", "x")]
    assert copy(f"{csv} {header}") == [(2, 2, 0)]
    assert copy(f"{csv} {header}") == [(0, 0, 0)]
    assert copy(f"{csv} {header} COPY_OPTIONS ('force' = 'true')") == [(2, 2, 0)]
    assert copy(f"(a, b) FROM '{place}/plain' FILEFORMAT = CSV") == [(1, 1, 0)]
    json = f"'{place}/json'"
    assert "mergeSchema" in spark.error(f"COPY INTO copied FROM {json} FILEFORMAT = JSON", session)["error"]["message"]
    assert copy(f"FROM {json} FILEFORMAT = JSON COPY_OPTIONS ('mergeSchema' = 'true')") == [(1, 1, 0)]
    again = f"FROM (SELECT a * 10 AS a FROM {json}) FILEFORMAT = JSON COPY_OPTIONS ('force' = 'true')"
    assert copy(again) == [(1, 1, 0)]
    assert spark.rows("SELECT a, b, CAST(c AS STRING) FROM copied ORDER BY a", session) == [
        (1, "x", None), (1, "x", None), (2, None, None), (2, None, None), (3, None, "4.5"), (7, "seven", None), (30, None, None),
    ]  # fmt: skip
    assert spark.error(f"COPY INTO nosuch FROM {json} FILEFORMAT = JSON", session)["sql_state"] == "42P01"
    spark.finished(spark.execute("DROP TABLE copied", session))


def test_names_of_an_own_spark(own):
    assert ("samples",) in own.rows("SHOW CATALOGS")
    assert own.rows("SELECT count(*) FROM samples.tpch.region") == [(5,)]
    columns = own.rows("SHOW COLUMNS IN CATALOG samples SCHEMA LIKE 'tpch' TABLE LIKE 'region'")
    assert [row[0] for row in columns] == ["r_regionkey", "r_name", "r_comment"]


def test_names_of_a_remote_spark(remote):
    """Catalogs and schemas are those of the server."""
    assert remote.rows("SHOW CATALOGS") == [("spark_catalog",)]
    assert remote.rows("SELECT current_catalog(), current_schema()") == [("spark_catalog", "default")]
    session = remote.session(catalog="spark_catalog", schema="default")
    remote.finished(remote.execute("CREATE SCHEMA IF NOT EXISTS theirs", session))
    assert ("theirs",) in remote.rows("SHOW SCHEMAS IN spark_catalog", session)
    assert "configured there" in remote.error("CREATE CATALOG x", session)["error"]["message"]
    remote.finished(remote.execute("DROP SCHEMA theirs CASCADE", session))


def test_a_remote_spark_that_is_not_there():
    command = [sys.executable, "-m", "warehouse", "--engine", "spark", "--spark-remote", "sc://127.0.0.1:1"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=SPARK_START_TIMEOUT_S, check=False)
    assert done.returncode == 2
    assert "127.0.0.1:1" in done.stderr and "Traceback" not in done.stderr
