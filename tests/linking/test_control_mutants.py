# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""Each control of signing in and of secrets, taken away: does its test fail?

The rows are those of ``docs/security.md``. The server is a process of its own, which is
broken while it runs (``breakable/sitecustomize.py``).
"""

import itertools
import json
import os
import secrets
import time
from dataclasses import replace
from pathlib import Path

import pytest

from setup import template
from tests.broken import Change, must_notice, mutant
from tests.linking import test_consent as consent
from tests.linking import test_secrets as kept
from tests.linking.clouds import Clouds
from tests.linking.conftest import Desk
from tests.linking.visitor import Visitor
from tests.odoo_server import OdooServer

ADDON = "odoo.addons.crm_mail_mirror"
MODELS = f"{ADDON}.models."
CALLBACK = f"{ADDON}.controllers.oauth:Consent.callback"
STATE = f"{MODELS}consent_state:"
NEUTRALIZE = Path("addons/crm_mail_mirror/data/neutralize.sql")

_numbers = itertools.count(1)


class Breakable:
    """:param folder: where what is to be broken is written down, and done"""

    def __init__(self, folder: Path):
        self.wanted, self.made = folder / "changes", folder / "changes.made"
        python = Path(__file__).parent / "breakable"
        path = template.environment()["PYTHONPATH"]
        self.environment = {
            "BREAKABLE": str(self.wanted),
            "PYTHONPATH": f"{python}{os.pathsep}{path}",
        }

    def make(self, changes) -> None:
        told = [[one.where, one.before, one.after] for one in changes]
        # spaces behind: what is said twice is done twice
        said = json.dumps(told) + " " * next(_numbers)
        unfinished = self.wanted.with_suffix(".new")
        unfinished.write_text(said, encoding="utf-8")
        unfinished.rename(self.wanted)
        deadline = time.monotonic() + 30
        while (made := self._made()) != said:
            assert time.monotonic() < deadline, f"it could not be broken: {made}"
            time.sleep(0.02)

    def _made(self) -> str:
        return self.made.read_text(encoding="utf-8") if self.made.exists() else ""


@pytest.fixture(scope="module")
def breakable(tmp_path_factory):
    return Breakable(tmp_path_factory.mktemp("breakable"))


@pytest.fixture(scope="module")
def desk(postgres, breakable, tmp_path_factory):
    """As for all tests here, of a server of its own."""
    dbname = f"mirror_test_{secrets.token_hex(4)}"
    template.clone(postgres, template.ensure(postgres), dbname)
    with Clouds() as clouds:
        environment = {**clouds.environment(), **breakable.environment}
        folder = tmp_path_factory.mktemp("server")
        server = OdooServer(postgres, dbname, folder, environment)
        try:
            yield Desk(server.start(), clouds)
        finally:
            server.stop()
            template.drop(postgres, dbname)
    assert not server.attempts(), "the server connected beyond this machine"


@pytest.fixture
def provider(row):
    """Where a row names none, one of both is enough: what is broken serves both."""
    return row.values.get("provider", "gmail")


def neutralising_without(statement):
    """The script, without the statement that begins so."""

    def forget(patch, request):
        script = NEUTRALIZE.read_text(encoding="utf-8")
        assert statement in script
        place = request.getfixturevalue("tmp_path") / NEUTRALIZE
        place.parent.mkdir(parents=True)
        left = [s for s in script.split(";") if statement not in s]
        place.write_text(";".join(left), encoding="utf-8")
        patch.chdir(request.getfixturevalue("tmp_path"))

    return forget


ROWS = [
    mutant("mix-up: each provider has its address",
           Change(CALLBACK, "not mailbox or claim.kind != KIND_OF[provider]",
                  "not mailbox"),
           test=consent.test_state_of_one_provider_is_refused_at_the_other),
    mutant("the state is signed",
           Change(f"{STATE}State.parse", "not any(same)", "False"),
           test=consent.test_state_that_was_changed_is_refused,
           change=consent._another_mailbox),
    mutant("replay: used once",
           Change(f"{STATE}take_flow",
                  "flows.pop(state.nonce, None)", "flows.get(state.nonce)"),
           test=consent.test_answer_brought_twice_is_used_once),
    mutant("replay: for ten minutes",
           Change(f"{STATE}State.expired",
                  "not 0 <= time.time()", "False and time.time()"),
           test=consent.test_answer_after_ten_minutes_is_not_used),
    mutant("login CSRF: the flow lies in the session",
           Change(f"{STATE}keep_flow", "session[_KEY] = kept",
                  "globals()['_everybodys'] = kept"),
           Change(f"{STATE}take_flow", "kept = dict(session.get(_KEY) or {})",
                  "kept = dict(globals()['_everybodys'])"),
           test=consent.test_answer_in_another_browser_is_not_used),
    mutant("login CSRF: who began is who ends",
           Change(CALLBACK, "claim.user_id != request.env.uid", "False"),
           test=consent.test_answer_brought_by_another_user_is_not_used),
    mutant("another account: who consented is asked",
           Change(f"{MODELS}crm_mail_mirror_mailbox_consent:"
                  "CrmMailMirrorMailbox._take_consent", "given != asked", "False"),
           test=consent.test_another_account_is_refused_and_both_are_named),
    mutant("passwords are encrypted",
           Change(f"{MODELS}crm_mail_mirror_credential:"
                  "CrmMailMirrorCredential._store", "ring.encrypt(secret)",
                  'ring.encrypt(secret) if mailbox.provider != "imap" else secret'),
           test=kept.test_nothing_secret_in_a_dump_of_the_database),
    mutant("neutralising: client secrets go",
           neutralising_without("UPDATE crm_mail_mirror_client"),
           test=kept.test_a_copy_of_the_database_signs_in_nowhere),
]  # fmt: skip
LOGGED = [
    mutant("the log: codes in addresses",
           Change(f"{ADDON}.discretion:_cut_query", '"crm_mail_mirror" in said',
                  "False"),
           test=kept.test_nothing_secret_in_the_log_at_debug_level),
    mutant("the log: what is typed",
           Change(f"{ADDON}.discretion:_cut_arguments",
                  "record.levelno <= logging.DEBUG", "False"),
           test=kept.test_nothing_secret_in_the_log_at_debug_level),
]  # fmt: skip


@pytest.fixture
def talkative(postgres, desk, tmp_path):
    """As in ``test_secrets.py``, of a server that can be broken."""
    breakable = Breakable(tmp_path)
    environment = {**desk.clouds.environment(), **breakable.environment}
    server = OdooServer(
        postgres, desk.server.dbname, tmp_path, environment, log_handler=":DEBUG"
    )
    base = desk.admin("ir.config_parameter", "get_param", "web.base.url")
    server.breakable = breakable
    try:
        Visitor(server.start(), "admin")  # by then the addon is loaded
        yield server
    finally:
        server.stop()
        desk.admin("ir.config_parameter", "set_param", "web.base.url", base)


@pytest.mark.parametrize("row", ROWS + LOGGED, ids=lambda row: row.control)
def test_control_that_is_gone_is_noticed(row, request, desk, breakable):
    of_server = [change for change in row.changes if isinstance(change, Change)]
    others = tuple(change for change in row.changes if change not in of_server)
    if row in LOGGED:
        breakable = request.getfixturevalue("talkative").breakable
    there = (*others, lambda _patch, _request: breakable.make(of_server))

    try:
        must_notice(replace(row, changes=there), request)
    finally:
        breakable.make([])
