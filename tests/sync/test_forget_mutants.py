"""Do the tests of forgetting notice? The code is broken, and a test has to fail."""

import inspect

import pytest

from tests.sync import test_erasure as erasure
from tests.sync import test_leavers as leavers
from tests.sync import test_removal as removal
from tests.sync import test_retention as retention
from tests.sync.test_erasure import erase, two  # noqa: F401
from tests.sync.test_leavers import anna, colleague, policy  # noqa: F401
from tests.sync.test_removal import remove, take_back, three  # noqa: F401
from tests.sync.test_retention import box, company, letters  # noqa: F401

SUPPRESSION = "crm.mail.mirror.suppression"
MAILBOX = "crm.mail.mirror.mailbox"


def removed_mail_is_not_remembered(patch, registry):
    patch.setattr(registry[SUPPRESSION], "_hidden", lambda *_args: {})


def removed_mail_is_read_again(patch, registry):
    patch.setattr(registry[SUPPRESSION], "_removed_from", lambda *_args: frozenset())


def every_copy_of_a_colleague_goes_too(patch, registry):
    model = registry["crm.mail.mirror.removal"]
    real = model._held_mailboxes

    def held(self, user):
        house = user.login.partition("@")[2]
        return real(self, user) | self.env[MAILBOX].search([("email", "like", house)])

    patch.setattr(model, "_held_mailboxes", held)


def pages_forget_what_was_forgotten(patch, _registry):
    from odoo.addons.crm_mail_mirror.models import crm_mail_mirror_page_mail as module

    patch.setattr(module, "_is_stale", lambda *_args: False)


def traces_of_the_erased_stay(patch, registry):
    model = registry["crm.mail.mirror.erasure"]
    patch.setattr(model, "_erase_traces", lambda *_args: 0)


def floors_hold_for_all_companies(patch, registry):
    model = registry[SUPPRESSION]
    real = model._page_query
    patch.setattr(model, "_page_query", lambda self, digests, _box: real(self, digests))


def each_address_is_a_contact_of_its_own(patch, registry):
    model = registry["crm.mail.mirror.retention"]
    real = model._silent_since

    def silent(self, whose, ids, cutoff):
        self.env.cr.execute(
            "CREATE TEMP TABLE crm_mail_mirror_address_partner_rel"
            " (address_id int, partner_id int) ON COMMIT DROP"
        )
        found = real(self, whose, ids, cutoff)
        self.env.cr.execute("DROP TABLE pg_temp.crm_mail_mirror_address_partner_rel")
        return found

    patch.setattr(model, "_silent_since", silent)


def a_leavers_rules_end_with_them(patch, registry):
    patch.setattr(registry[MAILBOX], "_freeze_rules", lambda *_args: None)


def withheld_mail_is_handed_over(patch, registry):
    patch.setattr(registry[MAILBOX], "_remove_withheld", lambda *_args: 0)


def all_that_was_removed_goes_with_one_mailbox(patch, registry):
    def forget(self, mailbox):
        self.search([("user_id", "=", mailbox.user_id.id)]).unlink()

    patch.setattr(registry["crm.mail.mirror.removal"], "_forget_account", forget)


def why_names_the_leavers_rules(patch, _registry):
    from odoo.addons.crm_mail_mirror.models import crm_mail_mirror_answers as module

    patch.setattr(module, "_discreet", lambda step, _known: step)


def changes_go_on_naming_the_erased(patch, registry):
    patch.setattr(registry["crm.mail.mirror.change"], "_forget", lambda *_args: None)


def small_numbers_are_told(patch, _registry):
    from odoo.addons.crm_mail_mirror.models import few

    patch.setattr(few, "FEW", 1)


CASES = [
    (
        all_that_was_removed_goes_with_one_mailbox,
        leavers.test_with_one_mailbox_goes_only_its_list_of_removed_mail,
        {},
    ),
    (
        why_names_the_leavers_rules,
        leavers.test_why_does_not_tell_the_successor_what_the_leaver_kept_out,
        {},
    ),
    (
        changes_go_on_naming_the_erased,
        erasure.test_changes_of_rules_do_not_name_the_person_any_more,
        {"applied": True},
    ),
    (
        small_numbers_are_told,
        erasure.test_few_mails_of_others_are_not_counted_out,
        {},
    ),
    (
        removed_mail_is_not_remembered,
        removal.test_removed_mail_that_is_deleted_and_restored_stays_out,
        {},
    ),
    (
        removed_mail_is_read_again,
        removal.test_removed_mail_stays_out_after_purge_and_a_new_link,
        {},
    ),
    (
        every_copy_of_a_colleague_goes_too,
        removal.test_only_the_owners_copies_go_in_all_their_mailboxes,
        {},
    ),
    (
        pages_forget_what_was_forgotten,
        erasure.test_erased_while_a_page_is_under_way,
        {"border": "fetch"},
    ),
    (
        pages_forget_what_was_forgotten,
        retention.test_purged_while_a_page_is_under_way,
        {"border": "fetch"},
    ),
    (
        traces_of_the_erased_stay,
        erasure.test_mail_that_was_kept_out_is_forgotten_too,
        {},
    ),
    (
        floors_hold_for_all_companies,
        retention.test_only_the_mailboxes_of_that_company,
        {},
    ),
    (
        each_address_is_a_contact_of_its_own,
        retention.test_a_contact_who_changed_address_is_not_silent,
        {},
    ),
    (
        a_leavers_rules_end_with_them,
        leavers.test_what_the_leaver_kept_private_does_not_become_visible,
        {},
    ),
    (
        withheld_mail_is_handed_over,
        leavers.test_what_the_leaver_kept_private_does_not_become_visible,
        {},
    ),
]


@pytest.fixture(autouse=True)
def nothing_broken_stays(mirror):
    yield
    for table in ("copy", "message", "day", "outbox"):
        mirror.sql(f"DELETE FROM crm_mail_mirror_{table}")


@pytest.mark.parametrize(
    ("break_it", "test", "values"),
    CASES,
    ids=[f"{break_it.__name__}-{test.__name__}" for break_it, test, _values in CASES],
)
def test_broken_code_is_noticed(break_it, test, values, request, mirror, monkeypatch):
    break_it(monkeypatch, mirror.registry)
    wanted = inspect.signature(test).parameters

    with pytest.raises(AssertionError):
        test(
            **values,
            **{n: request.getfixturevalue(n) for n in wanted if n not in values},
        )
