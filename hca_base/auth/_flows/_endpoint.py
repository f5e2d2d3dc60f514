"""Requests to an issuer's token endpoint (RFC 6749, 7009, 8628), and their errors.

They use hca's session, with the user's proxies, certificates and timeouts. Redirects are never followed, since they
would forward the code or refresh token, and responses of issuers are never shown.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from hca_base.auth._stores._records import Record, identity_of, is_protected, jwt_claims, number, text
from hca_base.errors import AuthError, ServiceError
from hca_base.http import RetryPolicy, json_of, origin_of, remember_secret

if TYPE_CHECKING:
    import requests

    from hca_base.http import Session

#: Seconds for a token request. Other processes wait for the lock during it.
TIMEOUT = (10.0, 30.0)
#: Maximum response size.
MAX_ANSWER = 1 << 20


class OAuthError(AuthError):
    """An issuer's error; ``code`` is its machine-readable reason (``invalid_grant``)."""

    def __init__(self, code: str, message: str, *, hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.code = code


def check_endpoint(url: str, insecure_hosts: Iterable[str], purpose: str) -> None:
    """Refuse an endpoint that would receive secrets over plain http.

    :raises AuthError: it is neither https nor loopback nor in ``http.insecure_hosts``
    """
    if not is_protected(url, insecure_hosts):
        raise AuthError(f"the {purpose} is at {origin_of(url)}, which is not encrypted; hca does not log in there")


def call_endpoint(
    session: Session, method: str, url: str, purpose: str, *, timeout: tuple[float, float] = TIMEOUT, **options: Any
) -> requests.Response:
    """Send a request with secrets to an issuer: once, without redirects, and without the stored credentials.

    :param purpose: of the endpoint, for the message
    :param options: further arguments of :meth:`hca_base.http.Session.call`
    :raises AuthError: the endpoint would receive secrets over plain http
    :raises UnreachableError: no response
    """
    check_endpoint(url, session.settings.insecure_hosts, purpose)
    return session.call(
        method,
        url,
        timeout=timeout,
        policy=RetryPolicy.never(),
        redirect="no",
        follow_waits=False,
        raise_for_status=False,
        auth="no",
        max_body=MAX_ANSWER,
        **options,
    )


def token_request(
    session: Session,
    url: str,
    form: Mapping[str, str],
    *,
    client_id: str,
    client_secret: str | None = None,
    auth_method: str | None = None,
) -> dict[str, Any]:
    """Send a request to a token endpoint, without retries: codes and refresh tokens may only be valid once.

    :param auth_method: ``basic`` or ``post``: how a client with a secret authenticates
    :raises OAuthError: the issuer refused
    :raises AuthError: the response is not valid
    :raises UnreachableError: no response
    """
    body = dict(form)
    headers = {"Accept": "application/json"}
    if client_secret and auth_method == "basic":
        headers["Authorization"] = _basic(client_id, client_secret)
    else:
        if client_id:
            body["client_id"] = client_id
        if client_secret:
            body["client_secret"] = client_secret
    for name in ("code", "refresh_token", "device_code", "code_verifier", "client_secret"):
        remember_secret(body.get(name))
    return _answer(call_endpoint(session, "POST", url, "token endpoint", data=body, headers=headers), url)


def _answer(response: Any, url: str) -> dict[str, Any]:
    host = origin_of(url).host
    try:
        answer = json_of(response)
    except ServiceError:
        answer = None
    if isinstance(answer, dict):
        for name in ("access_token", "refresh_token", "id_token", "device_code"):
            remember_secret(answer.get(name))
        code = text(answer.get("error"))
        if code is not None:
            # Only use codes that are words (RFC 6749, 5.2); descriptions may repeat secrets from the request.
            code = code if re.fullmatch(r"[A-Za-z0-9_.:/-]{1,60}", code) else "error"
            raise OAuthError(code, f"{host} refused: {MEANING.get(code, code)}")
        if response.status_code == 200:
            return answer
    if response.status_code >= 500:
        raise ServiceError(
            f"{host} cannot issue a token now (status {response.status_code})",
            status=response.status_code,
            hint="try again later",
        )
    raise AuthError(
        f"{host} issued no token (status {response.status_code})",
        hint="check the token URL of the service's login (auth.token_url)",
    )


#: Human-readable texts for issuers' error codes (RFC 6749, 8628).
MEANING = {
    "access_denied": "the login was denied",
    "expired_token": "the code has expired",
    "invalid_client": "it does not recognize this client (client_id, client_secret)",
    "invalid_grant": "the code or login is no longer valid",
    "invalid_request": "it rejected the request as invalid",
    "invalid_scope": "it does not grant the requested scopes",
    "unauthorized_client": "it does not allow this client to log in this way",
    "unsupported_grant_type": "it does not support this way to log in",
}


def _basic(client_id: str, client_secret: str) -> str:
    import base64

    # RFC 6749, 2.3.1: both are form-encoded first.
    pair = f"{quote(client_id, safe='')}:{quote(client_secret, safe='')}"
    return "Basic " + base64.b64encode(pair.encode()).decode()


def record_from_answer(answer: Mapping[str, Any], base: Mapping[str, Any]) -> Record:
    """Create the record of a login from a token endpoint's response.

    :param base: members that are not in the response, or an earlier record to renew
    :raises AuthError: the access token is missing or of an unsupported type
    """
    token = text(answer.get("access_token"))
    if token is None:
        raise AuthError("the issuer's response has no access token")
    if not token.isascii() or not token.isprintable() or " " in token:
        raise AuthError("the issuer sent a token with characters that are not allowed in a token")
    kind = text(answer.get("token_type")) or "Bearer"
    if kind.lower() != "bearer":
        raise AuthError(f"the issuer sends tokens of type {kind[:20]!r}, which are not supported")
    now = time.time()
    lifetime = number(answer.get("expires_in"))
    claims = {**jwt_claims(answer.get("id_token")), **jwt_claims(token)}
    record = Record(base)
    record.pop("ended", None)
    record.update(
        kind="oauth2",
        access_token=token,
        obtained_at=now,
        lifetime=lifetime,
        # Prefer a lifetime, which uses this machine's clock, over a time of the issuer's clock.
        expires_at=now + lifetime if lifetime is not None else number(claims.get("exp")),
    )
    # An issuer that rotates refresh tokens returns a new one; otherwise the old one stays valid.
    for name in ("refresh_token", "scope"):
        if text(answer.get(name)):
            record[name] = answer[name]
    record["identity"] = identity_of(claims) or record.get("identity")
    record["issuer"] = text(claims.get("iss")) or record.get("issuer")
    return Record({name: value for name, value in record.items() if value is not None}).remember_secrets()
