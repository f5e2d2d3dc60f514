"""Whether an access token is valid, as its issuer says: OpenID Connect's userinfo endpoint answers its owner."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hca_base._service import ServiceLike
from hca_base.auth._flows._client_settings import QUICK_TIMEOUT, issuer_metadata
from hca_base.auth._flows._endpoint import MAX_ANSWER, check_endpoint
from hca_base.auth._flows._keys import clean_token
from hca_base.auth._providers._where import service_hosts
from hca_base.auth._stores._records import CLOCK_SKEW, identity_of, jwt_claims, number, text
from hca_base.errors import AuthError, HCAError
from hca_base.http import RetryPolicy, Session, answer_within, json_of, origin_of

if TYPE_CHECKING:
    import requests

#: Seconds for all answers together: a login goes on without them.
_TIME = 20.0


@dataclass(frozen=True)
class TokenCheck:
    """What came of checking a token.

    :ivar issuer: who confirmed the token; None: nobody was asked, or there was no useful answer
    :ivar identity: whose token it is, as the issuer says
    :ivar why: why the token was not checked; empty where the issuer confirmed it
    """

    issuer: str | None = None
    identity: str | None = None
    why: str = ""

    def __str__(self) -> str:
        """What a user is told."""
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

    The token goes to that issuer alone; a token that names another issuer goes nowhere.

    :param base_url: where the service is; default: as its settings say
    :return: what the issuer said, or why the token could not be checked
    :raises UsageError: it cannot be a token
    :raises AuthError: the token says itself that it has expired, or the issuer refuses it
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
        check_endpoint(url, session.settings.insecure_hosts, "userinfo endpoint")
        response = session.call(
            "GET",
            url,
            headers={"Authorization": f"Bearer {token}", "Accept": "application/json"},
            timeout=QUICK_TIMEOUT,
            policy=RetryPolicy.never(),
            redirect="no",
            follow_waits=False,
            raise_for_status=False,
            auth="no",
            max_body=MAX_ANSWER,
            sensitive=True,
        )
    except HCAError as error:
        return TokenCheck(why=str(error))
    if response.status_code == 401:
        raise AuthError(
            f"{issuer} refused the token: it is invalid, or has expired",
            hint=f"get a new token; 'hca auth set-key {name}' stores one without checking it",
        )
    if response.status_code != 200:
        # 403: a token without the scope openid is good for everything but this question.
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
