# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""IMAP with everything: Dovecot with QRESYNC, LIST-STATUS, ESEARCH."""

import pytest
from engine.providers.base import Lookup

from tests.providers.imap_tests import ImapTests
from tests.providers.letters import letter


class TestDovecotQresync(ImapTests):
    @pytest.fixture
    def server(self, dovecot):
        return dovecot

    def test_folder_whose_count_of_changes_was_set_back_is_listed(
        self, mailbox, provider, store
    ):
        refs = [mailbox.owner.append("INBOX", letter(number)) for number in range(3)]
        store.sync(provider)
        mailbox.owner.flag("INBOX", refs[0], "\\Deleted")
        store.sync(provider, passes=2)
        # what the server had counted up to before it lost that
        store.cursor["folders"]["INBOX"]["modseq"] += 1000
        mailbox.owner.flag("INBOX", refs[0], "\\Deleted", on=False)
        mailbox.owner.expunge("INBOX", refs[1])

        store.sync(provider, passes=2)

        self.assert_equal(store, mailbox)
        assert len(store.places) == 2

    def test_mail_seen_between_two_marks_is_absent(self, mailbox, provider, store):
        ref = mailbox.owner.append("INBOX", letter(1))
        ((place,),) = ([p.place for p in b.present] for b in store.sync(provider))
        mailbox.owner.flag("INBOX", ref, "\\Deleted")
        store.sync(provider)
        mailbox.owner.flag("INBOX", ref, "\\Deleted", on=False)
        fate = provider.confirm([Lookup(place)])[place]
        store.places[place] = "what confirm found"  # the engine writes such places
        mailbox.owner.flag("INBOX", ref, "\\Deleted")

        store.sync(provider)

        assert fate.places == (place,)
        assert place not in store.places
