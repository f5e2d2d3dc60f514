"""Two HTTP listeners, for the API and for S3, in one event loop in its own thread."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import socket
import threading
from typing import Any

import uvicorn

from hca_base.errors import HCAError
from hca_local.server.settings import HOST

#: Seconds that requests in progress may take when the deployment stops.
GRACE = 5
_ATTEMPTS = 20


class PortError(HCAError):
    """A port is not available."""


def bind(api_port: int, s3_port: int | None) -> tuple[socket.socket, socket.socket]:
    """Listening sockets for the API and for S3.

    :param api_port: 0 for any free port; then S3 also gets any free port unless one is given
    :param s3_port: None for the port after the API's
    :raises PortError: a port is taken or not permitted
    """
    if api_port == 0:
        return _listen(0), _listen(s3_port or 0)
    api = _listen(api_port)
    try:
        return api, _listen(api_port + 1 if s3_port is None else s3_port)
    except BaseException:
        api.close()
        raise


def _listen(port: int) -> socket.socket:
    # With an explicit protocol: otherwise asyncio does not set TCP_NODELAY, and small responses would take 40 ms.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        # So that a restart does not have to wait for connections in TIME_WAIT.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((HOST, port))
        listener.listen(1024)
    except (OSError, OverflowError) as error:
        listener.close()
        reason = "is taken" if getattr(error, "errno", 0) == errno.EADDRINUSE else f"cannot be used: {error}"
        raise PortError(
            f"port {port} of {HOST} {reason}", hint="choose another with --port, or a free one with --port 0"
        ) from error
    listener.setblocking(False)
    return listener


class Expecting:
    """Closes the connection after rejecting a request whose client waits to send the body (``Expect: 100-continue``).

    Such a client never sends the body after a final response, so the server could not find its next request.
    """

    def __init__(self, app: Any) -> None:
        self._app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http" or not any(name == b"expect" for name, _ in scope["headers"]):
            await self._app(scope, receive, send)
            return
        asked = False

        async def noting_receive() -> Any:
            nonlocal asked
            asked = True
            return await receive()

        async def closing_send(message: Any) -> None:
            if message["type"] == "http.response.start" and not asked:
                message = {**message, "headers": [*message.get("headers", ()), (b"connection", b"close")]}
            await send(message)

        await self._app(scope, noting_receive, closing_send)


class Listeners:
    """Serves ASGI applications on bound sockets, from :meth:`start` to :meth:`stop`."""

    def __init__(self, apps: list[tuple[Any, socket.socket]]) -> None:
        self._pairs = [
            (
                uvicorn.Server(
                    uvicorn.Config(
                        Expecting(app),
                        http="httptools",
                        ws="none",
                        loop="asyncio",
                        lifespan="off",
                        log_config=None,
                        access_log=False,
                        server_header=False,
                        proxy_headers=False,
                        timeout_keep_alive=75,
                        timeout_graceful_shutdown=GRACE,
                    )
                ),
                listener,
            )
            for app, listener in apps
        ]
        self._ready = threading.Event()
        self._failure: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="hca-local-listeners", daemon=True)

    def start(self) -> None:
        """Start serving; returns once both listeners respond."""
        self._thread.start()
        self._ready.wait()
        if self._failure is not None:
            self._thread.join()
            raise self._failure

    def stop(self) -> None:
        """Finish the requests in progress, and stop serving."""
        for server, _ in self._pairs:
            server.should_exit = True
        if self._thread.is_alive():
            self._thread.join()
        for _, listener in self._pairs:
            listener.close()

    @property
    def alive(self) -> bool:
        return self._thread.is_alive()

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
        except BaseException as error:  # noqa: BLE001 - told by start()
            self._failure = error
        finally:
            self._ready.set()

    async def _serve(self) -> None:
        tasks = [asyncio.create_task(server.serve(sockets=[listener])) for server, listener in self._pairs]
        watcher = asyncio.create_task(self._watch())
        try:
            await asyncio.gather(*tasks)
        finally:
            for server, _ in self._pairs:
                server.should_exit = True
            watcher.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await watcher

    async def _watch(self) -> None:
        while not all(server.started for server, _ in self._pairs):
            await asyncio.sleep(0.005)
        self._ready.set()
