# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""How is everything removed that is here of a person, and kept from coming back?

An administrator asks for it and sees numbers, never mail. A keyed hash of each address
stays, so that neither the next sync nor a contact made anew brings anything back, and
this row, which is the certificate: who asked, when, how much was removed. It knows the
addresses as keyed hashes and with all but their first letters blotted out.
"""

import json
import time
from collections import Counter, defaultdict

from odoo import api, fields, models
from odoo.exceptions import AccessError, UserError
from odoo.tools import SQL, email_normalize

from ..engine.keyring import KeyUnusable
from ..engine.reasons import Reason
from ..engine.rules import Decision
from .crm_mail_mirror_credential import keyring
from .crm_mail_mirror_day import line
from .lease import WRITERS_LOCK
from .sentences import sentence

#: Mails that one transaction removes.
BITE = 100
#: Seconds of work in one run of the job.
BUDGET = 20.0
#: Rules that speak before the one that keeps erased persons out: their verdict stays.
_SPOKE_BEFORE = (
    Reason.FOLDER,
    Reason.TOO_OLD,
    Reason.NO_ADDRESS,
    Reason.PRIVATE_WORD,
    Reason.SENSITIVITY,
    Reason.EXCLUDED_ADDRESS,
    Reason.EXCLUDED_DOMAIN,
)


class CrmMailMirrorErasure(models.Model):
    _name = "crm.mail.mirror.erasure"
    _description = "Erasure of a Person's Mail"
    _rec_name = "masked"
    _order = "id desc"

    masked = fields.Char(string="Person", required=True, readonly=True)
    state = fields.Selection(
        selection=[
            ("found", "Found, not erased"),
            ("running", "Being erased"),
            ("done", "Erased"),
            ("lifting", "Being lifted"),
            ("lifted", "Lifted: mail may come again"),
        ],
        required=True,
        readonly=True,
        default="running",
        index=True,
    )
    user_id = fields.Many2one(
        comodel_name="res.users",
        readonly=True,
        default=lambda self: self.env.user,
        ondelete="set null",
    )
    # by name: a certificate outlives the user who asked
    asked_by = fields.Char(string="Asked for by", readonly=True)
    asked_at = fields.Datetime(
        string="Asked for", required=True, readonly=True, default=fields.Datetime.now
    )
    ended_at = fields.Datetime(string="Erased", readonly=True)
    lifted_at = fields.Datetime(string="Lifted", readonly=True)
    lifted_by = fields.Char(readonly=True)
    mail_count = fields.Integer(string="Mails", readonly=True)
    progress_done = fields.Integer(readonly=True)
    progress = fields.Float(compute="_compute_progress")
    # the suppressions, as hex digests
    # of a lifting: the mailbox it came to
    at_mailbox = fields.Integer(readonly=True, groups=fields.NO_ACCESS)
    digests = fields.Json(readonly=True, groups=fields.NO_ACCESS)
    # the addresses, encrypted; empty once all is removed
    sealed = fields.Text(readonly=True, groups=fields.NO_ACCESS, prefetch=False)
    # {table: rows}
    counts = fields.Json(readonly=True)
    summary = fields.Text(compute="_compute_summary", string="Removed")

    @api.depends("mail_count", "progress_done")
    def _compute_progress(self):
        for erasure in self:
            share = erasure.progress_done / max(erasure.mail_count, 1)
            done = erasure.state not in ("found", "running")
            erasure.progress = 100 if done else 100 * min(share, 1)

    @api.depends("counts")
    @api.depends_context("lang")
    def _compute_summary(self):
        for erasure in self:
            erasure.summary = "\n".join(
                f"{label}: {count}" for label, count in erasure._removed()
            )

    @api.depends("masked", "state", "mail_count")
    @api.depends_context("lang")
    def _compute_display_name(self):
        for erasure in self:
            erasure.display_name = (
                self.env._("Mirrored emails: %(count)s", count=erasure.mail_count)
                if erasure.state == "found"
                else erasure.masked
            )

    def _removed(self):
        """``[(what, how many)]`` for the certificate."""
        labels = {
            "copies": self.env._("Mails in mailboxes"),
            "messages": self.env._("Mails with subject"),
            "bodies": self.env._("Texts"),
            "participants": self.env._("Names and addresses on mails"),
            "addresses": self.env._("Addresses"),
            "ties": self.env._("Addresses of contacts, former ones too"),
            "traces": self.env._("Keyed hashes of mail that was kept out"),
            "suggestions": self.env._("Suggested contacts"),
            "searches": self.env._("Searches of mailboxes"),
        }
        counts = self.counts or {}
        return [(label, counts.get(name, 0)) for name, label in labels.items()]

    # ---- asked for ------------------------------------------------------------------

    @api.model
    def _check_administrator(self):
        if not self.env["crm.mail.mirror.mailbox"]._is_administrator():
            raise AccessError(self.env._("This is for administrators of the mirror."))

    @api.model
    def _addresses_of(self, text):
        """Addresses as people type them: one a line, or with commas between.

        :raises UserError: one of them is none, or belongs to us
        """
        typed = [part.strip() for part in text.replace(",", "\n").splitlines()]
        emails = []
        for part in filter(None, typed):
            email = email_normalize(part)
            if not email:
                raise UserError(
                    self.env._("%(value)s is not a mail address.", value=part)
                )
            emails.append(email)
        if not emails:
            raise UserError(self.env._("Whose mail? Please fill in an address."))
        own = self.env["crm.mail.mirror.directory"]._own_among(emails)
        own |= set(
            self.env["crm.mail.mirror.mailbox"]
            .sudo()
            .search([("email_normalized", "in", emails)])
            .mapped("email_normalized")
        )
        if own:
            raise UserError(
                self.env._(
                    "%(address)s belongs to a user or company of yours: it is on all"
                    " of their mail. Disconnect their mailbox, and remove its mail,"
                    " instead.",
                    address=", ".join(sorted(own)),
                )
            )
        return sorted(set(emails))

    @api.model
    def _count_mails(self, emails):
        """On how many mirrored mails are these addresses? A number for administrators.

        As many as they see of it: neither whose, nor which.
        """
        self.env.cr.execute(
            SQL("SELECT count(*) FROM (%s) AS c", self._copies_query(emails))
        )
        return self.env.cr.fetchone()[0]

    @api.model
    def _make(self, emails, state="running"):
        """The row for these addresses.

        :raises UserError: no usable key on this server
        """
        try:
            suppressions = self.env["crm.mail.mirror.suppression"]
            values = {
                "masked": ", ".join(map(mask, emails)),
                "state": state,
                "user_id": self.env.uid,
                "asked_by": self.env.user.name,
                "digests": [suppressions._digest(email) for email in emails],
                "sealed": keyring().encrypt(json.dumps(list(emails))),
                "mail_count": self._count_mails(emails),
                "counts": {},
            }
        except KeyUnusable as error:
            raise UserError(sentence(self.env, error.code)) from None
        erasure = self.sudo().create(values).sudo(self.env.su)
        if state == "running":
            self._trigger()
        return erasure

    def _begin(self):
        """What was found is to be erased."""
        self._check_administrator()
        self.sudo().filtered(lambda e: e.state == "found").write({"state": "running"})
        self._trigger()

    @api.model
    def _trigger(self):
        cron = self.env.ref(
            "crm_mail_mirror.ir_cron_erasures", raise_if_not_found=False
        )
        if cron:
            cron.sudo()._trigger()

    def action_lift(self):
        """Mail with this person may come again: new mail, and what mailboxes hold."""
        self._check_administrator()
        for erasure in self:
            if erasure.state != "done":
                raise UserError(self.env._("This is not erased."))
        self.sudo().write(
            {
                "state": "lifting",
                "lifted_at": fields.Datetime.now(),
                "lifted_by": self.env.user.name,
            }
        )
        self._trigger()

    def action_certificate(self):
        self.ensure_one()
        self._check_administrator()
        return {
            "type": "ir.actions.act_url",
            "url": f"/crm_mail_mirror/erasure/{self.id}",
            "target": "new",
        }

    def _is_of(self, emails):
        """Is it of these very addresses? For the certificate, which tells them."""
        suppressions = self.env["crm.mail.mirror.suppression"]
        found = suppressions._digests(emails)
        known = set(self.sudo().digests or ())
        return bool(emails) and {found[d] for d in known if d in found} == set(emails)

    # ---- the job --------------------------------------------------------------------

    @api.model
    def _cron_erasures(self):
        """One run of the job."""
        cron = self.env["ir.cron"]
        cron._commit_progress(remaining=0)
        if self._run():
            cron.browse(self.env.context.get("cron_id"))._trigger()

    @api.model
    def _run(self, budget=BUDGET):
        """Erase, and lift, until all is done or time is up.

        :return: whether anything is left
        """
        end, write = time.monotonic() + budget, self.env["crm.mail.mirror.sync"]._write
        while True:
            ids = write(lambda env: env[self._name]._open().ids)
            if not ids:
                return False
            for erasure in ids:
                if time.monotonic() > end:
                    return True
                write(lambda env, one=erasure: env[self._name].browse(one)._step())

    def _open(self):
        return self.search([("state", "in", ("running", "lifting"))], order="id")

    def _step(self):
        if self.state == "running":
            self._erase_some()
        elif self.state == "lifting":
            self._lift_some()

    def _erase_some(self):
        """One short step. The first keeps the person out: what a page writes before it
        is found by the steps after, what one writes later knows of it."""
        emails = json.loads(keyring().decrypt(self.sealed))
        counts = Counter(self.counts or {})
        if "addresses" not in counts:
            self.env.cr.execute("SELECT pg_advisory_xact_lock(%s)", [WRITERS_LOCK])
            self.env["crm.mail.mirror.suppression"]._add("address", emails)
            counts["addresses"] = 0
        elif not (
            self._erase_mirrored(emails, counts) or self._erase_traces(emails, counts)
        ):
            self._erase_rest(emails, counts)
            self.write(
                {"state": "done", "ended_at": fields.Datetime.now(), "sealed": False}
            )
        self.write({"counts": dict(counts), "progress_done": counts["copies"]})

    @api.model
    def _copies_query(self, emails):
        """Mirrored copies that show one of these addresses."""
        return SQL(
            """SELECT DISTINCT c.mailbox_id, c.id, c.message_id
                 FROM crm_mail_mirror_address a
                 JOIN crm_mail_mirror_participant p ON p.address_id = a.id
                 JOIN crm_mail_mirror_copy c ON c.message_id = p.message_id
                      AND (p.copy_id IS NULL OR p.copy_id = c.id)
                WHERE a.email_normalized = ANY(%s)""",
            list(emails),
        )

    def _erase_mirrored(self, emails, counts):
        """Some mails go, whoever's they are. :return: how many"""
        self.env.cr.execute(
            SQL("%s ORDER BY 1, 2 LIMIT %s", self._copies_query(emails), BITE)
        )
        rows = self.env.cr.fetchall()
        by_mailbox = defaultdict(list)
        for mailbox, copy, _message in rows:
            by_mailbox[mailbox].append(copy)
        messages = sorted({message for _b, _c, message in rows})
        before = self._shared_rows(messages)
        review = self.env["crm.mail.mirror.review"]
        erased = Decision(Reason.ERASED.state, Reason.ERASED)
        for mailbox, copies in by_mailbox.items():
            mailbox = self.env["crm.mail.mirror.mailbox"].browse(mailbox)
            among = SQL("c.id = ANY(%s)", copies)
            decided = {
                copy: decision if _goes(decision) else erased
                for copy, decision in review._judge(mailbox, where=among, limit=None)
            }
            review._apply(mailbox, list(decided.items()))
        counts["copies"] += len(rows)
        counts.update(before - self._shared_rows(messages))
        return len(rows)

    def _shared_rows(self, messages):
        """How many rows there are of these messages, by table."""
        self.env.cr.execute(
            SQL(
                """SELECT (SELECT count(*) FROM crm_mail_mirror_message
                            WHERE id = ANY(%(ids)s)) AS messages,
                          (SELECT count(*) FROM crm_mail_mirror_body
                            WHERE message_id = ANY(%(ids)s)) AS bodies,
                          (SELECT count(*) FROM crm_mail_mirror_participant
                            WHERE message_id = ANY(%(ids)s)) AS participants""",
                ids=messages,
            )
        )
        return Counter(self.env.cr.dictfetchone())

    def _erase_traces(self, emails, counts):
        """Keyed hashes of mail that was kept out with these addresses. :return: mails

        The mail is as one that comes now: kept out because of the person, unless a rule
        spoke that stands before.
        """
        digests = [d for email in emails for d in keyring().digests("trace", email)]
        self.env.cr.execute(
            SQL(
                """SELECT DISTINCT c.mailbox_id, c.id FROM crm_mail_mirror_trace t
                     JOIN crm_mail_mirror_copy c ON c.id = t.copy_id
                    WHERE t.digest = ANY(%s) AND t.kind = 'address'
                    ORDER BY 1, 2 LIMIT %s""",
                digests,
                BITE,
            )
        )
        rows = self.env.cr.fetchall()
        for mailbox in sorted({mailbox for mailbox, _copy in rows}):
            self._rejudge_kept_out(
                self.env["crm.mail.mirror.mailbox"].browse(mailbox),
                [copy for box, copy in rows if box == mailbox],
            )
        self.env.cr.execute(
            "DELETE FROM crm_mail_mirror_trace WHERE copy_id = ANY(%s)",
            [[copy for _mailbox, copy in rows]],
        )
        counts["traces"] += self.env.cr.rowcount
        return len(rows)

    def _rejudge_kept_out(self, mailbox, copies):
        self.env["crm.mail.mirror.review"]._hold(mailbox)
        self.env.cr.execute(
            SQL(
                """UPDATE crm_mail_mirror_copy c SET state = %(state)s, reason = %(why)s
                     FROM crm_mail_mirror_copy o
                    WHERE o.id = c.id AND c.id = ANY(%(copies)s)
                      AND c.state IN ('unmatched', 'excluded')
                      AND NOT c.reason = ANY(%(before)s)
                RETURNING c.received_at, o.state, o.reason""",
                state=str(Reason.ERASED.state),
                why=str(Reason.ERASED),
                copies=copies,
                before=[str(reason) for reason in _SPOKE_BEFORE],
            )
        )
        days = Counter()
        for row in self.env.cr.dictfetchall():
            days[line(row)] -= 1
            days[line({**row, "state": "excluded", "reason": "erased"})] += 1
        self.env["crm.mail.mirror.day"]._add(mailbox, days)

    def _erase_rest(self, emails, counts):
        """What stands in clear besides mail."""
        cr = self.env.cr
        for what, statement in {
            "ties": """DELETE FROM crm_mail_mirror_address_partner_rel
                        WHERE address_id IN (SELECT id FROM crm_mail_mirror_address
                                              WHERE email_normalized = ANY(%s))""",
            "addresses": """DELETE FROM crm_mail_mirror_address
                             WHERE email_normalized = ANY(%s)""",
            "suggestions": """DELETE FROM crm_mail_mirror_suggestion
                               WHERE email_normalized = ANY(%s)""",
            "searches": """DELETE FROM crm_mail_mirror_search
                            WHERE kind = 'address' AND term = ANY(%s)""",
        }.items():
            cr.execute(statement, [emails])
            counts[what] += cr.rowcount
        # not looked at yet: nothing was kept of them
        cr.execute(
            "DELETE FROM crm_mail_mirror_outbox WHERE email_normalized = ANY(%s)",
            [emails],
        )
        self.env.invalidate_all()

    def _lift_some(self):
        """One short step: first they may come, then mail is looked for."""
        suppressions = self.env["crm.mail.mirror.suppression"]
        if not self.at_mailbox:
            # what a page decided without this is stored before, or decided again
            self.env.cr.execute("SELECT pg_advisory_xact_lock(%s)", [WRITERS_LOCK])
            suppressions._lift_digests("address", self.digests)
            self.at_mailbox = 1
            return
        mailbox = self._mailbox_with_erased()
        if mailbox:
            self.env["crm.mail.mirror.review"]._requeue(mailbox, [Reason.ERASED])
            self.at_mailbox = mailbox.id + 1
            return
        emails = suppressions._known_with(self.digests)
        self.env["crm.mail.mirror.outbox"]._put(emails)
        self.env["crm.mail.mirror.search"]._ask(
            self.env["crm.mail.mirror.mailbox"].search([("state", "!=", "draft")]),
            addresses=emails,
        )
        self.write({"state": "lifted"})

    def _mailbox_with_erased(self):
        """The next mailbox in which mail of erased persons waits for its expiry."""
        self.env.cr.execute(
            """SELECT min(mailbox_id) FROM crm_mail_mirror_copy
                WHERE expires_at IS NOT NULL AND state = 'excluded'
                  AND reason = 'erased' AND mailbox_id >= %s""",
            [self.at_mailbox],
        )
        return self.env["crm.mail.mirror.mailbox"].browse(self.env.cr.fetchone()[0])

    @api.autovacuum
    def _gc_found(self):
        """What was found and not erased within a day is forgotten again."""
        yesterday = fields.Datetime.subtract(fields.Datetime.now(), days=1)
        self.search([("state", "=", "found"), ("asked_at", "<", yesterday)]).unlink()


def _goes(decision):
    return isinstance(decision, Decision) and decision.reason.state != "mirrored"


def mask(email):
    """An address with all but its first letters blotted out.

    >>> mask("jane.doe@mail.acme.example")
    'j***@m***.example'
    """
    name, _at, domain = email.rpartition("@")
    top = domain.rpartition(".")[2] if "." in domain else ""
    return f"{name[:1]}***@{domain[:1]}***{'.' if top else ''}{top}"
