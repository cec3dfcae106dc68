"""dbkernel.aio: many tasks on one thread, cancelled tasks, loops that end early."""

import asyncio
import gc
import os
import threading

import dbkernel
import pytest
from dbkernel import aio

LONG = "SELECT count(*) FROM range(0, 1000000000000) WHERE pow(rand(), 2) < 0.5 AND sqrt(id) > 1"


def threads() -> int:
    return len(os.listdir("/proc/self/task"))


def test_rows(where):
    async def main():
        async with aio.connect(**where) as connection:
            async with connection.cursor() as cursor:
                await cursor.execute("SELECT :n AS n, CAST(NULL AS STRING) AS s", {"n": 42})
                assert cursor.rowcount == 1 and [d[:2] for d in cursor.description] == [("n", "int"), ("s", "string")]
                assert cursor.query_id
                assert await cursor.fetchall() == [(42, None)] and await cursor.fetchone() is None
                await cursor.execute("/*lw: chunk_rows=100*/ SELECT id FROM range(1000)")
                assert [row async for row in cursor] == [(i,) for i in range(1000)]
                await cursor.execute("/*lw: chunk_rows=100*/ SELECT id FROM range(1000)")
                assert await cursor.fetchmany(3) == [(0,), (1,), (2,)]
                assert (await cursor.fetchmany_arrow(2)).column(0).to_pylist() == [3, 4]
                assert sum([batch.num_rows async for batch in cursor.batches()]) == 995
                assert (await cursor.fetchall_arrow()).num_rows == 0
            with pytest.raises(dbkernel.InterfaceError, match="cursor is closed"):
                await cursor.fetchone()
        assert connection.closed
        with pytest.raises(dbkernel.InterfaceError, match="connection is closed"):
            connection.cursor()

    asyncio.run(main())


def test_changes_and_errors_and_catalog(where):
    async def main():
        connection = await aio.connect(**where)
        cursor = await connection.execute("CREATE OR REPLACE TABLE aio_t (a INT, b STRING)")
        assert cursor.description is None
        await cursor.executemany("INSERT INTO aio_t VALUES (:a, :b)", [{"a": i, "b": str(i)} for i in range(500)])
        assert cursor.rowcount == 500
        assert await connection.fetchall("SELECT count(*), sum(a) FROM aio_t") == [(500, 124750)]
        with pytest.raises(dbkernel.ProgrammingError) as caught:
            await cursor.execute("SELECT * FROM nowhere")
        assert caught.value.sqlstate == "42P01" and caught.value.query_id == cursor.query_id
        assert ("main",) in await (await cursor.catalogs()).fetchall()
        await cursor.columns(table_pattern="aio_t")
        names = [entry[0] for entry in cursor.description]
        assert [row[names.index("COLUMN_NAME")] async for row in cursor] == ["a", "b"]
        with pytest.raises(dbkernel.OperationalError):
            await aio.connect("http://127.0.0.1:9", where["http_path"], access_token="x", retry_max_attempts=1)
        with pytest.raises(TypeError, match="no_such_option"):
            await aio.connect(**where, no_such_option=1)
        await connection.close()
        await connection.close()

    asyncio.run(main())


def test_a_thousand_tasks_need_no_thread_each(where):
    async def main():
        async with aio.connect(**where) as connection:
            assert await connection.fetchall("SELECT 1") == [(1,)]
            before = threads()
            most = before
            python_threads = threading.active_count()

            async def one(number: int) -> None:
                nonlocal most
                rows = await connection.fetchall("SELECT :n AS n", {"n": number})
                assert rows == [(number,)]
                most = max(most, threads())

            await asyncio.gather(*(one(number) for number in range(1000)))
            assert threading.active_count() == python_threads
            assert most - before <= 2, (before, most)  # of the library: none per task, per statement or per connection

    asyncio.run(main())


