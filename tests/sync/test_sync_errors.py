"""When it does not work: what the owner reads, and when it is tried again."""

import pytest


def wait(mirror, box):
    """Seconds until the mailbox is looked at again."""
    ((seconds,),) = mirror.sql(
        """SELECT extract(epoch FROM next_sync_at - now() AT TIME ZONE 'UTC')::float
             FROM crm_mail_mirror_mailbox WHERE id = %s""",
        box.id,
    )
    return seconds


def refuse(server, error):
    def border(_calls):
        raise error

    server.before["pull"] = border


def test_retry_after_is_the_least_pause(mirror, lib, server):
    box = mirror.link(server=server)
    refuse(server, lib.base.Throttled(retry_after=1234))

    mirror.sync(box)

    assert 1230 <= wait(mirror, box) <= 1234 * 1.3
    assert mirror.mailbox(box, "state") == "active"
    assert mirror.mailbox(box, "last_error") == "throttled"


def test_pauses_after_errors_grow_to_an_hour_and_no_further(mirror, lib, server):
    box = mirror.link(server=server)
    refuse(server, lib.base.Unavailable("timeout"))

    waits = []
    for _ in range(10):
        mirror.sync(box)
        waits.append(wait(mirror, box))

    assert 55 < waits[0] < 75
    assert waits[:5] == sorted(waits[:5])
    assert 3600 - 5 < waits[-1] < 3600 * 1.3
    assert server.calls["pull"] == 10, "tried more often than due"


def test_forbidden_server_needs_the_administrator(mirror, lib, server):
    box = mirror.link(server=server)
    refuse(server, lib.base.NotAllowed("host_forbidden"))

    mirror.sync(box)
    mirror.sync(box, due=False)

    assert mirror.mailbox(box, "state") == "error"
    assert server.calls["pull"] == 1
    assert 3600 - 5 < wait(mirror, box) < 3600 * 1.3


@pytest.mark.parametrize("kind", ["LoginRequired", "NotAllowed"])
def test_paused_while_it_was_refused_it_stays_paused(mirror, lib, server, kind):
    code = {"LoginRequired": "access_revoked", "NotAllowed": "host_forbidden"}[kind]
    box = mirror.link(server=server)

    def pause_and_refuse(_calls):
        with mirror.env(box.user_id) as env:
            env["crm.mail.mirror.mailbox"].browse(box.id).action_pause()
        raise getattr(lib.base, kind)(code)

    server.before["pull"] = pause_and_refuse
    mirror.sync(box)
    mirror.sync(box)

    assert mirror.mailbox(box, "state") == "paused"
    assert not mirror.mailbox(box, "lease_token")
    assert mirror.activities(box) == 0
    assert server.calls["pull"] == 1


@pytest.mark.parametrize("mirrored", ["keep", "purge"])
def test_disconnected_just_when_it_was_claimed(
    mirror, lib, server, monkeypatch, mirrored
):
    """It is as its owner left it, and the others of the claim are mirrored."""
    other_server = lib.Server()
    box, other = mirror.link(server=server), mirror.link("otto", other_server)
    mirror.contact("client")
    other_server.put(lib.mail(1, mirror.at("client"), other.email))
    model = mirror.registry["crm.mail.mirror.sync"]
    real = model._begun

    def begun(self, *args):
        monkeypatch.setattr(model, "_begun", real)
        with mirror.env(box.user_id) as env:
            wizard = env["crm.mail.mirror.disconnect"].create(
                {"mailbox_id": box.id, "mirror": mirrored}
            )
            wizard.action_disconnect()
        return real(self, *args)

    monkeypatch.setattr(model, "_begun", begun)
    mirror.sync(box, other)

    assert mirror.by_state(other) == {"mirrored": 1}
    assert not server.calls["pull"]
    states = mirror.sql(
        "SELECT state, last_error FROM crm_mail_mirror_mailbox WHERE id = %s", box.id
    )
    assert states == ([("draft", None)] if mirrored == "keep" else [])
    if mirrored == "keep":
        assert mirror.activities(box) == 0


def test_first_import_that_never_ended_and_was_kept_is_no_form_that_was_left(
    mirror, lib, server, small_bites
):
    box = mirror.link(server=server)
    mirror.contact("client")
    server.put(*(lib.mail(n, mirror.at("client"), box.email) for n in range(20)))

    def fail(calls):
        if calls > 1:
            raise lib.base.Unavailable("server_error")

    server.before["pull"] = fail
    mirror.sync(box)
    there = mirror.by_state(box)["mirrored"]
    with mirror.env(box.user_id) as env:
        wizard = {"mailbox_id": box.id, "mirror": "keep"}
        env["crm.mail.mirror.disconnect"].create(wizard).action_disconnect()
    mirror.sql(
        """UPDATE crm_mail_mirror_mailbox SET write_date = now() - interval '8 days'
            WHERE id = %s""",
        box.id,
    )
    assert not mirror.mailbox(box, "last_sync_at")

    with mirror.env() as env:
        mailbox = env["crm.mail.mirror.mailbox"].browse(box.id)
        assert not mailbox._is_untried()
        mailbox._gc_untried()

    assert there and mirror.by_state(box)["mirrored"] == there


