# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""Which mail may a rule concern, among what is here and what was kept out?"""

from odoo.tools import SQL

from ..engine.domains import domain_of, lies_within
from ..engine.reasons import Reason
from .crm_mail_mirror_credential import keyring
from .crm_mail_mirror_exclusion import WAVED_PAST

#: More rules than this at once: all mail is judged again, and listed again.
MOST_TERMS = 300
#: No terms at all; an empty dict would not be stored, and stands for any.
NONE = {"addresses": []}
#: Kinds of rules as terms that a mailbox can be searched for.
TERMS = {"address": "addresses", "domain": "domains", "word": "words"}
#: For which reasons mail was kept out that rules of a kind kept out.
REASONS = {
    "address": (Reason.EXCLUDED_ADDRESS,),
    "domain": (Reason.EXCLUDED_DOMAIN,),
    "word": (Reason.PRIVATE_WORD,),
}


def more_terms(terms, rules):
    """Terms, and those of more rules; None when they are too many to be looked for."""
    if not terms:
        return None
    terms = {name: set(values) for name, values in terms.items()}
    for rule in rules:
        terms.setdefault(TERMS[rule["kind"]], set()).add(rule["value"])
    if sum(map(len, terms.values())) > MOST_TERMS:
        return None
    return {name: sorted(values) for name, values in terms.items()}


def without(known, values):
    """What a change knows (terms, or what undoes it) without these values.

    A rule goes with its value; lists stay, empty: no list at all would mean "any".
    """
    if isinstance(known, dict):
        return {name: without(each, values) for name, each in known.items()}
    if isinstance(known, list):
        return [
            without(each, values)
            for each in known
            if each not in values
            and not (isinstance(each, dict) and each.get("value") in values)
        ]
    return known


def where_among(among):
    """A condition on the copy ``c``: one of these addresses or domains is on it."""
    if not among or among.get("words"):
        return SQL("TRUE")
    domains = list(among.get("domains") or ())
    return SQL(
        """c.message_id IN (
               SELECT q.message_id FROM crm_mail_mirror_participant q
                WHERE q.address_id IN (
                      SELECT id FROM crm_mail_mirror_address
                       WHERE email_normalized = ANY(%s) OR domain = ANY(%s)
                          OR domain LIKE ANY(%s)))""",
        list(among.get("addresses") or ()),
        domains,
        [f"%.{domain}" for domain in domains],
    )


def reasons_of(rule):
    """Why mail was kept out that comes in by the removal of a rule, or by a new one.

    :param rule: by value
    """
    return WAVED_PAST if rule["effect"] == "always" else REASONS[rule["kind"]]


def traced(env, terms):
    """A condition on the copy ``c``: one of the terms is on it, or may be.

    Traces are of people from outside; what is ours, or a word, leaves none.
    """
    terms = terms or {}
    addresses, domains = terms.get("addresses", ()), terms.get("domains", ())
    directory = env["crm.mail.mirror.directory"]
    own = directory._own_domains()
    if (
        terms.get("words")
        or not (addresses or domains)
        or directory._own_among(addresses)
        or any(lies_within(domain, own) for domain in domains)
        or any(lies_within(domain_of(email), own) for email in addresses)
    ):
        return SQL("TRUE")
    return SQL(
        """c.id IN (SELECT copy_id FROM crm_mail_mirror_trace
                     WHERE digest = ANY(%s) AND kind IN ('address', 'domain'))""",
        [
            digest
            for term in (*addresses, *(f"@{domain}" for domain in domains))
            for digest in keyring().digests("trace", term)
        ],
    )
