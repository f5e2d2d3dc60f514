"""Untrusted text from servers made safe, and descriptions made readable."""

from __future__ import annotations

import textwrap

import pytest

from hca_base.output import plain_text, safe_text


@pytest.mark.parametrize(
    ("text", "safe"),
    [
        ("plain é漢😀\ttab\nline", "plain é漢😀\ttab\nline"),
        ("\x1b[1;31mred\x1b[0m", "red"),
        ("\x1b]0;title\x07text", "text"),
        ("\x1b]8;;http://evil\x1b\\link\x1b]8;;\x1b\\", "link"),
        ("\x1b]52;c;cm0gLXJm\x07", ""),
        ("\x1bP1$r0m\x1b\\x", "x"),
        ("\x9b2Jx\x9d0;t\x9cy", "xy"),
        ("\x1b]0;unfinished", "]0;unfinished"),
        ("\x1b", ""),
        ("a\x1bcb", "ab"),
        ("a\x00b\x08c\x7fd", "abcd"),
        ("a\r\nb\rc\x85d\u2028e", "a\nb\nc\nd\ne"),
        ("user\u202etxt.exe\u2066", "usertxt.exe"),
        ("\ud800x", "x"),
        (5, "5"),
    ],
)
def test_safe_text(text, safe):
    assert safe_text(text) == safe
    assert "\n" not in safe_text(text, one_line=True)


def plain(text, width=60):
    return plain_text(textwrap.dedent(text), width)


def test_paragraphs_and_marks():
    assert plain(
        """\
        # Find *bundles*

        Returns **all** the `bundle <uuid>`s that __match__ the [query](https://x/y "title"), see
        [above](#top), <https://z> and ![logo](a.png). A snake_case_name, 2 * 3 * 4, \\*no\\*, a&amp;b &lt;tag&gt;.
        One\\
        two

        Second
        ------
        ~~old~~ text
        """
    ) == textwrap.dedent("""\
        Find bundles

        Returns all the bundle <uuid>s that match the query
        (https://x/y), see above, https://z and logo (a.png). A
        snake_case_name, 2 * 3 * 4, *no*, a&b <tag>. One
        two

        Second
        ~~old~~ text
        """).rstrip().replace("~~old~~", "old")


def test_lists():
    assert plain(
        """\
        Parameters:
        - first item that is so long that it has to be wrapped somewhere
        - second
          goes on
            * nested
        1. one
        2. two

        after
        """,
        40,
    ) == textwrap.dedent("""\
        Parameters:
          - first item that is so long that it
            has to be wrapped somewhere
          - second goes on
            - nested
          1. one
          2. two

        after""")


def test_code_is_left_alone():
    assert plain(
        """\
        Example:

        ```json
        {"a_b": "*x*",   "c": "<p>"}

        # no heading
        ```
        ~~~
        second
        ~~~
        After.

            indented *code*
        """
    ) == textwrap.dedent("""\
        Example:

            {"a_b": "*x*",   "c": "<p>"}

            # no heading
            second
        After.

            indented *code*""")


def test_html():
    assert plain(
        """\
        <h2>Title</h2><p>One <b>bold</b> and <code>co_de</code>.<br/>Next <a href="https://x">link</a></p>
        <ul><li>a</li><li>b <i>c</i></li></ul><!-- hidden
        text -->
        GET /bundles/<uuid>?version=<version>
        <table><tr><th>h</th><td>1</td></tr></table>
        """
    ) == textwrap.dedent("""\
        Title

        One bold and co_de.
        Next link (https://x)

          - a
          - b c

        GET /bundles/<uuid>?version=<version>

        h | 1 |""")


def test_quotes_rules_and_tables():
    assert (
        plain(
            """\
        > quoted text
        > goes on

        ***

        | a | `b` |
        |---|-----|
        | 1 | 2   |
        """
        )
        == "> quoted text goes on\n\n--------------------\n\n| a | b |\n|---|-----|\n| 1 | 2   |"
    )


def test_nothing_hostile_comes_through():
    text = plain_text("\x1b[2J&#27;[31m &#x9b;2J <b\x00> `\x1b]0;t\x07`&#x202e;\n\n```\n\x1b[1m\n```", 40)
    assert not set(text) & set("\x1b\x9b\x00\x07\u202e")


@pytest.mark.parametrize("width", [1, 20, 40, 80, None])
def test_lines_fit(width):
    text = plain_text(
        "word " * 100 + "\n\n- item " + "word " * 50 + "\n  - " + "nested " * 30 + "\n\n> " + "quote " * 50, width
    )
    assert max(map(len, text.splitlines())) <= max(width or 100, 22)


@pytest.mark.parametrize(
    "piece",
    [
        "*",
        "_",
        "**a",
        "[",
        "[a](",
        "![",
        "`",
        "``a",
        "<",
        "<a ",
        "<!--",
        "> ",
        "- ",
        "1. ",
        "\\",
        "&#",
        "~~",
        "__a*",
        "\x1b]",
        "\x00",
        "```\n",
        "#",
        "|",
        "(",
        "](",
    ],
)
def test_long_nonsense_takes_no_age(piece):
    """Work is linear in the length of the text: otherwise the test would time out."""
    plain_text(piece * 60_000, 80)
    plain_text((piece + "x\n") * 30_000, 80)
    safe_text(piece * 300_000)


def test_empty():
    assert plain_text("", 80) == plain_text("\n \n", 80) == ""
