"""What mail holds, and what programs ask, at its worst: the answer stays whole."""

import json

import pytest

from .table import MESSAGE
from .test_conversations import ALL, DATE, of
from .world import copy, letter, mailbox_of

TURNS = "\u202egpj.exe\u2066"


@pytest.fixture
def box(root, world):
    return mailbox_of(root, world.users["viewer"], "bad.viewer@us.test", "everything")


@pytest.fixture
def partner(root):
    return root["res.partner"].create({"name": "Bad", "email": "bad@acme.test"})


def told(env, message, partner):
    """The mail in the list and in the reading pane."""
    (row,) = env[MESSAGE].get_conversations(of(partner.id))["conversations"]
    (mail,) = env[MESSAGE].get_conversation(message, of(partner.id))["mails"]
    return row, mail


def test_subject_without_end_names_that_turn_and_paths(root, viewer, box, partner):
    people = [("from", "bad@acme.test"), ("to", "p\u0430ul@acme.test")]
    message = letter(root, "x" * 10_000, DATE, people)
    root.cr.execute("UPDATE crm_mail_mirror_participant SET name = %s", [TURNS])
    files = ("../../etc/passwd", "C:\\evil\\.exe", f"a{TURNS}", "n" * 500 + ".pdf")
    copy(root, message, box, "in", f"  \n{TURNS} \x00text"[:-5], files=files)
    env = viewer("0")

    row, mail = told(env, message, partner)

    assert len(row["subject"]) == 300 and row["subject"].endswith("…")
    assert len(mail["subject"]) == 10_000
    names = [each["name"] for each in mail["attachments"]]
    assert names[0] == "passwd" and names[1] == "exe"
    assert len(names[3]) <= 120 and names[3].endswith(".pdf")
    assert not {"\u202e", "\u2066"} & set(json.dumps([row, mail], ensure_ascii=False))
    assert [p["suspicious"] for p in (mail["sender"], *mail["to"])] == [False, True]
    # whoever somebody made a contact of is who they are taken for
    root["res.partner"].create({"name": "Paul", "email": "p\u0430ul@acme.test"})
    _row, mail = told(env, message, partner)
    assert [p["suspicious"] for p in mail["to"]] == [False]


def test_no_subject_no_text_and_five_thousand_recipients(root, viewer, box, partner):
    people = [("from", "bad@acme.test")]
    people += [("to", f"n{n}@acme.test") for n in range(5000)]
    message = letter(root, "", DATE, people)
    copy(root, message, box, "in", " \n\t ")
    env = viewer("0")

    row, mail = told(env, message, partner)

    assert (row["subject"], row["preview"]) == ("(no subject)", None)
    assert (len(row["people"]), row["more_people"]) == (3, 4998)
    assert (len(mail["to"]), mail["more"]["to"]) == (50, 4950)
    assert len(json.dumps([row, mail])) < 60_000


def test_two_megabytes_of_text_come_when_they_are_asked_for(root, viewer, box, partner):
    message = letter(root, "Long", DATE, [("from", "bad@acme.test")])
    new, quoted = "\N{GRINNING FACE} new\n", "> old\n" * 350_000
    copy(root, message, box, "in", new + quoted)
    root.cr.execute(
        "UPDATE crm_mail_mirror_body SET quote_at = %s WHERE message_id = %s",
        [len(new), message],
    )
    env = viewer("0")

    row, mail = told(env, message, partner)
    whole = env[MESSAGE].get_text(message)

    assert row["preview"] == new.strip()
    assert mail["cut"] and len(mail["text"]) == 100_000
    assert whole["text"] == new + quoted
    # as a browser counts: an emoji is two
    assert mail["quote_at"] == whole["quote_at"] == len(new) + 1


def test_mail_that_goes_while_it_is_read_is_gone(root, viewer, box, partner):
    message = letter(root, "Here", DATE, [("from", "bad@acme.test")])
    copy(root, message, box, "in", "Text")
    env = viewer("0")
    told(env, message, partner)

    box.unlink()
    root.flush_all()

    assert env[MESSAGE].get_conversation(message, of(partner.id)) == {"gone": True}
    assert env[MESSAGE].get_text(message) == {"gone": True}
    assert env[MESSAGE].get_conversations(of(partner.id))["conversations"] == []


