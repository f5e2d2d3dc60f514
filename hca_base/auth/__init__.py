"""Who we are to a service: credentials, where they are kept, and how one logs in.

Nothing heavy is imported before it is used: a token from the command line or the environment needs neither the
keyring nor Google's library.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hca_base._lazy import lazy_exports

if TYPE_CHECKING:
    from hca_base._service import Scheme as Scheme
    from hca_base.auth._flows._check import TokenCheck as TokenCheck
    from hca_base.auth._flows._check import check_access_token as check_access_token
    from hca_base.auth._flows._client_settings import OAuthClient as OAuthClient
    from hca_base.auth._flows._client_settings import oauth_client as oauth_client
    from hca_base.auth._flows._endpoint import OAuthError as OAuthError
    from hca_base.auth._flows._keys import set_key as set_key
    from hca_base.auth._flows._keys import store_access_token as store_access_token
    from hca_base.auth._flows._login import login as login
    from hca_base.auth._flows._login import logout as logout
    from hca_base.auth._providers._chain import CredentialProvider as CredentialProvider
    from hca_base.auth._providers._chain import Credentials as Credentials
    from hca_base.auth._providers._chain import ProviderState as ProviderState
    from hca_base.auth._providers._for_service import credentials_for as credentials_for
    from hca_base.auth._providers._headers import fixed_headers as fixed_headers
    from hca_base.auth._providers._headers import key_names as key_names
    from hca_base.auth._providers._scheme import scheme_from_security as scheme_from_security
    from hca_base.auth._providers._scheme import usable_schemes as usable_schemes
    from hca_base.auth._stores._keyring import KeyringUnusable as KeyringUnusable
    from hca_base.auth._stores._records import Record as Record
    from hca_base.auth._stores._records import bearer_record as bearer_record
    from hca_base.auth._stores._records import identity_of as identity_of
    from hca_base.auth._stores._records import jwt_claims as jwt_claims
    from hca_base.auth._stores._records import key_record as key_record
    from hca_base.auth._stores._store import TokenStore as TokenStore
    from hca_base.auth._stores._store import account_name as account_name
    from hca_base.auth._stores._store import open_store as open_store
    from hca_base.auth._stores._store import scheme_account as scheme_account

__getattr__, __dir__, __all__ = lazy_exports(
    __name__,
    {
        "CredentialProvider": "._providers._chain",
        "Credentials": "._providers._chain",
        "KeyringUnusable": "._stores._keyring",
        "OAuthClient": "._flows._client_settings",
        "OAuthError": "._flows._endpoint",
        "ProviderState": "._providers._chain",
        "Record": "._stores._records",
        "Scheme": "hca_base._service",
        "TokenCheck": "._flows._check",
        "TokenStore": "._stores._store",
        "account_name": "._stores._store",
        "bearer_record": "._stores._records",
        "check_access_token": "._flows._check",
        "credentials_for": "._providers._for_service",
        "fixed_headers": "._providers._headers",
        "key_names": "._providers._headers",
        "usable_schemes": "._providers._scheme",
        "identity_of": "._stores._records",
        "jwt_claims": "._stores._records",
        "key_record": "._stores._records",
        "login": "._flows._login",
        "logout": "._flows._login",
        "oauth_client": "._flows._client_settings",
        "open_store": "._stores._store",
        "scheme_account": "._stores._store",
        "scheme_from_security": "._providers._scheme",
        "set_key": "._flows._keys",
        "store_access_token": "._flows._keys",
    },
)
