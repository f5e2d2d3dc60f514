"""The embedded Upload Service: the HTTP interface of the original, over the deployment's store.

``create_app(ctx)`` returns the ASGI application, served below ``/upload``; ``start(ctx)`` resumes unfinished work.
``plugins/local/DIFFERENCES.rst`` lists the differences from the original and the reasons for them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hca_local.upload_service.keys import api_key

if TYPE_CHECKING:
    from hca_local.server import Context
    from hca_local.upload_service.app import Application

_APPLICATION = "_upload_service"


def create_app(ctx: Context) -> Application:
    """The application; ``ctx`` keeps it for :func:`start`."""
    from hca_local.upload_service.app import Application

    application = Application(ctx)
    setattr(ctx, _APPLICATION, application)
    return application


def start(ctx: Context) -> None:
    """Resume deletions, checksums and validations of an earlier run; called once, when the listeners are running."""
    getattr(ctx, _APPLICATION).resume()


__all__ = ["api_key", "create_app", "start"]
