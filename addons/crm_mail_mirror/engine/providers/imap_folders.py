# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""Which folders are there, what is each for, and which was renamed?

Roles come from SPECIAL-USE flags (RFC 6154), from INBOX, or from a name that is exactly
the one that a mail program gives: "Cabinet" is not Trash, whatever is part of it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from hashlib import sha256

from imapclient.imap_utf7 import decode as utf7_decode

from .. import charsets
from .base import COUNTED_ROLES, IGNORED_ROLES, Folder
from .imap_parse import responses, tokens
from .imap_wire import Refused, Wire, is_busy, quote

ROLE_OF_FLAG = {
    b"\\all": "all",
    b"\\allmail": "all",
    b"\\archive": "archive",
    b"\\drafts": "drafts",
    b"\\inbox": "inbox",
    b"\\junk": "junk",
    b"\\sent": "sent",
    b"\\spam": "junk",
    b"\\trash": "trash",
}

#: Names that mail programs and servers give, in folded case.
NAMES = {
    "sent": """sent; sent items; sent mail; sent messages; sent-mail; gesendet;
        gesendete elemente; gesendete objekte; gesendete nachrichten; envoyés;
        éléments envoyés; messages envoyés; objets envoyés; courrier envoyé; enviados;
        elementos enviados; mensajes enviados; itens enviados; mensagens enviadas;
        posta inviata; inviati; inviata; verzonden;
        verzonden items; verzonden berichten;
        wysłane; elementy wysłane; skickat; skickade objekt; sendt; sendte elementer;
        sendt post; lähetetyt; lähetetyt viestit; odeslané; odeslaná pošta; odoslané;
        elküldött; elküldött elemek; trimise; elemente trimise; gönderilmiş öğeler;
        gönderilenler; отправленные; надіслані; απεσταλμένα; 送信済み; 送信済みアイテム;
        已发送; 已发送邮件; 寄件備份; 已傳送郵件; 보낸 편지함; 보낸편지함""",
    "drafts": """draft; drafts; entwürfe; entwurf; brouillon; brouillons; borradores;
        bozze; concepten; rascunhos; wersje robocze; kopie robocze; szkice; utkast;
        kladder; luonnokset; koncepty; rozepsané; piszkozatok; ciorne; schițe;
        taslaklar;
        черновики; чернетки; πρόχειρα; 下書き; 草稿; 草稿箱; 임시 보관함; 임시보관함""",
    "trash": """trash; bin; deleted; deleted items; deleted messages; papierkorb;
        gelöscht; gelöschte elemente; gelöschte objekte; corbeille; éléments supprimés;
        messages supprimés; papelera; papelera de reciclaje; elementos eliminados;
        eliminados; cestino; posta eliminata; prullenbak; verwijderde items; lixo;
        lixeira; itens excluídos; itens eliminados; kosz; elementy usunięte; usunięte;
        papperskorg; papperskorgen; borttaget; borttagna objekt; papirkurv;
        slettet post;
        slettede elementer; roskakori; poistetut; koš; odstraněná pošta; kôš;
        kuka;
        lomtár; törölt elemek; coș de gunoi; elemente șterse; çöp kutusu;
        silinmiş öğeler; корзина; удаленные; удалённые; кошик; видалені; κάδος;
        διαγραμμένα; ごみ箱; 削除済みアイテム; 已删除; 已删除邮件; 垃圾桶; 刪除的郵件;
        휴지통; 지운 편지함""",
    "junk": """junk; spam; bulk mail; bulk; junk mail; junk e-mail; junk email;
        spamverdacht;
        unerwünscht; courrier indésirable; indésirables; pourriel;
        pourriels; correo no deseado; correo basura; posta indesiderata; ongewenst;
        ongewenste e-mail; ongewenste reclame; lixo eletrônico; lixo eletrónico;
        lixo electrónico; wiadomości-śmieci; niechciane; skräppost; søppelpost;
        uønsket post; uønsket e-post; roskaposti; nevyžádaná pošta; nevyžiadaná pošta;
        levélszemét; önemsiz e-posta; gereksiz; спам; нежелательная почта;
        небажана пошта; ανεπιθύμητα; 迷惑メール; 垃圾邮件; 垃圾郵件; 스팸; 스팸 메일함;
        정크 메일""",
    "archive": """archive; archives; archiv; archief; archivo; archivio; arquivo;
        archiwum; arkiv; arkisto; archív; archívum; arhivă; arşiv; архив; архів; αρχείο;
        アーカイブ; 存档; 封存; 보관함""",
}
#: Characters of a path, and of one that is longer: an index takes 2,700 bytes.
MAX_PATH, CUT_AT = 600, 200
_ROLE_OF_NAME = {
    " ".join(name.split()).casefold(): role
    for role, names in NAMES.items()
    for name in names.split(";")
}


