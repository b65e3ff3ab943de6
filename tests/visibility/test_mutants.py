"""Does the table notice when a rule is broken? Each mutant must be caught."""

import pytest

from .table import MESSAGE, faults


def _rule(root, domain):
    rule = root.ref("crm_mail_mirror.crm_mail_mirror_message_rule")
    rule.domain_force = domain


def _patched(monkeypatch, root, model, name, replacement):
    monkeypatch.setattr(type(root[model]), name, replacement)


def _rewritten(monkeypatch, root, name, before, after):
    """A method of the message that answers SQL: one phrase in it is another."""
    from odoo.tools import SQL

    kind = type(root[MESSAGE])
    right = getattr(kind, name)

    def mutant(self, *arguments, **named):
        query = right(self, *arguments, **named)
        assert before in query.code, "the phrase to break is not there any more"
        return SQL(query.code.replace(before, after), *query.params)

    monkeypatch.setattr(kind, name, mutant)


def rule_is_true(monkeypatch, root):
    _rule(root, "[(1, '=', 1)]")


def rule_forgets_the_level(monkeypatch, root):
    _rule(root, "[('copy_ids', 'any', [('state', '=', 'mirrored')])]")


def rule_is_gone(monkeypatch, root):
    root.ref("crm_mail_mirror.crm_mail_mirror_message_rule").active = False


def private_is_ignored(monkeypatch, root):
    _rewritten(
        monkeypatch, root, "_visible_copies",
        "c.sharing = 'private' THEN 'metadata'",
        "c.sharing = 'private' THEN 'everything'",
    )  # fmt: skip


def sent_shares_as_received(monkeypatch, root):
    _rewritten(monkeypatch, root, "_visible_copies", "m.sharing_out", "m.sharing_in")


def mails_own_sharing_is_ignored(monkeypatch, root):
    _rewritten(
        monkeypatch, root, "_visible_copies", "c.sharing IS NOT NULL", "c.sharing = 'x'"
    )


def everybody_is_owner(monkeypatch, root):
    _rewritten(
        monkeypatch, root, "_visible_copies",
        "ELSE m.sharing_in END", "ELSE 'everything' END",
    )  # fmt: skip


def text_of_copies_that_may_not_be_read(monkeypatch, root):
    from odoo.tools import SQL

    everything = SQL("(SELECT id FROM crm_mail_mirror_mailbox)")
    _patched(monkeypatch, root, MESSAGE, "_readable_mailboxes", lambda self: everything)
    _rule(root, "[(1, '=', 1)]")


def company_is_ignored(monkeypatch, root):
    from odoo.fields import Domain

    def readable(self):
        user = self.env["res.users"].browse(self.env.uid).sudo()
        companies = self.env["res.company"].sudo().search([]).ids
        owners = user._mirror_visible_owners(companies)
        return (
            Domain.TRUE
            if owners is None
            else Domain("user_id", "in", owners + user.ids)
        )

    _patched(monkeypatch, root, "crm.mail.mirror.mailbox", "_readable_domain", readable)


def level_is_one_too_high(monkeypatch, root):
    kind = type(root["res.users"])
    right = kind._mirror_visible_owners

    def raised(self, companies):
        level = int(self.sudo().mirror_visibility)
        put(self, min(level + 1, 4))
        try:
            return right(self, companies)
        finally:
            put(self, level)

    def put(user, level):
        user.env.cr.execute(
            "UPDATE res_users SET mirror_visibility = %s WHERE id = %s",
            [str(level), user.id],
        )
        user.invalidate_recordset(["mirror_visibility"], flush=False)

    monkeypatch.setattr(kind, "_mirror_visible_owners", raised)


def users_without_manager_are_peers(monkeypatch, root):
    from odoo.tools import SQL

    chart = SQL(
        """SELECT id AS user_id, COALESCE(mirror_manager_id, 0) AS manager_id,
                  NULL::int AS company_id FROM res_users"""
    )
    _patched(monkeypatch, root, "res.users", "_mirror_edges", lambda self: chart)


