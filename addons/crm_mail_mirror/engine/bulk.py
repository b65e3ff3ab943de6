# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""Is a mail bulk or automatic? What its header fields say."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from urllib.parse import urlsplit

from .domains import domain_of, fold_domain, fold_domains, lies_within
from .envelope import Envelope
from .reasons import Reason

_BULK_PRECEDENCE = {"bulk", "list", "junk", "auto_reply", "auto-reply"}
_LIST_FIELDS = {
    "list-id": Reason.BULK_LIST_ID,
    "list-unsubscribe": Reason.BULK_LIST_UNSUBSCRIBE,
    "list-post": Reason.BULK_LIST_POST,
}

Values = Callable[[str], list[str]]


def bulk_reason(
    envelope: Envelope, own_domains: Iterable[str] = frozenset()
) -> str | None:
    """Which sign of bulk or automatic mail does it bear? ``None`` for none.

    What only names the service that carried a mail (X-Mailgun-Sid, X-SES-Outgoing,
    X-MC-User) or asks for silence (X-Auto-Response-Suppress) is no sign: it stands on
    mail that people wrote, too.

    :param envelope: of the second grade; of the first only the sender can tell
    :param own_domains: list headers that name one of them do not count: a list of the
        house passes on what customers write to it
    :return: a ``Reason``, which is a ``str``
    """
    fields = envelope.headers or {}

    def values(name: str) -> list[str]:
        return [value.strip() for value in fields.get(name, ())]

    return (
        _sent_to_many(values, fold_domains(own_domains))
        or _sent_by_machine(values)
        or _sent_by_server(values, envelope)
    )


def _sent_to_many(values: Values, own: frozenset[str]) -> Reason | None:
    foreign, house = None, False
    for name, reason in _LIST_FIELDS.items():
        for value in filter(None, values(name)):
            if any(lies_within(domain, own) for domain in _list_domains(name, value)):
                house = True
            else:
                foreign = foreign or reason
    if foreign:
        return foreign
    precedences = {_first_word(value) for value in values("precedence")}
    if house:  # the list's own software writes these
        precedences -= {"list", "bulk"}
    return Reason.BULK_PRECEDENCE if precedences & _BULK_PRECEDENCE else None


def _list_domains(name: str, value: str) -> Iterator[str]:
    """The domains that a list header belongs to.

    Of List-Id the identifier ends in one (RFC 2919 section 2); the others hold URLs in
    angle brackets (RFC 2369). A Google group of a company has Google's host and the
    company in the path.
    """
    bracketed = re.findall(r"<\s*([^<>]*?)\s*>", value) or [value]
    if name == "list-id":
        yield fold_domain(bracketed[-1].replace("@", "."))
        return
    for url in bracketed:
        if url.lower().startswith("mailto:"):
            yield fold_domain(domain_of(url[7:].partition("?")[0]))
            continue
        try:
            split = urlsplit(url)
            host = split.hostname or ""
        except ValueError:
            continue
        company = re.match(r"/a/([^/]+)/", split.path)
        if host == "groups.google.com" and company:
            host = company[1]
        yield fold_domain(host)


def _sent_by_machine(values: Values) -> Reason | None:
    if any(_first_word(value) not in ("", "no") for value in values("auto-submitted")):
        return Reason.BULK_AUTO_SUBMITTED
    for name in ("x-autoreply", "x-autorespond"):
        if any(_first_word(value) not in ("", "no") for value in values(name)):
            return Reason.BULK_AUTO_REPLY
    if any(values("feedback-id")):
        return Reason.BULK_FEEDBACK_ID
    if any(values("x-campaign") + values("x-campaignid")):
        return Reason.BULK_CAMPAIGN
    return None


def _sent_by_server(values: Values, envelope: Envelope) -> Reason | None:
    paths = {re.sub(r"[<>\s]", "", value) for value in values("return-path")}
    if any(not path or _is_server(path) for path in paths):
        return Reason.BULK_RETURN_PATH
    types = {
        value.partition(";")[0].strip().lower() for value in values("content-type")
    }
    if "multipart/report" in types or any(values("x-failed-recipients")):
        return Reason.BULK_REPORT
    if any(_is_server(author.email) for author in envelope.authors):
        return Reason.BULK_MAILER_DAEMON
    return None


def _is_server(address: str) -> bool:
    """Sendmail writes ``<MAILER-DAEMON>`` where others leave the path empty."""
    return address.partition("@")[0].lower() in ("mailer-daemon", "postmaster")


def _first_word(value: str) -> str:
    """The keyword of a field, without comment and parameters, lower case."""
    found = re.match(r"(?:\s*\([^()]*\))*\s*([\w-]+)", value)
    return found[1].lower() if found else ""
