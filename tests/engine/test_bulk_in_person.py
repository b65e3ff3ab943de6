# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""A person who sends a letter to many is a person still: whose are the bounces?"""

import pytest
from engine.envelope import Address, Envelope
from engine.rules import Reason, bulk_reason

ANNA = "anna@customer.example"
MERGED = {
    "return-path": (f"<{ANNA}>",),
    "list-unsubscribe": ("<https://sales-tool.example/u>",),
    "precedence": ("bulk",),
}


def verdict(fields, sender=ANNA, **changed):
    fields = {**fields, **{name.replace("_", "-"): v for name, v in changed.items()}}
    return bulk_reason(Envelope(authors=(Address("", sender),), headers=fields))


def test_a_letter_out_of_a_persons_own_mailbox_is_no_bulk():
    assert verdict(MERGED) is None
    assert verdict(MERGED, return_path=("Anna@Customer.example",)) is None
    for name in ("list-unsubscribe", "precedence"):
        assert verdict({**MERGED, name: ()}) is None


@pytest.mark.parametrize(
    "path",
    [
        (),
        ("<bounce-anna=customer.example@sales-tool.example>",),
        ("<anna@mail.customer.example>",),
        ("<anna+bounce@customer.example>",),
        (f"<{ANNA}>", "<x@sales-tool.example>"),
    ],
)
def test_whose_bounces_go_elsewhere_sends_to_many(path):
    assert verdict(MERGED, return_path=path) == Reason.BULK_LIST_UNSUBSCRIBE


@pytest.mark.parametrize("local", ["newsletter", "update", "no-reply", "info"])
def test_a_function_is_no_person(local):
    sender = f"{local}@customer.example"

    told = verdict(MERGED, sender, return_path=(f"<{sender}>",))

    assert told == Reason.BULK_LIST_UNSUBSCRIBE


def test_what_a_list_claims_is_the_lists():
    assert verdict(MERGED, list_id=("<news.x.example>",)) == "bulk_list_id"
    post = ("<mailto:news@x.example>",)
    assert verdict(MERGED, list_post=post) == "bulk_list_unsubscribe"


def test_a_machine_with_a_persons_address_is_a_machine():
    for name, value in {
        "auto-submitted": "auto-replied",
        "x-campaign": "spring",
        "feedback-id": "1:2:3:x",
        "precedence": "junk",
    }.items():
        assert verdict(MERGED, **{name: (value,)})
    assert verdict(MERGED, return_path=("<>",)) == Reason.BULK_LIST_UNSUBSCRIBE
