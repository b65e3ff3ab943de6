# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""What does an error code mean, in the words of the person who reads it?"""


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
