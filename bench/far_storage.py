"""Storage that is far away: each answer starts after 30 ms and runs at 50 MB/s per connection.

Plain sockets, so that the server itself costs little: it shares the machine with what is measured.
"""

import asyncio
import pathlib
import socket
import sys

LATENCY_S = 0.030
BYTES_PER_S = 50_000_000
PIECE = 500_000


async def send_shaped(loop, sock, data):
    """Pieces at their due times, so that the rate holds whatever the scheduler does."""
    start = loop.time()
    for at in range(0, len(data), PIECE):
        delay = start + at / BYTES_PER_S - loop.time()
        if delay > 0:
            await asyncio.sleep(delay)
        await loop.sock_sendall(sock, data[at:at + PIECE])


class Storage:
    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.files = {}

    def read(self, path):
        if path not in self.files:
            self.files[path] = memoryview((self.folder / path.lstrip("/")).read_bytes())
        return self.files[path]

    async def serve(self, sock):
        loop, head = asyncio.get_running_loop(), b""
        try:
            while more := await loop.sock_recv(sock, 65536):
                head += more
                if not head.endswith(b"\r\n\r\n"):
                    continue
                data, head = self.read(head.split(b" ", 2)[1].decode()), b""
                await asyncio.sleep(LATENCY_S)
                await loop.sock_sendall(sock, f"HTTP/1.1 200 OK\r\ncontent-length: {len(data)}\r\n\r\n".encode())
                await send_shaped(loop, sock, data)
        except ConnectionError:
            pass
        finally:
            sock.close()


async def main():
    storage, loop = Storage(sys.argv[1]), asyncio.get_running_loop()
    listener = socket.create_server(("127.0.0.1", int(sys.argv[2])))
    listener.setblocking(False)
    serving = set()
    while True:
        sock, _ = await loop.sock_accept(listener)
        sock.setblocking(False)
        task = loop.create_task(storage.serve(sock))
        serving.add(task)
        task.add_done_callback(serving.discard)


if __name__ == "__main__":
    asyncio.run(main())
