"""How many connections does a mail server get, and whose turn is it? Without a clock,
then in the database: over all workers, and while a server does not answer."""

import time
from collections import Counter
from types import SimpleNamespace

import pytest

from tests.sync.letters import raw


@pytest.fixture
def politeness(_odoo_configured):
    from odoo.addons.crm_mail_mirror.models import politeness

    return politeness


# ---- decided ---


def test_administrator_names_limits_by_kind_or_by_server(politeness):
    allowed = politeness.limits("imap=20, Mail.Example.com=4 gmail=x =3 outlook")

    assert politeness.limit_of("mail.example.com", "imap", allowed) == 4
    assert politeness.limit_of("other.example.com", "imap", allowed) == 20
    assert politeness.limit_of("gmail", "gmail", allowed) == 100
    assert politeness.limits(None) == politeness.CONNECTIONS


def test_job_that_was_given_some_asks_again_soon(_odoo_configured, monkeypatch):
    """Not after a second: a server's limit would leave its pool without work."""
    from odoo.addons.crm_mail_mirror.models import turns

    now, waits = [100.0], []
    clock_of_the_host = SimpleNamespace(monotonic=lambda: now[0])
    monkeypatch.setattr(turns, "time", clock_of_the_host)
    clock = turns.Clock(pool=16, ask_every=1.0, together=0.2)
    for given in (8, 3, 0, 0, 0, 0, 5):
        clock.asked(8, given)
        asked_at = now[0]
        while not clock.room(active=range(16), calm=()):
            now[0] += 0.01
        waits.append(round(now[0] - asked_at, 1))

    assert waits == [0, 0.2, 0.4, 0.8, 1, 1, 0.2]


def test_mailboxes_without_news_are_written_together(_odoo_configured, monkeypatch):
    """However many come in, one after the other."""
    from odoo.addons.crm_mail_mirror.models import turns

    now, calm, written = [100.0], [], []
    clock_of_the_host = SimpleNamespace(monotonic=lambda: now[0])
    monkeypatch.setattr(turns, "time", clock_of_the_host)
    clock = turns.Clock(pool=16, ask_every=1.0, together=0.2)
    for mailbox in range(100):
        calm.append(mailbox)
        if clock.is_time_to_write(calm):
            written.append(len(calm))
            calm = []
        now[0] += 0.03

    assert len(written) == 12
    assert set(written) == {8}


def test_server_that_fails_gets_fewer_connections_and_then_pauses(politeness):
    trouble, seen = None, []
    for mailbox in range(14):
        trouble = politeness.failed(trouble, 50, mailbox)
        seen.append((trouble.room, trouble.pause))

    assert seen[:6] == [(50, 0), (25, 0), (12, 0), (6, 0), (3, 0), (1, 0)]
    assert [pause for _room, pause in seen[6:]] == [5, 10, 20, 40, 60, 60, 60, 60]


def test_mailbox_that_always_fails_is_not_the_servers_fault(politeness):
    trouble = politeness.failed(None, 50, 7)
    for _ in range(20):
        trouble = politeness.failed(trouble, 50, 7)

    assert trouble == politeness.Trouble(50, 0, 7)


def test_failures_of_what_was_open_when_it_fell_silent_do_not_add_up(politeness):
    quiet = politeness.Trouble(1, 5, 7, is_quiet=True)

    assert politeness.failed(quiet, 50, 8) is quiet


def test_server_that_is_back_is_not_run_over(politeness):
    """Each round trip twice as many, not ten thousand at once."""
    trouble, at_once = politeness.Trouble(1, 60, 7), []
    while trouble:
        room = politeness.room_left(50, 0, trouble)
        at_once.append(room)
        for _ in range(room):
            trouble = trouble and politeness.worked(trouble, 50)

    assert at_once == [1, 2, 4, 8, 16, 32]
    assert politeness.room_left(50, 8, None) == 42


def test_herd_does_not_stay_one(politeness):
    """What waited through an outage is looked at again at different times."""
    low, high = politeness.spread(5)
    low_late, high_late = politeness.spread(3600)

    assert (high, high_late) == (1, 1), "nobody waits longer for that"
    assert 1 - low_late > 4 * (1 - low)


