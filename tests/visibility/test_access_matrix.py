"""Who may call what? Every model and public method of the addon stands in a table.

A new model or method fails the test until somebody has thought about who may use it.
"""

import contextlib
import inspect
import time
from contextlib import contextmanager

import pytest

from .table import MESSAGE, SHOWN

PREFIX = "crm.mail.mirror."
OURS = ("odoo.addons.crm_mail_mirror.", "odoo.addons.crm_mail_mirror_hr.")
#: Who asks, and who that is in the world; the internal user sees all mail there.
ROLES = {
    "public": "public",
    "portal": "portal",
    "internal": "outsider",
    "manager": "manager",
    "administrator": "administrator",
}
# fmt: off
#: What each role may do with rows of a model that are one's own, or everybody's: read,
#: write, create, unlink; "-" is never. None: abstract, without rows and rights.
MODELS = {
    #                                  public portal inter mana admin
    "crm.mail.mirror.address":         "---- ---- ---- ---- ----",
    "crm.mail.mirror.adoption":        "---- ---- ---- r--- r---",
    "crm.mail.mirror.answers": None,
    "crm.mail.mirror.audit":           "---- ---- r--- r--- r---",
    "crm.mail.mirror.body":            "---- ---- ---- ---- ----",
    "crm.mail.mirror.change":          "---- ---- r--- r--- r---",
    "crm.mail.mirror.client":          "---- ---- ---- ---- ----",
    "crm.mail.mirror.copy":            "---- ---- r--- r--- r---",
    "crm.mail.mirror.credential":      "---- ---- ---- ---- ----",
    "crm.mail.mirror.day":             "---- ---- r--- r--- r---",
    "crm.mail.mirror.directory": None,
    "crm.mail.mirror.disconnect":      "---- ---- rwcu rwcu rwcu",
    "crm.mail.mirror.dry.run":         "---- ---- rwcu rwcu rwcu",
    "crm.mail.mirror.dry.run.contact": "---- ---- rw-- rw-- rw--",
    "crm.mail.mirror.erase":           "---- ---- ---- rwcu rwcu",
    "crm.mail.mirror.erasure":         "---- ---- ---- r--- r---",
    "crm.mail.mirror.exclusion":       "---- ---- rwcu rwcu rwcu",
    "crm.mail.mirror.folder":          "---- ---- r--- r--- r---",
    "crm.mail.mirror.former.address":  "---- ---- r-cu r-cu r-cu",
    "crm.mail.mirror.grant":           "---- ---- r--- r--- r---",
    "crm.mail.mirror.leaver":          "---- ---- ---- rwcu rwcu",
    "crm.mail.mirror.listing":         "---- ---- ---- ---- ----",
    "crm.mail.mirror.location":        "---- ---- r--- r--- r---",
    "crm.mail.mirror.look.back":       "---- ---- rwcu rwcu rwcu",
    "crm.mail.mirror.mailbox":         "---- ---- rwcu rwcu rwcu",
    "crm.mail.mirror.message":         "---- ---- r--- r--- r---",
    "crm.mail.mirror.outbox":          "---- ---- ---- ---- ----",
    "crm.mail.mirror.page": None,
    "crm.mail.mirror.page.copy": None,
    "crm.mail.mirror.page.count": None,
    "crm.mail.mirror.page.gone": None,
    "crm.mail.mirror.page.leave": None,
    "crm.mail.mirror.page.mail": None,
    "crm.mail.mirror.page.shared": None,
    "crm.mail.mirror.participant":     "---- ---- ---- ---- ----",
    "crm.mail.mirror.preview": None,
    "crm.mail.mirror.pulse":           "---- ---- ---- ---- ----",
    "crm.mail.mirror.removal":         "---- ---- r--- r--- r---",
    "crm.mail.mirror.report.failure":  "---- ---- ---- r--- r---",
    "crm.mail.mirror.report.mail":     "---- ---- ---- r--- r---",
    "crm.mail.mirror.retain":          "---- ---- ---- rwcu rwcu",
    "crm.mail.mirror.retention":       "---- ---- ---- r--- r---",
    "crm.mail.mirror.review": None,
    "crm.mail.mirror.rule.removal":    "---- ---- rwcu rwcu rwcu",
    "crm.mail.mirror.search":          "---- ---- ---- ---- ----",
    "crm.mail.mirror.server":          "---- ---- ---- ---- ----",
    "crm.mail.mirror.sharing":         "---- ---- ---- ---- ----",
    "crm.mail.mirror.suggestion":      "---- ---- rw-- rw-- rw--",
    "crm.mail.mirror.suppression":     "---- ---- ---- ---- ----",
    "crm.mail.mirror.sync": None,
    "crm.mail.mirror.tab": None,
    "crm.mail.mirror.tally":           "---- ---- r--- r--- r---",
    "crm.mail.mirror.trace":           "---- ---- ---- ---- ----",
    "crm.mail.mirror.traffic":         "---- ---- r--- r--- r---",
    "crm.mail.mirror.why":             "---- ---- rwcu rwcu rwcu",
    "crm.mail.mirror.why.line":        "---- ---- r--- r--- r---",
}
# fmt: on
OWNER, INTERNAL, WRITER = "the mailbox's owner", "internal users", "who may write it"
#: Stopping a mailbox gives nobody content: somebody has to when its owner has left.
STOPPER = "the mailbox's owner and the administrators"
#: Its page: of somebody else's mailbox administrators see the health there.
HEALTH_READER = "the mailbox's owner and who sees its health"
ASKER, PARTIES = "who asked", "who asked, and whose mail it is"
ADMINISTRATORS = "administrators"
SYSTEM, ACCESS_RIGHTS = "who changes settings", "who manages access rights"
#: In the world everybody inside sells, and so writes contacts and reads leads; for who
#: does not: ``test_former_addresses_are_removed_by_who_may_write_the_contact``.
SELLER = "who may read the lead, or write the contact"
#: It is there for other models to inherit.
NOBODY = "nobody: abstract, without rows"
NOTHING = "anybody: it does nothing"
#: Odoo checks nothing there; what is ours is read and saved for administrators alone.
SETTINGS = "as Odoo's own"
#: Who may call it on what is somebody else's (the owner: that very person). Of a rule
#: or change that is the company's: ``test_what_is_the_companys_its_administrators_do``.
MAY = {
    OWNER: {"owner"},
    WRITER: {"owner"},
    ASKER: {"asker"},
    PARTIES: {"owner", "asker"},
    STOPPER: {"owner", "manager", "administrator"},
    HEALTH_READER: {"owner", "manager", "administrator"},
    ADMINISTRATORS: {"manager", "administrator"},
    SYSTEM: {"administrator"},
    ACCESS_RIGHTS: {"administrator"},
    INTERNAL: {"owner", "asker", "internal", "manager", "administrator"},
    SELLER: {"owner", "asker", "internal", "manager", "administrator"},
    NOBODY: set(),
}
#: Public methods that the addon brings, and who may call them.
METHODS = {
    ("crm.mail.mirror.adoption", "action_invite"): ADMINISTRATORS,
    ("crm.mail.mirror.adoption", "action_invite_rest"): ADMINISTRATORS,
    ("crm.mail.mirror.adoption", "action_open_mailbox"): ADMINISTRATORS,
    ("crm.mail.mirror.change", "action_undo"): OWNER,
    ("crm.mail.mirror.copy", "action_ignore"): OWNER,
    ("crm.mail.mirror.copy", "action_try_again"): OWNER,
    ("crm.mail.mirror.copy", "action_try_now"): OWNER,
    ("crm.mail.mirror.disconnect", "action_disconnect"): STOPPER,
    ("crm.mail.mirror.dry.run", "action_again"): OWNER,
    ("crm.mail.mirror.dry.run", "action_later"): OWNER,
    ("crm.mail.mirror.dry.run", "action_start"): OWNER,
    ("crm.mail.mirror.dry.run", "action_stop"): OWNER,
    ("crm.mail.mirror.dry.run", "step"): OWNER,
    ("crm.mail.mirror.erase", "action_count"): ADMINISTRATORS,
    ("crm.mail.mirror.erase", "action_erase"): ADMINISTRATORS,
    ("crm.mail.mirror.erasure", "action_certificate"): ADMINISTRATORS,
    ("crm.mail.mirror.erasure", "action_lift"): ADMINISTRATORS,
    ("crm.mail.mirror.exclusion", "action_remove"): WRITER,
    ("crm.mail.mirror.former.address", "action_remove"): WRITER,
    ("crm.mail.mirror.grant", "action_give_up"): ASKER,
    ("crm.mail.mirror.grant", "action_look"): PARTIES,
    ("crm.mail.mirror.grant", "action_no"): OWNER,
    ("crm.mail.mirror.grant", "action_take_back"): OWNER,
    ("crm.mail.mirror.grant", "action_yes"): OWNER,
    ("crm.mail.mirror.grant", "action_yes_day"): OWNER,
    ("crm.mail.mirror.grant", "action_yes_month"): OWNER,
    ("crm.mail.mirror.grant", "action_yes_week"): OWNER,
    ("crm.mail.mirror.leaver", "action_decide"): ADMINISTRATORS,
    ("crm.mail.mirror.leaver", "action_now"): ADMINISTRATORS,
    ("crm.mail.mirror.look.back", "action_apply"): OWNER,
    ("crm.mail.mirror.mailbox", "action_change_look_back"): OWNER,
    ("crm.mail.mirror.mailbox", "action_add_rule"): OWNER,
    ("crm.mail.mirror.mailbox", "action_audit_all"): OWNER,
    ("crm.mail.mirror.mailbox", "action_open_company_rules"): OWNER,
    ("crm.mail.mirror.rule.removal", "action_remove"): WRITER,
    ("crm.mail.mirror.mailbox", "action_audit_week"): OWNER,
    ("crm.mail.mirror.mailbox", "action_confirm_removal"): OWNER,
    ("crm.mail.mirror.mailbox", "action_connect"): OWNER,
    ("crm.mail.mirror.mailbox", "action_disconnect"): STOPPER,
    ("crm.mail.mirror.mailbox", "action_dry_run"): OWNER,
    ("crm.mail.mirror.mailbox", "action_remove_kept"): STOPPER,
    ("crm.mail.mirror.mailbox", "action_open_form"): HEALTH_READER,
    ("crm.mail.mirror.mailbox", "action_ledger_by_day"): OWNER,
    ("crm.mail.mirror.mailbox", "action_failed"): OWNER,
    ("crm.mail.mirror.mailbox", "action_leaver"): ADMINISTRATORS,
    ("crm.mail.mirror.mailbox", "action_list_again"): OWNER,
    ("crm.mail.mirror.mailbox", "action_open_suggestions"): OWNER,
    ("crm.mail.mirror.mailbox", "action_suggest_again"): OWNER,
    ("crm.mail.mirror.mailbox", "action_pause"): STOPPER,
    ("crm.mail.mirror.mailbox", "action_resume"): OWNER,
    ("crm.mail.mirror.mailbox", "action_sign_in"): OWNER,
    ("crm.mail.mirror.mailbox", "action_start"): OWNER,
    ("crm.mail.mirror.mailbox", "action_sync_now"): OWNER,
    ("crm.mail.mirror.mailbox", "choose_folders"): OWNER,
    ("crm.mail.mirror.mailbox", "action_why"): OWNER,
    ("crm.mail.mirror.mailbox", "copy_data"): OWNER,
    ("crm.mail.mirror.mailbox", "get_folder_tree"): OWNER,
    ("crm.mail.mirror.mailbox", "message_notify"): NOTHING,
    ("crm.mail.mirror.mailbox", "message_post_with_source"): NOTHING,
    ("crm.mail.mirror.mailbox", "message_subscribe"): NOTHING,
    ("crm.mail.mirror.mailbox", "preview_folders"): OWNER,
    ("crm.mail.mirror.message", "action_open"): INTERNAL,
    ("crm.mail.mirror.message", "action_remove"): OWNER,
    ("crm.mail.mirror.message", "action_why"): OWNER,
    ("crm.mail.mirror.message", "get_conversation"): INTERNAL,
    ("crm.mail.mirror.message", "get_conversations"): INTERNAL,
    ("crm.mail.mirror.message", "get_overview"): INTERNAL,
    ("crm.mail.mirror.message", "get_text"): INTERNAL,
    ("crm.mail.mirror.message", "ask_access"): INTERNAL,
    ("crm.mail.mirror.message", "get_ask_options"): INTERNAL,
    ("crm.mail.mirror.message", "set_sharing"): OWNER,
    ("crm.mail.mirror.removal", "action_undo"): OWNER,
    ("crm.mail.mirror.report.mail", "get_health"): ADMINISTRATORS,
    ("crm.mail.mirror.retain", "action_apply"): ADMINISTRATORS,
    ("crm.mail.mirror.retain", "action_preview"): ADMINISTRATORS,
    ("crm.mail.mirror.tab", "action_open_mirror_messages"): NOBODY,
    ("crm.mail.mirror.why", "action_ask"): WRITER,
    ("crm.mail.mirror.why", "action_search"): WRITER,
    ("crm.mail.mirror.why.line", "action_mend"): WRITER,
    ("crm.mail.mirror.suggestion", "action_create"): OWNER,
    ("crm.mail.mirror.suggestion", "action_dismiss"): OWNER,
    ("crm.lead", "action_open_mirror_messages"): SELLER,
    ("ir.http", "session_info"): SETTINGS,
    ("privacy.lookup.wizard", "action_lookup"): SYSTEM,
    ("privacy.lookup.wizard.line", "action_unlink"): SYSTEM,
    ("res.config.settings", "action_mirror_test_google"): ADMINISTRATORS,
    ("res.config.settings", "action_mirror_test_microsoft"): ADMINISTRATORS,
    ("res.config.settings", "get_values"): SETTINGS,
    ("res.config.settings", "set_values"): SETTINGS,
    ("res.partner", "action_mirror_former_addresses"): SELLER,
    ("res.partner", "action_open_mirror_messages"): INTERNAL,
    ("res.users", "action_mirror_decline"): INTERNAL,
    ("res.users", "action_mirror_link"): INTERNAL,
    ("res.users", "action_mirror_sign_in"): INTERNAL,
    ("res.users", "get_mirror_colleagues"): INTERNAL,
    ("res.users", "get_mirror_move"): ACCESS_RIGHTS,
}
#: Of other people's mailboxes: what administrators see.
HEALTH = {
    "brake", "company_id", "compared", "create_date", "create_uid", "display_name",
    "email", "email_normalized", "failed_count", "failing_since", "failure_count",
    "going_sentence", "id", "imap_host", "is_going",
    "imap_port",
    "imap_security", "is_mine", "is_readable", "last_change_at", "last_error",
    "last_error_sentence", "last_sync_at", "leaver_action", "leaver_on",
    "leaver_sentence", "ledger", "left_at", "may_stop", "mirrored_count",
    "mirrored_told", "next_sync_at",
    "progress", "proof", "provider", "seen_count", "seen_told", "state",
    "successor_id", "user_id",
    "write_date", "write_uid",
}  # fmt: skip
#: Theirs to ask for, and told to the owner alone.
OWNERS = {
    "contact_companies", "contact_confirm", "contact_mode", "suggestion_count",
    "dismissed_count", "suggestions_pending",
    "aliases", "imap_login", "is_just_linked", "link_sentence", "look_back", "mode",
    "password", "progress_done", "progress_total",
    "sharing_in", "sharing_out", "since_sentence", "sync_from",
    "company_rule_count", "sharing_preview", "mode_preview",
    "folders_sentence", "rules_sentence", "state_color", "state_sentence", "viewers",
}  # fmt: skip
#: Rows of which only the owner's are listed.
LISTS = {
    "audit_ids",
    "tally_ids",
    "company_rule_ids",
    "my_rule_ids",
    "rule_change_ids",
}
#: Worked out from the server's name.
FOLLOWS = {"imap_preset", "password_help", "password_page"}
NEVER = {
    "account_id",
    "former_rules",
    "imported_at",
    "link_outcome",
    "cursor",
    "cursor_seq",
    "lease_token",
    "lease_until",
    "listing",
    "listing_mark",
    "pass_no",
    "people_from",
    "policy_seq",
}


