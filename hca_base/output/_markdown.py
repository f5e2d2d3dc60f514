"""Convert API descriptions (CommonMark with HTML) to plain text for a terminal.

This supports the subset that documents use: paragraphs, headings, lists, quotes, code, links, emphasis, tables
(unchanged), and the corresponding HTML tags. It runs in linear time, because descriptions come from servers.
"""

from __future__ import annotations

import html
import re
import textwrap
from collections.abc import Iterator

from hca_base.output._terminal import safe_text, terminal_width

_FENCE = re.compile(r" {0,3}(```+|~~~+)")
_HEADING = re.compile(r" {0,3}(#{1,6})(?:[ \t]+|$)(.*)")
_RULE = re.compile(r" {0,3}(?:\*[ \t]*){3,}$| {0,3}(?:-[ \t]*){3,}$| {0,3}(?:_[ \t]*){3,}$")
_UNDERLINE = re.compile(r" {0,3}(?:=+|-+)[ \t]*$")
_ITEM = re.compile(r"([ \t]*)([-*+]|\d{1,9}[.)])(?:[ \t]+|$)(.*)")
_QUOTE = re.compile(r" {0,3}> ?(.*)")
_CODE = re.compile(r"(?<!`)(`+)(?!`)([^`]+)(?<!`)\1(?!`)")
_TAG = re.compile(r"<(/?)([A-Za-z][A-Za-z0-9]{0,15})((?:\s[^<>]{0,2000})?)/?>")
_HREF = re.compile(r"""href\s*=\s*["']?([^"'\s>]+)""", re.IGNORECASE)
_LINK = re.compile(
    r"!?\[([^\[\]]{0,1000})\]\(\s*<?([^()\s<>]{0,2000}(?:\([^()\s]{0,200}\)[^()\s]{0,200})?)>?(?:\s+[\"'][^\"')]{0,500}[\"'])?\s*\)"
)
_REFERENCE = re.compile(r"!?\[([^\[\]]{1,1000})\]\[[^\[\]]{0,200}\]")
_AUTOLINK = re.compile(r"<((?:https?|mailto|ftp):[^<>\s]{1,2000})>")
_STRONG = re.compile(r"(\*\*|__)(?=\S)([^*_\n]{1,2000}?)(?<=\S)\1")
_EMPHASIS = re.compile(r"(?<![\w*])([*_])(?=[^\s*_])([^*_\n]{1,2000}?)(?<=[^\s*_])\1(?![\w*])")
_STRIKE = re.compile(r"~~(?=\S)([^~\n]{1,2000}?)~~")
_ESCAPE = re.compile(r"\\([!-/:-@\[-`{-~])")

_BREAKS = {"p", "div", "ul", "ol", "dl", "table", "section", "blockquote", "center", "details", "thead", "tbody"}
_INLINE = {
    "b",
    "i",
    "em",
    "strong",
    "u",
    "span",
    "small",
    "sub",
    "sup",
    "font",
    "s",
    "del",
    "ins",
    "abbr",
    "mark",
    "img",
}
_INLINE |= {"input", "th", "td", "cite", "q", "var", "label", "summary"}


def plain_text(markdown: str, width: int | None = None) -> str:
    """Return a description as plain, wrapped text without control sequences.

    :param markdown: CommonMark, HTML, or plain text
    :param width: columns; default: the terminal's, at most 100
    """
    if width is None:
        width = min(terminal_width(), 100)
    width = max(width, 10)
    text = _without_comments(safe_text(markdown)).expandtabs(4)
    blocks = _blocks(_without_tags(text).split("\n"), width)
    result = "\n".join(blocks)
    # Character references such as &#27; may have created control characters.
    return safe_text(re.sub(r"\n{3,}", "\n\n", result)).strip("\n")


def _without_comments(text: str) -> str:
    result: list[str] = []
    position = 0
    while (start := text.find("<!--", position)) >= 0 and (end := text.find("-->", start)) >= 0:
        result.append(text[position:start])
        position = end + 3
    return "".join([*result, text[position:]])


def _without_tags(text: str) -> str:
    """Replace HTML tags with CommonMark; code and unknown tags (``<uuid>``) are unchanged."""
    result: list[str] = []
    plain: list[str] = []
    fence = ""

    def put_plain() -> None:
        if plain:
            result.append(_tags("\n".join(plain)))
            plain.clear()

    for line in text.split("\n"):
        match = _FENCE.match(line)
        if fence:
            result.append(line)
            if match and match.group(1).startswith(fence) and not line.strip().strip(fence[0]):
                fence = ""
        elif match:
            put_plain()
            result.append(line)
            fence = match.group(1)
        else:
            plain.append(line)
    put_plain()
    return "\n".join(result)


def _tags(text: str) -> str:
    result: list[str] = []
    position = 0
    for match in _CODE.finditer(text):
        result.append(_tags_outside_code(text[position : match.start()]))
        result.append(match.group())
        position = match.end()
    result.append(_tags_outside_code(text[position:]))
    return "".join(result)


