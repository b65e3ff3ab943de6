# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""What can happen to a mirror: in the mailboxes, in the CRM, in the rules, in time.

Each method is one thing that somebody does. Things are named by numbers, counted from
the first there is and over again, so that any number names one. Imported only once Odoo
is.
"""

import dataclasses
import itertools
from datetime import UTC, datetime, timedelta

from odoo.addons.crm_mail_mirror.engine import identity
from odoo.addons.crm_mail_mirror.engine.envelope import Address, Part
from odoo.addons.crm_mail_mirror.models.crm_mail_mirror_credential import keyring

from tests.sync import memory
from tests.sync.machine.house import House

_numbers = itertools.count(1)
#: When mail is written: long before it comes, so that only the latter moves with time.
WRITTEN = datetime(2020, 1, 1, 12, tzinfo=UTC)
#: Kinds of mail: what makes it another than a letter.
MANNERS = {
    "letter": {},
    "without id": {"message_id": ""},
    "private": {"subject": "Perso: mail"},
    "falcon": {"subject": "About Falcon"},
    "sensitive": {"sensitivity": "private"},
    "bulk": {"headers": {"list-unsubscribe": ("<https://news.test/out>",)}},
    "invitation": {
        "parts": (Part("1", "text/calendar", 500, params={"multipart": "alternative"}),)
    },
}
#: Mailboxes and their kinds of place; the word before the dot is who owns it.
BOXES = {"anna": "uids", "anna.too": "ids", "ben": "bare"}
FOLDERS = ("INBOX", "Archive", "Work", "Trash")


class World:
    """Two owners, three mailboxes, their correspondents and a colleague.

    :ivar boxes: ``[(Box, House)]``
    :ivar people: addresses of all correspondents there may be
    :ivar gone: ``[(house, folder number, mail)]`` that was deleted and may come back
    """

    def __init__(self, mirror, owners):
        self.mirror, self.owners = mirror, owners
        self.number = next(_numbers)
        client, shop = f"client{self.number}.test", f"shop{self.number}.test"
        self.people = [
            f"carol@{client}",
            f"dan@{client}",
            f"info@{client}",
            f"eve@{shop}",
            f"frank@free{self.number}.test",
        ]
        self.domains = [client, shop]
        self.colleague = f"carl@{mirror.house}"
        self.written, self.gone = itertools.count(1), []
        self.erased = set()
        self.partners, self.leads, self.rules = [], [], []
        self.boxes = []
        for name, kind in BOXES.items():
            house = House(kind)
            self.boxes.append((self.link(name, house), house))

    def link(self, name, house, **values):
        owner = self.owners[name.partition(".")[0]]
        return self.mirror.link(f"{name}.{self.number}", house, owner, **values)

    def close(self):
        with self.mirror.env() as env:
            ids = [box.id for box, _house in self.boxes]
            env["crm.mail.mirror.mailbox"].browse(ids).exists().unlink()
            env["crm.mail.mirror.exclusion"].browse(self.rules).exists().unlink()
            env["res.company"].search([]).write(
                {"mirror_match_domains": False, "mirror_retention_months": False}
            )
            env["crm.mail.mirror.retention"].search([]).unlink()
            env["crm.mail.mirror.change"].search([]).unlink()
            env["crm.mail.mirror.erasure"].search([]).unlink()
            env["crm.mail.mirror.suppression"].search([]).unlink()
        self.mirror.sql("DELETE FROM crm_mail_mirror_outbox")

    # ---- mail -----------------------------------------------------------------------

    def arrive(
        self,
        boxes,
        person,
        also=0,
        bcc=0,
        manner="letter",
        days=0,
        folder="INBOX",
    ):
        """One mail, in one mailbox or in several.

        :param folder: Sent: the first of the mailboxes wrote it, the others got it
        :param also: who else is on it; see ``_someone``
        """
        number, moment = next(self.written), datetime.now(UTC).replace(microsecond=0)
        mine = [self.boxes[which] for which in boxes]
        (first, _house), *_others = mine
        owners = [box.email for box, _house in mine]
        author, to = self.people[person], owners
        if folder == "Sent":
            author, to = first.email, [self.people[person], *owners[1:]]
        also, bcc = self._someone(also), self._someone(bcc)
        manner = MANNERS[manner]
        mail = memory.mail(
            number,
            author,
            " ".join(to),
            **{
                "message_id": f"<{number}@mail{self.number}.test>",
                "date": WRITTEN + timedelta(seconds=number),
                "parts": (Part("1", "text/plain", 100),),
                **manner,
                "subject": f"{manner.get('subject', 'Mail')} {number}",
                "cc": tuple(Address("", each) for each in also),
            },
            received_at=moment - timedelta(days=days),
        )
        for box, house in mine:
            envelope, place = mail.envelope, folder
            if folder == "Sent" and box == first:
                shown = tuple(Address("", each) for each in bcc)
                envelope = dataclasses.replace(envelope, bcc=shown)
            elif folder == "Sent":
                place = "INBOX"
            copy = dataclasses.replace(mail, envelope=envelope)
            house.put(copy, folder=house.names[_number(place)])

    def _someone(self, which):
        """:param which: 0: nobody; one of the people, or the colleague"""
        return [[], *([each] for each in (*self.people, self.colleague))][which]

    def _nth(self, house, which):
        """A mail by the order in which they came: (folder, ref), or None."""
        places = sorted(house.mails, key=lambda place: house.came[place])
        return places[which % len(places)] if places else None

    def move(self, box, which, folder):
        house = self.boxes[box][1]
        place, target = self._nth(house, which), house.names[_number(folder)]
        if not place or place[0] == target:
            return
        source, ref = place
        moved = house.mails[place]
        if (target, ref) not in house.mails:
            house.put(moved, folder=target)
        house.remove(ref, folder=source)

    def delete(self, box, which):
        house = self.boxes[box][1]
        place = self._nth(house, which)
        if place:
            folder, ref = place
            number = house._number(folder)
            self.gone.append((house, number, house.mails[place]))
            house.remove(ref, folder=folder)

    def bring_back(self, which):
        if self.gone:
            house, number, mail = self.gone.pop(which % len(self.gone))
            house.put(mail, folder=house.names[number])

    def rename_folder(self, box):
        house = self.boxes[box][1]
        name = house.names[_number("Work")]
        house.rename(name, f"{name}+")

    def void(self, box, folder):
        house = self.boxes[box][1]
        if house.kind == "uids":
            house.void(house.names[_number(folder)])
        else:
            house.expired = True

    # ---- the CRM --------------------------------------------------------------------

    def add_contact(self, person):
        with self.mirror.env() as env:
            values = {"name": "Somebody", "email": self.people[person]}
            self.partners.append(env["res.partner"].create(values).id)

    def add_lead(self, person):
        with self.mirror.env() as env:
            values = {"name": "A lead", "email_from": self.people[person]}
            self.leads.append(env["crm.lead"].create(values).id)

    def _partner(self, env, which):
        found = env["res.partner"].browse(self.partners).exists()
        return found[which % len(found)] if found else found

    def change_address(self, which, person):
        with self.mirror.env() as env:
            self._partner(env, which).write({"email": self.people[person]})

    def archive_contact(self, which):
        with self.mirror.env() as env:
            self._partner(env, which).action_archive()

    def delete_contact(self, which):
        with self.mirror.env() as env:
            self._partner(env, which).unlink()

    def delete_lead(self, which):
        with self.mirror.env() as env:
            found = env["crm.lead"].browse(self.leads).exists()
            if found:
                found[which % len(found)].unlink()

    def merge_contacts(self):
        with self.mirror.env() as env:
            found = env["res.partner"].browse(self.partners).exists()
            if len(found) > 1:
                wizard = env["base.partner.merge.automatic.wizard"]
                wizard._merge(found[:2].ids, found[0], extra_checks=False)

    def forget_former(self, which):
        """The former addresses of a contact are taken from it."""
        with self.mirror.env() as env:
            partner = self._partner(env, which)
            if partner:
                partner.action_mirror_former_addresses()
                for former in env["crm.mail.mirror.former.address"].search(
                    [("partner_id", "=", partner.id)]
                ):
                    former.action_remove()

    # ---- rules ----------------------------------------------------------------------

    def add_rule(self, kind, which, owner, effect="never"):
        """:param owner: "": the whole company's"""
        pool = {"address": self.people, "domain": self.domains, "word": ["falcon"]}
        values = {
            "kind": kind,
            "effect": "never" if kind == "word" else effect,
            "value": pool[kind][which % len(pool[kind])],
            "user_id": self.owners[owner] if owner else False,
        }
        with self.mirror.env() as env:
            rules = env["crm.mail.mirror.exclusion"]
            same = [(name, "=", value) for name, value in values.items()]
            if not rules.search_count(same):
                self.rules.append(rules.create(values).id)

    def remove_rule(self, which):
        with self.mirror.env() as env:
            found = env["crm.mail.mirror.exclusion"].browse(self.rules).exists()
            if found:
                found[which % len(found)].unlink()

    def undo_change(self, owner, which):
        """What an owner changed last, or before, becomes as it was."""
        user = self.owners[owner]
        with self.mirror.env(user) as env:
            changes = env["crm.mail.mirror.change"].search([("user_id", "=", user)])
            changes = changes.filtered("may_undo")
            if changes:
                changes[which % len(changes)].action_undo()

    def erase(self, person):
        """All that is here of a person goes, and stays away."""
        with self.mirror.env() as env:
            env["crm.mail.mirror.erasure"]._make([self.people[person]])
        self.erased.add(self.people[person])

    def lift_erasure(self, which):
        with self.mirror.env() as env:
            erased = env["crm.mail.mirror.erasure"].search([("state", "=", "done")])
            if erased:
                lifted = erased[which % len(erased)]
                lifted.action_lift()
                self.erased = {
                    each for each in self.erased if not lifted._is_of([each])
                }

    def ask_for_audit(self, box, kind):
        with self.mirror.env() as env:
            mailbox = env["crm.mail.mirror.mailbox"].browse(self.boxes[box][0].id)
            env["crm.mail.mirror.audit"]._ask(mailbox, kind, "asked")

    def change_mailbox(self, box, **values):
        """By its owner: how far back, one way or both, other addresses of it."""
        box = self.boxes[box][0]
        with self.mirror.env(box.user_id) as env:
            env["crm.mail.mirror.mailbox"].browse(box.id).write(values)

    def add_alias(self, box, person):
        """An address turns out to be the owner's own."""
        self.change_mailbox(box, aliases=self.people[person])

    def choose_folder(self, box, folder, on):
        box, house = self.boxes[box]
        with self.mirror.env(box.user_id) as env:
            found = env["crm.mail.mirror.folder"].search(
                [
                    ("mailbox_id", "=", box.id),
                    ("remote_ref", "=", house.names[_number(folder)]),
                ]
            )
            mailbox = env["crm.mail.mirror.mailbox"].browse(box.id)
            mailbox.choose_folders(**{"on" if on else "off": found.ids})

    def match_domains(self, on):
        with self.mirror.env() as env:
            env["res.company"].search([]).write({"mirror_match_domains": on})

    def keep_for(self, months):
        """How long mail is kept after the last one with a contact; False: for ever."""
        with self.mirror.env() as env:
            env["res.company"].search([]).write({"mirror_retention_months": months})

    def hand_over(self, box):
        """Its owner left; the other one gets the mailbox, and signs in there."""
        number, (box, house) = box, self.boxes[box]
        successor = next(
            user
            for name, user in self.owners.items()
            if name in ("anna", "ben") and user != box.user_id
        )
        with self.mirror.env() as env:
            mailbox = env["crm.mail.mirror.mailbox"].browse(box.id)
            mailbox._leave()
            mailbox._hand_over(env["res.users"].browse(successor))
            mailbox.write({"password": "secret"})
            mailbox.write({"state": "active"})
            self.boxes[number] = (self.mirror.box(mailbox), house)

    # ---- suggested contacts ---------------------------------------------------------

    def suggest(self, box, mode):
        self.change_mailbox(box, contact_mode=mode)

    def answer_suggestion(self, owner, which, answer):
        """:param answer: action_create, action_dismiss"""
        with self.mirror.env(self.owners[owner]) as env:
            found = env["crm.mail.mirror.suggestion"].search(
                [("state", "=", "open")], order="email_normalized"
            )
            if found:
                one = found[which % len(found)]
                email = one.email_normalized
                getattr(one, answer)()
                made = env["res.partner"].search([("email_normalized", "=", email)])
                self.partners += set(made.ids) - set(self.partners)

    # ---- an owner's mail ------------------------------------------------------------

    def remove_mail(self, owner, which):
        """An owner takes a mail out of Odoo."""
        user = self.owners[owner]
        rows = self.mirror.sql(
            """SELECT message_id FROM crm_mail_mirror_copy
                WHERE user_id = %s AND state = 'mirrored' ORDER BY id""",
            user,
        )
        if rows:
            (message,) = rows[which % len(rows)]
            with self.mirror.env(user) as env:
                env["crm.mail.mirror.message"].browse(message).action_remove()

    def withhold_mail(self, owner, which):
        """An owner shares nothing of one mail."""
        self.mirror.sql(
            """UPDATE crm_mail_mirror_copy SET sharing = 'private' WHERE id IN (
                   SELECT id FROM crm_mail_mirror_copy
                    WHERE user_id = %s AND state = 'mirrored'
                    ORDER BY id LIMIT 1 OFFSET %s)""",
            self.owners[owner],
            which,
        )

    def undo_removal(self, owner, which):
        user = self.owners[owner]
        with self.mirror.env(user) as env:
            removals = env["crm.mail.mirror.removal"].search([("user_id", "=", user)])
            removals = removals.filtered("can_undo").sorted("id")
            if removals:
                removals[which % len(removals)].action_undo()

    # ---- time -----------------------------------------------------------------------

    def days_pass(self, days):
        """Whatever happened is so many days longer ago: rows, mail, cursors."""
        before = self._keys()
        for _number, _folder, mail in self._all_mail():
            mail.received_at -= timedelta(days=days)
        after = self._keys()
        columns = self.mirror.sql(
            """SELECT table_name, column_name FROM information_schema.columns
                WHERE starts_with(table_name, 'crm_mail_mirror_')
                  AND data_type IN ('date', 'timestamp without time zone')
                  AND NOT (column_name = 'date' AND table_name IN (
                           'crm_mail_mirror_message', 'crm_mail_mirror_participant'))"""
        )
        for table, column in columns:
            # there and back, or two rows would be of one day for a moment
            for step in (-100_000, 100_000 - days):
                self.mirror.sql(
                    f"""UPDATE {table}
                           SET "{column}" = "{column}" + {step} * INTERVAL '1 day'"""
                )
        for old, new in zip(before, after, strict=True):
            self.mirror.sql(
                "UPDATE crm_mail_mirror_copy SET key = %s WHERE key = %s", new, old
            )
        for box, _house in self.boxes:
            self.mirror.sql(
                """UPDATE crm_mail_mirror_mailbox
                      SET cursor = jsonb_set(cursor, '{since}',
                          to_jsonb(left(cursor->>'since', 10)::date - %s))
                    WHERE id = %s AND cursor->>'since' > '1971'""",
                days,
                box.id,
            )

    def _all_mail(self):
        """[(box number, folder, mail)]; each mail once, those that are gone as well"""
        found = {}
        for number, (_box, house) in enumerate(self.boxes):
            for (folder, _ref), mail in house.mails.items():
                found[id(mail)] = number, folder, mail
            for other, _folder, mail in self.gone:
                if other is house:
                    found.setdefault(id(mail), (number, "INBOX", mail))
        return list(found.values())

    def _keys(self):
        """Keyed hashes of mail whose key holds when it came, with ordinals."""
        ring = keyring()
        return [
            ring.digest("key", key if ordinal == 1 else f"{key}#{ordinal}")
            for number, folder, mail in self._all_mail()
            if self.boxes[number][1].kind == "uids"
            for key in [identity.mail_key(self.boxes[number][1].presence(mail))]
            for ordinal in range(1, 6)
        ]


def _number(folder):
    """The number of a folder, whatever it is called by now."""
    return ["INBOX", "Sent", "Archive", "Trash", "Work"].index(folder)
