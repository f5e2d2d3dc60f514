"""``hca.auth``: the client of the DCP Auth service."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hca._moved import moved

if TYPE_CHECKING:
    from hca.auth.client import AuthClient as AuthClient

moved(__name__, "'hca service add dcp-auth URL' and hca_base.client('dcp-auth') do the same for any deployment")

__all__ = ["AuthClient"]


def __getattr__(name: str) -> Any:
    if name == "AuthClient":
        from hca.auth.client import AuthClient

        return AuthClient
    if name == "SwaggerClient":
        from hca.util.client import SwaggerClient

        return SwaggerClient
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return ["AuthClient"]
