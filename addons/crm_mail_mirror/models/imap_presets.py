# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""Where are the IMAP servers of well-known providers, and which password do they want?

Servers as the providers name them themselves and as Thunderbird's ISPDB holds them.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Preset:
    """:param local_login: one signs in with what stands before the ``@``
    :param page: of the provider: where its password for this is made
    :param domains: addresses that can only be its own
    """

    code: str
    name: str
    host: str
    port: int = 993
    security: str = "tls"
    local_login: bool = False
    page: str = ""
    domains: tuple[str, ...] = ()


PRESETS = {
    preset.code: preset
    for preset in (
        Preset(
            "aol",
            "AOL",
            "imap.aol.com",
            page="https://login.aol.com/account/security",
            domains=("aol.com",),
        ),
        Preset(
            "fastmail",
            "Fastmail",
            "imap.fastmail.com",
            page="https://app.fastmail.com/settings/security",
            domains=("fastmail.com", "fastmail.fm"),
        ),
        Preset(
            "free",
            "Free",
            "imap.free.fr",
            local_login=True,
            page="https://assistance.free.fr/",
            domains=("free.fr",),
        ),
        Preset(
            "google",
            "Gmail",
            "imap.gmail.com",
            page="https://myaccount.google.com/apppasswords",
            domains=("gmail.com", "googlemail.com"),
        ),
        Preset(
            "gmx",
            "GMX (.net, .de, .at, .ch)",
            "imap.gmx.net",
            page="https://hilfe.gmx.net/pop-imap/einschalten.html",
            domains=("gmx.net", "gmx.de", "gmx.at", "gmx.ch", "gmx.eu"),
        ),
        Preset(
            "gmx_com",
            "GMX (.com, .fr, .co.uk)",
            "imap.gmx.com",
            page="https://support.gmx.com/pop-imap/toggle.html",
            domains=("gmx.com", "gmx.fr", "gmx.co.uk", "gmx.us"),
        ),
        Preset(
            "icloud",
            "iCloud",
            "imap.mail.me.com",
            local_login=True,
            page="https://account.apple.com/account/manage",
            domains=("icloud.com", "me.com", "mac.com"),
        ),
        Preset(
            "infomaniak",
            "Infomaniak",
            "mail.infomaniak.com",
            page="https://manager.infomaniak.com/",
            domains=("ik.me", "ikmail.com"),
        ),
        Preset("ionos", "IONOS", "imap.ionos.com", page="https://my.ionos.com/email"),
        Preset(
            "ionos_de",
            "IONOS (Deutschland)",
            "imap.ionos.de",
            page="https://mein.ionos.de/email",
        ),
        Preset(
            "ionos_fr",
            "IONOS (France)",
            "imap.ionos.fr",
            page="https://my.ionos.fr/email",
        ),
        Preset(
            "laposte",
            "La Poste",
            "imap.laposte.net",
            local_login=True,
            page="https://aide.laposte.net/",
            domains=("laposte.net",),
        ),
        Preset(
            "mailbox_org",
            "mailbox.org",
            "imap.mailbox.org",
            page="https://kb.mailbox.org/",
            domains=("mailbox.org",),
        ),
        Preset(
            "orange",
            "Orange",
            "imap.orange.fr",
            page="https://assistance.orange.fr/",
            domains=("orange.fr", "wanadoo.fr"),
        ),
        Preset(
            "ovh",
            "OVHcloud",
            "imap.mail.ovh.net",
            page="https://www.ovh.com/manager/",
        ),
        Preset(
            "proton",
            "Proton Mail (Bridge)",
            "127.0.0.1",
            port=1143,
            security="starttls",
            page="https://proton.me/mail/bridge",
            domains=("proton.me", "protonmail.com", "pm.me"),
        ),
        Preset(
            "t_online",
            "T-Online",
            "secureimap.t-online.de",
            page=(
                "https://www.telekom.de/hilfe/apps-dienste/e-mail/programme/"
                "passwort-verwalten"
            ),
            domains=("t-online.de", "magenta.de"),
        ),
        Preset(
            "web_de",
            "WEB.DE",
            "imap.web.de",
            local_login=True,
            page="https://hilfe.web.de/pop-imap/einschalten.html",
            domains=("web.de",),
        ),
        Preset(
            "yahoo",
            "Yahoo",
            "imap.mail.yahoo.com",
            page="https://login.yahoo.com/account/security",
            domains=("yahoo.com", "yahoo.fr", "yahoo.de", "yahoo.co.uk", "ymail.com"),
        ),
        Preset(
            "zoho",
            "Zoho Mail (company)",
            "imappro.zoho.com",
            page="https://accounts.zoho.com/home#security/app_password",
        ),
        Preset(
            "zoho_eu",
            "Zoho Mail (company, Europe)",
            "imappro.zoho.eu",
            page="https://accounts.zoho.eu/home#security/app_password",
        ),
        Preset(
            "zoho_personal",
            "Zoho Mail (personal)",
            "imap.zoho.com",
            page="https://accounts.zoho.com/home#security/app_password",
            domains=("zohomail.com", "zoho.com"),
        ),
    )
}


