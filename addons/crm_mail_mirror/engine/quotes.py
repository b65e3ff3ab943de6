# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""Where does the earlier mail begin that a reply quotes below its own words?

Own rules, because they did better than the three libraries that could be had: see
``docs/text.md`` for the numbers. Every expression here runs over one line, or over
a few joined ones, of bounded length: the time is linear in the text.
"""

from __future__ import annotations

import re

#: Characters of a line that are looked at, and of an attribution over several lines.
MAX_LINE = 400
#: Lines over which programs wrap "On ... wrote:".
MAX_WRAPPED = 4
#: Lines that may belong to one "From: / Sent: / To: / Subject:" block.
MAX_BLOCK = 12
#: Candidate lines that are judged; a mail with more is no correspondence.
MAX_CANDIDATES = 3_000

# en, de, fr, es, it, pt, nl; da/no/sv, fi, pl, cs, ru, uk, tr, zh, ja
_VERB = re.compile(
    r"\b(?:wrote|writes|schrieb|schreibt|hat geschrieben|(?:a |à )?[ée]crit|"
    r"escribi[óo]|"
    r"ha escrito|ha scritto|scrisse|escreveu|schreef|heeft .{0,80}geschreven|"
    r"geschreven|"
    r"skrev|kirjoitti|napisał(?:\(a\)|a)?|napsal(?:\(a\)|a)?|написал(?:\(а\)|"
    r"а|и)?|пишет|"
    r"написав|yazdı|şunu yazdı)(?![\w])|写道|寫道|写道|のメール|wrote\s*-{2,}",
    re.IGNORECASE,
)
_OPENING = re.compile(
    r"(?:-{2,}\s*)?(?:On|At|In|Le|El|Il|Em|Am|Op|Den|På|Dnia|W dniu|Dne|A|"
    r"Il giorno|No dia|"
    r"Vào|Em qua|Pada|Tarih|\d{1,4}[-./ ]\s?\w{2,10}[-./, ])\b",
)
_WHEN = re.compile(r"\d{1,2}[:.h]\d\d|\d{4}|\d{1,2}[./-]\d{1,2}")
_GMAIL_OLD = re.compile(r"\d{4}-\d\d-\d\d \d{1,2}:\d\d .{1,200}<[^<>]{1,200}>\s*:$")
_BARE_NAME = re.compile(r"(?:\S+\s+){1,6}\S{2,20}\s?[:：]$")

#: What is left of a wrapped attribution looks quoted: ``> wrote:``
_CLOSES_ADDRESS = re.compile(r">>?\s{0,3}\S{0,20}\s{0,3}\S{0,20}\s{0,3}\S{0,20}[:：]$")

_ORIGINAL = (
    r"original message|original[- ]?nachricht|urspr(?:ü|ue)ngliche nachricht|"
    r"message d['’]origine|message original|mensaje original|messaggio originale|"
    r"oorspronkelijk bericht|mensagem original|originalmeddelelse|"
    r"oprindelig meddelelse|"
    r"originalmeddelande|ursprungligt meddelande|alkuperäinen viesti|"
    r"wiadomość oryginalna|"
    r"oryginalna wiadomość|p[ůu]vodní zpráva|исходное сообщение|orijinal mesaj|"
    r"reply message|原始邮件|原始郵件|元のメッセージ"
)
_FORWARDED = (
    r"forwarded message|forwarded by .{1,80}|forwarded mail|weitergeleitete nachricht|"
    r"message transf[ée]r[ée]|message r[ée]exp[ée]di[ée]|mensaje reenviado|"
    r"messaggio inoltrato|doorgestuurd bericht|mensagem (?:encaminhada|reencaminhada)|"
    r"vidarebefordrat meddelande|videresendt (?:besked|melding)|wiadomość przekazana|"
    r"пересылаемое сообщение"
)
_SEPARATOR = re.compile(
    rf"[-_=*#\s]{{2,100}}(?:{_ORIGINAL}|{_FORWARDED})\s*:?[-_=*#\s]{{0,100}}$",
    re.IGNORECASE,
)
_FORWARD_BEGINS = re.compile(
    r"(?:begin(?: van)? (?:forwarded|doorgestuurd|doorgestuurde)|"
    r"anfang der weitergeleiteten|"
    r"début du message|inicio del mensaje|inizio messaggio|início da mensagem|"
    r"start of forwarded|commencement du message)\b.{0,40}:$",
    re.IGNORECASE,
)
_RULE = re.compile(r"[-_=*]{5,200}$|(?:\*\s?){3}$")
_LABELS = {
    "from": "from von de da van fra från lähettäjä od от від expéditeur "
    "mittente remitente "
    "afzender kimden 发件人 寄件者 差出人",
    "date": "sent date gesendet datum envoyé enviado data inviato verzonden "
    "fecha skickat "
    "sendt dato lähetetty päivämäärä wysłano odesláno дата отправлено "
    "enviada gönderilme "
    "发送时间 日期 送信日時 日時",
    "to": "to an à para a aan til till vastaanottaja do komu кому kime 收件人 宛先",
    "cc": "cc kopie copie copia kopia kopi dw копия bcc 抄送",
    "subject": "subject betreff objet asunto oggetto onderwerp assunto emne "
    "ämne aihe temat "
    "předmět тема konu 主题 主旨 件名",
    "other": "reply-to organization importance priorité wichtigkeit "
    "attachments anlagen",
}
_LABEL = {word: kind for kind, words in _LABELS.items() for word in words.split()}
_FIELD = re.compile(
    r"[>\s]{0,20}[*_]{0,2}([^\W\d_][\w-]{0,20})(?: (?:el|em|il|am|den|le|"
    r"a))?[*_]{0,2}\s{0,3}"
    r"[:：][*_]{0,2}(.{0,400})",
)
_SIGNATURE = re.compile(
    r"--\s?$|—\s?$|(?:sent|get|gesendet|envoyé|envoyée|enviado|inviato|"
    r"verzonden|verstuurd|"
    r"von meine[mr] .{1,40} gesendet|télécharger|skickat|sendt|wysłane)\b"
    r"(?: (?:from|with|outlook|von|mit|de|depuis|à partir|desde|do|dal?|"
    r"van(?:af)?|met|från|"
    r"fra|z)\b.{0,80})?$|von meine[mr] .{1,40} gesendet\.?$",
    re.IGNORECASE,
)


def quote_start(text: str) -> int | None:
    """Index in ``text`` where the quoted earlier mail begins, its heading included.

    ``None`` when nothing is quoted, when answers stand between or below the quoted
    lines, and when nothing new would be left: a forward without a word is shown whole.

    >>> text = "Gladly.\\n\\nOn 3 May 2024, Ann <a@x.example> wrote:\\n> Lunch?"
    >>> text[: quote_start(text)].strip()
    'Gladly.'
    """
    lines = text.split("\n")
    starts = [
        start
        for start in (_heading(lines), _trailing_quote(lines))
        if start is not None
    ]
    if not starts:
        return None
    first = min(starts)
    if not _says_something(lines[:first]):
        return None
    return sum(len(line) + 1 for line in lines[:first])


def _says_something(lines: list[str]) -> bool:
    for line in lines:
        line = line[:MAX_LINE].strip()
        if line in ("--", "—"):
            return False
        if line and not _RULE.match(line) and not _SIGNATURE.match(line):
            return True
    return False


def _is_quoted(line: str) -> bool:
    return line.startswith((">", " >", "|  "))


# --- headings: all that stands below them is the earlier mail ------------------------


def _heading(lines: list[str]) -> int | None:
    """The first line of a heading below which everything is quoted."""
    judged = 0
    for number, line in enumerate(lines):
        line = line[:MAX_LINE].strip()
        if not line or line[0] == ">" and not _CLOSES_ADDRESS.match(line):
            continue
        if line[-1] in ":：" or line.endswith("----"):
            judged += 1
            start = _attribution(lines, number)
            if start is not None and _only_quoted_below(lines, number + 1):
                return start
        if line[0] in "-_=*#" and _SEPARATOR.match(line) or _FORWARD_BEGINS.match(line):
            return number
        if (":" in line[:30] or "：" in line[:30]) and _is_block(lines, number):
            return _rule_above(lines, number)
        judged += ":" in line[:30]
        if judged > MAX_CANDIDATES:
            break
    return None


def _attribution(lines: list[str], end: int) -> int | None:
    """Where "On ... wrote:" begins that ends in line ``end``."""
    joined, named = "", None
    for start in range(end, max(-1, end - MAX_WRAPPED), -1):
        line = lines[start].strip()
        closes = start == end and _CLOSES_ADDRESS.match(line[:MAX_LINE])
        if not line or line[0] == ">" and not closes:
            break
        joined = f"{line} {joined}".strip()
        if len(joined) > MAX_LINE:
            break
        if _GMAIL_OLD.match(joined):
            return start
        if not _VERB.search(joined) or not (_WHEN.search(joined) or "@" in joined):
            continue
        if _OPENING.match(joined) and _WHEN.search(joined):
            return start
        if named is None and "@" in joined:
            named = (
                start  # "Ann <ann@x.example> wrote:", unless an opening stands above
            )
    if named is None and _followed_by_quote(lines, end):
        line = lines[end][:MAX_LINE].strip()
        named = end if _BARE_NAME.match(line) and _VERB.search(line) else None
    return named


def _followed_by_quote(lines: list[str], number: int) -> bool:
    for line in lines[number + 1 : number + 4]:
        if line.strip():
            return _is_quoted(line)
    return False


def _only_quoted_below(lines: list[str], number: int) -> bool:
    """Does no answer stand below or between the lines quoted with ``>``?

    Programs that quote without ``>`` quote all that follows.
    """
    end = len(lines)
    while number < end and not lines[number].strip():
        number += 1
    if number == end:
        return True
    if not _is_quoted(lines[number]):
        return True
    return _trailing_quote_from(lines) <= number


def _is_block(lines: list[str], number: int) -> bool:
    """Do lines like From:, Sent:, To:, Subject: begin here?"""
    first = _field(lines[number])
    if first not in ("from", "date", "subject"):
        return False
    kinds = {first}
    empty = 0
    for line in lines[number + 1 : number + MAX_BLOCK]:
        if not line.strip():
            empty += 1
            if empty > 1 and len(kinds) > 3:
                break
            continue
        kind = _field(line)
        if kind in kinds and kind in ("from", "subject"):
            break
        if kind:
            kinds.add(kind)
        elif empty:
            break  # a line below an empty one that is no field: the mail's own text
    return "from" in kinds and len(kinds - {"other"}) >= 3


def _field(line: str) -> str:
    found = _FIELD.match(line[:MAX_LINE])
    if not found:
        return ""
    return _LABEL.get(found[1].lower(), "")


def _rule_above(lines: list[str], number: int) -> int:
    """The block's own separator or rule belongs to it."""
    above = number - 1
    while above >= 0 and not lines[above].strip():
        above -= 1
    if above >= 0 and number - above <= 3:
        line = lines[above][:MAX_LINE].strip()
        if _RULE.match(line) or _SEPARATOR.match(line):
            return above
    return number


