# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""Where is the secret of a mailbox? Here, encrypted, and readable by nobody."""

import os
from configparser import ConfigParser

from odoo import fields, models
from odoo.tools import config

from ..engine.keyring import Keyring, KeyUnusable


def setting(name, default=""):
    """A setting that must not live in the database.

    From the environment (``CRM_MAIL_MIRROR_KEY``), else from the section
    ``[crm_mail_mirror]`` of the configuration file of the server.
    """
    value = os.environ.get(f"CRM_MAIL_MIRROR_{name.upper()}")
    if value is None and config["config"]:
        parser = ConfigParser(interpolation=None, strict=False)
        parser.read(config["config"])
        value = parser.get("crm_mail_mirror", name, fallback=None)
    return default if value is None else value.strip()


_keyrings: dict[str, Keyring] = {}


def keyring() -> Keyring:
    """The server's keys.

    :raises KeyUnusable: there is none, or it is too short
    """
    text = setting("key")
    if text not in _keyrings:
        _keyrings.clear()
        _keyrings[text] = Keyring.parse(text)
    return _keyrings[text]


class CrmMailMirrorCredential(models.Model):
    _name = "crm.mail.mirror.credential"
    _description = "Secret of a Linked Mailbox"
    _log_access = False

    mailbox_id = fields.Many2one(
        comodel_name="crm.mail.mirror.mailbox", required=True, ondelete="cascade"
    )
    secret = fields.Text(required=True, groups=fields.NO_ACCESS, prefetch=False)
    # typed later, and not tested yet
    new_secret = fields.Text(groups=fields.NO_ACCESS, prefetch=False)
    key_id = fields.Char(required=True, groups=fields.NO_ACCESS)

    _mailbox_uniq = models.UniqueIndex("(mailbox_id)")

    def _store(self, mailbox, secret):
        """Keep the secret of a mailbox; one that works stays in use until a test.

        :raises KeyUnusable: no usable key on this server
        """
        ring = keyring()
        token = ring.encrypt(secret)
        found = self._of(mailbox.id)
        if found:
            found.new_secret = token
        else:
            self.sudo().create(
                {"mailbox_id": mailbox.id, "secret": token, "key_id": ring.key_id}
            )

    def _read_secret(self, mailbox_id, newest=False):
        """The secret in clear, ``None`` when there is none.

        :param newest: the one typed last, tested or not
        :raises KeyUnusable: it was encrypted under a key this server does not have
        """
        found, ring = self._of(mailbox_id), keyring()
        if not found:
            return None
        if newest and found.new_secret:
            return ring.decrypt(found.new_secret)
        secret = ring.decrypt(found.secret)
        if found.key_id != ring.key_id:
            # a new key came first: the former one can go once all were used
            found.write({"secret": ring.rotate(found.secret), "key_id": ring.key_id})
        return secret

    def _use_new(self, mailbox):
        """The secret typed last was tested and works."""
        found = self._of(mailbox.id)
        if found.new_secret:
            found.write(
                {
                    "secret": found.new_secret,
                    "new_secret": False,
                    "key_id": keyring().key_id,
                }
            )

    def _drop_new(self, mailbox):
        """The secret typed last was tested and does not work."""
        self._of(mailbox.id).new_secret = False

    def _of(self, mailbox_id):
        return self.sudo().search([("mailbox_id", "=", mailbox_id)])

    def _forget(self, mailboxes):
        self.sudo().search([("mailbox_id", "in", mailboxes.ids)]).unlink()


__all__ = ["CrmMailMirrorCredential", "KeyUnusable", "keyring", "setting"]
