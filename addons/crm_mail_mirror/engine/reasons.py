# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""What can come out of the rules, and the name of every outcome."""

from __future__ import annotations

from enum import StrEnum


class State(StrEnum):
    """What a decision makes of a copy; the store knows more states than these."""

    MIRRORED = "mirrored"
    UNMATCHED = "unmatched"
    EXCLUDED = "excluded"


class Reason(StrEnum):
    """Why a decision came out as it did. The values are stored: add, never rename."""

    state: State

    def __new__(cls, value: str, state: State):
        member = str.__new__(cls, value)
        member._value_ = value
        member.state = state
        return member

    # mirrored
    CONTACT = "contact", State.MIRRORED  #: a contact or lead has one of the addresses
    DOMAIN = "domain", State.MIRRORED  #: a company has the domain of one
    DROPBOX = "dropbox", State.MIRRORED  #: rule 9: its owner put it into the dropbox
    ALLOWED = "allowed", State.MIRRORED  #: rule 9: an address is on the allow-list

    # unmatched
    NO_CONTACT = "no_contact", State.UNMATCHED  #: rule 7: nobody external is known
    NOT_LISTED = "not_listed", State.UNMATCHED  #: old, and no known address is on it

    # excluded by what the listing tells
    FOLDER = "folder", State.EXCLUDED  #: rule 1: drafts, trash, junk, unselected
    TOO_OLD = "too_old", State.EXCLUDED  #: rule 2: received before ``sync_from``
    NO_ADDRESS = "no_address", State.EXCLUDED  #: rule 3: no usable address on it
    PRIVATE_WORD = "private_word", State.EXCLUDED  #: rule 4: in the subject
    SENSITIVITY = "sensitivity", State.EXCLUDED  #: rule 4: its sender marked it
    EXCLUDED_ADDRESS = "excluded_address", State.EXCLUDED  #: rule 5
    EXCLUDED_DOMAIN = "excluded_domain", State.EXCLUDED  #: rule 5
    ERASED = "erased", State.EXCLUDED  #: after rule 5: of an erased person
    INTERNAL = "internal", State.EXCLUDED  #: rule 6: nobody external on it
    RETENTION = "retention", State.EXCLUDED  #: rule 7: a match, but too old

    # excluded by its owner, after it could not be read
    IGNORED = "ignored", State.EXCLUDED  #: the owner wants no more tries

    # excluded by headers and structure
    CALENDAR = "calendar", State.EXCLUDED  #: rule 8: nothing but an invitation
    NO_CONTENT = "no_content", State.EXCLUDED  #: rule 8: neither text nor file
    ONE_WAY = "one_way", State.EXCLUDED  #: rule 10: incoming, to a one-way mailbox
    ROLE_ADDRESS = "role_address", State.EXCLUDED  #: rule 12: no person on it

    # excluded by rule 11: bulk and automatic mail
    BULK_LIST_ID = "bulk_list_id", State.EXCLUDED  #: RFC 2919
    BULK_LIST_UNSUBSCRIBE = "bulk_list_unsubscribe", State.EXCLUDED  #: RFC 2369
    BULK_LIST_POST = "bulk_list_post", State.EXCLUDED  #: RFC 2369
    BULK_PRECEDENCE = "bulk_precedence", State.EXCLUDED  #: bulk, list, junk, auto_reply
    BULK_AUTO_SUBMITTED = "bulk_auto_submitted", State.EXCLUDED  #: RFC 3834
    BULK_AUTO_REPLY = "bulk_auto_reply", State.EXCLUDED  #: X-Autoreply, X-Autorespond
    BULK_FEEDBACK_ID = "bulk_feedback_id", State.EXCLUDED  #: for complaints to a sender
    BULK_CAMPAIGN = "bulk_campaign", State.EXCLUDED  #: X-Campaign, X-CampaignID
    BULK_RETURN_PATH = "bulk_return_path", State.EXCLUDED  #: empty, RFC 5321 4.5.5
    BULK_REPORT = "bulk_report", State.EXCLUDED  #: bounce or receipt, RFC 6522
    BULK_MAILER_DAEMON = "bulk_mailer_daemon", State.EXCLUDED  #: a server wrote it

    @property
    def leaves_row(self) -> bool:
        """Is the mail written down at all? Not what was never to be looked at."""
        return self not in (Reason.TOO_OLD, Reason.NOT_LISTED)
