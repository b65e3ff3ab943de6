# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""What happens when an owner consents at Google or Microsoft, and when that ends?

What the owner is told about the end of a sign-in holds addresses of accounts, so it
stands where only the owner reads it; ``last_error``, which administrators read as well,
holds the mere code.
"""

import logging
import threading

import psycopg2

from odoo import fields, models
from odoo.fields import Domain
from odoo.tools import SQL, email_normalize

from ..engine.keyring import KeyUnusable
from ..engine.providers import consent, open_mailbox
from ..engine.providers.base import ProviderError
from .consent_state import State
from .crm_mail_mirror_client import KINDS

_logger = logging.getLogger(__name__)


class CrmMailMirrorMailbox(models.Model):
    _name = "crm.mail.mirror.mailbox"
    _inherit = ["crm.mail.mirror.mailbox"]

    # ---- consent --------------------------------------------------------------------

    def _begin_consent(self):
        """Where the owner's browser goes now.

        :return: the ``State`` that will come back, and the provider's ``Beginning``
        :raises ProviderError, KeyUnusable: it cannot be begun
        """
        self._check_owner()
        kind, settings, hint = self.provider, self._connection(), self.email_normalized
        redirect_uri = self.env["crm.mail.mirror.client"]._redirect_uri(kind)
        state = State.make(kind, self.env.uid, self.id)
        # no transaction stays open while the network is waited for
        self.env.cr.commit()  # pylint: disable=invalid-commit
        return state, consent.begin(kind, settings, redirect_uri, state.sign(), hint)

    def _finish_consent(self, flow, answer):
        """The browser is back: ask the provider who consented, and keep the secret.

        Whatever happens, the owner is told on the mailbox's form. What is refused
        leaves nothing here, and a mailbox that worked goes on as it was.

        :param flow: of the ``Beginning`` that this is the answer to
        :param answer: what the browser brought
        """
        self._check_owner()
        kind, asked = self.provider, self.email_normalized
        try:
            settings = self._connection()
            # no transaction stays open while the network is waited for
            self.env.cr.commit()  # pylint: disable=invalid-commit
            secrets = [consent.finish(kind, settings, flow, answer)]
            with open_mailbox(kind, settings, secrets[0], secrets.append) as provider:
                identity = provider.identify()
        except ProviderError as error:
            # who consented is not known: taking it back might break another mailbox
            _logger.info("mailbox %s was not linked: %s", self.id, error.code)
            self._in_own_transaction("_tell_outcome", error.code)
            return
        try:
            revocable = self._in_own_transaction(
                "_take_consent", kind, asked, identity, secrets[-1]
            )
        except psycopg2.errors.UniqueViolation:
            # another mailbox was linked with this account at the same moment
            revocable = False
            self._in_own_transaction(
                "_tell_outcome", "linked_already", given=identity.email
            )
        except KeyUnusable as error:
            revocable = True
            self._in_own_transaction("_tell_outcome", error.code)
        if revocable:
            give_back(kind, settings, secrets[-1])

    def _in_own_transaction(self, method, *args, **named):
        """As the superuser, at READ COMMITTED, again if writers meet: a consent that
        was given cannot be asked for a second time because a sync was writing."""

        def work(env):
            return getattr(env[self._name].browse(self.id), method)(*args, **named)

        result = self.env["crm.mail.mirror.sync"]._in_transaction(work)
        self.invalidate_recordset()
        return result

    def _take_consent(self, kind, asked, identity, secret):
        """Keep what was granted if it is this mailbox's own account.

        :return: whether it was refused and may be given back at the provider. There, a
            consent is the account's: all mailboxes with that account would lose theirs.
        :raises KeyUnusable: no usable key on this server
        """
        self.env.cr.execute(
            SQL(
                "SELECT 1 FROM crm_mail_mirror_mailbox WHERE id = %s FOR NO KEY UPDATE",
                self.id,
            )
        )
        given = email_normalize(identity.email) or ""
        aliases = {email_normalize(alias) for alias in identity.aliases} - {False}
        same = Domain("email_normalized", "in", [given, *aliases])
        if identity.account_id:
            same |= Domain("account_id", "=", identity.account_id)
        linked = self.search(Domain("provider", "=", kind) & same)
        rivals = linked.filtered(lambda m: m.account_id == identity.account_id) - self
        credentials = self.env["crm.mail.mirror.credential"]
        if (self.provider, self.email_normalized) != (kind, asked):
            code = "state_mismatch"  # the form was changed meanwhile
        elif given != asked:
            is_alias = asked in aliases or same_mailbox(asked, given)
            code = "alias_of_account" if is_alias else "other_account"
        elif identity.account_id and rivals:
            code = "linked_already"
        else:
            credentials._store(self, secret)
            credentials._use_new(self)
            if self.account_id not in (False, identity.account_id):
                # made anew under the same address: what was listed is no more
                self._list_again()
            self._start_mirroring(identity, account_id=identity.account_id or False)
            self._tell_outcome("connected")
            return False
        own = rivals.filtered(lambda m: m.user_id == self.user_id)[:1].email
        self._tell_outcome(code, asked=asked, given=given, own=own or "")
        _logger.info("mailbox %s was not linked: %s", self.id, code)
        return not any(credentials._of(mailbox.id) for mailbox in linked)

    def _tell_outcome(self, code, **addresses):
        """How a sign-in ended: whole for the owner, the code for administrators."""
        self.ensure_one()
        if not self.exists():
            return
        if code in ("server_error", "throttled"):
            code = "sign_in_failed"  # nobody tries it again but the owner
        now = round(fields.Datetime.now().timestamp())
        values = {"link_outcome": {"code": code, "at": now, **addresses}}
        works = self.state in ("ready", "active", "paused")
        if code != "connected" and not works:
            values["last_error"] = code
        self.sudo().write(values)

    # ---- consent given back ---------------------------------------------------------

    def _grants(self):
        """Consents of these mailboxes: ``[(kind, settings, secret)]``.

        To be read before they are forgotten, and given back after that is committed.
        """
        grants = []
        for mailbox in self.sudo().filtered(lambda m: m.provider in KINDS):
            try:
                secret = self.env["crm.mail.mirror.credential"]._read_secret(mailbox.id)
                settings = self.env["crm.mail.mirror.client"]._settings(
                    mailbox.provider, mailbox.email_normalized, disabled=True
                )
            except (KeyUnusable, ProviderError):
                continue
            if secret:
                grants.append((mailbox.provider, settings, secret))
        return grants

    def _give_back_later(self):
        """After the commit, without anybody waiting for it."""
        grants = self._grants()

        def begin():
            threading.Thread(target=_give_all_back, args=(grants,), daemon=True).start()

        if grants:
            self.env.cr.postcommit.add(begin)


def give_back(kind, settings, secret):
    """Give a consent back at the provider, if it has such a thing.

    :return: whether that was done; ``None``: the provider could not be asked
    """
    try:
        return consent.revoke(kind, settings, secret)
    except ProviderError as error:
        _logger.warning("a consent at %s was not given back: %s", kind, error.code)
        return None


def _give_all_back(grants):
    for grant in grants:
        give_back(*grant)


def same_mailbox(one, other):
    """Gmail: dots, what follows a plus sign and the second domain make no difference"""
    return bool(one and other) and _plain(one) == _plain(other)


def _plain(address):
    name, _at, domain = address.partition("@")
    if domain not in ("gmail.com", "googlemail.com"):
        return address
    return name.partition("+")[0].replace(".", ""), "gmail.com"
