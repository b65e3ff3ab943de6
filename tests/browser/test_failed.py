# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""An owner sees which mail could not be read, ignores it, and takes that back."""

import psycopg2
import pytest
from playwright.sync_api import expect


@pytest.fixture
def frida(office, postgres) -> tuple[str, int]:
    """Login and mailbox: of two mails of a contact one could not be read."""
    login = office.user("Frida Failed")
    office.contact("Kai Kunde", "kai@failed.example")
    for number in range(2):
        office.letter(login, sender="kai@failed.example", subject=f"Plan {number}")
    mailbox = office.link(login, 2)
    database = psycopg2.connect(
        host=postgres.host,
        port=postgres.port,
        user=postgres.user,
        password=postgres.password,
        dbname=office.server.dbname,
    )
    with database, database.cursor() as cr:
        # as if it had been too big: the next try finds it as it is
        cr.execute(
            """UPDATE crm_mail_mirror_copy SET state = 'failed', attempts = 3,
                      reason = 'message_too_big', message_id = NULL, body_id = NULL,
                      next_try_at = now() AT TIME ZONE 'UTC' + interval '1 day'
                WHERE id = (SELECT max(id) FROM crm_mail_mirror_copy
                             WHERE mailbox_id = %s)
            RETURNING received_at::date""",
            [mailbox],
        )
        (day,) = cr.fetchone()
        cr.execute(
            """UPDATE crm_mail_mirror_day SET count = count - 1
                WHERE mailbox_id = %s AND day = %s AND state = 'mirrored'""",
            [mailbox, day],
        )
        cr.execute(
            """INSERT INTO crm_mail_mirror_day (mailbox_id, day, state, reason, count)
               VALUES (%s, %s, 'failed', 'message_too_big', 1)""",
            [mailbox, day],
        )
    database.close()
    return login, mailbox


def test_owner_ignores_a_failed_mail_and_has_it_tried_again(office, desk, frida):
    login, mailbox = frida
    own = desk(login)
    own.mailbox(mailbox)
    own.page.locator("a[name=proof]").click()
    shown = own.page.locator(".o_notebook .tab-pane.active")
    expect(shown.locator("[name=failed_count]")).to_have_text("1")

    shown.locator("button[name=action_failed]:visible").click()
    rows = own.page.locator(".o_list_view tr.o_data_row")
    expect(rows).to_have_count(1)
    expect(rows).to_contain_text("too big")
    expect(rows).to_contain_text("INBOX")
    rows.locator("button[name=action_ignore]").click()
    expect(own.page.locator(".o_view_nocontent")).to_contain_text("No mail waits")

    own.search_nothing()
    own.filter("Ignored")
    rows.locator("button[name=action_try_again]").click()
    office.wait_mirrored(login, 2)
