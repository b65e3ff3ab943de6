# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""IMAP with everything: Dovecot with QRESYNC, LIST-STATUS, ESEARCH."""

import pytest

from tests.providers.imap_tests import ImapTests


class TestDovecotQresync(ImapTests):
    @pytest.fixture
    def server(self, dovecot):
        return dovecot
