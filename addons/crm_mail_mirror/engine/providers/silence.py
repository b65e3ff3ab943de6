# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""What keeps secrets and addresses out of the log, though libraries write it?

Several of them log each URL at DEBUG, with the addresses that are searched for in it.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager

#: Who writes addresses, codes or tokens at DEBUG, as parts of URLs or as they are.
_TALKATIVE = (
    "google.auth._default",
    "google.auth._helpers",
    "google.auth.transport.requests",
    "google.oauth2._client",
    "google.oauth2.credentials",
    "google.oauth2.reauth",
    "googleapiclient.discovery",
    "googleapiclient.http",
    "googleapiclient.model",
    "msal.application",
    "msal.authority",
    "msal.oauth2cli.assertion",
    "msal.oauth2cli.oauth2",
    "msal.oauth2cli.oidc",
    "msal.region",
    "msal.telemetry",
    "msal.token_cache",
    "requests",
    "urllib3.connection",
    "urllib3.connectionpool",
    "urllib3.poolmanager",
    "urllib3.response",
    "urllib3.util.retry",
)


class _Silence(threading.local):
    depth = 0


_silence = _Silence()


def _may_be_logged(record: logging.LogRecord) -> bool:
    return not _silence.depth


for _name in _TALKATIVE:
    logging.getLogger(_name).addFilter(_may_be_logged)


@contextmanager
def silence() -> Iterator[None]:
    """What libraries log in this thread meanwhile is dropped; other threads' is not."""
    _silence.depth += 1
    try:
        yield
    finally:
        _silence.depth -= 1