def test_turns_go_to_who_waits_longest_within_the_limits(politeness):
    def due(number, server="a", is_import=False):
        return politeness.Candidate(number, server, is_import)

    waiting = [due(1), due(2), due(3, is_import=True), due(4, is_import=True)]
    waiting += [due(5, "b"), due(6, "b"), due(7, "c"), due(8, "c")]
    rooms = {"a": 9, "b": 9, "c": 9}

    chosen = politeness.choose(waiting, {"a": 3, "b": 0, "c": 1}, 1, 9)
    assert chosen == [1, 2, 3, 7]
    assert politeness.choose(waiting, rooms | {"a": 3}, 0, 3) == [1, 2, 5]
    assert politeness.choose(waiting, rooms, 9, 2) == [1, 2]


# ---- in the database ---


@pytest.fixture
def lined_up(mirror, lib):
    """``lined_up(n, host)``: empty mailboxes at one host, and where they lie."""

    def link(count, host):
        made = []
        for number in range(count):
            server = lib.Server()
            box = mirror.link(f"{host[:1]}{number}", server=server, imap_host=host)
            made.append((box, server))
        return [box for box, _server in made], [server for _box, server in made]

    return link


def unreachable(lib, code):
    def raises(_calls):
        raise lib.base.Unavailable(code)

    return raises


def claimed(mirror, limit, boxes):
    """Claim as a worker does. :return: ids"""
    with mirror.env() as env:
        runs = env["crm.mail.mirror.sync"]._claim(limit, [box.id for box in boxes])
    return [run.lease.mailbox_id for run in runs]


def test_limit_of_a_server_holds_over_all_workers(mirror, lined_up, together):
    few, _servers = lined_up(6, "few.test")
    many, _servers = lined_up(6, "many.test")
    with mirror.env() as env:
        env["ir.config_parameter"].set_param(
            "crm_mail_mirror.connections", "few.test=2"
        )
    mirror.make_due(*few, *many)

    got = together(*[lambda: claimed(mirror, 4, few + many)] * 4)

    ids = [each for some in got for each in some]
    assert len(ids) == len(set(ids)), "one mailbox, two workers"
    hosts = Counter("few" if each in {b.id for b in few} else "many" for each in ids)
    assert hosts == {"few": 2, "many": 6}
    with mirror.env() as env:
        left = env["crm.mail.mirror.sync"]._count_due([box.id for box in few])
    assert left == 0, "the job would call itself again and again for nothing"


def test_mailbox_that_hung_up_leaves_its_place_before_it_is_written(mirror, lined_up):
    boxes, _servers = lined_up(4, "left.test")
    with mirror.env() as env:
        env["ir.config_parameter"].set_param(
            "crm_mail_mirror.connections", "left.test=2"
        )
    mirror.make_due(*boxes)
    ids = [box.id for box in boxes]
    with mirror.env() as env:
        sync = env["crm.mail.mirror.sync"]
        first = sync._claim(4, ids)
        while_open = sync._claim(4, ids)
        one_left = sync._claim(4, ids, left=first[:1])

    assert (len(first), len(while_open), len(one_left)) == (2, 0, 1)


def test_dead_server_costs_the_others_no_turn(mirror, lib, lined_up):
    """Ten thousand of its mailboxes may wait before those that can be looked at."""
    dead, silent = lined_up(12, "dead.test")
    alive, _servers = lined_up(3, "alive.test")
    for server in silent:
        server.before["pull"] = unreachable(lib, "port_closed")
    for _ in range(4):
        mirror.make_due(*dead)
        mirror.sync(*dead, due=False)

    mirror.make_due(*dead, *alive)
    got = claimed(mirror, 8, dead + alive)

    assert set(got) >= {box.id for box in alive}
    assert len(set(got) & {box.id for box in dead}) <= 1
    ((room, quiet),) = mirror.sql(
        """SELECT room, quiet_until > now() AT TIME ZONE 'UTC'
             FROM crm_mail_mirror_server WHERE name = 'dead.test'"""
    )
    assert room == 1 and quiet


