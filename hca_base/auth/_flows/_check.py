"""Check access tokens with their issuer, through the userinfo endpoint of OpenID Connect."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hca_base._service import ServiceLike
from hca_base.auth._flows._client_settings import QUICK_TIMEOUT, issuer_metadata
from hca_base.auth._flows._endpoint import call_endpoint
from hca_base.auth._flows._keys import clean_token
from hca_base.auth._providers._where import service_hosts
from hca_base.auth._stores._records import CLOCK_SKEW, identity_of, jwt_claims, number, text
from hca_base.errors import AuthError, HCAError
from hca_base.http import Session, answer_within, json_of, origin_of

if TYPE_CHECKING:
    import requests

#: Total seconds for all requests: a login can continue without their results.
_TIME = 20.0


@dataclass(frozen=True)
class TokenCheck:
    """The result of checking a token.

    :ivar issuer: who confirmed the token; None if no issuer was asked or the response was not usable
    :ivar identity: owner of the token according to the issuer
    :ivar why: why the token was not checked; empty if the issuer confirmed it
    """

    issuer: str | None = None
    identity: str | None = None
    why: str = ""

    def __str__(self) -> str:
        """The message for the user."""
        if self.issuer is None:
            return f"the token was not checked: {self.why}; the next call shows whether it is valid"
        return f"{self.issuer} confirmed the token" + (f" of {self.identity}" if self.identity else "")


def check_access_token(
    service: ServiceLike,
    config: Any,
    token: str,
    *,
    base_url: str | None = None,
    security_schemes: Mapping[str, Mapping[str, Any]] | None = None,
    session: Session | None = None,
) -> TokenCheck:
    """Ask the issuer of a service's logins whether a token is valid.

    The token is only sent to that issuer; a token that names another issuer is not sent.

    :param base_url: URL of the service; default: from its settings
    :return: the issuer's response, or why the token could not be checked
    :raises UsageError: it cannot be a token
    :raises AuthError: the token has expired according to its claims, or the issuer rejects it
    """
    token = clean_token(token)
    claims = jwt_claims(token)
    ended = number(claims.get("exp"))
    if ended is not None and ended < time.time() - CLOCK_SKEW:
        raise AuthError(f"the token expired at {_utc(ended)}", hint="get a new token, or set this machine's clock")
    session = session or Session(config)
    hosts = service_hosts(service, config, base_url)
    with answer_within(_TIME, body=True):
        try:
            found = issuer_metadata(
                service,
                config,
                session,
                base_url=base_url or next(iter(hosts), None),
                security_schemes=security_schemes,
            )
        except HCAError as error:
            return TokenCheck(why=str(error))
        return _check_at(session, found, token, service.name)


def _check_at(session: Session, found: Mapping[str, Any], token: str, name: str) -> TokenCheck:
    """Ask an issuer that has this discovery document."""
    issuer, url = text(found.get("issuer")), text(found.get("userinfo_endpoint"))
    if issuer is None:
        return TokenCheck(why=f"the issuer of logins to {name} is not known, or does not answer")
    named = text(jwt_claims(token).get("iss"))
    if named is not None and named.rstrip("/") != issuer.rstrip("/"):
        return TokenCheck(why=f"another issuer than {issuer} made it")
    if url is None:
        return TokenCheck(why=f"{issuer} offers no way")
    return _ask(session, url, token, issuer, name)


def _ask(session: Session, url: str, token: str, issuer: str, name: str) -> TokenCheck:
    try:
        headers = {"Authorization": f"Bearer {token}", "Accept": "application/json"}
        response = call_endpoint(
            session, "GET", url, "userinfo endpoint", timeout=QUICK_TIMEOUT, headers=headers, sensitive=True
        )
    except HCAError as error:
        return TokenCheck(why=str(error))
    if response.status_code == 401:
        raise AuthError(
            f"{issuer} refused the token: it is invalid, or has expired",
            hint=f"get a new token; 'hca auth set-key {name}' stores one without checking it",
        )
    if response.status_code != 200:
        # 403: a token without the scope openid is valid, but not for this request.
        return TokenCheck(why=f"{origin_of(url).host} does not tell (status {response.status_code})")
    return TokenCheck(issuer, _identity(response))


def _identity(response: requests.Response) -> str | None:
    try:
        answer = json_of(response)
    except HCAError:  # a signed answer (OpenID Connect Core, 5.3.2)
        answer = jwt_claims(response.text.strip())
    return identity_of(answer) if isinstance(answer, Mapping) else None


def _utc(when: float) -> str:
    try:
        return time.strftime("%Y-%m-%d %H:%M:%SZ", time.gmtime(when))
    except (OverflowError, OSError, ValueError):
        return str(when)
