# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""How is a mailbox opened, and what is wrong when it does not open?

The host is resolved once, every address it resolves to is checked, and the connection
goes to exactly what was checked: a user who can name a host must not reach what stands
behind the firewall.
"""

from __future__ import annotations

import imaplib
import re
import socket
import ssl
import time
from dataclasses import dataclass, field

from . import trust
from .base import LoginRequired, NotAllowed, Throttled, Traffic, Unavailable
from .imap_address import ascii_name, is_allowed, is_public, resolve
from .imap_wire import Refused, Timeouts, Wire, in_our_words, is_busy


@dataclass(frozen=True)
class Account:
    """Where a mailbox lies and how to get in.

    :param security: ``tls``, ``starttls``, or ``none`` (allowed hosts only)
    :param auth: ``password`` or ``xoauth2`` (``secret`` is then an access token)
    :param allowed_hosts: names, addresses or networks that the administrator allows
        although they are private
    :param ca_file: further authorities to trust, PEM
    """

    host: str
    port: int
    security: str
    login: str
    auth: str
    secret: str = field(repr=False)
    allowed_hosts: tuple[str, ...] = ()
    ca_file: str = ""
    timeouts: Timeouts = Timeouts()


def open_wire(account: Account, traffic: Traffic) -> Wire:
    """Connect, secure, log in.

    :raises NotAllowed, Unavailable, LoginRequired, Throttled: with the code that fits
    """
    if account.security not in ("tls", "starttls", "none"):
        raise NotAllowed("login_over_plaintext", "unknown security")
    sock = _socket(account)
    wire = None
    try:
        if account.security == "tls":
            sock = _secured(account, sock)
        wire = _greeted(account, sock, traffic)
        if account.security == "starttls":
            _start_tls(account, wire)
        with in_our_words(wire, "login"):
            if not _log_in(account, wire):
                wire.ask_capabilities()
    except BaseException:
        if wire is not None:
            wire.close()
        sock.close()
        raise
    return wire


# --- socket --------------------------------------------------------------------------


def _socket(account: Account) -> socket.socket:
    host = ascii_name(account.host)
    if not 0 < account.port < 65536:
        raise Unavailable("port_closed", "no such port")
    end = time.monotonic() + account.timeouts.connect
    addresses = resolve(host, account.port, account.timeouts.connect)
    allowed = [
        is_allowed(host, address, account.allowed_hosts) for address in addresses
    ]
    if not all(
        listed or is_public(address)
        for listed, address in zip(allowed, addresses, strict=True)
    ):
        raise NotAllowed("host_forbidden", "private or local address")
    if account.security == "none" and not all(allowed):
        raise NotAllowed("login_over_plaintext", "no encryption")
    code = "port_closed"
    for address in addresses:
        left = end - time.monotonic()
        if left <= 0:
            raise Unavailable("timeout", "connect")
        try:
            return socket.create_connection((str(address), account.port), left)
        except TimeoutError:
            code = "timeout"
        except OSError:
            code = "port_closed"
    raise Unavailable(code, "connect")


# --- TLS and greeting ----------------------------------------------------------------


# X509_V_ERR_HOSTNAME_MISMATCH, X509_V_ERR_IP_ADDRESS_MISMATCH
_OTHER_HOST = (62, 64)


def _tls_problem(problem: OSError) -> Unavailable:
    if isinstance(problem, ssl.SSLCertVerificationError):
        if problem.verify_code in _OTHER_HOST:
            return Unavailable("certificate_other_host", "certificate")
        return Unavailable("certificate_untrusted", problem.verify_message or "")
    if isinstance(problem, TimeoutError):
        return Unavailable("timeout", "TLS")
    return Unavailable("tls_failed", "TLS")


def _secured(account: Account, sock: socket.socket) -> socket.socket:
    context = trust.context(account.ca_file)
    sock.settimeout(account.timeouts.connect)
    try:
        return context.wrap_socket(sock, server_hostname=ascii_name(account.host))
    except OSError as problem:
        raise _tls_problem(problem) from None


def _greeted(account: Account, sock: socket.socket, traffic: Traffic) -> Wire:
    try:
        with in_our_words(None, "greeting"):
            try:
                wire = Wire(sock, ascii_name(account.host), account.timeouts, traffic)
            except imaplib.IMAP4.abort:
                raise
            except imaplib.IMAP4.error as problem:
                raise _refused_greeting(str(problem)) from None
    except Unavailable as problem:
        if problem.code in ("garbage", "server_error"):
            raise Unavailable("not_imap", "greeting") from None
        raise
    if not wire.believe_greeting():  # PREAUTH: whose mailbox would that be?
        wire.close()
        raise Unavailable("not_imap", "greeting")
    return wire


def _refused_greeting(text: str) -> Exception:
    if "BYE" not in text.upper():
        return Unavailable("not_imap", "greeting")
    if is_busy(text):
        return Throttled("throttled", "greeting", retry_after=600)
    return Unavailable("connection_lost", "greeting")


def _start_tls(account: Account, wire: Wire) -> None:
    if "STARTTLS" not in wire.capable:
        raise Unavailable("starttls_refused", "not offered")
    context = trust.context(account.ca_file)
    try:
        with in_our_words(wire, "STARTTLS"):
            try:
                wire.command("STARTTLS")
            except Refused:
                raise Unavailable("starttls_refused", "refused") from None
        wire.start_tls(context, ascii_name(account.host))
    except OSError as problem:  # some of ssl's are ValueErrors as well
        raise _tls_problem(problem) from None
    except ValueError:
        raise Unavailable("tls_failed", "plain text after STARTTLS") from None
    with in_our_words(wire, "CAPABILITY"):
        wire.ask_capabilities()  # what was said in the clear may be forged


# --- login ---------------------------------------------------------------------------


def _log_in(account: Account, wire: Wire) -> bool:
    """:return: the server told its capabilities with it"""
    try:
        if account.auth == "xoauth2":
            wire.sasl("XOAUTH2", _first(_xoauth2(account)))
        elif "AUTH=PLAIN" in wire.capable:
            return wire.log_in_plainly(account.login, account.secret)
        elif "LOGINDISABLED" not in wire.capable:
            wire.log_in(account.login, account.secret)
        elif "AUTH=LOGIN" in wire.capable:
            wire.sasl("LOGIN", _in_turn(account.login, account.secret))
        else:
            raise NotAllowed("login_over_plaintext", "login disabled")
    except imaplib.IMAP4.abort as problem:
        if _says_wrong(str(problem)):
            raise _refused_login(account, str(problem)) from None
        raise
    except (imaplib.IMAP4.error, Refused) as problem:
        text = problem.text if isinstance(problem, Refused) else str(problem)
        raise _refused_login(account, text) from None
    return False


def _xoauth2(account: Account) -> str:
    return f"user={account.login}\1auth=Bearer {account.secret}\1\1"


def _first(text: str):
    """A SASL mechanism that speaks once, then hears the server out (RFC 7628 3.2.3)."""
    return _in_turn(text)


def _in_turn(*texts: str):
    waiting = iter(texts)
    return lambda challenge: next(waiting, "").encode("utf-8")


_APP_PASSWORD = re.compile(
    r"application-specific|app[- ]specific|app password|weblogin|web login",
    re.IGNORECASE,
)
_WRONG = re.compile(
    r"authenticationfailed|authentication failed|invalid credentials|login failed",
    re.IGNORECASE,
)


def _says_wrong(text: str) -> bool:
    return bool(_WRONG.search(text) or _APP_PASSWORD.search(text))


def _refused_login(account: Account, text: str) -> Exception:
    """Whose fault is it? (RFC 5530 section 3) ``text`` may quote anything: not kept."""
    if _APP_PASSWORD.search(text):
        return LoginRequired("app_password_needed", "login")
    upper = text.upper()
    if "[PRIVACYREQUIRED]" in upper:
        return NotAllowed("login_over_plaintext", "login")
    if not _WRONG.search(text):
        if is_busy(text) or "[LIMIT]" in upper or "[INUSE]" in upper:
            return Throttled("throttled", "login", retry_after=600)
        if any(f"[{c}]" in upper for c in ("UNAVAILABLE", "SERVERBUG", "CONTACTADMIN")):
            return Unavailable("server_error", "login")
        if "BAD [" in upper or " BAD " in upper:
            return Unavailable("server_error", "login")
    if account.auth == "xoauth2":
        return LoginRequired("access_revoked", "login")
    return LoginRequired("wrong_password", "login")
