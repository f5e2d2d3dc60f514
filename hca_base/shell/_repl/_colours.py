"""Syntax highlighting at the prompt: commands, options, text, JSON and JMESPath."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from hca_base.shell._repl._session import BUILT_IN

if TYPE_CHECKING:
    from hca_base.shell._repl._session import Session

#: Style classes of the prompt; they use the terminal's palette, so that they match its background.
STYLES = {
    "command": "ansigreen bold",
    "option": "ansicyan",
    "text": "ansiyellow",
    "number": "ansimagenta",
    "bracket": "bold",
    "constant": "ansimagenta",
    "comment": "ansibrightblack",
    "pipe": "ansired bold",
    "bottom-toolbar": "noreverse ansibrightblack",
    "bottom-toolbar.failed": "noreverse ansired",
    "auto-suggestion": "ansibrightblack",
}

_TOKEN = re.compile(
    r"""(?P<comment>(?:(?<=\s)|\A)\#.*)
    |(?P<text>'[^']*'?|"(?:[^"\\]|\\.)*"?|`[^`]*`?)
    |(?P<option>(?<![^\s])--?[A-Za-z][\w-]*)
    |(?P<number>(?<![\w.-])-?\d+(?:\.\d+)?(?![\w.-]))
    |(?P<constant>\b(?:true|false|null)\b)
    |(?P<pipe>>>?|\|.*|!.*)
    |(?P<bracket>[{}\[\]():,@&])
    |(?P<word>[^\s'"`{}\[\]():,|>]+)
    |(?P<other>\s+|.)""",
    re.VERBOSE,
)


def fragments(line: str, is_command: Callable[[list[str]], bool]) -> list[tuple[str, str]]:
    """Return a line as (style, text) pairs.

    :param is_command: returns True if words are a command or the start of one
    """
    found: list[tuple[str, str]] = []
    words: list[str] = []
    naming = True
    for match in _TOKEN.finditer(line):
        kind, text = match.lastgroup or "other", match.group()
        if kind == "word" and naming:
            words.append(text)
            naming = is_command(words)
            kind = "command" if naming else kind
        elif kind != "other":
            naming = False
        found.append((f"class:{kind}" if kind in STYLES else "", text))
    return found


def make_lexer(session: Session) -> Any:
    """Return the prompt's lexer. It only uses names in memory, because it runs at every keystroke."""
    from prompt_toolkit.lexers import Lexer

    known: dict[tuple[str, ...], bool] = {}

    def is_command(words: list[str]) -> bool:
        key = (session.prefix or "", *words)
        if key not in known:
            if len(known) > 5000:
                known.clear()
            known[key] = _names_command(session, words)
        return known[key]

    class CommandLexer(Lexer):
        def lex_document(self, document: Any) -> Callable[[int], Any]:
            lines = document.lines
            return lambda number: fragments(lines[number], is_command) if number < len(lines) else []

    return CommandLexer()


def _names_command(session: Session, words: list[str]) -> bool:
    names = words[1:] if words[0] in ("hca", "help", "?") else words
    if not names or (len(words) == 1 and words[0] in BUILT_IN) or (words[0] == "use" and len(words) == 2):
        return True
    try:
        for whole in ([session.prefix, *names] if session.prefix else names, names):
            if session.catalog.is_bare_group(whole) or (not session.catalog.find(whole)[1]):
                return True
    except Exception:  # noqa: BLE001 - a plugin may fail in any way, and a word is then left without a colour
        return False
    return False
