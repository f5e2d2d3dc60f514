"""Authentication of the embedded deployment: its signing key, the tokens it issues, and their verification.

``create_identity(store, settings)`` loads the key in the data directory, and creates it at the first use;
``open_identity(data_dir, api_url)`` does the same for commands outside the server, such as ``hca local token``.
``create_app(ctx)`` serves the issuer's public endpoints: the key set and the discovery document.
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
