# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""How does a mail look on the wire? ``script.Mail`` to RFC 5322 bytes.

Headers are written here rather than by the standard library's policy, because that one
can neither leave a Message-ID out nor write a subject in ISO-2022-JP.
"""

from datetime import timedelta
from email.header import Header
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, formataddr
from hashlib import sha256

from . import clients, files
from .people import DOMAIN, Person
from .script import Mail


def sent(mail: Mail) -> bytes:
    """The author's own copy: with Bcc, without any trace of the way."""
    return _message([], mail, with_bcc=True)


def received(mail: Mail, owner: Person) -> bytes:
    """The copy that was delivered to ``owner``."""
    envelope_sender = "" if "auto" in mail.options else mail.author.email
    domain = mail.author.email.rpartition("@")[2]
    queue = sha256(f"{mail.message_id}{owner.key}".encode()).hexdigest()[:10].upper()
    stamp = format_datetime(mail.date + timedelta(seconds=3))
    trace = [
        ("Return-Path", f"<{envelope_sender}>"),
        ("Delivered-To", owner.email),
        (
            "Received",
            f"from mx1.{DOMAIN} (mx1.{DOMAIN} [192.0.2.25])\r\n\tby store.{DOMAIN}"
            f" (LMTP) with ESMTP id {queue}\r\n\tfor <{owner.email}>; {stamp}",
        ),
        (
            "Received",
            f"from out.{domain} (out.{domain} [198.51.100.7])\r\n\tby mx1.{DOMAIN}"
            f" (Postfix) with ESMTPS id {queue[::-1]};\r\n\t{stamp}",
        ),
    ]
    return _message(trace, mail)


def _message(trace, mail, with_bcc=False):
    charset = _charset(mail, mail.subject)
    head = [*trace]
    if "noid" not in mail.options:
        head.append(("Message-ID", mail.message_id))
    if mail.references:
        head.append(("In-Reply-To", mail.references[-1]))
        head.append(("References", "\r\n ".join(mail.references)))
    head.append(("Date", format_datetime(mail.date)))
    head.append(("From", _addresses((mail.author,), charset)))
    for name, people in (("To", mail.to), ("Cc", mail.cc)):
        if people:
            head.append((name, _addresses(people, charset)))
    if mail.bcc and with_bcc:
        head.append(("Bcc", _addresses(mail.bcc, charset)))
    if mail.subject:
        encoded = Header(mail.subject, charset, header_name="Subject", maxlinelen=74)
        head.append(("Subject", encoded.encode(linesep="\r\n")))
    head.extend(_marks(mail))
    lines = "".join(f"{name}: {value}\r\n" for name, value in head)
    return lines.encode("ascii") + _content(mail).as_bytes(policy=SMTP)


def _marks(mail):
    mailer = clients.CLIENTS[mail.author.client].mailer
    if mailer:
        yield "X-Mailer", mailer
    if "list" in mail.options:
        domain = mail.author.email.rpartition("@")[2]
        yield "List-Id", f"<newsletter.{domain}>"
        yield "List-Unsubscribe", f"<https://{domain}/unsubscribe>"
        yield "Precedence", "bulk"
    if "auto" in mail.options:
        yield "Auto-Submitted", "auto-replied"
        yield "X-Auto-Response-Suppress", "All"
    if "private" in mail.options:
        yield "Sensitivity", "private"


def _content(mail):
    """The MIME tree, with boundaries that are the same each time."""
    message = EmailMessage(policy=SMTP)
    if "ics" in mail.options:
        start = (mail.date + timedelta(days=7)).replace(hour=14, minute=0, second=0)
        guests = mail.to + mail.cc
        uid = mail.message_id.strip("<>")
        text = files.invitation(mail.author, guests, mail.subject, start, uid)
        message.set_content(text, subtype="calendar", cte="quoted-printable")
        message.set_param("method", "REQUEST")
        return message
    if "htmlonly" in mail.options:
        message.set_content(_page(mail), subtype="html", cte="quoted-printable")
    else:
        charset = _charset(mail, mail.text)
        transfer = "7bit" if charset == "iso-2022-jp" else "quoted-printable"
        if mail.author.language == "ja" and charset == "utf-8":
            transfer = "base64"
        message.set_content(mail.text + "\n", charset=charset, cte=transfer)
        if mail.html:
            message.add_alternative(_page(mail), subtype="html", cte="quoted-printable")
    for name in mail.files:
        kind, content = files.attachment(name)
        main, _slash, sub = kind.partition("/")
        message.add_attachment(content, main, sub, filename=name)
    for number, part in enumerate(message.walk()):
        if part.is_multipart():
            part.set_boundary(f"----=_Part_{number}_{mail.message_id[1:17]}")
    return message


def _page(mail):
    return (
        '<html><head><meta http-equiv="Content-Type" content="text/html; charset='
        'utf-8">'
        "<style>p.MsoNormal {margin:0cm;font-family:Calibri}</style></head>\n"
        f"<body>{mail.html}</body></html>\n"
    )


def _charset(mail, text):
    """The charset of the author's program, if it has all the characters."""
    charset = clients.CLIENTS[mail.author.client].charset
    try:
        text.encode(charset)
    except UnicodeEncodeError:
        return "utf-8"
    return charset


def _addresses(people, charset):
    return ",\r\n ".join(_address(person, charset) for person in people)


def _address(person, charset):
    if person.name.isascii():
        return formataddr((person.name, person.email))
    try:
        person.name.encode(charset)
    except UnicodeEncodeError:
        charset = "utf-8"
    name = Header(person.name, charset, maxlinelen=200).encode(linesep="\r\n")
    return f"{name} <{person.email}>"