@dataclass(frozen=True, slots=True)
class Listed:
    """A folder that can be opened, and what STATUS says of it (RFC 3501, 7162).

    STATUS is for comparing alone: no watermark ever comes from it.

    :param raw: the name as on the wire
    :param uidvalidity, uidnext, messages, modseq: ``None`` when not told
    """

    folder: Folder
    raw: bytes
    uidvalidity: int | None = None
    uidnext: int | None = None
    messages: int | None = None
    modseq: int | None = None

    @property
    def counts(self) -> bool:
        return self.folder.role in COUNTED_ROLES


def read_folders(
    wire: Wire, numbers: bool = True, ignored_too: bool = False
) -> list[Listed]:
    """All folders of the owner with their STATUS, in one round trip where offered.

    :param numbers: ask for STATUS at all
    :param ignored_too: ask for the numbers of folders that do not count as well, where
        that costs a command each
    """
    # the open folder's own STATUS is stale, and asking for it frowned upon
    may_ask_all = wire.unselect()
    wants = ["MESSAGES", "UIDNEXT", "UIDVALIDITY"]
    if {"CONDSTORE", "QRESYNC"} & (wire.capable | wire.enabled):
        wants.append("HIGHESTMODSEQ")
    options = ["SPECIAL-USE"] if "SPECIAL-USE" in wire.capable else []
    in_one = numbers and may_ask_all and "LIST-STATUS" in wire.capable
    if in_one:
        options.append(f"STATUS ({' '.join(wants)})")
    if in_one or (options and "LIST-EXTENDED" in wire.capable):
        told = _list(wire, f"RETURN ({' '.join(options)})")
    else:
        told = _list(wire)
    listed = _listed(told.get("LIST", []), wire.foreign)
    status = _numbers(told.get("STATUS", []))
    if numbers and not in_one:
        for entry in listed:
            if entry.counts or ignored_too:
                status.update(_ask_status(wire, entry, wants))
    return [_with_numbers(entry, status.get(entry.raw, {})) for entry in listed]


def _ask_status(wire: Wire, entry: Listed, wants: list[str]) -> dict:
    try:
        if wire.selected == entry.raw.decode("latin-1"):
            return {entry.raw: _examined(wire, entry)}
        told = wire.command("STATUS", quote(entry.raw), f"({' '.join(wants)})")
    except Refused as refusal:
        if refusal.answer == "BAD" or is_busy(refusal.text, refusal.code):
            raise
        return {}  # listed, but not to be opened: as if it had no numbers
    found = _numbers(told.get("STATUS", []))
    # some servers write the name otherwise than LIST did
    return dict(zip([entry.raw], found.values(), strict=False))


def _examined(wire: Wire, entry: Listed) -> dict[bytes, int]:
    seen = wire.examine(entry.raw)
    row = {b"UIDVALIDITY": seen.uidvalidity, b"UIDNEXT": seen.uidnext}
    row[b"MESSAGES"] = seen.exists
    if seen.modseq is not None:
        row[b"HIGHESTMODSEQ"] = seen.modseq
    return row


def _with_numbers(entry: Listed, row: Mapping[bytes, int]) -> Listed:
    return Listed(
        entry.folder,
        entry.raw,
        row.get(b"UIDVALIDITY"),
        row.get(b"UIDNEXT"),
        row.get(b"MESSAGES"),
        row.get(b"HIGHESTMODSEQ") or None,
    )


def _numbers(records: list) -> dict[bytes, dict[bytes, int]]:
    found = {}
    for response in responses(records):
        words = tokens(response)
        if len(words) < 2 or not isinstance(words[-1], list):
            raise ValueError("not a STATUS response")
        name, pairs = _name(words[0]), words[-1]
        found[name] = {
            key.upper(): int(value)
            for key, value in zip(pairs[::2], pairs[1::2], strict=True)
            if isinstance(key, bytes) and isinstance(value, bytes) and value.isdigit()
        }
    return found


def _name(word: object) -> bytes:
    """A name on the wire; INBOX in any case is INBOX (RFC 3501 section 5.1)."""
    if word is None:
        return b"NIL"
    if not isinstance(word, bytes):
        raise ValueError("not a folder name")
    return b"INBOX" if word.upper() == b"INBOX" else word


def _listed(records: list, foreign: tuple[bytes, ...]) -> list[Listed]:
    rows = []
    for response in responses(records):
        words = tokens(response)
        if len(words) < 3 or not isinstance(words[0], list):
            raise ValueError("not a LIST response")
        flags = {flag.lower() for flag in words[0] if isinstance(flag, bytes)}
        if flags & {b"\\noselect", b"\\nonexistent"}:
            continue
        name = _name(words[2])
        if name.startswith(foreign) or any(byte in name for byte in b"\0\r\n"):
            continue  # somebody else's; or a name that no command could hold
        if not utf7_decode_all(name):
            continue  # the answer to a question for the delimiter; no folder
        rows.append((name, words[1] or b"", flags))
    roles = {name: _role(name, delimiter, flags) for name, delimiter, flags in rows}
    found = {}
    for name, delimiter, _flags in rows:
        role = _inherited(name, delimiter, roles)
        path = utf7_decode_all(name)
        parent = utf7_decode_all(_parent(name, delimiter, roles))
        found[path] = Listed(Folder(path, path, role, parent), name)
    return list(found.values())


