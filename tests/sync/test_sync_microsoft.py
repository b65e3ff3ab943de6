# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""Microsoft: an Entra and a Graph on loopback, the mirror, PostgreSQL."""

import pytest

from tests.sync.history import IGNORED
from tests.sync.letters import raw
from tests.sync.oauth_tests import SyncTests, passes


class TestMicrosoft(SyncTests):
    is_bare = False

    @pytest.fixture
    def at(self, at_microsoft):
        return at_microsoft

    @pytest.fixture
    def provider_name(self):
        return "microsoft.MicrosoftProvider"

    def test_folder_moved_into_the_trash_goes_and_comes_back_with_its_mail(
        self, mirror, filled
    ):
        box, owner, refs = filled
        owner.create("Projects/Deep")
        for number, ref in enumerate(refs[:4]):
            owner.move("INBOX", ref, "Projects/Deep" if number % 2 else "Projects")
        owner.append("Projects", raw(40, mirror.at("stranger"), box.email))
        passes(mirror, box)
        assert mirror.by_state(box) == {"mirrored": 10, "unmatched": 1}

        owner.rename("Projects", "Trash/Projects")
        passes(mirror, box, 3)
        assert mirror.by_state(box) == {"mirrored": 6}
        ignored = [*IGNORED, "Trash/Projects", "Trash/Projects/Deep"]
        assert mirror.places(box) == owner.truth(ignored)

        owner.rename("Trash/Projects", "Back")
        passes(mirror, box, 3)
        assert mirror.by_state(box) == {"mirrored": 10, "unmatched": 1}
        wanted = {
            place for place in owner.truth(IGNORED) if not place[2].startswith("<40@")
        }
        assert mirror.places(box) == wanted

    def test_folder_that_is_removed_takes_its_mail_along(self, mirror, filled):
        box, owner, refs = filled
        owner.create("Old")
        for ref in refs[:3]:
            owner.move("INBOX", ref, "Old")
        passes(mirror, box)

        owner.remove("Old")
        passes(mirror, box)

        assert mirror.places(box) == owner.truth(IGNORED)
        assert mirror.by_state(box) == {"mirrored": 7}

    def test_folder_that_is_switched_off_and_on_acts_both_ways(self, mirror, filled):
        """Its mail is found where it was, but does not count."""
        box, owner, refs = filled
        owner.create("Private")
        for ref in refs[:4]:
            owner.move("INBOX", ref, "Private")
        passes(mirror, box)
        ((folder,),) = mirror.sql(
            """SELECT id FROM crm_mail_mirror_folder
                WHERE mailbox_id = %s AND name = 'Private'""",
            box.id,
        )

        mirror.write("crm.mail.mirror.folder", folder, selected=False)
        passes(mirror, box, 3)
        assert mirror.by_state(box)["mirrored"] == 6

        mirror.write("crm.mail.mirror.folder", folder, selected=True)
        passes(mirror, box, 3)
        assert mirror.by_state(box) == {"mirrored": 10}

    def test_refresh_token_that_is_refused_on_renewal_asks_the_owner(
        self, mirror, filled, entra
    ):
        """The password was changed: what was given lives on until it is renewed."""
        box, owner, _refs = filled
        entra.revoke(box.email, access=False)
        owner.append("INBOX", raw(60, mirror.at("client"), box.email))
        passes(mirror, box, 1)
        assert mirror.by_state(box) == {"mirrored": 11}

        entra.expire_tokens(box.email)
        mirror.sync(box)

        assert mirror.mailbox(box, "state") == "needs_login"
        assert mirror.activities(box) == 1

    @pytest.mark.parametrize("reason", ["interaction_required", "consent_required"])
    def test_companys_rules_that_ask_for_a_fresh_sign_in_ask_the_owner(
        self, mirror, filled, entra, reason
    ):
        box, _owner, _refs = filled
        entra.expire_tokens(box.email)
        entra.fault("/token", reason=reason, times=5)

        mirror.sync(box)

        assert mirror.mailbox(box, "state") == "needs_login"
        assert mirror.mailbox(box, "last_error") in ("sign_in_again", "consent_missing")
        entra.clear_faults()
