"""Mail is kept as long as a company says: not longer, and not less by mistake."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest
from dateutil.relativedelta import relativedelta
from psycopg2.errors import SerializationFailure

from odoo.exceptions import AccessError, UserError

from tests.sync.mirror import LONG
from tests.sync.test_sync_races import pause_at, waits_for_lock

LAPSED = ("excluded", "retention")
HERE = ("mirrored", "contact")
NOW = datetime.now(UTC).replace(microsecond=0)


def ago(**time):
    return NOW - relativedelta(**time)


@pytest.fixture
def company(mirror):
    """A company of its own, in which nothing is removed by time; :return: its id"""
    with mirror.env() as env:
        return env["res.company"].create({"name": mirror.house}).id


@pytest.fixture
def box(mirror, server, company):
    user = mirror.user("anna", company_id=company, company_ids=[(6, 0, [company])])
    return mirror.link("anna", server, user_id=user, company_id=company)


@pytest.fixture
def letters(mirror, lib, server, box):
    """``letters(("jane", {"months": 13}), ...)``: mail of long ago, mirrored."""
    count = iter(range(1, 100))

    def put(*mails):
        for senders, age in mails:
            people = " ".join(mirror.at(each) for each in senders.split())
            sender, _space, others = people.partition(" ")
            at = ago(**age)
            server.put(
                lib.mail(next(count), sender, f"{box.email} {others}", received_at=at)
            )
        mirror.sync(box)

    return put


def keep(mirror, company, **months):
    names = {"mail": "mirror_retention_months", "lost": "mirror_lost_months"}
    values = {names[origin]: value for origin, value in months.items()}
    mirror.write("res.company", company, **values)


def purge(mirror):
    with mirror.env() as env:
        assert not env["crm.mail.mirror.retention"]._run()


def preview(mirror, company, **months):
    with mirror.env() as env:
        company = env["res.company"].browse(company)
        mails, _others, contacts, is_all = env["crm.mail.mirror.retention"]._preview(
            company, months
        )
        return mails, contacts, is_all


def test_mail_goes_after_the_last_mail_with_the_contact(
    mirror, server, box, company, letters
):
    """Jane was last heard 13 months ago; Tom, who wrote before that, last month."""
    mirror.contact("jane")
    mirror.contact("tom")
    letters(
        ("jane", {"months": 20}),
        ("jane", {"months": 13}),
        ("tom", {"months": 20}),
        ("tom", {"months": 1}),
    )
    assert mirror.states(box) == {HERE: 4}
    assert preview(mirror, company, mail=12) == (2, 1, True)
    assert preview(mirror, company, mail=24) == (0, 0, True)
    assert mirror.states(box) == {HERE: 4}, "the preview did something"

    keep(mirror, company, mail=12)
    purge(mirror)

    assert mirror.states(box) == {HERE: 2, LAPSED: 2}
    mirror.check(box)


def test_what_is_purged_stays_purged_and_what_comes_later_comes(
    mirror, lib, server, box, company, letters
):
    jane = mirror.contact("jane")
    letters(("jane", {"months": 13}))
    keep(mirror, company, mail=12)
    purge(mirror)
    server.fetched.clear()

    server.put(lib.mail(50, mirror.at("jane"), box.email, received_at=NOW))
    mirror.sync(box)
    server.expired = True
    mirror.sync(box)
    mirror.sync(box)
    mirror.write("res.partner", jane, email=mirror.at("jane2"))
    mirror.write("res.partner", jane, email=mirror.at("jane"))
    mirror.look_again()
    mirror.sync(box)

    assert mirror.states(box)[HERE] == 1
    assert list(server.fetched) == ["<50.@mail.test>"], "old text was asked for"
    mirror.check(box)


def test_mail_that_somebody_else_is_on_stays(mirror, box, company, letters):
    for name in ("jane", "tom"):
        mirror.contact(name)
    letters(
        ("jane tom", {"months": 13}), ("jane", {"months": 13}), ("tom", {"months": 1})
    )

    keep(mirror, company, mail=12)
    purge(mirror)

    assert mirror.states(box) == {HERE: 2, LAPSED: 1}
    assert preview(mirror, company, mail=12) == (0, 0, True)
    mirror.check(box)


def test_a_contact_who_changed_address_is_not_silent(mirror, box, company, letters):
    jane = mirror.contact("jane")
    mirror.write("res.partner", jane, email=mirror.at("jane.new"))
    letters(("jane", {"months": 13}), ("jane.new", {"months": 1}))

    keep(mirror, company, mail=12)
    purge(mirror)

    assert mirror.states(box) == {HERE: 2}


def test_mail_goes_after_the_lead_is_lost(mirror, box, company, letters):
    """Jane's only lead was lost seven months ago, one of Tom's two, none of Uma's."""
    jane, tom, _uma = (mirror.contact(name) for name in ("jane", "tom", "uma"))
    with mirror.env() as env:
        leads = env["crm.lead"].create(
            [
                {"name": "a", "partner_id": jane},
                {"name": "b", "partner_id": tom},
                {"name": "c", "partner_id": tom},
                {"name": "d", "email_from": mirror.at("stranger")},
            ]
        )
        (leads[0] + leads[1] + leads[3]).action_set_lost()
        env.flush_all()
        env.cr.execute(
            "UPDATE crm_lead SET date_closed = %s WHERE id = ANY(%s)",
            [ago(months=7).replace(tzinfo=None), leads.ids],
        )
    letters(
        ("jane", {"months": 9}),
        ("tom", {"months": 9}),
        ("uma", {"months": 9}),
        ("stranger", {"months": 9}),
        ("jane", {"days": 3}),
    )
    assert preview(mirror, company, lost=12) == (0, 0, True)
    assert preview(mirror, company, lost=6) == (2, 2, True)

    keep(mirror, company, lost=6)
    purge(mirror)

    assert mirror.states(box) == {HERE: 3, LAPSED: 2}
    mirror.check(box)


