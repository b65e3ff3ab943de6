"""Which port of this machine is free, and stays so until somebody listens on it?"""

import itertools
import socket
from collections.abc import Iterable

_held: list[socket.socket] = []


def free_port(wanted: Iterable[int] = ()) -> int:
    """A port of 127.0.0.1 that nobody listens on, and that is given to nobody else.

    Between the choice and the server that listens lie seconds, in which another make,
    also in another checkout, would find the same port free. So whoever chooses holds
    the UDP port of that number as long as the process lives: no file is left behind.

    :param wanted: the first of these; by default one that the kernel gives
    :raises OSError: none of them is free
    """
    for port in wanted or itertools.repeat(0, 100):
        with socket.socket() as probe:
            if port:
                # one on which a server has just ended is free
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            hold = socket.socket(type=socket.SOCK_DGRAM)
            try:
                probe.bind(("127.0.0.1", port))
                hold.bind(probe.getsockname())
            except (OSError, OverflowError):
                hold.close()
                continue
            _held.append(hold)
            return probe.getsockname()[1]
    raise OSError("no such port is free")
