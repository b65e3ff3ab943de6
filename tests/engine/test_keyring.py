# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""Secrets in tokens, values in digests, keys that come and go."""

import base64
import hashlib
import hmac
import traceback

import pytest
from cryptography.fernet import Fernet, InvalidToken
from engine.keyring import Keyring, KeyUnusable, generate_key
from hypothesis import example, given
from hypothesis import strategies as st

OLD = "old-" + "o" * 40
NEW = "new-" + "n" * 40


def hkdf(key: str, info: bytes) -> bytes:
    """RFC 5869 for one block of output, from the standard library."""
    extracted = hmac.digest(b"crm_mail_mirror", key.encode(), "sha256")
    return hmac.digest(extracted, info + b"\x01", "sha256")


def code_of(action, *args):
    with pytest.raises(KeyUnusable) as caught:
        action(*args)
    return caught.value.code


# --- which keys ----------------------------------------------------------------------


@pytest.mark.parametrize("text", ["", " ", ",", " ,\n,", None])
def test_no_key_is_refused(text):
    assert code_of(Keyring.parse, text) == "key_missing"


def test_keys_under_32_characters_are_refused():
    assert code_of(Keyring, ["x" * 31]) == "key_too_short"
    assert code_of(Keyring, [NEW, "x" * 31]) == "key_too_short"
    assert Keyring(["x" * 32])


def test_a_setting_holds_several_keys():
    assert Keyring([f" {NEW}\n"]).key_id == Keyring([NEW]).key_id
    for text in (f"{NEW},{OLD}", f" {NEW}\n{OLD} ", f"{NEW} , {OLD},{NEW}"):
        parsed = Keyring.parse(text)
        assert parsed.digests("trace", "v") == Keyring([NEW, OLD]).digests("trace", "v")


def test_a_generated_key_fits_into_any_setting():
    key = generate_key()

    assert key != generate_key()
    assert len(base64.urlsafe_b64decode(key + "=")) == 32
    assert Keyring.parse(key).key_id == Keyring([key]).key_id


def test_the_fingerprint_names_the_first_key_and_tells_nothing_of_it():
    assert Keyring([NEW, OLD]).key_id == Keyring([NEW]).key_id
    assert Keyring([NEW]).key_id != Keyring([OLD]).key_id
    assert Keyring([NEW]).key_id == hkdf(NEW, b"key_id")[:6].hex()


# --- secrets -------------------------------------------------------------------------


@given(st.text(st.characters()))
@example("\udc80")
def test_every_secret_comes_back(secret):
    keyring = Keyring([NEW])
    token = keyring.encrypt(secret)

    assert keyring.decrypt(token) == secret
    assert token.isascii()


def test_a_token_is_fernet_under_the_stretched_key():
    token = Keyring([NEW]).encrypt("pass word")
    outside = Fernet(base64.urlsafe_b64encode(hkdf(NEW, b"fernet/secret")))

    assert outside.decrypt(token) == b"pass word"
    with pytest.raises(InvalidToken):
        plain = base64.urlsafe_b64encode(hashlib.sha256(NEW.encode()).digest())
        Fernet(plain).decrypt(token)


def test_old_tokens_open_new_ones_are_under_the_first_key():
    token, both = Keyring([OLD]).encrypt("s"), Keyring([NEW, OLD])

    assert both.decrypt(token) == "s"
    assert Keyring([NEW]).decrypt(both.encrypt("t")) == "t"
    assert code_of(Keyring([OLD]).decrypt, both.encrypt("t")) == "key_wrong"


def test_rotation_makes_the_old_key_dispensable():
    token = Keyring([OLD]).encrypt("s")

    rotated = Keyring([NEW, OLD]).rotate(token)

    assert Keyring([NEW]).decrypt(rotated) == "s"
    assert code_of(Keyring([OLD]).decrypt, rotated) == "key_wrong"
    assert code_of(Keyring([NEW]).rotate, token) == "key_wrong"


@pytest.mark.parametrize("token", ["", "x", "gAAAAA", "é", "\udc80", None, 7])
def test_what_is_no_token_is_refused(token):
    assert code_of(Keyring([NEW]).decrypt, token) == "key_wrong"
    assert code_of(Keyring([NEW]).rotate, token) == "key_wrong"


@given(st.integers(min_value=0), st.integers(1, 255))
def test_a_token_with_a_changed_byte_is_refused(at, flip):
    keyring = Keyring([NEW])
    octets = bytearray(base64.urlsafe_b64decode(keyring.encrypt("secret")))
    octets[at % len(octets)] ^= flip

    changed = base64.urlsafe_b64encode(octets).decode()

    assert code_of(keyring.decrypt, changed) == "key_wrong"


# --- digests -------------------------------------------------------------------------


def test_a_digest_is_hmac_sha256_under_the_stretched_key():
    expected = hmac.digest(hkdf(NEW, b"trace"), "é@x".encode(), "sha256").hex()

    assert Keyring([NEW]).digest("trace", "é@x") == expected
    assert Keyring([NEW, OLD]).digests("trace", "é@x")[0] == expected


def test_a_value_has_another_digest_for_each_purpose_and_key():
    keyring = Keyring([NEW, OLD])
    purposes = ("trace", "suppression", "key", "identity")
    digests = [d for p in purposes for d in keyring.digests(p, "anna@x.example")]

    assert len(set(digests)) == 8
    assert keyring.digests("trace", "v") == [
        Keyring([NEW]).digest("trace", "v"),
        Keyring([OLD]).digest("trace", "v"),
    ]


@given(st.text(st.characters()), st.text(st.characters()))
@example("\udc80", "\udc81")
def test_equal_values_and_only_they_have_equal_digests(left, right):
    keyring = Keyring([NEW])

    same = keyring.digest("trace", left) == keyring.digest("trace", right)

    assert same == (left == right)
    assert same == (keyring.digests("trace", left) == keyring.digests("trace", right))


# --- nothing leaks -------------------------------------------------------------------


def test_neither_repr_nor_traceback_shows_key_or_secret():
    keyring = Keyring([NEW, OLD])
    assert repr(keyring) == str(keyring) == "<Keyring>"

    for action in (
        lambda: Keyring(["short-secret-key"]),
        lambda: Keyring([OLD]).decrypt(keyring.encrypt("s3cret")),
    ):
        try:
            action()
        except KeyUnusable as error:
            text = "".join(traceback.format_exception(error))
            assert error.__cause__ is None
            for word in (NEW, OLD, "short-secret-key\n", "InvalidToken"):
                assert word not in text
