# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""What happened to each mail in a run, by the database itself and the mail programs?

A mail that is missing at the end says nothing of when it went. Rows and places that
come and go, and cursors that move, are written down by triggers; what owners do beside
them.
"""

import contextlib
import time

_NOTED = """
DROP TABLE IF EXISTS chaos_history;
CREATE TABLE chaos_history (
    at timestamp DEFAULT (clock_timestamp() AT TIME ZONE 'UTC'), worker text DEFAULT
    current_setting('application_name'), tx bigint DEFAULT txid_current(),
    what text, mailbox int, copy int, folder int, ref text, told text);
CREATE OR REPLACE FUNCTION chaos_note_copy() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO chaos_history (what, mailbox, copy, told)
    VALUES ('row ' || TG_OP, coalesce(NEW.mailbox_id, OLD.mailbox_id),
            coalesce(NEW.id, OLD.id), concat_ws(' ', NEW.state, NEW.reason,
            NEW.received_at, 'orphan ' || NEW.orphan_pass, left(NEW.key, 8)));
    RETURN NULL;
END $$;
CREATE OR REPLACE FUNCTION chaos_note_place() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO chaos_history (what, copy, folder, ref)
    VALUES ('place ' || TG_OP, coalesce(NEW.copy_id, OLD.copy_id),
            coalesce(NEW.folder_id, OLD.folder_id), coalesce(NEW.ref, OLD.ref));
    RETURN NULL;
END $$;
CREATE OR REPLACE FUNCTION chaos_note_cursor() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO chaos_history (what, mailbox, told)
    VALUES ('mailbox', NEW.id, concat_ws(' ', 'seq', NEW.cursor_seq, 'pass',
            NEW.pass_no, 'listing', NEW.listing, NEW.last_error, NEW.cursor));
    RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER chaos_copy
    AFTER INSERT OR DELETE OR UPDATE OF state, orphan_pass
    ON crm_mail_mirror_copy FOR EACH ROW EXECUTE FUNCTION chaos_note_copy();
CREATE OR REPLACE TRIGGER chaos_place AFTER INSERT OR DELETE
    ON crm_mail_mirror_location FOR EACH ROW EXECUTE FUNCTION chaos_note_place();
CREATE OR REPLACE TRIGGER chaos_cursor AFTER UPDATE OF cursor, cursor_seq
    ON crm_mail_mirror_mailbox FOR EACH ROW EXECUTE FUNCTION chaos_note_cursor();
"""

#: What a mail program does to a mail that is there.
_DEEDS = ("flag", "move", "expunge", "copy")


def note_rows(mirror) -> None:
    mirror.sql(_NOTED)


class Noted:
    """A mail program that writes down what is done with it."""

    def __init__(self, program, owner: str, told: list[str]):
        self._program, self._owner, self._told = program, owner, told

    def __getattr__(self, name):
        real = getattr(self._program, name)
        if name not in _DEEDS:
            return real

        def deed(*args, **options):
            began = time.time()
            try:
                return real(*args, **options)
            finally:
                when = time.strftime("%T", time.gmtime(began)) + f"{began % 1:.3f}"[1:]
                self._told.append(f"{when} {self._owner} {name} {args} {options}")

        return deed


def of_mailbox(mirror, mailbox_id: int) -> list[str]:
    """All that the database wrote down of one mailbox, in order."""
    with contextlib.suppress(Exception):
        rows = mirror.sql(
            """SELECT h.at::time(3)::text, h.tx, h.worker, h.what, h.copy,
                      h.folder || ' ' || h.ref, h.told
                 FROM chaos_history h
                WHERE h.mailbox = %s OR h.copy IN (
                      SELECT copy FROM chaos_history WHERE mailbox = %s)
                ORDER BY h.at""",
            mailbox_id,
            mailbox_id,
        )
        return [" ".join(str(each) for each in row if each is not None) for row in rows]
    return ["no history"]
