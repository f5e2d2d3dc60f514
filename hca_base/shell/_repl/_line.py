"""Parse a line of the interactive shell: its words and redirections.

Quoting is as in a POSIX shell, with one addition: a word that starts with ``{`` or ``[`` extends to the matching
bracket, so that JSON and JMESPath need no quotes, and may span several lines.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from hca_base.errors import UsageError

_CLOSING = {"{": "}", "[": "]"}


class Incomplete(UsageError):
    """Raised if a quote or bracket is still open, so more lines may follow."""


@dataclass
class Line:
    """A parsed line.

    :ivar words: the command's words
    :ivar pipe: a system shell command that reads the output, as typed
    :ivar output: file for the output
    :ivar append: append to the file
    """

    words: list[str] = field(default_factory=list)
    pipe: str | None = None
    output: str | None = None
    append: bool = False


def parse(text: str) -> Line:
    """Parse a line.

    :raises Incomplete: a quote or bracket is not closed
    :raises hca_base.errors.UsageError: a redirection has no file, or there are two
    """
    line = Line()
    position = 0
    while True:
        position = _skip(text, position)
        if position >= len(text) or text[position] == "#":
            return line
        character = text[position]
        if character == "|":
            if line.output is not None:
                raise _two_outputs()
            line.pipe = text[position + 1 :].strip()
            if not line.pipe:
                raise UsageError("a command is required after '|'")
            return line
        if character == ">":
            if line.output is not None:
                raise _two_outputs()
            line.append = text[position : position + 2] == ">>"
            position = _skip(text, position + (2 if line.append else 1))
            if position >= len(text) or text[position] in "|>":
                raise UsageError("a file name is required after '>'")
            line.output, position = _word(text, position)
            continue
        word, position = _word(text, position)
        line.words.append(word)


def _two_outputs() -> UsageError:
    return UsageError("a line can have only one redirection")


def _skip(text: str, position: int) -> int:
    while position < len(text):
        if text[position].isspace():
            position += 1
        elif text.startswith("\\\n", position):
            position += 2
        else:
            break
    return position


def _word(text: str, position: int) -> tuple[str, int]:
    if text[position] in _CLOSING:
        word, position = _bracketed(text, position)
    else:
        word = ""
    while position < len(text):
        character = text[position]
        if character.isspace() or character in "|>":
            break
        if character == "'":
            end = text.find("'", position + 1)
            if end < 0:
                raise Incomplete("unclosed '")
            word += text[position + 1 : end]
            position = end + 1
        elif character == '"':
            part, position = _double_quoted(text, position)
            word += part
        elif character == "\\":
            if position + 1 >= len(text):
                raise Incomplete("the line ends with \\")
            if text[position + 1] != "\n":
                word += text[position + 1]
            position += 2
        elif character in _CLOSING and word.endswith("="):
            # --option={…}
            part, position = _bracketed(text, position)
            word += part
        else:
            word += character
            position += 1
    return word, position


def _double_quoted(text: str, start: int) -> tuple[str, int]:
    word = ""
    position = start + 1
    while position < len(text):
        character = text[position]
        if character == '"':
            return word, position + 1
        if character == "\\" and position + 1 < len(text):
            following = text[position + 1]
            word += following if following in '\\"$`' else "" if following == "\n" else character + following
            position += 2
        else:
            word += character
            position += 1
    raise Incomplete('unclosed "')


def _bracketed(text: str, start: int) -> tuple[str, int]:
    """Return the text from a bracket to its closing one; brackets in quotes are ignored."""
    open_brackets: list[str] = []
    quote = ""
    position = start
    while position < len(text):
        character = text[position]
        if quote:
            if character == "\\":
                position += 1
            elif character == quote:
                quote = ""
        elif character in "\"'`":
            quote = character
        elif character in _CLOSING:
            open_brackets.append(_CLOSING[character])
        elif open_brackets and character == open_brackets[-1]:
            open_brackets.pop()
            if not open_brackets:
                return text[start : position + 1], position + 1
        elif character in "}]":
            raise UsageError(f"unmatched {character!r}: {text[start : position + 1]}")
        position += 1
    raise Incomplete(f"unclosed {text[start]}")


def at_cursor(text: str) -> tuple[list[str], str, int]:
    """Return the words before the current one, the typed part of that one, and its length as typed.

    A quote that is still open belongs to the word. For completion.
    """
    words: list[str] = []
    position = 0
    while True:
        position = _skip(text, position)
        if position >= len(text):
            return words, "", 0
        if text[position] in "|>#":
            # A file or a system shell command, which are not completed here.
            rest = text[position:].split()
            return [], rest[-1] if len(rest) > 1 and not text[-1].isspace() else "", 0
        try:
            word, end = _word(text, position)
        except UsageError:
            return words, *_open_word(text, position)
        if end >= len(text):
            return words, word, end - position
        words.append(word)
        position = end


def _open_word(text: str, start: int) -> tuple[str, int]:
    """Return a word with an open quote, and its length; inside JSON, its last part between blanks."""
    for quote in ("'", '"'):
        try:
            word, end = _word(text + quote, start)
        except UsageError:
            continue
        if end == len(text) + 1:
            return word, len(text) - start
    last = text[start:].split()[-1] if not text[-1].isspace() else ""
    return last, len(last)
