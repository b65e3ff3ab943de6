# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""Where is the secret of a mailbox? Here, encrypted, and readable by nobody."""

import os
from configparser import ConfigParser

from odoo import api, fields, models
from odoo.tools import SQL, config

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
    # another one whenever the secret in use is another; see _keep
    seq = fields.Integer(
        required=True, default=lambda self: self._next_seq(), groups=fields.NO_ACCESS
    )

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
        found = self._of(mailbox_id)
        if newest and found.new_secret:
            return keyring().decrypt(found.new_secret)
        return self._read_in_use(mailbox_id)[0]

    def _read_in_use(self, mailbox_id):
        """The secret in use in clear, and its number: ``(None, 0)`` without any.

        :raises KeyUnusable: it was encrypted under a key this server does not have
        """
        ring = keyring()
        self.flush_model()
        # one statement: a number that belongs to another secret would undo the fence
        self.env.cr.execute(
            SQL(
                """SELECT secret, key_id, seq FROM crm_mail_mirror_credential
                    WHERE mailbox_id = %s""",
                mailbox_id,
            )
        )
        row = self.env.cr.fetchone()
        if not row:
            return None, 0
        token, key_id, seq = row
        if key_id != ring.key_id:
            # a new key came first: the former one can go once all were used. It stays
            # the same secret, with its number; one that is kept meanwhile wins
            self.env.cr.execute(
                SQL(
                    """UPDATE crm_mail_mirror_credential SET secret = %s, key_id = %s
                        WHERE mailbox_id = %s AND seq = %s""",
                    ring.rotate(token),
                    ring.key_id,
                    mailbox_id,
                    seq,
                )
            )
            self.invalidate_model()
        return ring.decrypt(token), seq

    def _keep(self, mailbox_id, secret, seq):
        """Put a secret that the provider renewed in the place of the one it came from.

        Compare and swap, whoever holds the mailbox's lease. Where secrets rotate, the
        provider may accept nothing but the new one from now on: a worker that came too
        late for its page is the only one to have it, and must not lose it. But when the
        secret it began with is no longer the one in use (another worker renewed it
        first, the owner consented anew, maybe with another account, or disconnected),
        what grew out of it must not come back.

        Numbers are taken from one sequence: a credential that was deleted and made
        again never has the number of the former one.

        :param seq: the number of the secret that was renewed
        :return: the new number; ``None``: it was replaced meanwhile, nothing is kept
        :raises KeyUnusable: no usable key on this server
        """
        ring = keyring()
        self.env.cr.execute(
            SQL(
                """UPDATE crm_mail_mirror_credential
                      SET secret = %s, key_id = %s, seq = %s
                    WHERE mailbox_id = %s AND seq = %s RETURNING seq""",
                ring.encrypt(secret),
                ring.key_id,
                self._next_seq(),
                mailbox_id,
                seq,
            )
        )
        row = self.env.cr.fetchone()
        if row:
            return row[0]
        # this may be the second try, after a connection that was lost while committing
        in_use, seq = self._read_in_use(mailbox_id)
        return seq if in_use == secret else None

    def _seq(self, mailbox_id):
        """The number of the secret in use, 0 without any."""
        return self._of(mailbox_id).seq

    @api.model
    def _next_seq(self):
        self.env.cr.execute("SELECT nextval('crm_mail_mirror_credential_id_seq')")
        return self.env.cr.fetchone()[0]

    def _use_new(self, mailbox):
        """The secret typed last was tested and works."""
        found, ring = self._of(mailbox.id), keyring()
        if found.new_secret:
            found.write(
                {
                    "secret": ring.rotate(found.new_secret),
                    "new_secret": False,
                    "key_id": ring.key_id,
                    "seq": self._next_seq(),
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
