# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""What does an HTML mail say, as plain text?

Two steps. A SAX pass of lxml cuts the mail down to blocks and words: linear, however
the tags are nested or broken (a tree would silently drop what lies deeper than 254
levels). Then html2text lays the words out; alone it needs minutes for a megabyte of
``<!--``.
"""

from __future__ import annotations

import re
import time
from html import escape, unescape

import html2text
from lxml import etree

from . import charsets

#: Bytes of HTML that are read: the largest newsletters have five million.
MAX_HTML = 6_000_000
#: Characters of visible text that are taken out of it.
MAX_VISIBLE = 500_000
#: Nested quotes, lists and tables that the layout shows; deeper ones keep their words.
MAX_NESTING = 20
#: Lines; more is no text but a bomb. An ordinary newsletter has some hundred.
MAX_BLOCKS = 100_000
#: Characters and lines of rewritten HTML that html2text is given (0.5 s); above it the
#: words are laid out by line breaks alone.
MAX_LAID_OUT, MAX_LAID_OUT_LINES = 500_000, 15_000
#: Seconds for the SAX pass.
MAX_SECONDS = 1.0

_CHUNK = 65_536

#: Their content is not for reading.
_SILENT = frozenset(
    {"script", "style", "title", "template", "applet"}
    | {"svg", "math", "select", "datalist", "iframe", "canvas", "audio", "video"}
)
_VOID = frozenset({"img", "input", "br", "hr", "meta", "link", "area", "col", "wbr"})
_BLOCKS = frozenset(
    {"p", "div", "section", "article", "header", "footer", "main", "nav", "aside"}
    | {"center", "address", "figure", "figcaption", "form", "fieldset", "legend"}
    | {"table", "caption", "dl", "dt", "dd", "title", "body", "html", "tbody", "thead"}
    | {"h1", "h2", "h3", "h4", "h5", "h6", "details", "summary", "hgroup", "tr", "td"}
)
#: These begin a paragraph of their own, the other blocks a line.
_PARAGRAPHS = frozenset({"p", "h1", "h2", "h3", "h4", "h5", "h6", "table", "dl", "hr"})
_NESTING = frozenset({"blockquote", "ul", "ol"})
_HIDDEN = re.compile(
    r"display\s*:\s*none|visibility\s*:\s*hidden|mso-hide\s*:\s*all", re.I
)
#: What hides all that follows, and how it ends.
_SWALLOWING = (
    ("<!--", "-->"),
    ("<title", "</title"),
    ("<style", "</style"),
    ("<script", "</script"),
    ("<textarea", "</textarea"),
)
_META_CHARSET = re.compile(
    rb"<meta[^>]{1,200}charset\s{0,9}=\s{0,9}[\"']?\s{0,9}([\w.:-]{2,40})", re.I
)
_INVISIBLE = re.compile("[\u200b\ufeff\u00ad\u034f\u2060]|[\u200c\u200d](?=\\s|$)")
_TAG = re.compile(r"<[^<>]{0,1000}>")
_BLANK_LINES = re.compile(r"\n{3,}")


class _Rewriter:
    """Target of lxml's parser: writes the visible words again, in a few plain tags."""

    def __init__(self):
        self.pieces: list[str] = []
        self.visible = self.blocks = 0
        self.pending = 0  # 1: a line ends before the next word, 2: a paragraph
        self.space = False
        self.begun = False  # the current line has words
        self.silent: list[str] = []  # open elements from the first silent one on
        self.nested: list[str] = []
        self.too_deep = 0
        self.pre = 0

    @property
    def full(self) -> bool:
        return self.visible >= MAX_VISIBLE or self.blocks >= MAX_BLOCKS

    def start(self, tag: str, attributes) -> None:
        if self.silent:
            if tag == self.silent[0]:
                self.silent.append(tag)
            return
        if tag in _SILENT or _is_hidden(attributes):
            if tag not in _VOID:
                self.silent.append(tag)
        elif tag == "br":
            self.line_break()
        elif tag in _NESTING:
            self.nest(tag)
        elif tag == "li":
            self.item()
        elif tag in ("td", "th"):
            self.space = True
        elif tag == "pre":
            self.separate(2)
            self.pre += 1
        elif tag in _BLOCKS or tag in _PARAGRAPHS:
            self.separate(2 if tag in _PARAGRAPHS else 1)

    def end(self, tag: str) -> None:
        if self.silent:
            if tag == self.silent[0]:
                self.silent.pop()
        elif tag in _NESTING:
            self.unnest(tag)
        elif tag == "pre":
            self.separate(2)
            self.pre = max(0, self.pre - 1)
        elif tag == "li":
            self.separate(1)
        elif tag in ("td", "th"):
            self.space = True
        elif tag in _BLOCKS or tag in _PARAGRAPHS:
            self.separate(2 if tag in _PARAGRAPHS else 1)

    def data(self, text: str) -> None:
        if self.silent or self.full:
            return
        if self.pre and "\n" in text:
            for number, line in enumerate(text.split("\n")):
                if number:
                    self.line_break()
                self.words(line.replace("  ", "\u00a0\u00a0"))
            return
        words = " ".join(text.split(None))
        if not words:
            self.space = True
            return
        self.space = self.space or text[0].isspace()
        self.words(words)
        self.space = text[-1].isspace()

    def words(self, text: str) -> None:
        if not text:
            return
        if self.pending and self.begun:
            self.pieces.append("<p>" if self.pending == 2 else "<br>")
            self.blocks += 1
        elif self.space and self.begun:
            self.pieces.append(" ")
        self.pending, self.space, self.begun = 0, False, True
        text = text[: MAX_VISIBLE - self.visible]
        self.visible += len(text)
        self.pieces.append(escape(text, quote=False).replace("\u00a0", "&nbsp;"))

    def separate(self, level: int) -> None:
        self.pending = max(self.pending, level)

    def line_break(self) -> None:
        """``<br>``: the second in a row makes an empty line."""
        self.pending = 2 if self.pending else 1

    def nest(self, tag: str) -> None:
        if self.too_deep or len(self.nested) >= MAX_NESTING or self.full:
            self.too_deep += 1
            self.separate(1)
            return
        self.nested.append(tag)
        self.pieces.append(f"<{tag}>")
        self.blocks += 1
        self.pending, self.space, self.begun = 0, False, False

    def unnest(self, tag: str) -> None:
        if self.too_deep:
            self.too_deep -= 1
            self.separate(1)
        elif self.nested:
            self.pieces.append(f"</{self.nested.pop()}>")
            self.pending = 2 if not self.nested else 0 if tag == "blockquote" else 1
            self.space, self.begun = False, self.pending > 0

    def item(self) -> None:
        if (
            self.full
            or self.too_deep
            or not self.nested
            or self.nested[-1] == "blockquote"
        ):
            self.separate(1)
            return
        self.pieces.append("<li>")
        self.blocks += 1
        self.pending, self.space, self.begun = 0, False, False

    def close(self) -> str:
        while self.nested:
            self.pieces.append(f"</{self.nested.pop()}>")
        return "".join(self.pieces)


