# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""Would the tests see it? Faults are planted, and tests of the conformance class fail.

Each class plants one in the code under test (or in the way it is used), and names the
tests that have to fail for it. That the same tests pass without it is seen where they
belong.
"""

from __future__ import annotations

import functools

import pytest
from engine.providers import (
    gmail_history,
    gmail_news,
    gmail_sync,
    microsoft,
    microsoft_bite,
    microsoft_graph,
    microsoft_lost,
    microsoft_walk,
)

from tests.providers.history import HistoryTests
from tests.providers.provider_tests import ProviderTests
from tests.providers.store import Store
from tests.providers.test_dovecot_plain import TestDovecotPlain as _Imap
from tests.providers.test_gmail import TestGmail as _Gmail
from tests.providers.test_microsoft import TestMicrosoft as _Microsoft
from tests.providers.test_microsoft import graph  # noqa: F401 (a fixture)

#: Of a history in which no server forgets, and in which all goes on that there is.
SEED = 1
HISTORY = "test_random_history_with_crashes_ends_equal"


def must_fail(test):
    """The same test, that passes when the fault shows."""

    @functools.wraps(test)
    def caught(self, *args, **kwargs):
        with pytest.raises(AssertionError):
            test(self, *args, **kwargs)

    return caught


def caught_by(*names: str):
    """Of all tests of a class only these, and they have to fail."""

    def only(kind):
        for name in dir(kind):
            if name.startswith("test_"):
                setattr(kind, name, None)
        for name in names:
            test = _history if name == HISTORY else getattr(ProviderTests, name)
            setattr(kind, name, must_fail(test))
        return kind

    return only


def _history(self, mailbox, monkeypatch):
    getattr(HistoryTests, HISTORY)(self, mailbox, SEED, monkeypatch)


# --- the cursor before the rows -------------------------------------------------------


class _CursorFirst:
    """The cursor is stored when a batch is pulled, what it tells a moment later."""

    @pytest.fixture(autouse=True)
    def fault(self, monkeypatch):
        pull = Store.pull

        def pull_and_keep(self, *args, **kwargs):
            batch = pull(self, *args, **kwargs)
            self.cursor = batch.cursor
            return batch

        monkeypatch.setattr(Store, "pull", pull_and_keep)


@caught_by(HISTORY)
class TestCursorFirstImap(_CursorFirst, _Imap):
    pass


@caught_by(HISTORY)
class TestCursorFirstGmail(_CursorFirst, _Gmail):
    pass


@caught_by(HISTORY)
class TestCursorFirstMicrosoft(_CursorFirst, _Microsoft):
    pass


# --- Microsoft ------------------------------------------------------------------------


@caught_by(
    "test_back_and_forth_is_no_delete",
    "test_into_the_trash_and_out_between_two_passes_is_no_delete",
    HISTORY,
)
class TestRemovedIsDeleted(_Microsoft):
    """``@removed`` is taken at its word."""

    @pytest.fixture(autouse=True)
    def fault(self, monkeypatch):
        def believe(self):
            for folder, refs in self.lost.items():
                for ref in refs:
                    self._tell_gone(folder, ref)
            self.lost.clear()
            return True

        monkeypatch.setattr(microsoft_lost.Lost, "find_lost", believe)


@caught_by("test_import_in_small_bites_loses_and_doubles_nothing")
class TestFilterOnDelta(_Microsoft):
    """The walk asks for mail since the start alone: the server stops at its cap."""

    @pytest.fixture(autouse=True)
    def fault(self, graph, monkeypatch):  # noqa: F811
        path = microsoft_graph.path

        def filtered(*steps, **query):
            if steps[-1] == "delta":
                query["filter"] = "receivedDateTime ge 2000-01-01T00:00:00Z"
            return path(*steps, **query)

        monkeypatch.setattr(graph.rounds, "filter_cap", 5)
        monkeypatch.setattr(microsoft_walk, "path", filtered)


@caught_by("test_move_between_folders_is_no_delete", HISTORY)
class TestIdsThatChange(_Microsoft):
    """Immutable ids are not asked for."""

    @pytest.fixture(autouse=True)
    def fault(self, monkeypatch):
        monkeypatch.setattr(microsoft_graph, "IMMUTABLE", 'IdType="Default"')


@caught_by("test_server_that_forgot_what_it_told_is_listed_again")
class TestResyncThatDropsNothing(_Microsoft):
    """After 410 a folder is listed again, and its old places stay."""

    @pytest.fixture(autouse=True)
    def fault(self, monkeypatch):
        start = microsoft_bite.Bite._start_again

        def start_again(self, folder):
            start(self, folder)
            self.known[folder]["g"] = ""
            self.reset.clear()

        monkeypatch.setattr(microsoft_bite.Bite, "_start_again", start_again)


@caught_by("test_mail_in_the_trash_is_gone_from_its_place")
class TestWhereverItIs(_Microsoft):
    """What Graph finds by its id is taken to be where it was."""

    @pytest.fixture(autouse=True)
    def fault(self, monkeypatch):
        read = microsoft.MicrosoftProvider._read

        def there(self, places, question):
            for place, answer in read(self, places, question):
                if isinstance(answer, dict):
                    answer["parentFolderId"] = place.folder
                yield place, answer

        monkeypatch.setattr(microsoft.MicrosoftProvider, "_read", there)


# --- Gmail ----------------------------------------------------------------------------


@caught_by(
    "test_move_to_trash_is_a_delete",
    "test_mail_that_goes_during_a_long_import_is_not_kept",
    HISTORY,
)
class TestLabelsIgnored(_Gmail):
    """Only mail that is added or deleted counts in the history."""

    @pytest.fixture(autouse=True)
    def fault(self, monkeypatch):
        standings = gmail_history.standings

        def unlabelled(record, hidden):
            unsaid = {"labelsAdded": [], "labelsRemoved": []}
            return standings({**record, **unsaid}, hidden)

        monkeypatch.setattr(gmail_history, "standings", unlabelled)


@caught_by("test_deleted_mail_is_absent", HISTORY)
class TestDeletedIgnored(_Gmail):
    @pytest.fixture(autouse=True)
    def fault(self, monkeypatch):
        standings = gmail_history.standings

        def undeleted(record, hidden):
            return standings({**record, "messagesDeleted": []}, hidden)

        monkeypatch.setattr(gmail_history, "standings", undeleted)


@caught_by("test_mail_that_goes_during_a_long_import_is_not_kept")
class TestHistoryOfTheEnd(_Gmail):
    """The history id is that of the import's end, not of its beginning."""

    @pytest.fixture(autouse=True)
    def fault(self, monkeypatch):
        steps = gmail_sync.Pull._steps

        def late(self):
            was_filling = bool(self.fill)
            self.memory.quiet = self.memory.quiet or was_filling
            steps(self)
            if was_filling:
                self.cursor["history"] = str(self.api.profile()["historyId"])

        monkeypatch.setattr(gmail_sync.Pull, "_steps", late)
        monkeypatch.setattr(gmail_sync.Pull, "_must_look", lambda self: not self.fill)


@caught_by("test_server_that_forgot_what_it_told_is_listed_again")
class TestExpiredHistoryIsNoNews(_Gmail):
    """404 for an old history id is taken for "nothing new"."""

    @pytest.fixture(autouse=True)
    def fault(self, monkeypatch):
        look = gmail_news.News._look

        def deaf(self):
            try:
                return look(self)
            except gmail_news.CursorExpired:
                self.cursor["history"] = str(self.api.profile()["historyId"])
                return True

        monkeypatch.setattr(gmail_news.News, "_look", deaf)
