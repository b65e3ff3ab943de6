# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""IMAP as in RFC 3501: Dovecot that hides what it can."""

import pytest

from tests.providers.imap_tests import ImapTests


class TestDovecotPlain(ImapTests):
    @pytest.fixture
    def server(self, dovecot_plain):
        return dovecot_plain
