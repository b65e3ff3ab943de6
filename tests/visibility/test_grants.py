"""Whom an owner lets read: what a yes opens, for whom, and when it does not."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from .table import MESSAGE, faults
from .test_mutants import _rewritten
from .world import LEVELS, World

GRANT = "crm.mail.mirror.grant"
#: What does not open anything: (state, days from now until which it lasts).
DEAD = [("granted", -1), ("refused", 7), ("withdrawn", 7), ("expired", 7), ("asked", 7)]


@pytest.fixture
def give(root, world):
    """``give("peer", "mail", message_id=1)``: a yes of that owner, for the viewer."""

    def make(owner, what, asker="viewer", state="granted", days=7, slot=1, **values):
        grant = root[GRANT].create(
            {
                "asker_id": world.users[asker],
                "owner_id": world.users[owner],
                "what": what,
                "days": 7,
                "state": state,
                "until": datetime.now() + timedelta(days=days),
                "slot": slot,
                **values,
            }
        )
        root.flush_all()
        root.invalidate_all()
        return grant

    return make


def contact(root, world, owner):
    """What a question for all mail with the customer of an owner stands on."""
    address = root["crm.mail.mirror.address"].search(
        [("email_normalized", "=", f"customer.{owner}@acme.test")]
    )
    return {
        "partner_id": world.partners[owner],
        "address_ids": [(6, 0, address.ids)],
    }


def opened(world, ids) -> World:
    """The world in which these mails are shared; private ones are not."""
    mails = [
        replace(mail, override="everything")
        if mail.id in ids and mail.override != "private"
        else mail
        for mail in world.mails
    ]
    return replace(world, mails=mails)


@pytest.fixture
def given(root, world, give):
    """Each kind of yes, each that is none; and the world that comes of it."""
    mails = {owner: [m.id for m in world.mails if m.owner == owner] for owner in (
        "below", "below_peer", "peer", "boss", "stranger", "abroad"
    )}  # fmt: skip
    root.cr.execute(
        "UPDATE crm_mail_mirror_message SET thread_key = 'thread' || id %% 2"
        " WHERE id = ANY(%s)",
        [mails["boss"] + mails["stranger"]],
    )
    # single mails; between them those of which every answer is no yes
    singles = mails["peer"][::2]
    for ident in singles:
        give("peer", "mail", message_id=ident)
    for place, ident in enumerate(mails["peer"][1::2]):
        # three each, so that among them is one that is shared otherwise
        state, days = DEAD[place // 3 % len(DEAD)]
        give("peer", "mail", state=state, days=days, message_id=ident, slot=1 + place)
        give("peer", "mail", asker="outsider", message_id=ident)
    # a conversation; the stranger has mail of the same one, and gave none of it
    give("boss", "conversation", thread_key="thread0", days=1)
    talk = [ident for ident in mails["boss"] if ident % 2 == 0]
    # all with a contact, at no end; and with one of whom there is no mail
    give("below_peer", "contact", until=False, **contact(root, world, "below_peer"))
    give("stranger", "contact", **contact(root, world, "boss"))
    give("abroad", "contact", **contact(root, world, "abroad"))
    return opened(world, {*singles, *talk, *mails["below_peer"], *mails["abroad"]})


@pytest.mark.parametrize("level", LEVELS)
def test_table_holds_with_what_was_given_and_with_what_is_over(viewer, given, level):
    found = faults(viewer(level), given, level)

    assert not found, "\n".join(found)


def test_without_any_yes_queries_are_what_they_were(root, viewer, world, give):
    from odoo.tools import SQL

    env = viewer("4")

    def asked():
        query = env[MESSAGE]._visible_copies(SQL("TRUE"), SQL("v.id"))
        return query.code, query.params

    before = asked()
    give("peer", "mail", asker="outsider", message_id=world.mails[0].id)
    give("peer", "mail", days=-1, message_id=world.mails[0].id)

    assert asked() == before
    assert "crm_mail_mirror_grant" not in before[0]
    give("peer", "mail", message_id=world.mails[0].id)
    assert "crm_mail_mirror_grant" in asked()[0]


# ---- broken on purpose --------------------------------------------------------------


def level_does_not_count(monkeypatch, root):
    from odoo.fields import Domain

    kind = type(root["crm.mail.mirror.mailbox"])
    right = kind._readable_domain

    def readable(self):
        givers, _kinds = self.env[GRANT]._givers(self.env.uid)
        return right(self) | Domain("user_id", "in", givers)

    monkeypatch.setattr(kind, "_readable_domain", readable)


def private_is_opened(monkeypatch, root):
    from odoo.tools import SQL

    kind = type(root[MESSAGE])
    right = kind._visible_copies
    private = "WHEN c.sharing = 'private' THEN 'metadata'"

    def mutant(self, *arguments, **named):
        query = right(self, *arguments, **named)
        case = self.env[GRANT]._granted_case(self.env.uid).code
        assert f"{private}{case}" in query.code
        code = query.code.replace(f"{private}{case}", f"{case} {private}")
        return SQL(code, *query.params)

    monkeypatch.setattr(kind, "_visible_copies", mutant)


def anybodys_question_opens(monkeypatch, root):
    _rewritten(monkeypatch, root, "_visible_copies", "g.asker_id = %s", "%s > 0")


def any_owner_opens(monkeypatch, root):
    _rewritten(
        monkeypatch, root, "_visible_copies", "AND g.owner_id = m.user_id", "AND TRUE"
    )


def time_that_is_over_counts(monkeypatch, root):
    over = "(g.until IS NULL OR g.until > now() AT TIME ZONE 'UTC')"
    _rewritten(monkeypatch, root, "_visible_copies", over, "TRUE")


def what_was_taken_back_counts(monkeypatch, root):
    _rewritten(
        monkeypatch, root, "_visible_copies", "g.state = 'granted'", "g.state != ''"
    )


def one_mail_opens_all(monkeypatch, root):
    _rewritten(
        monkeypatch, root, "_visible_copies",
        "AND g.message_id = c.message_id", "AND TRUE",
    )  # fmt: skip


def yes_opens_nothing(monkeypatch, root):
    from odoo.tools import SQL

    kind = type(root[GRANT])
    monkeypatch.setattr(kind, "_granted_case", lambda self, uid: SQL())


@pytest.mark.parametrize(
    ("mutant", "level"),
    [
        (level_does_not_count, "1"),
        (private_is_opened, "2"),
        (anybodys_question_opens, "2"),
        (any_owner_opens, "4"),
        (time_that_is_over_counts, "2"),
        (what_was_taken_back_counts, "2"),
        (one_mail_opens_all, "2"),
        (yes_opens_nothing, "2"),
    ],
    ids=lambda value: getattr(value, "__name__", value),
)
def test_broken_yes_is_caught_by_the_table(
    monkeypatch, root, viewer, given, mutant, level
):
    env = viewer(level)
    mutant(monkeypatch, root)
    root.invalidate_all()

    found = faults(env, given, level, first=True)

    assert found
