# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""How does Exchange turn HTML into text, text into HTML, and find what is new in it?"""

from __future__ import annotations

import html
import re
from html.parser import HTMLParser

_BREAKS = {"p", "div", "tr", "table", "ul", "ol", "h1", "h2", "h3", "h4", "blockquote"}
_SILENT = {"style", "script", "head", "title"}
_QUOTE = re.compile(
    r"<blockquote|<div[^>]+(?:id=\"?(?:divRplyFwdMsg|appendonsend)|gmail_quote)|"
    r"-----Original Message-----",
    re.IGNORECASE,
)
_ANSWERED = re.compile(r"^(?:>.*|On .{5,200} wrote:|-----Original Message-----)", re.M)


class _Text(HTMLParser):
    def __init__(self):
        super().__init__(convert_charrefs=True)
        self.out: list[str] = []
        self.silent = 0
        self.links: list[str] = []

    def handle_starttag(self, tag, attrs):
        if tag in _SILENT:
            self.silent += 1
        elif tag == "br":
            self.out.append("\n")
        elif tag == "li":
            self.out.append("\n  * ")
        elif tag in _BREAKS:
            self.out.append("\n")
        elif tag == "a":
            self.links.append(dict(attrs).get("href") or "")

    def handle_endtag(self, tag):
        if tag in _SILENT:
            self.silent = max(0, self.silent - 1)
        elif tag in _BREAKS:
            self.out.append("\n")
        elif tag == "a" and self.links:
            if (link := self.links.pop()).startswith(("http", "mailto")):
                self.out.append(f"<{link}>")

    def handle_data(self, data):
        if not self.silent:
            self.out.append(re.sub(r"\s+", " ", data))


def to_text(markup: str) -> str:
    """Links stand behind their text in angle brackets; lines end in CRLF."""
    parser = _Text()
    parser.feed(markup)
    parser.close()
    lines = [line.strip(" ") for line in "".join(parser.out).split("\n")]
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip().replace("\n", "\r\n")


def to_html(text: str) -> str:
    lines = html.escape(text, quote=False).replace("\r\n", "\n").split("\n")
    return (
        '<html><head>\r\n<meta http-equiv="Content-Type" content="text/html; '
        'charset=utf-8"><meta name="Generator" content="Microsoft Exchange Server">\r\n'
        "<!-- converted from text --></head>\r\n<body>\r\n"
        '<font size="2"><span style="font-size:11pt;"><div class="PlainText">'
        + "<br>\r\n".join(lines)
        + "</div></span></font>\r\n</body>\r\n</html>\r\n"
    )


def unique_html(markup: str) -> str:
    """Without the mail that is answered to."""
    found = _QUOTE.search(markup)
    return markup[: found.start()] + "</body></html>" if found else markup


def unique_text(text: str) -> str:
    found = _ANSWERED.search(text)
    return text[: found.start()].rstrip() if found and found.start() else text
