"""The S3 endpoint of the embedded deployment: durable, with real signatures and confined temporary credentials."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hca_local.s3.errors import S3Error
from hca_local.s3.objects.objects import ObjectStore, S3Object

if TYPE_CHECKING:
    from hca_local.server.context import Context

__all__ = ["ObjectStore", "S3Error", "S3Object", "create_app"]


def create_app(ctx: Context) -> Any:
    """The endpoint as an ASGI application."""
    from hca_local.s3.app import S3App

    return S3App(ctx)
