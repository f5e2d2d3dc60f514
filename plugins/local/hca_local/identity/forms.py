"""Forms that only their own page can send: what a page elsewhere posts in the user's browser decides nothing."""

from __future__ import annotations

import hashlib
import hmac
import secrets
import time
from http.cookies import CookieError, SimpleCookie
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hca_local.store import Store

#: Seconds that a page may stay open before its form is sent.
LIFETIME = 3600
_COOKIE = "hca-local-form"
_KEY = "oidc.form-key"


class Forms:
    """Makes and checks the tokens of forms.

    A token is bound to a cookie that only this browser has, and to what the form is about: nobody else's form can be
    sent from it, and not with another request. The key is the deployment's, so that a page survives a restart.
    """

    def __init__(self, store: Store) -> None:
        with store.write():
            kept = store.get_setting(_KEY)
            if not isinstance(kept, str):
                kept = secrets.token_hex(32)
                store.set_setting(_KEY, kept)
        self._key = bytes.fromhex(kept)

    def browser(self, cookies: str | None) -> str | None:
        """The browser's cookie, from its ``Cookie`` header."""
        try:
            found = SimpleCookie(cookies or "").get(_COOKIE)
        except CookieError:
            return None
        return found.value if found is not None and len(found.value) == 43 else None

    def new_browser(self) -> tuple[str, str]:
        """A new cookie, and its ``Set-Cookie`` header. Strict: it comes along from our own pages only."""
        value = secrets.token_urlsafe(32)
        return value, f"{_COOKIE}={value}; Path=/auth; HttpOnly; SameSite=Strict"

    def token(self, browser: str, subject: str) -> str:
        """The token of a form, which lives an hour.

        :param subject: what the form is about, such as the request's query
        """
        until = str(int(time.time()) + LIFETIME)
        return f"{until}.{self._sign(browser, subject, until)}"

    def holds(self, token: str, browser: str | None, subject: str) -> bool:
        """Whether a token belongs to the browser and the subject, and is not too old."""
        until, _, signature = token.partition(".")
        if browser is None or not (until.isascii() and until.isdigit()) or int(until) < time.time():
            return False
        return hmac.compare_digest(signature.encode(), self._sign(browser, subject, until).encode())

    def _sign(self, browser: str, subject: str, until: str) -> str:
        return hmac.new(self._key, f"{browser}\n{until}\n{subject}".encode(), hashlib.sha256).hexdigest()
