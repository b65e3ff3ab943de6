# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""Rows deleted behind the addon's back come back: from Dovecot, Google and Graph."""

import importlib
from datetime import UTC, datetime, timedelta

import pytest

from tests.sync.letters import raw
from tests.sync.test_audit import everything, job, take_away, take_places_away, week

ENGINE = "odoo.addons.crm_mail_mirror.engine.providers"
CLASSES = {
    "imap": ("imap", "ImapProvider"),
    "google": ("gmail", "GmailProvider"),
    "microsoft": ("microsoft", "MicrosoftProvider"),
}
LONG_AGO = datetime.now(UTC) - timedelta(days=60)


@pytest.fixture(params=sorted(CLASSES))
def kind(request):
    return request.param


@pytest.fixture
def linked(mirror, request, kind, monkeypatch):
    """A mailbox and its owner's own program."""
    if kind == "imap":
        return request.getfixturevalue("post")()
    if kind == "google":
        gmail_sync = importlib.import_module(f"{ENGINE}.gmail_sync")
        monkeypatch.setattr(gmail_sync, "LOOK_EVERY", 0)
    return request.getfixturevalue(f"at_{kind}").link()


@pytest.fixture
def asked(mirror, kind, monkeypatch):
    """``[(what, questions it took)]`` of each audit, and headers and texts read."""
    module, name = CLASSES[kind]
    provider, found = getattr(importlib.import_module(f"{ENGINE}.{module}"), name), []

    def counted(real):
        def audit(self, *args, **kwargs):
            before = self.traffic.commands
            told = real(self, *args, **kwargs)
            found.append(("audit", self.traffic.commands - before))
            return told

        return audit

    def noted(what, real):
        def ask(self, mails):
            mails = list(mails)
            found.append((what, len(mails)))
            return real(self, mails)

        return ask

    monkeypatch.setattr(provider, "audit", counted(provider.audit))
    for what in ("envelopes", "fetch"):
        monkeypatch.setattr(provider, what, noted(what, getattr(provider, what)))
    return found


@pytest.fixture
def filled(mirror, linked):
    """Of a client: 30 mails of today in two folders, 30 old ones; 10 of nobody."""
    box, owner = linked
    mirror.contact("client")
    for number in range(60):
        folder = "Archive" if number % 3 == 0 else "INBOX"
        received = LONG_AGO if number >= 30 else None
        owner.append(folder, raw(number, mirror.at("client"), box.email), (), received)
    for number in range(60, 70):
        owner.append("INBOX", raw(number, mirror.at("stranger"), box.email))
    owner.append("Trash", raw(80, mirror.at("client"), box.email))
    owner.append("Drafts", raw(81, box.email, mirror.at("client")))
    for _ in range(2):
        mirror.sync(box)
        assert not mirror.mailbox(box, "last_error")
    mirror.check(box)
    assert mirror.by_state(box) == {"mirrored": 60, "unmatched": 10}
    return box, owner


def test_clean_week_is_one_question_a_folder(mirror, filled, asked, kind):
    box, _owner = filled

    assert week(mirror, box) == ("done", 0, 0, 0)

    ((what, questions),) = asked
    assert what == "audit"
    # IMAP: one for the list, EXAMINE and SEARCH of two folders that hold mail, EXAMINE
    # of two that hold none; Graph: one for the list, one for each that counts
    assert questions <= {"google": 1, "imap": 8, "microsoft": 8}[kind], questions
    mirror.check(box)


def test_week_brings_back_those_of_the_week_and_all_of_it_the_rest(
    mirror, filled, asked
):
    box, owner = filled
    before = mirror.mirrored(box)
    seen = mirror.seen(box)
    take_away(mirror, box, 15)
    take_away(mirror, box, 5, "unmatched")
    take_places_away(mirror, box, 10)
    old = mirror.sql(
        """DELETE FROM crm_mail_mirror_copy WHERE mailbox_id = %s
              AND id IN (SELECT id FROM crm_mail_mirror_copy WHERE mailbox_id = %s
                            AND received_at < now() - interval '30 days' LIMIT 20)
        RETURNING id""",
        box.id,
        box.id,
    )
    assert len(old) == 20

    assert week(mirror, box) == ("done", 30, 0, 0)
    assert sum(count for what, count in asked if what == "envelopes") == 30
    assert everything(mirror, box, 3) == ("done", 20, 0, 0)

    mirror.check(box)
    assert mirror.mirrored(box) == before
    assert mirror.seen(box) == seen
    assert len(mirror.places(box)) == 60
    assert week(mirror, box) == ("done", 0, 0, 0)


def test_rows_that_should_not_be_there_go(mirror, filled):
    """Rows of mail that the mailbox never had: one of the week, one that is old."""
    box, owner = filled
    before = mirror.mirrored(box)
    for number, days in ((1, 1), (2, 50)):
        found = mirror.sql(
            """SELECT l.folder_id, l.generation, l.ref
                 FROM crm_mail_mirror_location l
                 JOIN crm_mail_mirror_folder f ON f.id = l.folder_id
                WHERE f.mailbox_id = %s ORDER BY l.id LIMIT 1""",
            box.id,
        )
        ((folder, generation, ref),) = found
        # a UID that was never given out, or an id that nobody has
        ref = f"000000090{number}" if ref.isdigit() else f"{ref}{number}"
        mirror.sql(
            """WITH message AS (
                   INSERT INTO crm_mail_mirror_message (identity, internet_message_id,
                                                        date)
                   VALUES (%s, '<forged@x.test>', now()) RETURNING id),
                 copy AS (
                   INSERT INTO crm_mail_mirror_copy
                          (mailbox_id, user_id, key, received_at, state, reason,
                           message_id)
                   SELECT %s, %s, %s, now() - %s * interval '1 day', 'mirrored',
                          'contact', id FROM message RETURNING id)
               INSERT INTO crm_mail_mirror_location
                      (copy_id, folder_id, generation, ref)
               SELECT id, %s, %s, %s FROM copy""",
            f"forged {box.id} {number}",
            box.id,
            box.user_id,
            f"forged {number}",
            days,
            folder,
            generation,
            ref,
        )

    _state, missing, gone, _changed = week(mirror, box)
    assert (missing, gone) == (0, 1)
    _state, missing, gone, _changed = everything(mirror, box, 3)
    assert (missing, gone) == (0, 1)
    for _ in range(3):
        mirror.sync(box)
    job(mirror)

    mirror.check(box)
    assert mirror.mirrored(box) == before
