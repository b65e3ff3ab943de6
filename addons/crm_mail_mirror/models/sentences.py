# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""What does a code mean, of an error or a reason, in the words of who reads it?"""

from . import reason_sentences


def sentence(env, code):
    """The sentence for an error code of the engine, in the reader's language."""
    known = {
        "wrong_password": env._(
            "The server does not accept this login and password. Please check both."
        ),
        "app_password_needed": env._(
            "This provider wants an app password here: make one in the security"
            " settings of your mail account and fill it in as password."
        ),
        "access_revoked": env._(
            "The mailbox no longer lets us in. Please sign in again."
        ),
        "sign_in_again": env._(
            "Your company's rules ask you to sign in anew: with a second factor, from"
            " another device, or simply again."
        ),
        "consent_missing": env._(
            "You signed in, but reading mail was not allowed. Please sign in again and"
            " leave the box for reading mail ticked."
        ),
        "client_changed": env._(
            "Your administrator changed how this Odoo signs in at your provider. Please"
            " sign in again: everything that came meanwhile will be caught up."
        ),
        "consent_denied": env._(
            "You pressed Cancel, or access was not allowed. Nothing was linked."
        ),
        "consent_expired": env._(
            "That took more than ten minutes, or the answer was used up. Please sign in"
            " again."
        ),
        "consent_replayed": env._(
            "That sign-in had been used already, so nothing was changed by it."
        ),
        "state_mismatch": env._(
            "The provider's answer belongs to another sign-in, so it was not used."
            " Please sign in again."
        ),
        "other_browser": env._(
            "That sign-in was begun in another browser, or you were logged out of Odoo"
            " meanwhile, so it was not used. Please sign in again."
        ),
        "logged_out": env._(
            "You were logged out of Odoo while you signed in at your provider, so"
            " nothing was linked. Please open your mailbox and sign in again."
        ),
        "other_user": env._(
            "That sign-in was begun by another user of this Odoo, so nothing was"
            " linked."
        ),
        "state_forged": env._(
            "That address does not belong to a sign-in that was begun here, so nothing"
            " was linked. Please open your mailbox and sign in from there."
        ),
        "mailbox_gone": env._(
            "The mailbox that was to be linked is not among yours any more."
        ),
        "other_account": env._(
            "The account that signed in is another than that of this mailbox."
        ),
        "alias_of_account": env._(
            "This address is only another address of the account that signed in."
        ),
        "linked_already": env._(
            "The account that signed in is linked already. Each can be linked once."
        ),
        "not_searchable": env._(
            "The server could not search all of the mailbox for this: some servers know"
            " no accents. Ask by the sender's address or by a Message-ID instead."
        ),
        "throttled": env._("The server asks us to wait. We try again by ourselves."),
        "host_unknown": env._(
            "There is no server of this name. Please check its spelling."
        ),
        "port_closed": env._(
            "The server does not answer on this port. Usual ports: 993 with TLS, 143"
            " with STARTTLS."
        ),
        "timeout": env._("The server did not answer in time."),
        "connection_lost": env._("The server closed the connection."),
        "certificate_untrusted": env._(
            "The server's certificate is not trusted. If it is your company's own,"
            " your administrator can add its authority."
        ),
        "certificate_other_host": env._(
            "The server shows a certificate of another name. Please check the"
            " server's name."
        ),
        "tls_failed": env._(
            "No encrypted connection came about. Please check port and encryption."
        ),
        "starttls_refused": env._(
            "The server does not offer STARTTLS on this port. Try TLS on port 993."
        ),
        "not_imap": env._("What answers there is not an IMAP server."),
        "garbage": env._("The server's answers make no sense."),
        "server_error": env._("The server reports an error of its own. We try again."),
        "cursor_expired": env._(
            "The mailbox has to be listed again. This is under way."
        ),
        "host_forbidden": env._(
            "This server lies in a private network, which is not allowed. Your"
            " administrator can allow it in the settings of Mailbox Mirror."
        ),
        "login_over_plaintext": env._(
            "Without encryption your password could be read on its way. Choose TLS."
        ),
        "client_missing": env._(
            "Your administrator has not set up this provider, or switched it off, in"
            " the settings of Mailbox Mirror. Everything that comes meanwhile is caught"
            " up later."
        ),
        "client_refused": env._(
            "The provider does not accept the client ID or client secret of this Odoo."
            " A secret can have expired. Your administrator corrects them in the"
            " settings of Mailbox Mirror."
        ),
        "redirect_refused": env._(
            "The provider does not know this Odoo's redirect URI. Your administrator"
            " copies it from the settings of Mailbox Mirror to the registration there."
        ),
        "api_disabled": env._(
            "The Gmail API is not switched on in the Google Cloud project of this Odoo."
            " Your administrator switches it on there."
        ),
        "blocked_by_company": env._(
            "The administrator of your mail account does not allow this Odoo to read"
            " mail. Please ask them to trust it (Google) or to consent for your"
            " organisation (Microsoft)."
        ),
        "no_mailbox": env._("This account has no mailbox that can be read."),
        "endpoint_refused": env._(
            "The server's configuration names an address of the provider that cannot be"
            " used: it has to begin with https. Your administrator finds more in the"
            " server's log."
        ),
        "permissions_missing": env._(
            "This Odoo's registration at the provider lacks the permission to read"
            " mail. Your administrator adds it there; the guide in the settings says"
            " how."
        ),
        "wrong_account_kind": env._(
            "Microsoft does not let this kind of account in here: personal accounts"
            " and those of companies are told apart. Your administrator sets in the"
            " settings who may sign in."
        ),
        "sign_in_failed": env._(
            "The provider could not sign you in just now. Please try again; if it"
            " keeps failing, look whether you can open your mail in the browser."
        ),
        "read_only_refused": env._("The server does not let us read without changing."),
        "message_gone": env._("The mail is no longer in the mailbox."),
        "message_broken": env._("The mail is damaged and cannot be read."),
        "message_refused": env._("The server does not hand out this mail."),
        "message_too_big": env._("The mail is too big to be read."),
        "key_missing": env._(
            "This server has no encryption key for passwords, so nothing is linked or"
            " fetched. Your administrator sets CRM_MAIL_MIRROR_KEY."
        ),
        "key_too_short": env._(
            "The server's encryption key is too short. Your administrator sets a"
            " longer CRM_MAIL_MIRROR_KEY."
        ),
        "key_wrong": env._(
            "The server's encryption key is not the one with which your password was"
            " saved. Fill in the password again, or ask your administrator to put"
            " the former key back."
        ),
        "no_secret": env._(
            "There is no password for this mailbox. Please sign in again."
        ),
        "bug": env._(
            "Something unexpected happened on our side. We try again; your"
            " administrator finds more in the server's log."
        ),
    }
    return known.get(code) or env._("Something went wrong (%(code)s).", code=code)


