# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""How many mails of other people? Of few not even the number is told.

In a small company a number tells who writes with whom, or what subjects say: asked for
one address or word after the other. So fewer than ten are told in the same words as
none. What counts are the mails of *others*: of one's own one may have as many as one
likes, and would learn the rest by counting them off.
"""

#: From so many on the number is told.
FEW = 10


def is_told(others):
    """:param others: mails in mailboxes that are not the reader's"""
    return others >= FEW


def told_number(env, total, others):
    """A number for administrators, or the words that stand for few and for none."""
    if is_told(others):
        return f"{total:,}"
    return env._("fewer than %(few)s, if any", few=FEW)


def others_of(counts, uid):
    """How many of these are not this user's? ``counts``: ``{owner id: mails}``, or the
    same as JSON keeps it."""
    return sum(n for owner, n in (counts or {}).items() if str(owner) != str(uid))


def more_of(counts, owner, more):
    """``counts`` with so many more mails of an owner: a record of users."""
    counts = dict(counts or {})
    if more:
        counts[str(owner.id)] = counts.get(str(owner.id), 0) + more
    return counts
