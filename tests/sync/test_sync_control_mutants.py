# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""Each control over what is told and what goes, taken away: does its test fail?

The rows are those of ``docs/security.md``; what the sync must not do with mail has its
table in ``test_sync_mutants.py``.
"""

import pytest

from tests.broken import Change, must_notice, mutant
from tests.sync import test_erasure as erasure
from tests.sync import test_health as health
from tests.sync import test_leavers as leavers
from tests.sync import test_live as live
from tests.sync import test_neutralised as neutralised
from tests.sync import test_rules_preview as rules
from tests.sync.test_erasure import erase, two  # noqa: F401
from tests.sync.test_health import numbers  # noqa: F401
from tests.sync.test_leavers import anna, colleague, company  # noqa: F401
from tests.sync.test_live import hundred, told_at_once  # noqa: F401

MODELS = "odoo.addons.crm_mail_mirror.models."
MAILBOX = "CrmMailMirrorMailbox"


def neutralising_without(statement):
    """The script, without the statement that begins so."""

    def forget(patch, request):
        script = neutralised.SCRIPT.read_text(encoding="utf-8")
        assert statement in script
        place = request.getfixturevalue("tmp_path") / neutralised.SCRIPT
        place.parent.mkdir(parents=True)
        kept = [s for s in script.split(";") if statement not in s]
        place.write_text(";".join(kept), encoding="utf-8")
        patch.setattr(neutralised, "SCRIPT", place)

    return forget


EVERY_NUMBER = Change(f"{MODELS}few:is_told", "others >= FEW", "others >= 0")

ROWS = [
    mutant("the bus: the owner's own channel",
           Change(f"{MODELS}crm_mail_mirror_mailbox_live:{MAILBOX}._tell_live",
                  "owner._bus_send(", "owner.mirror_manager_id._bus_send("),
           test=live.test_owner_is_told_after_each_page_and_nobody_else),
    mutant("the bus: numbers and a sentence",
           Change(f"{MODELS}crm_mail_mirror_mailbox_live:{MAILBOX}._live",
                  '"id": self.id,', '"id": self.id, "of": self.email,'),
           test=live.test_nothing_of_the_mail_is_told),
    mutant("few mails of others", EVERY_NUMBER,
           test=erasure.test_few_mails_of_others_are_not_counted_out),
    mutant("few mails of others, looked up", EVERY_NUMBER,
           test=erasure.test_the_privacy_look_up_tells_a_number_and_erases),
    mutant("rows of ours in the look-up",
           Change("odoo.addons.crm_mail_mirror.wizards.privacy_lookup:"
                  "PrivacyLookupWizard._get_query_models_blacklist",
                  "+ ours", "+ []"),
           test=erasure.test_the_privacy_look_up_is_no_directory_of_correspondents,
           fails=(ValueError,)),  # more lines than one
    mutant("several addresses, each alone",
           Change(f"{MODELS}few:told_alone",
                  "if is_told(others_of(each, uid))",
                  "if is_told(sum(others_of(one, uid) for one in counts))"),
           test=erasure.test_few_mails_are_not_counted_out_together_with_many),
    mutant("several rules, no number",
           Change(f"{MODELS}crm_mail_mirror_change:CrmMailMirrorChange._told",
                  "self.sudo().former_count) > 1", "self.sudo().former_count) > 9"),
           test=rules.test_of_several_rules_together_no_number_is_told),
    mutant("mail that came back late, in tens",
           Change(f"{MODELS}crm_mail_mirror_report_mail:"
                  "CrmMailMirrorReportMail._table_query",
                  "THEN sum(count) / {FEW} * {FEW}", "THEN sum(count)"),
           test=health.test_what_comes_back_when_a_rule_goes_is_told_in_tens),
    mutant("a leaver's mailbox for oneself",
           Change(f"{MODELS}crm_mail_mirror_mailbox_leaver:{MAILBOX}._check_successor",
                  "successor == administrator and successor != self._manager()",
                  "False"),
           test=leavers.test_an_administrator_gets_no_mail_by_their_own_hand),
    mutant("neutralising: mailboxes pause",
           neutralising_without("UPDATE crm_mail_mirror_mailbox"),
           test=neutralised.test_neutralised_copy_asks_no_server),
    mutant("neutralising: secrets go",
           neutralising_without("DELETE FROM crm_mail_mirror_credential"),
           test=neutralised.test_neutralised_copy_asks_no_server),
]  # fmt: skip


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.control)
def test_control_that_is_gone_is_noticed(row, request):
    must_notice(row, request)