@contextmanager
def forbidden(env):
    """What is done inside raises, and leaves nothing."""
    from odoo.exceptions import AccessError, UserError

    with pytest.raises((AccessError, UserError)), env.cr.savepoint():
        yield


def needed(method):
    """Names of the arguments without which it cannot be called."""
    return [
        name
        for name, argument in inspect.signature(method).parameters.items()
        if argument.default is argument.empty
        and argument.kind is argument.POSITIONAL_OR_KEYWORD
    ]


def of_the_addon(registry):
    return {name for name in registry if name.startswith(PREFIX)}


def public_methods(registry):
    """(model, method) of each that our addons define or bring by an override.

    Abstract models as well: whoever calls over RPC names any model.
    """
    found = set()
    for name, model in registry.items():
        for part in model.mro():
            if not part.__module__.startswith(OURS):
                continue
            for method in vars(part):
                if method.startswith("_") or not callable(getattr(model, method)):
                    continue
                # private as well where it overrides a private one, says Odoo
                if any(
                    getattr(getattr(base, method, None), "_api_private", False)
                    for base in model.mro()
                ):
                    continue
                found.add((name, method))
    return {pair for pair in found if pair[1] not in ("create", "write", "unlink")}


def test_every_model_has_its_row(stage):
    assert of_the_addon(stage[1]) == set(MODELS)


