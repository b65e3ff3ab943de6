# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""What is done once, when the addon is installed."""


def _remember_addresses(env):
    """Nothing is mirrored yet, so there is nothing to link: only look sooner."""
    env["crm.mail.mirror.sync"]._trigger()
