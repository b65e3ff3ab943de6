# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""A new mail for the running demo.

Example: ``python -m demo.send --to lena --from kaethe --subject Rückfrage``. People are
named by their key (first name) or, if they are not in the demo, by any mail address.
"""

import argparse
import sys
import urllib.request
from datetime import UTC, datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, formataddr, make_msgid
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from demo import post  # noqa: E402
from demo.people import CONTACTS, DOMAIN, PEOPLE, SALESPEOPLE  # noqa: E402

TEXT = "Hello,\n\nthis mail was sent at {time} to see how long the mirror takes.\n"


def main(argv: list[str] | None = None) -> int:
    options = _options(argv)
    where = post.running()
    if where is None:
        print("The demo does not run in this checkout: start it with make demo.")
        return 1
    owner, sender = PEOPLE[options.to], _sender(options.sender)
    raw = _message(owner, sender, options.subject, options.text)
    address = f"http://127.0.0.1:{where['port']}/{where['word']}/{owner.key}"
    urllib.request.urlopen(address, raw, timeout=30).close()
    known = any(person.email == sender[1] for person in CONTACTS)
    place = f"contact {sender[0]}, tab Emails" if known else "nowhere: no such contact"
    print(f"Now in the inbox of {owner.email}, unread. In Odoo within two minutes:")
    print(f"log in as {owner.key}, {place}.")
    return 0


def _options(argv):
    parser = argparse.ArgumentParser(prog="python -m demo.send", description=__doc__)
    keys = [person.key for person in SALESPEOPLE]
    parser.add_argument("--to", choices=keys, default="lena")
    parser.add_argument("--from", dest="sender", default="kaethe")
    parser.add_argument("--subject", default="A new mail for the demo")
    parser.add_argument("--text", default="")
    options = parser.parse_args(argv)
    if options.sender not in PEOPLE and "@" not in options.sender:
        keys = ", ".join(person.key for person in CONTACTS)
        parser.error(f"--from is a mail address or one of: {keys}")
    return options


def _sender(word):
    """:return: ``(name, address)``"""
    person = PEOPLE.get(word)
    return (person.name, person.email) if person else ("", word)


def _message(owner, sender, subject, text):
    now = datetime.now(UTC)
    message = EmailMessage(policy=SMTP)
    way = f"from mx1.{DOMAIN} by store.{DOMAIN} for <{owner.email}>"
    message["Received"] = f"{way}; {format_datetime(now)}"
    message["Message-ID"] = make_msgid(domain=sender[1].rpartition("@")[2])
    message["Date"] = format_datetime(now)
    message["From"] = formataddr(sender)
    message["To"] = formataddr((owner.name, owner.email))
    message["Subject"] = subject
    message.set_content(text or TEXT.format(time=f"{now.astimezone():%H:%M:%S}"))
    return bytes(message)


if __name__ == "__main__":
    sys.exit(main())
