# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""How is one of our jobs called, and how does it go on while there is work?"""

#: Seconds of work in one run of a job; below every limit of a cron worker.
BUDGET = 20.0


def trigger(env, name):
    """Have a job run soon, unless an administrator deleted it.

    :param name: of the job ``ir_cron_<name>``
    """
    cron = env.ref(f"crm_mail_mirror.ir_cron_{name}", raise_if_not_found=False)
    if cron:
        cron.sudo()._trigger()


def one_run(env, work):
    """One run of the job that ``env`` belongs to, and another one if work is left.

    A job that reports work to Odoo is called up to ten times in a row and killed: so it
    says that it is done, and asks for its own next run.

    :param work: called without arguments; whether anything is left
    """
    cron = env["ir.cron"]
    cron._commit_progress(remaining=0)
    if work():
        cron.browse(env.context.get("cron_id"))._trigger()
