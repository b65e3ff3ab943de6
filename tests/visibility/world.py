"""One viewer, eight owners around, and a mail for each way of sharing.

::

    boss                       stranger (no manager)
     |-- viewer                abroad (below the viewer, works in another company)
     |     `-- below
     |           `-- two_below
     `-- peer
           `-- below_peer
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import product

LEVELS = ("0", "1", "2", "3", "4")

#: Whose mail is seen from which level on.
SEEN_FROM = {
    "viewer": 0,
    "below": 1,
    "two_below": 1,
    "peer": 2,
    "below_peer": 3,
    "boss": 4,
    "stranger": 4,
    "abroad": None,
}

#: What the mailbox shares, what stands on the mail itself: what a colleague gets.
SHARED = {
    ("metadata", None): "metadata",
    ("subject", None): "subject",
    ("everything", None): "everything",
    ("metadata", "metadata"): "metadata",
    ("subject", "metadata"): "metadata",
    ("everything", "metadata"): "metadata",
    ("metadata", "subject"): "subject",
    ("subject", "subject"): "subject",
    ("everything", "subject"): "subject",
    ("metadata", "everything"): "everything",
    ("subject", "everything"): "everything",
    ("everything", "everything"): "everything",
    ("metadata", "private"): "metadata",
    ("subject", "private"): "metadata",
    ("everything", "private"): "metadata",
}

#: Three mailboxes an owner, so that in and out differ: (of received, of sent).
MAILBOXES = (
    ("metadata", "everything"),
    ("subject", "metadata"),
    ("everything", "subject"),
)
OVERRIDES = (None, "private", "metadata", "subject", "everything")

MANAGER = {
    "viewer": "boss",
    "below": "viewer",
    "two_below": "below",
    "peer": "boss",
    "below_peer": "peer",
    "abroad": "viewer",
}


@dataclass(frozen=True)
class Mail:
    """One mirrored mail, and how its owner shares it."""

    id: int
    owner: str
    direction: str
    mailbox: str
    override: str | None
    subject: str
    text: str
    customer: str
    owner_email: str
    date: datetime

    def shown(self, level: str) -> str | None:
        """What the viewer gets of it, None for nothing at all: the table."""
        if self.owner == "viewer":
            return "everything"
        first = SEEN_FROM[self.owner]
        if first is None or int(level) < first:
            return None
        return SHARED[self.mailbox, self.override]


@dataclass
class World:
    """Ids of what is in the database."""

    users: dict[str, int] = field(default_factory=dict)
    companies: dict[str, int] = field(default_factory=dict)
    partners: dict[str, int] = field(default_factory=dict)
    mailboxes: dict[int, tuple[str, int]] = field(default_factory=dict)
    mails: list[Mail] = field(default_factory=list)
    keys: dict[str, str] = field(default_factory=dict)
    passwords: dict[str, str] = field(default_factory=dict)

    def visible(self, level: str, *shown: str) -> set[int]:
        """Ids of mails the viewer sees at a level, at least as ``shown``."""
        allowed = shown or ("metadata", "subject", "everything")
        return {mail.id for mail in self.mails if mail.shown(level) in allowed}

    def hidden(self, level: str) -> list[int]:
        return [mail.id for mail in self.mails if mail.shown(level) is None]


def build(env) -> World:
    """Fill a fresh database; ``env`` is the superuser's."""
    env = env(context={"no_reset_password": True, "tracking_disable": True})
    world = World()
    home, abroad = (
        env.ref("base.main_company"),
        env["res.company"].create({"name": "Abroad Ltd"}),
    )
    world.companies = {"home": home.id, "abroad": abroad.id}
    for name in (*SEEN_FROM, "administrator", "outsider"):
        company = abroad if name == "abroad" else home
        groups = ["base.group_user", "base.group_allow_export"]
        groups.append("sales_team.group_sale_salesman_all_leads")
        if name == "administrator":
            groups.append("base.group_system")
        world.users[name] = _user(env, name, groups, company).id
    world.users["portal"] = _user(env, "portal", ["base.group_portal"], home).id
    world.users["public"] = env.ref("base.public_user").id
    for name, manager in MANAGER.items():
        env["res.users"].browse(world.users[name]).mirror_manager_id = world.users[
            manager
        ]

    customer_company = env["res.partner"].create({"name": "Acme", "is_company": True})
    world.partners["company"] = customer_company.id
    for owner in SEEN_FROM:
        world.partners[owner] = (
            env["res.partner"]
            .create(
                {
                    "name": f"Customer of {owner}",
                    "email": f"customer.{owner}@acme.test",
                    "parent_id": customer_company.id,
                }
            )
            .id
        )
    for owner in SEEN_FROM:
        _letters(env, world, owner)
    return world


