"""Select the security scheme of a service for a login or key."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from hca_base import auth
from hca_base.errors import UsageError

if TYPE_CHECKING:
    from hca_base.openapi import Document
    from hca_base.plugins import Service


def used_schemes(document: Document) -> set[str]:
    """Return the security schemes that a document's operations require; all of them if none requires any."""
    used = {name for operation in document.operations for each in operation.security for name in each}
    return used & set(document.security_schemes) or set(document.security_schemes)


def chosen_keys(
    service: Service, schemes: Mapping[str, Any], used: Collection[str], scheme: str | None, in_headers: Sequence[str]
) -> list[str | None]:
    """Return the schemes that use keys; None is the service's only one."""
    if scheme is not None:
        return [None] if list(schemes) == [scheme] and scheme not in in_headers else [scheme]
    usable = auth.usable_schemes(schemes)
    keys = [name for name, each in usable.items() if each.kind in ("apikey", "basic", "bearer") and name in used]
    if service.bundled_document is not None or len(usable) <= 1:
        return [None]
    return [*keys] or [None]


def chosen_login(service: Service, schemes: Mapping[str, Any], used: Collection[str], scheme: str | None) -> str | None:
    """Return the scheme for a login; None is the service's only one.

    :raises UsageError: the service has no login scheme, or several
    """
    usable = auth.usable_schemes(schemes)
    logins = [name for name, each in usable.items() if each.kind == "oauth2"]
    if scheme is not None:
        if scheme not in logins:
            raise UsageError(
                f"{service.name} has no login {scheme!r}",
                hint=f"choose one of {', '.join(logins)}" if logins else f"hca auth set-key {service.name}",
            )
        return scheme if len(usable) > 1 else None
    if service.credentials.kind not in ("oauth2", "none"):
        raise UsageError(f"{service.name} has no logins", hint=f"hca auth set-key {service.name}")
    if service.credentials.kind == "oauth2" and service.bundled_document is not None:
        return None
    logins = [name for name in logins if name in used] or logins
    if len(logins) > 1:
        raise UsageError(
            f"{service.name} has several logins: {', '.join(logins)}",
            hint=f"name one: hca auth login {service.name} {logins[0]}",
        )
    if not logins and usable:
        raise UsageError(f"{service.name} has no logins", hint=f"hca auth set-key {service.name}")
    return logins[0] if logins and len(usable) > 1 else None
