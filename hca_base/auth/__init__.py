"""Who we are to a service: credentials, where they are kept, and how one logs in.

Nothing heavy is imported before it is used: a token from the command line or the environment needs neither the
keyring nor Google's library.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hca_base._lazy import lazy_exports

if TYPE_CHECKING:
    from ._client_settings import OAuthClient as OAuthClient
    from ._client_settings import oauth_client as oauth_client
    from ._credentials import CredentialProvider as CredentialProvider
    from ._credentials import Credentials as Credentials
    from ._credentials import ProviderState as ProviderState
    from ._credentials import credentials_for as credentials_for
    from ._endpoint import OAuthError as OAuthError
    from ._keyring import KeyringUnusable as KeyringUnusable
    from ._keys import set_key as set_key
    from ._keys import store_access_token as store_access_token
    from ._login import login as login
    from ._login import logout as logout
    from ._records import Record as Record
    from ._records import bearer_record as bearer_record
    from ._records import identity_of as identity_of
    from ._records import jwt_claims as jwt_claims
    from ._records import key_record as key_record
    from ._scheme import Scheme as Scheme
    from ._scheme import scheme_from_security as scheme_from_security
    from ._store import TokenStore as TokenStore
    from ._store import account_name as account_name
    from ._store import open_store as open_store

__getattr__, __dir__, __all__ = lazy_exports(
    __name__,
    {
        "CredentialProvider": "._credentials",
        "Credentials": "._credentials",
        "KeyringUnusable": "._keyring",
        "OAuthClient": "._client_settings",
        "OAuthError": "._endpoint",
        "ProviderState": "._credentials",
        "Record": "._records",
        "Scheme": "._scheme",
        "TokenStore": "._store",
        "account_name": "._store",
        "bearer_record": "._records",
        "credentials_for": "._credentials",
        "identity_of": "._records",
        "jwt_claims": "._records",
        "key_record": "._records",
        "login": "._login",
        "logout": "._login",
        "oauth_client": "._client_settings",
        "open_store": "._store",
        "scheme_from_security": "._scheme",
        "set_key": "._keys",
        "store_access_token": "._keys",
    },
)
