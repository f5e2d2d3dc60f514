"""The OpenID provider: Authlib's authorization server, with our people, clients and logins.

Authlib validates the requests (RFC 6749, 7009, 7636, 8628); storage, logins and claims are ours.
Each request is one transaction of the store, so only one of two simultaneous uses of a code or refresh token succeeds.
"""

from __future__ import annotations

import base64
import hashlib
import logging
import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from authlib.oauth2 import OAuth2Error, OAuth2Request
from authlib.oauth2.rfc6749 import AuthorizationServer
from authlib.oauth2.rfc6749.requests import BasicOAuth2Payload

from hca_local.identity.clients import CLIENTS, Client
from hca_local.identity.grants import (
    CodeGrant,
    DeviceAuthorization,
    DeviceGrant,
    RefreshGrant,
    RequiredChallenge,
    Revocation,
)
from hca_local.identity.logins import Login, Logins
from hca_local.identity.tokens import LOGIN_CLAIM, Identity, TokenError

if TYPE_CHECKING:
    from hca_local.identity.people import Person
    from hca_local.store import Store

#: These log complete tokens at DEBUG.
for _talkative in ("authlib", "authlib.oauth2", "authlib.oauth2.rfc6749", "authlib.oauth2.rfc8628"):
    logging.getLogger(_talkative).setLevel(logging.INFO)


@dataclass(frozen=True)
class Answer:
    """An HTTP response. ``body`` is a JSON object, or empty."""

    status: int
    body: Mapping[str, Any]
    headers: Mapping[str, str] = field(default_factory=dict)


class Provider:
    """The endpoints' logic, without HTTP.

    :param access_token_ttl: lifetime of access tokens, seconds
    :param device_interval: seconds between two polls of a client that waits for a device code
    """

    def __init__(
        self, identity: Identity, store: Store, *, access_token_ttl: float = 3600, device_interval: float = 5
    ) -> None:
        self.identity = identity
        self.logins = Logins(store, identity.ended_logins.add)
        self.access_token_ttl = access_token_ttl
        self._store = store
        self._server = _Server(self)
        self._server.register_grant(CodeGrant, [RequiredChallenge(required=True)])
        self._server.register_grant(RefreshGrant)
        self._server.register_grant(DeviceGrant)
        self._server.register_endpoint(Revocation)
        device = DeviceAuthorization(self._server)
        device.INTERVAL = device_interval
        self._server.register_endpoint(device)

    # Requests from clients

    def token(self, form: Mapping[str, str], headers: Mapping[str, str]) -> Answer:
        """The token endpoint."""
        with self._store.write():
            return _judged(lambda: self._server.create_token_response(_Request("POST", "token", form, headers)))

    def revoke(self, form: Mapping[str, str], headers: Mapping[str, str]) -> Answer:
        """The revocation endpoint (RFC 7009)."""
        return self._endpoint("revocation", form, headers)

    def authorize_device(self, form: Mapping[str, str], headers: Mapping[str, str]) -> Answer:
        """The device authorization endpoint (RFC 8628, 3.1)."""
        self.logins.sweep()
        return self._endpoint("device_authorization", form, headers)

    def _endpoint(self, name: str, form: Mapping[str, str], headers: Mapping[str, str]) -> Answer:
        with self._store.write():
            return _judged(lambda: self._server.create_endpoint_response(name, _Request("POST", name, form, headers)))

    def user_info(self, token: str) -> dict[str, Any] | None:
        """The claims of the userinfo endpoint for an access token; None if the token is invalid."""
        try:
            claims = self.identity.verify(token).claims
        except TokenError:
            return None
        scope = claims.get("scope")
        if "openid" not in (scope.split() if isinstance(scope, str) else scope or ()):
            return None
        known = ("sub", "email", "email_verified")
        return {name: value for name, value in claims.items() if name in known or name.startswith("https://")}

    # Consent

    def consent(self, query: Mapping[str, str]) -> Consent | Answer:
        """Validate an authorization request: what to ask the person, or where to redirect with the error.

        :raises OAuth2Error: the redirect URI cannot be trusted, so the browser must not be redirected
        """
        request = _Request("GET", "authorize", query, {})
        try:
            grant = self._server.get_consent_grant(request)
        except OAuth2Error as error:
            if not error.redirect_uri:
                raise
            answer: Answer = self._server.handle_error_response(request, error)
            return answer
        except ValueError:
            raise OAuth2Error(_ODD_CHARACTERS, error="invalid_request") from None
        client = grant.request.client
        return Consent(client, grant.request.scope, grant.redirect_uri)

    def decide(self, query: Mapping[str, str], person: Person | None) -> Answer:
        """Redirect the browser with the person's decision about a request; None denies.

        :raises OAuth2Error: as :meth:`consent`
        """
        judged = self.consent(query)
        if isinstance(judged, Answer):
            return judged
        self.logins.sweep()
        with self._store.write():
            request = self._server.create_oauth2_request(_Request("POST", "authorize", query, {}))
            grant = self._server.get_authorization_grant(request)
            answer: Answer = self._server.create_authorization_response(request, grant_user=person, grant=grant)
        return answer

    # Tokens

    def issue(self, login: Login, scope: str, *, refreshable: bool) -> dict[str, Any]:
        """The token endpoint's response for a login. ``scope`` may be narrower than the consent."""
        now = int(time.time())
        claims = self.identity.claims_of(login.person, lifetime=self.access_token_ttl)
        claims |= {"azp": login.client_id, "jti": secrets.token_urlsafe(12), LOGIN_CLAIM: login.id}
        if login.person.flaw != "scope":
            claims["scope"] = scope
        if "email" not in scope.split():
            # The DSS identifies people by its own claim, which must not change.
            claims = {name: value for name, value in claims.items() if name not in ("email", "email_verified")}
        access = self.identity.mint(claims)
        answer: dict[str, Any] = {
            "access_token": access,
            "token_type": "Bearer",
            "expires_in": int(self.access_token_ttl),
            "scope": scope,
        }
        if "openid" in scope.split():
            about: dict[str, Any] = {name: claims[name] for name in ("email", "email_verified") if name in claims}
            identity_claims: dict[str, Any] = {
                "iss": self.identity.issuer,
                "sub": login.person.subject,
                "aud": login.client_id,
                "iat": now,
                "exp": now + 3600,
                "auth_time": login.auth_time,
                "at_hash": _half_hash(access),
                LOGIN_CLAIM: login.id,
            }
            identity_claims |= about
            if login.nonce:
                identity_claims["nonce"] = login.nonce
            answer["id_token"] = self.identity.mint(identity_claims)
        if refreshable and "offline_access" in login.scope.split():
            answer["refresh_token"] = secrets.token_urlsafe(32)
        return answer


