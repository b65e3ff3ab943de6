"""Each control towards people who sign in, taken away: does its test fail?

The rows are those of ``docs/security.md``. The level, sharing and conversations have
tables of their own (``test_mutants.py``, ``test_conversation_mutants.py``), and so has
a yes (``test_grants.py``).
"""

import pytest

from tests.broken import Change, must_notice, mutant

from . import test_access_doors as doors
from . import test_access_fields as fields
from . import test_access_matrix as matrix
from . import test_access_rpc as rpc
from . import test_asking as asking
from . import test_conversations as conversations
from . import test_copies as copies
from . import test_over_rpc as over_rpc
from . import test_refusals as refusals
from .field_rows import FIELDS, SALES
from .rpc import Refused
from .table import MESSAGE
from .test_access_matrix import theirs  # noqa: F401
from .test_asking import desk, mail  # noqa: F401
from .test_copies import box, with_bcc  # noqa: F401
from .test_refusals import messages, refuses  # noqa: F401

ADDON = "odoo.addons.crm_mail_mirror"
MODELS = f"{ADDON}.models.crm_mail_mirror_"
MAILBOX = "CrmMailMirrorMailbox"
MAIL = "CrmMailMirrorMessage"


class Inside:
    """A user who calls what a server would, without one: ``rpc.Caller``'s stand-in."""

    def __init__(self, root, uid):
        self.root, self.uid = root, uid

    def xmlrpc(self, model, method, *arguments, **named):
        from odoo.service.model import call_kw

        self.root.flush_all()
        self.root.invalidate_all()
        records = self.root(user=self.uid, context={}, su=False)[model]
        try:
            with self.root.cr.savepoint():
                return call_kw(records, method, list(arguments), named)
        except Exception as problem:
            raise Refused(f"{type(problem).__name__}: {problem}") from None

    def json2(self, model, method, ids=(), **named):
        function = getattr(self.root.registry[model], method)
        of_records = not getattr(function, "_api_model", False)
        return self.xmlrpc(model, method, *([list(ids)] if of_records else []), **named)


@pytest.fixture
def call(root, world):
    return lambda name: Inside(root, world.users[name])


@pytest.fixture
def level(root, world):
    def at(name, value):
        root["res.users"].browse(world.users[name]).mirror_visibility = value

    return at


# --- what is broken that is no code --------------------------------------------------


def a_method_more(patch, request):
    kind = _defined(request, MESSAGE, MAIL)
    patch.setattr(kind, "peek", lambda self: self.sudo().read(), raising=False)


def a_model_more(patch, request):
    registry = request.getfixturevalue("root").registry
    patch.setitem(registry.models, "crm.mail.mirror.peek", registry[MESSAGE])


def a_field_without_row(patch, _request):
    patch.setitem(FIELDS["crm.lead"], SALES, "mirror_search_progress")


def _defined(request, model, name):
    registry = request.getfixturevalue("root").registry
    return next(kind for kind in registry[model].mro() if kind.__name__ == name)


def opened(model, name):
    """The column is not closed any more."""

    def open_it(patch, request):
        field = request.getfixturevalue("root").registry[model]._fields[name]
        patch.setattr(field, "groups", None)

    return open_it


def written(xmlid, **values):
    """A rule or a right is another; nothing of it stays."""

    def write(_patch, request):
        root = request.getfixturevalue("root")
        root.ref(f"crm_mail_mirror.{xmlid}").write(values)
        root.flush_all()
        root.registry.clear_cache()

    return write


def routed(**values):
    def route(patch, _request):
        from odoo.addons.crm_mail_mirror.controllers.oauth import Consent

        for name, value in values.items():
            patch.setitem(Consent.start.original_routing, name, value)

    return route


NO_RULE = written("crm_mail_mirror_former_address_rule", active=False)
ALL_MAILBOXES = Change(
    f"{MODELS}mailbox:{MAILBOX}._readable_domain",
    "if company in allowed", "if company",
)  # fmt: skip
UNDER_SUDO = Change(
    f"{MODELS}mailbox:{MAILBOX}._readable_domain",
    "if owners is not None:",
    'if owners is not None and not self.env.context.get("su"):',
)  # fmt: skip
OWNERS_VALUE = Change(
    f"{ADDON}.models.owners_fields:OwnersField.__get__",
    "return value if mine else False", "return value",
)  # fmt: skip


def conversations_of_forged_companies(viewer, world):
    """Where Odoo's rules ask for companies it says no; what is asked under sudo asks
    our own."""
    env = viewer("4", allowed_company_ids=[world.companies["abroad"]])

    boxes = env["crm.mail.mirror.mailbox"].sudo().search([("is_readable", "=", True)])

    assert {world.mailboxes[ident][0] for ident in boxes.ids} == {"viewer"}


