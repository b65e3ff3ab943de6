# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""What owners and colleagues do meanwhile; the same for the same seed.

Whatever fails because a server is down has failed for them as well: a mail that could
not be put into a mailbox, a contact that could not be saved. What counts afterwards is
what the mail server and the CRM have.
"""

import contextlib
import imaplib
import itertools
import re
import threading
import time
from datetime import UTC, datetime, timedelta

import psycopg2

from tests.peers.mail_user import PeerError, _name
from tests.sync.history import COUNTED, FOLDERS, IGNORED, Life
from tests.sync.letters import raw

#: People who write. The first two are contacts from the start; the next two become it.
PEOPLE = 6
#: Mails that a mailbox may lose for good: from fifty on its owner is asked (the brake).
MOST_GONE = 30
MAIL_TROUBLE = (imaplib.IMAP4.error, PeerError, OSError)


class Owner(Life):
    """One mailbox, and what its owner does in it."""

    def __init__(self, post, box, program, chance):
        super().__init__(program, 0, box.email, "", "")
        self.random = chance
        self.post, self.box = post, box
        self.gone = 0

    _WAYS = ["arrive"] * 4 + ["move"] * 3 + ["expunge"] * 3 + ["flag"] * 2 + ["unflag"]

    def arrive(self, folder=None):
        folder = folder or self.random.choice(["INBOX", "INBOX", "INBOX", *COUNTED])
        self.post.letter(self, folder)

    def _any(self, deleted=False):
        """A mail; most of them lie in the inbox."""
        folder = self.random.choice(["INBOX"] * len(FOLDERS) + list(FOLDERS))
        flags = self.program.flags(folder)
        refs = sorted(r for r, f in flags.items() if ("\\Deleted" in f) == deleted)
        return folder, self.random.choice(refs) if refs else None

    def expunge(self):
        self._take_away(super().expunge)

    def flag(self):
        self._take_away(super().flag)

    def move(self):
        self._take_away(super().move)

    def _take_away(self, way):
        if self.gone < MOST_GONE:
            self.gone += 1
            way()

    def put(self, folder, letter, received):
        """Once: whether a mail came in that nobody answered for is not known."""
        program = self.program
        typ, said = program.imap.append(
            _name(folder), None, imaplib.Time2Internaldate(received), letter
        )
        if typ != "OK":
            raise PeerError(f"APPEND: {said!r:.100}")

    def wanted(self, known):
        """(folder, ref, Message-ID) of mail that one of these people is on."""
        return {
            place
            for place in self.program.truth(IGNORED)
            if known & self.post.on(place[2])
        }


class Traffic:
    """All mailboxes of a run, and the people who write to them."""

    def __init__(self, mirror, chance):
        self.mirror, self.random = mirror, chance
        self.people = [f"p{n}@p{n}.{mirror.domain}" for n in range(PEOPLE)]
        self.owners: list[Owner] = []
        self.numbers = itertools.count(1)
        self.who: dict[int, set[str]] = {}
        self.failed = self.done = 0
        self.partners: list[int] = []
        self._saved = 0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    # ---- before and after -----------------------------------------------------------

    def begin(self, history: int):
        """:param history: mails that each mailbox has, most of them days old"""
        for _ in range(2):
            self.save_contact()
        for owner in self.owners:
            for _ in range(history):
                self.letter(owner, "INBOX", days=self.random.uniform(0, 40))

    def start(self):
        self._thread.start()

    def go_on(self, steps, seconds=5):
        """Wait until so many things more happened, on a busy machine as well."""
        end, wanted = time.monotonic() + seconds, self.done + steps
        while self.done < wanted and time.monotonic() < end:
            time.sleep(0.02)

    def owner(self, box, program):
        self.owners.append(Owner(self, box, program, self.random))

    def end(self):
        self._stop.set()
        self._thread.join(60)
        assert not self._thread.is_alive(), "the mail programs hang"

    # ---- life -----------------------------------------------------------------------

    def _run(self):
        while not self._stop.wait(self.random.uniform(0, 0.03)):
            try:
                self._step()
                self.done += 1
            except MAIL_TROUBLE:
                self.failed += 1
                self._sign_in_again()
            except psycopg2.Error:
                self.failed += 1

    def _step(self):
        drawn = self.random.random()
        if drawn < 0.03:
            self.save_contact()
        elif drawn < 0.06 and self.partners:
            self.rename_contact()
        else:
            self.random.choice(self.owners).go_on()

    def _sign_in_again(self):
        for owner in self.owners:
            with contextlib.suppress(*MAIL_TROUBLE):
                owner.program._reconnect()

    def letter(self, owner, folder, days=0.0):
        """To one mailbox, or to others as well."""
        number = next(self.numbers)
        author, other = self.random.choices(self.people, k=2)
        # several: the same mail in several mailboxes
        mine = [owner]
        if self.random.random() < 0.4:
            mine += [each for each in self.owners if each is not owner]
        copied = {"cc": other} if self.random.random() < 0.2 else {}
        self.who[number] = {author, *copied.values()}
        received = datetime.now(UTC) - timedelta(days=days)
        emails = ", ".join(each.owner for each in mine)
        for each in mine:
            each.put(
                folder if each is owner else "INBOX",
                raw(number, author, emails, **copied),
                received,
            )

    def on(self, message_id) -> set[str]:
        number = re.match(r"<(\d+)@", message_id)
        return self.who.get(int(number[1]), set()) if number else set()

    def save_contact(self):
        """Of the first four people, one after the other; the others stay strangers."""
        if self._saved >= PEOPLE - 2:
            return
        email = self.people[self._saved]
        self._saved += 1
        with self.mirror.env() as env:
            partner = env["res.partner"].create({"name": email, "email": email})
        self.partners.append(partner.id)

    def rename_contact(self):
        partner = self.random.choice(self.partners)
        name = f"Somebody {self.random.random()}"
        self.mirror.sql("UPDATE res_partner SET name = %s WHERE id = %s", name, partner)

    def known(self) -> set[str]:
        """Who is a contact, as the CRM has it now."""
        rows = self.mirror.sql(
            "SELECT email_normalized FROM res_partner WHERE email_normalized = ANY(%s)",
            self.people,
        )
        return {email for (email,) in rows}


class Clock:
    """Time passes faster: whatever is due later is due so much sooner.

    Nothing else of the jobs or the mailboxes is touched, so nobody acts.
    """

    #: Seconds that pass at once; real ones between two such steps, or while a mailbox
    #: is being looked at.
    STEP, EVERY, SLOWER = 45, 0.1, 1.0

    def __init__(self, cluster):
        self.cluster = cluster
        self.passed, self.stands = 0.0, False
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *exc):
        self._stop.set()
        self._thread.join(30)

    def _run(self):
        from odoo.addons.crm_mail_mirror.models.lease import LEASE_SECONDS

        # not renewed for fifteen real seconds: twice as long as a worker's habit
        fresh = LEASE_SECONDS - 15
        while not self._stop.wait(self.EVERY):
            with contextlib.suppress(psycopg2.Error):
                with self.cluster.session() as session, session.cursor() as cr:
                    passes = _PASSES + _pauses(cr)
                    last = 0.0
                    while not self._stop.wait(self.EVERY):
                        cr.execute(_IS_WORKING)
                        pause = self.SLOWER if cr.fetchone() else self.EVERY
                        if not self.stands and time.monotonic() > last + pause:
                            cr.execute(passes, {"step": self.STEP, "fresh": fresh})
                            self.passed += self.STEP
                            last = time.monotonic()
            time.sleep(0.05)


_IS_WORKING = """SELECT 1 FROM crm_mail_mirror_mailbox
                  WHERE lease_token IS NOT NULL LIMIT 1"""
# A lease that was not renewed for some seconds is that of a worker that died: the jobs
# renew them with each page. A mailbox that is held has no other time of its next look.
_PASSES = """
UPDATE ir_cron SET nextcall = nextcall - %(step)s * interval '1 second'
 WHERE id IN (SELECT id FROM ir_cron WHERE active FOR NO KEY UPDATE SKIP LOCKED);
