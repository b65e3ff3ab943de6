# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""What mail is and how it is fetched, read and judged: plain Python, no Odoo.

Importing the package imports nothing heavy: a provider's library is loaded when a
mailbox of that provider is opened (``providers.open_mailbox``).
"""