def _parent(name: bytes, delimiter: bytes, roles: Mapping[bytes, str]) -> bytes:
    """The nearest folder around it that can be opened; ``b""`` without one."""
    path = name
    while delimiter and delimiter in path:
        path = path.rpartition(delimiter)[0]
        if path in roles:
            return path
    return b""


def utf7_decode_all(name: bytes) -> str:
    """Modified UTF-7, or what a server sends instead; one name, one path.

    A name that no column could hold is shown as it is on the wire: NUL and half
    characters can be written in UTF-7.
    """
    try:
        path = utf7_decode(name) if name.isascii() else name.decode("utf-8")
        path.encode("utf-8")
    except (UnicodeError, ValueError):
        path = name.decode("latin-1")
    if "\n" in path or charsets.clean(path) != path:
        path = name.decode("latin-1")
        path = "".join(char if char.isprintable() else "\ufffd" for char in path)
    if len(path) > MAX_PATH:
        path = f"{path[:CUT_AT]}\N{HORIZONTAL ELLIPSIS}{sha256(name).hexdigest()}"
    return path


def _role(name: bytes, delimiter: bytes, flags: set[bytes]) -> str:
    if name == b"INBOX":
        return "inbox"
    for flag in sorted(flags & ROLE_OF_FLAG.keys()):
        return ROLE_OF_FLAG[flag]
    parent, _, leaf = name.rpartition(delimiter) if delimiter else (b"", b"", name)
    if parent.upper() in (b"", b"INBOX", b"[GMAIL]", b"[GOOGLE MAIL]"):
        folded = " ".join(utf7_decode_all(leaf).split()).casefold()
        return _ROLE_OF_NAME.get(folded, "other")
    return "other"


def _inherited(name: bytes, delimiter: bytes, roles: Mapping[bytes, str]) -> str:
    """A folder inside Trash is trash too."""
    path = name
    while delimiter and delimiter in path:
        path = path.rpartition(delimiter)[0]
        if roles.get(path) in IGNORED_ROLES:
            return roles[path]
    return roles[name]


def _list(wire: Wire, *options: str) -> dict:
    """LIST, and with the first one of a connection NAMESPACE (RFC 2342)."""
    asked = '""', '"*"', *options
    if wire.foreign is None and "NAMESPACE" in wire.capable:
        told = wire.command_and("NAMESPACE", "LIST", *asked)
    else:
        told = wire.command("LIST", *asked)
    wire.foreign = wire.foreign or ()
    for response in responses(told.get("NAMESPACE", [])):
        wire.foreign = _prefixes(tokens(response)[1:3])
    return told


def _prefixes(namespaces: Iterable) -> tuple[bytes, ...]:
    return tuple(
        space[0]
        for spaces in namespaces
        for space in spaces or ()
        if isinstance(space, list) and isinstance(space[0], bytes) and space[0]
    )


def renames(
    known: Mapping[str, Mapping], now: Mapping[str, Listed]
) -> list[tuple[str, str]]:
    """``(old path, new path)`` of folders that are the same under another name.

    A name that is gone, or stands for another UIDVALIDITY, and a new name with the old
    UIDVALIDITY and no smaller UIDNEXT. Servers that give one UIDVALIDITY to many
    folders tell nothing that way: it has to be the only one on both sides.

    :param known: path -> the cursor's ``{"uv", "next", ...}``
    :return: in an order in which they can be done one after another
    """
    before = Counter(state["uv"] for state in known.values())
    after = Counter(entry.uidvalidity for entry in now.values())
    homeless = {
        state["uv"]: (path, state)
        for path, state in known.items()
        if before[state["uv"]] == 1
        and after[state["uv"]] == 1
        and (path not in now or now[path].uidvalidity != state["uv"])
    }
    found = {}
    for path, entry in now.items():
        old, state = homeless.get(entry.uidvalidity, (None, None))
        if old is not None and (entry.uidnext or 0) >= state["next"]:
            if path not in known or known[path]["uv"] != entry.uidvalidity:
                found[old] = path
    return _in_order(found)


def _in_order(moves: dict[str, str]) -> list[tuple[str, str]]:
    """Targets are free when their turn comes; who swaps names is told as a reset."""
    ordered = []
    moves = dict(moves)
    while True:
        free = [old for old, new in moves.items() if new not in moves]
        if not free:
            return ordered
        for old in free:
            ordered.append((old, moves.pop(old)))


def only_all_mail(folders: Iterable[Listed]) -> list[Listed]:
    """Gmail over IMAP: folders are labels, each would tell its mail once more."""
    folders = list(folders)
    if not any(entry.folder.role == "all" for entry in folders):
        return folders
    return [
        entry
        for entry in folders
        if entry.folder.role == "all" or entry.folder.role in IGNORED_ROLES
    ]
