# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""History records: what they say of each mail, and how they are walked through."""

import pytest
from engine.providers.base import Budget, CursorExpired
from engine.providers.gmail_history import Standing, in_order, in_steps, standings
from hypothesis import given
from hypothesis import strategies as st

from tests.providers.gmail_mailbox import gmail_mailbox
from tests.providers.letters import letter
from tests.providers.store import Store

HERE, GONE = Standing(True), Standing(False)


def record(number=1, **kinds):
    """``messagesAdded=[(id, labels)]``, ``labelsAdded=[(id, labels, change)]``, ..."""
    made = {"id": str(number)}
    for kind, entries in kinds.items():
        made[kind] = []
        for id_, labels, *change in entries:
            message = {"id": id_, **({"labelIds": labels} if labels else {})}
            made[kind].append({"message": message})
            if change:
                made[kind][-1]["labelIds"] = change[0]
    return made


@pytest.mark.parametrize(
    "kinds, expected",
    [
        ({"messagesAdded": [("a", ["INBOX", "UNREAD"])]}, HERE),
        ({"messagesAdded": [("a", [])]}, HERE),  # archived and read
        ({"messagesAdded": [("a", ["SENT"])]}, Standing(True, True)),
        ({"messagesAdded": [("a", ["INBOX", "SENT"])]}, Standing(True, True)),
        ({"messagesAdded": [("a", ["DRAFT"])]}, GONE),
        ({"messagesAdded": [("a", ["SPAM"])]}, GONE),
        ({"messagesAdded": [("a", ["CHAT"])]}, GONE),
        ({"messagesDeleted": [("a", ["INBOX"])]}, GONE),
        ({"labelsAdded": [("a", ["TRASH"], ["TRASH"])]}, GONE),
        ({"labelsAdded": [("a", [], ["TRASH"])]}, GONE),  # labels of then, or none
        ({"labelsAdded": [("a", ["INBOX", "STARRED"], ["STARRED"])]}, None),
        ({"labelsAdded": [("a", ["TRASH", "STARRED"], ["STARRED"])]}, None),
        ({"labelsRemoved": [("a", ["Label_1"], ["INBOX"])]}, None),
        ({"labelsRemoved": [("a", ["INBOX"], ["SPAM"])]}, HERE),
        ({"labelsRemoved": [("a", [], ["SPAM"])]}, Standing(True, sure=False)),
        ({"labelsRemoved": [("a", ["TRASH"], ["SPAM"])]}, GONE),  # still in the trash
        (
            {"labelsRemoved": [("a", ["TRASH", "SENT"], ["TRASH"])]},
            Standing(True, True),
        ),
        (
            {
                "labelsAdded": [("a", ["TRASH"], ["TRASH"])],
                "labelsRemoved": [("a", ["TRASH"], ["INBOX"])],
            },
            GONE,
        ),
        (
            {
                "labelsAdded": [("a", ["INBOX"], ["INBOX"])],
                "labelsRemoved": [("a", ["INBOX"], ["TRASH"])],
            },
            HERE,
        ),
        (
            {
                "messagesAdded": [("a", ["INBOX"])],
                "labelsAdded": [("a", ["INBOX"], ["SPAM"])],
            },
            GONE,
        ),
        (
            {
                "messagesAdded": [("a", ["INBOX"])],
                "messagesDeleted": [("a", ["INBOX"])],
            },
            GONE,
        ),
    ],
)
def test_labels_decide_what_counts(kinds, expected):
    assert standings(record(**kinds)).get("a") == expected


def test_one_record_may_carry_several_kinds_for_several_mails():
    found = standings(
        record(
            messagesAdded=[("new", ["INBOX"]), ("draft", ["DRAFT"])],
            messagesDeleted=[("old", [])],
            labelsAdded=[("thrown", ["TRASH"], ["TRASH"])],
            labelsRemoved=[("saved", [], ["SPAM"])],
        )
    )

    assert found == {
        "new": HERE,
        "draft": GONE,
        "old": GONE,
        "thrown": GONE,
        "saved": Standing(True, sure=False),
    }


def test_records_that_share_an_id_are_told_together():
    records = [
        record(10, messagesAdded=[("z", [])]),
        record(11, messagesAdded=[("a", [])]),
        record(11, messagesAdded=[("b", [])]),
        record(12, messagesDeleted=[("a", [])]),
    ]

    assert list(in_steps(records, 10)) == [
        (11, {"a": HERE, "b": HERE}),
        (12, {"a": GONE}),
    ]
    # the rest of id 12 may be on the next page, which is asked for from id 11 on
    assert list(in_steps(records, 10, more=True)) == [(11, {"a": HERE, "b": HERE})]
    assert list(in_steps(records, 11, more=True)) == [(12, {"a": GONE})]


