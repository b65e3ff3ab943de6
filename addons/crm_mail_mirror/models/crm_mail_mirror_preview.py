# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""What would a change of rules do, before it is made?

Judged by the same rules from the same rows as the change itself. Names are told to the
owner of the mail alone; of everybody's mail nothing but a number is, and of few mails
of others not even that (``few.py``).
"""

import time
from collections import Counter
from dataclasses import dataclass, field

from odoo import api, models
from odoo.tools import SQL

from ..engine.words import PrivateWords
from .change_sentences import effect_sentences
from .change_terms import TERMS, reasons_of, traced, where_among
from .crm_mail_mirror_review import goes

#: Seconds a preview takes at most; then it says "at least".
SECONDS = 3.0
#: Mails judged at once; and names told of each kind.
BITE, NAMES = 1000, 3


@dataclass
class Effect:
    """What a change does.

    :param gone: mails that are mirrored, and then no more
    :param back: mails of the last days that are looked at again
    :param sought: older mail is looked for in the mailbox
    :param whole: all mail was judged; else there are more
    :param contacts, leads: names and how many of the mails that go are theirs
    :param narrows: mail may have to go, whether or not there is any
    :param gone_of_others, back_of_others: in mailboxes that are not the reader's
    :param is_several: of several rules together
    :param unconnected: some of the mailboxes had mail and have no password or consent
    :param lost, lost_of_others: mails that go from those: undo cannot bring them back
    """

    gone: int = 0
    back: int = 0
    sought: bool = False
    whole: bool = True
    narrows: bool = False
    gone_of_others: int = 0
    back_of_others: int = 0
    is_several: bool = False
    unconnected: bool = False
    lost: int = 0
    lost_of_others: int = 0
    contacts: list[tuple[str, int]] = field(default_factory=list)
    leads: list[tuple[str, int]] = field(default_factory=list)


class CrmMailMirrorPreview(models.AbstractModel):
    _name = "crm.mail.mirror.preview"
    _description = "Preview of a Change of Rules"

    @api.model
    def _of_rules(self, mailboxes, added=(), removed=None, names=False):
        """What it does to make these rules, or to remove those.

        :param mailboxes: those the rules are for
        :param added: values of rules, as ``exclusion.create`` takes them
        :param removed: rules
        :param names: tell contacts and leads: only to the owner of the mailboxes
        """
        removed = removed or self.env["crm.mail.mirror.exclusion"]
        former = [rule._values() for rule in removed.sudo()]
        narrowing = [v for v in added if v["effect"] == "never"]
        narrowing += [v for v in former if v["effect"] == "always"]
        widening = [v for v in former if v["effect"] == "never"]
        widening += [v for v in added if v["effect"] == "always"]
        effect, gone = Effect(sought=bool(widening), narrows=bool(narrowing)), []
        effect.is_several = len(added) + len(former) > 1
        end = time.monotonic() + SECONDS
        for mailbox in mailboxes.sudo():
            policy = mailbox._policy(added, removed)
            for bite in self._candidates(mailbox, narrowing):
                if time.monotonic() > end:
                    effect.whole = False
                    break
                judged = self.env["crm.mail.mirror.review"]._judge(
                    mailbox, policy, SQL("c.id = ANY(%s)", bite), limit=len(bite)
                )
                going = [copy for copy, decision in judged if goes(decision)]
                gone += going
                if mailbox.user_id.id != self.env.uid:
                    effect.gone_of_others += len(going)
        effect.gone = len(gone)
        if narrowing:
            self._count_lost(effect, gone, mailboxes)
        if widening:
            effect.back, effect.back_of_others = self._count_back(mailboxes, widening)
        if names and gone:
            effect.contacts, effect.leads = self._names(gone)
        return effect

    @api.model
    def _of_copies(self, copies, names=False):
        """What it does to lose these mirrored mails: ids."""
        effect = Effect(gone=len(copies))
        self._count_lost(effect, copies)
        if names and copies:
            effect.contacts, effect.leads = self._names(copies)
        return effect

    @api.model
    def _sentences(self, effect, *, mine):
        """The effect in words: a list of sentences."""
        return effect_sentences(self.env, effect, mine)

    # ---- how many -------------------------------------------------------------------

    def _candidates(self, mailbox, rules):
        """Mirrored copies that one of the rules may concern, some at a time."""
        if not rules:
            return
        among = {}
        for values in rules:
            among.setdefault(TERMS[values["kind"]], []).append(values["value"])
        words = among.pop("words", None)
        ids = set()
        if among:
            ids |= set(self._copies(mailbox, where_among(among)))
        if words:
            words = PrivateWords(words)
            subjects = self._copies(mailbox, SQL("TRUE"), SQL("m.subject_raw"))
            ids |= {copy for copy, subject in subjects if words.stand_in(subject or "")}
        ids = sorted(ids)
        for start in range(0, len(ids), BITE):
            yield ids[start : start + BITE]

    def _copies(self, mailbox, where, more=None):
        self.env.cr.execute(
            SQL(
                """SELECT c.id %s FROM crm_mail_mirror_copy c
                     JOIN crm_mail_mirror_message m ON m.id = c.message_id
                    WHERE c.mailbox_id = %s AND c.message_id IS NOT NULL AND %s""",
                SQL(", %s", more) if more else SQL(),
                mailbox.id,
                where,
            )
        )
        rows = self.env.cr.fetchall()
        return rows if more else [copy for (copy,) in rows]

    def _count_back(self, mailboxes, rules):
        """:return: how many may come back, and how many of them are not the reader's"""
        terms = {}
        for values in rules:
            terms.setdefault(TERMS[values["kind"]], []).append(values["value"])
        self.env.cr.execute(
            SQL(
                """SELECT count(*),
                          count(*) FILTER (WHERE c.user_id IS DISTINCT FROM %s)
                     FROM crm_mail_mirror_copy c
                    WHERE c.mailbox_id = ANY(%s)
                      AND c.expires_at > now() AT TIME ZONE 'UTC'
                      AND c.state IN ('excluded', 'unmatched')
                      AND c.reason = ANY(%s) AND %s""",
                self.env.uid,
                list(mailboxes.ids),
                sorted({str(reason) for v in rules for reason in reasons_of(v)}),
                traced(self.env, terms),
            )
        )
        return self.env.cr.fetchone()

    def _count_lost(self, effect, copies, mailboxes=()):
        """What goes from mailboxes that nobody can look into is not read again.

        :param mailboxes: those that it may go from
        """
        self.env.cr.execute(
            SQL(
                """SELECT bool_or(m.id = ANY(%(mailboxes)s)), coalesce(sum(c.lost), 0),
                          coalesce(sum(c.lost) FILTER (WHERE m.user_id != %(me)s), 0)
                     FROM crm_mail_mirror_mailbox m
                     LEFT JOIN (SELECT mailbox_id, count(*)::int AS lost
                                  FROM crm_mail_mirror_copy WHERE id = ANY(%(copies)s)
                                 GROUP BY 1) AS c ON c.mailbox_id = m.id
                    WHERE m.last_sync_at IS NOT NULL
                      AND NOT EXISTS (SELECT 1 FROM crm_mail_mirror_credential k
                                       WHERE k.mailbox_id = m.id)""",
                mailboxes=list(mailboxes and mailboxes.ids),
                copies=list(copies),
                me=self.env.uid,
            )
        )
        found = self.env.cr.fetchone()
        effect.unconnected, effect.lost, effect.lost_of_others = found

    # ---- whose they are: for the owner of the mail ----------------------------------

    def _names(self, copies):
        """Contacts and leads that the reader may read, with how many of the mails."""
        self.env.cr.execute(
            SQL(
                """SELECT DISTINCT c.id, a.id, a.email_normalized
                     FROM crm_mail_mirror_copy c
                     JOIN crm_mail_mirror_participant q ON q.message_id = c.message_id
                          AND (q.copy_id IS NULL OR q.copy_id = c.id)
                     JOIN crm_mail_mirror_address a ON a.id = q.address_id
                    WHERE c.id = ANY(%s)""",
                copies,
            )
        )
        by_address, by_email = {}, {}
        for copy, address, email in self.env.cr.fetchall():
            by_address.setdefault(address, set()).add(copy)
            by_email.setdefault(email, set()).add(copy)
        contacts = self._by_contact(by_address)
        return _most(contacts), _most(self._by_lead(by_email, contacts))

    def _by_contact(self, by_address):
        """``{partner: copies}``"""
        self.env.cr.execute(
            SQL(
                """SELECT r.partner_id, r.address_id
                     FROM crm_mail_mirror_address_partner_rel r
                     JOIN res_partner p ON p.id = r.partner_id
                    WHERE r.address_id = ANY(%s) AND NOT %s""",
                list(by_address),
                self.env["crm.mail.mirror.directory"]._is_own_partner("p"),
            )
        )
        found = {}
        for partner, address in self.env.cr.fetchall():
            found.setdefault(partner, set()).update(by_address[address])
        readable = self.env["res.partner"].search([("id", "in", list(found))])
        return {partner: found[partner.id] for partner in readable}

    def _by_lead(self, by_email, contacts):
        """``{lead: copies}``"""
        leads = self.env["crm.lead"]
        if not leads.has_access("read"):
            return {}
        partners = [partner.id for partner in contacts]
        found = {}
        for lead in leads.search(
            [
                "|",
                ("email_normalized", "in", list(by_email)),
                ("partner_id", "in", partners),
            ]
        ):
            copies = set(by_email.get(lead.email_normalized, ()))
            found[lead] = copies | contacts.get(lead.partner_id, set())
        return found


def _most(found):
    """Those with the most mails: ``[(name, how many)]``"""
    counts = Counter({record: len(copies) for record, copies in found.items()})
    return [(record.display_name, n) for record, n in counts.most_common(NAMES) if n]
