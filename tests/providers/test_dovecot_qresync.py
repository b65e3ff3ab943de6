# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""IMAP with everything: Dovecot with QRESYNC, LIST-STATUS, ESEARCH."""

import pytest

from tests.providers.history import HistoryTests
from tests.providers.provider_tests import ProviderTests


class TestDovecotQresync(ProviderTests, HistoryTests):
    @pytest.fixture
    def server(self, dovecot):
        return dovecot
