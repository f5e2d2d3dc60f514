"""The prompt of the interactive shell."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from hca_base.shell._repl._completer import make_completer
from hca_base.shell._repl._history import open_history

if TYPE_CHECKING:
    from prompt_toolkit import PromptSession

    from hca_base.shell._repl._session import Session


def is_plain(session: Session) -> bool:
    """Return True if the prompt has no colours, suggestions, toolbar, banner and pager, because of
    ``shell.prompt`` or the terminal."""
    from hca_base.errors import HCAError

    try:
        chosen = session.context.config.get("shell.prompt")
    except HCAError:
        chosen = None
    return chosen == "plain" or os.environ.get("TERM", "") in ("", "dumb")


def prompt_session(session: Session, *, plain: bool = False) -> PromptSession[str]:
    """Return the prompt.

    :param plain: see :func:`is_plain`
    """
    from prompt_toolkit import PromptSession
    from prompt_toolkit.filters import Condition
    from prompt_toolkit.key_binding import KeyBindings

    from hca_base.errors import UsageError
    from hca_base.shell._repl._line import Incomplete, parse

    prompt: PromptSession[str]
    keys = KeyBindings()

    @Condition
    def incomplete() -> bool:
        try:
            parse(prompt.default_buffer.text)
        except Incomplete:
            return True
        except UsageError:
            pass
        return False

    @keys.add("enter", filter=incomplete)
    def _(event: Any) -> None:
        event.current_buffer.insert_text("\n")

    prompt = PromptSession(
        history=open_history(),
        completer=make_completer(session),
        complete_while_typing=False,
        complete_in_thread=True,
        enable_history_search=True,
        key_bindings=keys,
        prompt_continuation="... ",
        **({} if plain else _looks(session)),
    )
    return prompt


def _looks(session: Session) -> dict[str, Any]:
    """Return the options that a plain prompt lacks: suggestions from the history, colours, and the toolbar."""
    from prompt_toolkit.auto_suggest import AutoSuggestFromHistory
    from prompt_toolkit.output import ColorDepth
    from prompt_toolkit.styles import Style

    from hca_base.shell._repl._colours import STYLES, make_lexer
    from hca_base.shell._repl._toolbar import Toolbar

    return {
        "auto_suggest": AutoSuggestFromHistory(),
        "bottom_toolbar": Toolbar(session),
        "lexer": make_lexer(session),
        "style": Style.from_dict(STYLES),
        "color_depth": ColorDepth.DEPTH_1_BIT if os.environ.get("NO_COLOR") else None,
    }
