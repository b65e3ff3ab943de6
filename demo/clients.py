# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""How does each mail program mark a reply, quote, and word its dates?

Written after what Outlook, Thunderbird, Gmail, Apple Mail, HCL Notes and Becky! send.
"""

from dataclasses import dataclass
from html import escape


@dataclass(frozen=True)
class Client:
    """A mail program.

    :param mailer: value of X-Mailer
    :param charset: of the text
    :param html: whether it sends an HTML alternative
    :param style: ``block`` (header lines above) or ``chevron`` (``> `` in front)
    """

    mailer: str
    charset: str = "utf-8"
    html: bool = False
    style: str = "chevron"


CLIENTS = {
    "outlook": Client("Microsoft Outlook 16.0", html=True, style="block"),
    "thunderbird": Client("Mozilla Thunderbird"),
    "gmail": Client("", html=True),
    "apple": Client("Apple Mail (2.3774)"),
    "notes": Client("HCL Notes Release 12.0", charset="windows-1252", style="block"),
    "becky": Client("Becky! ver. 2.82.01 [ja]", charset="iso-2022-jp"),
}

REPLY = {"de": "AW: ", "fr": "RE: ", "es": "RE: ", "en": "RE: ", "ja": "Re: "}
FORWARD = {"de": "WG: ", "fr": "TR: ", "es": "RV: ", "en": "FW: ", "ja": "Fw: "}

_LABELS = {
    "de": ("Von", "Gesendet", "An", "Cc", "Betreff"),
    "fr": ("De", "Envoyé", "À", "Cc", "Objet"),
    "es": ("De", "Enviado el", "Para", "CC", "Asunto"),
    "en": ("From", "Sent", "To", "Cc", "Subject"),
    "ja": ("差出人", "送信日時", "宛先", "CC", "件名"),
}
_FORWARDED = {
    "de": "-------- Weitergeleitete Nachricht --------",
    "fr": "-------- Message transféré --------",
    "es": "---------- Forwarded message ---------",
    "en": "Begin forwarded message:",
    "ja": "---- 転送メッセージ ----",
}
_MONTHS = {
    "de": "Januar Februar März April Mai Juni Juli August September Oktober November"
    " Dezember",
    "fr": "janvier février mars avril mai juin juillet août septembre octobre novembre"
    " décembre",
    "es": "enero febrero marzo abril mayo junio julio agosto septiembre octubre"
    " noviembre diciembre",
    "en": "January February March April May June July August September October"
    " November December",
}
_DAYS = {
    "de": "Montag Dienstag Mittwoch Donnerstag Freitag Samstag Sonntag",
    "fr": "lundi mardi mercredi jeudi vendredi samedi dimanche",
    "es": "lunes martes miércoles jueves viernes sábado domingo",
    "en": "Monday Tuesday Wednesday Thursday Friday Saturday Sunday",
    "ja": "月 火 水 木 金 土 日",
}


def prefix(person, forward=False):
    """What the person's program puts before the subject of a reply."""
    if person.client in ("gmail", "thunderbird", "apple"):
        return "Fwd: " if forward else "Re: "
    return (FORWARD if forward else REPLY)[person.language]


def day(date, language):
    """A date within a sentence, such as ``14. März``."""
    if language == "ja":
        return f"{date.month}月{date.day}日({_DAYS['ja'].split()[date.weekday()]})"
    month = _MONTHS[language].split()[date.month - 1]
    return {
        "de": f"{date.day}. {month}",
        "fr": f"{date.day} {month}",
        "es": f"{date.day} de {month}",
        "en": f"{date.day} {month}",
    }[language]


def long_date(date, language):
    """As Outlook writes it above a quotation."""
    if language == "ja":
        return f"{date.year}年{day(date, 'ja')} {date:%H:%M}"
    weekday = _DAYS[language].split()[date.weekday()]
    return {
        "de": f"{weekday}, {day(date, 'de')} {date.year} {date:%H:%M}",
        "fr": f"{weekday} {day(date, 'fr')} {date.year} {date:%H:%M}",
        "es": f"{weekday}, {day(date, 'es')} de {date.year} {date:%H:%M}",
        "en": f"{weekday}, {day(date, 'en')} {date.year} {date:%H:%M}",
    }[language]


