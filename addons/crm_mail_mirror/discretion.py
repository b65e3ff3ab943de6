# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""What of us would Odoo write into the server's log that must not stand there?

Three things: the line of the access log with which a browser brings an authorization
code (whatever we answer, the line is of the request), and at level DEBUG the arguments
of each call, among them what somebody types as password or client secret, and each
statement with its values, among them the addresses on mail that is nobody's business.
"""

import contextlib
import logging
import re
import threading

#: Our addresses with a query behind, also where they are quoted in another's query.
_QUERY = re.compile(
    r"(crm_mail_mirror(?:/|%2F)\w+(?:/|%2F)\w+)(?:\?|%3F)[^\s\"]*", re.IGNORECASE
)
_SECRET_FIELDS = (
    "password",
    "mirror_google_secret",
    "mirror_microsoft_secret",
    "pasted",  # what somebody asks for may be of mail that is not mirrored
)


def _cut_query(record: logging.LogRecord) -> bool:
    said = record.getMessage()
    if "crm_mail_mirror" in said:
        record.msg, record.args = _QUERY.sub(r"\1", said), ()
    return True


def _cut_arguments(record: logging.LogRecord) -> bool:
    if record.levelno <= logging.DEBUG:
        said = record.getMessage()
        if any(f"'{name}'" in said or f"{name}=" in said for name in _SECRET_FIELDS):
            record.msg, record.args = said.partition("(")[0] + "(... a secret ...)", ()
    return True


_unsaid = threading.local()


@contextlib.contextmanager
def values_unsaid():
    """What this thread asks the database meanwhile stands in no log."""
    before = getattr(_unsaid, "is_on", False)
    _unsaid.is_on = True
    try:
        yield
    finally:
        _unsaid.is_on = before


def _cut_values(record: logging.LogRecord) -> bool:
    if record.levelno <= logging.DEBUG and getattr(_unsaid, "is_on", False):
        record.msg, record.args = "a statement about mail", ()
    return True


def install() -> None:
    logging.getLogger("odoo.sql_db").addFilter(_cut_values)
    logging.getLogger("werkzeug").addFilter(_cut_query)
    logging.getLogger("odoo.service.model").addFilter(_cut_arguments)


install()
