"""The registered clients: a confidential one whose secret is public, as the DSS published it, and a public one.

Both run on the user's machine (RFC 8252) and use a loopback redirect URI with any free port.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from authlib.oauth2.rfc6749 import ClientMixin

from hca_local.identity.tokens import CLIENT_ID, CLIENT_SECRET

PUBLIC_CLIENT_ID = "hca-local-public"
SCOPES = ("openid", "email", "offline_access")
#: Scopes granted to a client that requests none.
DEFAULT_SCOPES = ("openid", "email")
DEVICE_GRANT = "urn:ietf:params:oauth:grant-type:device_code"
GRANT_TYPES = ("authorization_code", "refresh_token", DEVICE_GRANT)
#: Redirect URIs. Only the port may vary (RFC 8252, 7.3).
REDIRECT_HOSTS = ("127.0.0.1", "localhost", "[::1]")


@dataclass(frozen=True)
class Client(ClientMixin):
    """One registered client.

    :ivar secret: None for a public client
    """

    client_id: str
    title: str
    secret: str | None = field(default=None, repr=False)

    def get_client_id(self) -> str:
        return self.client_id

    def get_default_redirect_uri(self) -> None:
        """None: a request must include its redirect URI (OpenID Connect Core, 3.1.2.1)."""

    def get_allowed_scope(self, scope: str | None) -> str | None:
        """The requested scopes that are granted; unknown ones are ignored (OpenID Connect Core, 3.1.2.1);
        None if none remain."""
        asked = scope.split() if scope else DEFAULT_SCOPES
        return " ".join(known for known in SCOPES if known in asked) or None

    def check_redirect_uri(self, redirect_uri: str) -> bool:
        return is_redirect_uri(redirect_uri)

    def check_client_secret(self, client_secret: str) -> bool:
        return self.secret is not None and hmac.compare_digest(self.secret.encode(), client_secret.encode())

    def check_endpoint_auth_method(self, method: str, endpoint: str) -> bool:
        return method == "none" if self.secret is None else method in ("client_secret_basic", "client_secret_post")

    def check_response_type(self, response_type: str) -> bool:
        return response_type == "code"

    def check_grant_type(self, grant_type: str) -> bool:
        return grant_type in GRANT_TYPES


CLIENTS = {
    client.client_id: client
    for client in (
        Client(CLIENT_ID, "hca on this machine", CLIENT_SECRET),
        Client(PUBLIC_CLIENT_ID, "a program on this machine"),
    )
}


def is_redirect_uri(uri: str) -> bool:
    """Whether a URI is ``http://``, one of the loopback hosts, an optional port, and no path but ``/``.

    Compares with the URI rebuilt from its parts: this rejects whatever a browser might parse differently.
    """
    try:
        parts = urlsplit(uri)
        port = parts.port
    except ValueError:
        return False
    for host in REDIRECT_HOSTS:
        origin = f"http://{host}" if port is None else f"http://{host}:{port}"
        if port != 0 and uri in (origin, f"{origin}/"):
            return True
    return False
