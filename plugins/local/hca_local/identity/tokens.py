"""Tokens: issued for the named people, verified as the DSS and the Upload Service verified theirs.

A token is an RS256 JWT. It is valid if this deployment issued it with a key of the key set, its signature,
times and audience are right, and it has a ``scope`` claim (the original's framework reads it unconditionally).
"""

from __future__ import annotations

import re
import threading
import time
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hca_local.identity.keys import SigningKey
from hca_local.identity.people import PEOPLE, Person

GROUP_CLAIM = "https://auth.data.humancellatlas.org/group"
#: The login of a token (OpenID Connect Front-Channel Logout, 3); tokens issued by name have none.
LOGIN_CLAIM = "sid"
EMAIL_CLAIM = "https://auth.data.humancellatlas.org/email"
# The audience that hca 7 sets in the tokens that it signs for a service account.
AUDIENCE = "https://dev.data.humancellatlas.org/"
SCOPE = "openid email offline_access"
CLIENT_ID = "hca-local"
# Public clients have no secret, but the settings document requires the member.
CLIENT_SECRET = "not-a-secret"
# Long, because a profile written at start must work for months without a restart, and the key stays on the machine.
DEFAULT_LIFETIME = 365 * 24 * 3600
_LEEWAY = 10
_REMEMBERED = 2048
# The deployment's port may change between starts; tokens issued under the old port stay valid.
_OWN_ISSUER = re.compile(r"http://(127\.0\.0\.1|localhost|\[::1\]):\d{1,5}/auth/?")


class TokenError(Exception):
    """A token was refused; the message is for the caller."""


class UndecodableTokenError(TokenError):
    """Not a JWT, or its key is unknown."""


class ForeignIssuerError(TokenError):
    """A JWT of an issuer that this deployment does not trust."""


class InvalidTokenError(TokenError):
    """A JWT with a bad signature, audience or time, or without a required claim."""


@dataclass(frozen=True)
class Caller:
    """The person that a verified token belongs to."""

    claims: Mapping[str, Any]

    @property
    def group(self) -> str | None:
        group = self.claims.get(GROUP_CLAIM)
        return group if isinstance(group, str) else None

    @property
    def email(self) -> str | None:
        email = self.claims.get(EMAIL_CLAIM) or self.claims.get("email")
        return email if isinstance(email, str) and email else None


class Identity:
    """The issuer of one deployment: ``issuer`` is its URL, ``audience`` what its tokens are for."""

    def __init__(self, key: SigningKey, issuer: str, *, audience: str = AUDIENCE) -> None:
        self.key = key
        self.issuer = issuer
        self.audience = audience
        #: ids of ended logins; their tokens are refused
        self.ended_logins: set[str] = set()
        self._lock = threading.Lock()
        self._verified: OrderedDict[str, tuple[float, Caller]] = OrderedDict()

    def token(self, name: str, *, lifetime: float | None = None) -> str:
        """A token of the person NAME. Raises KeyError for an unknown name."""
        return self.mint(self.claims_of(PEOPLE[name], lifetime=lifetime))

    def claims_of(self, person: Person, *, lifetime: float | None = None) -> dict[str, Any]:
        """The claims of a token issued to ``person`` now; ``lifetime`` in seconds."""
        now = int(time.time())
        claims: dict[str, Any] = {
            "iss": self.issuer,
            "sub": person.subject,
            "aud": self.audience,
            "azp": CLIENT_ID,
            "iat": now,
            "exp": now + int(DEFAULT_LIFETIME if lifetime is None else lifetime),
            "scope": SCOPE,
            GROUP_CLAIM: person.group,
        }
        if person.email is not None:
            claims[EMAIL_CLAIM] = claims["email"] = person.email
            claims["email_verified"] = True
        match person.flaw:
            case "expired":
                claims.update(iat=now - 7200, exp=now - 3600)
            case "audience":
                claims["aud"] = "https://another-service.example.org/"
            case "issuer":
                claims["iss"] = "https://another-issuer.example.org/"
            case "scope":
                claims["scope"] = ""
        return claims

    def mint(self, claims: Mapping[str, Any]) -> str:
        """Sign ``claims`` as they are."""
        import jwt

        return jwt.encode(dict(claims), self.key.private, algorithm="RS256", headers={"kid": self.key.key_id})

    def verify(self, token: str) -> Caller:
        """The caller of this token. Raises a TokenError; valid tokens are cached until they expire."""
        with self._lock:
            known = self._verified.get(token)
            if known is not None and known[0] > time.time():
                self._verified.move_to_end(token)
        caller = known[1] if known is not None and known[0] > time.time() else self._verify(token)
        if caller.claims.get(LOGIN_CLAIM) in self.ended_logins:
            raise InvalidTokenError("The login that this token came of has ended.")
        with self._lock:
            self._verified[token] = (float(caller.claims["exp"]), caller)
            while len(self._verified) > _REMEMBERED:
                self._verified.popitem(last=False)
        return caller

    def trusts(self, issuer: object) -> bool:
        return issuer == self.issuer or (isinstance(issuer, str) and _OWN_ISSUER.fullmatch(issuer) is not None)

    def jwks(self) -> dict[str, Any]:
        """The public keys, as a JSON Web Key Set."""
        return {"keys": [self.key.jwk()]}

    def _verify(self, token: str) -> Caller:
        import jwt

        try:
            header = jwt.get_unverified_header(token)
            unverified = jwt.decode(token, options={"verify_signature": False})
        except jwt.PyJWTError:
            raise UndecodableTokenError("Failed to decode token.") from None
        if not self.trusts(unverified.get("iss")):
            raise ForeignIssuerError("User is not authorized to access this resource")
        if header.get("kid") != self.key.key_id:
            raise UndecodableTokenError("Unable to verify the token: its key is not one of the issuer's.")
        try:
            claims = jwt.decode(
                token,
                self.key.public,
                algorithms=["RS256"],
                audience=[self.audience],
                leeway=_LEEWAY,
                options={"require": ["exp", "iss", "aud"]},
            )
        except jwt.PyJWTError:
            raise InvalidTokenError("Authorization token is invalid") from None
        # It may be empty: no operation requires a scope of its own. hca 7's service-account tokens contain a list.
        if not isinstance(claims.get("scope"), (str, list)):
            raise InvalidTokenError("Authorization token is missing the scope claim.")
        return Caller(claims)


def issuer_of(api_url: str) -> str:
    return api_url.rstrip("/") + "/auth"


def open_identity(data_dir: Path, api_url: str) -> Identity:
    """The identity of the deployment in ``data_dir`` that listens (or will listen) at ``api_url``."""
    return Identity(SigningKey.open(Path(data_dir)), issuer_of(api_url))


def create_identity(store: Any, settings: Any) -> Identity:
    """As :func:`open_identity`, for the server: ``settings`` has ``data_dir`` and ``api_url``."""
    return open_identity(settings.data_dir, settings.api_url)