def test_mailboxes_that_wait_for_a_full_server_are_not_read_at_each_claim(
    mirror, lined_up
):
    """Nor those whose mail is all listed: a claim costs what it takes."""
    free, _servers = lined_up(2, "free.test")
    mirror.sync(*free)
    mirror.make_due(*free)
    mirror.sql(
        """INSERT INTO crm_mail_mirror_server (name, room, pause, quiet_until)
           VALUES ('full.test', 1, 60, now() + interval '1 hour')"""
    )
    columns = """user_id, company_id, cursor_seq, policy_seq, pass_no, provider, mode,
                 state, sharing_in, sharing_out, look_back, contact_mode"""
    mirror.sql(
        f"""INSERT INTO crm_mail_mirror_mailbox
                   ({columns},
                    email, email_normalized, next_sync_at, imap_host, listing)
            SELECT {columns}, n || '@full.test', n || '@full.test', '2020-01-01',
                   CASE WHEN mod(n, 2) = 0 THEN 'full.test' ELSE 'free.test' END,
                   CASE WHEN mod(n, 2) = 1 THEN '{{}}'::jsonb END
              FROM crm_mail_mirror_mailbox, generate_series(1, 4000) AS n
             WHERE id = %s""",
        free[0].id,
    )
    mirror.sql("ANALYZE crm_mail_mirror_mailbox")

    def rows_read(env):
        env.cr.execute(
            """SELECT seq_tup_read + idx_tup_fetch FROM pg_stat_xact_user_tables
                WHERE relname = 'crm_mail_mirror_mailbox'"""
        )
        return env.cr.fetchone()[0]

    with mirror.env() as env:
        before = rows_read(env)
        chosen = env["crm.mail.mirror.sync"]._choose(env, 8, imports=2)
        read = rows_read(env) - before

    mirror.sql("DELETE FROM crm_mail_mirror_mailbox WHERE email LIKE '%%@full.test'")
    mirror.sql("DELETE FROM crm_mail_mirror_server WHERE name = 'full.test'")
    assert {box.id for box in free} < set(chosen) and len(chosen) == 4
    assert read < 100


def test_after_an_outage_all_are_looked_at_again_and_the_trouble_is_forgotten(
    mirror, lib, lined_up
):
    boxes, servers = lined_up(12, "back.test")
    for server in servers:
        server.before["pull"] = unreachable(lib, "timeout")
    for _ in range(3):
        mirror.sync(*boxes)
    for server in servers:
        server.before.clear()
    mirror.sql("UPDATE crm_mail_mirror_server SET quiet_until = NULL")
    mirror.sql("UPDATE crm_mail_mirror_server SET room = 46 WHERE name = 'back.test'")

    mirror.sync(*boxes)

    assert not mirror.sql(
        "SELECT 1 FROM crm_mail_mirror_mailbox WHERE id = ANY(%s)"
        " AND (last_error IS NOT NULL OR last_sync_at IS NULL)",
        [box.id for box in boxes],
    )
    assert not mirror.sql(
        "SELECT 1 FROM crm_mail_mirror_server WHERE name = 'back.test'"
    )


def test_first_imports_leave_half_of_the_places_to_others(mirror, lined_up):
    importing, _servers = lined_up(8, "import.test")
    calm, _servers = lined_up(4, "calm.test")
    mirror.sync(*calm)
    mirror.make_due(*importing, *calm)
    mirror.sql(
        "UPDATE crm_mail_mirror_mailbox SET next_sync_at = '2020-01-02'"
        " WHERE id = ANY(%s)",
        [box.id for box in calm],
    )

    with mirror.env() as env:
        runs = env["crm.mail.mirror.sync"]._claim(
            8, [box.id for box in importing + calm], imports=4
        )

    ids = {run.lease.mailbox_id for run in runs}
    assert len(ids & {box.id for box in importing}) == 4
    assert ids >= {box.id for box in calm}


# ---- what is held is renewed ---


def test_lease_is_renewed_and_not_that_of_another(mirror, lined_up):
    (mine, others), _servers = lined_up(2, "held.test")
    mirror.make_due(mine, others)
    with mirror.env() as env:
        runs = env["crm.mail.mirror.sync"]._claim(2, [mine.id, others.id])
        mirror.sql(
            """UPDATE crm_mail_mirror_mailbox SET lease_token = 'taken over'
                WHERE id = %s""",
            others.id,
        )
        mirror.sql(
            """UPDATE crm_mail_mirror_mailbox SET lease_until = '2020-01-01'
                WHERE id = ANY(%s)""",
            [mine.id, others.id],
        )

        env["crm.mail.mirror.sync"]._renew(runs)

    rows = mirror.sql(
        """SELECT id, lease_until > now() AT TIME ZONE 'UTC'
             FROM crm_mail_mirror_mailbox WHERE id = ANY(%s)""",
        [mine.id, others.id],
    )
    assert dict(rows) == {mine.id: True, others.id: False}


