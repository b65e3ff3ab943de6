# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""How many bytes does a server send? A door before it, where they are counted.

    python benchmarks/door.py LOG SERVER_PORT...

listens on as many ports, which it prints, until its input ends. What a connection was
is written down when it ends, in the words of Dovecot's log, which tells what was meant:
compressed it sends less, over TLS more. Within the kernel, from socket to socket: a
gigabyte takes a second or less of a core that nobody is measured by.
"""

import contextlib
import fcntl
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

CHUNK = 1 << 20
_F_SETPIPE_SZ = 1031


@contextlib.contextmanager
def doors(log: Path, *ports: int) -> Iterator[list[int]]:
    """:return: where the servers are reached through them"""
    argv = [sys.executable, __file__, str(log), *map(str, ports)]
    with subprocess.Popen(
        argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as program:
        yield [int(program.stdout.readline()) for _port in ports]
        program.stdin.close()


def _listen(log, port: int) -> None:
    listener = socket.create_server(("127.0.0.1", 0), backlog=1000)
    print(listener.getsockname()[1], flush=True)

    def accept():
        while True:
            client, _address = listener.accept()
            _start(_meet, log, port, client)

    _start(accept)


def _start(what, *args) -> threading.Thread:
    thread = threading.Thread(target=what, args=args, daemon=True)
    thread.start()
    return thread


def _meet(log, port: int, client: socket.socket) -> None:
    count = {"in": 0, "out": 0}
    with client, contextlib.suppress(OSError):
        with socket.create_connection(("127.0.0.1", port)) as server:
            for each in (client, server):
                each.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            there = _start(_pass, client, server, count, "in")
            _pass(server, client, count, "out")
            there.join()
    log.write(f" in={count['in']} out={count['out']}\n")


def _pass(source, target, count: dict, way: str) -> None:
    come, go = os.pipe()
    try:
        with contextlib.suppress(OSError):
            fcntl.fcntl(go, _F_SETPIPE_SZ, CHUNK)
        while size := os.splice(source.fileno(), go, CHUNK):
            count[way] += size
            while size:
                size -= os.splice(come, target.fileno(), size)
    except OSError:
        with contextlib.suppress(OSError):
            source.shutdown(socket.SHUT_RDWR)
    finally:
        with contextlib.suppress(OSError):
            target.shutdown(socket.SHUT_WR)
        os.close(come)
        os.close(go)


if __name__ == "__main__":
    with open(sys.argv[1], "a", buffering=1, encoding="ascii") as out:
        for each in sys.argv[2:]:
            _listen(out, int(each))
        sys.stdin.read()
        os._exit(0)