def outcome(env, code, asked="", given="", own=""):
    """The sentence for how linking ended, as its owner alone may read it.

    :param asked: address of the mailbox
    :param given: address of the account that signed in
    :param own: the owner's other mailbox that has this account already
    """
    known = {
        "connected": env._("Connected."),
        "connected_ready": env._(
            "Connected. Nothing is mirrored yet: first look at what would be."
        ),
        "other_account": env._(
            "You signed in as %(given)s, but this mailbox is %(asked)s. Please sign in"
            " again and choose %(asked)s there, or link %(given)s as a mailbox of its"
            " own.",
            given=given,
            asked=asked,
        ),
        "alias_of_account": env._(
            "%(asked)s is only another address of the account %(given)s. Please fill in"
            " %(given)s as address and sign in again: mail of all its addresses will be"
            " there.",
            given=given,
            asked=asked,
        ),
        "linked_already": env._(
            "You linked the account %(given)s already, as %(own)s. Each account can be"
            " linked once.",
            given=given,
            own=own,
        )
        if own
        else env._(
            "The account %(given)s is linked already by somebody in this Odoo. Each"
            " account can be linked once; your administrator can tell more.",
            given=given,
        ),
    }
    return known.get(code) or sentence(env, code)


def reason_label(env, reason):
    """Two or three words for why a mail is in its state, for lists and the ledger.

    :param reason: of a copy: a ``Reason``, or the code of the error that it failed with
    """
    return reason_sentences.labels(env).get(reason) or sentence(env, reason)


def reason_sentence(env, reason):
    """Why a mail is, or is not, in the mirror; holds nothing of the mail."""
    return reason_sentences.sentences(env).get(reason) or sentence(env, reason)


def reason_remedy(env, reason):
    """What the owner can do about it; ``""`` if there is nothing to do."""
    return reason_sentences.remedies(env).get(reason, "")
