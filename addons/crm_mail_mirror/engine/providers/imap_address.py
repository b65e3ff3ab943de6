# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""Which address may be connected to?

A user who can name a host must not reach what stands behind the firewall.
"""

from __future__ import annotations

import ipaddress
import re
import socket
import threading
from collections.abc import Iterable

from .base import Unavailable

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


def ascii_name(host: str) -> str:
    """The name as DNS knows it (IDNA)."""
    name = host.strip().rstrip(".").strip("[]")
    try:
        name = name.encode("idna").decode("ascii")
    except UnicodeError:
        raise Unavailable("host_unknown", "not a host name") from None
    if not name or not re.fullmatch(r"[A-Za-z0-9._:-]{1,253}", name):
        raise Unavailable("host_unknown", "not a host name")
    return name.lower()


def resolve(host: str, port: int, seconds: float) -> list[Address]:
    """All addresses of a host. getaddrinfo(3) knows no timeout: it gets a thread."""
    found: list = []
    problems: list = []

    def ask() -> None:
        try:
            found.extend(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))
        except (OSError, UnicodeError) as problem:
            problems.append(problem)

    thread = threading.Thread(target=ask, daemon=True, name="resolve")
    thread.start()
    thread.join(seconds)
    if thread.is_alive():
        raise Unavailable("timeout", "name lookup")
    if problems or not found:
        raise Unavailable("host_unknown", "name lookup")
    addresses = dict.fromkeys(
        ipaddress.ip_address(entry[4][0].partition("%")[0]) for entry in found
    )
    return list(addresses)


_NAT64 = ipaddress.ip_network("64:ff9b::/96")


def is_public(address: Address) -> bool:
    """Not loopback, link-local, private, multicast or reserved, nor a form of one."""
    for inner in _embedded(address):
        if not is_public(inner):
            return False
    return (
        address.is_global
        and not address.is_multicast
        and not address.is_reserved
        and not address.is_unspecified
    ) or address in _NAT64


def _embedded(address: Address) -> list[Address]:
    """IPv4 addresses that an IPv6 one stands for."""
    if address.version == 4:
        return []
    inner = [address.ipv4_mapped, address.sixtofour, *(address.teredo or ())]
    if address in _NAT64 or int(address) >> 32 == 0:
        inner.append(ipaddress.IPv4Address(int(address) & 0xFFFFFFFF))
    return [each for each in inner if each is not None]


def is_allowed(host: str, address: Address, allowed_hosts: Iterable[str]) -> bool:
    mapped = getattr(address, "ipv4_mapped", None)
    for entry in allowed_hosts:
        entry = entry.strip().lower().rstrip(".")
        if entry == host:
            return True
        try:
            network = ipaddress.ip_network(entry, strict=False)
        except ValueError:
            continue
        if address in network or (mapped is not None and mapped in network):
            return True
    return False
