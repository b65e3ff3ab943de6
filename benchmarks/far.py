# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""A server that is far away: what is said arrives half a round trip later.

    python benchmarks/far.py SERVER_PORT MILLISECONDS

listens on a port that it prints, until it is ended. Whatever comes is taken at once and
passed on after its time, however much is under way: the delay costs no throughput. A
new connection costs a round trip, as TCP's handshake does.
"""

import asyncio
import contextlib
import subprocess
import sys
import time
from collections import deque
from collections.abc import Iterator

CHUNK = 1 << 20


@contextlib.contextmanager
def away(port: int, milliseconds: float) -> Iterator[int]:
    """:return: where the server is reached from so far away"""
    argv = [sys.executable, __file__, str(port), str(milliseconds)]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as program:
        try:
            yield int(program.stdout.readline())
        finally:
            program.terminate()


async def _serve(port: int, delay: float) -> None:
    async def met(reader, writer):
        await asyncio.sleep(2 * delay)
        with contextlib.suppress(ConnectionError):
            back, forth = await asyncio.open_connection("127.0.0.1", port, limit=CHUNK)
            await asyncio.gather(
                _pass(reader, forth, delay), _pass(back, writer, delay)
            )

    server = await asyncio.start_server(met, "127.0.0.1", 0, limit=CHUNK)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


async def _pass(reader, writer, delay: float) -> None:
    waiting, came = deque(), asyncio.Event()

    async def take():
        octets = True
        while octets:
            try:
                octets = await reader.read(CHUNK)
            except ConnectionError:
                octets = b""
            waiting.append((time.monotonic() + delay, octets))
            came.set()

    taking = asyncio.create_task(take())
    try:
        while True:
            while not waiting:
                came.clear()
                await came.wait()
            due, octets = waiting.popleft()
            await asyncio.sleep(max(0, due - time.monotonic()))
            if not octets:
                return
            writer.write(octets)
            await writer.drain()
    except ConnectionError:
        pass
    finally:
        taking.cancel()
        writer.close()


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_serve(int(sys.argv[1]), float(sys.argv[2]) / 2000))
