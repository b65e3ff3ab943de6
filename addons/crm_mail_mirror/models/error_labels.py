# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""What kind of error is it, in two or three words? ``sentences`` says more."""


def labels(env):
    """``{code: label}`` of the errors by which a look at a mailbox fails."""
    return {
        "access_revoked": env._("Access taken back"),
        "api_disabled": env._("Gmail API switched off"),
        "app_password_needed": env._("App password needed"),
        "blocked_by_company": env._("Blocked by the mail administrator"),
        "bug": env._("Unexpected"),
        "certificate_other_host": env._("Certificate of another server"),
        "certificate_untrusted": env._("Certificate not trusted"),
        "client_changed": env._("Sign-in was set up anew"),
        "client_missing": env._("Provider not set up"),
        "client_refused": env._("Client ID or secret refused"),
        "connection_lost": env._("Connection lost"),
        "consent_missing": env._("Reading mail not allowed"),
        "cursor_expired": env._("Mailbox listed again"),
        "endpoint_refused": env._("Provider's address unusable"),
        "garbage": env._("Unreadable answers"),
        "host_forbidden": env._("Server not allowed"),
        "host_unknown": env._("Server not found"),
        "key_missing": env._("No encryption key"),
        "key_too_short": env._("Encryption key too short"),
        "key_wrong": env._("Other encryption key"),
        "login_over_plaintext": env._("No encryption"),
        "no_mailbox": env._("Account without mailbox"),
        "no_secret": env._("No password"),
        "not_imap": env._("Not a mail server"),
        "other_account": env._("Another account signed in"),
        "permissions_missing": env._("Permission missing"),
        "port_closed": env._("Server does not answer"),
        "read_only_refused": env._("Read-only access refused"),
        "redirect_refused": env._("Redirect URI unknown"),
        "server_error": env._("Server's own error"),
        "sign_in_again": env._("New sign-in required"),
        "sign_in_failed": env._("Sign-in failed"),
        "starttls_refused": env._("STARTTLS refused"),
        "throttled": env._("Asked to wait"),
        "timeout": env._("No answer in time"),
        "tls_failed": env._("No encrypted connection"),
        "wrong_account_kind": env._("Kind of account not let in"),
        "wrong_password": env._("Password refused"),
    }
