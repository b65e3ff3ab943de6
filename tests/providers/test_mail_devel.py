# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""IMAP as in RFC 3501, of another family: mail-devel (pymap)."""

import pytest

from tests.providers.imap_tests import ImapTests


class TestMailDevel(ImapTests):
    can_rename = False
    can_remove_while_read = False

    @pytest.fixture
    def server(self, mail_devel):
        return mail_devel
