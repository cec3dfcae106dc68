"""Storage that is far away: each answer starts after 30 ms and runs at 50 MB/s per connection."""

import asyncio
import pathlib
import sys

LATENCY_S = 0.030
BYTES_PER_S = 50_000_000
PIECE = 250_000


async def send_shaped(writer, data):
    """Pieces at their due times, so that the rate holds whatever the scheduler does."""
    loop = asyncio.get_running_loop()
    start = loop.time()
    for at in range(0, len(data), PIECE):
        due = start + at / BYTES_PER_S
        delay = due - loop.time()
        if delay > 0:
            await asyncio.sleep(delay)
        writer.write(data[at:at + PIECE])
        await writer.drain()


class Storage:
    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.files = {}

    def read(self, path):
        if path not in self.files:
            self.files[path] = memoryview((self.folder / path.lstrip("/")).read_bytes())
        return self.files[path]

    async def serve(self, reader, writer):
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                path = head.split(b" ", 2)[1].decode()
                data = self.read(path)
                await asyncio.sleep(LATENCY_S)
                writer.write(f"HTTP/1.1 200 OK\r\ncontent-length: {len(data)}\r\n\r\n".encode())
                await send_shaped(writer, data)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()


async def main():
    storage = Storage(sys.argv[1])
    server = await asyncio.start_server(storage.serve, "127.0.0.1", int(sys.argv[2]))
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
