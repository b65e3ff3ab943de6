# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""How are secrets kept, and values compared that must not stand in clear?

The keys come from outside the database. Each is stretched by HKDF-SHA256 (RFC 5869)
into one key per purpose, so that a digest made for one says nothing about another.
Several keys may be given: the first is used for what is new, all for what is old.

Example, a rotation: ``CRM_MAIL_MIRROR_KEY="new-key old-key"``::

    keyring = Keyring.parse(os.environ["CRM_MAIL_MIRROR_KEY"])
    token = keyring.encrypt(password)                  # under new-key
    keyring.decrypt(old_token)                         # under either
    found = search([("digest", "in", keyring.digests("trace", address))])
"""

from __future__ import annotations

import hmac
import re
import secrets
from base64 import urlsafe_b64encode
from collections.abc import Sequence

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

#: A key shorter than this can be guessed.
MIN_KEY_LENGTH = 32

_SALT = b"crm_mail_mirror"


class KeyUnusable(Exception):
    """There is no key, or not the right one.

    :param code: one of ``codes``; the layer above has the sentence for it.
        Neither message nor traceback holds a key or a secret.
    """

    codes = ("key_missing", "key_too_short", "key_wrong")

    def __init__(self, code: str):
        super().__init__(code)
        self.code = code


class Keyring:
    """Keys in use, newest first.

    :param keys: any text of at least 32 characters each (``generate_key`` makes one);
        empty ones are left out
    :raises KeyUnusable: ``key_missing``, ``key_too_short``
    """

    __slots__ = ("__derived", "__fernet", "__keys", "key_id")

    def __init__(self, keys: Sequence[str]):
        stripped = dict.fromkeys(key.strip() for key in keys)
        stripped.pop("", None)
        if not stripped:
            raise KeyUnusable("key_missing")
        if any(len(key) < MIN_KEY_LENGTH for key in stripped):
            raise KeyUnusable("key_too_short")
        self.__keys = tuple(key.encode("utf-8", "surrogatepass") for key in stripped)
        self.__derived: dict[str, tuple[bytes, ...]] = {}
        self.__fernet = MultiFernet(
            [Fernet(urlsafe_b64encode(key)) for key in self.__keys_for("fernet/secret")]
        )
        #: Which key is the first? A short fingerprint that may stand anywhere.
        self.key_id: str = self.__keys_for("key_id")[0][:6].hex()

    @classmethod
    def parse(cls, text: str) -> Keyring:
        """From one setting: keys with commas or white space between them.

        :raises KeyUnusable: ``key_missing``, ``key_too_short``
        """
        return cls(re.split(r"[\s,]+", text or ""))

    def __repr__(self) -> str:
        return "<Keyring>"

    def encrypt(self, secret: str) -> str:
        """A token that only ``decrypt`` opens. ASCII, never twice the same."""
        return self.__fernet.encrypt(secret.encode("utf-8", "surrogatepass")).decode()

    def decrypt(self, token: str) -> str:
        """The secret in a token.

        :raises KeyUnusable: ``key_wrong``: none of the keys made it, or it was changed
        """
        try:
            return self.__fernet.decrypt(token).decode("utf-8", "surrogatepass")
        except (InvalidToken, TypeError, ValueError):
            raise KeyUnusable("key_wrong") from None

    def rotate(self, token: str) -> str:
        """The same secret under the first key.

        :raises KeyUnusable: ``key_wrong``
        """
        try:
            return self.__fernet.rotate(token).decode()
        except (InvalidToken, TypeError, ValueError):
            raise KeyUnusable("key_wrong") from None

    def digest(self, purpose: str, value: str) -> str:
        """Hex HMAC-SHA256 of a value under the first key: what is stored.

        :param purpose: ``trace``, ``suppression``, ``key``, ...; a value has another
            digest for each
        """
        octets = value.encode("utf-8", "surrogatepass")
        return hmac.digest(self.__keys_for(purpose)[0], octets, "sha256").hex()

    def digests(self, purpose: str, value: str) -> list[str]:
        """The value's digest under every key, first key first: what is looked up."""
        octets = value.encode("utf-8", "surrogatepass")
        return [
            hmac.digest(key, octets, "sha256").hex() for key in self.__keys_for(purpose)
        ]

    def __keys_for(self, purpose: str) -> tuple[bytes, ...]:
        if purpose not in self.__derived:
            self.__derived[purpose] = tuple(
                HKDF(SHA256(), length=32, salt=_SALT, info=purpose.encode()).derive(key)
                for key in self.__keys
            )
        return self.__derived[purpose]


def generate_key() -> str:
    """A new key: 256 random bits as text that any configuration file can hold."""
    return secrets.token_urlsafe(32)
