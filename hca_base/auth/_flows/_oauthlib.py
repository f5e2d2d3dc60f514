"""oauthlib and google-auth-oauthlib, made to work with issuers on this machine and kept from logging secrets."""

from __future__ import annotations

import contextlib
import logging
import os
from collections.abc import Iterator

from hca_base._fork import ForkLock
from hca_base.auth._flows._client_settings import OAuthClient
from hca_base.auth._flows._endpoint import MEANING, OAuthError
from hca_base.errors import HCAError
from hca_base.http import guard_loggers


def login_failure(error: Exception, url: str) -> HCAError:
    """An error of ours for one of the libraries', with its machine-readable reason and no word of its text."""
    import requests

    if isinstance(error, requests.RequestException):
        from hca_base.http import transport_error

        return transport_error(error, url)
    code = str(getattr(error, "error", "") or type(error).__name__)
    if not code.replace("_", "").isalnum():
        code = type(error).__name__
    return OAuthError(code, f"the login could not be completed: {MEANING.get(code, code)}", hint="log in again")


_oauthlib_lock = ForkLock()
_TALKATIVE = (
    "requests_oauthlib.oauth2_session",
    "oauthlib.oauth2.rfc6749.clients.base",
    "oauthlib.oauth2.rfc6749.parameters",
    "google_auth_oauthlib.flow",
)


@contextlib.contextmanager
def oauthlib_settings(client: OAuthClient) -> Iterator[None]:
    """Let oauthlib work with issuers on this machine, and with those that grant other scopes than were asked for.

    It takes both wishes from the environment only. That plain http stays on this machine, or goes to hosts that the
    user named, was checked before.
    """
    for name in _TALKATIVE:
        # At DEBUG they log codes, tokens and answers whole.
        logging.getLogger(name).setLevel(logging.INFO)
    guard_loggers(*_TALKATIVE)
    wishes = {"OAUTHLIB_RELAX_TOKEN_SCOPE": "1"}
    urls = (client.authorization_url or "", client.token_url)
    if any(url.startswith("http://") for url in urls):
        wishes["OAUTHLIB_INSECURE_TRANSPORT"] = "1"
    with _oauthlib_lock:
        before = {name: os.environ.get(name) for name in wishes}
        os.environ.update(wishes)
        try:
            yield
        finally:
            for name, value in before.items():
                if value is None:
                    os.environ.pop(name, None)
                else:
                    os.environ[name] = value
