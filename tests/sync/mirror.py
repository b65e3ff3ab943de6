"""What a test does to the mirror, and what it may ask of the database afterwards."""

import itertools
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass

#: Seconds after which a test that hangs gives up.
LONG = 30

_numbers = itertools.count(1)


@dataclass(frozen=True)
class Box:
    """A linked mailbox, by value: tests look at the database, never at caches."""

    id: int
    user_id: int
    email: str


class Mirror:
    """The addon in a database of its own: real registry, real commits.

    :ivar domain: of correspondents; another one for each test
    """

    def __init__(self, registry, servers):
        self.registry = registry
        self._servers = servers
        number = next(_numbers)
        self.domain = f"client{number}.test"
        self.house = f"house{number}.test"

    # ---- the database ---------------------------------------------------------------

    @contextmanager
    def env(self, user_id=1):
        """An environment; what is done in it is committed at its end."""
        from odoo.api import Environment

        with self.registry.cursor() as cr:
            yield Environment(cr, user_id, {})

    def sql(self, statement, *values):
        with self.registry.cursor() as cr:
            # the thread of a run that crashed may just write the same row
            cr.execute("SET TRANSACTION ISOLATION LEVEL READ COMMITTED")
            cr.execute(statement, values)
            return cr.fetchall() if cr.description else []

    # ---- people ---------------------------------------------------------------------

    def user(self, name="anna", **values) -> int:
        email = f"{name}@{self.house}"
        with self.env() as env:
            groups = env.ref("base.group_user") + env.ref(
                "sales_team.group_sale_salesman"
            )
            return (
                env["res.users"]
                .with_context(no_reset_password=True)
                .create(
                    {
                        "name": name.title(),
                        "login": email,
                        "email": email,
                        "group_ids": [(6, 0, groups.ids)],
                        **values,
                    }
                )
                .id
            )

    def link(self, name="anna", server=None, user_id=None, **values) -> Box:
        """Link a mailbox, as if its owner had just connected it.

        :param server: a ``memory.Server`` to be found under its address
        """
        user_id = user_id or self.user(name)
        email = f"{name}@{self.house}"
        if server is not None:
            self._servers[email] = server
        with self.env() as env:
            mailbox = env["crm.mail.mirror.mailbox"].create(
                {
                    "user_id": user_id,
                    "email": email,
                    "imap_host": "localhost",
                    "password": "secret",
                    "sync_from": False,
                    **values,
                }
            )
            mailbox.write({"state": "active"})
            return self.box(mailbox)

    @staticmethod
    def box(mailbox) -> Box:
        return Box(mailbox.id, mailbox.user_id.id, mailbox.email)

    def contact(self, local="client", **values) -> int:
        """A contact; :return: its id. Its address: ``mirror.at(local)``."""
        with self.env() as env:
            partner = {"name": local, "email": self.at(local), **values}
            return env["res.partner"].create(partner).id

    def at(self, local) -> str:
        return f"{local}@{self.domain}"

    def write(self, model, ids, **values):
        with self.env() as env:
            env[model].browse(ids).write(values)

    # ---- the sync -------------------------------------------------------------------

    def sync(self, *boxes: Box, budget=25.0, due=True) -> int:
        """One run over these mailboxes, made due first."""
        if due:
            self.make_due(*boxes)
        with self.env() as env:
            return env["crm.mail.mirror.sync"]._sync_due(
                budget=budget, mailbox_ids=[box.id for box in boxes]
            )

    def make_due(self, *boxes: Box):
        self.sql(
            """UPDATE crm_mail_mirror_mailbox SET next_sync_at = '2020-01-01',
                      lease_until = NULL WHERE id = ANY(%s)""",
            [box.id for box in boxes],
        )

    def look_again(self):
        """The outbox's job, to the end."""
        with self.env() as env:
            while env["crm.mail.mirror.sync"]._look_again():
                pass

    def apply_changes(self):
        """The job that applies changes of rules, to the end."""
        with self.env() as env:
            while env["crm.mail.mirror.change"]._run():
                pass

    # ---- what is there --------------------------------------------------------------

    def mailbox(self, box, field):
        with self.env() as env:
            return env["crm.mail.mirror.mailbox"].browse(box.id)[field]

    def states(self, box) -> Counter:
        """``{(state, reason): copies}``"""
        rows = self.sql(
            """SELECT state, coalesce(reason, ''), count(*)
                 FROM crm_mail_mirror_copy WHERE mailbox_id = %s GROUP BY 1, 2""",
            box.id,
        )
        return Counter({(state, reason): count for state, reason, count in rows})

    def by_state(self, box) -> Counter:
        found = Counter()
        for (state, _reason), count in self.states(box).items():
            found[state] += count
        return found

    def activities(self, box) -> int:
        with self.env() as env:
            return len(env["crm.mail.mirror.mailbox"].browse(box.id).activity_ids)

    def mirrored(self, box) -> list[str]:
        """Message-IDs of what readers are shown of this mailbox."""
        return sorted(
            message_id
            for (message_id,) in self.sql(
                """SELECT m.internet_message_id FROM crm_mail_mirror_copy c
                     JOIN crm_mail_mirror_message m ON m.id = c.message_id
                    WHERE c.mailbox_id = %s AND c.state = 'mirrored'""",
                box.id,
            )
        )

    def places(self, box) -> set[tuple[str, str, str]]:
        """(folder, ref, Message-ID) of what is mirrored."""
        return set(
            self.sql(
                """SELECT f.remote_ref, l.ref, m.internet_message_id
                     FROM crm_mail_mirror_copy c
                     JOIN crm_mail_mirror_message m ON m.id = c.message_id
                     JOIN crm_mail_mirror_location l ON l.copy_id = c.id
                     JOIN crm_mail_mirror_folder f ON f.id = l.folder_id
                    WHERE c.mailbox_id = %s AND c.state = 'mirrored'""",
                box.id,
            )
        )

    def shown_on(self, partner_id, user_id) -> list[str]:
        """Subjects that a user finds on a contact, in the web client's way."""
        with self.env(user_id) as env:
            messages = env["crm.mail.mirror.message"].search(
                [("partner_ids", "in", [partner_id])]
            )
            return sorted(message.subject or "" for message in messages)

    def check(self, *boxes: Box):
        """What holds after every commit, whatever happened before."""
        for box in boxes:
            self._check_ledger(box)
        self._check_rows(tuple(box.id for box in boxes))

    def _check_ledger(self, box):
        """In each line of the log stands the number of copies of that line."""
        days = self.sql(
            """SELECT day, state, reason, count - expired FROM crm_mail_mirror_day
                WHERE mailbox_id = %s AND count != expired""",
            box.id,
        )
        copies = self.sql(
            """SELECT received_at::date, state, coalesce(reason, ''), count(*)
                 FROM crm_mail_mirror_copy WHERE mailbox_id = %s GROUP BY 1, 2, 3""",
            box.id,
        )
        assert sorted(days) == sorted(copies), "the ledger does not add up"
        assert not self.sql(
            """SELECT day, state, reason, count, expired FROM crm_mail_mirror_day
                WHERE mailbox_id = %s AND (expired < 0 OR count < expired)""",
            box.id,
        ), "less than nothing expired"

    def seen(self, box) -> int:
        """Mails that the log counts, with row or without."""
        ((count,),) = self.sql(
            """SELECT coalesce(sum(count), 0)::int FROM crm_mail_mirror_day
                WHERE mailbox_id = %s""",
            box.id,
        )
        return count

    def _check_rows(self, ids):
        from odoo.addons.crm_mail_mirror.models.found_words import words_of

        assert not self.sql(
            f"""SELECT id, text FROM crm_mail_mirror_body
                 WHERE text_words IS DISTINCT FROM {words_of("text")}"""
        ), "a text is found by other words than its own"
        assert not self.sql(
            """SELECT id, state FROM crm_mail_mirror_copy WHERE mailbox_id = ANY(%s)
                  AND (state = 'mirrored') != (message_id IS NOT NULL)
                  AND reason IS DISTINCT FROM 'brake'""",
            list(ids),
        ), "a copy has a message if and only if it is mirrored"
        assert not self.sql(
            """SELECT c.id, c.date, t.date FROM crm_mail_mirror_copy c
                 JOIN crm_mail_mirror_message t ON t.id = c.message_id
                WHERE c.mailbox_id = ANY(%s) AND c.date IS DISTINCT FROM t.date""",
            list(ids),
        ), "a copy is listed by the date of its mail"
        assert not self.sql(
            """SELECT c.id FROM crm_mail_mirror_copy c
                 JOIN crm_mail_mirror_body b ON b.id = c.body_id
                WHERE c.mailbox_id = ANY(%s) AND b.message_id != c.message_id""",
            list(ids),
        ), "a copy's text belongs to another message"
        assert not self.sql(
            """SELECT c.id FROM crm_mail_mirror_copy c
                WHERE c.mailbox_id = ANY(%s) AND c.orphan_pass IS NULL
                  AND NOT EXISTS (SELECT 1 FROM crm_mail_mirror_location l
                                   WHERE l.copy_id = c.id)""",
            list(ids),
        ), "a copy without place is no orphan"
        assert not self.sql(
            """SELECT c.id FROM crm_mail_mirror_copy c
                WHERE c.mailbox_id = ANY(%s) AND c.state IN ('unmatched', 'excluded')
                  AND c.expires_at IS NULL""",
            list(ids),
        ), "a copy that is not mirrored never goes"
        assert not self.sql(
            """SELECT m.id FROM crm_mail_mirror_message m
                WHERE NOT EXISTS (SELECT 1 FROM crm_mail_mirror_copy c
                                   WHERE c.message_id = m.id)"""
        ), "a message is nobody's"
        assert not self.sql(
            """SELECT b.id FROM crm_mail_mirror_body b
                WHERE NOT EXISTS (SELECT 1 FROM crm_mail_mirror_copy c
                                   WHERE c.body_id = b.id)"""
        ), "a text is nobody's"
