# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""Where does the earlier mail begin that a reply quotes below its own words?"""


def quote_start(text: str) -> int | None:
    return None