# --- lines quoted with > -------------------------------------------------------------


def _trailing_quote_from(lines: list[str]) -> int:
    """The first of the ``>`` lines with which the mail ends, or ``len(lines)``."""
    end = len(lines)
    number = end - 1
    last_quoted = end
    while number >= 0:
        line = lines[number]
        if _is_quoted(line):
            last_quoted = number
        elif line.strip() and not _is_wrap(lines, number):
            if last_quoted < end or not _ends_mail(lines, number):
                break
            number = _footer_from(lines, number)
        number -= 1
    return last_quoted


def _is_wrap(lines: list[str], number: int) -> bool:
    """A quoted line that was too long: its end stands alone between two with ``>``."""
    return (
        0 < number < len(lines) - 1
        and len(lines[number]) < 60
        and len(lines[number - 1]) > 60
        and _is_quoted(lines[number - 1])
        and _is_quoted(lines[number + 1])
    )


def _footer_from(lines: list[str], number: int) -> int:
    """Where the signature or list footer begins that ends in line ``number``."""
    for start in range(number, max(-1, number - MAX_BLOCK), -1):
        line = lines[start][:MAX_LINE].rstrip()
        if (
            line.strip() in ("--", "—")
            or _RULE.match(line)
            or _SIGNATURE.match(line.strip())
        ):
            return start
        if _is_quoted(line):
            break
    return -1


