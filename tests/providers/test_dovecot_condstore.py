# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""IMAP with CONDSTORE but without QRESYNC, as Gmail and iCloud have it."""

import pytest

from tests.providers.history import HistoryTests
from tests.providers.provider_tests import ProviderTests


class TestDovecotCondstore(ProviderTests, HistoryTests):
    @pytest.fixture
    def server(self, dovecot_condstore):
        return dovecot_condstore