def test_only_the_mailboxes_of_that_company(mirror, lib, box, company, letters):
    """Another company keeps what it has of the same contact."""
    mirror.contact("jane")
    other_server = lib.Server()
    other = mirror.link("bert", other_server)
    letters(("jane", {"months": 13}))
    other_server.put(
        lib.mail(1, mirror.at("jane"), other.email, received_at=ago(months=13))
    )
    mirror.sync(other)

    keep(mirror, company, mail=12)
    purge(mirror)
    other_server.put(
        lib.mail(2, mirror.at("jane"), other.email, received_at=ago(months=14))
    )
    mirror.sync(other)

    assert mirror.states(box) == {LAPSED: 1}
    assert mirror.states(other) == {HERE: 2}
    mirror.check(box, other)


def test_without_the_setting_mail_comes_back(mirror, box, company, letters):
    mirror.contact("jane")
    letters(("jane", {"months": 13}), ("jane", {"months": 20}))
    keep(mirror, company, mail=12)
    purge(mirror)
    assert mirror.states(box) == {LAPSED: 2}

    keep(mirror, company, mail=False)
    with mirror.env() as env:
        while env["crm.mail.mirror.change"]._run():
            pass
    mirror.sync(box)

    assert mirror.states(box) == {HERE: 2}
    mirror.check(box)


@pytest.mark.parametrize("border", ["pull", "fetch"])
def test_purged_while_a_page_is_under_way(
    mirror, lib, server, box, company, letters, border
):
    mirror.contact("jane")
    letters(("jane", {"months": 14}))
    server.put(
        lib.mail(60, mirror.at("jane"), box.email, received_at=ago(months=13)),
        lib.mail(61, mirror.at("jane"), box.email, received_at=ago(months=15)),
    )
    done = []

    def meanwhile(_calls):
        if not done:
            done.append(keep(mirror, company, mail=12))
            purge(mirror)

    server.before[border] = meanwhile
    mirror.sync(box)
    mirror.sync(box)

    assert done
    assert mirror.by_state(box)["mirrored"] == 0
    mirror.check(box)


def floors(mirror, company):
    ((count,),) = mirror.sql(
        """SELECT count(*) FROM crm_mail_mirror_suppression
            WHERE kind = 'lapsed' AND company_id = %s""",
        company,
    )
    return count


def test_floors_raised_while_the_field_is_emptied_are_seen(
    mirror, box, company, letters, monkeypatch
):
    mirror.contact("jane")
    letters(("jane", {"months": 13}))
    keep(mirror, company, mail=12)
    model = mirror.registry["crm.mail.mirror.retention"]
    there, go_on = pause_at(monkeypatch, model, "_add_floors", after=True)
    with ThreadPoolExecutor(2) as pool:
        night = pool.submit(purge, mirror)
        assert there.wait(LONG)
        emptied = pool.submit(keep, mirror, company, mail=False)
        waits_for_lock(mirror, "transactionid")
        go_on.set()
        # as a web request is: begun again by Odoo
        with pytest.raises(SerializationFailure):
            emptied.result(LONG)
        night.result(LONG)
    keep(mirror, company, mail=False)

    assert not floors(mirror, company)
    mirror.apply_changes()
    mirror.sync(box)
    assert mirror.states(box) == {HERE: 1}
    mirror.check(box)


