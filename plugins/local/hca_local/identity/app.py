"""The identity provider over HTTP, under /auth: discovery, keys, logins, tokens. Also serves /.well-known."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from hca_local.identity.tokens import EMAIL_CLAIM, GROUP_CLAIM

if TYPE_CHECKING:
    from starlette.types import ASGIApp


def create_app(ctx: Any) -> ASGIApp:
    """The ASGI application; ``ctx.identity`` is an :class:`~hca_local.identity.Identity`."""
    # Imported here because `hca local token` needs no server.
    from hca_local.identity.endpoints import Endpoints
    from hca_local.identity.provider import Provider

    identity = ctx.identity
    provider = Provider(
        identity,
        ctx.store,
        access_token_ttl=ctx.settings.access_token_ttl,
        device_interval=ctx.settings.device_interval,
    )
    endpoints = Endpoints(provider, ctx.store, ctx.run)

    async def keys(request: Request) -> JSONResponse:
        return JSONResponse(identity.jwks(), headers={"Cache-Control": "public, max-age=300"})

    async def discovery(request: Request) -> JSONResponse:
        return JSONResponse(discovery_document(identity.issuer))

    async def unknown(request: Request, error: Exception) -> JSONResponse:
        return JSONResponse({"error": "not_found"}, status_code=404)

    return Starlette(
        routes=[
            Route("/.well-known/jwks.json", keys),
            Route("/auth/.well-known/jwks.json", keys),
            Route("/.well-known/openid-configuration", discovery),
            Route("/auth/.well-known/openid-configuration", discovery),
            Route("/auth/authorize", endpoints.authorize, methods=["GET", "POST"]),
            Route("/auth/device", endpoints.device, methods=["GET", "POST"]),
            Route("/auth/token", endpoints.token, methods=["POST"]),
            Route("/auth/revoke", endpoints.revoke, methods=["POST"]),
            Route("/auth/device_authorization", endpoints.device_authorization, methods=["POST"]),
            Route("/auth/userinfo", endpoints.user_info, methods=["GET", "POST"]),
        ],
        exception_handlers={404: unknown},
    )


def discovery_document(issuer: str) -> dict[str, Any]:
    """The discovery document."""
    methods = ["client_secret_basic", "client_secret_post", "none"]
    return {
        "issuer": issuer,
        "authorization_endpoint": f"{issuer}/authorize",
        "token_endpoint": f"{issuer}/token",
        "userinfo_endpoint": f"{issuer}/userinfo",
        "revocation_endpoint": f"{issuer}/revoke",
        "device_authorization_endpoint": f"{issuer}/device_authorization",
        "jwks_uri": f"{issuer}/.well-known/jwks.json",
        "scopes_supported": ["openid", "email", "offline_access"],
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "grant_types_supported": [
            "authorization_code",
            "refresh_token",
            "urn:ietf:params:oauth:grant-type:device_code",
        ],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["RS256"],
        "token_endpoint_auth_methods_supported": methods,
        "revocation_endpoint_auth_methods_supported": methods,
        "code_challenge_methods_supported": ["S256"],
        "claims_supported": ["sub", "email", "email_verified", "auth_time", "nonce", EMAIL_CLAIM, GROUP_CLAIM],
        "prompt_values_supported": ["consent", "login", "select_account"],
        "authorization_response_iss_parameter_supported": True,
        "claims_parameter_supported": False,
        "request_parameter_supported": False,
        "request_uri_parameter_supported": False,
    }
