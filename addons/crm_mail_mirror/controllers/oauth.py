# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""Where does the browser go, and where does it come back, when an owner consents?

The answer of the provider holds a code that is as good as a password until it is used:
it is used at once or not at all, and the browser is sent on to an address without it.
"""

import threading

from odoo import http
from odoo.http import request

from ..engine.keyring import KeyUnusable
from ..engine.providers.base import ProviderError
from ..models.consent_state import State, StateForged, keep_flow, take_flow
from ..models.crm_mail_mirror_client import KIND_OF
from ..models.sentences import sentence

#: Why somebody is told on a page of its own: there is no mailbox to tell it on.
_NOT_LINKED = ("logged_out", "other_user", "state_forged", "mailbox_gone")
_PROVIDER = "/crm_mail_mirror/<any(google, microsoft):provider>"


class Consent(http.Controller):
    @http.route(
        f"{_PROVIDER}/start",
        type="http",
        auth="user",
        methods=["GET"],
        sitemap=False,
    )
    def start(self, provider, mailbox="", **_other):
        """The button "Sign in with ..." leads here, and from here to the provider."""
        found = self._own_mailbox(mailbox, KIND_OF[provider])
        if not found:
            return self._not_linked("mailbox_gone")
        try:
            state, beginning = found._begin_consent()
        except (ProviderError, KeyUnusable) as error:
            found._tell_outcome(error.code)
            return self._to_mailbox(found)
        keep_flow(request.session, state, beginning.flow)
        return self._go(beginning.url, local=False)

    # public: whom the session ran out is sent to log in without the code, which would
    # else stand in the address of the page for logging in, and in logs
    @http.route(
        f"{_PROVIDER}/callback",
        type="http",
        auth="public",
        methods=["GET"],
        sitemap=False,
    )
    def callback(self, provider, state="", **answer):
        """The provider sends the browser back with a code, or with an error."""
        # Odoo writes this into the log when it has to stop a request
        threading.current_thread().url = request.httprequest.base_url
        if request.env.user._is_public():
            return self._not_linked("logged_out")
        try:
            claim = State.parse(state)
        except (StateForged, KeyUnusable):
            return self._not_linked("state_forged")
        if claim.user_id != request.env.uid:
            return self._not_linked("other_user")
        mailbox = self._own_mailbox(claim.mailbox_id, claim.kind)
        if not mailbox or claim.kind != KIND_OF[provider]:
            return self._not_linked("mailbox_gone")
        flow, used = take_flow(request.session, claim)
        if flow is None:
            code = "consent_replayed" if used else "other_browser"
            if claim.expired:
                code = "consent_expired"
            mailbox._tell_outcome(code)
        elif claim.expired:
            mailbox._tell_outcome("consent_expired")
        else:
            # now, not at the end of the request: should the browser ask twice at once,
            # the second does not find the flow any more
            http.root.session_store.save(request.session)
            mailbox._finish_consent(flow, {"state": state, **answer})
        return self._to_mailbox(mailbox)

    @http.route(
        "/crm_mail_mirror/not_linked/<string:why>",
        type="http",
        auth="user",
        methods=["GET"],
        sitemap=False,
    )
    def not_linked(self, why, **_other):
        """Why nothing was linked, when no mailbox's form can tell."""
        if why not in _NOT_LINKED:
            raise request.not_found()
        return request.render(
            "crm_mail_mirror.not_linked", {"sentence": sentence(request.env, why)}
        )

    def _own_mailbox(self, mailbox_id, kind):
        """The user's own mailbox; a stranger's is no more there than none at all."""
        mailboxes = request.env["crm.mail.mirror.mailbox"]
        try:
            wanted = int(mailbox_id)
        except ValueError:
            return mailboxes
        return mailboxes.search(
            [
                ("id", "=", wanted),
                ("user_id", "=", request.env.uid),
                ("provider", "=", kind),
            ]
        )

    def _not_linked(self, why):
        return self._go(f"/crm_mail_mirror/not_linked/{why}")

    def _to_mailbox(self, mailbox):
        return self._go(mailbox._path_after_consent())

    def _go(self, url, local=True):
        answer = request.redirect(url, code=303, local=local)
        answer.headers["Cache-Control"] = "no-store"
        answer.headers["Referrer-Policy"] = "no-referrer"
        return answer