def test_the_night_goes_on_where_time_was_up(mirror, box, company, letters):
    names = [f"jane{number}" for number in range(8)]
    for name in names:
        mirror.contact(name)
    letters(*((name, {"months": 13}) for name in names))
    keep(mirror, company, mail=12)
    from odoo.addons.crm_mail_mirror.models import crm_mail_mirror_retention as module

    defaults = module.CrmMailMirrorRetention._floors.__defaults__
    module.CrmMailMirrorRetention._floors.__defaults__ = (0, 3)
    try:
        runs = 0
        with mirror.env() as env:
            while env["crm.mail.mirror.retention"]._run(budget=0.01):
                runs += 1
    finally:
        module.CrmMailMirrorRetention._floors.__defaults__ = defaults

    assert runs
    assert mirror.states(box) == {LAPSED: 8}
    mirror.check(box)


def test_a_nought_is_refused_and_empty_means_keep(mirror, company):
    for months in (0, -1, 601):
        for name in ("mirror_retention_months", "mirror_lost_months"):
            with pytest.raises(UserError), mirror.env() as env:
                env["res.company"].browse(company).write({name: months})
    keep(mirror, company, mail=False)


def test_the_wizard_tells_before_it_saves(mirror, box, company, letters):
    mirror.contact("jane")
    letters(("jane", {"months": 13}))
    with mirror.env(2) as env:
        env.user.company_ids = [(4, company)]
        here = env.user.with_context(allowed_company_ids=[company]).env
        wizard = here["crm.mail.mirror.retain"].create({"retention_months": "0"})
        with pytest.raises(UserError, match="0 would remove everything"):
            wizard.action_preview()
        for nonsense in ("twelve", "-3", "1.5", "9999"):
            wizard.retention_months = nonsense
            with pytest.raises(UserError):
                wizard.action_apply()
        wizard.retention_months = "12"

        wizard.action_apply()

        said = wizard.preview
        assert said == "Would remove fewer than 10 mails of other people, if any."
        assert not here.company.mirror_retention_months, "saved without a look"
        wizard.retention_months = "599"
        wizard.action_preview()
        assert wizard.preview == said, "of none it says the same"
        wizard.retention_months = "12"
        wizard.action_preview()
        wizard.action_apply()
        assert here.company.mirror_retention_months == 12
        assert here.company.mirror_retention_sentence.startswith("Mail is removed 12")
    purge(mirror)
    assert mirror.states(box) == {LAPSED: 1}


def test_many_mails_are_told_and_own_ones_count_nothing_off(
    mirror, lib, box, company, letters
):
    mirror.contact("jane")
    letters(*[("jane", {"months": 13})] * 9)
    server = lib.Server()
    own = mirror.link("own", server, user_id=2, company_id=company)
    at = ago(months=13)
    server.put(
        *(
            lib.mail(n, mirror.at("jane"), own.email, received_at=at)
            for n in range(500, 510)
        )
    )
    mirror.sync(own)

    def said():
        with mirror.env(2) as env:
            here = env.user.with_context(allowed_company_ids=[company]).env
            wizard = here["crm.mail.mirror.retain"].create({"retention_months": "12"})
            wizard.action_preview()
            return wizard.preview

    with mirror.env() as env:
        env["res.users"].browse(2).company_ids = [(4, company)]
    assert said() == "Would remove fewer than 10 mails of other people, if any."
    letters(("jane", {"months": 13}))
    assert said() == "Would remove 20 mails with one contact."


def test_a_preview_keeps_no_page_waiting(
    mirror, lib, server, box, company, letters, monkeypatch
):
    """It tries floors out that the job is about to write."""
    retention = mirror.registry["crm.mail.mirror.retention"]
    tried, told = pause_at(monkeypatch, retention, "_copies_below")
    mirror.contact("jane")
    letters(("jane", {"months": 13}))
    keep(mirror, company, mail=12)
    server.put(lib.mail(60, mirror.at("tom"), box.email))
    with ThreadPoolExecutor(3) as pool:
        previewing = pool.submit(preview, mirror, company, mail=12)
        try:
            assert tried.wait(LONG)
            purging = pool.submit(purge, mirror)
            waits_for_lock(mirror, "advisory")
            pool.submit(mirror.sync, box).result(LONG)
        finally:
            told.set()
        assert previewing.result(LONG)[0] == 1
        purging.result(LONG)

    assert mirror.by_state(box) == {"excluded": 1, "unmatched": 1}
    mirror.check(box)


def test_only_administrators_say_how_long(mirror, box):
    with mirror.env(box.user_id) as env, pytest.raises(AccessError):
        env["crm.mail.mirror.retain"].create({"retention_months": "1"})
