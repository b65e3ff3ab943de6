# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""A job that has nothing to do sleeps until its time: it does not wake itself up.

One that asked for its own next run whenever it ran was called ten times a second.
"""

import pytest

JOBS = (
    "ir_cron_sync_0",
    "ir_cron_outbox",
    "ir_cron_audit",
    "ir_cron_changes",
    "ir_cron_folders",
    "ir_cron_expiry",
    "ir_cron_erasures",
    "ir_cron_retention",
    "ir_cron_leavers",
    "ir_cron_invitations",
)


def test_no_job_is_forgotten_here(mirror):
    with mirror.env() as env:
        ours = env["ir.model.data"].search(
            [("module", "=", "crm_mail_mirror"), ("model", "=", "ir.cron")]
        )
        assert set(ours.mapped("name")) == {
            *JOBS,
            *(f"ir_cron_sync_{n}" for n in (1, 2, 3)),
        }


@pytest.mark.parametrize("name", JOBS)
def test_an_idle_job_does_not_wake_itself_up(mirror, clients, name):
    mirror.sync(clients)
    with mirror.env() as env:
        job = env.ref(f"crm_mail_mirror.{name}")
        triggers = env["ir.cron.trigger"].search([])
        triggers.unlink()
        job.ir_actions_server_id.run()  # what was left by others is done by this
        env.cr.commit()
        env["ir.cron.trigger"].search([]).unlink()

        job.ir_actions_server_id.run()

        env.cr.commit()
        assert not env["ir.cron.trigger"].search([("cron_id", "=", job.id)])
