# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""Each control towards mail and servers, taken away: does its test fail?

The rows are those of ``docs/security.md``. What providers must not do with cursors and
places is in ``test_mutants.py``; what Odoo does has its tables in ``tests/linking``,
``tests/sync`` and ``tests/visibility``.
"""

from __future__ import annotations

import socket

import pytest
from engine.providers import trust
from engine.providers.base import ProviderError, Unavailable
from engine.providers.imap_mail import HEADER_ITEMS, MAX_HEADER

from tests.broken import Change, must_notice, mutant
from tests.engine import test_keyring as keys
from tests.engine import test_legible as legible
from tests.engine import test_text as text
from tests.peers import hostile
from tests.providers import test_gmail_consent as at_google
from tests.providers import test_gmail_log as log
from tests.providers import test_imap_bad_input as bad
from tests.providers import test_imap_compress as compress
from tests.providers import test_imap_dovecot as imap
from tests.providers import test_imap_rebinding as rebinding
from tests.providers import test_tls as tls
from tests.providers import test_web as web_tests
from tests.providers.test_gmail_consent import login, settings  # noqa: F401
from tests.providers.test_gmail_log import everything  # noqa: F401
from tests.providers.test_gmail_log import mailbox as mailbox_at_google  # noqa: F401
from tests.providers.test_imap_rebinding import listening  # noqa: F401
from tests.providers.test_tls import mine, old_server  # noqa: F401
from tests.providers.test_web import web  # noqa: F401

PROVIDERS = "engine.providers."
SOCKET = f"{PROVIDERS}imap_connect:_socket"
TRUST = f"{PROVIDERS}trust:_trusting"


def nobody_answers(patch, _request):
    """Where the control would have said no: nothing leaves this machine."""

    def refuse(*_args, **_named):
        raise ConnectionRefusedError

    patch.setattr(socket, "create_connection", refuse)


def trusted_anew(patch, request):
    """What connections share was made with the control."""
    trust._trusting.cache_clear()
    request.addfinalizer(trust._trusting.cache_clear)


def trusting(after: str):
    minimum = "found.minimum_version = ssl.TLSVersion.TLSv1_2"
    return trusted_anew, Change(TRUST, minimum, after.replace("MINIMUM", minimum))


NO_CERTIFICATE = trusting(
    "MINIMUM; found.check_hostname = False; found.verify_mode = ssl.CERT_NONE"
)
ANY_HOST = trusting("MINIMUM; found.check_hostname = False")
OLD_TLS = trusting(
    "found.minimum_version = ssl.TLSVersion.TLSv1;"
    " found.set_ciphers('DEFAULT:@SECLEVEL=0')"
)

NETWORK = [
    mutant("certificates", *NO_CERTIFICATE, test=imap.test_certificate_is_verified),
    mutant("certificates, HTTP", *NO_CERTIFICATE,
           Change(f"{PROVIDERS}web:_Trusting.cert_verify", "REQUIRED", "NONE"),
           test=web_tests.test_further_authority_is_trusted),
    mutant("the host's own certificate", *ANY_HOST,
           test=imap.test_certificate_of_another_host),
    mutant("TLS 1.2", *OLD_TLS, test=tls.test_tls_older_than_1_2_is_refused),
    mutant("TLS 1.2, asked of OpenSSL",
           *trusting("found.minimum_version = ssl.TLSVersion.TLSv1"),
           test=tls.test_no_older_tls_is_offered),
    mutant("words before STARTTLS",
           Change(f"{PROVIDERS}imap_socket:Connection.start_tls",
                  "if self._buffer:", "if False:"),
           test=tls.test_words_slipped_in_before_tls_end_it_though_tls_would_go_on),
    mutant("no password where login is disabled",
           Change(f"{PROVIDERS}imap_connect:_log_in",
                  '"LOGINDISABLED" not in wire.capable', "True"),
           test=bad.test_login_disabled_sends_no_password),
    mutant("no password in clear", nobody_answers,
           Change(SOCKET, 'account.security == "none" and not all(allowed)', "False"),
           test=imap.test_no_encryption_only_where_the_administrator_allows),
    mutant("SSRF: private addresses", nobody_answers,
           Change(SOCKET, "listed or is_public(address)", "True"),
           test=imap.test_private_addresses_are_refused, address="169.254.169.254"),
    mutant("SSRF: embedded addresses", nobody_answers,
           Change(f"{PROVIDERS}imap_address:is_public",
                  "if not is_public(inner)", "if False"),
           test=imap.test_private_addresses_are_refused, address="64:ff9b::7f00:1"),
    mutant("SSRF: all addresses of a name", nobody_answers,
           Change(SOCKET, "if not all(\n", "if not any(\n"),
           test=imap.test_private_addresses_are_refused, address="10.1.2.3"),
    mutant("DNS rebinding",
           Change(SOCKET, "(str(address), account.port)", "(host, account.port)"),
           test=rebinding.test_connection_goes_to_the_address_that_was_checked,
           security="tls"),
    mutant("redirects",
           Change(f"{PROVIDERS}web:Web.open",
                  "allow_redirects=False", "allow_redirects=True"),
           test=web_tests.test_redirects_are_not_followed),
]  # fmt: skip

HOSTILE = [
    mutant("plain text is all that is made",
           Change("engine.html:html_to_text", "_Layout().handle(plain_html)", "markup"),
           test=text.test_html_is_plain_words),
    mutant("scripts and styles are no words",
           Change("engine.html:_Rewriter.start",
                  "tag in _SILENT or _is_hidden(attributes)", "False"),
           test=text.test_html_is_plain_words),
    mutant("letters that turn a text",
           Change("engine.legible:lines", ".translate(_NO_TEXT)", ""),
           test=legible.test_text_keeps_its_lines_and_loses_what_turns_them),
    mutant("letters that turn a name",
           Change("engine.legible:line", ".translate(_NO_LINE)", ""),
           test=legible.test_file_name_is_the_last_part_of_a_path,
           name="invoice\u202efdp.exe", shown="invoicefdp.exe"),
    mutant("much text",
           Change("engine.text:body_of_parts", "text = text[:MAX_TEXT]", "pass"),
           test=text.test_long_text_is_cut_and_says_so),
    mutant("multiparts within multiparts",
           lambda patch, _r: patch.setattr("engine.mime.MAX_DEPTH", 10**9),
           lambda patch, _r: patch.setattr("engine.mime.MAX_LEAVES", 10**9),
           test=text.test_multiparts_nested_like_a_bomb, fails=(RecursionError,)),
    mutant("headers without end",
           lambda patch, _r: patch.setattr(
               f"{PROVIDERS}imap_mail.HEADER_ITEMS",
               HEADER_ITEMS.replace(f"<0.{MAX_HEADER}>", "")),
           test=bad.test_headers_without_end_are_read_as_far_as_they_matter),
    mutant("literals that nobody asked for",
           Change(f"{PROVIDERS}imap_socket:Connection.read",
                  "self._admit(size, self._max_literal)", "pass"),
           test=bad.test_misbehaviour_at_each_command_moves_no_cursor,
           verb="UID FETCH", script=hostile.two_gigabytes, codes={"garbage"}),
    mutant("time for an answer",
           Change(f"{PROVIDERS}imap_socket:Connection.limit_answer",
                  "self._timeouts.command", "9.0"),
           test=bad.test_greeting, script=hostile.drip, error=Unavailable,
           code="timeout"),
    mutant("what a compressed stream unfolds to",
           Change(f"{PROVIDERS}imap_compress:Deflated.inflate",
                  "self._heard.unconsumed_tail + heard, PIECE",
                  "self._heard.unconsumed_tail + heard"),
           test=compress.test_bomb_is_bounded, verb="UID FETCH", told=b"x"),
]  # fmt: skip

SECRETS = [
    mutant("secrets are encrypted",
           Change("engine.keyring:Keyring.encrypt",
                  'self.__fernet.encrypt(secret.encode("utf-8", "surrogatepass"))',
                  "urlsafe_b64encode(secret.encode())"),
           test=keys.test_a_token_is_fernet_under_the_stretched_key,
           fails=(keys.InvalidToken,)),
    mutant("a token that was changed",
           Change("engine.keyring:Keyring.decrypt",
                  'raise KeyUnusable("key_wrong") from None', 'return ""'),
           test=keys.test_what_is_no_token_is_refused, token="x"),
    mutant("a key for each purpose",
           Change("engine.keyring:Keyring.__keys_for", "purpose.encode()", 'b"one"'),
           test=keys.test_a_value_has_another_digest_for_each_purpose_and_key),
    mutant("digests are keyed",
           Change("engine.keyring:Keyring.digest",
                  "self.__keys_for(purpose)[0]", 'b"known to all"'),
           test=keys.test_a_digest_is_hmac_sha256_under_the_stretched_key),
    mutant("keys are no guessable words",
           Change("engine.keyring:Keyring.__init__",
                  "len(key) < MIN_KEY_LENGTH", "not key"),
           test=keys.test_keys_under_32_characters_are_refused),
]  # fmt: skip


CONSENT = [
    mutant("OAuth: the state that was begun with",
           Change(f"{PROVIDERS}gmail_consent:finish",
                  "not expected or not hmac.compare_digest"
                  "(expected.encode(), came.encode())", "False"),
           test=at_google.test_answer_with_another_state_is_refused, state="another"),
    mutant("OAuth: PKCE",
           Change(f"{PROVIDERS}gmail_consent:begin", "if login_hint:",
                  "question = {k: v for k, v in question.items()"
                  " if 'challenge' not in k}\n    if login_hint:"),
           test=at_google.test_code_of_another_browser_is_worth_nothing),
    mutant("libraries are silent",
           Change(f"{PROVIDERS}silence:_may_be_logged", "not _silence.depth", "True"),
           test=log.test_sync_and_renewal_at_debug_level),
]  # fmt: skip


@pytest.fixture
def mailbox(row, request):
    """Of the server that the row's test is about."""
    of_google = row.test.__module__ == log.__name__
    name = "mailbox_at_google" if of_google else "mailbox_on_dovecot"
    return request.getfixturevalue(name)


@pytest.mark.parametrize(
    "row", NETWORK + HOSTILE + SECRETS + CONSENT, ids=lambda row: row.control
)
def test_control_that_is_gone_is_noticed(row, request):
    must_notice(row, request, ProviderError)
