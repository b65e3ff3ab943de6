# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""What does an error code mean, in the words of the person who reads it?"""


def sentence(env, code):
    """The sentence for an error code of the engine, in the reader's language."""
    _ = env._
    known = {
        "wrong_password": _(
            "The server does not accept this login and password. Please check both."
        ),
        "app_password_needed": _(
            "This provider wants an app password here: make one in the security"
            " settings of your mail account and fill it in as password."
        ),
        "access_revoked": _("The mailbox no longer lets us in. Please sign in again."),
        "throttled": _("The server asks us to wait. We try again by ourselves."),
        "host_unknown": _(
            "There is no server of this name. Please check its spelling."
        ),
        "port_closed": _(
            "The server does not answer on this port. Usual ports: 993 with TLS, 143"
            " with STARTTLS."
        ),
        "timeout": _("The server did not answer in time."),
        "connection_lost": _("The server closed the connection."),
        "certificate_untrusted": _(
            "The server's certificate is not trusted. If it is your company's own,"
            " your administrator can add its authority."
        ),
        "certificate_other_host": _(
            "The server shows a certificate of another name. Please check the"
            " server's name."
        ),
        "tls_failed": _(
            "No encrypted connection came about. Please check port and encryption."
        ),
        "starttls_refused": _(
            "The server does not offer STARTTLS on this port. Try TLS on port 993."
        ),
        "not_imap": _("What answers there is not an IMAP server."),
        "garbage": _("The server's answers make no sense."),
        "server_error": _("The server reports an error of its own. We try again."),
        "cursor_expired": _("The mailbox has to be listed again. This is under way."),
        "host_forbidden": _(
            "This server lies in a private network, which is not allowed. Your"
            " administrator can allow it in the settings of Mailbox Mirror."
        ),
        "login_over_plaintext": _(
            "Without encryption your password could be read on its way. Choose TLS."
        ),
        "read_only_refused": _("The server does not let us read without changing."),
        "message_gone": _("The mail is no longer in the mailbox."),
        "message_broken": _("The mail is damaged and cannot be read."),
        "message_refused": _("The server does not hand out this mail."),
        "message_too_big": _("The mail is too big to be read."),
        "key_missing": _(
            "This server has no encryption key for passwords, so nothing is linked or"
            " fetched. Your administrator sets CRM_MAIL_MIRROR_KEY."
        ),
        "key_too_short": _(
            "The server's encryption key is too short. Your administrator sets a"
            " longer CRM_MAIL_MIRROR_KEY."
        ),
        "key_wrong": _(
            "The server's encryption key is not the one with which your password was"
            " saved. Fill in the password again, or ask your administrator to put"
            " the former key back."
        ),
        "no_secret": _("There is no password for this mailbox. Please sign in again."),
        "bug": _(
            "Something unexpected happened on our side. We try again; your"
            " administrator finds more in the server's log."
        ),
    }
    return known.get(code) or _("Something went wrong (%(code)s).", code=code)