#: Authlib repeats some members in its error descriptions, and fails if they contain characters not allowed there.
_ODD_CHARACTERS = "A member of the request holds characters that do not belong there."


def _judged(function: Callable[[], Answer]) -> Answer:
    try:
        return function()
    except ValueError:
        return Answer(400, {"error": "invalid_request", "error_description": _ODD_CHARACTERS})


@dataclass(frozen=True)
class Consent:
    """What a person is asked: whether ``client`` may act for them within ``scope``."""

    client: Client
    scope: str
    redirect_uri: str


def _half_hash(token: str) -> str:
    """``at_hash`` (OpenID Connect Core, 3.1.3.6)."""
    half = hashlib.sha256(token.encode()).digest()[:16]
    return base64.urlsafe_b64encode(half).rstrip(b"=").decode()


class _Request(OAuth2Request):
    def __init__(self, method: str, path: str, parameters: Mapping[str, str], headers: Mapping[str, str]) -> None:
        # Authlib requires https or a loopback name known to all of its versions; nothing else reads this URL.
        super().__init__(method, f"http://localhost:80/auth/{path}", headers=dict(headers))
        self.payload = BasicOAuth2Payload(dict(parameters))

    @property
    def args(self) -> Mapping[str, str]:
        return dict(self.payload.data)

    form = args


class _Server(AuthorizationServer):
    def __init__(self, provider: Provider) -> None:
        super().__init__()
        self.provider = provider
        self.register_token_generator("default", self._generate)

    def query_client(self, client_id: str) -> Client | None:
        return CLIENTS.get(client_id)

    def create_oauth2_request(self, request: OAuth2Request) -> OAuth2Request:
        return request

    def send_signal(self, name: str, *args: Any, **kwargs: Any) -> None:
        """Do nothing: there are no listeners."""

    def handle_response(self, status: int, body: Any, headers: Any) -> Answer:
        found = {name: value for name, value in headers if name.lower() != "content-type"}
        if "Location" in found:
            # RFC 9207: the issuer.
            iss = self.provider.identity.issuer
            found["Location"] = _with_issuer(found["Location"], iss)
        return Answer(status, body if isinstance(body, Mapping) else {}, found)

    def _generate(
        self,
        grant_type: str,
        client: Client,
        user: Login,
        scope: str,
        expires_in: object = None,
        include_refresh_token: bool = True,
    ) -> dict[str, Any]:
        return self.provider.issue(user, scope, refreshable=include_refresh_token)

    def save_token(self, token: Mapping[str, Any], request: OAuth2Request) -> None:
        if "refresh_token" in token:
            self.provider.logins.add_refresh_token(token["refresh_token"], request.user)


def _with_issuer(location: str, issuer: str) -> str:
    from urllib.parse import urlencode

    return f"{location}{'&' if '?' in location else '?'}{urlencode({'iss': issuer})}"
