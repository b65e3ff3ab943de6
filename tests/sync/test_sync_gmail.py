# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""Gmail: a Google on loopback, the mirror, PostgreSQL."""

import pytest

from tests.sync.oauth_tests import SyncTests


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
