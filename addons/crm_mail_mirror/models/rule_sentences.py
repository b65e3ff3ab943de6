# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""What did each rule say of a mail, in the words of the mailbox's owner?"""

from .sentences import reason_sentence


def passed(env):
    """``{rule: sentence}`` for the rules that let a mail pass."""
    return {
        "folder": env._("It lies in a folder that is mirrored."),
        "look_back": env._("It is not older than your mirror."),
        "address": env._("There are addresses on it."),
        "private_word": env._("No private word stands in its subject."),
        "sensitivity": env._("Its sender did not mark it as private."),
        "excluded_address": env._("No rule keeps out an address that is on it."),
        "excluded_domain": env._("No rule keeps out a domain that is on it."),
        "erased": env._("Nobody on it asked for their data to be erased."),
        "internal": env._("Somebody from outside your company is on it."),
        "contact": env._("Somebody on it is known."),
        "retention": env._("It is not older than mail is kept in your company."),
        "content": env._("There is something to read in it."),
        "allowed": env._("No rule says that it is always mirrored."),
        "one_way": env._("You sent it, or you mirror received mail, too."),
        "bulk": env._("It bears no sign of bulk or automatic mail."),
        "person": env._("A person, or somebody you know, is on it."),
    }


def told(env, rule, reason, what):
    """One step in words.

    :param reason: of the rule that spoke; ``None``: it let the mail pass
    :param what: what it found: addresses, domains, words
    """
    sentence = reason_sentence(env, reason) if reason else passed(env)[rule]
    if not what:
        return sentence
    return env._("%(sentence)s (%(found)s)", sentence=sentence, found=", ".join(what))