def attribution(person, author, date):
    """The line above a quotation, as ``person``'s program words it.

    Example: ``Am 12.03.26 um 10:12 schrieb Jürgen Müßig:``
    """
    local = f"{date:%d.%m.%y} um {date:%H:%M}"
    who = f"{author.name} <{author.email}>"
    language = person.language
    if person.client == "thunderbird":
        return {
            "de": f"Am {local} schrieb {author.name}:",
            "fr": f"Le {date:%d/%m/%Y} à {date:%H:%M}, {author.name} a écrit :",
            "es": f"El {date:%d/%m/%Y} a las {date:%H:%M}, {author.name} escribió:",
            "en": f"On {date:%d/%m/%Y} {date:%H:%M}, {author.name} wrote:",
        }[language]
    short = {
        "de": f"Am {day(date, 'de')} {date.year} um {date:%H:%M} schrieb {who}:",
        "fr": f"Le {day(date, 'fr')} {date.year} à {date:%H:%M}, {who} a écrit :",
        "es": f"El {day(date, 'es')} de {date.year}, {date:%H:%M}, {who} escribió:",
        "en": f"On {date.day} {date:%b %Y}, at {date:%H:%M}, {who} wrote:",
        "ja": f"{date.year}/{date:%m/%d} {date:%H:%M}、{author.name} <{author.email}>"
        "のメール:",
    }
    return short[language]


def quoted_text(person, earlier, forward=False):
    """The quotation below a reply in plain text.

    :param earlier: a ``script.Mail`` with its ``text`` complete
    """
    if CLIENTS[person.client].style == "block" or forward:
        lines = [f"{label}: {value}" for label, value in _header_lines(person, earlier)]
        above = _FORWARDED[person.language] if forward else "_" * 32
        return "\n".join([above, *lines, "", earlier.text])
    quoted = "\n".join(
        (">" if line.startswith(">") else "> ") + line if line else ">"
        for line in earlier.text.splitlines()
    )
    return f"{attribution(person, earlier.author, earlier.date)}\n\n{quoted}"


def quoted_html(person, earlier, forward=False):
    """The same in HTML, with the marks by which such mail is known."""
    inner = earlier.html or as_html(earlier.text)
    if CLIENTS[person.client].style == "block" or forward:
        lines = "<br>".join(
            f"<b>{escape(label)}:</b> {escape(value)}"
            for label, value in _header_lines(person, earlier)
        )
        return (
            '<div style="border:none;border-top:solid #E1E1E1 1.0pt;'
            f'padding:3.0pt 0cm 0cm 0cm"><p class="MsoNormal">{lines}</p></div>{inner}'
        )
    above = escape(attribution(person, earlier.author, earlier.date))
    return (
        f'<div class="gmail_quote"><div dir="ltr" class="gmail_attr">{above}<br></div>'
        '<blockquote class="gmail_quote" style="margin:0 0 0 .8ex;border-left:1px '
        f'solid #ccc;padding-left:1ex">{inner}</blockquote></div>'
    )


def as_html(text):
    """Paragraphs of plain text as a program would write them in HTML."""
    return "".join(
        '<p class="MsoNormal">' + escape(part).replace("\n", "<br>\n") + "</p>\n"
        for part in text.split("\n\n")
    )


def _header_lines(person, earlier):
    names = [", ".join(p.name for p in people) for people in (earlier.to, earlier.cc)]
    author = f"{earlier.author.name} <{earlier.author.email}>"
    values = (
        author,
        long_date(earlier.date, person.language),
        names[0],
        names[1],
        earlier.subject,
    )
    labelled = zip(_LABELS[person.language], values, strict=True)
    return [pair for pair in labelled if pair[1]]
