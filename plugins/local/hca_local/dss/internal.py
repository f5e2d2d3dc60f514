"""Endpoints outside the document: version, login settings, and health."""

from __future__ import annotations

from collections.abc import Callable

from starlette.responses import Response

from hca_local import __version__
from hca_local.dss.call import answer
from hca_local.dss.service import Service


def version(service: Service, base: str) -> Response:
    return answer({"version_info": {"version": f"local-{__version__}"}})


def application_secrets(service: Service, base: str) -> Response:
    """The client settings that ``hca dss login`` asks for; nothing in them is secret."""
    from hca_local.identity import CLIENT_ID, CLIENT_SECRET

    installed = {
        "auth_uri": f"{service.auth_url}/authorize",
        "token_uri": f"{service.auth_url}/token",
        "client_id": CLIENT_ID,
        "client_secret": CLIENT_SECRET,
        "redirect_uris": ["http://127.0.0.1", "http://localhost"],
    }
    return answer({"installed": installed})


def health(service: Service, base: str) -> Response:
    """Whether the store can be read and written."""
    with service.store.write() as db:
        (result,) = db.execute("SELECT 1").fetchone()
    return answer({"Healthy": result == 1, "Services": {"store": result == 1}})


ROUTES: dict[str, Callable[[Service, str], Response]] = {
    "/version": version,
    "/internal/application_secrets": application_secrets,
    "/internal/health": health,
}
