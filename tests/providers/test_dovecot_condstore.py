# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""IMAP with CONDSTORE but without QRESYNC, as Gmail and iCloud have it."""

import pytest

from tests.providers.imap_tests import ImapTests


class TestDovecotCondstore(ImapTests):
    @pytest.fixture
    def server(self, dovecot_condstore):
        return dovecot_condstore
