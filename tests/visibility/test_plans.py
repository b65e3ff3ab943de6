"""Are the indexes there by which a million mails are walked and searched?

Without them nothing is wrong but the time it takes, which no other test notices. The
tables are small here, so the planner is told to use an index wherever one can be used.
"""

import pytest

from .table import MESSAGE
from .world import copy, letter, mailbox_of


@pytest.fixture
def plan(root, viewer):
    """``plan(query)``: how it would be run."""

    def of(query):
        from odoo.tools import SQL

        root.cr.execute("SET LOCAL enable_seqscan = off; SET LOCAL enable_sort = off")
        root.cr.execute(SQL("EXPLAIN %s", query))
        return "\n".join(line for (line,) in root.cr.fetchall())

    return of


@pytest.fixture
def asked(monkeypatch, viewer):
    """``asked(method, *arguments)``: the query by which a window is found."""

    def of(name, addresses):
        messages, queries = viewer("2")[MESSAGE], []
        look = messages._look({"model": None}, None, None)
        look = look._replace(addresses=addresses)

        def heard(self, query, size):
            queries.append(query)
            return [], None

        monkeypatch.setattr(type(messages), "_of_window", heard)
        getattr(messages, name)(look, None, 200, None)
        return queries[0]

    return of


@pytest.mark.parametrize(
    "window, addresses, index",
    [
        ("_window", None, "message_date_idx"),
        ("_window", [1, 2, 3], "participant_address_date_idx"),
        ("_mailbox_window", None, "copy_mailbox_date_idx"),
    ],
)
def test_windows_are_read_in_the_order_of_an_index(
    plan, asked, window, addresses, index
):
    found = plan(asked(window, addresses))

    assert f"crm_mail_mirror_{index}" in found
    assert "Seq Scan" not in found


@pytest.mark.parametrize(
    "table, column",
    [
        ("body", "text_words"),
        ("message", "subject_words"),
        ("participant", "name_words"),
        ("address", "email_words"),
    ],
)
def test_words_are_found_by_an_index(plan, table, column):
    from odoo.tools import SQL

    from odoo.addons.crm_mail_mirror.models.found_words import asked_for

    name = f"crm_mail_mirror_{table}"
    query = SQL(
        "SELECT id FROM %s WHERE %s @@ %s",
        SQL.identifier(name),
        SQL.identifier(column),
        asked_for("réu anna"),
    )

    found = plan(query)

    assert f"Bitmap Index Scan on {name}_words_idx" in found


def test_copies_have_the_date_of_their_mail(root, world):
    """By which their mailbox's mail is listed."""
    mailbox = mailbox_of(root, world.users["viewer"], "dated@us.test")
    mail = letter(root, "Dated", "2026-02-03 04:05:06", [("from", "a@b.test")])
    made = copy(root, mail, mailbox, "in", "text")

    root.cr.execute("SELECT date::text FROM crm_mail_mirror_copy WHERE id = %s", [made])
    assert root.cr.fetchone() == ("2026-02-03 04:05:06",)
    root.cr.execute(
        """SELECT count(*) FROM crm_mail_mirror_copy c
             JOIN crm_mail_mirror_message t ON t.id = c.message_id
            WHERE c.date IS DISTINCT FROM t.date"""
    )
    assert root.cr.fetchone() == (0,)
