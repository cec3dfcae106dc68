"""An asyncio program with many tasks on one connection: `tasks.py URL COUNT`. Each task runs a statement, fetches its
chunk from storage as Arrow and looks at its first value. Prints one JSON object."""

import asyncio
import json
import os
import resource
import sys
import time

from dbkernel import aio


def threads():
    return len(os.listdir("/proc/self/task"))


async def main(url, count):
    most = 0
    async with aio.connect(url, "/sql/1.0/warehouses/bench", access_token="bench") as connection:

        async def one(number):
            nonlocal most
            async with connection.cursor() as cursor:
                await cursor.execute(f"fetch={number}")
                table = await cursor.fetchall_arrow()
                assert table.column(0)[0].as_py() == number, (number, table.column(0)[0])
            most = max(most, threads())
            return table.num_rows

        idle, begun, cpu = threads(), time.monotonic(), time.process_time()
        rows = await asyncio.gather(*(one(i) for i in range(count)))
    print(json.dumps({
        "tasks": count, "rows": sum(rows), "threads": most, "threads_idle": idle,
        "peak_rss_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1),
        "cpu_s": round(time.process_time() - cpu, 2), "wall_s": round(time.monotonic() - begun, 2)}))


asyncio.run(main(sys.argv[1], int(sys.argv[2])))
