# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""How many mails of other people? Of few not even the number is told.

In a small company a number tells who writes with whom, or what subjects say: asked for
one address or word after the other. So fewer than ten are told in the same words as
none. What counts are the mails of *others*: of one's own one may have as many as one
likes, and would learn the rest by counting them off.

Of several addresses each is counted alone: how many mails there are with one or the
other is never told. Who asks for one with many mails, and for it together with a second
one, would learn how many there are with the second.
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


def tens(number):
    """Of somebody else's mailbox as a whole: rounded downwards, so that two looks at
    it do not tell what a rule took away between them."""
    return (number or 0) // FEW * FEW


def told_alone(counts, uid):
    """How much may be told of several, each of which could be asked for alone?

    :param counts: ``{owner id: mails}`` of each
    :return: the sum of those that may be told, None if none may; and whether that are
        all
    """
    told = [sum(each.values()) for each in counts if is_told(others_of(each, uid))]
    return sum(told) if told else None, len(told) == len(counts)


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


def sum_of(counts, more):
    """Of several, each with its own owners: ``counts`` and so many more.

    :param counts: ``[{owner id: mails}]``, of which None is the beginning
    :param more: as many of the same
    """
    return [
        {
            owner: one.get(owner, 0) + other.get(owner, 0)
            for owner in sorted({*one, *other})
        }
        for one, other in zip(
            counts or [{}] * len(more),
            ({str(owner): n for owner, n in each.items()} for each in more),
            strict=True,
        )
    ]