def _is_hidden(attributes) -> bool:
    if not attributes:
        return False
    style = attributes.get("style")
    return bool(style and _HIDDEN.search(style[:4_000])) or "hidden" in attributes


def _rewritten(markup: str) -> str:
    """The visible words in plain tags, from a SAX pass bounded in size and time."""
    target = _Rewriter()
    # no tree is built, so nothing is dropped below lxml's 254 levels
    parser = etree.HTMLParser(target=target, huge_tree=True, encoding="utf-8")
    raw = markup.encode("utf-8", "replace")
    deadline = time.monotonic() + MAX_SECONDS
    try:
        for start in range(0, len(raw), _CHUNK):
            parser.feed(raw[start : start + _CHUNK])
            if target.full or time.monotonic() > deadline:
                break
        else:
            parser.close()
    except (etree.LxmlError, AssertionError, ValueError, RecursionError):
        pass  # what was read until here is kept
    return target.close() if target.visible else ""


class _Layout(html2text.HTML2Text):
    """html2text for reading: nothing is written for a Markdown program."""

    def __init__(self):
        super().__init__(bodywidth=0)
        self.unicode_snob = True  # keep typographic characters
        self.ul_item_mark = "-"

    def handle_data(self, data: str, entity_char: bool = False) -> None:
        super().handle_data(data, True)  # as for an entity: not escaped for Markdown


def _swallowed(markup: str) -> str:
    """What stands behind a ``<!--`` or ``<title>`` that is never closed.

    A parser takes the whole mail for a comment then; a reader wants the words. ``""``
    when all is closed: then everything is hidden or an image.
    """
    lower = markup.lower()
    opened = -1
    for start, end in _SWALLOWING:
        at = lower.rfind(start)
        if at >= 0 and lower.find(end, at) < 0:
            opened = max(opened, at + len(start))
    if opened < 0:
        return ""
    rest = markup[opened:]
    return _rewritten(
        rest if lower.startswith("<!--", opened - 4) else rest.partition(">")[2]
    )


def html_to_text(markup: str | bytes, charset: str = "") -> str:
    """Plain text of an HTML mail: blocks as lines, ``> `` before quotes, links as their
    text alone, nothing of what a reader does not see. Never raises.

    :param charset: of ``markup`` when it is bytes; ``""`` = as its ``<meta>`` says

    >>> html_to_text("<p>Dear Ann,<p>see <a href='https://x.example'>the offer</a>.")
    'Dear Ann,\\n\\nsee the offer.'
    """
    if isinstance(markup, bytes):
        markup = markup[:MAX_HTML]
        meta = b"" if charset else _META_CHARSET.search(markup[:4_000])
        markup = charsets.decode(markup, charset or (meta[1].decode() if meta else ""))
    markup = charsets.clean(markup[:MAX_HTML])
    plain_html = _rewritten(markup) or _swallowed(markup)
    if len(plain_html) > MAX_LAID_OUT or plain_html.count("<") > MAX_LAID_OUT_LINES:
        text = unescape(_TAG.sub("\n", plain_html))
    else:
        text = _Layout().handle(plain_html)
    return tidy(text)


def tidy(text: str) -> str:
    """No trailing spaces, no invisible padding, at most one empty line in a row."""
    text = _INVISIBLE.sub("", charsets.clean(text).replace("\u00a0", " "))
    text = "\n".join([line.rstrip() for line in text.split("\n")])
    return _BLANK_LINES.sub("\n\n", text).strip("\n")
