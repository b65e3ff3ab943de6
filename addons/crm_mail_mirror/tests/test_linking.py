# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""Registrations at Google and Microsoft, presets, and what an owner is told."""

import logging
import os
from datetime import timedelta
from unittest.mock import patch

from odoo import fields
from odoo.exceptions import UserError, ValidationError
from odoo.tests import Form, tagged
from odoo.tools import SQL, mute_logger

from ..engine.keyring import generate_key
from ..engine.providers.base import NotAllowed
from ..models.consent_state import State, StateForged, keep_flow, take_flow
from ..models.crm_mail_mirror_mailbox_consent import same_mailbox
from ..models.imap_presets import PRESETS, password_help
from .common import MirrorCase

CLIENT = "odoo.addons.crm_mail_mirror.models.crm_mail_mirror_client"


class LinkingCase(MirrorCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        # at Google and Microsoft themselves, whatever this machine is set to
        ours = [n for n in os.environ if n.startswith("CRM_MAIL_MIRROR_")]
        cls.key = generate_key()
        cls.startClassPatcher(patch.dict(os.environ))
        for name in ours:
            del os.environ[name]
        os.environ["CRM_MAIL_MIRROR_KEY"] = cls.key
        cls.clients = cls.env["crm.mail.mirror.client"]

    def save(self, **values):
        page = self.env["res.config.settings"].create(values)
        page.set_values()
        self.env.flush_all()
        self.env.invalidate_all()
        return page

    def save_google(self, **values):
        return self.save(
            mirror_google_enabled=True,
            mirror_google_client_id=" ours.apps.googleusercontent.com ",
            **{"mirror_google_secret": "GOCSPX-1", **values},
        )

    def save_microsoft(self, **values):
        return self.save(
            mirror_microsoft_enabled=True,
            mirror_microsoft_client_id="6731de76",
            mirror_microsoft_secret="value~1",
            **values,
        )


@tagged("post_install", "-at_install")
class TestRegistration(LinkingCase):
    def test_saved_registration_is_what_providers_are_opened_with(self):
        self.save_google()
        self.assertEqual(
            self.clients._settings("gmail", "a@us.test"),
            {
                "client_id": "ours.apps.googleusercontent.com",
                "client_secret": "GOCSPX-1",
                "address": "a@us.test",
                "endpoint": "https://gmail.googleapis.com",
                "auth_uri": "https://accounts.google.com/o/oauth2/v2/auth",
                "token_uri": "https://oauth2.googleapis.com/token",
                "revoke_uri": "https://oauth2.googleapis.com/revoke",
                "units_per_minute": 6000,
                "ca_file": "",
            },
        )
        self.save_microsoft(
            mirror_microsoft_audience="tenant", mirror_microsoft_tenant=" Us.Test "
        )
        self.assertEqual(
            self.clients._settings("microsoft"),
            {
                "client_id": "6731de76",
                "client_secret": "value~1",
                "address": "",
                "authority": "https://login.microsoftonline.com/us.test",
                "endpoint": "https://graph.microsoft.com",
                "ca_file": "",
            },
        )

    def test_page_shows_what_was_saved_but_the_secret(self):
        self.save_microsoft(
            mirror_microsoft_audience="tenant", mirror_microsoft_tenant="us.test"
        )
        with Form(self.env["res.config.settings"]) as page:
            self.assertEqual(page.mirror_microsoft_client_id, "6731de76")
            self.assertEqual(page.mirror_microsoft_audience, "tenant")
            self.assertEqual(page.mirror_microsoft_tenant, "us.test")
            self.assertFalse(page.mirror_microsoft_secret)
            self.assertTrue(page.mirror_microsoft_secret_kept)
            self.assertFalse(page.mirror_google_secret_kept)

    def test_empty_secret_keeps_the_former_one(self):
        self.save_google()
        self.save_google(mirror_google_secret="")
        self.assertEqual(self.clients._settings("gmail")["client_secret"], "GOCSPX-1")
        self.save_google(mirror_google_secret="GOCSPX-2")
        self.assertEqual(self.clients._settings("gmail")["client_secret"], "GOCSPX-2")

    def test_secret_is_nowhere_in_clear(self):
        self.save_google()
        for table in ("crm_mail_mirror_client", "res_config_settings"):
            self.env.cr.execute(SQL("SELECT t::text FROM %s t", SQL.identifier(table)))
            self.assertNotIn("GOCSPX", str(self.env.cr.fetchall()))

    def test_switched_on_it_must_be_complete(self):
        for values in (
            {"mirror_google_enabled": True},
            {"mirror_google_enabled": True, "mirror_google_client_id": "x"},
            {"mirror_google_enabled": True, "mirror_google_secret": "x"},
            {"mirror_microsoft_enabled": True},
        ):
            with self.assertRaises(UserError):
                self.save(**values)
        with self.assertRaises(UserError):
            self.save_microsoft(mirror_microsoft_audience="tenant")

    def test_organisation_is_an_id_or_a_domain(self):
        for good in ("us.test", "9188040d-6c67-4c5b-b112-36a304b66dad", "a"):
            self.save_microsoft(
                mirror_microsoft_audience="tenant", mirror_microsoft_tenant=good
            )
        for bad in ("us.test/../evil", "a b", "evil.test#", "@", "-", "a" * 260, "ü"):
            with self.assertRaises(ValidationError):
                self.save_microsoft(
                    mirror_microsoft_audience="tenant", mirror_microsoft_tenant=bad
                )

    def test_offers_follow_the_audience(self):
        self.assertEqual(self.clients._offers(), set())
        self.save_google()
        self.assertEqual(self.clients._offers(), {"gmail"})
        for audience, tenant, offers in (
            ("common", False, {"work", "personal"}),
            ("organizations", False, {"work"}),
            ("consumers", False, {"personal"}),
            ("tenant", "us.test", {"work"}),
            ("tenant", "9188040d-6c67-4c5b-b112-36a304b66dad", {"personal"}),
        ):
            self.save_microsoft(
                mirror_microsoft_audience=audience, mirror_microsoft_tenant=tenant
            )
            self.assertEqual(self.clients._offers(), {"gmail", *offers})
        self.save(mirror_google_enabled=False)
        self.assertNotIn("gmail", self.clients._offers())

    def test_new_key_first_old_one_behind(self):
        self.save_google()
        former = self.clients._of("gmail").secret
        with patch.dict(os.environ, CRM_MAIL_MIRROR_KEY=f"{'n' * 40} {self.key}"):
            settings = self.clients._settings("gmail")
        self.assertEqual(settings["client_secret"], "GOCSPX-1")
        self.assertNotEqual(self.clients._of("gmail").secret, former)
        # the former key can go now
        with patch.dict(os.environ, CRM_MAIL_MIRROR_KEY="n" * 40):
            self.assertTrue(self.clients._settings("gmail"))
        with patch.dict(os.environ, CRM_MAIL_MIRROR_KEY="x" * 40):
            self.assertRefused("client_missing")

    def test_without_key_nothing_is_saved(self):
        with patch.dict(os.environ, CRM_MAIL_MIRROR_KEY=""):
            with self.assertRaisesRegex(UserError, "encryption key"):
                self.save_google()

    def test_not_set_up_or_switched_off(self):
        self.assertRefused("client_missing")
        self.save_google()
        self.save(mirror_google_enabled=False)
        self.assertRefused("client_missing")
        # what was granted can still be given back
        self.assertTrue(self.clients._settings("gmail", disabled=True))

    def assertRefused(self, code):
        with self.assertRaises(NotAllowed) as refusal:
            self.clients._settings("gmail")
        self.assertEqual(refusal.exception.code, code)


@tagged("post_install", "-at_install")
class TestEndpoints(LinkingCase):
    def setUp(self):
        super().setUp()
        self.save_google()
        self.save_microsoft()

    def test_come_from_the_servers_configuration(self):
        with patch.dict(
            os.environ,
            CRM_MAIL_MIRROR_GMAIL_ENDPOINT="https://gmail.test/",
            CRM_MAIL_MIRROR_GMAIL_UNITS_PER_MINUTE="15000",
            CRM_MAIL_MIRROR_MICROSOFT_AUTHORITY_HOST="login.microsoftonline.us",
            CRM_MAIL_MIRROR_GRAPH_ENDPOINT="https://graph.microsoft.us",
        ):
            google = self.clients._settings("gmail")
            microsoft = self.clients._settings("microsoft")
        self.assertEqual(google["endpoint"], "https://gmail.test")
        self.assertEqual(google["units_per_minute"], 15000)
        self.assertEqual(
            microsoft["authority"], "https://login.microsoftonline.us/common"
        )
        self.assertEqual(microsoft["endpoint"], "https://graph.microsoft.us")

    def test_no_parameter_of_the_database_counts(self):
        before = self.clients._settings("gmail"), self.clients._settings("microsoft")
        for name in (
            *("google_token_uri", "google_auth_uri", "google_revoke_uri"),
            *("gmail_endpoint", "graph_endpoint", "microsoft_authority_host"),
            *("token_uri", "endpoint", "authority"),
        ):
            for key in (f"crm_mail_mirror.{name}", name):
                self.env["ir.config_parameter"].set_param(key, "https://evil.test")
        after = self.clients._settings("gmail"), self.clients._settings("microsoft")
        self.assertEqual(before, after)

    @mute_logger(CLIENT)
    def test_plain_http_is_for_loopback_alone(self):
        for name, kind in (
            ("GOOGLE_AUTH_URI", "gmail"),
            ("GOOGLE_TOKEN_URI", "gmail"),
            ("GOOGLE_REVOKE_URI", "gmail"),
            ("GMAIL_ENDPOINT", "gmail"),
            ("MICROSOFT_AUTHORITY_HOST", "microsoft"),
            ("GRAPH_ENDPOINT", "microsoft"),
        ):
            for url in (
                *("http://gmail.test", "http://127.0.0.1.evil.test", "ftp://localhost"),
                *("http://", "https://", "file:///etc", "http://[", "http://10.0.0.1"),
            ):
                with patch.dict(os.environ, {f"CRM_MAIL_MIRROR_{name}": url}):
                    with self.assertRaises(NotAllowed, msg=(name, url)) as refusal:
                        self.clients._settings(kind)
                self.assertEqual(refusal.exception.code, "endpoint_refused")
            for url in ("http://localhost:8", "http://127.0.0.1:8", "http://[::1]:8"):
                with patch.dict(os.environ, {f"CRM_MAIL_MIRROR_{name}": url}):
                    self.assertIn(url, str(self.clients._settings(kind)))

    @mute_logger(CLIENT)
    def test_units_are_a_number(self):
        for units in ("0", "many", "-1", "1.5"):
            with (
                patch.dict(os.environ, CRM_MAIL_MIRROR_GMAIL_UNITS_PER_MINUTE=units),
                self.assertRaises(NotAllowed),
            ):
                self.clients._settings("gmail")


@tagged("post_install", "-at_install")
class TestState(LinkingCase):
    def test_says_what_was_signed(self):
        state = State.make("gmail", 7, 42)
        self.assertEqual(State.parse(state.sign()), state)
        self.assertFalse(state.expired)
        self.assertNotEqual(State.make("gmail", 7, 42).nonce, state.nonce)

    def test_of_another_key_is_forged(self):
        signed = State.make("gmail", 7, 42).sign()
        with patch.dict(os.environ, CRM_MAIL_MIRROR_KEY="x" * 40):
            with self.assertRaises(StateForged):
                State.parse(signed)
        with patch.dict(os.environ, CRM_MAIL_MIRROR_KEY=f"{'x' * 40},{self.key}"):
            self.assertEqual(State.parse(signed).mailbox_id, 42)

    def test_lives_ten_minutes(self):
        state = State.make("gmail", 7, 42)
        clock = "odoo.addons.crm_mail_mirror.models.consent_state.time.time"
        for seconds, expired in ((599, False), (601, True), (-60, True)):
            with patch(clock, return_value=state.made + seconds):
                self.assertEqual(state.expired, expired)

    def test_flow_is_taken_once(self):
        session, state = {}, State.make("gmail", 7, 42)
        keep_flow(session, state, {"verifier": "v"})
        other = State.make("gmail", 7, 43)
        keep_flow(session, other, {"verifier": "w"})
        self.assertEqual(take_flow(session, state), ({"verifier": "v"}, False))
        self.assertEqual(take_flow(session, state), (None, True))
        self.assertNotIn("'v'", str(session))
        self.assertEqual(take_flow(session, other), ({"verifier": "w"}, False))
        self.assertEqual(take_flow({}, state), (None, False))

    def test_session_does_not_grow(self):
        session = {}
        states = [State.make("gmail", 7, number) for number in range(50)]
        for state in states:
            keep_flow(session, state, {})
        self.assertEqual(len(session["crm_mail_mirror_consent"]["flows"]), 5)
        self.assertEqual(take_flow(session, states[-1]), ({}, False))
        for state in states:
            keep_flow(session, state, {})
            take_flow(session, state)
        self.assertEqual(len(session["crm_mail_mirror_consent"]["used"]), 20)


@tagged("post_install", "-at_install")
class TestMailbox(LinkingCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.anna = cls.user("anna")
        cls.boss = cls.user("boss", groups="base.group_system")

    def told(self, mailbox, user):
        mailbox.invalidate_recordset()
        return mailbox.with_user(user).link_sentence

    def test_outcome_is_the_owners_alone_and_for_a_while(self):
        mailbox = self.mailbox(self.anna, provider="gmail")
        mailbox._tell_outcome("other_account", asked="anna@us.test", given="x@y.test")
        self.assertIn("x@y.test", self.told(mailbox, self.anna))
        self.assertFalse(self.told(mailbox, self.boss))
        self.assertEqual(mailbox.last_error, "other_account")
        self.assertNotIn("x@y.test", mailbox.with_user(self.boss).last_error_sentence)
        later = {**mailbox.link_outcome, "at": mailbox.link_outcome["at"] - 601}
        mailbox.link_outcome = later
        self.assertFalse(self.told(mailbox, self.anna))

    def test_connected_is_no_longer_said_when_it_is_not(self):
        mailbox = self.mailbox(self.anna, provider="gmail", state="active")
        mailbox._tell_outcome("connected")
        self.assertIn("Connected", self.told(mailbox, self.anna))
        mailbox.state = "needs_login"
        self.assertFalse(self.told(mailbox, self.anna))

    def test_mailbox_that_works_gets_no_error_from_a_sign_in_that_failed(self):
        mailbox = self.mailbox(self.anna, provider="gmail", state="active")
        mailbox._tell_outcome("consent_denied")
        self.assertFalse(mailbox.last_error)
        self.assertIn("Cancel", self.told(mailbox, self.anna))

    def test_card_takes_up_what_was_begun_and_left(self):
        link = self.anna.with_user(self.anna).with_context(mirror_provider="gmail")
        action = link.action_mirror_link()
        self.assertEqual(action["context"]["default_email"], "anna@us.test")
        self.assertEqual(action["context"]["default_provider"], "gmail")
        mailbox = self.mailbox(self.anna, provider="gmail")
        action = link.with_context(mirror_provider="microsoft").action_mirror_link()
        self.assertEqual(action["res_id"], mailbox.id)
        self.assertEqual(mailbox.provider, "microsoft")
        mailbox.state = "active"
        action = link.action_mirror_link()
        self.assertNotIn("res_id", action)
        self.assertFalse(action["context"]["default_email"])
        self.assertEqual(mailbox.provider, "microsoft")

    def test_what_was_begun_and_left_goes_after_a_week(self):
        old = fields.Datetime.now() - timedelta(days=8)
        left, fresh, linked, disconnected = (
            self.mailbox(self.user(login), provider="gmail", **values)
            for login, values in (
                ("left", {}),
                ("fresh", {}),
                ("linked", {"state": "active"}),
                ("disconnected", {"last_sync_at": old}),
            )
        )
        self.env.flush_all()
        self.env.cr.execute(
            "UPDATE crm_mail_mirror_mailbox SET write_date = %s WHERE id = ANY(%s)",
            [old, (left | linked | disconnected).ids],
        )
        self.env.invalidate_all()
        self.env["crm.mail.mirror.mailbox"]._gc_untried()
        self.assertFalse(left.exists())
        self.assertTrue(fresh.exists() and linked.exists() and disconnected.exists())

    def test_gmail_takes_spellings_for_one(self):
        for one, other, same in (
            ("a.b@gmail.com", "ab@gmail.com", True),
            ("ab+crm@googlemail.com", "ab@gmail.com", True),
            ("ab@gmail.com", "ac@gmail.com", False),
            ("a.b@us.test", "ab@us.test", False),
            ("ab+crm@us.test", "ab@us.test", False),
            ("", "", False),
        ):
            self.assertEqual(same_mailbox(one, other), same, (one, other))


@tagged("post_install", "-at_install")
class TestPresets(LinkingCase):
    def test_each_has_its_help(self):
        hosts = [preset.host for preset in PRESETS.values()]
        self.assertEqual(len(hosts), len(set(hosts)))
        for code, preset in PRESETS.items():
            self.assertTrue(password_help(self.env, code), code)
            self.assertTrue(preset.page.startswith("https://"), code)
            self.assertIn(preset.security, ("tls", "starttls"))

    def test_choosing_one_fills_in_the_server(self):
        anna = self.user("anna")
        mailboxes = self.env["crm.mail.mirror.mailbox"].with_user(anna)
        with Form(mailboxes) as form:
            form.email = "anna@us.test"
            self.assertFalse(form.imap_host)
            form.imap_preset = "proton"
            self.assertEqual((form.imap_host, form.imap_port), ("127.0.0.1", 1143))
            self.assertEqual(form.imap_security, "starttls")
            self.assertIn("Bridge", form.password_help)
            form.imap_preset = "free"
            self.assertEqual((form.imap_host, form.imap_port), ("imap.free.fr", 993))
            self.assertEqual(form.imap_login, "anna")
            form.imap_host = "imap.us.test"
            self.assertFalse(form.imap_preset)
            self.assertFalse(form.password_help)

    def test_address_that_tells_its_provider(self):
        mailboxes = self.env["crm.mail.mirror.mailbox"]
        with Form(mailboxes) as form:
            form.email = "Somebody@GMX.de"
            self.assertEqual(form.imap_host, "imap.gmx.net")
            # one that is there is not replaced
            form.email = "somebody@icloud.com"
            self.assertEqual(form.imap_host, "imap.gmx.net")


@tagged("post_install", "-at_install")
class TestDiscretion(LinkingCase):
    def logged(self, logger, level, message, *args):
        with self.assertLogs(logger, level) as log:
            logging.getLogger(logger).log(level, message, *args)
        return log.output[0]

    def test_code_and_state_are_cut_from_the_access_log(self):
        for path in (
            "/crm_mail_mirror/google/callback?code=SECRET&state=SECRET",
            "/crm_mail_mirror/microsoft/callback?state=SECRET&code=SECRET",
            "/web/login?redirect=%2Fcrm_mail_mirror%2Fgoogle%2Fcallback%3Fcode%3DSECRET",
        ):
            line = f'127.0.0.1 - - [date] "GET {path} HTTP/1.1" 303 -'
            said = self.logged("werkzeug", logging.INFO, line)
            self.assertNotIn("SECRET", said)
            self.assertIn('HTTP/1.1" 303', said)
        other = '"GET /odoo?debug=1 HTTP/1.1" 200 100%'
        self.assertIn(other, self.logged("werkzeug", logging.INFO, other))

    def test_typed_secrets_are_cut_from_calls(self):
        logger, level = "odoo.service.model", logging.DEBUG
        for typed in (
            {"password": "SECRET"},
            {"mirror_google_secret": "SECRET", "x": 1},
            [{"mirror_microsoft_secret": "SECRET"}],
        ):
            said = self.logged(logger, level, "call %s.%s(%s)", "m", "create", typed)
            self.assertNotIn("SECRET", said)
            self.assertIn("call m.create", said)
        said = self.logged(logger, level, "call %s.%s(%s)", "m", "create", {"a": 1})
        self.assertIn("{'a': 1}", said)