def _tags_outside_code(text: str) -> str:
    if "<" not in text:
        return text
    links: list[str] = []

    def replace(match: re.Match[str]) -> str:
        closing, name, attributes = bool(match.group(1)), match.group(2).lower(), match.group(3)
        if name == "br":
            return "  \n"
        if name == "hr":
            return "\n\n---\n\n"
        if name in _BREAKS:
            return "\n\n"
        if name in ("li", "dt"):
            return "" if closing else "\n- "
        if name == "dd":
            return "" if closing else ": "
        if name == "tr":
            return "\n" if closing else ""
        if name in ("code", "tt", "kbd", "samp"):
            return "`"
        if name == "pre":
            return "\n```\n"
        if len(name) == 2 and name[0] == "h" and name[1] in "123456":
            return "\n\n" if closing else f"\n\n{'#' * int(name[1])} "
        if name == "a":
            if closing:
                return f"]({links.pop()})" if links else ""
            target = _HREF.search(attributes)
            if target is None:
                return ""
            links.append(target.group(1))
            return "["
        if name in ("td", "th"):
            return " | " if closing else ""
        if name in ("script", "style") or name in _INLINE:
            return ""
        return match.group()

    return _TAG.sub(replace, text)


def _blocks(lines: list[str], width: int) -> Iterator[str]:
    """Yield the lines of the result."""
    paragraph: list[str] = []
    first_indent = later_indent = ""
    nesting: list[int] = []  # columns of the enclosing list items
    index = 0

    def flush() -> Iterator[str]:
        nonlocal paragraph, first_indent
        if paragraph:
            yield from _fill(paragraph, width, first_indent, later_indent)
            first_indent = later_indent
        paragraph = []

    while index < len(lines):
        line = lines[index]
        index += 1
        fence = _FENCE.match(line.lstrip(" ")) if line.lstrip(" ").startswith(("```", "~~~")) else None
        if fence:
            yield from flush()
            mark = fence.group(1)
            while index < len(lines) and not lines[index].strip().startswith(mark):
                yield (later_indent + "    " + lines[index].rstrip()).rstrip()
                index += 1
            index += 1
            continue
        if not line.strip():
            yield from flush()
            yield ""
            continue
        if heading := _HEADING.match(line):
            yield from flush()
            nesting, first_indent, later_indent = [], "", ""
            yield from _fill([heading.group(2).strip().rstrip("#").rstrip()], width, "", "")
            continue
        if _UNDERLINE.match(line) and paragraph and not nesting:
            yield from flush()
            continue
        if _RULE.match(line):
            yield from flush()
            yield "-" * min(width, 20)
            continue
        item = _ITEM.match(line)
        # A number other than 1 does not interrupt a paragraph: "… in\n1996. It was …".
        if item and (not paragraph or nesting or item.group(2)[0] in "-*+1"):
            yield from flush()
            column = len(item.group(1))
            while nesting and column <= nesting[-1]:
                nesting.pop()
            nesting.append(column)
            mark = "-" if item.group(2) in ("-", "*", "+") else item.group(2)
            first_indent = "  " * min(len(nesting), 8) + mark + " "
            later_indent = " " * len(first_indent)
            paragraph = [item.group(3)] if item.group(3) else []
            continue
        if not paragraph and nesting and not line.startswith(" "):
            nesting, first_indent, later_indent = [], "", ""
        if not paragraph and not nesting and line.startswith("    "):
            yield line.rstrip()  # indented code
            continue
        if quote := _QUOTE.match(line):
            if not paragraph or first_indent != "> ":
                yield from flush()
                first_indent = later_indent = "> "
            paragraph.append(quote.group(1))
            if index >= len(lines) or not _QUOTE.match(lines[index]):
                yield from flush()
                first_indent = later_indent = ""
            continue
        if line.lstrip().startswith("|"):
            yield from flush()
            yield _inline(line.strip())
            continue
        paragraph.append(line)
    yield from flush()


def _fill(paragraph: list[str], width: int, first: str, later: str) -> Iterator[str]:
    """Yield a wrapped paragraph, with line breaks after two trailing spaces or a backslash."""
    parts: list[list[str]] = [[]]
    for number, line in enumerate(paragraph):
        hard = line.endswith(("  ", "\\")) and number < len(paragraph) - 1
        parts[-1].append(line.rstrip("\\").strip() if hard else line.strip())
        if hard:
            parts.append([])
    for part in parts:
        text = _inline(" ".join(part))
        room = max(width, len(later) + 10)
        yield from textwrap.wrap(
            text, room, initial_indent=first, subsequent_indent=later, break_long_words=False, break_on_hyphens=False
        ) or [first.rstrip()]
        first = later


def _inline(text: str) -> str:
    """Remove inline markup, except in code and escaped text."""
    kept: list[str] = []

    def keep(shown: str) -> str:
        # NUL is a safe placeholder, because safe_text removed it from the input.
        kept.append(shown)
        return f"\x00{len(kept) - 1}\x00"

    def link(match: re.Match[str]) -> str:
        label, target = match.group(1).strip(), match.group(2)
        if not target or target.startswith("#") or label == target:
            return label
        return f"{label} ({target})" if label else target

    text = _CODE.sub(lambda match: keep(html.unescape(match.group(2).strip())), text)
    text = _ESCAPE.sub(lambda match: keep(match.group(1)), text)
    text = _LINK.sub(link, text)
    text = _REFERENCE.sub(r"\1", text)
    text = _AUTOLINK.sub(r"\1", text)
    for _ in range(2):  # emphasis within strong text, and vice versa
        text = _STRONG.sub(r"\2", text)
        text = _EMPHASIS.sub(r"\2", text)
    text = _STRIKE.sub(r"\1", text)
    return re.sub("\x00(\\d+)\x00", lambda match: kept[int(match.group(1))], html.unescape(text))
