# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""What is said of a rule: why it can not be, what was changed, and what that does?"""

from odoo.tools import formatLang

from .few import FEW, is_told


def problem_sentence(env, problem, value):
    """Why a rule is refused, or what is good to know about it.

    :param problem: a ``WordProblem``, a ``DomainProblem`` or ``always_word``
    """
    sentences = {
        # of words
        "empty": env._("Please fill in an address, a domain or a word."),
        "too_short": env._(
            "“%(value)s” is one letter: it stands in nearly every subject. Please take"
            " a whole word."
        ),
        "too_long": env._("A word has at most a hundred letters."),
        "no_letter": env._(
            "“%(value)s” has no letter: such signs stand in nearly every subject."
            " Please take a word."
        ),
        "control": env._("“%(value)s” holds a line break or a sign no subject has."),
        "wildcard": env._(
            "There are no wildcards here. A word is found as a whole, whatever its case"
            " and accents; a domain such as acme.com includes its subdomains."
        ),
        "pattern": env._(
            "“%(value)s” is a pattern. Words are found as they stand: please take one"
            " rule for each word."
        ),
        "reply_mark": env._(
            "“%(value)s” stands in front of every answer: that would keep out half of"
            " the mail."
        ),
        "matches_inside": env._(
            "“%(value)s” is also found inside longer words: this script puts no space"
            " between words."
        ),
        "stands_already": env._("This rule stands already."),
        "always_word": env._(
            "Only addresses and domains can always be mirrored: anybody can write a"
            " word into a subject."
        ),
        # of addresses and domains
        "everything": env._(
            "This would keep out all mail. To stop mirroring, pause the mailbox."
        ),
        "malformed": env._(
            "“%(value)s” is neither an address such as ann@acme.com nor a domain such"
            " as acme.com."
        ),
        "is_address": env._(
            "“%(value)s” is an address: please take the kind “Address”."
        ),
        "public_suffix": env._(
            "“%(value)s” is no company's domain: half the world's addresses end so."
        ),
        "own": env._(
            "“%(value)s” is your own: it stands on every mail, so that nothing would"
            " be mirrored. To stop mirroring, pause the mailbox."
        ),
        "free_mail": env._(
            "At %(value)s everybody can have an address: this concerns all of them."
        ),
    }
    return sentences[str(problem)] % {"value": value}


def change_title(env, added, removed):
    """What was changed, in a few words.

    :param added, removed: values of rules
    """
    if len(added) == 1 and len(removed) == 1:
        return env._(
            "“%(before)s” became “%(after)s”",
            before=removed[0]["value"],
            after=added[0]["value"],
        )
    if len(added) == 1 and not removed:
        return rule_title(env, added[0])
    if len(removed) == 1 and not added:
        if removed[0]["effect"] == "always":
            return env._(
                "No longer always mirrored: “%(value)s”", value=removed[0]["value"]
            )
        return env._("No longer kept out: “%(value)s”", value=removed[0]["value"])
    return rules_title(env, len(added), len(removed))


def rule_title(env, values):
    if values["effect"] == "always":
        return env._("Always mirror: “%(value)s”", value=values["value"])
    return env._("Never mirror: “%(value)s”", value=values["value"])


def rules_title(env, added, removed):
    """:param added, removed: how many rules"""
    if not removed:
        return env._("%(count)s rules added", count=added)
    if not added:
        return env._("%(count)s rules removed", count=removed)
    return env._("%(count)s rules changed", count=max(added, removed))


def effect_sentences(env, effect, mine):
    """What a change of rules does, in words.

    :param effect: a ``crm_mail_mirror_preview.Effect``
    :param mine: it is about the reader's own mail
    """
    told = [_gone_sentence(env, effect, mine)] if not effect.sought else []
    if effect.sought:
        if effect.narrows and (effect.gone or not mine):
            told.append(_gone_sentence(env, effect, mine))
        told += _back_sentences(env, effect, mine)
        told.append(
            env._("Older mail is looked for in your mailbox: that takes some minutes.")
            if mine
            else env._("Older mail is looked for in the mailboxes: that takes a while.")
        )
    told.append(env._("You can undo this for seven days."))
    return told + _lost_sentences(env, effect, mine)


def _lost_sentences(env, effect, mine):
    """What undo does not bring back.

    Of others with a number only if it tells of few nothing: neither of those that are
    lost nor, by the difference, of those that are not.
    """
    left = effect.gone_of_others - effect.lost_of_others
    is_counted = is_told(effect.lost_of_others) and (is_told(left) or not effect.whole)
    if mine and effect.lost and effect.lost == effect.gone:
        return [
            env._(
                "But the mailbox is not connected any more: undo brings nothing back"
                " unless it is connected again."
            )
        ]
    if mine and effect.lost == 1:
        return [
            env._(
                "One of them lies in a mailbox that is not connected any more: undo"
                " does not bring it back unless it is connected again."
            )
        ]
    if effect.lost if mine else is_counted and not effect.is_several:
        return [
            env._(
                "%(count)s of them lie in mailboxes that are not connected any more:"
                " undo does not bring these back unless they are connected again.",
                count=effect.lost,
            )
        ]
    if not mine and effect.unconnected:
        return [
            env._(
                "From mailboxes that are not connected any more undo brings nothing"
                " back unless they are connected again."
            )
        ]
    return []