def test_what_the_administrator_mended_goes_on_by_itself(mirror, lib, server):
    box = mirror.link(server=server)
    refuse(server, lib.base.NotAllowed("host_forbidden"))
    mirror.sync(box)
    del server.before["pull"]

    mirror.sync(box)

    assert mirror.mailbox(box, "state") == "active"
    assert not mirror.mailbox(box, "last_error")


def test_bug_of_a_provider_is_no_crash_and_tells_nothing_of_the_mail(
    mirror, lib, server, caplog
):
    box = mirror.link(server=server)
    other = lib.Server()
    well = mirror.link("bert", other)
    mirror.contact("client")
    other.put(lib.mail(1, mirror.at("client"), well.email))
    refuse(server, ValueError("the text of a mail"))

    mirror.sync(box, well)

    assert mirror.mailbox(box, "last_error") == "bug"
    assert mirror.by_state(well) == {"mirrored": 1}
    assert "the text of a mail" not in caplog.text


def test_without_a_key_nothing_is_fetched(mirror, lib, server, monkeypatch):
    box = mirror.link(server=server)
    server.put(lib.mail(1, mirror.at("client"), box.email))

    with monkeypatch.context() as without:
        without.setenv("CRM_MAIL_MIRROR_KEY", "")
        mirror.sync(box)
        assert server.calls["connect"] == 0
        assert mirror.states(box) == {}
        assert mirror.mailbox(box, "state") == "active", "nobody has to do it again"

    mirror.sync(box)
    assert mirror.by_state(box) == {"unmatched": 1}


def test_another_key_says_so_and_fetches_nothing(mirror, lib, server, monkeypatch):
    box = mirror.link(server=server)

    with monkeypatch.context() as another:
        another.setenv("CRM_MAIL_MIRROR_KEY", "another-key-" * 4)
        mirror.sync(box)

    assert server.calls["connect"] == 0
    assert mirror.mailbox(box, "state") == "error"
    with mirror.env(box.user_id) as env:
        mailbox = env["crm.mail.mirror.mailbox"].browse(box.id)
        assert "key" in mailbox.last_error_sentence
        assert len(mailbox.activity_ids) == 1


def test_key_before_the_rotation_still_opens_and_finds(
    mirror, lib, server, monkeypatch
):
    """New under the first key, looked up under all (DESIGN 8)."""
    import os

    box = mirror.link(server=server)
    mirror.contact("client")
    refs = server.put(
        lib.mail(1, mirror.at("client"), box.email),
        lib.mail(2, mirror.at("late"), box.email),
        lib.mail(3, mirror.at("client"), box.email),
    )
    mirror.sync(box)

    both = f"{'newer-key-' * 4} {os.environ['CRM_MAIL_MIRROR_KEY']}"
    monkeypatch.setenv("CRM_MAIL_MIRROR_KEY", both)
    server.move(refs[0], "Archive")
    mirror.contact("late")
    mirror.look_again()
    for _ in range(3):
        mirror.sync(box)
        mirror.check(box)

    assert mirror.by_state(box) == {"mirrored": 3}
    assert set(server.fetched.values()) == {1}


def test_mailbox_without_secret_asks_its_owner(mirror, server):
    box = mirror.link(server=server)
    mirror.sql("DELETE FROM crm_mail_mirror_credential WHERE mailbox_id = %s", box.id)

    mirror.sync(box)

    assert mirror.mailbox(box, "state") == "needs_login"
    assert mirror.mailbox(box, "last_error") == "no_secret"


def test_one_owners_trouble_does_not_hold_up_the_others(mirror, lib):
    servers = [lib.Server() for _ in range(12)]
    boxes = [mirror.link(f"user{n}", each) for n, each in enumerate(servers)]
    mirror.contact("client")
    for number, (box, server) in enumerate(zip(boxes, servers, strict=True)):
        server.put(lib.mail(number, mirror.at("client"), box.email))
        if number % 3 == 0:
            refuse(server, lib.base.LoginRequired("access_revoked"))

    mirror.sync(*boxes)

    states = [mirror.mailbox(box, "state") for box in boxes]
    assert states == ["needs_login", "active", "active"] * 4
    assert sum(mirror.by_state(box)["mirrored"] for box in boxes) == 8
