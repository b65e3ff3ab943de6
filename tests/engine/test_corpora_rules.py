# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""All rules in their order on real mail, each of whose senders is a contact.

The owner of the mailbox is somebody whom no mail names, as readers of lists are.
"""

import collections
import dataclasses
import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from engine.headers import parse_envelope
from engine.mime import leaves
from engine.rules import Directory, Need, Policy, decide

MAIL = Path(__file__).parents[3] / "shared" / "mail"
NOW = datetime(2026, 3, 1, tzinfo=UTC)

pytestmark = pytest.mark.skipif(
    not (MAIL / "labels.jsonl").exists(),
    reason="the mail corpora are not beside this checkout (../shared/mail)",
)

#: Class of labels.jsonl -> how many mails come to which end, as measured. The mails
#: behind the numbers are named in test_bulk and test_content. Bounces without contact
#: come from a server without an address, and so does a calendar.
OUTCOMES = {
    "ham-nolist": {"contact": 110},
    "list": {"bulk": 225},
    "newsletter": {"bulk": 13, "contact": 33},
    "spam": {"bulk": 19, "contact": 59},
    "bounce-corpus": {"bulk": 176, "contact": 3, "no_contact": 11},
    "autoreply": {"bulk": 5, "contact": 1},
    "feedback-report": {"bulk": 14, "contact": 3},
    "not-a-bounce": {"contact": 2},
    "calendar": {"calendar": 9, "contact": 2, "no_address": 1},
}


def outcome(raw):
    envelope = parse_envelope(raw)
    policy = Policy(own_addresses=frozenset({"reader@house.example"}))
    directory = Directory(known=frozenset(a.email for a in envelope.authors))
    facts = {"received_at": NOW, "outgoing": False}

    listing = dataclasses.replace(envelope, headers=None, parts=None)
    first = decide(listing, policy, directory, **facts)
    parts = tuple(leaf.part for leaf in leaves(raw))
    full = dataclasses.replace(envelope, parts=parts)
    decision = decide(full, policy, directory, **facts)

    assert decision == first or isinstance(first, Need)
    family = decision.reason.partition("_")[0]
    return "bulk" if family == "bulk" else str(decision.reason)


def test_what_becomes_of_real_mail_from_contacts():
    outcomes = collections.defaultdict(collections.Counter)

    with open(MAIL / "labels.jsonl", encoding="utf-8") as lines:
        for label in map(json.loads, lines):
            raw = (MAIL / label["path"]).read_bytes()
            outcomes[label["class"]][outcome(raw)] += 1

    found = {kind: dict(sorted(counts.items())) for kind, counts in outcomes.items()}
    found.pop("parser-fixture")
    print(*found.items(), sep="\n")
    assert found == OUTCOMES
