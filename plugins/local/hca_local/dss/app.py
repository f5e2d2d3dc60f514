"""The DSS as an ASGI application: gateway, authentication, validation, dispatch, and response headers."""

from __future__ import annotations

import json
import logging
import random
import re
import traceback
import uuid
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from hca_local.dss import document as documents
from hca_local.dss import handlers, internal
from hca_local.dss.call import RETRY_AFTER, Call
from hca_local.dss.errors import (
    AnswerError,
    DSSError,
    body_too_large,
    forbidden,
    method_not_allowed,
    unsupported_media_type,
)
from hca_local.dss.operations import Operation, Operations
from hca_local.dss.service import Service
from hca_local.dss.validation import read_parameters
from hca_local.identity import Caller, ForeignIssuerError, TokenError
from hca_local.store import storage_failure

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

logger = logging.getLogger("hca_local.dss")

#: Three times the limit of the original's gateway, enough for bundles of 10,000 files.
MAX_BODY = 32 * 1024 * 1024
_HOST = re.compile(r"[A-Za-z0-9.-]+(:\d+)?|\[[0-9A-Fa-f:]+\](:\d+)?")
_WITH_BODY = frozenset({"PUT", "POST", "PATCH", "DELETE"})
_RETRIED_METHODS = frozenset({"HEAD", "GET", "PUT", "DELETE", "OPTIONS", "TRACE"})
_FAKE_504 = ("dss_fake_504_probability", "dss-fake-504-probability")


def create_app(ctx: Any, *, document: Mapping[str, Any] | None = None) -> Application:
    """The application. It serves and enforces ``document``; default: the document shipped with hca-dss."""
    return Application(Service(ctx), dict(document) if document is not None else documents.load())


