"""The OAuth grants and endpoints of the provider: Authlib's, connected to our logins.

Each reaches the provider as ``self.server.provider``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from authlib.oauth2 import OAuth2Error, OAuth2Request
from authlib.oauth2.rfc6749.errors import InvalidGrantError, InvalidRequestError
from authlib.oauth2.rfc6749.grants import AuthorizationCodeGrant, RefreshTokenGrant
from authlib.oauth2.rfc7009 import RevocationEndpoint
from authlib.oauth2.rfc7636 import CodeChallenge
from authlib.oauth2.rfc8628 import DeviceAuthorizationEndpoint, DeviceCodeGrant

from hca_local.identity.clients import CLIENTS, Client
from hca_local.identity.logins import DEVICE_LIFETIME, Code, Device, Login, Logins, RefreshToken
from hca_local.identity.tokens import LOGIN_CLAIM, TokenError

_AUTH_METHODS = ["client_secret_basic", "client_secret_post", "none"]


class RequiredChallenge(CodeChallenge):
    """Requires PKCE with S256 from every client: the confidential client's secret is public, so it protects nothing."""

    DEFAULT_CODE_CHALLENGE_METHOD = "S256"
    SUPPORTED_CODE_CHALLENGE_METHOD = ["S256"]

    def validate_code_challenge(self, grant: Any, redirect_uri: str) -> None:
        data = grant.request.payload.data
        if not data.get("code_challenge") or data.get("code_challenge_method") != "S256":
            raise InvalidRequestError("PKCE is required: send code_challenge, and code_challenge_method=S256.")
        super().validate_code_challenge(grant, redirect_uri)


class CodeGrant(AuthorizationCodeGrant):
    TOKEN_ENDPOINT_AUTH_METHODS = _AUTH_METHODS

    @property
    def logins(self) -> Logins:
        return self.server.provider.logins

    def validate_authorization_request(self) -> str:
        redirect_uri: str = super().validate_authorization_request()
        data = self.request.payload.data
        refusal = None
        if "request" in data:
            refusal = ("request_not_supported", "Requests in JWTs are not understood.")
        elif "request_uri" in data:
            refusal = ("request_uri_not_supported", "Requests in JWTs are not understood.")
        elif data.get("response_mode", "query") != "query":
            refusal = ("invalid_request", "The only response_mode is query.")
        elif "none" in data.get("prompt", "").split():
            # There are no sessions: the person is chosen at every login.
            refusal = ("login_required", "The person must be asked.")
        if refusal is not None:
            raise OAuth2Error(refusal[1], error=refusal[0], redirect_uri=redirect_uri, state=data.get("state"))
        if data.get("access_type") == "offline" and "offline_access" not in self.request.scope.split():
            # Google's libraries request a refresh token this way.
            self.request.scope = f"{self.request.scope} offline_access"
        return redirect_uri

    def save_authorization_code(self, code: str, request: OAuth2Request) -> None:
        data = request.payload.data
        login = self.logins.begin(request.client.client_id, request.user, request.scope, data.get("nonce"))
        self.logins.add_code(code, login, data["redirect_uri"], data["code_challenge"])

    def query_authorization_code(self, code: str, client: Client) -> Code | None:
        return self.logins.code(code, client.client_id)

    def delete_authorization_code(self, authorization_code: Code) -> None:
        self.logins.use_code(authorization_code)

    def authenticate_user(self, authorization_code: Code) -> Login:
        return authorization_code.login


class RefreshGrant(RefreshTokenGrant):
    TOKEN_ENDPOINT_AUTH_METHODS = _AUTH_METHODS
    INCLUDE_NEW_REFRESH_TOKEN = True

    def authenticate_refresh_token(self, refresh_token: str) -> RefreshToken | None:
        found: RefreshToken | None = self.server.provider.logins.refresh_token(refresh_token)
        return found

    def authenticate_user(self, refresh_token: RefreshToken) -> Login:
        return refresh_token.login

    def revoke_old_credential(self, refresh_token: RefreshToken) -> None:
        self.server.provider.logins.use_refresh_token(refresh_token)


class Revocation(RevocationEndpoint):
    """Revoking either token ends the whole login (RFC 7009, 2.1)."""

    CLIENT_AUTH_METHODS = _AUTH_METHODS

    def query_token(self, token_string: str, token_type_hint: str | None) -> RefreshToken | None:
        provider = self.server.provider
        found = provider.logins.of_refresh_token(token_string)
        if found is not None:
            return found
        try:
            claims = provider.identity.verify(token_string).claims
        except TokenError:
            return None
        login = provider.logins.get(claims.get(LOGIN_CLAIM))
        return RefreshToken(None, login) if login is not None else None

    def revoke_token(self, token: RefreshToken, request: OAuth2Request) -> None:
        self.server.provider.logins.end(token.login)


class DeviceAuthorization(DeviceAuthorizationEndpoint):
    CLIENT_AUTH_METHODS = _AUTH_METHODS
    EXPIRES_IN = DEVICE_LIFETIME

    def get_verification_uri(self) -> str:
        return f"{self.server.provider.identity.issuer}/device"

    def save_device_credential(self, client_id: str, scope: str | None, data: Mapping[str, Any]) -> None:
        granted = CLIENTS[client_id].get_allowed_scope(scope)
        if granted is None:
            raise OAuth2Error("None of these scopes is known.", error="invalid_scope")
        logins: Logins = self.server.provider.logins
        logins.add_device(data["device_code"], data["user_code"], client_id, granted, self.INTERVAL)


class DeviceGrant(DeviceCodeGrant):
    TOKEN_ENDPOINT_AUTH_METHODS = _AUTH_METHODS

    def query_device_credential(self, device_code: str) -> Device:
        found = self.server.provider.logins.device(device_code)
        if found is None:
            raise InvalidGrantError("The device code is not known, or was used.")
        self._device: Device = found
        return found

    def query_user_grant(self, user_code: str) -> tuple[Login | None, bool] | None:
        if self._device.denied:
            return None, False
        if self._device.login is None:
            return None
        self.server.provider.logins.use_device(self._device)
        return self._device.login, True

    def should_slow_down(self, credential: Device) -> bool:
        return credential.too_soon
