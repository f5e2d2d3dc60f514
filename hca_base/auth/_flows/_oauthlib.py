"""Configure oauthlib and google-auth-oauthlib for local issuers, and prevent them from logging secrets."""

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
    """Convert a library's exception, keeping its machine-readable reason but not its text."""
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
    """Let oauthlib accept issuers on this machine, and those that grant other scopes than requested.

    It reads both options from the environment only. The caller has checked that plain http is only used for loopback
    and for ``http.insecure_hosts``.
    """
    for name in _TALKATIVE:
        # At DEBUG they log codes, tokens and complete responses.
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