def preset_of_domain(domain: str) -> Preset | None:
    """Who has the mailboxes of this domain, if that is certain."""
    return next((p for p in PRESETS.values() if domain in p.domains), None)


def preset_of_host(host: str) -> Preset | None:
    return next((p for p in PRESETS.values() if host == p.host), None)


def password_help(env, code: str) -> str:
    """Which password a provider wants here, and where one gets it."""
    with_two_factors = env._(
        "If you sign in there with a second factor, make a password of its own for this"
        " in your account's security settings."
    )
    switched_on = env._(
        "Access by IMAP has to be switched on once, in the settings of your mailbox on"
        " the provider's website."
    )
    own_password = env._("The password of the mailbox.")
    app_password = env._(
        "Your usual password is not accepted here: make an app password in your"
        " account's security settings."
    )
    zoho = env._(
        "IMAP has to be switched on once: Settings, Mail Accounts, IMAP. If you sign in"
        " with a second factor, make an app password under Security, App Passwords."
    )
    return {
        "aol": app_password,
        "fastmail": env._(
            "Your usual password is not accepted here: make an app password under"
            " Settings, Privacy & Security, Connected apps & API tokens. Reading mail"
            " by IMAP is enough for it."
        ),
        "free": own_password,
        "google": env._(
            "Google wants an app password here, and gives one only to accounts with"
            " 2-Step Verification. Companies can forbid them."
        ),
        "gmx": f"{switched_on} {with_two_factors}",
        "gmx_com": f"{switched_on} {with_two_factors}",
        "icloud": env._(
            "Apple wants an app-specific password: Sign-In and Security, App-Specific"
            " Passwords. The login is what stands before the @."
        ),
        "infomaniak": env._(
            "Make a password for this in the Manager: Mail Service, your address,"
            " Devices, Add a device."
        ),
        "ionos": own_password,
        "ionos_de": own_password,
        "ionos_fr": own_password,
        "laposte": switched_on,
        "mailbox_org": with_two_factors,
        "orange": switched_on,
        "ovh": env._(
            "The password of the mailbox, as set in the Control Panel. For Exchange and"
            " Email Pro the Control Panel names another server."
        ),
        "proton": env._(
            "Proton Mail opens by its Bridge alone. It has to run where this Odoo runs,"
            " or where Odoo can reach it, and your administrator has to allow that"
            " server. The Bridge shows login, port and password."
        ),
        "t_online": env._(
            "The sign-in of the website is not accepted here: set an e-mail password"
            " for mail programs first."
        ),
        "web_de": f"{switched_on} {with_two_factors}",
        "yahoo": app_password,
        "zoho": zoho,
        "zoho_eu": zoho,
        "zoho_personal": zoho,
    }[code]
