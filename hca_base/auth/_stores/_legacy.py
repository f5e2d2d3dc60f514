"""Migrate hca 7's login from the configuration file to the token store."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from typing import Any

from hca_base.auth._stores._records import Record, bearer_record, number, text
from hca_base.auth._stores._store import TokenStore, account_name
from hca_base.errors import HCAError

#: hca 7 had one login, for the DSS.
LEGACY_SERVICE = "dss"


def adopt_legacy_login(config: Any, store: TokenStore, service: Any, hosts: Iterable[str]) -> None:
    """Move hca 7's token from the configuration to the store, the first time DSS credentials are needed.

    It becomes the default profile's login, unless that exists. A read-only file is left unchanged.
    """
    tokens = config.legacy_tokens() if hasattr(config, "legacy_tokens") else ()
    if not tokens or getattr(service, "name", None) != LEGACY_SERVICE:
        return
    from hca_base.config import take_legacy_token
    from hca_base.output import note

    account = account_name(None, LEGACY_SERVICE)
    bound = list(hosts)

    def save(token: dict[str, Any]) -> None:
        record = legacy_record(token, bound)
        if record is not None and store.get(account) is None:
            store.put(account, record)

    for legacy in tokens:
        try:
            if take_legacy_token(save, path=legacy.path) is not None:
                note(f"the login of hca 7 was moved from {legacy.path} to the token store")
        except (HCAError, OSError) as error:
            note(f"the login of hca 7 was left in {legacy.path}: {error}")


def legacy_record(token: Mapping[str, Any], hosts: list[str]) -> Record | None:
    """Return the record for hca 7's token; None if it has no access token.

    The token endpoint is unknown, so the login cannot be refreshed after the access token expires.
    """
    access = text(token.get("access_token"))
    if access is None:
        return None
    record = bearer_record(access, hosts)
    record.setdefault("expires_at", number(token.get("expires_at")) or time.time() + 3600)
    return record
