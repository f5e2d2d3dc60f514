"""Logins without a browser: OAuth 2 client credentials, and a user's name and password (RFC 6749, 4.3 and 4.4)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from hca_base.auth._flows._client_settings import OAuthClient
from hca_base.auth._flows._endpoint import token_request
from hca_base.errors import AuthError
from hca_base.http import Session, remember_secret

Ask = Callable[[str], str]

#: The flows in documents that are handled here.
DIRECT_FLOWS = ("clientCredentials", "password")


def direct_login(
    flow: str, client: OAuthClient, session: Session, *, username: str | None, ask: Ask, ask_secret: Ask
) -> tuple[dict[str, Any], Mapping[str, Any]]:
    """Log in with a single request to the token endpoint.

    :param username: for the password flow; None to ask for it
    :param ask: prompts the user for a line
    :param ask_secret: prompts the user for a line without echo
    :return: the issuer's response, and further members for the stored login
    :raises AuthError: the issuer refused, or the user entered nothing
    """
    if flow == "clientCredentials":
        secret = client.client_secret or _given(ask_secret(f"Secret of the client {client.client_id}: "), "secret")
        form = {"grant_type": "client_credentials"}
        # Store these with the login: there is no refresh token, and the same request renews the token.
        extra = {"grant": "client_credentials", "client_secret": secret}
    else:
        name = username or _given(ask("User name: "), "user name")
        secret = client.client_secret or ""
        form = {"grant_type": "password", "username": name, "password": _given(ask_secret("Password: "), "password")}
        remember_secret(form["password"])
        extra = {"identity": name}
    if client.requested_scopes:
        form["scope"] = " ".join(client.requested_scopes)
    answer = token_request(
        session,
        client.token_url,
        form,
        client_id=client.client_id,
        client_secret=secret or None,
        auth_method=client.auth_method or "basic",
    )
    return answer, {**extra, "scope": form.get("scope")}


def _given(value: str, what: str) -> str:
    value = value.strip("\r\n")
    if not value:
        raise AuthError(f"no {what} entered")
    return value
