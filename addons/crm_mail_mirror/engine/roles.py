# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""Does an address belong to a function instead of a person?"""

from __future__ import annotations


def is_role_address(email: str) -> bool:
    """``info@``, ``no-reply@``, ``support+fr@``, ``sales2@``, ``alerts-noreply@``, ...

    >>> is_role_address("No.Reply+42@example.com")
    True
    >>> is_role_address("anna.sales@example.com")
    False
    """
    return False
