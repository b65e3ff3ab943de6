# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""Whatever happened, in whatever order: is the mirror what a fresh one would be?

A fresh mirror is given the same rules, contacts and mailboxes. Stories are random;
``MACHINE_EXAMPLES=1000`` tells so many other ones each time.
"""

import os

import pytest
from hypothesis import HealthCheck, Phase, note, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    rule,
    run_state_machine_as_test,
)

from tests.sync.history import EDGES, Crash, break_off

pytest.register_assert_rewrite("tests.sync.machine.fresh")

EXAMPLES = int(os.environ.get("MACHINE_EXAMPLES", "0"))
STORIES = settings(
    max_examples=EXAMPLES or 15,
    stateful_step_count=25,
    derandomize=not EXAMPLES,
    database=None,
    deadline=None,
    report_multiple_bugs=False,
    suppress_health_check=list(HealthCheck),
    phases=(Phase.explicit, Phase.generate, Phase.shrink),
)

#: Where a page, or what is done besides, can be broken off; and the jobs.
READ_EDGES = EDGES + [
    (model, step, moment)
    for model, step in (
        ("search", "_found"),
        ("search", "_advance"),
        ("audit", "_begin_week"),
        ("audit", "_compare"),
        ("audit", "_settle"),
        ("audit", "_finish"),
        ("audit", "_listed"),
        ("page", "_leave"),
        ("page", "_let_go"),
        ("listing", "_untold"),
        ("listing", "_end"),
    )
    for moment in ("before", "after")
]
JOB_EDGES = [
    (model, step, moment)
    for model, step in (
        ("review", "_apply"),
        ("review", "_requeue"),
        ("change", "_narrow"),
        ("change", "_widen"),
        ("change", "_passed"),
        ("search", "_begin_listing"),
        ("folder", "_forget_some"),
        ("erasure", "_erase_some"),
        ("erasure", "_lift_some"),
        ("audit", "_judge_some"),
        ("retention", "_raise_floors"),
        ("retention", "_purge"),
        ("outbox", "_queue_matching"),
        ("day", "_add"),
    )
    for moment in ("before", "after")
]

which = st.integers(0, 5)
box = st.integers(0, 2)
boxes = st.sampled_from([[0], [1], [2], [0, 1], [2, 0], [1, 0, 2]])
person = st.integers(0, 4)
folder = st.sampled_from(["INBOX", "Archive", "Work", "Trash"])
owner = st.sampled_from(["anna", "ben"])
kind = st.sampled_from(["address", "domain", "word"])
#: When something happens: now, or while a mailbox is read.
when = st.sampled_from([None, None, None, "pull", "facts", "fetch", "confirm"])
mail = st.fixed_dictionaries(
    {
        "boxes": boxes,
        "person": person,
        "also": st.sampled_from([0, 0, 0, 1, 2, 3, 4, 5, 6]),
        "bcc": st.sampled_from([0, 0, 1, 4, 6]),
        "manner": st.sampled_from(
            ["letter"] * 6
            + ["without id", "private", "falcon", "sensitive", "bulk", "invitation"]
        ),
        "days": st.sampled_from([0, 0, 3, 20, 100]),
        "folder": st.sampled_from(["INBOX", "INBOX", "Sent", "Archive", "Work"]),
    }
)


class Machine(RuleBasedStateMachine):
    """What may happen next. Everything is done by ``World``; here it is only chosen."""

    mirror = owners = patched = None

    def __init__(self):
        super().__init__()
        from tests.sync.machine.world import World

        self.world = World(self.mirror, self.owners)
        # what happens while a mailbox is read: (border, what); what went wrong in it
        self.waiting, self.trouble = [], []

    def _do(self, when, what, *args, **kwargs):
        def act():
            _again_if_writers_meet(lambda: getattr(self.world, what)(*args, **kwargs))

        if when is None:
            act()
        else:
            self.waiting.append((when, act))

    def _at(self, border):
        for each in [each for each in self.waiting if each[0] == border]:
            self.waiting.remove(each)
            try:
                each[1]()
            except Exception as error:
                self.trouble.append(error)  # the network's thread would swallow it

    # ---- the mailboxes --------------------------------------------------------------

    @initialize(
        known=st.lists(person, max_size=3, unique=True),
        mails=st.lists(mail, max_size=6),
    )
    def begin(self, known, mails):
        for each in known:
            self.world.add_contact(each)
        for each in mails:
            self.world.arrive(**each)
        for _box, house in self.world.boxes:
            for border in ("pull", "facts", "fetch", "confirm"):
                house.before[border] = lambda _calls, at=border: self._at(at)

    @rule(when=when, mail=mail)
    def mail_arrives(self, when, mail):
        self._do(when, "arrive", **mail)

    @rule(when=when, boxes=boxes, person=person)
    def letter_arrives(self, when, boxes, person):
        self._do(when, "arrive", boxes, person)

    @rule(when=when, box=box, which=which, folder=folder)
    def mail_moves(self, when, box, which, folder):
        self._do(when, "move", box, which, folder)

    @rule(when=when, box=box, which=which)
    def mail_is_deleted(self, when, box, which):
        self._do(when, "delete", box, which)

    @rule(when=when, which=which)
    def mail_comes_back(self, when, which):
        self._do(when, "bring_back", which)

    @rule(when=when, box=box)
    def folder_is_renamed(self, when, box):
        self._do(when, "rename_folder", box)

    @rule(when=when, box=box, folder=folder)
    def places_become_void(self, when, box, folder):
        self._do(when, "void", box, folder)

    # ---- the CRM --------------------------------------------------------------------

    @rule(when=when, person=person)
    def contact_is_added(self, when, person):
        self._do(when, "add_contact", person)

    @rule(when=when, person=person)
    def lead_is_added(self, when, person):
        self._do(when, "add_lead", person)

    @rule(when=when, which=which, person=person)
    def contact_changes_address(self, when, which, person):
        self._do(when, "change_address", which, person)

    @rule(when=when, which=which)
    def contact_is_archived(self, when, which):
        self._do(when, "archive_contact", which)

    @rule(when=when, which=which)
    def contact_is_deleted(self, when, which):
        self._do(when, "delete_contact", which)

    @rule(when=when, which=which)
    def lead_is_deleted(self, when, which):
        self._do(when, "delete_lead", which)

    @rule(when=when)
    def contacts_are_merged(self, when):
        self._do(when, "merge_contacts")

    @rule(when=when, which=which)
    def former_addresses_are_forgotten(self, when, which):
        self._do(when, "forget_former", which)

    # ---- rules ----------------------------------------------------------------------

    @rule(
        when=when,
        kind=kind,
        which=which,
        owner=st.sampled_from(["", "anna", "ben"]),
        effect=st.sampled_from(["never", "never", "always"]),
    )
    def rule_is_added(self, when, kind, which, owner, effect):
        self._do(when, "add_rule", kind, which, owner, effect)

    @rule(when=when, owner=owner, which=which)
    def change_is_undone(self, when, owner, which):
        self._do(when, "undo_change", owner, which)

    @rule(when=when, person=person)
    def person_is_erased(self, when, person):
        self._do(when, "erase", person)

    @rule(when=when, which=which)
    def erasure_is_lifted(self, when, which):
        self._do(when, "lift_erasure", which)

    @rule(when=when, which=which)
    def rule_is_removed(self, when, which):
        self._do(when, "remove_rule", which)

    @rule(when=when, box=box, far=st.sampled_from(["1w", "1m", "6m", "all"]))
    def another_look_back(self, when, box, far):
        self._do(when, "change_mailbox", box, look_back=far)

    @rule(when=when, box=box, mode=st.sampled_from(["one_way", "two_way"]))
    def another_mode(self, when, box, mode):
        self._do(when, "change_mailbox", box, mode=mode)

    @rule(when=when, box=box, person=person)
    def alias_is_added(self, when, box, person):
        self._do(when, "add_alias", box, person)

    @rule(when=when, box=box)
    def aliases_are_removed(self, when, box):
        self._do(when, "change_mailbox", box, aliases=False)

    @rule(
        when=when,
        box=box,
        folder=st.sampled_from(["Sent", "Archive", "Work"]),
        on=st.booleans(),
    )
    def folder_is_chosen(self, when, box, folder, on):
        self._do(when, "choose_folder", box, folder, on)

    @rule(when=when, on=st.booleans())
    def domains_match(self, when, on):
        self._do(when, "match_domains", on)

    @rule(when=when, owner=owner, which=which)
    def owner_removes_a_mail(self, when, owner, which):
        self._do(when, "remove_mail", owner, which)

    @rule(when=when, months=st.sampled_from([1, 2, False]))
    def mail_is_kept_for(self, when, months):
        self._do(when, "keep_for", months)

    @rule(when=when, box=box)
    def mailbox_is_handed_over(self, when, box):
        self._do(when, "hand_over", box)

    @rule(when=when, box=box, mode=st.sampled_from(["all", "written", "never"]))
    def contacts_are_suggested(self, when, box, mode):
        self._do(when, "suggest", box, mode)

    @rule(
        when=when,
        owner=owner,
        which=which,
        answer=st.sampled_from(["action_create", "action_dismiss"]),
    )
    def suggestion_is_answered(self, when, owner, which, answer):
        self._do(when, "answer_suggestion", owner, which, answer)

    @rule(owner=owner, which=which)
    def owner_withholds_a_mail(self, owner, which):
        self.world.withhold_mail(owner, which)

    @rule(when=when, owner=owner, which=which)
    def owner_takes_it_back(self, when, owner, which):
        self._do(when, "undo_removal", owner, which)

    # ---- time -----------------------------------------------------------------------

    @rule(days=st.sampled_from([1, 8]))
    def days_pass(self, days):
        self.world.days_pass(days)
        self._check()

    @rule(boxes=boxes)
    def mailboxes_are_read(self, boxes):
        for box in boxes:  # one by one: the same story goes the same way each time
            self.mirror.sync(self.world.boxes[box][0])
        self._check()

    @rule(box=box, edge=st.sampled_from(READ_EDGES), nth=st.integers(1, 2))
    def reading_is_broken_off(self, box, edge, nth):
        with self.patched.context() as broken:
            break_off(broken, self.mirror.registry, edge, nth)
            try:
                self.mirror.sync(self.world.boxes[box][0])
            except Crash:
                note("(it crashed)")
        self._check()

    def _check(self):
        from tests.sync.machine import fresh

        assert not self.trouble
        fresh.check(self.world)

    @rule()
    def jobs_run(self):
        from tests.sync.machine.fresh import run_jobs

        run_jobs(self.mirror)
        self._check()

    @rule(edge=st.sampled_from(JOB_EDGES), nth=st.integers(1, 2))
    def jobs_are_broken_off(self, edge, nth):
        from tests.sync.machine.fresh import run_jobs

        with self.patched.context() as broken:
            break_off(broken, self.mirror.registry, edge, nth)
            try:
                run_jobs(self.mirror)
            except Crash:
                note("(they crashed)")
        self._check()

    @rule(when=when, box=box, kind=st.sampled_from(["week", "all"]))
    def mailbox_is_compared(self, when, box, kind):
        self._do(when, "ask_for_audit", box, kind)

    @rule()
    def a_night_passes(self):
        from tests.sync.machine.fresh import vacuum

        vacuum(self.mirror)
        self._check()

    # ---- the end --------------------------------------------------------------------

    def teardown(self):
        from tests.sync.machine import fresh

        try:
            for _when, act in self.waiting:
                act()  # its time never came
            self.waiting.clear()
            fresh.settle(self.world)
            self._check()
            fresh.compare(self.world)
        finally:
            self.world.close()


def _again_if_writers_meet(act):
    """As Odoo's server does with a request."""
    import psycopg2

    for _attempt in range(4):
        try:
            return act()
        except psycopg2.OperationalError:
            pass
    return act()