def _user(env, name, groups, company):
    return env["res.users"].create(
        {
            "name": name.replace("_", " ").title(),
            "login": name,
            "email": f"{name}@us.test",
            "company_id": company.id,
            "company_ids": [(6, 0, company.ids)],
            "group_ids": [(6, 0, [env.ref(group).id for group in groups])],
        }
    )


def _letters(env, world, owner):
    ways = product(MAILBOXES, ("in", "out"), OVERRIDES)
    mailbox = before = None
    for number, (sharing, direction, override) in enumerate(ways):
        if sharing != before:
            before = sharing
            mailbox = mailbox_of(
                env,
                world.users[owner],
                f"{owner}.{MAILBOXES.index(sharing)}@us.test",
                *sharing,
                company_id=world.companies["abroad" if owner == "abroad" else "home"],
            )
            world.mailboxes[mailbox.id] = (owner, world.users[owner])
        name = f"no{number:02d}.{owner}."
        customer, own = f"customer.{owner}@acme.test", mailbox.email
        date = datetime(2026, 3, 1, 12) + timedelta(hours=len(world.mails))
        subject, text = f"Subjectword {name}", f"Bodyword {name}\nGreetings"
        message = letter(
            env,
            subject,
            date,
            [("from", own if direction == "out" else customer)]
            + [("to", customer if direction == "out" else own)],
        )
        copy(env, message, mailbox, direction, text, override, files=("plan.pdf",))
        world.mails.append(
            Mail(
                message, owner, direction, sharing[direction == "out"], override,
                subject, text, customer, own, date,
            )
        )  # fmt: skip


# ---- what other tests of this folder build with -------------------------------------


def mailbox_of(env, user_id, email, sharing_in="metadata", sharing_out=None, **values):
    return env["crm.mail.mirror.mailbox"].create(
        {
            "user_id": user_id,
            "email": email,
            "sharing_in": sharing_in,
            "sharing_out": sharing_out or sharing_in,
            **values,
        }
    )


def letter(env, subject, date, people, identity=None, **columns):
    """A message with its people. :return: its id

    :param people: (role, address) or (role, address, copy id): a Bcc's copy
    """
    message = (
        env["crm.mail.mirror.message"]
        .create(
            {
                "identity": identity or f"{subject} {date}",
                "subject_raw": subject,
                "date": date,
                **columns,
            }
        )
        .id
    )
    write_people(env, message, date, people)
    return message


def person(env, message, date, role, email, copy_id=False):
    write_people(env, message, date, [(role, email, copy_id)])


def write_people(env, message, date, people):
    addresses, emails = env["crm.mail.mirror.address"], [one[1] for one in people]
    ids = addresses._ensure(emails)
    addresses._link(emails)
    env["crm.mail.mirror.participant"].create(
        [
            {
                "message_id": message,
                "address_id": ids[email],
                "role": role,
                "name": f"Peopleword {email.partition('@')[0]}",
                "date": date,
                "copy_id": of[0] if of else False,
            }
            for role, email, *of in people
        ]
    )
    env.flush_all()


def copy(env, message, mailbox, direction, text, sharing=None, files=(), **values):
    """A copy of a message in a mailbox, with the text found there. :return: its id"""
    bodies = env["crm.mail.mirror.body"]
    digest = str(hash(text))
    body = bodies.search([("message_id", "=", message), ("digest", "=", digest)])
    body = body or bodies.create(
        {
            "message_id": message,
            "digest": digest,
            "text": text,
            "attachment_count": len(files),
            "attachments": [{"name": name, "size": 100} for name in files],
        }
    )
    found = env["crm.mail.mirror.copy"].create(
        {
            "mailbox_id": mailbox.id,
            "key": f"{message} in {mailbox.id}",
            "received_at": "2026-03-01 12:00:00",
            "state": "mirrored",
            "reason": "contact",
            "message_id": message,
            "body_id": body.id,
            "direction": direction,
            "sharing": sharing,
            **values,
        }
    )
    env.flush_all()
    return found.id


def api_key(env, user_id):
    """A key for XML-RPC and JSON-2."""
    keys = env(user=user_id)["res.users.apikeys"].sudo()
    return keys._generate("rpc", "test", datetime.now() + timedelta(days=1))
