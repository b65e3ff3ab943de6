"""What the screens are told of mail: by level and sharing, as the table says."""

from datetime import datetime, timedelta

import pytest

from .table import MESSAGE
from .world import LEVELS, SHARED, copy, letter, mailbox_of

ALL = {"model": None}
DATE = datetime(2026, 6, 1, 12)
#: The ways in which mail is walked: few mailboxes, rows until others, the same of few
#: mailboxes, when a record has many.
WAYS = {
    "mailboxes": (250, 4000, 4000, 1),
    "shared": (250, 4000, 3, 1),
    "shared at once": (250, 4000, 4000, 5000),
    "windows": (0, 4000, 4000, 1),
    "both": (0, 4, 4, 1),
}


def of(partner, **more):
    return {"model": "res.partner", "id": partner, "by": "time", **more}


def pages(env, scope, limit=30, **named):
    """All conversations of a scope, page by page."""
    found, before = [], None
    for _page in range(500):
        page = env[MESSAGE].get_conversations(
            scope, before=before, limit=limit, **named
        )
        assert len(page["conversations"]) <= limit
        found += page["conversations"]
        before = page["next"]
        if not before:
            return found
    raise AssertionError("the list does not end")


def ids(env, scope=ALL, **named):
    return [one["id"] for one in pages(env, scope, **named)]


@pytest.fixture(params=WAYS)
def walked(request, monkeypatch):
    from odoo.addons.crm_mail_mirror.models import (
        crm_mail_mirror_conversation_walk as walk,
    )
    from odoo.addons.crm_mail_mirror.models import (
        crm_mail_mirror_conversation_window as window,
    )

    few, enough, of_few, many = WAYS[request.param]
    values = {"FEW_MAILBOXES": few, "WINDOW": 3, "WIDEST": 7, "ENOUGH": enough}
    values |= {"ENOUGH_OF_ALL": enough, "ENOUGH_OF_FEW": of_few, "MANY_ROWS": many}
    values |= {"OF_FEW": 3, "OF_EACH": 0}
    for name, value in values.items():
        monkeypatch.setattr(window, name, value)
    monkeypatch.setattr(walk, "NEAREST", 3)


# ---- the table ----------------------------------------------------------------------


@pytest.mark.parametrize("level", LEVELS)
def test_list_tells_what_the_table_says(viewer, world, level, walked):
    env = viewer(level)
    right = {m.id: m for m in world.mails if m.shown(level)}
    newest_first = sorted(right, key=lambda i: right[i].date, reverse=True)
    for scope in (ALL, of(world.partners["company"])):
        told = pages(env, scope, limit=11)

        assert [one["id"] for one in told] == newest_first
        for one in told:
            mail, shown = right[one["id"]], right[one["id"]].shown(level)
            everything = shown == "everything"
            assert one["access"] == shown
            assert one["subject"] == (mail.subject if shown != "metadata" else None)
            text = " ".join(mail.text.split())
            assert one["preview"] == (text if everything else None)
            assert one["has_attachment"] == everything
            assert bool(one["not_shared"]) == (not everything)
            assert one["direction"] == mail.direction
            assert [o["id"] for o in one["owners"]] == [world.users[mail.owner]]
            assert one["is_mine"] == (mail.owner == "viewer")
            assert [p["email"] for p in one["people"]] == [
                mail.customer, mail.owner_email,
            ]  # fmt: skip


@pytest.mark.parametrize("level", LEVELS)
def test_mail_tells_what_the_table_says(viewer, world, level):
    env = viewer(level)
    for mail in world.mails:
        shown = mail.shown(level)
        told = env[MESSAGE].get_conversation(mail.id, ALL)
        text = env[MESSAGE].get_text(mail.id)

        if shown is None:
            assert told == text == {"gone": True}
            continue
        (one,) = told["mails"]
        everything = shown == "everything"
        assert (one["id"], one["access"], told["count"]) == (mail.id, shown, 1)
        assert one["subject"] == (mail.subject if shown != "metadata" else None)
        assert one["text"] == (mail.text if everything else None)
        assert [f["name"] for f in one["attachments"]] == ["plan.pdf"] * everything
        assert bool(one["not_shared"]) == (not everything)
        assert text.get("text") == (mail.text if everything else None)
        assert one["sharing"] == (mail.override if mail.owner == "viewer" else None)


