"""What each way of asking must answer at each level, and where it does not."""

from .world import World

MESSAGE = "crm.mail.mirror.message"
SHOWN = (
    "access", "attachment_names", "body", "direction", "has_attachment", "is_mine",
    "matched_by_domain", "owner_ids", "partner_ids", "people", "preview",
    "recipient_names", "recipients", "sender", "sender_name", "subject",
)  # fmt: skip


def rows(world: World, level: str) -> dict[int, dict]:
    """By message id: what the viewer reads."""
    answer = {}
    for mail in world.mails:
        shown = mail.shown(level)
        if shown is None:
            continue
        ours = f"Peopleword {mail.owner_email.partition('@')[0]} <{mail.owner_email}>"
        theirs = f"Peopleword {mail.customer.partition('@')[0]} <{mail.customer}>"
        sender, recipient = (
            (ours, theirs) if mail.direction == "out" else (theirs, ours)
        )
        all_of_it = shown == "everything"
        answer[mail.id] = {
            "id": mail.id,
            "access": shown,
            "attachment_names": "plan.pdf (100 B)" if all_of_it else False,
            "body": mail.text if all_of_it else False,
            "direction": mail.direction,
            "has_attachment": all_of_it,
            "is_mine": mail.owner == "viewer",
            "matched_by_domain": False,
            "owner_ids": [world.users[mail.owner]],
            "partner_ids": [world.partners[mail.owner]],
            "people": f"{sender}, {recipient}",
            "preview": " ".join(mail.text.split()) if all_of_it else False,
            "recipient_names": recipient.partition(" <")[0],
            "recipients": recipient,
            "sender": sender,
            "sender_name": sender.partition(" <")[0],
            "subject": False if shown == "metadata" else mail.subject,
        }
    return answer


def questions(world: World, level: str) -> list[tuple[list, set[int]]]:
    """Domains, and the ids each must find."""
    seen = world.visible(level)
    subject = world.visible(level, "subject", "everything")
    body = world.visible(level, "everything")
    received = {m.id for m in world.mails if m.direction == "in"} & seen

    def of(*owners):
        return {m.id for m in world.mails if m.owner in owners} & seen

    some = [m for m in world.mails if m.owner in ("peer", "boss", "abroad", "below")]
    every = [m.id for m in world.mails]
    users, partners = world.users, world.partners
    asked: list[tuple[list, set[int]]] = [
        ([], seen),
        ([("id", "in", every)], seen),
        ([("id", ">", 0)], seen),
        ([("id", "not in", [0])], seen),
        ([("date", ">=", "2000-01-01")], seen),
        ([("subject", "ilike", "subjectword")], subject),
        ([("subject", "like", "Subjectword")], subject),
        ([("subject", "=ilike", "subjectword%")], subject),
        ([("subject", "=like", "Subjectword%")], subject),
        ([("subject", "in", [m.subject for m in world.mails])], subject),
        ([("subject", "not ilike", "subjectword")], seen - subject),
        ([("subject", "not in", [m.subject for m in world.mails])], seen - subject),
        (["!", ("subject", "ilike", "subjectword")], seen - subject),
        ([("display_name", "ilike", "subjectword")], subject),
        ([("body", "ilike", "bodyword")], body),
        ([("body", "like", "Bodyword")], body),
        ([("body", "in", [m.text for m in world.mails])], body),
        ([("body", "not ilike", "bodyword")], seen - body),
        (["!", ("body", "like", "Bodyword")], seen - body),
        (["|", ("subject", "ilike", "subjectword"), ("id", "in", every)], seen),
        (["|", ("body", "ilike", "bodyword"), ("subject", "ilike", "sub")], subject),
        ([("words", "ilike", "subjectword")], subject),
        ([("words", "ilike", "greet bodyword")], body),
        ([("words", "not ilike", "bodyword")], seen - body),
        ([("people", "ilike", "peopleword")], seen),
        ([("people", "ilike", "@acme.test")], seen),
        ([("people", "in", [m.customer for m in world.mails])], seen),
        ([("people", "not ilike", "peopleword")], set()),
        ([("direction", "=", "in")], received),
        ([("direction", "!=", "in")], seen - received),
        ([("direction", "in", ["in", "out"])], seen),
        ([("is_mine", "=", True)], of("viewer")),
        ([("is_mine", "=", False)], seen - of("viewer")),
        ([("owner_ids", "in", list(users.values()))], seen),
        ([("owner_ids", "not in", [users["peer"]])], seen - of("peer")),
        ([("owner_ids", "ilike", "eer")], of("peer", "below_peer")),
        ([("owner_ids.login", "=", "peer")], of("peer")),
        ([("owner_ids", "any", [("login", "=", "boss")])], of("boss")),
        ([("partner_ids", "child_of", [partners["company"]])], seen),
        ([("partner_ids", "ilike", "customer of")], seen),
        ([("partner_ids.email", "ilike", "acme.test")], seen),
        ([("partner_ids.parent_id", "=", partners["company"])], seen),
    ]
    for owner in world.users.keys() & partners.keys():
        asked.append(([("owner_ids", "=", users[owner])], of(owner)))
        asked.append(([("partner_ids", "=", partners[owner])], of(owner)))
        asked.append(([("partner_ids", "!=", partners[owner])], seen - of(owner)))
    for mail in some:
        asked.append(([("subject", "=", mail.subject)], {mail.id} & subject))
        word = mail.text.split()[1]
        asked.append(([("body", "ilike", word)], {mail.id} & body))
        asked.append(([("id", "=", mail.id)], {mail.id} & seen))
    return asked


