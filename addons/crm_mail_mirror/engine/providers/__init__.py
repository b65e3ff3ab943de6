# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""Which provider opens which mailbox?"""

from __future__ import annotations

from .base import Provider


def open_mailbox(kind: str, settings: dict, secret: str) -> Provider:
    """Connect and sign in to one mailbox.

    :param kind: ``"imap"``
    :param settings: see the provider's ``connect``
    :param secret: password or access token
    :raises LoginRequired, Unavailable, Throttled, NotAllowed: as ``base`` describes
    """
    if kind == "imap":
        from . import imap

        return imap.connect(secret=secret, **settings)
    raise ValueError(f"no provider of kind {kind!r}")
