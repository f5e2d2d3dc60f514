"""The issuer's public side over HTTP: the key set and the discovery document, under /auth and /.well-known."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

if TYPE_CHECKING:
    from starlette.types import ASGIApp


def create_app(ctx: Any) -> ASGIApp:
    """The ASGI application; ``ctx.identity`` is an :class:`~hca_local.identity.Identity`."""
    identity = ctx.identity

    async def keys(request: Request) -> JSONResponse:
        return JSONResponse(identity.jwks(), headers={"Cache-Control": "public, max-age=300"})

    async def discovery(request: Request) -> JSONResponse:
        return JSONResponse(discovery_document(identity.issuer))

    async def unknown(request: Request) -> JSONResponse:
        return JSONResponse({"error": "not_found"}, status_code=404)

    return Starlette(
        routes=[
            Route("/.well-known/jwks.json", keys),
            Route("/auth/.well-known/jwks.json", keys),
            Route("/.well-known/openid-configuration", discovery),
            Route("/auth/.well-known/openid-configuration", discovery),
            Route("/{path:path}", unknown),
        ]
    )


def discovery_document(issuer: str) -> dict[str, Any]:
    """What OpenID Connect clients ask an issuer for first."""
    return {
        "issuer": issuer,
        "authorization_endpoint": f"{issuer}/authorize",
        "token_endpoint": f"{issuer}/token",
        "jwks_uri": f"{issuer}/.well-known/jwks.json",
        "response_types_supported": ["code"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["RS256"],
    }