def subject_is_found_whatever_is_shared(monkeypatch, root):
    kind = type(root[MESSAGE])
    right = kind._search_visible

    def loose(self, shared, condition, *join):
        return right(self, ("metadata", "subject", "everything"), condition, *join)

    monkeypatch.setattr(kind, "_search_visible", loose)


def negation_by_what_is_not_shown(monkeypatch, root):
    from odoo.fields import Domain
    from odoo.tools import SQL

    kind = type(root[MESSAGE])
    right = kind._search_subject

    def search(self, operator, value):
        if operator == "not ilike":
            found = SQL(
                "(SELECT id FROM crm_mail_mirror_message"
                " WHERE subject_raw NOT ILIKE %s)",
                f"%{value}%",
            )
            return Domain("id", "in", found)
        return right(self, operator, value)

    monkeypatch.setattr(kind, "_search_subject", search)


MUTANTS = [
    (rule_is_true, "2"),
    (rule_forgets_the_level, "2"),
    (rule_is_gone, "0"),
    (private_is_ignored, "2"),
    (sent_shares_as_received, "1"),
    (mails_own_sharing_is_ignored, "1"),
    (everybody_is_owner, "1"),
    (text_of_copies_that_may_not_be_read, "1"),
    (company_is_ignored, "1"),
    (company_is_ignored, "4"),
    (level_is_one_too_high, "0"),
    (level_is_one_too_high, "1"),
    (level_is_one_too_high, "2"),
    (level_is_one_too_high, "3"),
    (subject_is_found_whatever_is_shared, "1"),
    (negation_by_what_is_not_shown, "1"),
]


@pytest.mark.parametrize(
    ("mutant", "level"), MUTANTS, ids=lambda value: getattr(value, "__name__", value)
)
def test_broken_rule_is_caught_by_the_table(
    monkeypatch, root, viewer, world, mutant, level
):
    env = viewer(level)
    mutant(monkeypatch, root)
    root.flush_all()
    root.invalidate_all()
    root.registry.clear_cache()

    try:
        found = faults(env, world, level, first=True)
    finally:
        monkeypatch.undo()
        root.cr.rollback()
        root.registry.clear_cache()

    assert found


def test_unbroken_rule_has_no_faults(viewer, world):
    assert not faults(viewer("1"), world, "1")


def test_users_without_manager_who_were_peers_are_caught(monkeypatch, root, world):
    boss = root["res.users"].browse(world.users["boss"])
    boss.mirror_visibility = "2"
    stranger = world.users["stranger"]
    companies = [world.companies["home"]]

    right = boss._mirror_visible_owners(companies)
    users_without_manager_are_peers(monkeypatch, root)
    wrong = boss._mirror_visible_owners(companies)

    assert stranger not in right
    assert stranger in wrong


def test_bcc_that_everybody_sees_is_caught(monkeypatch, root, viewer, world):
    from odoo.tools import SQL

    from . import test_copies as copies

    mailbox = copies.mailbox_of(root, world.users["boss"], "bcc@us.test", "everything")
    mine = copies.mailbox_of(root, world.users["viewer"], "bcc2@us.test")
    message = copies.letter(root, "Offer", copies.DATE, [("to", copies.CUSTOMER)])
    sent = copies.copy(root, message, mailbox, "out", "Text")
    copies.copy(root, message, mine, "in", "Text")
    copies.person(root, message, copies.DATE, "bcc", copies.SECRET, sent)
    mail = viewer("1")[MESSAGE].browse(message)
    secret = mail.env["res.partner"].browse(world.partners["boss"])

    right = (mail.blind_copy, message in secret.mirror_message_ids.ids)
    kind = type(root[MESSAGE])
    monkeypatch.setattr(kind, "_participant_is_visible", lambda self: SQL("TRUE"))
    root.invalidate_all()
    wrong = (mail.blind_copy, message in secret.mirror_message_ids.ids)

    assert right == (False, False)
    assert all(wrong)
