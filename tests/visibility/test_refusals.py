"""Search, order, groups and paths that would tell more than the open mail."""

import pytest

from .table import MESSAGE

#: Columns and relations behind the mail that nobody reads.
CLOSED = (
    "copy_ids", "identity", "internet_message_id", "participant_ids", "same_key",
    "subject_raw", "thread_key",
)  # fmt: skip
PATHS = (
    "copy_ids.user_id",
    "copy_ids.state",
    "copy_ids.sharing",
    "copy_ids.body_id.text",
    "copy_ids.mailbox_id.email",
    "copy_ids.mailbox_id.user_id",
    "participant_ids.role",
    "participant_ids.name",
    "participant_ids.address_id.email_normalized",
    "owner_ids.mirror_visibility",
    "owner_ids.mirror_manager_id",
    "owner_ids.mirror_mailbox_ids.credential_ids",
    "partner_ids.mirror_message_ids.subject_raw",
    "partner_ids.mirror_message_ids.copy_ids.sharing",
)
UNSORTED = (*CLOSED, "subject", "body", "access", "people", "preview", "sender")
#: What a search on content must not raise from the dead: fields without a search.
UNSEARCHED = ("access", "preview", "sender", "blind_copy", "attachment_names")


@pytest.fixture
def messages(viewer):
    return viewer("2")[MESSAGE]


@pytest.fixture
def refuses(messages):
    """``refuses(method, ...)``: it raises, and the transaction lives on."""

    def check(method, *arguments, **named):
        try:
            with messages.env.cr.savepoint():
                answer = getattr(messages, method)(*arguments, **named)
        except Exception:
            return True
        pytest.fail(f"{method}{arguments}{named} answered {answer!r:.300}")

    return check


@pytest.mark.parametrize("name", CLOSED)
def test_closed_columns_are_refused_everywhere(messages, refuses, name):
    assert name not in messages.fields_get()
    refuses("search", [(name, "!=", False)])
    refuses("search", [(name, "ilike", "a")])
    refuses("search_count", [(name, "=", "a")])
    refuses("search_read", [], [name])
    refuses("web_search_read", [], {name: {}})
    refuses("read_group", [], ["__count"], [name])
    refuses("formatted_read_group", [], [name], ["__count"])
    refuses("formatted_read_group", [], [], [f"{name}:array_agg"])
    refuses("formatted_read_group", [], [], [f"{name}:count_distinct"])
    refuses("formatted_read_group", [], [], [f"{name}:max"])
    refuses(
        "formatted_read_group", [], ["date:day"], [],
        having=[(f"{name}:count_distinct", ">", 0)],
    )  # fmt: skip
    refuses("web_read_group", [], [name], ["__count"])
    refuses("formatted_read_grouping_sets", [], [[name]], ["__count"])
    one = messages.search([], limit=1)
    for method, arguments in (
        ("read", [[name]]),
        ("web_read", [{name: {}}]),
        ("export_data", [[name]]),
        ("export_data", [[f"{name}/id"]]),
    ):
        with pytest.raises(Exception), messages.env.cr.savepoint():  # noqa: B017, PT011
            getattr(one, method)(*arguments)


@pytest.mark.parametrize("name", PATHS)
def test_paths_to_what_is_closed_are_refused(refuses, name):
    for operator, value in (("ilike", "a"), ("=", "4"), ("!=", 1), ("not ilike", "a")):
        refuses("search", [(name, operator, value)])
        refuses("search", ["|", ("id", ">", 0), (name, operator, value)])


@pytest.mark.parametrize("name", UNSORTED)
def test_order_by_content_is_refused(refuses, name):
    for order in (name, f"{name} desc", f"date, {name}"):
        refuses("search", [], order=order)
        refuses("web_search_read", [], {"date": {}}, order=order)
        refuses("formatted_read_group", [], ["date:day"], ["__count"], order=order)


@pytest.mark.parametrize("name", UNSORTED)
def test_groups_by_content_are_refused(refuses, name):
    refuses("formatted_read_group", [], [name], ["__count"])
    refuses("read_progress_bar", [], "date:day", {"field": name, "colors": {"a": "b"}})
    refuses("search_panel_select_range", name)


@pytest.mark.parametrize("name", UNSEARCHED)
def test_what_has_no_search_is_refused(refuses, name):
    refuses("search", [(name, "ilike", "a")])
    refuses("search", [(name, "!=", False)])


@pytest.mark.parametrize("operator", ["<", ">", "<=", ">="])
@pytest.mark.parametrize("name", ["subject", "body", "people"])
def test_content_cannot_be_narrowed_letter_by_letter(refuses, name, operator):
    refuses("search", [(name, operator, "M")])


@pytest.mark.parametrize("name", ["any!", "not any!"])
def test_operators_that_pass_by_the_rules_are_refused(refuses, name):
    refuses("search", [("partner_ids", name, [("id", ">", 0)])])
    refuses("search", [("owner_ids", name, [("mirror_visibility", "=", "4")])])


@pytest.mark.parametrize(
    "path",
    [
        "mirror_message_ids",
        "mirror_message_ids.subject",
        "mirror_message_ids.copy_ids.state",
        "mirror_former_addresses",
    ],
)
@pytest.mark.parametrize("model", ["res.partner", "crm.lead"])
def test_contacts_and_leads_are_not_found_by_their_mail(viewer, model, path):
    records = viewer("4")[model]

    with pytest.raises(Exception), records.env.cr.savepoint():  # noqa: B017, PT011
        records.search([(path, "ilike", "subjectword")])


def test_mail_that_is_hidden_answers_no_method(viewer, world):
    from odoo.exceptions import AccessError

    env = viewer("2")
    messages = env[MESSAGE]
    fields = messages.fields_get()
    for owner in ("below_peer", "boss", "stranger", "abroad"):
        one = messages.browse(next(m.id for m in world.mails if m.owner == owner))
        calls = [
            (one.web_read, [{name: {} for name in fields}]),
            (one.export_data, [["subject"]]),
            (one.export_data, [[".id"]]),
            (one.action_open, []),
            (one.onchange, [{}, [], {name: {} for name in fields}]),
            (one.get_metadata, []),
            (one.copy_data, []),
            (one.write, [{"date": "2020-01-01"}]),
            (one.unlink, []),
            *((one.read, [[name]]) for name in fields if name != "id"),
        ]
        for method, arguments in calls:
            try:
                with env.cr.savepoint():
                    answer = method(*arguments)
            except AccessError:
                continue
            words = str(answer).lower()
            assert "word" not in words, (owner, method.__name__, arguments)
            assert method.__name__ in ("get_metadata", "copy_data", "export_data"), (
                owner,
                method.__name__,
                arguments,
                answer,
            )


def test_computed_content_of_a_hidden_mail_is_empty_even_inside(viewer, world):
    env = viewer("0")
    ident = next(m.id for m in world.mails if m.owner == "peer" and not m.override)
    inside = env[MESSAGE].browse(ident).sudo()

    assert not any((inside.subject, inside.body, inside.people, inside.partner_ids))
    assert not any((inside.access, inside.preview, inside.owner_ids, inside.sender))


def test_companies_forged_in_the_context_give_nothing(viewer, world):
    from odoo.exceptions import AccessError

    for forged in ([world.companies["abroad"]], list(world.companies.values())):
        env = viewer("4", allowed_company_ids=forged)
        with pytest.raises(AccessError):
            env[MESSAGE].search([])
        inside = (
            env["crm.mail.mirror.mailbox"].sudo().search([("is_readable", "=", True)])
        )
        assert world.users["abroad"] not in inside.user_id.ids