@pytest.mark.parametrize("level", LEVELS)
def test_line_over_the_list_tells_what_the_table_says(viewer, world, level, walked):
    env = viewer(level)
    for owner in (*sorted({o for o, _u in world.mailboxes.values()}), None):
        scope = of(world.partners[owner or "company"])
        mails = [m for m in world.mails if m.shown(level) and owner in (m.owner, None)]
        told = env[MESSAGE].get_overview(scope)

        assert told["total"] == len(mails)
        assert bool(told["empty"]) == (not mails)
        for name, way in (("last_in", "in"), ("last_out", "out")):
            dates = [m.date for m in mails if m.direction == way]
            assert (told[name] and told[name]["date"]) == (
                str(max(dates)) if dates else None
            )
        last = max(mails, key=lambda m: m.date).direction if mails else None
        assert told["turn"] == {"in": "us", "out": "them", None: None}[last]
    groups = env[MESSAGE].get_overview(of(world.partners["company"], by="contact"))
    owners = {m.owner for m in world.mails if m.shown(level)}
    assert {g["partner_id"]: g["count"] for g in groups["groups"]} == {
        world.partners[owner]: 30 for owner in owners
    }


@pytest.mark.parametrize("level", LEVELS)
def test_search_finds_what_may_be_read(viewer, world, level, walked):
    env = viewer(level)
    subject = world.visible(level, "subject", "everything")
    body = world.visible(level, "everything")
    seen = {m.id: m for m in world.mails if m.shown(level)}
    for scope in (ALL, of(world.partners["company"])):

        def found(scope=scope, **filters):
            return set(ids(env, scope, filters=filters))

        assert found(text="subjectword") == subject
        assert found(text="bodyw") == body
        assert found(text="greetings bodyword") == body
        assert found(text="subjectword bodyword") == set()
        assert found(person="peopleword") == set(seen)
        assert found(person="%") == set()
        assert found(attachments=True) == body
        for way in ("in", "out"):
            right = {i for i, m in seen.items() if m.direction == way}
            assert found(direction=way) == right
        for owner in ("peer", "viewer", "abroad"):
            right = {i for i, m in seen.items() if m.owner == owner}
            assert found(owner=world.users[owner]) == right
        day = "2026-03-05"
        assert found(since=day) == {i for i, m in seen.items() if str(m.date) >= day}
        assert found(until=day) == {
            i for i, m in seen.items() if str(m.date) < "2026-03-06"
        }
    for mail in world.mails[::9]:
        word = mail.text.split()[1]
        if mail.owner in ("below", "peer"):
            continue  # whose words are all among those of below_peer
        assert set(ids(env, filters={"text": word})) == {mail.id} & (body | subject)


@pytest.mark.parametrize("level", LEVELS)
def test_viewer_is_told_of_the_callers_own_mailboxes_alone(root, viewer, world, level):
    """The boss stands above the viewer: from level 1 on."""
    env = viewer("4")
    boss = world.users["boss"]
    root["res.users"].browse(boss).mirror_visibility = level
    root.flush_all()
    mine = [m for m in world.mails if m.owner == "viewer"]
    right = {m.id: SHARED[m.mailbox, m.override] for m in mine} if level != "0" else {}

    told = pages(env, of(world.partners["company"]), viewer=boss)

    assert {one["id"]: one["access"] for one in told} == right
    assert not [one for one in told if one["is_mine"] or one["can_ask"]]
    for mail in world.mails[::4]:
        one = env[MESSAGE].get_conversation(mail.id, ALL, viewer=boss)
        assert ("mails" in one) == (mail.id in right)
        if mail.id in right:
            everything = right[mail.id] == "everything"
            assert one["mails"][0]["text"] == (mail.text if everything else None)
            assert one["mails"][0]["sharing"] is None
    over = env[MESSAGE].get_overview(of(world.partners["company"]), viewer=boss)
    assert over["total"] == len(right)


def test_viewer_gives_nobody_more_than_they_see(viewer, world):
    """Whoever is named: third parties' mail never comes this way."""
    env = viewer("0")
    for name, user in world.users.items():
        if name in ("portal", "public"):
            with pytest.raises(_user_error()):
                env[MESSAGE].get_conversations(ALL, viewer=user)
            continue
        found = {m.owner for m in world.mails if m.id in ids(env, ALL, viewer=user)}
        assert found <= {"viewer"}


# ---- conversations ------------------------------------------------------------------