@pytest.fixture(scope="module")
def owners(sync_registry):
    """Who owns the mailboxes of all stories; made once."""
    from tests.sync.mirror import Mirror

    mirror = Mirror(sync_registry, {})
    return mirror.house, {name: mirror.user(name) for name in ("anna", "ben", "carl")}


@pytest.fixture
def machine(mirror, lib, owners, small_bites, monkeypatch):
    from odoo.addons.crm_mail_mirror.models import crm_mail_mirror_page_leave as leave

    # much goes at once, and so in steps, when three mails do
    for name in ("PLACES", "COPIES"):
        monkeypatch.setattr(leave, name, leave.Slice(2, most=3))
    mirror.house = owners[0]
    given = {"mirror": mirror, "owners": owners[1], "patched": monkeypatch}
    return type("Machine", (Machine,), given)


def test_after_any_story_the_mirror_is_what_a_fresh_one_would_be(machine):
    run_state_machine_as_test(machine, settings=STORIES)


# ---- does it notice? ---


def rules_act_forward_only(patch, registry):
    patch.setattr(
        registry["crm.mail.mirror.change"], "_narrow", lambda self, *_args: True
    )


def what_expired_counts_again(patch, registry):
    patch.setattr(
        registry["crm.mail.mirror.day"], "_take_back", lambda self, *_args: None
    )


