"""Older mail is searched for in real mailboxes: Dovecot, a Google, a Graph."""

from datetime import UTC, datetime, timedelta

import pytest

from tests.sync.letters import raw
from tests.sync.test_search import age, ask, settle

LONG_AGO = datetime.now(UTC) - timedelta(days=200)


def fill(mirror, box, owner):
    """Old mail that nobody was known on: of one contact to be, in each role."""
    client, names = mirror.at("client"), {}
    letters = {
        "from": raw(
            1,
            f"Client <{client.upper()}>",
            box.email,
            message_id=f"<1@{mirror.domain}>",
        ),
        "to": raw(2, mirror.at("a"), f"{box.email}, {client}"),
        "cc": raw(3, mirror.at("b"), box.email, cc=client),
        "subject": raw(4, mirror.at("c"), box.email, subject="Vacances privées"),
        "sub": raw(5, f"x@mail.{mirror.domain}", box.email),
        "other": raw(6, f"not{client}", box.email),
        "text": raw(7, mirror.at("d"), box.email, text=f"Write to {client}!"),
    }
    for letter in letters.values():
        owner.append("INBOX", letter, received=LONG_AGO)
    for number, name in enumerate(letters, 1):
        domain = f"mail.{mirror.domain}" if name == "sub" else mirror.domain
        names[name] = f"<{number}@{domain}>"
    return names


class SearchTests:
    @pytest.fixture
    def old(self, mirror, linked):
        """Mail of long ago that left nothing: no row, no trace."""
        box, owner = linked
        names = fill(mirror, box, owner)
        settle(mirror, box)
        age(mirror, box)
        assert mirror.states(box) == {}
        return box, owner, names

    def test_contact_brings_its_older_mail_and_no_other_body_leaves_the_mailbox(
        self, mirror, old, fetched
    ):
        box, _owner, names = old
        mirror.contact("client")

        settle(mirror, box)

        wanted = sorted(names[role] for role in ("from", "to", "cc"))
        assert mirror.mirrored(box) == wanted
        assert sorted(fetched) == wanted
        assert sum(mirror.states(box).values()) == 3, "what is not wanted left a row"

    def test_mail_comes_back_by_domain_with_subdomains_by_word_and_by_id(
        self, mirror, old
    ):
        box, _owner, names = old
        everybody = [mirror.at(local) for local in "abcd"]
        everybody += [mirror.at("client"), f"x@mail.{mirror.domain}"]
        for email in everybody:
            mirror.contact("one", email=email)
        mirror.look_again()

        def found(**terms):
            mirror.sql("DELETE FROM crm_mail_mirror_search")
            before = set(mirror.mirrored(box))
            ask(mirror, box, **terms)
            settle(mirror, box)
            return set(mirror.mirrored(box)) - before

        assert found(message_ids=[names["to"]]) == {names["to"]}
        assert found(words=["privées"]) == {names["subject"]}
        assert found(domains=[f"mail.{mirror.domain}"]) == {names["sub"]}
        others = {names[role] for role in ("from", "cc", "text")}
        assert found(domains=[mirror.domain]) == others


class TestDovecot(SearchTests):
    @pytest.fixture
    def linked(self, post):
        return post()

    def test_contact_in_reply_to_alone_and_accents_within_a_word(self, mirror, linked):
        box, owner = linked
        letters = (
            raw(1, mirror.at("robot"), box.email, reply_to=mirror.at("answers")),
            raw(2, mirror.at("client"), box.email, subject="Entrevue prévue"),
        )
        for letter in letters:
            owner.append("INBOX", letter, received=LONG_AGO)
        settle(mirror, box)
        age(mirror, box)

        mirror.contact("answers")
        settle(mirror, box)
        assert mirror.mirrored(box) == [f"<1@{mirror.domain}>"]

        mirror.contact("client")
        mirror.look_again()
        mirror.sql("DELETE FROM crm_mail_mirror_search")
        ask(mirror, box, words=["PREVUE"])
        settle(mirror, box)
        assert len(mirror.mirrored(box)) == 2


class TestGmail(SearchTests):
    @pytest.fixture
    def provider_name(self):
        return "gmail.GmailProvider"

    @pytest.fixture
    def linked(self, at_google, monkeypatch):
        from odoo.addons.crm_mail_mirror.engine.providers import gmail_sync

        monkeypatch.setattr(gmail_sync, "LOOK_EVERY", 0)
        return at_google.link()

    def test_contact_added_while_the_first_import_lists_by_address(
        self, mirror, linked, small_bites
    ):
        """Addresses are asked for in their order: it comes before those at hand."""
        box, owner = linked
        for number in range(60):
            local = {7: "a", 8: "m"}.get(number, "z" if number < 30 else f"s{number}")
            letter = raw(number, mirror.at(local), box.email)
            owner.append("INBOX", letter, received=LONG_AGO)
        mirror.contact("m")
        mirror.contact("z")
        mirror.sync(box, budget=0.01)
        for _ in range(20):
            if "<8@" in str(mirror.mirrored(box)):
                break
            mirror.sync(box, budget=0.01)
        assert f"<8@{mirror.domain}>" in mirror.mirrored(box)

        mirror.contact("a")
        settle(mirror, box)

        assert f"<7@{mirror.domain}>" in mirror.mirrored(box)
        ((seen,),) = mirror.sql(
            "SELECT sum(count)::int FROM crm_mail_mirror_day WHERE mailbox_id = %s",
            box.id,
        )
        assert seen == 60, "a mail was counted twice, or not at all"


class TestMicrosoft(SearchTests):
    @pytest.fixture
    def provider_name(self):
        return "microsoft.MicrosoftProvider"

    @pytest.fixture
    def linked(self, at_microsoft):
        return at_microsoft.link()