def test_ids_are_compared_as_numbers():
    """Of 64 bits; what is longer is none."""
    ids = ["9", "10", "100000000000000000000", "18446744073709551615"]

    found = in_order([{"id": id_} for id_ in reversed(ids)])

    assert [one["id"] for one in found] == [
        "9",
        "10",
        "18446744073709551615",
    ]


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["id", "message", "labelIds", "messagesAdded", "labelsAdded", "new"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(st.lists(anything, max_size=4))
def test_odd_records_do_no_harm(records):
    for one in in_order(records):
        for id_, standing in standings(one).items():
            assert id_ and isinstance(standing, Standing)


# --- at Gmail ------------------------------------------------------------------------


@pytest.fixture
def mailbox(google, new_login):
    with gmail_mailbox(google, new_login) as mailbox:
        yield mailbox


@pytest.fixture
def store():
    return Store()


def test_idle_pass_is_one_question_of_two_units(mailbox, store, provider, google):
    for number in range(3):
        mailbox.owner.append("INBOX", letter(number))
    store.sync(provider)

    for _ in range(3):
        google.clear_requests()
        with mailbox.open() as another:
            (batch,) = store.sync(another)
            spent = another.traffic

        assert len(google.requests()) == 1 == spent.commands
        assert google.units(mailbox.login) == 2 == spent.units == batch.cost
        assert spent.received < 1_000
        assert batch.pass_complete and not batch.more
        assert not batch.present and not batch.absent


def test_history_is_walked_in_bites_record_by_record(
    mailbox, store, provider, monkeypatch
):
    monkeypatch.setattr("engine.providers.gmail_api.PAGE", 7)
    refs = [mailbox.owner.append("INBOX", letter(n)) for n in range(20)]
    store.sync(provider)
    for n in range(20, 45):
        refs.append(mailbox.owner.append("INBOX", letter(n)))
    for ref in refs[:40:3]:
        mailbox.owner.move("INBOX", ref, "Trash")
    mailbox.owner.move("Trash", refs[3], "INBOX")

    batches = store.sync(provider, Budget(mails=4))

    assert store.truth == mailbox.owner.truth()
    assert all(len(batch.present) <= 4 for batch in batches)
    assert [batch.pass_complete for batch in batches[:-1]] == [False] * (
        len(batches) - 1
    )


def test_newest_mail_of_a_bite_comes_first(mailbox, store, provider):
    store.sync(provider)
    for number in range(5):
        mailbox.owner.append("INBOX", letter(number))

    batches = store.sync(provider)

    assert store.told(batches) == [f"<{n}@letters.example>" for n in (4, 3, 2, 1, 0)]


def test_draft_that_is_sent_is_told_once(mailbox, store, provider):
    store.sync(provider)
    draft = mailbox.owner.append("Drafts", letter(1))
    batches = store.sync(provider)
    mailbox.owner.expunge("Drafts", draft)
    sent = mailbox.owner.append("Sent", letter(1))

    batches += store.sync(provider)

    ((presence,),) = [batch.present for batch in batches if batch.present]
    assert (presence.place.ref, presence.outgoing) == (sent, True)


def test_spam_that_is_none_comes_back_with_its_place(mailbox, store, provider):
    ref = mailbox.owner.append("Junk", letter(1))
    store.sync(provider)
    assert store.places == {}

    mailbox.owner.move("Junk", ref, "INBOX")
    store.sync(provider)

    assert store.truth == mailbox.owner.truth() != set()


def test_mail_whose_labels_are_not_told_is_looked_at(mailbox, store, provider, google):
    """Out of the spam, but into the trash before: a place alone would bring it back."""
    refs = [mailbox.owner.append("INBOX", letter(number)) for number in range(3)]
    store.sync(provider)
    for ref in refs[:2]:
        mailbox.owner.label(ref, add=["TRASH"])
    store.sync(provider)
    for ref in refs[:2]:
        mailbox.owner.label(ref, add=["SPAM"])
        mailbox.owner.label(ref, remove=["SPAM"])
    mailbox.owner.label(refs[1], remove=["TRASH", "INBOX"])
    google.habit(history_labels="none")
    google.clear_requests()
    try:
        batches = store.sync(provider)
    finally:
        google.habit(history_labels="then")

    assert store.truth == mailbox.owner.truth()
    (presence,) = [p for batch in batches for p in batch.present]
    assert presence.place.ref == refs[1] and presence.envelope
    assert google.units(mailbox.login) == 2 + 2 * 20


def test_much_mail_whose_labels_are_not_told(mailbox, store, provider, google):
    refs = [mailbox.owner.append("Junk", letter(number)) for number in range(14)]
    store.sync(provider)
    for ref in refs:
        mailbox.owner.label(ref, remove=["SPAM", "UNREAD"])

    batches = store.sync(provider, Budget(mails=4))

    assert store.truth == mailbox.owner.truth()
    assert len(store.places) == 14
    assert all(len(batch.present) <= 4 for batch in batches)
    assert not store.asked


def test_history_that_is_too_old_means_list_again(mailbox, store, provider, google):
    mailbox.owner.append("INBOX", letter(1))
    store.sync(provider)
    google.expire_history()

    with pytest.raises(CursorExpired):
        provider.pull(store.cursor, None, Budget())


def test_known_mail_that_is_listed_again_costs_no_headers(
    mailbox, store, provider, google
):
    for number in range(30):
        mailbox.owner.append("INBOX", letter(number))
    store.sync(provider)
    google.expire_history()
    google.clear_requests()

    store.sync(provider)

    assert google.units(mailbox.login) == 2 + 1 + 1 + 5  # refused, ..., labels, list
    assert store.truth == mailbox.owner.truth()
