# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""Is it said in words why a mail is, or is not, here?"""

from odoo.addons.crm_mail_mirror.engine.reasons import Reason
from odoo.addons.crm_mail_mirror.models.sentences import (
    reason_label,
    reason_remedy,
    reason_sentence,
)

from .common import MirrorCase


class TestWhy(MirrorCase):
    def test_each_reason_is_told_in_words(self):
        unknown = reason_sentence(self.env, "?")
        told = {str(r): reason_sentence(self.env, str(r)) for r in Reason}

        self.assertEqual(len(set(told.values())), len(Reason), "two say the same")
        for reason, sentence in told.items():
            self.assertNotIn("_", sentence, "a code is no word")
            self.assertNotIn("%", sentence)
            self.assertTrue(sentence.endswith("."))
            self.assertNotEqual(sentence, unknown.replace("?", reason))
            label = reason_label(self.env, reason)
            self.assertNotIn("_", label)
            self.assertLess(len(label), 40)
            self.assertNotIn("_", reason_remedy(self.env, reason))

    def test_rows_that_no_rule_decided_have_their_words_too(self):
        for reason in ("owner", "brake", "late", "message_gone", "message_broken"):
            self.assertNotIn(reason, reason_sentence(self.env, reason))