class Found(Exception):  # noqa: N818
    """One fault is enough."""


def faults(env, world: World, level: str, first: bool = False) -> list[str]:
    """Where the viewer's environment answers otherwise than the table.

    :param env: of the viewer, with the level set
    :param first: stop at the first one
    """
    found: list[str] = []
    try:
        _ask(env, world, level, first, found)
    except Found:
        pass
    return found


def _ask(env, world, level, first, found):

    def expect(what, answer, right):
        if answer != right:
            found.append(f"level {level}, {what}: {_difference(answer, right)}")
            if first:
                raise Found

    messages, right = env[MESSAGE], rows(world, level)
    seen = set(right)
    expect("search", set(messages.search([]).ids), seen)
    expect("search_count", messages.search_count([]), len(seen))
    expect("read", _by_id(messages.search([]).read(SHOWN)), right)
    expect("search_read", _by_id(messages.search_read([], list(SHOWN))), right)
    names = {name: {} for name in SHOWN}
    web = messages.web_search_read([], names)
    expect("web_search_read", _by_id(web["records"]), right)
    expect("web_search_read's length", web["length"], len(seen))
    expect("web_read", _by_id(messages.browse(sorted(seen)).web_read(names)), right)
    exported = ("subject", "body", "preview", "access", "sender", "attachment_names")
    datas = messages.search([], order="id").export_data([".id", *exported])["datas"]
    labels = dict(messages._fields["access"]._description_selection(env))
    expect(
        "export_data",
        {int(row[0]): row[1:] for row in datas},
        {
            ident: [
                labels[row[name]] if name == "access" else row[name] or ""
                for name in exported
            ]
            for ident, row in right.items()
        },
    )
    found_by_name = messages.name_search("subjectword", limit=1000)
    expect(
        "name_search",
        {ident for ident, _name in found_by_name},
        world.visible(level, "subject", "everything"),
    )
    words = [word for m in world.mails for word in (m.subject, m.text.split()[1])]
    every_name = " ".join(name for _ident, name in messages.name_search("", limit=1000))
    expect("display_name", [word for word in words if word in every_name], [])
    for group in ("date:day", "date:month"):
        groups = messages.formatted_read_group([], [group], ["__count"])
        expect(group, sum(one["__count"] for one in groups), len(seen))
    groups = messages.web_read_group([], ["date:month"], ["__count"])["groups"]
    expect("web_read_group", sum(one["__count"] for one in groups), len(seen))
    total = messages.formatted_read_group([], [], ["id:count_distinct", "id:max"])[0]
    expect("id:count_distinct", total["id:count_distinct"], len(seen))
    expect("id:max", total["id:max"], max(seen))
    for domain, ids in questions(world, level):
        expect(f"search {domain}", set(messages.search(domain).ids), ids)
    for owner in (*world.users.keys() & world.partners.keys(), "company"):
        record = env["res.partner"].browse(world.partners[owner])
        mine = {m.id for m in world.mails if owner in ("company", m.owner)} & seen
        newest = set(sorted(mine, reverse=True)[:40])
        expect(f"page of {owner}", set(record.mirror_message_ids.ids), newest)
        everything = record.action_open_mirror_messages()["domain"]
        expect(f"list of {owner}", set(messages.search(everything).ids), mine)
    for ident in world.hidden(level):
        if not _refused(messages.browse(ident).read, ["date"]):
            found.append(f"level {level}: mail {ident} can be read by its id")


def _by_id(records):
    return {record["id"]: record for record in records}


def _difference(answer, right):
    if isinstance(answer, dict):
        wrong = [
            k for k in answer.keys() | right.keys() if answer.get(k) != right.get(k)
        ]
        return str([(k, answer.get(k), right.get(k)) for k in wrong[:2]])
    if isinstance(answer, set):
        more, less = sorted(answer - right), sorted(right - answer)
        return f"too many {more[:9]}, missing {less[:9]}"
    return f"{answer}, not {right}"


def _refused(method, *arguments):
    from odoo.exceptions import AccessError

    try:
        method(*arguments)
    except AccessError:
        return True
    return False
