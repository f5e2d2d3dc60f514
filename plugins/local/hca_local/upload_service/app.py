"""The Upload Service as an ASGI application: routes, the API key, and response headers."""

from __future__ import annotations

import hmac
import json
import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from hca_local.store import storage_failure
from hca_local.upload_service.areas import Areas
from hca_local.upload_service.errors import (
    UploadError,
    bad_request,
    no_route,
    no_url,
    problem,
    wrong_media_type,
    wrong_method,
)
from hca_local.upload_service.files import Files, route_name
from hca_local.upload_service.keys import api_key
from hca_local.upload_service.validations import Validations

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

    from hca_local.server import Context

logger = logging.getLogger("hca_local.upload")

#: Largest file that can be sent through the API, in bytes; large files go to the bucket.
MAX_BODY = 64 << 20
#: Names reserved by the service's routes below an area.
RESERVED = frozenset({"credentials", "checksums", "validations", "validate", "files_info"})


@dataclass(frozen=True)
class Call:
    """A request: its method, the area and the rest of its path, and its body."""

    method: str
    area: str
    name: str
    body: bytes
    content_type: str

    def json(self) -> Any:
        """:raises UploadError: the body is not JSON"""
        try:
            value = json.loads(self.body)
            # Lone surrogates, which databases cannot store.
            json.dumps(value, ensure_ascii=False).encode()
            return value
        except (ValueError, RecursionError):
            raise bad_request("Request body is not valid JSON") from None


Handler = Callable[[Call], tuple[int, Any]]