def test_every_field_of_a_mail_is_known_to_the_table(viewer):
    """A new one must be added to SHOWN, and so be compared at every level."""
    plain = {"id", "date", "display_name"}
    # said by `access` alone, empty without Cc or Bcc, told by `preview` or by `access`;
    # always empty: it is only searched for
    follows = {"not_shared", "carbon_copy", "blind_copy", "first_line", "words"}

    assert set(viewer("4")[MESSAGE].fields_get()) <= {*SHOWN, *plain, *follows}


def test_every_public_method_has_its_row(stage):
    assert public_methods(stage[1]) == set(METHODS)


def rights(env):
    """``{model: letters}`` of what the user of ``env`` may do."""
    operations = ("read", "write", "create", "unlink")
    return {
        name: "".join(
            letter if env[name].has_access(operation) else "-"
            for letter, operation in zip("rwcu", operations, strict=True)
        )
        for name in MODELS
    }


def rows_of(role):
    """``{model: letters}`` of what that role is to be allowed."""
    column = list(ROLES).index(role)
    return {
        name: row.split()[column] if row else "----" for name, row in MODELS.items()
    }


def test_rows_name_what_is_abstract(stage):
    abstract = {name for name in MODELS if stage[1][name]._abstract}
    assert abstract == {name for name, row in MODELS.items() if row is None}


