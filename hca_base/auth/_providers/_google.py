"""Credentials from Google's library: service accounts, and those that ``google.auth.default`` finds.

The library is only imported when one of them is used.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hca_base._fork import ForkLock
from hca_base.auth._providers._kinds import Provider
from hca_base.auth._stores._records import CLOCK_SKEW
from hca_base.errors import AuthError, UnreachableError
from hca_base.http import remember_secret

if TYPE_CHECKING:
    from hca_base._service import Scheme
    from hca_base.http import Session

VARIABLE = "GOOGLE_APPLICATION_CREDENTIALS"
#: Lifetime of a self-signed token in seconds, which is Google's limit.
LIFETIME = 3600
_FILE_LIMIT = 1 << 20
#: Seconds after a refresh during which a 401 does not trigger another one.
_REFRESH_PAUSE = 30.0


class ServiceAccountProvider(Provider):
    """Signs tokens for the service with the key of a service account, without network requests.

    The claims are those that the service declares: ``iss`` and ``sub`` (the account), ``aud`` (the audience), ``iat``,
    ``exp``, ``email``, ``scope``, and others.
    """

    name = "service account"

    def __init__(self, scheme: Scheme, audience: str | None = None) -> None:
        super().__init__()
        self._scheme = scheme
        self._audience = audience or scheme.audience
        self._lock = ForkLock()
        self._token: str | None = None
        self._expires_at = 0.0
        self._signer: Any = None
        self._email = ""

    def authorization(self, url: str, *, refresh: bool = False) -> Mapping[str, str] | None:
        with self._lock:
            # A new token from the same key would be refused again.
            if self._token is None or time.time() > self._expires_at - CLOCK_SKEW - 60:
                if not self._load():
                    return None
                self._sign()
            self.identity, self.issuer, self.expires_at = self._email, self._email, self._expires_at
            self.why = f"{os.environ.get(VARIABLE, '')}, signed here"
            return {"Authorization": f"Bearer {self._token}"}

    def _load(self) -> bool:
        if self._signer is not None:
            return True
        path = os.environ.get(VARIABLE)
        if not path:
            self.why = f"{VARIABLE} is not set"
            return False
        info = read_credentials_file(path)
        if info.get("type") != "service_account":
            self.why = f"{VARIABLE} holds credentials of type {str(info.get('type'))[:40]!r}, not of a service account"
            return False
        from google.auth import crypt

        try:
            self._signer = crypt.RSASigner.from_service_account_info(info)
            self._email = str(info["client_email"])
        except Exception as error:  # noqa: BLE001 - whatever is wrong with a key; it must not show
            raise AuthError(f"{path} holds no usable key of a service account ({type(error).__name__})") from None
        return True

    def _sign(self) -> None:
        from google.auth import jwt

        now = int(time.time())
        # Backdated, for services whose clock is behind.
        issued = now - int(CLOCK_SKEW)
        scopes = " ".join(self._scheme.scopes) or "openid email"
        claims: dict[str, Any] = {"email": "{email}", "scope": scopes, **self._scheme.claims}
        payload = {name: _filled(value, self._email) for name, value in claims.items()}
        payload.update(iss=self._email, sub=self._email, iat=issued, exp=issued + LIFETIME)
        if self._audience:
            payload["aud"] = self._audience
        try:
            token = jwt.encode(self._signer, payload)
        except Exception as error:  # noqa: BLE001 - see above
            raise AuthError(f"cannot sign a token with the service account ({type(error).__name__})") from None
        self._token = token.decode("ascii")
        self._expires_at = float(issued + LIFETIME)
        remember_secret(self._token)


def _filled(value: Any, email: str) -> Any:
    if isinstance(value, str):
        return value.replace("{email}", email)
    if isinstance(value, list | tuple):
        return [_filled(one, email) for one in value]
    return value


class GoogleDefaultProvider(Provider):
    """Google access tokens, for services that accept them: any credential type that google-auth supports.

    Used if the variable names a file, or if the user enabled ``auth.application_default``, which also allows gcloud's
    login and a cloud machine's metadata server.
    """

    name = "Google credentials"

    def __init__(self, scheme: Scheme, session: Session, *, allowed: bool) -> None:
        super().__init__()
        self._scopes = [_SCOPE_URLS.get(scope, scope) for scope in scheme.scopes if scope != "offline_access"]
        self._session = session
        self._allowed = allowed
        self._refreshed_at = float("-inf")
        self._lock = ForkLock()
        self._credentials: Any = None

    def authorization(self, url: str, *, refresh: bool = False) -> Mapping[str, str] | None:
        with self._lock:
            if self._credentials is None and not self._load():
                return None
            if not self._credentials.valid or (refresh and time.monotonic() - self._refreshed_at > _REFRESH_PAUSE):
                self._refresh()
                self._refreshed_at = time.monotonic()
            token = str(self._credentials.token)
            remember_secret(token)
            expiry = self._credentials.expiry
            self.expires_at = _timestamp(expiry)
            self.issuer = "Google"
            self.identity = getattr(self._credentials, "service_account_email", None)
            self.why = f"{type(self._credentials).__module__}"
            return {"Authorization": f"Bearer {token}"}

    def look(self, url: str) -> bool:
        path = os.environ.get(VARIABLE)
        if path:
            self.why = f"{path}, of type {str(read_credentials_file(path).get('type'))[:40]}"
            return True
        self.why = (
            "auth.application_default: credentials that Google's library finds"
            if self._allowed
            else f"{VARIABLE} is not set, and auth.application_default is not true"
        )
        return self._allowed

    def _load(self) -> bool:
        path = os.environ.get(VARIABLE)
        if not path and not self._allowed:
            self.why = f"{VARIABLE} is not set, and auth.application_default is not true"
            return False
        if path:
            read_credentials_file(path)
        import warnings

        import google.auth
        from google.auth import exceptions

        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                self._credentials, _ = google.auth.default(
                    scopes=self._scopes or [_SCOPE_URLS["email"]], request=_without_project_lookup(self._request())
                )
        except exceptions.DefaultCredentialsError:
            if path:
                raise AuthError(f"Google's library cannot use the credentials in {path}") from None
            self.why = "Google's library finds no credentials on this machine"
            return False
        except exceptions.GoogleAuthError as error:
            raise AuthError(f"Google's library cannot load credentials ({type(error).__name__})") from None
        return True

    def _refresh(self) -> None:
        from google.auth import exceptions

        try:
            self._credentials.refresh(self._request())
        except exceptions.TransportError:
            raise UnreachableError("Google's token service cannot be reached") from None
        except exceptions.GoogleAuthError as error:
            # Its text includes the response, which may include secrets from the request.
            raise AuthError(
                f"Google issued no access token for these credentials ({type(error).__name__})",
                hint=f"check {VARIABLE}, or log in again with gcloud auth application-default login",
            ) from None

    def _request(self) -> Any:
        from google.auth.transport.requests import Request

        return Request(session=self._session.transport)


def _without_project_lookup(request: Any) -> Any:
    """A transport that responds to the library's project lookup without a request.

    ``google.auth.default`` looks up the project, which hca does not need, so the request to the Resource Manager API
    is avoided.
    """

    class NoProject:
        status = 404
        headers: Mapping[str, str] = {}
        data = b"{}"

    def answer(url: str, *args: Any, **kwargs: Any) -> Any:
        if url.startswith("https://cloudresourcemanager.googleapis.com/"):
            return NoProject()
        return request(url, *args, **kwargs)

    return answer


#: Google's names for OpenID scopes.
_SCOPE_URLS = {
    "email": "https://www.googleapis.com/auth/userinfo.email",
    "profile": "https://www.googleapis.com/auth/userinfo.profile",
}


def _timestamp(expiry: Any) -> float | None:
    import calendar

    # google-auth uses naive times in UTC.
    return None if expiry is None else float(calendar.timegm(expiry.timetuple()))


def read_credentials_file(path: str) -> dict[str, Any]:
    """Return the JSON object in a Google credentials file.

    :raises AuthError: the file cannot be read or is not a JSON object
    """
    try:
        with Path(path).open("rb") as stream:
            data = stream.read(_FILE_LIMIT)
        info = json.loads(data)
    except OSError as error:
        raise AuthError(
            f"{VARIABLE} names {path}, which cannot be read: {error.strerror}",
            hint=f"correct or unset {VARIABLE}",
        ) from None
    except (ValueError, RecursionError):
        info = None
    if not isinstance(info, dict):
        raise AuthError(f"{VARIABLE} names {path}, which holds no Google credentials")
    return info