class Application:
    """ASGI callable; requests are handled in the context's threads, never on the event loop."""

    def __init__(self, service: Service, document: dict[str, Any]) -> None:
        self.service = service
        self.operations = Operations(document)
        self._served = documents.ServedDocument(document, service.auth_url)
        missing = [operation.name for operation in self.operations.all if operation.name not in handlers.HANDLERS]
        if missing:
            logger.warning("the document has operations that the embedded DSS does not know: %s", ", ".join(missing))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        request = Request(scope, receive)
        try:
            raw = await _read_body(request) if request.method in _WITH_BODY else b""
        except ClientDisconnect:
            return
        except AnswerError as error:
            response = self._error(request.method, request.url.path, error)
        else:
            response = await self.service.run(self.answer, request, raw)
        await response(scope, receive, send)

    def answer(self, request: Request, raw: bytes) -> Response:
        """The response to a request; errors become responses too."""
        method, path = request.method, request.scope["path"]
        try:
            return self._answer(request, method, path, raw)
        except AnswerError as error:
            return self._error(method, path, error)
        except Exception as error:
            failure = storage_failure(error)
            if failure is not None:
                logger.error("%s %s failed: %s", method, path, error)
                return self._error(method, path, DSSError(failure.status, failure.code, failure.message))
            logger.exception("%s %s failed", method, path)
            trace = traceback.format_exc()
            return self._error(method, path, DSSError(500, "unhandled_exception", str(error), stacktrace=trace))

    def _answer(self, request: Request, method: str, path: str, raw: bytes) -> Response:
        headers = request.headers
        own = internal.ROUTES.get(path)
        if own is not None:
            if method not in {"GET", "HEAD"}:
                raise method_not_allowed(method)
            return own(self.service, _base(request, self.service))
        if path == f"{documents.BASE_PATH}/swagger.json":
            return _marked(self._document(request, method))
        if method == "OPTIONS":
            allowed = [*self.operations.methods(path), "OPTIONS"]
            return Response(status_code=200, headers={"Access-Control-Allow-Methods": ",".join(allowed)})
        operation, path_arguments = self.operations.find(method, path)
        _check_media_type(method, headers, raw)
        _maybe_time_out(headers)
        caller = self._authenticate(headers) if operation.secured else None
        call = self._checked(operation, request, path_arguments, raw, caller)
        if self.service.read_only and _writes(operation):
            raise DSSError(503, "read_only", "The DSS is currently read-only")
        return _marked(self._handler(operation)(self.service, call))

    def _handler(self, operation: Operation) -> Callable[[Service, Call], Response]:
        handler = handlers.HANDLERS.get(operation.name)
        if handler is None:
            raise method_not_allowed(operation.method)
        return handler

    def _checked(
        self,
        operation: Operation,
        request: Request,
        path_arguments: Mapping[str, str],
        raw: bytes,
        caller: Caller | None,
    ) -> Call:
        body = operation.body.read(raw) if operation.body is not None else None
        # The last value of a repeated parameter wins.
        query = list(request.query_params.multi_items())
        arguments = read_parameters(operation.parameters, {"query": dict(query), "path": path_arguments})
        path = quote(request.scope["path"])
        return Call(operation.method, _base(request, self.service), path, query, arguments, body, caller)

    def _authenticate(self, headers: Headers) -> Caller:
        given = headers.get("authorization")
        if not given:
            raise DSSError(401, "OAuthProblem", "No authorization token provided")
        words = given.split(None, 1)
        if len(words) != 2 or words[0].lower() != "bearer":
            raise DSSError(401, "OAuthProblem", "Invalid authorization header")
        try:
            return self.service.identity.verify(words[1].strip())
        except ForeignIssuerError:
            raise forbidden() from None
        except TokenError as error:
            raise DSSError(401, "Unauthorized", str(error)) from None

    def _document(self, request: Request, method: str) -> Response:
        if method not in {"GET", "HEAD"}:
            raise method_not_allowed(method)
        body, tag = self._served.for_host(_host(request) or self.service.settings.api_url.partition("//")[2])
        if request.headers.get("if-none-match") == tag:
            return Response(status_code=304, headers={"ETag": tag})
        return Response(body, media_type="application/json", headers={"ETag": tag})

    def _error(self, method: str, path: str, error: AnswerError) -> Response:
        headers = {}
        retried = method in _RETRIED_METHODS or (method == "POST" and path.endswith("/search"))
        if error.status in {500, 502, 503, 504} and retried:
            headers["Retry-After"] = RETRY_AFTER
        response = Response(json.dumps(error.body()), error.status, headers, error.media_type)
        return _marked(response) if error.from_application else response


def _marked(response: Response) -> Response:
    response.headers["X-AWS-REQUEST-ID"] = str(uuid.uuid4())
    return response


async def _read_body(request: Request) -> bytes:
    pieces, size = [], 0
    async for piece in request.stream():
        size += len(piece)
        if size > MAX_BODY:
            raise body_too_large()
        pieces.append(piece)
    return b"".join(pieces)


def _check_media_type(method: str, headers: Headers, raw: bytes) -> None:
    if method in _WITH_BODY and (raw or "content-type" in headers):
        media_type = headers.get("content-type", "application/json")
        if media_type.partition(";")[0].strip().lower() != "application/json":
            raise unsupported_media_type(media_type)


def _maybe_time_out(headers: Headers) -> None:
    """Time out with the probability in the header, with which testers of the original checked their clients."""
    for name in _FAKE_504:
        try:
            probability = float(headers.get(name, "0"))
        except ValueError:
            continue
        if random.random() < probability:
            raise DSSError(504, "timed_out", "The request timed out, as its header asked for", stacktrace="")


def _writes(operation: Operation) -> bool:
    """Whether read-only mode refuses it: everything but GET and search; HEAD too, as in the original."""
    return operation.method != "GET" and operation.path != "/search"


def _host(request: Request) -> str | None:
    host = request.headers.get("host", "")
    return host if _HOST.fullmatch(host) else None


def _base(request: Request, service: Service) -> str:
    host = _host(request)
    return f"http://{host}" if host else service.settings.api_url