@pytest.mark.parametrize("role", ROLES)
def test_each_role_may_do_what_the_row_says(root, world, role):
    user = root["res.users"].browse(world.users[ROLES[role]])
    user.mirror_visibility = "4"  # a level opens records, and no model
    root.flush_all()

    assert rights(root(user=user.id, su=False)) == rows_of(role)


def test_rights_are_given_to_no_other_group(root):
    """Of whom no column would tell."""
    given = root["ir.model.access"].search([("model_id.model", "like", PREFIX + "%")])
    groups = given.filtered(lambda row: row.perm_read or row.perm_write).group_id
    groups |= given.filtered(lambda row: row.perm_create or row.perm_unlink).group_id
    manager = root.ref("crm_mail_mirror.crm_mail_mirror_group_manager")

    assert groups == root.ref("base.group_user") | manager
    # nor do managers come to it by way of another one
    assert manager.implied_by_ids == root.ref("base.group_system")


@pytest.mark.parametrize("who", ["portal", "public"])
def test_portal_and_public_users_may_do_nothing(root, viewer, world, who):
    viewer("4")
    user = root["res.users"].browse(world.users[who])
    user.mirror_visibility = "4"
    root.flush_all()
    env = root(user=user.id, su=False)

    for name in (name for name in MODELS if MODELS[name]):
        for method in ("search", "search_count", "search_read", "name_search"):
            with forbidden(env):
                getattr(env[name], method)(*([] if method == "name_search" else [[]]))
    for name in ("mirror_message_ids", "mirror_former_addresses"):
        assert name not in env["res.partner"].fields_get()
    # and should the field be asked for inside, it is empty
    assert (
        not env["res.partner"].sudo().browse(world.partners["peer"]).mirror_message_ids
    )
    readable = (
        env["crm.mail.mirror.mailbox"].sudo().search([("is_readable", "=", True)])
    )
    assert not readable


