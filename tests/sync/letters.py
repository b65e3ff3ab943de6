"""Raw mail, as mail programs send it."""

from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from email.utils import format_datetime


def raw(
    number, sender, to, *, subject="", text="", message_id=None, html="", **headers
):
    """The mail of this number; equal arguments give the same bytes.

    :param headers: further ones, ``list_id="..."`` for List-Id; None leaves one out
    """
    letter = EmailMessage()
    values = {
        "from": sender,
        "to": to,
        "subject": subject or f"Mail {number}",
        "date": format_datetime(
            datetime(2026, 11, 1, 12, tzinfo=UTC) + timedelta(seconds=number)
        ),
        "message_id": message_id
        or f"<{number}@{sender.rpartition('@')[2].rstrip('>')}>",
        **headers,
    }
    for name, value in values.items():
        if value is not None:
            letter[name.replace("_", "-").title()] = value
    letter.set_content(text or f"Text of mail {number}.\n")
    if html:
        letter.add_alternative(html, subtype="html")
    return letter.as_bytes(policy=letter.policy.clone(linesep="\r\n"))