UPDATE crm_mail_mirror_mailbox
   SET next_sync_at = next_sync_at - %(step)s * interval '1 second'
 WHERE id IN (SELECT id FROM crm_mail_mirror_mailbox WHERE lease_token IS NULL
                 FOR NO KEY UPDATE SKIP LOCKED);
UPDATE crm_mail_mirror_mailbox
   SET lease_until = lease_until - %(step)s * interval '1 second'
 WHERE id IN (SELECT id FROM crm_mail_mirror_mailbox WHERE lease_token IS NOT NULL
                 AND lease_until < now() AT TIME ZONE 'UTC'
                                   + %(fresh)s * interval '1 second'
                 FOR NO KEY UPDATE SKIP LOCKED);
UPDATE crm_mail_mirror_copy
   SET next_try_at = next_try_at - %(step)s * interval '1 second'
 WHERE id IN (SELECT id FROM crm_mail_mirror_copy WHERE state IN ('queued', 'failed')
                 FOR UPDATE SKIP LOCKED);
"""


def _pauses(cr) -> str:
    """Of whatever else of the mirror has a time until which it rests."""
    cr.execute(
        """SELECT table_name, column_name FROM information_schema.columns
            WHERE starts_with(table_name, 'crm_mail_mirror_')
              AND (column_name LIKE '%%\_until' OR column_name LIKE 'next\_%%')
              AND data_type = 'timestamp without time zone'
              AND table_name NOT IN ('crm_mail_mirror_mailbox', 'crm_mail_mirror_copy')
              AND table_name IN (SELECT tablename FROM pg_tables)"""
    )
    return "".join(
        f"""UPDATE {table} SET {column} = {column} - %(step)s * interval '1 second'
             WHERE id IN (SELECT id FROM {table} FOR UPDATE SKIP LOCKED);"""
        for table, column in cr.fetchall()
    )