def test_mailbox_without_news_is_looked_at_without_its_rules(mirror, post, monkeypatch):
    """Its rules are read with the first news, and no sooner."""
    box, program = post()
    mirror.contact("client")
    program.append("INBOX", raw(1, mirror.at("client"), box.email))
    mirror.sync(box)
    read = []
    model = mirror.registry["crm.mail.mirror.mailbox"]
    real = model._policy
    monkeypatch.setattr(
        model, "_policy", lambda self, **kw: read.append(1) or real(self, **kw)
    )
    before = mirror.sql(
        "SELECT pass_no, cursor_seq FROM crm_mail_mirror_mailbox WHERE id = %s", box.id
    )

    mirror.sync(box)

    assert not read
    ((passes, seq),) = mirror.sql(
        "SELECT pass_no, cursor_seq FROM crm_mail_mirror_mailbox WHERE id = %s", box.id
    )
    assert (passes, seq) == (before[0][0] + 1, before[0][1] + 1)
    assert mirror.mailbox(box, "next_sync_at") and not mirror.mailbox(
        box, "lease_until"
    )
    program.append("INBOX", raw(2, mirror.at("client"), box.email))
    mirror.sync(box)
    assert read and mirror.by_state(box) == {"mirrored": 2}
    mirror.check(box)


def test_rules_that_change_during_a_calm_look_hold_for_the_news_after_it(
    mirror, post, during
):
    box, program = post()
    mirror.contact("client")
    program.append("INBOX", raw(1, mirror.at("client"), box.email))
    mirror.sync(box)
    mirror.sync(box)
    program.append("INBOX", raw(2, mirror.at("client"), box.email))

    def exclude():
        during.clear()
        with mirror.env() as env:
            values = {"kind": "address", "value": mirror.at("client")}
            env["crm.mail.mirror.exclusion"].create({**values, "user_id": False})

    during.append(exclude)
    mirror.sync(box)

    mirror.make_due(box)
    mirror.sync(box)
    assert mirror.states(box)["excluded", "excluded_address"] >= 1
    mirror.check(box)


def test_somebody_who_asks_during_a_calm_look_gets_another_one(mirror, post, during):
    box, _program = post()
    mirror.sync(box)
    looks = []

    def ask():
        looks.append(1)
        if len(looks) == 1:
            mirror.sql(
                """UPDATE crm_mail_mirror_mailbox SET next_sync_at =
                          now() AT TIME ZONE 'UTC' WHERE id = %s""",
                box.id,
            )

    during.append(ask)

    mirror.sync(box)

    assert len(looks) == 2


def test_who_asks_in_the_second_it_was_due_gets_another_look(mirror, post, during):
    box, _program = post()
    mirror.sync(box)
    looks = []

    def ask():
        looks.append(1)
        if len(looks) == 1:
            with mirror.env(box.user_id) as env:
                env["crm.mail.mirror.mailbox"].browse(box.id).action_sync_now()

    during.append(ask)
    time.sleep(1 - time.time() % 1)
    mirror.sql(
        """UPDATE crm_mail_mirror_mailbox SET lease_until = NULL,
                  next_sync_at = date_trunc('second', now() AT TIME ZONE 'UTC')
            WHERE id = %s""",
        box.id,
    )

    mirror.sync(box, due=False)

    assert len(looks) == 2


def test_who_asks_during_a_look_that_has_news_gets_another_one(
    mirror, post, patched_provider
):
    box, program = post()
    mirror.contact("client")
    mirror.sync(box)
    mirror.sync(box)
    program.append("INBOX", raw(1, mirror.at("client"), box.email))
    looks = []

    def and_ask(real):
        def pull(self, *args, **kwargs):
            looks.append(1)
            batch = real(self, *args, **kwargs)
            if len(looks) == 1:
                with mirror.env(box.user_id) as env:
                    env["crm.mail.mirror.mailbox"].browse(box.id).action_sync_now()
            return batch

        return pull

    patched_provider("pull", and_ask)

    mirror.sync(box)

    assert mirror.by_state(box) == {"mirrored": 1}
    assert len(looks) == 2


def test_mailbox_taken_over_during_a_calm_look_is_not_written(mirror, post, during):
    box, _program = post()
    mirror.sync(box)
    mirror.sync(box)
    before = mirror.mailbox(box, "cursor_seq")

    def take_over():
        during.clear()
        mirror.sql(
            "UPDATE crm_mail_mirror_mailbox SET lease_token = 'another' WHERE id = %s",
            box.id,
        )

    during.append(take_over)

    mirror.sync(box)

    assert mirror.mailbox(box, "cursor_seq") == before
    assert mirror.mailbox(box, "lease_token") == "another"
