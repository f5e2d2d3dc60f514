"""Who calls the embedded deployment: its signing key, the tokens it issues, and what it makes of tokens it is shown.

``create_identity(store, settings)`` opens (and, the first time, makes) the key that lies in the data directory;
``open_identity(data_dir, api_url)`` does the same for a command that is not the server, such as ``hca local token``.
``create_app(ctx)`` serves the issuer's public side: the key set and the discovery document.
"""

from __future__ import annotations

from hca_local.identity.app import create_app
from hca_local.identity.keys import SigningKey
from hca_local.identity.people import NAMES, PEOPLE, Person
from hca_local.identity.tokens import (
    AUDIENCE,
    CLIENT_ID,
    CLIENT_SECRET,
    EMAIL_CLAIM,
    GROUP_CLAIM,
    Caller,
    ForeignIssuerError,
    Identity,
    InvalidTokenError,
    TokenError,
    UndecodableTokenError,
    create_identity,
    open_identity,
)

__all__ = [
    "AUDIENCE",
    "CLIENT_ID",
    "CLIENT_SECRET",
    "EMAIL_CLAIM",
    "GROUP_CLAIM",
    "NAMES",
    "PEOPLE",
    "Caller",
    "ForeignIssuerError",
    "Identity",
    "InvalidTokenError",
    "Person",
    "SigningKey",
    "TokenError",
    "UndecodableTokenError",
    "create_app",
    "create_identity",
    "open_identity",
]
