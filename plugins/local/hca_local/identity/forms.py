"""Protects forms against cross-site request forgery."""

from __future__ import annotations

import hashlib
import hmac
import secrets
import time
from http.cookies import CookieError, SimpleCookie
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hca_local.store import Store

#: Seconds that a form's token is valid.
LIFETIME = 3600
_COOKIE = "hca-local-form"
_KEY = "oidc.form-key"


class Forms:
    """Creates and checks form tokens.

    A token is bound to a cookie of this browser and to the form's subject, so another site's form, or a form for
    another request, is rejected. It is signed with the deployment's key, so that a page survives a restart.
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
        """A new cookie, and its ``Set-Cookie`` header. SameSite=Strict: only our own pages send it."""
        value = secrets.token_urlsafe(32)
        return value, f"{_COOKIE}={value}; Path=/auth; HttpOnly; SameSite=Strict"

    def token(self, browser: str, subject: str) -> str:
        """The token of a form, valid for an hour.

        :param subject: what the form decides about, such as the request's query
        """
        until = str(int(time.time()) + LIFETIME)
        return f"{until}.{self._sign(browser, subject, until)}"

    def holds(self, token: str, browser: str | None, subject: str) -> bool:
        """Whether a token belongs to the browser and the subject, and has not expired."""
        until, _, signature = token.partition(".")
        if browser is None or not (until.isascii() and until.isdigit()) or int(until) < time.time():
            return False
        return hmac.compare_digest(signature.encode(), self._sign(browser, subject, until).encode())

    def _sign(self, browser: str, subject: str, until: str) -> str:
        return hmac.new(self._key, f"{browser}\n{until}\n{subject}".encode(), hashlib.sha256).hexdigest()