def test_what_activities_call_does_nothing(root, world):
    called = {method for (_m, method), may in METHODS.items() if may == NOTHING}
    mailbox = root["crm.mail.mirror.mailbox"].browse(next(iter(world.mailboxes)))
    mailbox = mailbox.with_user(world.users["public"])
    before = [
        root[name].search_count([]) for name in ("mail.message", "mail.followers")
    ]

    assert not mailbox.message_notify(partner_ids=[1], body="x", subject="x")
    assert mailbox.message_subscribe(partner_ids=[world.partners["peer"]]) is True
    assert not mailbox.message_post_with_source("mail.message_origin_link")

    after = [root[name].search_count([]) for name in ("mail.message", "mail.followers")]
    assert (len(called), after) == (3, before)


def test_administrators_see_health_and_no_content(root, world):
    env = root(user=world.users["administrator"], su=False)
    mailboxes = env["crm.mail.mirror.mailbox"].search([])

    assert len(mailboxes) == len(world.mailboxes)
    names = set(mailboxes.fields_get()) - {
        name
        for name in mailboxes._fields
        if name.startswith(("activity_", "my_activity"))
    }
    assert names == HEALTH | OWNERS | FOLLOWS | LISTS
    told = {"code": "other_account", "asked": "a@x.test", "given": "b@x.test"}
    one = root["crm.mail.mirror.mailbox"].browse(mailboxes[0].id)
    one.link_outcome = {**told, "at": round(time.time())}
    assert "b@x.test" in one.with_user(one.user_id).link_sentence
    for row in mailboxes.read():
        assert [row[name] for name in OWNERS] == [False] * len(OWNERS)
        assert [row[name] for name in LISTS] == [[]] * len(LISTS)
    for name in NEVER:
        with forbidden(env):
            mailboxes.read([name])
        with forbidden(env):
            mailboxes.search([(name, "!=", False)])
    assert not env[MESSAGE].search([])
    for name in ("copy", "day", "folder", "location"):
        assert not env[PREFIX + name].search([]), name
    for name in (
        "client",
        "credential",
        "body",
        "participant",
        "address",
        "trace",
        "outbox",
    ):
        with forbidden(env):
            env[PREFIX + name].search([])
    with forbidden(env):
        env[MESSAGE].browse(world.mails[0].id).read(["date"])


@pytest.mark.parametrize("who", ["outsider", "boss", "manager", "administrator"])
def test_what_is_the_owners_nobody_else_does(root, world, who):
    theirs = next(i for i, (owner, _u) in world.mailboxes.items() if owner == "peer")
    root["res.users"].browse(world.users[who]).mirror_visibility = "4"
    root.flush_all()
    env = root(user=world.users[who], su=False)
    mailbox = env["crm.mail.mirror.mailbox"].browse(theirs)
    before = root["crm.mail.mirror.mailbox"].browse(theirs).read()

    if who in ("outsider", "boss"):
        with forbidden(env):
            env["crm.mail.mirror.disconnect"].create({"mailbox_id": theirs})
    for values in (
        {"sharing_in": "everything"}, {"sync_from": False}, {"password": "x"},
        {"imap_host": "evil.test"}, {"company_id": 1}, {"aliases": "a@b.test"},
        {"cursor": False}, {"state": "active"},
    ):  # fmt: skip
        with forbidden(env):
            mailbox.write(values)
    with forbidden(env):
        mailbox.write({"user_id": world.users[who]})
    with forbidden(env):
        mailbox.unlink()
    with forbidden(env):
        mailbox.copy({"email": "copy@us.test"})
    for owner in ("peer", "stranger"):
        with forbidden(env):
            mailbox.create({"email": "x@us.test", "user_id": world.users[owner]})
    copies = env["crm.mail.mirror.copy"]
    hidden = root["crm.mail.mirror.copy"].search([("mailbox_id", "=", theirs)], limit=1)
    with forbidden(env):
        copies.browse(hidden.id).read(["reason"])
    assert root["crm.mail.mirror.mailbox"].browse(theirs).read() == before


