# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""One mail, once: sent to five people whose mailboxes are of five kinds.

Dovecot with QRESYNC, a server that knows no more than IMAP4rev1, mail-devel, Gmail and
Microsoft Graph; each tells of it in its own words.
"""

import itertools
from contextlib import ExitStack

import pytest

from tests.peers.dovecot import PLAIN, Dovecot
from tests.peers.mail_devel import MailDevel
from tests.sync.letters import raw

KINDS = ("qresync", "plain", "mail_devel", "gmail", "microsoft")
#: Of logins, which nobody uses twice.
_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def imap_servers(dovecot):
    logins = dict.fromkeys((f"{n}@plain.test" for n in range(100)), "secret")
    with Dovecot(logins, capabilities=PLAIN) as plain, MailDevel() as mail_devel:
        yield {"qresync": dovecot, "plain": plain, "mail_devel": mail_devel}


@pytest.fixture
def five(mirror, imap_servers, at_google, at_microsoft):
    """``{kind: (box, its owner's program)}`` in one company."""
    with mirror.env() as env:
        env["ir.config_parameter"].set_param(
            "crm_mail_mirror.allowed_hosts", "localhost 127.0.0.1"
        )
    sharing = {"sharing_in": "everything", "sharing_out": "everything"}
    found, number = {}, next(_numbers)
    with ExitStack() as programs:
        for kind, server in imap_servers.items():
            login = {
                "qresync": f"login{499 - number}@dovecot.test",
                "plain": f"{number}@plain.test",
                "mail_devel": f"{number}@devel.test",
            }[kind]
            program = programs.enter_context(server.user(login))
            box = mirror.link(
                kind,
                imap_port=server.port,
                imap_login=login,
                imap_security="none",
                **sharing,
            )
            found[kind] = box, program
        found["gmail"] = at_google.link("gmail", **sharing)
        found["microsoft"] = at_microsoft.link("microsoft", **sharing)
        for _box, program in found.values():
            if "Sent" not in program.folders():
                program.create("Sent")
        yield found


def everybody(five):
    return ", ".join(box.email for box, _program in five.values())


def passes(mirror, five, count=2):
    boxes = [box for box, _program in five.values()]
    for _ in range(count):
        mirror.sync(*boxes)
        mirror.check(*boxes)
    for box in boxes:
        assert not mirror.mailbox(box, "last_error"), box.email


def rows(mirror, five):
    """(copies, messages, texts) of the five mailboxes."""
    ((copies, messages, texts),) = mirror.sql(
        """SELECT count(*), count(DISTINCT message_id), count(DISTINCT body_id)
             FROM crm_mail_mirror_copy WHERE mailbox_id = ANY(%s)""",
        [box.id for box, _program in five.values()],
    )
    return copies, messages, texts


def boss_of(mirror, name, box):
    """A manager who may read the mailboxes of those below, and no other."""
    boss = mirror.user(name, mirror_visibility="1")
    mirror.write("res.users", box.user_id, mirror_manager_id=boss)
    return boss


LETTERS = {
    "plain": {},
    "in many scripts": {
        "subject": "Ré: 見積書 – Größe  und\tmehr",
        "cc": '"Müller, Jörg" <joerg@other.test>, 山田 <yamada@other.test>',
        "text": "Grüße aus Köln, 東京.\n\n> Zitat\n",
    },
    "alternatives": {"html": "<p>Text of mail 1.</p>"},
    "a reply": {
        "in_reply_to": "<first@other.test>",
        "references": "<zero@other.test> <first@other.test>",
    },
    "without subject": {"subject": None},
}


@pytest.mark.parametrize("letter", LETTERS.values(), ids=LETTERS)
def test_mail_to_five_kinds_of_mailbox_is_one_row(mirror, five, letter):
    partner = mirror.contact("client")
    sent = raw(1, mirror.at("client"), everybody(five), **letter)
    if letter.get("subject", "") is None:
        sent = sent.replace(b"Subject: Mail 1\r\n", b"")
    for _box, program in five.values():
        program.append("INBOX", sent)

    passes(mirror, five)

    assert rows(mirror, five) == (5, 1, 1)
    for box, _program in five.values():
        assert len(mirror.shown_on(partner, box.user_id)) == 1


@pytest.mark.parametrize("sender", KINDS)
def test_blind_copy_is_seen_by_the_readers_of_its_sender_only(mirror, five, sender):
    visible, hidden = mirror.contact("client"), mirror.contact("hidden")
    author, _program = five[sender]
    letter = {"cc": everybody(five), "subject": "Plan"}
    for kind, (_box, program) in five.items():
        if kind == sender:
            shown = raw(
                1, author.email, mirror.at("client"), bcc=mirror.at("hidden"), **letter
            )
            program.append("Sent", shown)
        else:
            program.append("INBOX", raw(1, author.email, mirror.at("client"), **letter))
    reader = boss_of(mirror, "reader", author)
    other = next(box for kind, (box, _p) in five.items() if kind != sender)
    stranger = boss_of(mirror, "stranger", other)

    passes(mirror, five)

    assert rows(mirror, five) == (5, 1, 1)
    for kind, (box, _program) in five.items():
        assert mirror.shown_on(visible, box.user_id) == ["Plan"]
        expected = ["Plan"] if kind == sender else []
        assert mirror.shown_on(hidden, box.user_id) == expected, kind
    assert mirror.shown_on(hidden, reader) == ["Plan"]
    assert mirror.shown_on(visible, stranger) == ["Plan"]
    assert mirror.shown_on(hidden, stranger) == []
    assert mirror.sql(
        """SELECT direction, count(*) FROM crm_mail_mirror_copy
            WHERE mailbox_id = ANY(%s) GROUP BY 1 ORDER BY 1""",
        [box.id for box, _program in five.values()],
    ) == [("in", 4), ("out", 1)]


def on_the_page(mirror, partner, user_id):
    """Subjects on the contact's page, as the web client reads it."""
    with mirror.env(user_id) as env:
        messages = env["res.partner"].browse(partner).mirror_message_ids
        return [message.subject for message in messages]


def test_gateway_that_tags_subjects_or_resolves_an_alias_makes_rows_shown_as_one(
    mirror, five
):
    """Joined never: what a gateway made of it, a forger could have made as well."""
    partner = mirror.contact("client")
    client, to = mirror.at("client"), f"sales@{mirror.house}"
    letters = {
        "gmail": raw(1, client, to, subject="[EXTERNAL] Offer"),
        "microsoft": raw(1, client, f"{to}, alias@{mirror.house}", subject="Offer"),
    }
    for kind, (_box, program) in five.items():
        letter = letters.get(kind) or raw(1, client, to, subject="Offer")
        program.append("INBOX", letter)
    everyone = mirror.user("everyone", mirror_visibility="4")

    passes(mirror, five)

    assert rows(mirror, five) == (5, 3, 3)
    (shown,) = on_the_page(mirror, partner, everyone)
    assert shown in ("Offer", "[EXTERNAL] Offer")
    for kind, (box, _program) in five.items():
        tagged = "[EXTERNAL] Offer" if kind == "gmail" else "Offer"
        assert on_the_page(mirror, partner, box.user_id) == [tagged]
        assert mirror.shown_on(partner, box.user_id) == [tagged]


def test_mail_that_one_of_five_deletes_stays_for_the_others(mirror, five):
    partner = mirror.contact("client")
    sent = raw(1, mirror.at("client"), everybody(five), subject="Offer")
    refs = {kind: program.append("INBOX", sent) for kind, (_b, program) in five.items()}
    passes(mirror, five)

    for left, (kind, (box, program)) in reversed(list(enumerate(five.items()))):
        program.expunge("INBOX", refs[kind])
        passes(mirror, five, 3)
        copies, messages, _texts = rows(mirror, five)
        assert (copies, messages) == (left, min(left, 1))
        assert mirror.shown_on(partner, box.user_id) == []
