"""Does anything under test reach beyond this machine?

The guard refuses such a connection and reports it, so that code which swallows the
refusal fails its test nevertheless.
"""

import ipaddress
import socket
from collections.abc import Callable


def install(report: Callable[[str], None]) -> Callable[[], None]:
    """Guard every socket of this process.

    :param report: is told ``host:port`` of each attempt
    :return: a function that takes the guard away again
    """

    def guarded(name: str) -> Callable:
        original = getattr(socket.socket, name)

        def checked(self: socket.socket, *arguments: object) -> object:
            address = arguments[-1]
            if self.family in (socket.AF_INET, socket.AF_INET6):
                if not is_local(str(address[0])):
                    report(f"{address[0]}:{address[1]}")
                    raise PermissionError(f"a test may not connect to {address}")
            return original(self, *arguments)

        return checked

    names = ("connect", "connect_ex", "sendto")
    for name in names:
        setattr(socket.socket, name, guarded(name))

    def remove() -> None:
        for name in names:
            delattr(socket.socket, name)  # the inherited one shows again

    return remove


def is_local(host: str) -> bool:
    """Whether ``host`` is this machine: ``localhost`` or a loopback address."""
    if host in ("localhost", ""):
        return True
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return False
    address = getattr(address, "ipv4_mapped", None) or address
    return address.is_loopback or address.is_unspecified
