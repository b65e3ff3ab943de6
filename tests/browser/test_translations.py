# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""Every sentence for people is in the template, and in French."""

import re
from collections import Counter
from pathlib import Path

import polib
import pytest

ADDONS = Path(__file__).resolve().parents[2] / "addons"
MODULES = ("crm_mail_mirror", "crm_mail_mirror_hr")
RENEW = (
    "renew it with `odoo i18n export -d <database> -l pot crm_mail_mirror`"
    " and translate what is new in fr.po"
)
_PLACEHOLDER = re.compile(r"%\(\w+\)[sd]|%[sd]|</?\w+")


def catalogue(module: str, name: str) -> dict[str, str]:
    """``{source: translation}``"""
    entries = polib.pofile(str(ADDONS / module / "i18n" / name))
    return {entry.msgid: entry.msgstr for entry in entries}


@pytest.mark.odoo_modules(*MODULES)
def test_the_template_holds_what_the_addons_say(odoo_env):
    from odoo.tools.translate import TranslationModuleReader

    for module in MODULES:
        entries = TranslationModuleReader(odoo_env.cr, modules=[module], lang=None)
        said = {source for _m, _t, _n, _i, source, *_x in entries}
        written = set(catalogue(module, f"{module}.pot"))
        assert said - written == set(), RENEW
        assert written - said == set(), RENEW


@pytest.mark.parametrize("module", MODULES)
def test_french_is_complete(module):
    template = catalogue(module, f"{module}.pot")
    french = catalogue(module, "fr.po")

    assert set(french) == set(template)
    assert [source for source, said in french.items() if not said.strip()] == []
    fuzzy = polib.pofile(str(ADDONS / module / "i18n" / "fr.po")).fuzzy_entries()
    assert [entry.msgid for entry in fuzzy] == []


@pytest.mark.parametrize("module", MODULES)
def test_french_keeps_placeholders_and_tags(module):
    for source, said in catalogue(module, "fr.po").items():
        kept = Counter(_PLACEHOLDER.findall(said))
        assert kept == Counter(_PLACEHOLDER.findall(source)), source


def test_french_has_one_and_many_where_sharing_is_chosen():
    french = catalogue("crm_mail_mirror", "fr.po")
    one = french["One colleague will see %(what)s of %(mails)s."]
    many = french["%(count)s colleagues will see %(what)s of %(mails)s."]

    assert "verra " in one and "verront " in many
    assert french["1 received mail"] == "1 message reçu"
    assert french["%s received mails"] == "%s messages reçus"
    assert french["1 sent mail"] == "1 message envoyé"
    assert french["%s sent mails"] == "%s messages envoyés"
