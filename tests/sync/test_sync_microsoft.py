# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""Microsoft: an Entra and a Graph on loopback, the mirror, PostgreSQL."""

import pytest

from tests.sync.oauth_tests import SyncTests


class TestMicrosoft(SyncTests):
    is_bare = False

    @pytest.fixture
    def at(self, at_microsoft):
        return at_microsoft

    @pytest.fixture
    def provider_name(self):
        return "microsoft.MicrosoftProvider"
