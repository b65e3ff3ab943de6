"""Do the tests of the screens' data notice when a rule is broken?"""

import pytest

from .table import MESSAGE
from .test_conversations import ALL, of
from .test_mutants import _patched, _rewritten


def faults(env, world, level, boss):
    """Does what is told differ from the table?"""
    messages, company = env[MESSAGE], of(world.partners["company"])
    right = {m.id: m.shown(level) for m in world.mails if m.shown(level)}
    told = messages.get_conversations(company, limit=100)["conversations"]
    newest = sorted(right, reverse=True)[:100]
    yield {c["id"]: c["access"] for c in told} != {i: right[i] for i in newest}
    yield messages.get_overview(company)["total"] != len(right)
    groups = messages.get_overview({**company, "by": "contact"})["groups"]
    yield sum(g["count"] for g in groups) != len(right)
    found = messages.get_conversations(ALL, {"text": "bodyword"}, limit=100)
    yield {c["id"] for c in found["conversations"]} != set(
        sorted(world.visible(level, "everything"), reverse=True)[:100]
    )
    found = messages.get_conversations(ALL, {"text": "subjectword"}, limit=100)
    readable = world.visible(level, "subject", "everything")
    yield {c["id"] for c in found["conversations"]} != set(
        sorted(readable, reverse=True)[:100]
    )
    shown = messages.get_conversations(ALL, viewer=boss, limit=100)["conversations"]
    mine = {m.id for m in world.mails if m.owner == "viewer"}
    yield not {c["id"] for c in shown} <= mine
    for mail in world.mails[::5]:
        one = messages.get_conversation(mail.id, ALL)
        yield ("mails" in one) != (mail.id in right)
        if "mails" in one and mail.id in right:
            everything = right[mail.id] == "everything"
            yield (one["mails"][0]["text"] is None) == everything
            yield (one["mails"][0]["subject"] is None) != (right[mail.id] == "metadata")


def level_is_forgotten(monkeypatch, root):
    from odoo.tools import SQL

    _patched(monkeypatch, root, MESSAGE, "_is_seen", lambda self, look: SQL("TRUE"))


def every_mailbox_is_read(monkeypatch, root):
    kind = type(root[MESSAGE])
    right = kind._sight

    def sight(self, viewer=None):
        boxes = self.env["crm.mail.mirror.mailbox"].sudo().search([]).ids
        return right(self, viewer)._replace(mailboxes=tuple(boxes))

    monkeypatch.setattr(kind, "_sight", sight)


def viewer_sees_the_callers_sight(monkeypatch, root):
    kind = type(root[MESSAGE])
    right = kind._sight
    monkeypatch.setattr(kind, "_sight", lambda self, viewer=None: right(self))


def words_are_found_whatever_is_shared(monkeypatch, root):
    _rewritten(
        monkeypatch, root, "_holds", "v.shown = 'everything'", "v.shown != 'x'"
    )  # fmt: skip


def subjects_are_found_whatever_is_shared(monkeypatch, root):
    _rewritten(
        monkeypatch, root, "_holds", "v.shown IN ('subject', 'everything')", "TRUE"
    )


def texts_are_told_whatever_is_shared(monkeypatch, root):
    kind = type(root[MESSAGE])
    right = kind._copies_seen

    def seen(self, sight, ids):
        return {
            message: [copy._replace(shown="everything") for copy in copies]
            for message, copies in right(self, sight, ids).items()
        } | {i: [] for i in ids if i not in right(self, sight, ids)}

    monkeypatch.setattr(kind, "_copies_seen", seen)


MUTANTS = (
    level_is_forgotten,
    every_mailbox_is_read,
    viewer_sees_the_callers_sight,
    words_are_found_whatever_is_shared,
    subjects_are_found_whatever_is_shared,
    texts_are_told_whatever_is_shared,
)


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.__name__)
def test_broken_rule_is_noticed(monkeypatch, root, viewer, world, mutant):
    env = viewer("1")
    boss = world.users["boss"]
    root["res.users"].browse(boss).mirror_visibility = "4"
    root.flush_all()
    mutant(monkeypatch, root)

    assert any(faults(env, world, "1", boss))


def test_unbroken_rule_has_no_faults(root, viewer, world):
    env = viewer("1")

    assert not any(faults(env, world, "1", world.users["boss"]))