def test_owner_cannot_give_the_mailbox_away(root, world):
    mine = next(i for i, (owner, _u) in world.mailboxes.items() if owner == "viewer")
    env = root(user=world.users["viewer"], su=False)

    with forbidden(env):
        env["crm.mail.mirror.mailbox"].browse(mine).user_id = world.users["peer"]


def test_personal_exclusions_are_the_owners_alone(root, world):
    rules = root["crm.mail.mirror.exclusion"]
    theirs = rules.create({"value": "lover@home.test", "user_id": world.users["peer"]})
    company = rules.create({"value": "bank@money.test"})

    for who in ("viewer", "boss", "administrator"):
        env = root(user=world.users[who], su=False)
        assert theirs not in env[rules._name].search([])
        assert company in env[rules._name].search([])
        assert not env[rules._name].search([("value", "ilike", "lover")])
        with forbidden(env):
            env[rules._name].browse(theirs.id).read(["value"])
        with forbidden(env):
            env[rules._name].create(
                {"value": "a@b.test", "user_id": world.users["peer"]}
            )
    viewer = root(user=world.users["viewer"], su=False)
    with forbidden(viewer):
        viewer[rules._name].browse(company.id).write({"value": "x@money.test"})
    administrator = root(user=world.users["administrator"], su=False)
    administrator[rules._name].browse(company.id).write({"value": "x@money.test"})


def test_former_addresses_are_removed_by_who_may_write_the_contact(root, world):
    reader = root["res.users"].create(
        {
            "name": "Reader",
            "login": "reader",
            "group_ids": [(6, 0, [root.ref("base.group_user").id])],
        }
    )
    env = root(user=reader.id, su=False)

    with forbidden(env):
        env["res.partner"].browse(
            world.partners["peer"]
        ).action_mirror_former_addresses()
    line = env["crm.mail.mirror.former.address"].create(
        {"partner_id": world.partners["peer"], "email_normalized": "old@acme.test"}
    )
    with forbidden(env):
        line.action_remove()


def test_administrators_stop_a_mailbox_whose_owner_left(root, world):
    theirs = next(i for i, (owner, _u) in world.mailboxes.items() if owner == "peer")
    mailbox = root["crm.mail.mirror.mailbox"].browse(theirs)
    root["crm.mail.mirror.credential"].create(
        {"mailbox_id": theirs, "secret": "x", "key_id": "x"}
    )
    mailbox.state = "active"
    administrator = root(user=world.users["administrator"], su=False)

    administrator["crm.mail.mirror.mailbox"].browse(theirs).action_pause()
    assert mailbox.state == "paused"
    wizard = administrator["crm.mail.mirror.disconnect"].create({"mailbox_id": theirs})
    wizard.action_disconnect()

    assert mailbox.state == "draft"
    assert not root["crm.mail.mirror.credential"].search([("mailbox_id", "=", theirs)])


def test_archived_owner_takes_the_password_along(root, world):
    theirs = next(i for i, (owner, _u) in world.mailboxes.items() if owner == "peer")
    root["crm.mail.mirror.mailbox"].browse(theirs).state = "active"
    root["crm.mail.mirror.credential"].create(
        {"mailbox_id": theirs, "secret": "x", "key_id": "x"}
    )

    root["res.users"].browse(world.users["peer"]).active = False

    assert root["crm.mail.mirror.mailbox"].browse(theirs).state == "paused"
    assert not root["crm.mail.mirror.credential"].search([("mailbox_id", "=", theirs)])


CLOSED = (
    *("aliases", "imap_login", "look_back", "mode", "sharing_in", "sharing_out"),
    *("progress_done", "progress_total", "sync_from"),
)
#: Numbers of a mailbox, as its administrators read them.
NUMBERS = ["mirrored_count", "mirrored_told", "seen_count", "seen_told", "ledger"] + [
    *("failed_count", "compared", "proof"),
]


@pytest.fixture
def theirs(root, world):
    """A stranger's mailbox, as its administrator has it."""
    ident = next(i for i, (owner, _u) in world.mailboxes.items() if owner == "peer")
    root["crm.mail.mirror.mailbox"].browse(ident).write(
        {
            **{"aliases": "alias@us.test", "imap_login": "login.of.peer"},
            **{"imap_host": "imap.us.test", "sharing_in": "everything"},
            **{"progress_done": 3731, "progress_total": 7462},
        }
    )
    root.flush_all()
    env = root(user=world.users["administrator"], su=False)
    return env["crm.mail.mirror.mailbox"].browse(ident)