@pytest.fixture
def boxes(root, world):
    return {
        name: mailbox_of(root, world.users[name], f"new.{name}@us.test", "everything")
        for name in ("viewer", "peer")
    }


@pytest.fixture
def post(root, boxes):
    """``post(thread, owner, hours, who)``: a mail in a mailbox; its id."""
    number = iter(range(10_000))

    def write(thread, owner="viewer", hours=0, who="new@acme.test", **columns):
        name = f"{thread} {next(number)}"
        date = DATE + timedelta(hours=hours)
        columns.setdefault("thread_key", thread)
        message = letter(
            root, name, date, [("from", who), ("to", "new@us.test")], **columns
        )
        for each in owner.split():
            copy(root, message, boxes[each], "in", f"Text {name}")
        return message

    return write


@pytest.fixture
def contact(root):
    return root["res.partner"].create({"name": "New", "email": "new@acme.test"})


def test_conversation_stands_at_its_newest_mail_that_is_seen(
    viewer, contact, post, walked
):
    first, second = post("a", hours=1), post("b", hours=2)
    reply, hidden = post("a", hours=3), post("b", "peer", hours=4)
    scope = of(contact.id)

    env = viewer("0")
    told = pages(env, scope)
    assert [(one["id"], one["count"]) for one in told] == [(reply, 2), (second, 1)]
    assert str(hidden) not in str(env[MESSAGE].get_conversation(second, scope))
    assert env[MESSAGE].get_conversation(hidden, scope) == {"gone": True}

    env = viewer("2")
    told = pages(env, scope, limit=1)
    assert [(one["id"], one["count"]) for one in told] == [(hidden, 2), (reply, 2)]
    mails = env[MESSAGE].get_conversation(reply, scope)["mails"]
    assert [mail["id"] for mail in mails] == [first, reply]


def test_pages_hold_each_conversation_once_while_mail_comes(
    viewer, contact, post, walked
):
    there = [post(f"t{n % 9}", hours=n) for n in range(40)]
    env, scope, told, before = viewer("2"), of(contact.id), [], None
    for page in range(30):
        answer = env[MESSAGE].get_conversations(scope, before=before, limit=2)
        told += [one["id"] for one in answer["conversations"]]
        before = answer["next"]
        if not before:
            break
        # to conversations that were told and to those that come yet, and a new one
        post("t8", hours=100 + page)
        post("t0", hours=100 + page)
        post(f"new {page}", hours=3)

    assert told == there[:-10:-1]


def test_long_conversation_is_read_in_pages(viewer, contact, post):
    mails = [post("long", hours=n) for n in range(25)]
    env, scope, told, before = viewer("0"), of(contact.id), [], None
    while True:
        page = env[MESSAGE].get_conversation(mails[3], scope, before, limit=10)
        assert page["count"] == 25
        told = [mail["id"] for mail in page["mails"]] + told
        before = page["next"]
        if not before:
            break

    assert told == mails


def test_same_mail_in_two_shapes_is_told_once(viewer, contact, post, walked):
    """A gateway changed the subject of one: two rows, one mail to who sees both."""
    tagged = post("twins", "peer", same_key="same", hours=1)
    mine = post("twins", "viewer", same_key="same", hours=1)
    post("twins", hours=0)

    env = viewer("2")
    (one,) = pages(env, of(contact.id))
    mails = env[MESSAGE].get_conversation(one["id"], of(contact.id))
    assert (one["count"], mails["count"], len(mails["mails"])) == (2, 2, 2)
    assert one["id"] == mine
    assert one["is_mine"] and one["more_owners"] == 1
    assert env[MESSAGE].get_overview(of(contact.id))["total"] == 2
    assert tagged not in [mail["id"] for mail in mails["mails"]]


def test_places_in_a_list_tell_nothing_of_what_is_hidden(viewer, world, contact, post):
    """Where a page ends is a mail that the reader sees; newer ones have no say."""
    seen = [post(f"mine {n}", hours=2 * n) for n in range(6)]
    for n in range(6):
        post(f"theirs {n}", "peer", hours=2 * n + 1)
    env, before, places = viewer("0"), None, set()
    while True:
        page = env[MESSAGE].get_conversations(of(contact.id), before=before, limit=2)
        before = page["next"]
        if not before:
            break
        _date, place, top = before.split("|")
        places |= {int(place), int(top)}

    assert places <= set(seen)


