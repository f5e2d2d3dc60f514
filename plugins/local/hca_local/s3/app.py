"""The S3 endpoint as an ASGI application: authentication, dispatch, responses and errors."""

from __future__ import annotations

import logging
import secrets
import time
from typing import TYPE_CHECKING, Any

from hca_local.s3.answers import Answer, encode_headers, send_content
from hca_local.s3.errors import S3Error
from hca_local.s3.operations import refuse_unserved, route
from hca_local.s3.requests.call import Call
from hca_local.s3.requests.receiving import Disconnected, receive_document, receive_upload
from hca_local.s3.requests.request import Request
from hca_local.s3.requests.signing import verify
from hca_local.s3.uploads.multipart import Uploads
from hca_local.s3.xml import MalformedDocument
from hca_local.store import storage_failure

if TYPE_CHECKING:
    from hca_local.server.context import Context

logger = logging.getLogger("hca_local.s3")
access = logging.getLogger("hca_local.access")


class S3App:
    """Reads are answered on the event loop, because they take microseconds; writes and waits run in threads."""

    def __init__(self, ctx: Context) -> None:
        self._ctx = ctx
        self.objects = ctx.objects
        self.uploads = Uploads(ctx.objects)
        self.uploads.recover()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            return
        began = time.monotonic()
        request_id = secrets.token_hex(8).upper()
        path = (scope.get("raw_path") or scope["path"].encode()).partition(b"?")[0].decode("latin-1")
        try:
            answer = await self._answer(scope, receive)
        except Disconnected:
            access.info("s3 %s %s - cut", scope["method"], path)
            return
        except S3Error as error:
            answer = error_answer(error, path, request_id)
        except MalformedDocument as error:
            answer = error_answer(S3Error("MalformedXML", f"The XML cannot be used: {error}"), path, request_id)
        except Exception as error:  # noqa: BLE001 - every failure is logged and answered
            answer = error_answer(_failure(error, request_id), path, request_id)
        await self._send(scope["method"], answer, request_id, send)
        milliseconds = (time.monotonic() - began) * 1000
        access.info("s3 %s %s %d %d %.1f", scope["method"], path, answer.status, answer.length, milliseconds)

    async def _answer(self, scope: Any, receive: Any) -> Answer:
        request = Request(scope)
        refuse_unserved(request)
        verified = verify(request, self._ctx.credentials)
        operation = route(request)
        call = Call(self.objects, self.uploads, request, verified)
        call.authorize(operation.action)
        request.check_key()
        if operation.kind == "upload":
            return await receive_upload(call, operation, receive, self._ctx.run)
        if operation.kind == "document":
            call.body = await receive_document(call, operation, receive)
        if operation.kind == "read":
            return operation.handler(call)
        return await self._ctx.run(operation.handler, call)

    @staticmethod
    async def _send(method: str, answer: Answer, request_id: str, send: Any) -> None:
        headers = {"x-amz-request-id": request_id, "x-amz-id-2": "hca-local", **answer.headers}
        if answer.status not in (204, 304):
            headers.setdefault("Content-Length", str(answer.length))
        await send({"type": "http.response.start", "status": answer.status, "headers": encode_headers(headers)})
        if answer.content is None or method == "HEAD":
            await send({"type": "http.response.body", "body": b"" if method == "HEAD" else answer.body})
            return
        try:
            await send_content(answer.content, send)
        except OSError as error:
            # The headers were sent: closing the body early is the only way left to report the error.
            logger.error("request %s: %s", request_id, error)


def _failure(error: Exception, request_id: str) -> S3Error:
    """The response to an internal error."""
    failure = storage_failure(error)
    if failure is None:
        logger.error("request %s failed", request_id, exc_info=error)
        return S3Error("InternalError")
    logger.error("request %s failed: %s", request_id, error)
    return S3Error("InsufficientStorage" if failure.status == 507 else "InternalError", failure.message)


def error_answer(error: S3Error, path: str, request_id: str) -> Answer:
    """An error as a response."""
    if error.status == 304:
        return Answer(304, error.headers)
    body = error.body(path, request_id)
    return Answer(error.status, {"Content-Type": "application/xml", **error.headers}, body)