def undo_brings_nothing_back(patch, registry):
    patch.setattr(
        registry["crm.mail.mirror.review"],
        "_requeue",
        lambda self, *_args, **_kwargs: 0,
    )


def what_is_over_stays(patch, registry):
    patch.setattr(
        registry["crm.mail.mirror.retention"], "_purge", lambda self, _rows: None
    )


def the_leavers_rules_hold_for_the_successor(patch, registry):
    patch.setattr(
        registry["crm.mail.mirror.mailbox"], "_follow_successor", lambda self: None
    )


def the_erased_are_suggested(patch, registry):
    patch.setattr(
        registry["crm.mail.mirror.erasure"],
        "_erase_rest",
        lambda self, *_args: None,
    )


def begin_with_a_letter(state, known, **values):
    state.begin(known=known, mails=[{"boxes": [0], "person": 0, **values}])
    state.mailboxes_are_read(boxes=[0, 1, 2])


def a_rule_is_added(state):
    begin_with_a_letter(state, [0])
    state.rule_is_added(None, "address", 0, "anna", "never")


def a_rule_is_undone(state):
    a_rule_is_added(state)
    state.jobs_run()
    state.change_is_undone(None, "anna", 0)


def what_expired_is_moved(state):
    begin_with_a_letter(state, [])
    state.days_pass(8)
    state.a_night_passes()
    state.mail_moves(None, 0, 0, "Archive")


