# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""Which provider opens which mailbox?

Google's and Microsoft's libraries are imported only when such a mailbox is opened.
"""

from __future__ import annotations

from collections.abc import Callable

from .base import Provider


def open_mailbox(
    kind: str,
    settings: dict,
    secret: str,
    keep: Callable[[str], None] | None = None,
) -> Provider:
    """Connect and sign in to one mailbox.

    :param kind: ``"imap"``, ``"gmail"`` or ``"microsoft"``
    :param settings: see the provider's ``connect``
    :param secret: the password; for OAuth what ``consent.finish`` gave, or what
        ``keep`` was called with last
    :param keep: saves a secret that the provider renewed, see ``Provider``
    :raises LoginRequired, Unavailable, Throttled, NotAllowed: as ``base`` describes
    """
    if kind == "imap":
        from . import imap

        return imap.connect(secret=secret, **settings)
    if kind == "gmail":
        from . import gmail

        return gmail.connect(secret=secret, keep=keep, **settings)
    if kind == "microsoft":
        from . import microsoft

        return microsoft.connect(secret=secret, keep=keep, **settings)
    raise ValueError(f"no provider of kind {kind!r}")