# ---- records ------------------------------------------------------------------------


def test_lead_begins_with_its_making_and_has_earlier_mail_behind(
    root, viewer, contact, post, walked
):
    lead = root["crm.lead"].create({"name": "Lead", "partner_id": contact.id})
    root.cr.execute(
        "UPDATE crm_lead SET create_date = %s WHERE id = %s", [DATE, lead.id]
    )
    lead.invalidate_recordset()
    before, both = post("before", hours=-9), post("both", hours=-5)
    after, reply = post("after", hours=1), post("both", hours=2)
    scope = {"model": "crm.lead", "id": lead.id}
    env = viewer("0")

    assert ids(env, scope) == [reply, after]
    assert ids(env, {**scope, "earlier": True}) == [before]
    over = env[MESSAGE].get_overview(scope)
    assert (over["total"], over["earlier_count"]) == (2, 2)
    # read as a whole
    mails = env[MESSAGE].get_conversation(reply, scope)["mails"]
    assert [mail["id"] for mail in mails] == [both, reply]


def test_bcc_is_on_nobodys_page_but_of_who_sees_that_copy(
    root, viewer, boxes, world, walked
):
    secret = root["res.partner"].create({"name": "Secret", "email": "s@acme.test"})
    people = [("from", "peer@us.test"), ("to", "customer.peer@acme.test")]
    message = letter(root, "Offer", DATE, people, thread_key="bcc")
    sent = copy(root, message, boxes["peer"], "out", "Text")
    copy(root, message, boxes["viewer"], "in", "Text")
    from .world import person

    person(root, message, DATE, "bcc", "s@acme.test", sent)
    to_all, scope = of(world.partners["peer"]), of(secret.id)

    for level, is_told in (("0", False), ("2", True)):
        env = viewer(level)
        everything = [
            env[MESSAGE].get_conversation(message, to_all),
            pages(env, to_all),
            pages(env, ALL, filters={"person": "s@acme"}),
            pages(env, scope),
            env[MESSAGE].get_conversation(message, scope).get("mails", []),
        ]
        assert ["s@acme.test" in str(each) for each in everything] == [is_told] * 5
        assert env[MESSAGE].get_overview(scope)["total"] == is_told


def test_contact_of_another_company_is_none_of_this_one(viewer, world, contact, post):
    post("a")
    scope = of(world.partners["company"], by="contact", partner_id=contact.id)

    assert ids(viewer("4"), scope) == []


def _user_error():
    from odoo.exceptions import UserError

    return UserError


# ---- in numbers ---------------------------------------------------------------------


@pytest.mark.parametrize("level", LEVELS)
def test_numbers_are_those_of_mail_that_is_seen(viewer, world, level):
    traffic = viewer(level)["crm.mail.mirror.traffic"]
    seen = [m for m in world.mails if m.shown(level)]
    measures = ["__count", "mail:count_distinct"]

    (total,) = traffic.formatted_read_group([], [], measures)
    assert total["__count"] == total["mail:count_distinct"] == len(seen)
    by = traffic.formatted_read_group([], ["user_id", "direction"], measures)
    assert {(g["user_id"][0], g["direction"]): g["__count"] for g in by} == {
        (world.users[owner], way): 15
        for owner in {m.owner for m in seen}
        for way in ("in", "out")
    }
    assert traffic.search_count([]) == len(seen)
    # so are those of the search panel
    counted = {"enable_counters": True}
    panel = traffic.search_panel_select_multi_range("user_id", **counted)["values"]
    assert {value["id"]: value["__count"] for value in panel} == {
        world.users[owner]: 30 for owner in {m.owner for m in seen}
    }
    panel = traffic.search_panel_select_range("direction", **counted)["values"]
    assert {value["id"]: value["__count"] for value in panel} == {
        way: sum(m.direction == way for m in seen) for way in ("in", "out")
    }
    fields = traffic.fields_get()
    assert not {"subject", "subject_raw", "message_id", "body_id"} & set(fields)
    for mail in world.mails[::7]:
        found = traffic.search([("mail", "=", mail.id)])
        assert bool(found) == bool(mail.shown(level))
    hidden = {row["id"] for row in traffic.sudo().search_read([], ["id"])}
    hidden -= set(traffic.search([]).ids)
    for ident in sorted(hidden)[:5]:
        with pytest.raises(_access_error()):
            traffic.browse(ident).read(["date"])


