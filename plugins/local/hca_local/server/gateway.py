"""The API listener: routes each request to a component by its path."""

from __future__ import annotations

import json
import logging
import os
import time
from typing import TYPE_CHECKING, Any

from hca_local.store import storage_failure

if TYPE_CHECKING:
    from hca_local.server.context import Context

logger = logging.getLogger("hca_local")
access = logging.getLogger("hca_local.access")

STATUS_PATH = "/-/status"
_LOCAL_NAMES = frozenset(["127.0.0.1", "localhost", "[::1]", "testserver"])


class Gateway:
    """Routes by path: ``/auth`` and ``/.well-known`` to the identity provider, ``/upload`` to the Upload Service,
    ``/-/status`` to itself, and everything else to the DSS, which also handles unknown routes.

    :param apps: ASGI applications by component; missing ones are not served
    """

    def __init__(self, ctx: Context, apps: dict[str, Any]) -> None:
        self._ctx = ctx
        self._apps = apps

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            return
        began = time.monotonic()
        status = 0
        sent = 0

        async def counting_send(message: Any) -> None:
            nonlocal status, sent
            if message["type"] == "http.response.start":
                status = message["status"]
            else:
                sent += len(message.get("body", b""))
            await send(message)

        try:
            await self._dispatch(scope, receive, counting_send)
        except Exception as error:
            failure = storage_failure(error)
            logger.error("%s %s failed", scope["method"], scope["path"], exc_info=None if failure else error)
            if not status:
                answer = (failure.status, failure.message) if failure else (500, "Internal Server Error")
                await _json(counting_send, answer[0], {"message": answer[1]})
        finally:
            milliseconds = (time.monotonic() - began) * 1000
            # Not the query: it may hold tokens.
            path = (scope.get("raw_path") or scope["path"].encode()).partition(b"?")[0].decode("latin-1")
            access.info("api %s %s %d %d %.1f", scope["method"], path, status, sent, milliseconds)

    async def _dispatch(self, scope: Any, receive: Any, send: Any) -> None:
        if not _is_local(scope):
            # DNS rebinding: a web page could point its own host name here, and read what only this machine may.
            await _json(send, 403, {"message": "The embedded deployment answers to this machine's own names only."})
            return
        path: str = scope["path"]
        if path == STATUS_PATH:
            await _json(send, 200, self.status())
            return
        first = path.split("/", 2)[1] if path.startswith("/") else ""
        component = {"auth": "identity", ".well-known": "identity", "upload": "upload_service"}.get(first, "dss")
        app = self._apps.get(component)
        if app is None:
            await _json(send, 404, {"message": f"This deployment has no component for {path}."})
            return
        if component == "upload_service":
            scope = {**scope, "root_path": scope.get("root_path", "") + "/upload"}
        await app(scope, receive, send)

    def status(self) -> dict[str, Any]:
        """The document that ``hca local status`` requests."""
        import hca_local

        settings = self._ctx.settings
        return {
            "service": "hca-local",
            "version": hca_local.__version__,
            "pid": os.getpid(),
            "api_url": settings.api_url,
            "s3_url": settings.s3_url,
            "data_dir": str(settings.data_dir),
            "components": sorted(self._apps),
        }


def _is_local(scope: Any) -> bool:
    for name, value in scope["headers"]:
        if name == b"host":
            host = value.decode("latin-1").lower()
            if not host.endswith("]"):
                host = host.rsplit(":", 1)[0]
            return host in _LOCAL_NAMES or host.endswith(".localhost")
    return True  # HTTP/1.0, which browsers do not use


async def _json(send: Any, status: int, document: Any) -> None:
    body = json.dumps(document).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
