# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""Who signs in, and what does ``/me`` say of them?

https://learn.microsoft.com/en-us/graph/api/user-get
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass

from . import graph_query as query
from .graph_answers import Problem
from .graph_http import Answer, Request


@dataclass
class Account:
    """Who signs in.

    :param personal: Outlook.com: ``/me`` knows fewer properties
    :param has_mailbox: a user of a tenant need not have one
    :param scopes: what was consented to
    :param aliases: other addresses of the mailbox
    """

    email: str
    name: str = ""
    principal: str = ""
    personal: bool = False
    has_mailbox: bool = True
    scopes: tuple[str, ...] = ("Mail.Read", "User.Read")
    aliases: tuple[str, ...] = ()
    other_mails: tuple[str, ...] = ()


_PERSON = (
    *("businessPhones", "displayName", "givenName", "id", "jobTitle", "mail"),
    *("mobilePhone", "officeLocation", "preferredLanguage", "surname"),
    "userPrincipalName",
)
_WORKER = (*_PERSON, "proxyAddresses", "otherMails", "accountEnabled", "userType")


def answer(account: Account, request: Request) -> Answer:
    query.allow(request.query, "$select")
    if request.method != "GET":
        raise Problem(405, "Request_BadRequest", "Method not allowed.")
    if "User.Read" not in account.scopes:
        raise Problem(
            403,
            "Authorization_RequestDenied",
            "Insufficient privileges to complete the operation.",
        )
    known = _PERSON if account.personal else _WORKER
    names = query.selected(request.query.get("$select"), known, "microsoft.graph.user")
    aliases = [f"smtp:{each}" for each in account.aliases]
    person = {
        "businessPhones": [],
        "displayName": account.name or account.email.partition("@")[0],
        "givenName": None,
        "id": str(uuid.uuid5(uuid.NAMESPACE_URL, "mailto:" + account.email)),
        "jobTitle": None,
        "mail": account.email if account.has_mailbox else None,
        "mobilePhone": None,
        "officeLocation": None,
        "preferredLanguage": None,
        "surname": None,
        "userPrincipalName": account.principal or account.email,
        "proxyAddresses": [f"SMTP:{account.email}", *aliases],
        "otherMails": list(account.other_mails),
        "accountEnabled": True,
        "userType": "Member",
    }
    wanted = names or _PERSON
    context = f"{request.base}/v1.0/$metadata#users/$entity"
    told = {name: person[name] for name in wanted}
    return Answer(200, {"@odata.context": context, **told})
