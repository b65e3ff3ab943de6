# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""Why is what somebody wants as a rule refused, or warned of?"""

from enum import StrEnum


class Problem(StrEnum):
    """A short, stable code; the layer above has the sentence for it.

    ``is_warning``: it may be stored, once its author has read what it does.
    """

    is_warning: bool

    def __new__(cls, value: str, is_warning: bool = False):
        member = str.__new__(cls, value)
        member._value_ = value
        member.is_warning = is_warning
        return member
