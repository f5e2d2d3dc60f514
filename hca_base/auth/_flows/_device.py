"""The device flow (RFC 8628): the user types a short code into a page on any device, and hca polls for the result.

google-auth-oauthlib does not support it.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from hca_base.auth._flows._endpoint import OAuthError, token_request
from hca_base.auth._stores._records import number, text
from hca_base.errors import AuthError, TimedOutError, UnreachableError

if TYPE_CHECKING:
    from hca_base.auth._flows._client_settings import OAuthClient
    from hca_base.http import Session

GRANT = "urn:ietf:params:oauth:grant-type:device_code"
#: Seconds between polls, unless the issuer says otherwise (RFC 8628, 3.2).
INTERVAL = 5.0


def device_login(client: OAuthClient, session: Session, say: Callable[[str], None], seconds: float) -> dict[str, Any]:
    """Return the token endpoint's response once the user has agreed.

    :param seconds: maximum time for the user; the code may expire earlier
    :raises AuthError: the issuer does not support the flow, or the user denied access
    :raises TimedOutError: the user did not respond in time
    """
    if client.device_url is None:
        raise AuthError(
            "the issuer does not support login by device code",
            hint="use --remote, or set auth.device_authorization_url",
        )
    form = {"scope": " ".join(client.scopes)}
    if client.audience:
        form["audience"] = client.audience
    start = _ask(client, session, client.device_url, form)
    device_code, user_code = text(start.get("device_code")), text(start.get("user_code"))
    page = text(start.get("verification_uri")) or text(start.get("verification_url"))
    if device_code is None or user_code is None or page is None:
        raise AuthError("the issuer's response to the device login is incomplete")
    say(_instructions(page, user_code, text(start.get("verification_uri_complete"))))
    deadline = time.monotonic() + min(seconds, number(start.get("expires_in")) or seconds)
    interval = number(start.get("interval")) or INTERVAL
    while True:
        if time.monotonic() + interval > deadline:
            raise TimedOutError("the login was not completed before the code expired", hint="try again")
        time.sleep(interval)
        try:
            return _ask(client, session, client.token_url, {"grant_type": GRANT, "device_code": device_code})
        except OAuthError as error:
            if error.code == "slow_down":
                interval += 5
            elif error.code == "expired_token":
                raise TimedOutError("the login was not completed before the code expired", hint="try again") from None
            elif error.code != "authorization_pending":
                raise
        except UnreachableError:
            # RFC 8628, 3.5: poll more slowly.
            interval = min(interval * 2, 60.0)


def _ask(client: OAuthClient, session: Session, url: str, form: dict[str, str]) -> dict[str, Any]:
    return token_request(
        session,
        url,
        form,
        client_id=client.client_id,
        client_secret=client.client_secret,
        auth_method=client.auth_method,
    )


def _instructions(page: str, code: str, complete: str | None) -> str:
    from hca_base.output import safe_text

    lines = [f"On any device, open {safe_text(page)}", f"and enter the code: {safe_text(code)}"]
    if complete:
        lines.append(f"(or open {safe_text(complete)})")
    return "\n".join(lines)
