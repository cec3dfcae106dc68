"""Results in pieces: made by one process, read by others with nothing but the descriptors."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from pathlib import Path

import adbc_driver_manager as manager
import pyarrow as pa
import pytest
from adbc_env import DRIVER, options

HERE = Path(__file__).resolve().parent
TEN = "/*lw: chunk_rows=100, links_per_page=2, disposition=external*/ SELECT id FROM range(950)"

READER = """
import json, sys
import adbc_driver_manager as manager, pyarrow as pa
job = json.load(sys.stdin)
ids = []
with manager.AdbcDatabase(driver=job["driver"], **job["options"]) as database:
    with manager.AdbcConnection(database) as connection:
        for partition in job["partitions"]:
            handle = connection.read_partition(bytes.fromhex(partition))
            ids += pa.RecordBatchReader._import_from_c(handle.address).read_all().column("id").to_pylist()
json.dump(ids, sys.stdout)
"""


def split(statement, sql) -> tuple[list[bytes], pa.Schema]:
    statement.set_sql_query(sql)
    partitions, schema, rows = statement.execute_partitions()
    assert rows == -1
    return partitions, pa.Schema._import_from_c(schema.address)


def read(connection, partition) -> pa.Table:
    handle = connection.read_partition(partition)
    return pa.RecordBatchReader._import_from_c(handle.address).read_all()


def test_four_processes_read_one_result(statement, warehouse):
    partitions, schema = split(statement, TEN)
    assert len(partitions) == 10 and schema.names == ["id"]
    given = options(warehouse)
    jobs = [
        {"driver": str(DRIVER), "options": given, "partitions": [p.hex() for p in partitions[n::4]]} for n in range(4)
    ]
    readers = [
        subprocess.Popen([sys.executable, "-c", READER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for _ in jobs
    ]
    for reader, job in zip(readers, jobs):
        reader.stdin.write(json.dumps(job))
        reader.stdin.close()
        reader.stdin = None
    parts = [json.loads(reader.communicate(timeout=60)[0]) for reader in readers]
    assert [len(part) for part in parts] == [300, 250, 200, 200]
    assert sorted(sum(parts, [])) == list(range(950))


def test_no_secret_in_a_descriptor(warehouse, connection):
    with manager.AdbcStatement(connection) as statement:
        partitions, _ = split(statement, TEN)
    for partition in partitions:
        assert warehouse.token.encode() not in partition
        assert b"Bearer" not in partition and b"?" not in partition and b"X-Amz" not in partition
        assert partition.startswith(b"dbkernel-partition 1\n" + warehouse.url.encode())


def test_a_partition_is_read_again_and_in_any_order(statement, connection):
    partitions, schema = split(statement, TEN)
    for n in (7, 0, 9, 7):
        table = read(connection, partitions[n])
        assert table.schema == schema
        assert table.column("id").to_pylist() == list(range(950))[n * 100 : n * 100 + 100]


def test_one_connection_reads_side_by_side(statement, connection):
    """More than ADBC promises: pools of threads do it."""
    partitions, _ = split(statement, TEN)
    counts: dict[int, int] = {}

    def work(n: int) -> None:
        for at in range(n, 40, 4):
            counts[at] = read(connection, partitions[at % 9]).num_rows

    threads = [threading.Thread(target=work, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert counts == dict.fromkeys(range(40), 100)


def test_the_statement_may_be_released(database, connection):
    statement = manager.AdbcStatement(connection)
    partitions, _ = split(statement, TEN)
    statement.close()
    assert read(connection, partitions[4]).num_rows == 100


def test_a_small_and_an_empty_result(statement, connection):
    partitions, schema = split(statement, "SELECT 42 AS answer")
    assert len(partitions) == 1 and read(connection, partitions[0]).to_pylist() == [{"answer": 42}]
    partitions, schema = split(statement, "SELECT 42 AS answer WHERE false")
    assert len(partitions) == 1
    table = read(connection, partitions[0])
    assert table.num_rows == 0 and table.schema.names == ["answer"] == schema.names


def test_parameters(statement, connection):
    statement.set_sql_query("SELECT ? AS v")
    statement.bind(pa.record_batch([pa.array([5])], names=["0"]))
    partitions, _, _ = statement.execute_partitions()
    assert read(connection, partitions[0]).to_pylist() == [{"v": 5}]


def test_incremental(statement):
    statement.set_options(**{"adbc.statement.exec.incremental": "true"})
    statement.set_sql_query(TEN)
    assert len(statement.execute_partitions()[0]) == 10
    assert len(statement.execute_partitions()[0]) == 0
    assert len(statement.execute_partitions()[0]) == 10


@pytest.mark.parametrize(
    "change",
    [
        lambda p: b"",
        lambda p: b"nonsense",
        lambda p: p[:-1],
        lambda p: p + b"x",
        lambda p: p.replace(b"partition 1", b"partition 2"),
        lambda p: p.replace(b"\n0\n1\n", b"\n-1\n1\n"),
        lambda p: p.replace(b"\n0\n1\n", b"\n77\n1\n"),
        lambda p: p.replace(b"http://", b"https://"),
        lambda p: b"\n".join([*p.split(b"\n")[:2], b"../../x", *p.split(b"\n")[3:]]),
    ],
)
def test_what_is_no_partition(statement, connection, change):
    partitions, _ = split(statement, TEN)
    with pytest.raises(manager.Error) as caught:
        read(connection, change(partitions[0]))
    assert caught.value.status_code == manager.AdbcStatusCode.INVALID_ARGUMENT


def test_a_statement_that_is_gone(statement, connection):
    partitions, _ = split(statement, TEN)
    lines = partitions[0].split(b"\n")
    with pytest.raises(manager.Error) as caught:
        read(connection, b"\n".join([*lines[:2], b"00000000-0000-0000-0000-000000000000", *lines[3:]]))
    assert caught.value.status_code == manager.AdbcStatusCode.NOT_FOUND


def test_a_wrong_query_fails(statement):
    statement.set_sql_query("SELECT * FROM no_such_table")
    with pytest.raises(manager.Error) as caught:
        statement.execute_partitions()
    assert caught.value.status_code == manager.AdbcStatusCode.NOT_FOUND