def test_cancelling_a_task_cancels_its_statement(where, requests):
    async def until(path_end: str) -> None:
        while not any(path.endswith(path_end) for _, path in await asyncio.to_thread(requests)):
            pass  # the journal is asked over the network: this waits

    async def main():
        async with aio.connect(**where) as connection:
            cursor = connection.cursor()
            task = asyncio.create_task(cursor.execute(LONG))
            await until("/statements")
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            await until("/cancel")
            await cursor.execute("SELECT 1")  # the cursor goes on
            assert await cursor.fetchall() == [(1,)]
            with pytest.raises((asyncio.TimeoutError, TimeoutError)):
                await asyncio.wait_for(cursor.execute(LONG), 0.2)

    asyncio.run(main())


def test_cancel_from_another_task(where):
    async def main():
        async with aio.connect(**where) as connection:
            cursor = connection.cursor()
            asyncio.get_running_loop().call_later(0.2, cursor.cancel)
            with pytest.raises(dbkernel.OperationalError) as caught:
                await cursor.execute(LONG)
            assert caught.value.code == "Cancelled"

    asyncio.run(main())


def test_a_cancelled_read_loses_no_rows(where):
    async def main():
        async with aio.connect(**where) as connection:
            cursor = await connection.execute("/*lw: chunk_rows=50, inline_max=0*/ SELECT id FROM range(2000)")
            rows: list = []
            while True:
                task = asyncio.create_task(cursor.fetchone())
                await asyncio.sleep(0)
                task.cancel()
                try:
                    row = await task
                except asyncio.CancelledError:
                    row = await cursor.fetchone()
                if row is None:
                    break
                rows.append(row)
                rows += cursor._window.many(cursor._window.left)
            assert rows == [(i,) for i in range(2000)]

    asyncio.run(main())


def test_a_loop_that_ends_early(where):
    loop = asyncio.new_event_loop()
    connection = loop.run_until_complete(aio.connect(**where)._open())
    task = loop.create_task(connection.cursor().execute(LONG))
    loop.run_until_complete(asyncio.sleep(0.1))
    kernel_loop = connection._driver.loop
    assert kernel_loop.pending == 1
    loop.close()
    task._log_destroy_pending = False
    del connection, task
    gc.collect()
    assert kernel_loop.pending == 0
    with pytest.raises(Exception, match="Loop is closed"):
        kernel_loop.run_once()
    assert asyncio.run(_one(where)) == [(1,)]  # others work on


async def _one(where):
    async with aio.connect(**where) as connection:
        return await connection.fetchall("SELECT 1")


def test_another_loop_is_told(where):
    first = asyncio.new_event_loop()
    connection = first.run_until_complete(aio.connect(**where)._open())
    with pytest.raises(dbkernel.InterfaceError, match="another event loop"):
        asyncio.run(connection.fetchall("SELECT 1"))
    first.run_until_complete(connection.close())
    first.close()


def test_uvloop(where):
    uvloop = pytest.importorskip("uvloop", reason="uvloop has no wheel for this platform")

    async def main():
        async with aio.connect(**where) as connection:
            answers = await asyncio.gather(*(connection.fetchall("SELECT ?", [i]) for i in range(100)))
            assert answers == [[(i,)] for i in range(100)]

    loop = uvloop.new_event_loop()
    loop.run_until_complete(main())
    loop.close()


def test_a_loop_belongs_to_its_thread(where):
    import databricks_sql_kernel as kernel

    loop = kernel.Loop()
    failures = []

    def elsewhere() -> None:
        try:
            loop.run_once()
        except kernel.KernelError as error:
            failures.append(error)

    thread = threading.Thread(target=elsewhere)
    thread.start()
    thread.join()
    assert "thread that made it" in str(failures[0])
    with pytest.raises(TypeError, match="Statement expected"):
        loop.execute(print, 1)
    with pytest.raises(TypeError, match="callable"):
        loop.open_session(None, where["host"], where["http_path"])
    assert loop.run_once() == 0
    loop.close()
    loop.close()