SCOPES = (
    *(5, "x", [1], {"model": "res.users", "id": 1}, {"model": "res.partner"}),
    *({"model": "res.partner", "id": value} for value in ("1", True, 2**40, -1, 0)),
    {"model": "res.partner", "id": 2**31 - 1},
    {"model": "res.partner", "id": 1, "by": "all"},
    {"model": "res.partner", "id": 1, "by": "contact", "partner_id": "1"},
)
FILTERS = (
    *(
        5,
        "text",
        [("id", "=", 1)],
        {"text": 5},
        {"direction": "up"},
        {"person": {"a": 1}},
    ),
    *({"owner": value} for value in ("1", True, -4)),
    *({"since": value} for value in ("yesterday", 5, "2026-02-31")),
)
PLACES = (5, "x", "||", "2026-01-01|x|1", "2026-01-01|1|-1", "9|9|9", "x" * 5000)
DOMAINS = (
    *(5, "x", [("nope", "=", 1)], [("id",)], ["&"], [("date", ">", "x")]),
    *([("subject_raw", "ilike", "s")], [("thread_key", "!=", False)]),
    [("copy_ids.body_id.text", "ilike", "bodyword")],
    [("id", "inselect", ("SELECT 1", []))],
)


def calls(world):
    for scope in SCOPES:
        yield "get_conversations", (scope,), {}
        yield "get_conversation", (world.mails[0].id, scope), {}
        yield "get_overview", (scope,), {}
    for filters in FILTERS:
        yield "get_conversations", (ALL, filters), {}
    for place in PLACES:
        yield "get_conversations", (ALL,), {"before": place}
        yield "get_conversation", (world.mails[0].id, ALL, place), {}
    for domain in DOMAINS:
        yield "get_conversations", (ALL,), {"domain": domain}
    for viewer in ("x", True, -1, 2**31 - 1, 2**40, world.users["portal"]):
        yield "get_conversations", (ALL,), {"viewer": viewer}
        yield "get_overview", (ALL,), {"viewer": viewer}
        yield "get_text", (world.mails[0].id,), {"viewer": viewer}
    for limit in ("x", None, True, [1]):
        yield "get_conversations", (ALL,), {"limit": limit}
    for ident in ("x", None, True, -1, 2**40, [1]):
        yield "get_conversation", (ident, ALL), {}
        yield "get_text", (ident,), {}


def test_what_is_asked_otherwise_is_refused_in_words(viewer, world):
    from odoo.exceptions import UserError

    env, wrong = viewer("1"), []
    for method, arguments, named in calls(world):
        try:
            with env.cr.savepoint():
                answer = getattr(env[MESSAGE], method)(*arguments, **named)
        except UserError:
            continue
        except Exception as error:
            answer = repr(error)
        wrong.append((method, arguments, named, str(answer)[:200]))

    assert wrong == []


def test_limits_beyond_sense_are_kept_within(viewer, world):
    env = viewer("4")
    for limit, most in ((0, 1), (-5, 1), (10**9, 100)):
        page = env[MESSAGE].get_conversations(ALL, limit=limit)
        assert len(page["conversations"]) == most
        assert env[MESSAGE].get_conversation(world.mails[0].id, ALL, limit=limit)


@pytest.mark.parametrize(
    "text",
    ["'; DROP TABLE x", "&|!:*()<->", "\\", "a:*b'", "%", "\0", "\ud800", "?" * 9999],
)
def test_signs_that_mean_something_elsewhere_are_looked_for(viewer, text):
    env = viewer("1")
    for name in ("text", "person"):
        told = env[MESSAGE].get_conversations(ALL, {name: text})
        assert isinstance(told["conversations"], list)


def test_records_that_are_not_the_callers_are_refused(root, viewer, world):
    from odoo.exceptions import AccessError

    root["ir.rule"].create(
        {
            "name": "Only some",
            "model_id": root["ir.model"]._get_id("res.partner"),
            "domain_force": [("id", "!=", world.partners["peer"])],
        }
    )
    env = viewer("4")
    env.registry.clear_cache()
    scope = of(world.partners["peer"])

    for method, arguments in (
        ("get_conversations", (scope,)),
        ("get_overview", (scope,)),
        ("get_conversation", (world.mails[0].id, scope)),
    ):
        with pytest.raises(AccessError):
            getattr(env[MESSAGE], method)(*arguments)
    people = str(env[MESSAGE].get_conversations(ALL, limit=100)["conversations"])
    assert f"'partner_id': {world.partners['peer']}," not in people