def test_what_is_the_owners_is_empty_on_every_way(root, theirs):
    users, owner = theirs.env["res.users"], theirs.sudo().user_id
    told = [
        theirs.read(CLOSED),
        theirs.web_read({name: {} for name in CLOSED}),
        theirs.export_data(CLOSED)["datas"],
        users.browse(owner.id).web_read(
            {"mirror_mailbox_ids": {"fields": {name: {} for name in CLOSED}}}
        ),
        users.browse(owner.id).export_data(
            [f"mirror_mailbox_ids/{name}" for name in CLOSED]
        )["datas"],
    ]

    said = str(told)
    assert [
        word
        for word in ("alias@us.test", "login.of.peer", "everything", "two_way", "7462")
        if word in said
    ] == []
    with forbidden(theirs.env):
        theirs.copy_data()
    with forbidden(theirs.env):
        theirs.onchange({}, [], {name: {} for name in CLOSED})
    for row in theirs.read(CLOSED):
        assert [row[name] for name in CLOSED] == [False] * len(CLOSED)
    # the owner has it all, and so has what works for the owner
    own = theirs.with_user(owner).read(CLOSED)[0]
    assert own["imap_login"] == theirs.sudo().imap_login == "login.of.peer"
    assert (own["sharing_in"], own["mode"]) == ("everything", "two_way")
    assert (own["progress_done"], theirs.progress) == (3731, 50)


def test_one_mail_more_or_less_is_told_to_its_owner_alone(root, theirs):
    """Who makes a rule for everybody on a word, looks, and takes it back."""
    owner = theirs.with_user(theirs.sudo().user_id)

    def told(missing=0, **mails):
        root.cr.execute(
            "DELETE FROM crm_mail_mirror_day WHERE mailbox_id = %s", [theirs.id]
        )
        for state, count in mails.items():
            root["crm.mail.mirror.day"].create(
                {
                    **{"mailbox_id": theirs.id, "day": "2026-01-01", "state": state},
                    **{"reason": "contact", "count": count},
                }
            )
        root["crm.mail.mirror.audit"].search([("mailbox_id", "=", theirs.id)]).unlink()
        root["crm.mail.mirror.audit"].create(
            {
                **{"mailbox_id": theirs.id, "kind": "all", "why": "month"},
                **{"asked_at": "2026-01-02", "ended_at": "2026-01-02"},
                **{"state": "done", "missing": missing},
            }
        )
        root.flush_all()
        root.invalidate_all()
        return theirs.read(NUMBERS), owner.read(NUMBERS)

    theirs_before, own_before = told(mirrored=812, unmatched=1340, failed=6, missing=5)
    theirs_after, own_after = told(mirrored=811, unmatched=1340, failed=5, missing=4)

    assert theirs_before == theirs_after
    (row,), (own,) = theirs_before, own_before
    assert (row["seen_count"], row["mirrored_count"]) == (2150, 810)
    assert (row["seen_told"], row["mirrored_told"]) == ("about 2,150", "about 810")
    assert row["ledger"] == (
        "about 2,150 seen, among them about 1,340 no contact, 810 mirrored"
    )
    assert (own["seen_count"], own["mirrored_told"]) == (2158, "812")
    assert own["ledger"] == "2,158 seen = 1,340 no contact + 812 mirrored + 6 failed"
    assert all(own[name] != own_after[0][name] for name in ("proof", "mirrored_count"))
    (few,), _own = told(mirrored=1)
    (none,), _own = told()
    assert few == none
    assert few["ledger"] == "fewer than 10 seen"


@pytest.mark.parametrize("name", CLOSED)
def test_what_is_the_owners_is_not_found_out_by_searching(root, theirs, name):
    mailboxes = theirs.browse()
    users = theirs.env["res.users"]
    value = root["crm.mail.mirror.mailbox"].browse(theirs.id)[name]
    for method, arguments in (
        (mailboxes.search, [[(name, "=", value)]]),
        (mailboxes.search_count, [["|", ("id", "=", 0), (name, "!=", value)]]),
        (mailboxes.search, [[], 0, None, name]),
        (mailboxes.formatted_read_group, [[], [name], ["__count"]]),
        (mailboxes.formatted_read_group, [[], [], [f"{name}:array_agg"]]),
        (users.search, [[(f"mirror_mailbox_ids.{name}", "=", value)]]),
    ):
        with pytest.raises(Exception), theirs.env.cr.savepoint():  # noqa: B017, PT011
            method(*arguments)


def test_administrators_have_all_of_their_own_mailbox(root, world):
    user = root["res.users"].browse(world.users["administrator"])
    asked = {"mirror_mailbox_ids": {"fields": {name: {} for name in CLOSED}}}
    none = user.with_user(user).web_read(asked)
    assert none == [{"id": user.id, "mirror_mailbox_ids": []}]
    mailbox = root["crm.mail.mirror.mailbox"].create(
        {"user_id": user.id, "email": "a@us.test", "imap_login": "a", "mode": "one_way"}
    )
    root.flush_all()
    root.invalidate_all()

    row = mailbox.with_user(user).read(CLOSED)[0]

    assert (row["imap_login"], row["mode"]) == ("a", "one_way")
    assert row["sharing_in"] and row["sync_from"]