def _ends_mail(lines: list[str], number: int) -> bool:
    """Is what follows the last quote no answer but a signature or a list's footer?"""
    return _footer_from(lines, number) >= 0


def _trailing_quote(lines: list[str]) -> int | None:
    start = _trailing_quote_from(lines)
    if start >= len(lines):
        return None
    attribution = _attribution(lines, start)  # the first "quoted" line is its end
    above = start - 1
    while above >= 0 and not lines[above].strip():
        above -= 1
    if attribution is None and above >= 0 and start - above <= 3:
        attribution = _attribution(lines, above)
        if attribution is None:
            attribution = _any_attribution(lines, above, start - above == 1)
    return start if attribution is None else attribution


def _any_attribution(lines: list[str], end: int, adjacent: bool) -> int | None:
    """The lines above a ``>`` block that name an address and a time, any language."""
    joined = ""
    for start in range(end, max(-1, end - MAX_WRAPPED), -1):
        line = lines[start].strip()
        if not line or line[0] == ">":
            return None
        joined = f"{line} {joined}".strip()
        if len(joined) > MAX_LINE or not adjacent and joined[-1] not in ":：":
            return None
        if _WHEN.search(line) and (
            "@" in joined or "<" in joined or joined[-1] in ":："
        ):
            return start
    return None