ROWS = [
    mutant("letter by letter",
           Change(f"{MODELS}message_search:{MAIL}._text_condition",
                  'if operator == "in":',
                  'if operator == "<":\n'
                  '        return SQL("%s < %s", column, value)\n'
                  '    if operator == "in":'),
           test=refusals.test_content_cannot_be_narrowed_letter_by_letter,
           name="subject", operator="<"),
    mutant("companies of the context", ALL_MAILBOXES,
           test=conversations_of_forged_companies),
    mutant("a superuser of the context", UNDER_SUDO,
           test=over_rpc.test_context_cannot_make_a_superuser),
    mutant("a method without row", a_method_more,
           test=matrix.test_every_public_method_has_its_row),
    mutant("a model without row", a_model_more,
           test=matrix.test_every_model_has_its_row),
    mutant("a field without row", a_field_without_row,
           test=fields.test_every_field_has_its_row),
    mutant("closed columns", opened(MESSAGE, "subject_raw"),
           test=fields.test_each_reads_what_the_row_says, who="internal"),
    mutant("closed columns, searched", opened("crm.mail.mirror.mailbox", "account_id"),
           test=matrix.test_administrators_see_health_and_no_content),
    mutant("a mailbox's name",
           Change(f"{MODELS}mailbox:{MAILBOX}._compute_display_name",
                  "mailbox.sudo().may_stop", "True"),
           test=matrix.test_number_of_a_mailbox_tells_nobody_its_address),
    mutant("a text of each copy",
           Change(f"{MODELS}message:{MAIL}._body_by_message",
                  "message: next(",
                  'message: self.env["crm.mail.mirror.body"].sudo().search('
                  '[("message_id", "=", message)], order="id", limit=1).id or next('),
           test=copies.test_forged_message_id_in_ones_own_mailbox_opens_no_other_text),
    mutant("Bcc",
           Change(f"{MODELS}message_people:{MAIL}._participant_is_visible",
                  '"(p.copy_id IS NULL OR p.copy_id IN (%s))"',
                  '"(TRUE OR p.copy_id IN (%s))"'),
           test=copies.test_bcc_is_not_told_to_those_who_see_another_copy, level="1"),
    mutant("rules of wizards", NO_RULE,
           test=doors.test_former_addresses_are_listed_for_who_asked),
    mutant("a rule for whatever is read", NO_RULE,
           test=doors.test_what_internal_users_read_has_a_rule_for_its_rows,
           name="crm.mail.mirror.former.address"),
    mutant("asking for what one does not see",
           Change(f"{MODELS}message_access:{MAIL}._asked_at",
                  "self.search(", "self.sudo().search("),
           test=asking.test_what_one_does_not_see_cannot_be_asked_for_nor_told_from_nothing),
    mutant("answering for others",
           Change(f"{MODELS}grant_answer:CrmMailMirrorGrant._of_mine",
                  "(role, \"=\", self.env.uid)", "(1, \"=\", 1)"),
           test=asking.test_only_the_owner_answers_and_only_the_asker_gives_up),
    mutant("view as: nothing but one's own",
           Change(f"{MODELS}message:{MAIL}._sight",
                  '& Domain("user_id", "=", self.env.uid)', ""),
           test=conversations.test_viewer_is_told_of_the_callers_own_mailboxes_alone,
           level="4"),
    mutant("view as: no more than they see",
           Change(f"{MODELS}message:{MAIL}._sight",
                  '& Domain("user_id", "=", self.env.uid)', ""),
           test=conversations.test_viewer_gives_nobody_more_than_they_see),
    mutant("what is the owner's, read", OWNERS_VALUE,
           test=matrix.test_what_is_the_owners_is_empty_on_every_way),
    mutant("what is the owner's, among health", OWNERS_VALUE,
           test=matrix.test_administrators_see_health_and_no_content),
    mutant("what is the owner's, searched",
           Change(f"{MODELS}mailbox:{MAILBOX}._check_field_access",
                  "isinstance(field, OwnersField)", "False"),
           test=matrix.test_what_is_the_owners_is_not_found_out_by_searching,
           name="imap_login"),
    mutant("numbers in tens",
           Change(f"{MODELS}mailbox_proof:{MAILBOX}._is_told_exactly",
                  "self.env.uid in (self.user_id.id, SUPERUSER_ID)", "True"),
           test=matrix.test_one_mail_more_or_less_is_told_to_its_owner_alone),
    mutant("secrets of the registration",
           Change(f"{ADDON}.models.res_config_settings:"
                  "ResConfigSettings._keep_mirror_secret",
                  'page.sudo()[f"mirror_{route}_token"] = token',
                  'page.sudo()[f"mirror_{route}_token"] = token\n'
                  '        page.sudo()[f"mirror_{route}_client_id"] = secret'),
           test=matrix.test_secrets_of_the_registration_come_back_to_nobody),
    mutant("portal users: rights",
           written("access_former_address_user", group_id=False),
           test=matrix.test_portal_and_public_users_may_do_nothing, who="portal"),
    mutant("portal users: methods",
           Change(f"{MODELS}mailbox:{MAILBOX}._check_owner",
                  "not self.env.su and", "False and"),
           written("access_mailbox_user", group_id=False),
           written("crm_mail_mirror_mailbox_rule_user", active=False),
           test=rpc.test_portal_users_call_nothing),
    mutant("portal users: fields", opened("res.partner", "mirror_message_ids"),
           test=fields.test_each_reads_what_the_row_says, who="portal"),
    mutant("routes: who may ask", routed(auth="public"),
           test=doors.test_every_route_has_its_row),
    mutant("routes: forms of other sites", routed(csrf=False),
           test=doors.test_every_route_has_its_row),
]  # fmt: skip


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.control)
def test_control_that_is_gone_is_noticed(row, request):
    must_notice(row, request)


def test_companies_forged_in_the_context_open_no_mailbox(viewer, world):
    conversations_of_forged_companies(viewer, world)


@pytest.mark.parametrize(
    "test",
    [
        over_rpc.test_companies_forged_in_the_context_give_nothing,
        over_rpc.test_context_cannot_make_a_superuser,
    ],
    ids=lambda test: test.__name__,
)
def test_without_a_server_they_pass_as_well(test, call, level, world):
    """What stands in for a server here is not why they fail above."""
    test(call, level, world)


def test_without_a_server_portal_users_call_nothing(call, stage):
    rpc.test_portal_users_call_nothing(call, stage)
