# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""Ask, as the owner of a mailbox does, why a mail is here or not."""

FIELDS = ("headline", "detail", "verdict", "remedy", "steps", "outcome", "mend")


def ask(mirror, box, text, search=False, **values):
    """What the owner of a mailbox is told: one dict for each answer."""
    with mirror.env(box.user_id) as env:
        why = env["crm.mail.mirror.why"].create({"pasted": text, **values})
        why.action_ask()
        if search:
            why.action_search()
        return [
            {name: str(line[name] or "") for name in FIELDS} for line in why.line_ids
        ]
