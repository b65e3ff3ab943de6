# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""What does a reason in the ledger mean, in the words of the mailbox's owner?

A label for a list, a sentence for who asks why, and what to do about it. None of them
holds anything of a mail: it says which rule spoke, not about whom.
"""

from ..engine.reasons import Reason


def labels(env):
    """``{reason: two or three words}``, for every reason a row can have"""
    return {
        "contact": env._("with a contact"),
        "domain": env._("with a company's domain"),
        "dropbox": env._("sent to the dropbox"),
        "allowed": env._("always mirrored"),
        "no_contact": env._("no contact"),
        "not_listed": env._("no contact, not listed"),
        "folder": env._("folder not mirrored"),
        "too_old": env._("before the look-back"),
        "no_address": env._("no address"),
        "private_word": env._("private word"),
        "sensitivity": env._("marked as private"),
        "excluded_address": env._("excluded address"),
        "excluded_domain": env._("excluded domain"),
        "erased": env._("erased person"),
        "internal": env._("among colleagues"),
        "retention": env._("kept long enough"),
        "ignored": env._("ignored"),
        "calendar": env._("invitation only"),
        "no_content": env._("nothing to read"),
        "one_way": env._("received, only sent mail is mirrored"),
        "role_address": env._("functions only"),
        **dict.fromkeys(
            ("bulk_list_id", "bulk_list_unsubscribe", "bulk_list_post"),
            env._("mailing list or newsletter"),
        ),
        "bulk_precedence": env._("bulk mail"),
        "bulk_feedback_id": env._("campaign"),
        "bulk_campaign": env._("campaign"),
        "bulk_auto_submitted": env._("automatic mail"),
        "bulk_auto_reply": env._("automatic reply"),
        "bulk_return_path": env._("from a machine"),
        "bulk_report": env._("delivery report"),
        "bulk_mailer_daemon": env._("from a mail server"),
        # of rows that no rule decided
        "owner": env._("hidden by you"),
        "brake": env._("hidden until it is sure that it is gone"),
        "late": env._("to be read next"),
    }


def sentences(env):
    """``{reason: sentence}``, the same reasons"""
    bulk = env._(
        "It bears a sign of mail that is sent to many, or by a machine: %(sign)s.",
        sign="%(sign)s",
    )

    def sign(words):
        return bulk % {"sign": words}

    return {
        "contact": env._("A contact or lead has an address that is on this mail."),
        "domain": env._(
            "A company among the contacts has the domain of an address that is on this"
            " mail."
        ),
        "dropbox": env._("You sent it to your own address for mail to be mirrored."),
        "allowed": env._(
            "A rule says that mail with one of its addresses is always mirrored."
        ),
        "no_contact": env._("No contact and no lead has an address that is on it."),
        "not_listed": env._(
            "It is old, and no contact or lead had an address that is on it when old"
            " mail was listed."
        ),
        "folder": env._(
            "It lies in a folder that is not mirrored: drafts, trash, junk, or one"
            " that you left out."
        ),
        "too_old": env._("It was received before the day your mirror begins with."),
        "no_address": env._("It names nobody: there is no usable address on it."),
        "private_word": env._(
            "One of the private words stands in its subject, such as perso or privé."
        ),
        "sensitivity": env._(
            "Whoever sent it marked it as private, personal or confidential."
        ),
        "excluded_address": env._(
            "A rule keeps out all mail with an address that is on it."
        ),
        "excluded_domain": env._(
            "A rule keeps out all mail with the domain of an address that is on it."
        ),
        "erased": env._(
            "It is with a person whose data was erased at their request: such mail"
            " does not come back."
        ),
        "internal": env._("Only people of your own company are on it."),
        "retention": env._(
            "It is older than mail with its contacts is kept in your company."
        ),
        "ignored": env._("It could not be read, and you chose to ignore it."),
        "calendar": env._("It is nothing but an invitation or the answer to one."),
        "no_content": env._("There is neither text nor a file in it."),
        "one_way": env._("You chose to mirror only the mail that you send."),
        "role_address": env._(
            "It is with a company you know, but only addresses of functions are on it,"
            " such as info or no-reply, and none of them is a contact."
        ),
        "bulk_list_id": sign(env._("the identity of a mailing list")),
        "bulk_list_unsubscribe": sign(env._("how to unsubscribe from it")),
        "bulk_list_post": sign(env._("the address of a mailing list")),
        "bulk_precedence": sign(env._("it calls itself bulk or list mail")),
        "bulk_auto_submitted": sign(env._("it says that no person sent it")),
        "bulk_auto_reply": sign(env._("it says that it is an automatic reply")),
        "bulk_feedback_id": sign(env._("the number of a campaign")),
        "bulk_campaign": sign(env._("the name of a campaign")),
        "bulk_return_path": sign(env._("nobody would get its bounces")),
        "bulk_report": sign(env._("it is a delivery report or a receipt")),
        "bulk_mailer_daemon": sign(env._("a mail server wrote it")),
        "owner": env._("You hid it: it stays out of the mirror."),
        "brake": env._(
            "Much mail disappeared from the mailbox at once. This one is hidden until"
            " it is sure that it is gone."
        ),
        "late": env._("Its text will be read with the next look at the mailbox."),
    }


def remedies(env):
    """``{reason: what its owner can do about it}``; not all have one"""
    allow = env._(
        "If you want mail of this sender all the same, add a rule that always mirrors"
        " it."
    )
    found = {
        "no_contact": env._("Add a contact with one of its addresses."),
        "not_listed": env._("Add a contact with one of its addresses."),
        "folder": env._(
            "Move it to a folder that is mirrored, or switch its folder on."
        ),
        "too_old": env._("Choose a longer look-back."),
        "private_word": env._(
            "If the word need not be private, remove the rule or ask your"
            " administrator to."
        ),
        "excluded_address": env._(
            "Remove the rule if it is yours, or ask your administrator to."
        ),
        "excluded_domain": env._(
            "Remove the rule if it is yours, or ask your administrator to."
        ),
        "retention": env._("Your administrator sets how long mail is kept."),
        "ignored": env._("Try it again in the list of failed mail."),
        "one_way": env._("Choose to mirror received mail as well."),
        "role_address": env._("Add a contact with one of its addresses."),
        "owner": env._("Take it back within seven days."),
        "contact": env._(
            "If it does not belong here, remove it from Odoo or add a rule that keeps"
            " its address out."
        ),
        "domain": env._(
            "If it does not belong here, remove it from Odoo or add a rule that keeps"
            " its address out."
        ),
        "allowed": env._("If it does not belong here, remove that rule."),
    }
    for reason in Reason:
        if reason.startswith("bulk_"):
            found[str(reason)] = allow
    return found
