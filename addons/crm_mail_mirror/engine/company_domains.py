# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""Of which domains can one say: who writes from there is of that company?"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache

import idna

from .addresses import ascii_domain
from .domains import (
    MAX_DOMAIN,
    domain_of,
    is_free_mail,
    is_listed_free,
    organisation,
)
from .policy import Directory

#: Where many companies have a page. Who writes from there is of the host.
_HOSTS = frozenset(
    """
    about.me amazon.com apple.com behance.net bit.ly business.site canva.com discord.com
    discord.gg doctolib.fr etsy.com facebook.com fb.com fb.me github.com github.io
    gitlab.com goo.gl google.com instagram.com jimdo.com leboncoin.fr linkedin.com
    linktr.ee medium.com meetup.com myshopify.com notion.site notion.so odoo.com
    pagesjaunes.fr pinterest.com reddit.com shopify.com slack.com snapchat.com
    squarespace.com t.me telegram.me threads.net tiktok.com tumblr.com twitch.tv
    twitter.com vimeo.com wa.me webflow.io weebly.com whatsapp.com wikipedia.org wix.com
    wixsite.com wordpress.com x.com xing.com yelp.com youtube.com
    """.split()
)


#: The host in a website's address, without ``www.``; PostgreSQL reads it alike.
WEBSITE = (
    "^(?:[a-z][a-z0-9+.-]*://)?(?:[^/?#@]*@)?(?:www[.])?([^/?#:@]+)"  # RFC 3986, 3.2
)


def website_domain(url: str) -> str:
    """The domain of a company's website; ``""`` if there is none.

    >>> website_domain("https://www.Acme.example:8080/about")
    'acme.example'
    """
    host = re.match(WEBSITE, url.lower())
    return ascii_domain(host[1]) if host else ""


@lru_cache(maxsize=8192)
def may_be_a_companys(domain: str) -> bool:
    """Could one company own it? Free-mail and disposable domains nobody does.

    >>> may_be_a_companys("acme.example"), may_be_a_companys("gmail.com")
    (True, False)

    :param domain: in the form of ``Address.domain``
    """
    if not 0 < len(domain) <= MAX_DOMAIN or "." not in domain:
        return False
    return not is_free_mail(domain) and organisation(domain) not in _HOSTS


def known_among(
    emails: Iterable[str], directory: Directory, match_domains: bool
) -> frozenset[str]:
    """Which of these have a contact or lead, or (if so) a company that owns the domain?

    :param match_domains: of the mailbox's policy
    """
    domains = directory.known_domains if match_domains else frozenset()
    return frozenset(
        email
        for email in emails
        if email in directory.known or domain_of(email) in domains
    )


def as_companies_write(domains: Iterable[str]) -> dict[str, str]:
    """How contacts may spell these domains: ``{spelling: domain}``.

    >>> as_companies_write(["xn--bcher-kva.example"])
    {'xn--bcher-kva.example': 'xn--bcher-kva.example',
     'bücher.example': 'xn--bcher-kva.example'}

    :param domains: in the form of ``Address.domain``; most of those that no company can
        own are left out: whose they are is asked for thousands at once
    """
    found = {domain: domain for domain in domains if not is_listed_free(domain)}
    scripts = {_in_its_script(d): d for d in found if "xn--" in d}
    return found | scripts


@lru_cache(maxsize=8192)
def _in_its_script(domain: str) -> str:
    try:
        return idna.decode(domain)
    except (idna.IDNAError, UnicodeError):
        return domain