def _mails(env, count):
    return env._("one mail") if count == 1 else env._("%(count)s mails", count=count)


def _gone_sentence(env, effect, mine):
    if not mine and effect.is_several:
        return _several_sentence(env)
    if not mine and not is_told(effect.gone_of_others):
        return _veiled_sentence(env, effect)
    if not effect.gone and effect.whole:
        return env._(
            "No mail that is here has to go; new mail is kept out from now on."
        )
    mails = _mails(env, effect.gone)
    if not effect.whole:
        mails = env._("at least %(mails)s", mails=mails)
    if not mine:
        return env._("This removes %(mails)s from the mirrors.", mails=mails)
    if not effect.contacts and not effect.leads:
        return env._("This removes %(mails)s from Odoo.", mails=mails)
    if effect.gone == 1:
        whose = [env._("with %(name)s", name=name) for name, _n in effect.contacts]
        whose += [env._("on “%(name)s”", name=name) for name, _n in effect.leads]
        told = env._("This removes %(mails)s from Odoo, %(whose)s.")
    else:
        whose = [
            env._("%(count)s with %(name)s", count=n, name=name)
            for name, n in effect.contacts
        ]
        whose += [
            env._("%(count)s on “%(name)s”", count=n, name=name)
            for name, n in effect.leads
        ]
        told = env._("This removes %(mails)s from Odoo, among them %(whose)s.")
    # names hold commas
    return told % {"mails": mails, "whose": "; ".join(whose)}


def _several_sentence(env):
    """A sum would tell of the few mails of one rule, beside those of another."""
    return env._(
        "How many mails of other people several rules concern together is not told:"
        " choose one alone."
    )


def _veiled_sentence(env, effect):
    """The same of few mails of other people and of none."""
    if not effect.whole:
        return env._(
            "How many mails this removes from the mirrors is not known: there are too"
            " many to look through now."
        )
    told = env._(
        "This removes fewer than %(few)s mails of other people from the mirrors, if"
        " any. Of so few it is not told how many: that would tell who writes with whom,"
        " and about what.",
        few=FEW,
    )
    own = effect.gone - effect.gone_of_others
    if own:
        told += " " + env._(
            "Of your own mail it removes %(mails)s.", mails=_mails(env, own)
        )
    return told


def _back_sentences(env, effect, mine):
    if not mine and effect.is_several:
        return [] if effect.narrows else [_several_sentence(env)]
    if not mine and not is_told(effect.back_of_others):
        return [
            env._(
                "Of the last seven days fewer than %(few)s mails may come back at once,"
                " if any.",
                few=FEW,
            )
        ]
    if not effect.back:
        return []
    return [
        env._(
            "Of the last seven days %(mails)s may come back at once.",
            mails=_mails(env, effect.back),
        )
    ]


def sharing_sentence(env, before, after, mails, viewers):
    """Who sees how much more, or less, of a mailbox's mail.

    :param before, after: levels of sharing: metadata, subject, everything
    :param mails: which, in words
    :param viewers: how many colleagues may read the mailbox
    """
    parts = {
        frozenset(("metadata", "subject")): env._("the subject"),
        frozenset(("subject", "everything")): env._("the text"),
        frozenset(("metadata", "everything")): env._("subject and text"),
    }
    rank = ["metadata", "subject", "everything"]
    values = {"what": parts[frozenset((before, after))], "mails": mails}
    if rank.index(after) < rank.index(before):
        if viewers == 1:
            return env._(
                "One colleague will no longer see %(what)s of %(mails)s.", **values
            )
        return env._(
            "%(count)s colleagues will no longer see %(what)s of %(mails)s.",
            count=viewers,
            **values,
        )
    if viewers == 1:
        return env._("One colleague will see %(what)s of %(mails)s.", **values)
    return env._(
        "%(count)s colleagues will see %(what)s of %(mails)s.", count=viewers, **values
    )


def mails_of(env, direction, count):
    """Received or sent mails, by number."""
    if direction == "in":
        return (
            env._("1 received mail")
            if count == 1
            else env._("%s received mails", formatLang(env, count, digits=0))
        )
    return (
        env._("1 sent mail")
        if count == 1
        else env._("%s sent mails", formatLang(env, count, digits=0))
    )
