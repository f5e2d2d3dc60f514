"""The banner and the bottom toolbar of the interactive shell."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from hca_base import __version__
from hca_base.errors import HCAError

if TYPE_CHECKING:
    from hca_base.shell._repl._session import Session


def banner(session: Session) -> str:
    """Return the banner: versions, installed plugins, and keys."""
    python = ".".join(map(str, sys.version_info[:3]))
    services = ", ".join(sorted(session.catalog.services())) or "none; 'service add NAME URL' adds one"
    return (
        f"hca {__version__}, Python {python}\n"
        f"services: {services}\n"
        "Tab completes, Right accepts a suggestion, 'search WORD' finds commands, Ctrl-D exits.\n"
    )


class Toolbar:
    """The toolbar: service, profile, login, format, and the last command's exit code."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._login = ""
        self._asked: Any = None

    def __call__(self) -> list[tuple[str, str]]:
        """Return the toolbar as (style, text) pairs."""
        session = self._session
        parts = [session.prefix or "all services", f"profile {self._profile()}"]
        if session.prefix:
            parts.append(self._login_of(session.prefix))
        parts.append(f"format {session.settings().get('format') or 'default'}")
        shown = [("class:bottom-toolbar", " " + "  ".join(part for part in parts if part))]
        if session.last is not None:
            code, seconds = session.last
            style = "class:bottom-toolbar.failed" if code else "class:bottom-toolbar"
            shown.append((style, f"  exit {code} in {seconds:.1f} s"))
        return shown

    def _profile(self) -> str:
        try:
            return self._session.context.config.profile or "default"
        except HCAError:
            return "?"

    def _login_of(self, service: str) -> str:
        """Return the login of a service, if known; it is looked up in the background, once per line."""
        asked = (service, len(self._session.lines), self._session.context.generation)
        if asked != self._asked:
            if self._asked is None or self._asked[0] != service:
                self._login = ""
            self._asked = asked
            from prompt_toolkit.application import get_app

            threading.Thread(target=self._look_up, args=(service, get_app().invalidate), daemon=True).start()
        return self._login

    def _look_up(self, service: str, redraw: Callable[[], None]) -> None:
        try:
            found = login_of(self._session, service)
        except Exception:  # noqa: BLE001 - a store or plugin may fail in any way; 'auth status' says how
            found = ""
        if found != self._login:
            self._login = found
            redraw()


def login_of(session: Session, service: str) -> str:
    """Return whether a service would get credentials, and when they expire, without network requests."""
    from hca_base import auth
    from hca_base.commands._credentials._known import known_of

    context = session.context
    config = context.config
    found = context.service(service)
    credentials = auth.credentials_for(
        found, config, token=context.token, store=auth.open_store(config), **known_of(found, config)
    )
    used = next((state for state in credentials.describe() if state.used), None)
    if used is None:
        return "not logged in"
    who = used.identity or "logged in"
    return f"{who}, {_left(used.expires_at - time.time())}" if used.expires_at else who


def _left(seconds: float) -> str:
    from hca_base.output import format_duration

    return f"expires in {format_duration(seconds)}" if seconds > 0 else "expired"
