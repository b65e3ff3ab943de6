# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""A line to a mail server that can be cut, held up, slowed down and disturbed.

Example::

    with Proxy(lambda: dovecot.tls_port) as line:
        connect("localhost", line.port)
        line.become("stall")
        line.become("through")

What it does counts from the next piece of data on, in connections that stand already
as well. It knows nothing of IMAP or TLS: it sees bytes.
"""

import asyncio
import random
import socket
import struct
import threading
from collections import Counter
from collections.abc import Callable

#: Bytes that are passed on at once.
PIECE = 16_384
#: Of a slow line: bytes at once, and seconds between two pieces.
SLOW_PIECE, SLOW_PAUSE = 200, 0.02
#: Of a line that is held up: seconds between two looks whether it goes on.
LOOK_EVERY = 0.02
MANNERS = ("through", "reset", "refuse", "stall", "slow", "corrupt")


class Proxy:
    """
    :param upstream: tells the port of the server, each time somebody connects
    :param chance: of what is disturbed, and where
    :ivar port: on 127.0.0.1, the same for its whole life
    :ivar counted: ``connections``, and how often each manner came to pass
    """

    def __init__(self, upstream: Callable[[], int], chance: random.Random):
        self.upstream, self.chance = upstream, chance
        self.manner = "through"
        self.counted: Counter = Counter()
        self._open: set[asyncio.StreamWriter] = set()
        self._loop = asyncio.new_event_loop()
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=200)
        self.port = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *exc):
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)

    def become(self, manner: str) -> None:
        """:param manner: one of ``MANNERS``; ``reset`` cuts what stands, at once"""
        assert manner in MANNERS, manner
        self.manner = manner
        if manner == "reset":
            self._loop.call_soon_threadsafe(self._cut_all)

    def cut(self) -> None:
        """Reset all connections; new ones are as the manner says."""
        self._loop.call_soon_threadsafe(self._cut_all)

    # ---- inside, in the thread of the loop ------------------------------------------

    def _run(self):
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(
            asyncio.start_server(self._serve, sock=self._listener)
        )
        self._loop.run_forever()
        self._cut_all()
        for task in asyncio.all_tasks(self._loop):
            task.cancel()
        self._loop.run_until_complete(asyncio.sleep(0))
        self._listener.close()

    async def _serve(self, reader, writer):
        self.counted["connections"] += 1
        if self.manner in ("refuse", "reset"):
            self.counted[self.manner] += 1
            return self._cut(writer)
        try:
            server = await asyncio.open_connection("127.0.0.1", self.upstream())
        except OSError:
            return self._cut(writer)
        self._open |= {writer, server[1]}
        try:
            await asyncio.gather(
                self._pass_on(reader, server[1], is_answer=False),
                self._pass_on(server[0], writer, is_answer=True),
            )
        except (OSError, asyncio.CancelledError):
            pass
        finally:
            for each in (writer, server[1]):
                self._open.discard(each)
                self._cut(each)

    async def _pass_on(self, reader, writer, is_answer):
        while piece := await reader.read(PIECE):
            while self.manner == "stall":
                self.counted["stall"] += 1
                await asyncio.sleep(LOOK_EVERY)
            if self.manner == "corrupt" and is_answer:
                piece = self._disturbed(piece)
            for start in range(0, len(piece), SLOW_PIECE):
                if self.manner != "slow":
                    writer.write(piece[start:])
                    break
                self.counted["slow"] += 1
                writer.write(piece[start : start + SLOW_PIECE])
                await asyncio.sleep(SLOW_PAUSE)
            await writer.drain()
        writer.close()

    def _disturbed(self, piece: bytes) -> bytes:
        """One bit of each second piece is another one."""
        if self.chance.random() < 0.5:
            return piece
        self.counted["corrupt"] += 1
        disturbed = bytearray(piece)
        where = self.chance.randrange(len(piece))
        disturbed[where] ^= 1 << self.chance.randrange(8)
        return bytes(disturbed)

    def _cut_all(self):
        for writer in self._open:
            self.counted["cut"] += 1
            self._cut(writer)

    @staticmethod
    def _cut(writer):
        """With RST, as a firewall or a cable does; not in order."""
        sock = writer.get_extra_info("socket")
        if sock is not None and sock.fileno() >= 0:
            sock.setsockopt(
                socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0)
            )
        writer.transport.abort()