class Application:
    """ASGI callable; requests are handled in the context's threads, never on the event loop."""

    def __init__(self, ctx: Context) -> None:
        self._ctx = ctx
        self.areas = Areas(ctx)
        self.files = Files(ctx, self.areas)
        self.validations = Validations(ctx, self.areas, self.files)
        self._key = api_key(ctx.store)
        self._document = _bundled_document()

    def resume(self) -> None:
        """Resume interrupted work."""
        self.areas.resume()
        self.files.resume()
        self.validations.resume()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        request = Request(scope, receive)
        try:
            body = await _read_body(request)
        except ClientDisconnect:
            return
        except UploadError as error:
            response = _dress(error.status, error.body, error.media_type)
        else:
            response = await self._ctx.run(self.answer, request, body)
        await response(scope, receive, send)

    def answer(self, request: Request, body: bytes) -> Response:
        """The response to a request; errors become responses too."""
        path = request.scope["path"].removeprefix(request.scope.get("root_path", ""))
        try:
            if b"%2f" in request.scope.get("raw_path", b"").lower():
                # The gateway saw one path segment, and the service decoded it into two.
                raise no_url()
            status, document = self._answer(request, path, body)
            return _dress(status, document)
        except UploadError as error:
            return _dress(error.status, error.body, error.media_type)
        except Exception as error:
            failure = storage_failure(error)
            if failure is not None:
                logger.error("%s %s failed: %s", request.method, path, error)
                title = "Insufficient Storage" if failure.status == 507 else "Internal Server Error"
                answered = problem(failure.status, title, failure.message)
                return _dress(answered.status, answered.body, answered.media_type)
            logger.exception("%s %s failed", request.method, path)
            return _dress(500, problem(500, str(error) or type(error).__name__).body, "application/problem+json")

    def _answer(self, request: Request, path: str, body: bytes) -> tuple[int, Any]:
        routes, keyed, area, name = self._route(path)
        handler = routes.get(request.method)
        if handler is None:
            raise wrong_method(request.method)
        content_type = request.headers.get("content-type", "")
        is_json = content_type.partition(";")[0].strip() == "application/json"
        if request.method in ("PUT", "POST") and (body or content_type) and not is_json:
            raise wrong_media_type(content_type)
        if request.method in keyed:
            self._check_key(request)
        return handler(Call(request.method, area, name, body, content_type))

    def _route(self, path: str) -> tuple[dict[str, Handler], frozenset[str], str, str]:
        """Handlers by method, the methods that need the key, the area's UUID, and the name of a file or job."""
        parts = path.strip("/").split("/")
        if path in ("/version", "/health", "/v1/health", "/swagger.json"):
            return {"GET": lambda call: (200, self._plain(path))}, frozenset(), "", ""
        if parts[:2] != ["v1", "area"] or len(parts) < 3:
            raise no_route()
        area, rest = parts[2], parts[3:]
        if not rest:
            return self._area_routes(), frozenset({"POST", "DELETE"}), area, ""
        first = rest[0]
        if len(rest) == 1 and first in RESERVED:
            keyed = frozenset({"PUT"} if first == "validate" else ())
            return self._collection_routes()[first], keyed, area, ""
        if len(rest) == 1:
            return self._file_routes(), frozenset({"PUT"}), area, route_name(first)
        if len(rest) == 2 and first in ("update_checksum", "update_validation"):
            # The original did not check the key here, so that anyone could forge results.
            return {"POST": self._update(first)}, frozenset({"POST"}), area, rest[1]
        if len(rest) == 2 and rest[1] == "checksum":
            return {"GET": lambda call: (200, self.files.checksums(call.area, call.name))}, frozenset(), area, first
        if len(rest) == 2 and rest[1] == "validate":
            return self._validate_routes(), frozenset({"PUT"}), area, route_name(first)
        raise no_route()

    def _plain(self, path: str) -> Any:
        import hca_local

        if path == "/version":
            return {"upload_service_version": f"hca-local-{hca_local.__version__}"}
        if path == "/swagger.json":
            if self._document is None:
                raise no_route()
            url = self._ctx.settings.api_url.partition("//")[2]
            return {**self._document, "host": url, "schemes": ["http"], "basePath": "/upload"}
        return 200

    def _area_routes(self) -> dict[str, Handler]:
        def head(call: Call) -> tuple[int, Any]:
            self.areas.check_uuid(call.area)
            self.areas.status(call.area)
            return 200, None

        def delete(call: Call) -> tuple[int, Any]:
            self.areas.delete(call.area)
            return 202, None

        return {"POST": lambda call: (201, self.areas.create(call.area)), "HEAD": head, "DELETE": delete}

    def _collection_routes(self) -> dict[str, dict[str, Handler]]:
        return {
            "credentials": {"POST": lambda call: (201, self.areas.lend(call.area))},
            "checksums": {"GET": lambda call: (200, self.files.counts(call.area))},
            "validations": {"GET": lambda call: (200, self.validations.counts(call.area))},
            "validate": {"PUT": lambda call: (200, self.validations.schedule(call.area, call.json()))},
            "files_info": {"PUT": lambda call: (200, self.files.describe_many(call.area, call.json()))},
        }

    def _file_routes(self) -> dict[str, Handler]:
        def notify(call: Call) -> tuple[int, Any]:
            self.files.notify(call.area, call.name)
            return 202, None

        def store(call: Call) -> tuple[int, Any]:
            self.areas.status(call.area)
            if "dcp-type=" not in call.content_type:
                example = "'application/json; dcp-type=\"metadata/sample\"'"
                detail = f"Content-Type is missing parameter 'dcp-type', e.g. {example}."
                raise problem(400, "Invalid Content-Type", detail)
            return 201, self.files.store(call.area, call.name, call.body, call.content_type)

        return {"GET": lambda call: (200, self.files.describe(call.area, call.name)), "POST": notify, "PUT": store}

    def _validate_routes(self) -> dict[str, Handler]:
        return {
            "GET": lambda call: (200, self.validations.status(call.area, call.name)),
            "PUT": lambda call: (200, self.validations.schedule(call.area, call.json(), [call.name])),
        }

    def _update(self, kind: str) -> Handler:
        def update(call: Call) -> tuple[int, Any]:
            if kind == "update_validation":
                self.validations.update(call.area, call.name, call.json())
                return 204, None
            # Checksums are computed in this process, so there is no external job that could report.
            raise problem(404, "No such checksum", "No checksum job of that name is known")

        return update

    def _check_key(self, request: Request) -> None:
        given = request.headers.get("api-key")
        if given is None:
            raise bad_request("Missing header parameter 'Api-Key'")
        if not hmac.compare_digest(given.encode(), self._key.encode()):
            # Not even a prefix of it, as the original returned: the key may belong to another service.
            raise problem(401, "Access Denied.", "Unrecognized Api-Key")


def _dress(status: int, document: Any, media_type: str = "application/json") -> Response:
    content = b"" if document is None else json.dumps(document).encode()
    return Response(content, status, media_type=media_type)


async def _read_body(request: Request) -> bytes:
    pieces, size = [], 0
    async for piece in request.stream():
        size += len(piece)
        if size > MAX_BODY:
            raise problem(
                413, "Request Entity Too Large", f"at most {MAX_BODY} bytes; put larger files into the bucket"
            )
        pieces.append(piece)
    return b"".join(pieces)


def _bundled_document() -> dict[str, Any] | None:
    """The OpenAPI document of the plugin for this service, if it is installed."""
    from hca_base.plugins import registry

    service = registry().services().get("upload")
    if service is None:
        return None
    content = service.bundled_bytes()
    document: dict[str, Any] | None = json.loads(content) if content else None
    return document
