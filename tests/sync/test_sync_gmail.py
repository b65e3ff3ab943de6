# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""Gmail: a Google on loopback, the mirror, PostgreSQL."""

from datetime import UTC, datetime, timedelta

import pytest

from tests.sync.letters import raw
from tests.sync.oauth_tests import SyncTests, passes, true_ids

LONG_AGO = datetime.now(UTC) - timedelta(days=60)


class TestGmail(SyncTests):
    is_bare = True

    @pytest.fixture
    def at(self, at_google, monkeypatch):
        from odoo.addons.crm_mail_mirror.engine.providers import gmail_sync

        monkeypatch.setattr(gmail_sync, "LOOK_EVERY", 0)
        return at_google

    @pytest.fixture
    def provider_name(self):
        return "gmail.GmailProvider"

    def test_import_of_years_is_listed_by_address_and_says_what_it_passed_by(
        self, mirror, box_owner, at, google
    ):
        box, owner = box_owner
        mirror.contact("client")
        mirror.contact("other")
        for number in range(60):
            local = {7: "client", 30: "other"}.get(number, f"stranger{number}")
            received = LONG_AGO + timedelta(minutes=number)
            letter = raw(number, mirror.at(local), box.email)
            owner.append("INBOX", letter, received=received)
        for number in range(60, 70):
            owner.append("INBOX", raw(number, mirror.at(f"x{number}"), box.email))
        at.clear()

        passes(mirror, box, 3)

        assert mirror.states(box) == {
            ("mirrored", "contact"): 2,
            ("unmatched", "no_contact"): 10,
        }
        assert self.ledger(mirror, box) == {
            ("mirrored", "contact"): 2,
            ("unmatched", "no_contact"): 10,
            ("unmatched", "not_listed"): 58,
        }
        assert google.units(box.email) < 60 * 20, "each header was read"

        # and when all is listed again, the log begins anew
        with mirror.env(box.user_id) as env:
            env["crm.mail.mirror.mailbox"].browse(box.id).action_list_again()
        passes(mirror, box, 3)
        assert self.ledger(mirror, box)["unmatched", "not_listed"] == 58
        assert mirror.states(box)["mirrored", "contact"] == 2

    @staticmethod
    def ledger(mirror, box):
        rows = mirror.sql(
            """SELECT state, reason, sum(count)::int FROM crm_mail_mirror_day
                WHERE mailbox_id = %s AND count != 0 GROUP BY 1, 2""",
            box.id,
        )
        return {(state, reason): count for state, reason, count in rows}

    def test_mirrored_mail_that_no_address_finds_any_more_stays_until_it_is_gone(
        self, mirror, filled, at
    ):
        """A list by addresses knows To, Cc and Bcc, but no Reply-To."""
        box, owner, refs = filled
        mirror.contact("answers")
        letter = raw(50, mirror.at("robot"), box.email, reply_to=mirror.at("answers"))
        ref = owner.append("INBOX", letter, received=LONG_AGO)
        for number in range(60, 100):
            letter = raw(number, mirror.at(f"stranger{number}"), box.email)
            owner.append("INBOX", letter, received=LONG_AGO)
        passes(mirror, box)
        assert mirror.by_state(box)["mirrored"] == 11
        owner.expunge("INBOX", refs[0])

        at.forget(box)
        for _ in range(4):
            mirror.sync(box)
            mirror.check(box)

        assert mirror.by_state(box)["mirrored"] == 10
        assert ref in {ref for _folder, ref, _id in mirror.places(box)}
        owner.expunge("INBOX", ref)
        passes(mirror, box)
        assert mirror.by_state(box)["mirrored"] == 9

    def test_import_at_the_pace_of_googles_quota_asks_for_nothing_twice(
        self, mirror, at, monkeypatch
    ):
        """Runs end in the middle of pages; the quota is the limit, not we."""
        from odoo.addons.crm_mail_mirror.models import mailbox_run

        monkeypatch.setattr(mailbox_run, "ENVELOPES", 5)
        box, owner = at.link()
        mirror.contact("client")
        for number in range(56):
            local = "client" if number % 8 == 0 else f"stranger{number}"
            owner.append("INBOX", raw(number, mirror.at(local), box.email))
        at.clear()
        # 60 units a second: three mails; thirty at once at first
        at.pace(3600)

        seen = [0]
        while seen[-1] < 56:
            mirror.sync(box, budget=1)
            mirror.check(box)
            seen.append(sum(mirror.by_state(box).values()))
            assert seen[-1] > seen[-2], (seen, mirror.mailbox(box, "last_error"))
            assert not mirror.mailbox(box, "last_error")
        assert len(seen) > 3, "it was all one run"
        mirror.sync(box)

        asked = [r for r in at.requests() if "/messages/" in r]
        assert len(asked) == 56 + 7, "headers of all, texts of those that matched"
        wanted = {f"<{number}@{mirror.domain}>" for number in range(0, 56, 8)}
        assert mirror.mirrored(box) == sorted(wanted)
        assert wanted < set(true_ids(owner))
