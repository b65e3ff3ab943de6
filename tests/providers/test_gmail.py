# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""Gmail does what every provider has to do, and lives through random histories."""

import pytest

from tests.providers.gmail_mailbox import gmail_mailbox
from tests.providers.history import HistoryTests
from tests.providers.provider_tests import ProviderTests


class TestGmail(ProviderTests, HistoryTests):
    has_labels = True
    pauses = ("engine.providers.gmail_sync.LOOK_EVERY",)

    @pytest.fixture
    def mailbox(self, google, new_login):
        with gmail_mailbox(google, new_login) as mailbox:
            yield mailbox


@pytest.mark.parametrize("history_labels", ["then", "now", "none"])
class TestGmailAtItsWorst(HistoryTests):
    """What nobody knows for sure of Gmail: pages of lists, labels in the history."""

    pauses = ("engine.providers.gmail_sync.LOOK_EVERY",)

    @pytest.fixture
    def mailbox(self, google, new_login, history_labels, monkeypatch):
        monkeypatch.setattr("engine.providers.gmail_api.PAGE", 4)
        google.habit(offset_pages=True, history_labels=history_labels)
        with gmail_mailbox(google, new_login) as mailbox:
            yield mailbox
        google.habit(offset_pages=False, history_labels="then")