def test_number_of_a_mailbox_tells_nobody_its_address(root, viewer, world):
    """Odoo tells the name of what a number points to, whoever asks."""
    env = viewer("4")
    number, (_name, owner) = next(
        (number, who) for number, who in world.mailboxes.items() if who[1] != env.uid
    )
    address = root["crm.mail.mirror.mailbox"].browse(number).email
    env.invalidate_all()
    read = {"mailbox_id": {"fields": {"display_name": {}}}}
    told = []

    why = env["crm.mail.mirror.why"].create({"mailbox_id": number})
    told += [why.read(["mailbox_id"]), why.web_read(read)]
    for name in ("why", "look.back", "dry.run", "disconnect"):
        wizard, spec = env[f"crm.mail.mirror.{name}"], dict(read)
        if name == "dry.run":
            spec["email"] = {}
        with contextlib.suppress(Exception), env.cr.savepoint():
            told.append(wizard.onchange({"mailbox_id": number}, ["mailbox_id"], spec))

    assert len(told) > 2
    assert address not in str(told)
    mine = root(user=owner, su=False)["crm.mail.mirror.mailbox"].browse(number)
    assert mine.display_name == address


def test_number_of_a_mailbox_tells_nobody_what_is_known_of_it(root, world):
    """A form that is not saved yet is asked with any number, and for any field."""
    number = next(i for i, (owner, _u) in world.mailboxes.items() if owner == "peer")
    mailbox = root["crm.mail.mirror.mailbox"].browse(number)
    mailbox.write({"provider": "gmail", "state": "ready"})
    stranger = root["res.users"].browse(world.users["stranger"])
    stranger.mirror_visibility = "4"  # who sees the peer's mail, as the peer is told
    root.flush_all()

    def told(user_id):
        env, said = root(user=user_id, su=False), []
        for name in ("why", "look.back", "dry.run", "disconnect"):
            wizard = env[f"crm.mail.mirror.{name}"]
            for field in set(wizard.fields_get()) - {"mailbox_id"}:
                env.invalidate_all()
                with contextlib.suppress(Exception), env.cr.savepoint():
                    asked = ({"mailbox_id": number}, ["mailbox_id"], {field: {}})
                    said.append(str(wizard.onchange(*asked)))
        return {word for word in ("gmail", "Stranger") if word in str(said)}

    assert told(world.users["peer"]) == {"gmail", "Stranger"}
    assert told(world.users["outsider"]) == set()
    # who helps with a mailbox sees its provider in the list of mailboxes as well
    assert told(world.users["manager"]) == {"gmail"}


def test_nobody_but_administrators_reads_or_writes_settings(root, world):
    client = root["crm.mail.mirror.client"].create(
        {"provider": "gmail", "client_id": "ours", "enabled": True}
    )
    settings = root["res.config.settings"].create({"mirror_google_client_id": "x"})

    for who in ("outsider", "boss", "portal", "public"):
        env = root(user=world.users[who], su=False)
        theirs = env["res.config.settings"].browse(settings.id)
        assert not [name for name in theirs.get_values() if name.startswith("mirror_")]
        with forbidden(env):
            theirs.action_mirror_test_google()
        with forbidden(env):
            env["res.config.settings"].browse().action_mirror_test_microsoft()
        with forbidden(env):
            env["res.config.settings"].create({"mirror_google_secret": "x"})
        for empty in (theirs, theirs.browse()):
            with contextlib.suppress(Exception), env.cr.savepoint():
                empty.set_values()
    root.invalidate_all()
    assert (client.client_id, client.enabled) == ("ours", True)


def test_secrets_of_the_registration_come_back_to_nobody(root, world):
    administrator = root(user=world.users["administrator"], su=False)
    page = administrator["res.config.settings"].create(
        {
            "mirror_google_enabled": True,
            "mirror_google_client_id": "ours",
            "mirror_google_secret": "GOCSPX-very-secret",
        }
    )
    page.set_values()
    root.flush_all()

    for record in (page, administrator["res.config.settings"].create({})):
        assert "very-secret" not in str(record.read())
        assert record.mirror_google_secret is False
        assert record.mirror_google_secret_kept
        for name in ("mirror_google_token", "mirror_microsoft_token"):
            with forbidden(administrator):
                record.read([name])
    with forbidden(administrator):
        administrator["crm.mail.mirror.client"].search([]).read()
    for table in ("res_config_settings", "crm_mail_mirror_client"):
        root.cr.execute(f"SELECT to_jsonb(t)::text FROM {table} t")
        assert "very-secret" not in str(root.cr.fetchall())
