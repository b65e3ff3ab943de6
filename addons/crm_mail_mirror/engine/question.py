# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""Which mail does somebody ask for? A subject, an address, a Message-ID, as pasted.

>>> read_question("Message-ID: <A1@mail.example>").message_id
'A1@mail.example'
>>> read_question("Anna Doe <anna@customer.example>").address
'anna@customer.example'
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from .addresses import normal_email
from .headers import decode_words, parse_addresses
from .providers.base import Query

#: Characters that are read; a line of a header has 998 (RFC 5322 section 2.1.1).
MAX_QUESTION = 1_000

_IDS = ("message-id", "in-reply-to", "references", "resent-message-id")
_PEOPLE = ("from", "sender", "to", "cc", "bcc", "reply-to", "return-path")
_FIELD = re.compile(
    rf"\s*({'|'.join((*_IDS, *_PEOPLE, 'subject'))})\s*:\s*(.*)", re.I | re.DOTALL
)
_BRACKETED = re.compile(r"<\s*([^<>\s]+)\s*>")
_FOLDED = re.compile(r"\r?\n[ \t]+")


@dataclass(frozen=True, slots=True)
class Question:
    """What was pasted; ``x@y`` alone may be an address and a Message-ID.

    :param message_id: without brackets, else as it was typed
    :param address: in the form of ``Address.email``
    :param words: of a subject
    """

    message_id: str = ""
    address: str = ""
    words: str = ""

    def __bool__(self) -> bool:
        return bool(self.message_id or self.address or self.words)

    @property
    def message_ids(self) -> tuple[str, ...]:
        """With and without brackets: some mail has none."""
        bare = self.message_id
        return (f"<{bare}>", bare) if bare else ()

    @property
    def query(self) -> Query:
        return Query(
            addresses=(self.address,) if self.address else (),
            message_ids=self.message_ids,
            subject_words=(self.words,) if self.words else (),
        )


def read_question(text: str) -> Question:
    """Never raises. Of several lines of a header the one that tells most counts."""
    text = _FOLDED.sub(" ", text[:MAX_QUESTION]).strip()
    fields: dict[str, str] = {}
    for line in text.splitlines():
        if found := _FIELD.fullmatch(line):
            fields.setdefault(found[1].lower(), found[2].strip())
    for name in (*_IDS, "subject", *_PEOPLE):
        if question := _of_field(name, fields.get(name, "")):
            return question
    text = " ".join(text.split())
    return _of_text(text) or Question(words=text)


def _of_field(name: str, value: str) -> Question:
    if name in _IDS:
        return Question(message_id=_an_id(value))
    if name == "subject":
        return Question(words=" ".join(decode_words(value).split()))
    return Question(address=_an_address(value))


def _of_text(text: str) -> Question:
    if text[:4].lower() == "mid:":  # RFC 2392
        return Question(message_id=_an_id(text[4:]))
    if text[:7].lower() == "mailto:":
        return Question(address=_an_address(text))
    if " " in text or "@" not in text:
        # a name with an address in brackets; a subject may hold one, too
        address = _an_address(text) if text.endswith(">") else ""
        return (
            Question(address=address)
            if address
            else Question(words=" ".join(decode_words(text).split()))
        )
    bare = _an_id(text)
    is_id = all(bare.rpartition("@")[::2])
    return Question(bare, normal_email(bare)) if is_id else Question(words=text)


def _an_id(text: str) -> str:
    bracketed = _BRACKETED.search(text)
    first = bracketed[1] if bracketed else (text.split() or [""])[0]
    return first.strip("<>")


def _an_address(text: str) -> str:
    if email := normal_email(text):
        return email
    people = parse_addresses(text)
    return people[0].email if people else ""
