# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""As whom may an owner look at their own mail, and what makes each of them see it?"""

from odoo import api, models
from odoo.fields import Domain
from odoo.tools import SQL

#: Colleagues of each kind that are proposed at once.
PROPOSED = 30


class ResUsers(models.Model):
    _name = "res.users"
    _inherit = ["res.users"]

    def _mirror_viewer_words(self, viewers):
        """Why each of ``viewers`` may read this user's mailboxes: ``{id: words}``

        :param viewers: as ``_mirror_viewers`` gives them
        """
        self.ensure_one()
        self.env.cr.execute(
            SQL(
                # UNION, not UNION ALL: charts may hold loops
                """WITH RECURSIVE edge AS NOT MATERIALIZED (%(edges)s),
                   mine AS (SELECT manager_id FROM edge WHERE user_id = %(user)s),
                   up(user_id) AS (
                       SELECT manager_id FROM mine
                       UNION
                       SELECT edge.manager_id FROM edge
                         JOIN up ON up.user_id = edge.user_id
                   )
                   SELECT user_id, 'peer' FROM edge
                    WHERE manager_id IN (SELECT manager_id FROM mine)
                   UNION ALL SELECT user_id, 'above' FROM up
                   UNION ALL SELECT manager_id, 'manager' FROM mine""",
                edges=self._mirror_edges(),
                user=self.id,
            )
        )
        standing = dict(self.env.cr.fetchall())
        said = {
            "peer": self.env._("has the same manager as you"),
            "above": self.env._("is above you"),
            "manager": self.env._("is your manager"),
        }
        words = {}
        companies = self.env["res.company"].sudo().search([("active", "=", True)])
        for viewer in viewers.sudo():
            if viewer.mirror_visibility == "4":
                words[viewer.id] = (
                    self.env._("sees the mail of your company, as far as it is shared")
                    if companies - viewer.company_ids
                    else self.env._("sees everybody's mail, as far as it is shared")
                )
            else:
                words[viewer.id] = said.get(
                    standing.get(viewer.id),
                    self.env._("is beside somebody above you"),
                )
        return words

    @api.model
    def get_mirror_colleagues(self, text=""):
        """As whom the caller may look at their own mail.

        :param text: part of a name; empty: those who come first
        :return: ``{"seeing": [{"id", "name", "words"}], "others": [the same], "more":
            how many besides these, "mailboxes": how many the caller has}``
        """
        me = self.env.user
        mailboxes = self.env["crm.mail.mirror.mailbox"]
        mailboxes.check_access("read")
        own = mailboxes.search([("user_id", "=", me.id)])
        seeing = self.sudo().browse()
        for company in own.company_id:
            seeing |= me._mirror_viewers(company).sudo()
        text = str(text or "").strip()
        if text:
            seeing = seeing.filtered(lambda user: text.lower() in user.name.lower())
        words = me._mirror_viewer_words(seeing)
        # of those who work where the caller works, as in any list of users
        others = Domain("id", "not in", [*seeing.ids, me.id])
        others &= Domain("share", "=", False)
        others &= Domain("company_ids", "in", me._get_company_ids())
        if text:
            others &= Domain("name", "ilike", text)
        found = self.sudo().search(others, limit=PROPOSED, order="name, id")
        count = len(seeing) + self.sudo().search_count(others)
        seeing = seeing.sorted("name")[:PROPOSED]
        return {
            "seeing": [_told(user, words[user.id]) for user in seeing],
            "others": [_told(user, me._mirror_why_not(user, own)) for user in found],
            "more": count - len(seeing) - len(found),
            "mailboxes": len(own),
        }

    def _mirror_why_not(self, viewer, own):
        """Why somebody sees nothing of this user's mailboxes."""
        if not own:
            return self.env._("you have linked no mailbox")
        companies = set(viewer._get_company_ids())
        if not companies & set(own.company_id.ids):
            return self.env._("they work in another company")
        if (viewer.mirror_visibility or "0") == "0":
            return self.env._("their level shows only their own mail")
        return self.env._("their level does not reach as far as you")


def _told(user, words):
    return {"id": user.id, "name": user.name, "words": words}