def mail_is_old(state):
    begin_with_a_letter(state, [0], days=100)
    state.mail_is_kept_for(None, 1)


def the_successor_keeps_out_what_the_leaver_had(state):
    begin_with_a_letter(state, [0])
    state.rule_is_added(None, "address", 0, "ben", "never")
    state.mailbox_is_handed_over(None, 0)


def somebody_suggested_is_erased(state):
    state.begin(known=[], mails=[])
    state.contacts_are_suggested(None, 0, "all")
    state.letter_arrives(None, [0], 0)
    state.mailboxes_are_read(boxes=[0])
    state.person_is_erased(None, 0)


STORIES_OF_FAULTS = {
    what_is_over_stays: mail_is_old,
    the_leavers_rules_hold_for_the_successor: (
        the_successor_keeps_out_what_the_leaver_had
    ),
    the_erased_are_suggested: somebody_suggested_is_erased,
    rules_act_forward_only: a_rule_is_added,
    what_expired_counts_again: what_expired_is_moved,
    undo_brings_nothing_back: a_rule_is_undone,
}


@pytest.mark.parametrize("fault", STORIES_OF_FAULTS, ids=lambda fault: fault.__name__)
def test_planted_fault_is_found_in_a_story_that_meets_it(machine, fault, monkeypatch):
    story = STORIES_OF_FAULTS[fault]
    sound = machine()
    story(sound)
    sound.teardown()

    faulty = machine()
    fault(monkeypatch, faulty.mirror.registry)
    with pytest.raises(AssertionError):
        try:
            story(faulty)
        finally:
            faulty.teardown()
