# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""A server that is far away: a TCP proxy on loopback that lets time pass.

::

    with Delayed(143, 0.060) as far:   # seconds there and back
        imap.connect(port=far.port, ...)

Opening a connection costs one round trip, each question and its answer another; as much
as you like may be on the way at once. ``python delay.py PORT SECONDS`` says the port it
listens on and ends with its input.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys

#: Bytes that are read at once.
CHUNK = 1 << 16


class Delayed:
    """The proxy, in a process of its own.

    :param target: port on loopback of the server
    :param seconds: of a round trip
    :ivar port: where it listens
    :ivar pid: of its process
    """

    def __init__(self, target: int, seconds: float):
        self._argv = [sys.executable, __file__, str(target), str(seconds)]

    def __enter__(self) -> Delayed:
        self._program = subprocess.Popen(
            self._argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.pid = self._program.pid
        self.port = int(self._program.stdout.readline())
        return self

    def __exit__(self, *_exc) -> None:
        self._program.stdin.close()
        self._program.wait(10)


async def _pump(reader, writer, not_before: float, half: float) -> None:
    """What comes in goes out half a round trip later, in its order."""
    loop = asyncio.get_running_loop()
    waiting: asyncio.Queue = asyncio.Queue()

    async def deliver():
        while True:
            due, data = await waiting.get()
            await asyncio.sleep(max(0.0, due - loop.time()))
            if not data:
                break
            writer.write(data)
            await writer.drain()
        writer.close()

    delivery = loop.create_task(deliver())
    try:
        data = b"."
        while data:
            try:
                data = await reader.read(CHUNK)
            except OSError:
                data = b""
            waiting.put_nowait((max(loop.time(), not_before) + half, data))
        await delivery
    except OSError:
        writer.close()
    finally:
        delivery.cancel()


async def serve(target: int, seconds: float) -> None:
    """Until the input ends."""
    loop = asyncio.get_running_loop()

    async def connected(reader, writer):
        # loopback said yes at once: a handshake would still be under way
        begin = loop.time() + seconds
        await asyncio.sleep(1.5 * seconds)
        try:
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", target)
        except OSError:
            writer.close()
            return
        half = seconds / 2
        await asyncio.gather(
            _pump(reader, far_writer, begin, half),
            _pump(far_reader, writer, begin, half),
        )

    server = await asyncio.start_server(connected, "127.0.0.1", 0, backlog=1000)
    print(server.sockets[0].getsockname()[1], flush=True)
    async with server:
        await loop.run_in_executor(None, sys.stdin.read)
        os._exit(0)  # whatever is on the way


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1]), float(sys.argv[2])))
