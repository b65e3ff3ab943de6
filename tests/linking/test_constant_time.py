# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""What somebody could guess letter by letter is compared in one step, whatever it is.

How long a comparison takes would be a test of the machine; here is looked at what
compares, and that nothing is left out once the answer is clear.
"""

import hmac

import pytest
from engine.providers import gmail_consent, microsoft_consent
from engine.providers.consent import ConsentRefused

from tests.broken import Change, must_notice, mutant

PARSE = "odoo.addons.crm_mail_mirror.models.consent_state:State.parse"
KEYS = ("first-" + "1" * 32, "former-" + "2" * 32, "oldest-" + "3" * 32)


@pytest.fixture
def states(_odoo_configured, monkeypatch):
    """The module of signed states, under three keys."""
    from odoo.addons.crm_mail_mirror.models import consent_state

    monkeypatch.setenv("CRM_MAIL_MIRROR_KEY", " ".join(KEYS))
    assert consent_state.consteq is hmac.compare_digest
    return consent_state


def test_signature_is_compared_in_constant_time_under_all_keys(states, monkeypatch):
    compared = []

    def noted(left, right):
        compared.append((left, right))
        return hmac.compare_digest(left, right)

    monkeypatch.setattr(states, "consteq", noted)
    signed = states.State.make("gmail", 7, 42).sign()
    text, _dot, signature = signed.partition(".")
    right = [one.encode() for one in states.keyring().digests("consent_state", text)]

    assert states.State.parse(signed).mailbox_id == 42
    with pytest.raises(states.StateForged):
        states.State.parse(f"{text}.{'0' * 64}")

    # the first key's is right, and the others are compared as well
    assert compared == [
        *((signature.encode(), digest) for digest in right),
        *((b"0" * 64, digest) for digest in right),
    ]
    assert len(right) == len(KEYS)


@pytest.mark.parametrize(
    "provider", [gmail_consent, microsoft_consent], ids=["gmail", "microsoft"]
)
def test_state_that_comes_back_is_compared_in_constant_time(monkeypatch, provider):
    compared = []

    class Noted:
        @staticmethod
        def compare_digest(left, right):
            compared.append((left, right))
            return hmac.compare_digest(left, right)

    monkeypatch.setattr(provider, "hmac", Noted)

    with pytest.raises(ConsentRefused):
        provider.finish({}, {"state": "begun"}, {"state": "other", "code": "x"})

    assert compared == [(b"begun", b"other")]


ROWS = [
    mutant("signatures",
           Change(PARSE, "consteq(signature.encode(), digest.encode())",
                  "signature == digest"),
           test=test_signature_is_compared_in_constant_time_under_all_keys),
    mutant("signatures, until one is right",
           Change(PARSE,
                  "same = [consteq(signature.encode(), digest.encode())"
                  " for digest in right]",
                  "same = (consteq(signature.encode(), digest.encode())"
                  " for digest in right)"),
           test=test_signature_is_compared_in_constant_time_under_all_keys),
    mutant("Google's answer",
           Change("engine.providers.gmail_consent:finish",
                  "not hmac.compare_digest(expected.encode(), came.encode())",
                  "expected != came"),
           test=test_state_that_comes_back_is_compared_in_constant_time,
           provider=gmail_consent),
    mutant("Microsoft's answer",
           Change("engine.providers.microsoft_consent:finish",
                  "not hmac.compare_digest(state.encode(), given.encode())",
                  "state != given"),
           test=test_state_that_comes_back_is_compared_in_constant_time,
           provider=microsoft_consent),
]  # fmt: skip


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.control)
def test_comparison_that_is_not_is_noticed(row, request):
    must_notice(row, request)