def _access_error():
    from odoo.exceptions import AccessError

    return AccessError


# ---- nothing there, and mailboxes that lag behind -----------------------------------


def empty(env, record):
    scope = {"model": record._name, "id": record.id}
    return env[MESSAGE].get_overview(scope)["empty"]


def test_nothing_there_says_why_and_what_to_do(root, viewer, world, contact):
    nobody = root["res.partner"].create({"name": "Nobody"})
    boss = root["res.users"].browse(world.users["boss"])
    env = viewer("0")
    told = empty(env, nobody)
    assert (told["reason"], told["action"]) == ("no_address", "address")
    assert empty(env, contact)["reason"] == "no_mailbox"

    mine = root["crm.mail.mirror.mailbox"].search([("user_id", "=", env.uid)])[0]
    mine.write({"state": "active", "listing": "first"})
    mine.write({"progress_done": 40, "progress_total": 100})
    root.flush_all()
    told = empty(env, contact)
    assert told["reason"] == "importing"
    (one,) = told["importing"]
    assert one == {"mailbox_id": mine.id, "done": 40, "total": 100}

    mine.listing = False
    root.flush_all()
    told = empty(env, contact)
    assert (told["reason"], told["help"], told["action"]) == ("nothing", "", None)
    # a boundary in time is told, where nothing older can come from elsewhere
    own = root["crm.mail.mirror.mailbox"].search([("user_id", "=", env.uid)])
    own.write({"state": "active", "sync_from": "2026-02-01"})
    mine.sync_from = "2025-12-24"
    own.listing = False  # what lies between is here
    root.flush_all()
    told = empty(env, contact)
    assert "12/24/2025" in told["help"] and told["action"] == "mailboxes"
    assert empty(viewer("4"), contact)["help"] == ""

    # what is wrong with an address is said of it
    for email, reason, words in (
        ("peer at us", "bad_address", "“peer at us” is no mail address."),
        ("Peer <peer@us.test>", "own_address", "peer@us.test belongs to a colleague."),
        ("twice@acme.test", "nothing", "2 contacts share the address twice@acme.test"),
    ):
        nobody.email = email
        if reason == "nothing":
            nobody.copy({"name": "Somebody"})
        root.flush_all()
        told = empty(viewer("4"), nobody)
        assert told["reason"] == reason
        assert words in told["sentence"] + told["help"]
    lead = root["crm.lead"].create({"name": "Lead", "email_from": "peer@us.test"})
    root.flush_all()
    assert empty(viewer("4"), lead)["reason"] == "own_address"

    # who is responsible stands on the record; whether they have mail is not told
    contact.user_id = boss
    root.flush_all()
    for level, reason, who in (
        ("0", "nothing_shared", [boss.name]),
        ("4", "nothing", []),
    ):
        told = empty(viewer(level), contact)
        assert (told["reason"], told["who"]) == (reason, who)


def test_mailboxes_that_lag_behind_are_told_to_who_sees_their_mail(
    root, viewer, world, boxes, contact, post
):
    post("a", "peer")
    for name, state in (("peer", "needs_login"), ("viewer", "active")):
        boxes[name].write({"state": state, "last_sync_at": "2026-01-05 09:02:00"})
    root["crm.mail.mirror.mailbox"].create(
        {
            "user_id": world.users["below_peer"],
            "email": "late@us.test",
            "state": "error",
            "last_sync_at": "2026-01-05 09:02:00",
        }
    )
    root.flush_all()

    def stale(level):
        told = viewer(level)[MESSAGE].get_overview(of(contact.id))["stale"]
        return [(s["mailbox_id"], s["can_check"], s["sentence"]) for s in told]

    (mine,) = stale("0")
    assert mine[:2] == (boxes["viewer"].id, True)
    assert "new.viewer@us.test" in mine[2]
    # below_peer's has no mail here
    for level in ("2", "3"):
        mine, peers = stale(level)
        assert peers[:2] == (None, False)
        assert "Peer" in peers[2] and "sign in" in peers[2]
        assert "@" not in peers[2]
    boxes["peer"].write({"last_error": "login_refused"})
    boxes["peer"].failing_since = "2026-01-04 08:00:00"
    _mine, peers = stale("2")
    assert "It has needed its owner's sign-in since 01/04/2026." in peers[2]
    # of what is disconnected nothing comes any more, though its mail was kept
    boxes["peer"].state = "draft"
    _mine, peers = stale("2")
    assert peers[1] is False and "It was disconnected" in peers[2]


