# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""1,235 real and broken mails, what others say of them, and which we get wrong."""

import dataclasses
import json
import re
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path

from engine.headers import parse_envelope
from engine.mime import leaves
from engine.rules import Directory, Outcome, Policy, explain

ROOT = Path(__file__).parents[2]
MAIL = ROOT.parent / "shared" / "mail"
NOW = datetime(2026, 3, 1, tzinfo=UTC)

#: An address as these write it others read otherwise; see test_corpora_mail.
_READ_OTHERWISE = "emails__error_emails__missing_body emails__rfc2822__example10"
#: Letters beyond ASCII in the domain: rules get it in ASCII.
_BEYOND_ASCII = f"{_READ_OTHERWISE} emails__rfc6532__utf8_headers"
#: What is measured -> the mails that it gets wrong, by the beginning of their names. As
#: measured: a change shows here, and in the numbers of docs/rules.md.
WRONG = {
    # several From fields; blanks before the colon, which others do not read
    "address": "emails__plain_emails__raw_email_multiple emails__rfc2822__example13",
    "excluded_address": _READ_OTHERWISE,
    "excluded_domain": _READ_OTHERWISE,
    "erased": _BEYOND_ASCII,
    "contact": _BEYOND_ASCII,
    "retention": _BEYOND_ASCII,
    # Bcc, groups and second fields, which the facts do not hold
    "internal": "emails__plain_emails__mix_caps emails__rfc2822__example1"
    " emails__rfc6532__utf8_headers imap_tools__attachment_8bit"
    " imap_tools__double_fields intl simple",
    # somebody's invitation sent on, as a file beside the sender's own text: mirrored
    "content": "eml__gmail eml__spam",
    "one_way": "emails__rfc2822__example10",
    # CNET's, Dilbert's, ... of 2002: no field tells
    "bulk_newsletter": """
        00001 00003 00005 00007 00009 00011 00013 00017 00021 00025 00027 00029 00033
        00035 00037 00040 00042 00044 00046 00048 00050 00054 00056 00060 00062 00064
        00070 00074 00076 00080 00082 00086 00092""",
    # From: MAILER-DAEMON without address; a list's refusals; a no-reply address
    "bulk_bounce_corpus": "lhost-dragonfly-0 lhost-fml-02 lhost-fml-03 lhost-kddi-01",
    # sent in person by pudge@, tips@ and webster@: see docs/rules.md
    "bulk_announcements": "00060 00064 00067 00129 00130",
    "bulk_autoreply": "rfc3834-03",  # Apple's own field alone
    "bulk_feedback_report": "arf-22 arf-23 arf-24",  # Hotmail's: plain mail
    "person": """
        abm-alerts ambassador arin-abuse automated.testing b2bdata brand channel-sales
        competition download emergency english-personalized-digest hit-reply
        instant-updates ispfeedback ispsupport meetup pkginfo pullrequests-reply
        rezervari rsreply selectsupport sellersupport sem shopify
        team-sales-enablement""",
}
_ROW = re.compile(r"^\| `(\w+)` \|.*\| ([\d,]+) of ([\d,]+) \|", re.MULTILINE)


@dataclasses.dataclass
class Mail:
    path: str
    kind: str
    raw: bytes
    envelope: object
    facts: dict

    @property
    def emails(self):
        """Whom other parsers find on it."""
        return {
            email
            for role in ("from", "to", "cc", "reply_to")
            for email in self.facts.get(role) or ()
            if email and all(email.rpartition("@")[::2])
        }


@lru_cache(maxsize=1)
def all_mails():
    """Of ``labels.jsonl``, read once."""
    with open(MAIL / "facts.jsonl", encoding="utf-8") as lines:
        facts = {row["path"]: row["facts"] for row in map(json.loads, lines)}
    found = []
    with open(MAIL / "labels.jsonl", encoding="utf-8") as lines:
        for label in map(json.loads, lines):
            raw = (MAIL / label["path"]).read_bytes()
            parts = tuple(leaf.part for leaf in leaves(raw))
            envelope = dataclasses.replace(parse_envelope(raw), parts=parts)
            path = label["path"]
            found.append(Mail(path, label["class"], raw, envelope, facts[path]))
    assert len(found) == 1235
    return found


def step(mail, rule, policy=None, directory=None, **facts):
    """What this rule said of the mail, nobody else having spoken before."""
    facts = {"received_at": NOW, "outgoing": False, **facts}
    directory = directory or Directory(known=frozenset(mail.envelope.emails))
    for each in explain(mail.envelope, policy or Policy(), directory, **facts):
        if each.rule == rule:
            return each
    raise AssertionError(rule)


def spoke(*args, **facts):
    return step(*args, **facts).outcome is Outcome.SPOKE


def reached(*args, **facts):
    return step(*args, **facts).outcome is not Outcome.NOT_REACHED


def name(path):
    return path.rpartition("/")[2].removesuffix(".eml")[:40]


def measured(key, verdicts):
    """Compare the misses with those that are known, and the share with the guide.

    :param verdicts: ``(path, whether the rule is right)``, several of a mail at will
    """
    verdicts = list(verdicts)
    wrong = sorted({name(path) for path, right in verdicts if not right})
    right = sum(right for _path, right in verdicts)
    print(f"{key}: {right} of {len(verdicts)} right; wrong: {' '.join(wrong)}")
    known = WRONG.get(key, "").split()
    assert [one for one in wrong if not one.startswith(tuple(known) or ("?",))] == []
    assert [one for one in known if not any(w.startswith(one) for w in wrong)] == []
    told = {row: (_number(part), _number(all_)) for row, part, all_ in guide()}
    assert told.get(key) == (right, len(verdicts)), "docs/rules.md tells another share"


def guide():
    return _ROW.findall((ROOT / "docs" / "rules.md").read_text(encoding="utf-8"))


def _number(text):
    return int(text.replace(",", ""))


def pairs(mails):
    return [(mail, email) for mail in mails for email in sorted(mail.emails)]


def domain(email):
    return email.rpartition("@")[2]
