# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""What of a mail's words can be put on a screen, so that they cannot mislead?

A sender chooses subject, names, addresses and file names. Characters that turn the
direction of what follows ("gpj.exe" read as "exe.jpg") go, and addresses are shown as
they are spelled for computers.
"""

import unicodedata

from .addresses import ascii_domain

#: Embeddings, overrides and isolates (Unicode Standard Annex 9, table 3).
_TURNS = dict.fromkeys(
    (*range(0x202A, 0x202F), *range(0x2066, 0x206A)),
)
#: What breaks a line, marks directions or cannot be seen at all.
_NO_LINE = _TURNS | dict.fromkeys(
    (0x200B, 0x200E, 0x200F, 0x061C, 0xFEFF, 0x2028, 0x2029), " "
)
_NO_LINE |= {n: " " for n in (*range(0x20), *range(0x7F, 0xA0))}
_NO_TEXT = _TURNS | {n: None for n in range(0x20) if chr(n) not in "\t\n\r"}

#: Latin letters that are no others with an accent, and look like no others.
_LATIN = frozenset("ßæœøđðþłħŋŧÆŒØĐÐÞŁĦŊŦ")


def line(text: str | None, most: int) -> str:
    """One line of at most so many characters; what was cut ends in an ellipsis."""
    words = " ".join((text or "")[: 4 * most].translate(_NO_LINE).split())
    return words if len(words) <= most else words[: most - 1].rstrip() + "…"


def lines(text: str | None) -> str:
    """A text of many lines, in the order in which it was written."""
    return (text or "").translate(_NO_TEXT)


def file_name(text: str | None, most: int = 120) -> str:
    """The last part of a path, whatever the sender's system; its end stays."""
    name = line((text or "").replace("\\", "/").rpartition("/")[2], 1000).strip(". ")
    if len(name) <= most:
        return name
    stem, dot, ending = name.rpartition(".")
    kept = f"…{dot}{ending}" if dot and len(ending) < 12 else "…"
    return (stem or name)[: most - len(kept)] + kept


def utf16_length(text: str) -> int:
    """Its length as a browser counts: an emoji is two."""
    return len(text) + sum(1 for each in text if ord(each) > 0xFFFF)


def ascii_email(email: str) -> str:
    """The address with its domain as computers spell it (RFC 5891)."""
    mailbox, at, domain = line(email, 400).rpartition("@")
    return f"{mailbox}{at}{ascii_domain(domain) or domain}" if at else domain


def is_suspicious(email: str) -> bool:
    """Can it be taken for another address, by letters that look alike?

    So is a domain of other letters than Latin ones, since most of those who read it
    know how it is spelled in Latin; and any part that mixes alphabets. An accent makes
    no other alphabet.
    """
    mailbox, _at, domain = email.rpartition("@")
    labels = (ascii_domain(domain) or domain).split(".")
    return len(set(map(_alphabet, filter(str.isalpha, mailbox)))) > 1 or not all(
        map(_is_latin, labels)
    )


def _is_latin(label):
    if label.startswith("xn--"):
        try:
            label = label[4:].encode("ascii").decode("punycode")
        except UnicodeError:
            return False
    elif not label.isascii():
        return False  # no domain can be spelled so
    return all(each.isascii() or _alphabet(each) == "LATIN" for each in label)


def _alphabet(letter):
    if letter in _LATIN or unicodedata.normalize("NFD", letter)[0].isascii():
        return "LATIN"
    # also of Latin ones that nobody tells from plain ones, such as dotless i
    return unicodedata.name(letter, "?").replace("LATIN", "OTHER", 1).partition(" ")[0]
