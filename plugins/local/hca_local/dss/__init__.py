"""The embedded Data Storage Service: the HTTP interface of the original, over the deployment's store.

``create_app(ctx)`` returns the ASGI application; ``start(ctx)`` resumes what a stopped deployment left unfinished.
``plugins/local/DIFFERENCES.rst`` lists the differences from the original and the reasons for them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hca_local.dss.app import Application
    from hca_local.dss.service import Service
    from hca_local.server import Context

_SERVICE = "_dss_service"


def create_app(ctx: Context, **options: Any) -> Application:
    """The application; ``ctx`` keeps its service for :func:`start`."""
    from hca_local.dss.app import create_app as create

    application = create(ctx, **options)
    setattr(ctx, _SERVICE, application.service)
    return application


def start(ctx: Context) -> None:
    """Resume copies, checkouts and deliveries of an earlier run; called once, when the listeners are running."""
    from hca_local.dss.bundles import checkout
    from hca_local.dss.files import routes as files

    service = service_of(ctx)
    files.resume(service)
    checkout.resume(service)
    service.notifier.start()


def service_of(ctx: Context) -> Service:
    """The DSS of a running deployment, without HTTP."""
    service: Service = getattr(ctx, _SERVICE)
    return service


__all__ = ["create_app", "service_of", "start"]
