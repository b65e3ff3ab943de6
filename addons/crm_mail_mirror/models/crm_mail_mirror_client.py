# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""As whom does this Odoo sign in at Google and Microsoft, and where are they?

One row per provider holds what the administrator was given when registering this Odoo
there. *Where* stands in the server's configuration alone: whoever could write a token
endpoint into the database would have everybody's tokens sent to a server of his own.
"""

import ipaddress
import logging
import re
from urllib.parse import urlsplit

from odoo import api, fields, models
from odoo.exceptions import ValidationError

from ..engine.keyring import KeyUnusable
from ..engine.providers.base import NotAllowed
from .crm_mail_mirror_credential import keyring, setting

_logger = logging.getLogger(__name__)

#: Mailboxes of these kinds are linked by consent, not by password.
KINDS = ("gmail", "microsoft")
#: How the routes and the settings call them.
ROUTE_OF = {"gmail": "google", "microsoft": "microsoft"}
KIND_OF = {route: kind for kind, route in ROUTE_OF.items()}
#: Which accounts Microsoft lets in; anything else is one organisation.
EVERYBODY, WORK, PERSONAL = "common", "organizations", "consumers"
#: The organisation that stands for all personal accounts.
_PERSONAL_TENANT = "9188040d-6c67-4c5b-b112-36a304b66dad"
#: An organisation: its id, or one of its domains.
_TENANT = re.compile(r"(?=.{1,253}$)[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9-]+)*\Z")

#: What a provider's ``connect`` calls it: the setting, and where it usually is.
_GOOGLE = {
    "endpoint": ("gmail_endpoint", "https://gmail.googleapis.com"),
    "auth_uri": ("google_auth_uri", "https://accounts.google.com/o/oauth2/v2/auth"),
    "token_uri": ("google_token_uri", "https://oauth2.googleapis.com/token"),
    "revoke_uri": ("google_revoke_uri", "https://oauth2.googleapis.com/revoke"),
}


class CrmMailMirrorClient(models.Model):
    _name = "crm.mail.mirror.client"
    _description = "Registration at a Mail Provider"
    _rec_name = "provider"

    provider = fields.Selection(
        selection=[("gmail", "Google"), ("microsoft", "Microsoft")], required=True
    )
    enabled = fields.Boolean()
    client_id = fields.Char(string="Client ID")
    secret = fields.Text(groups=fields.NO_ACCESS, prefetch=False)
    key_id = fields.Char(groups=fields.NO_ACCESS)
    audience = fields.Char(required=True, default=EVERYBODY)

    _provider_uniq = models.UniqueIndex("(provider)")

    @api.constrains("audience")
    def _check_audience(self):
        for client in self:
            if not _TENANT.match(client.audience):
                raise ValidationError(
                    self.env._(
                        "%(value)s is no organisation at Microsoft: fill in its id or"
                        " one of its domains.",
                        value=client.audience,
                    )
                )

    def write(self, vals):
        former = {client: client.client_id for client in self}
        result = super().write(vals)
        for client, client_id in former.items():
            if client_id and client.client_id != client_id:
                client._sign_in_anew()
        return result

    def _sign_in_anew(self):
        """What was granted to one client no other can use."""
        mailboxes = self.env["crm.mail.mirror.mailbox"].search(
            [("provider", "=", self.provider), ("state", "!=", "draft")]
        )
        for mailbox in mailboxes:
            if mailbox.state == "ready":
                # nobody started it yet: once it is connected again it waits for that
                mailbox.state = "draft"
                mailbox._tell_problem("client_changed")
            else:
                mailbox._fail("client_changed", state="needs_login")

    # ---- asked by the code, never over RPC ------------------------------------------

    @api.model
    def _of(self, provider):
        """The row of a provider; there may be none."""
        return self.sudo().search([("provider", "=", provider)])

    def _is_usable(self):
        return bool(self and self.enabled and self.client_id and self.secret)

    @api.model
    def _offers(self):
        """What users may link, besides IMAP: ``gmail``, ``work``, ``personal``."""
        offers = set()
        for provider in KINDS:
            client = self._of(provider)
            if client._is_usable():
                offers |= self._offers_of(provider, client.audience)
        return offers

    @api.model
    def _offers_of(self, provider, audience):
        """What a usable registration lets users link.

        :param audience: which accounts the provider lets in
        """
        if provider == "gmail":
            return {"gmail"}
        offers = set()
        if audience not in (PERSONAL, _PERSONAL_TENANT):
            offers.add("work")
        if audience in (EVERYBODY, PERSONAL, _PERSONAL_TENANT):
            offers.add("personal")
        return offers

    def _set_secret(self, token):
        """:param token: as ``_encrypt`` gave it"""
        self.sudo().write({"secret": token, "key_id": keyring().key_id})

    @api.model
    def _encrypt(self, secret):
        """:raises KeyUnusable: no usable key on this server"""
        return keyring().encrypt(secret)

    def _decrypt(self):
        """The client's secret in clear.

        :raises KeyUnusable: it was encrypted under a key this server does not have
        """
        ring = keyring()
        secret = ring.decrypt(self.secret)
        if self.key_id != ring.key_id:
            # a new key came first: the former one can go once all were used
            self._set_secret(ring.rotate(self.secret))
        return secret

    @api.model
    def _settings(self, provider, address="", disabled=False):
        """What ``open_mailbox`` and ``consent`` need.

        :param address: of the mailbox
        :param disabled: also when the administrator switched this provider off: to
            test it, and to give a consent back
        :raises NotAllowed: ``client_missing``, ``endpoint_refused``
        """
        client = self._of(provider)
        if disabled and not (client.client_id and client.secret):
            raise NotAllowed("client_missing")
        if not disabled and not client._is_usable():
            raise NotAllowed("client_missing")
        try:
            secret = client._decrypt()
        except KeyUnusable as error:
            raise NotAllowed("client_missing", error.code) from None
        return {
            "client_id": client.client_id,
            "client_secret": secret,
            "address": address or "",
            "ca_file": setting("ca_file"),
            **(_google() if provider == "gmail" else _microsoft(client.audience)),
        }

    @api.model
    def _redirect_uri(self, provider):
        """Where the provider sends the browser back to."""
        base = self.env["ir.config_parameter"].sudo().get_param("web.base.url") or ""
        return f"{base.rstrip('/')}/crm_mail_mirror/{ROUTE_OF[provider]}/callback"


def _google():
    uris = {
        name: _encrypted(key, setting(key) or usual)
        for name, (key, usual) in _GOOGLE.items()
    }
    units = setting("gmail_units_per_minute") or "6000"
    if not units.isdecimal() or not int(units):
        raise _refused("gmail_units_per_minute", "is no number")
    return {**uris, "units_per_minute": int(units)}


def _microsoft(audience):
    host = setting("microsoft_authority_host") or "login.microsoftonline.com"
    if "://" not in host:
        host = f"https://{host}"
    graph = setting("graph_endpoint") or "https://graph.microsoft.com"
    return {
        "authority": f"{_encrypted('microsoft_authority_host', host)}/{audience}",
        "endpoint": _encrypted("graph_endpoint", graph),
    }


def _encrypted(name, url):
    """A URL of the server's configuration: tokens do not travel in clear.

    :raises NotAllowed: ``endpoint_refused``
    """
    try:
        scheme, host = urlsplit(url).scheme, urlsplit(url).hostname
    except ValueError:
        scheme = host = None
    if host and (scheme == "https" or (scheme == "http" and is_loopback(host))):
        return url.rstrip("/")
    raise _refused(name, "is not https")


def _refused(name, problem):
    _logger.error("the setting %s %s", name, problem)
    return NotAllowed("endpoint_refused", f"{name} {problem}")


def is_loopback(host):
    """Does what is sent there stay on this machine?"""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