def test_a_colleagues_answer_is_ours_though_only_what_they_sent_me_is_seen(
    viewer, world, root
):
    """Peer answers the customer, cc viewer: at level 0 that copy alone is seen."""
    asked = {"thread_key": "turn"}
    contact = root["res.partner"].create({"name": "Turn", "email": "turn@acme.test"})
    first = letter(root, "Question", DATE, [("from", "turn@acme.test")], **asked)
    people = [("from", "peer@us.test"), ("to", "turn@acme.test")]
    answer = letter(root, "Answer", DATE + timedelta(hours=1), people, **asked)
    mailboxes = root["crm.mail.mirror.mailbox"].search([])
    boxes = {box.user_id.id: box for box in mailboxes}
    for message in (first, answer):
        copy(root, message, boxes[world.users["viewer"]], "in", "Text")
    for level, with_theirs in (("0", False), ("0", True), ("2", True)):
        if with_theirs and level == "0":
            copy(root, answer, boxes[world.users["peer"]], "out", "Text")
        told = viewer(level)[MESSAGE].get_overview(of(contact.id))

        assert told["turn"] == "them"
        assert told["last_in"]["date"] == str(DATE)
        assert told["last_out"]["date"] == str(DATE + timedelta(hours=1))
    (one,) = pages(viewer("2"), of(contact.id))
    assert one["direction"] == "out"


def test_a_conversation_that_is_shared_in_part_says_so(viewer, world, root):
    asked = {"thread_key": "in part"}
    contact = root["res.partner"].create({"name": "Part", "email": "part@acme.test"})
    box = root["crm.mail.mirror.mailbox"].search(
        [("user_id", "=", world.users["peer"])], limit=1
    )
    levels = ("everything", "metadata", "subject")
    first, second, third = (
        letter(
            root,
            f"Part {hours}",
            DATE + timedelta(hours=hours),
            [("from", "part@acme.test")],
            **asked,
        )
        for hours in range(3)
    )

    def told():
        (one,) = pages(viewer("2"), of(contact.id))
        return one["partly"], one["access"], one["not_shared"], one["subject"]

    copy(root, first, box, "in", "Text", levels[0])
    assert told() == (False, "everything", None, "Part 0")
    copy(root, second, box, "in", "Text", levels[1])
    both = "Subject and text of the newest mail are not shared with you."
    assert told() == (True, "metadata", both, None)
    copy(root, third, box, "in", "Text", levels[2])
    text = "The text of the newest mail is not shared with you."
    assert told() == (True, "subject", text, "Part 2")
    mails = viewer("2")[MESSAGE].get_conversation(third, ALL)["mails"]
    assert tuple(mail["access"] for mail in mails) == levels
    # a twin that tells all: of that mail nothing is hidden
    root["crm.mail.mirror.copy"].search([]).filtered(
        lambda c: c.message_id.id in (second, third)
    ).sharing = "everything"
    assert told() == (False, "everything", None, "Part 2")


def test_line_over_the_list_counts_further_recipients(viewer, world, root):
    contact = root["res.partner"].create({"name": "Many", "email": "many@acme.test"})
    box = root["crm.mail.mirror.mailbox"].search(
        [("user_id", "=", world.users["viewer"])], limit=1
    )
    people = [("from", box.email), ("to", "many@acme.test"), ("cc", "peer@us.test")]
    others = [("cc", f"more{number}@acme.test") for number in range(8)]

    def last(way):
        return viewer("0")[MESSAGE].get_overview(of(contact.id))[f"last_{way}"]

    def sent(name, hours, people, direction="out"):
        date = DATE + timedelta(hours=hours)
        message = letter(root, name, date, people)
        copy(root, message, box, direction, "Text")

    sent("One", 1, people[:2])
    assert last("out")["more"] == 0
    # colleagues are not counted; the same address twice is one
    sent("Three", 2, [*people, *others[:2], ("to", "more0@acme.test")])
    assert last("out")["more"] == 2
    sent("Nine", 3, [*people[:2], *others])
    assert last("out")["more"] == 8
    assert last("out")["name"] == "Peopleword many"
    # who wrote is one
    sent("In", 4, [("from", "many@acme.test"), *others], "in")
    assert last("in")["more"] == 0
