"""The listeners of an embedded Azul: the service, the storage behind signed URLs, and a DRS server."""

from __future__ import annotations

import hashlib
import json
import re
import secrets
import threading
import time
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, parse_qsl, quote, urlencode, urlsplit

from hca_azul.testing.faults import Faults
from hca_azul.testing.listing import MAX_SIZES, BadRequest, Listing, parse_filters
from hca_azul.testing.manifests import FORMATS, manifest
from hca_azul.testing.model import Atlas, File, sample

_KINDS = "projects|samples|files|bundles"
_FILE_PARAMETERS = {"catalog", "version", "fileName", "wait", "replica", "requestIndex", "drsUri", "token"}
_LIST_PARAMETERS = {"catalog", "filters", "size", "sort", "order", "search_after", "search_after_uid"}


class Answer(Exception):
    """What a request is answered with."""

    def __init__(self, status: int, body: Any = None, headers: dict[str, str] | None = None) -> None:
        super().__init__(status)
        self.status = status
        self.headers = headers or {}
        self.body = b"" if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
        if body is not None and not isinstance(body, bytes):
            self.headers.setdefault("Content-Type", "application/json")


def error(status: int, code: str, message: str, headers: dict[str, str] | None = None) -> Answer:
    """An error as the service writes it."""
    return Answer(status, {"Code": code, "Message": message}, headers)


class EmbeddedAzul:
    """An Azul on loopback. A context manager; it listens from its making until :meth:`close`.

    :param atlas: what it knows
    :param faults: what goes wrong
    :param token: the bearer token that may see managed data
    :ivar url: of the service
    :ivar requests: (listener, method, path with query, headers) of all requests
    """

    def __init__(self, atlas: Atlas | None = None, faults: Faults | None = None, token: str = "") -> None:
        self.atlas = atlas if atlas is not None else sample()
        self.faults = faults or Faults()
        self.token = token or "token-of-the-tests-" + secrets.token_hex(8)
        #: Part of every signed URL, so that one can be found wherever it should not be.
        self.signature = "SIGNATURE" + secrets.token_hex(12)
        self.requests: list[tuple[str, str, str, dict[str, str]]] = []
        self.manifests: dict[str, bytes] = {}
        self.made: Counter[str] = Counter()
        self._pending: dict[str, tuple[str, int]] = {}
        self._cut: set[str] = set()
        self._lock = threading.Lock()
        self._servers = {name: _Listener(self, name) for name in ("service", "storage", "drs")}
        self.url = self._servers["service"].url
        self.storage_url = self._servers["storage"].url
        self.drs_url = self._servers["drs"].url

    def __enter__(self) -> EmbeddedAzul:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def close(self) -> None:
        """Stop listening."""
        for server in self._servers.values():
            server.shutdown()
            server.server_close()

    @property
    def settings(self) -> dict[str, Any]:
        """Settings of hca that lead here."""
        return {
            "azul": {
                "url": f"{self.url}/openapi.json",
                "mirror_url": f"{self.storage_url}/mirror",
                "drs_url": self.drs_url,
            }
        }

    def count(self, listener: str = "", method: str = "", prefix: str = "") -> int:
        """How many requests there were."""
        return sum(
            where.startswith(listener) and how.startswith(method) and path.startswith(prefix)
            for where, how, path, _ in list(self.requests)
        )

    # -- the service -------------------------------------------------------------------------------------------------

    def service(self, method: str, target: str, headers: dict[str, str], body: bytes) -> Answer:
        """Answer a request to the service."""
        faults = self.faults
        if faults.refuses():
            return Answer(429, {"message": "Too Many Requests"}, {"Retry-After": str(faults.retry_after)})
        if faults.happens(faults.errors):
            return Answer(503, b"<html><head><title>503 Service Unavailable</title></head></html>")
        if len(self.url + target) > faults.max_url:
            return Answer(413, {"message": "Request Too Long"})
        parts = urlsplit(target)
        query = dict(parse_qsl(parts.query, keep_blank_values=True))
        if body and headers.get("Content-Type", "").startswith("application/json"):
            moved = json.loads(body)
            if set(moved) & set(query):
                return error(400, "BadRequestError", "Parameter given in both body and query")
            if not all(isinstance(value, str) for value in moved.values()):
                return error(400, "BadRequestError", "Parameters in the body must be strings")
            query |= moved
        authorization = headers.get("Authorization")
        if authorization is not None and authorization != f"Bearer {self.token}":
            return error(401, "UnauthorizedError", "Authentication failed")
        try:
            return self._route(method, parts.path, query, authorization is not None)
        except BadRequest as problem:
            return error(400, "BadRequestError", str(problem))

    def _route(self, method: str, path: str, query: dict[str, str], allowed: bool) -> Answer:
        fetch = path.startswith("/fetch/")
        if fetch:
            if self.faults.old:
                return error(404, "NotFoundError", "No such path")
            path = path.removeprefix("/fetch")
        catalog = query.get("catalog", self.atlas.default)
        if catalog not in self.atlas.catalogs:
            names = sorted(self.atlas.catalogs)
            return error(404, "NotFoundError", f"Catalog name {catalog!r} is invalid. Must be one of {names}.")
        if method == "GET" and path in ("/openapi", "/openapi.json"):
            return self._document(path)
        if method == "GET" and path == "/version":
            return Answer(200, {"git": {"commit": "0" * 40, "dirty": False}, "changes": []})
        if method == "GET" and path.startswith("/health"):
            return Answer(200, {"up": True})
        if method == "GET" and path == "/index/catalogs":
            return Answer(200, self._catalogs())
        if method == "GET" and path == "/repository/sources":
            _only(query, {"catalog"})
            return Answer(200, {"sources": []})
        if path == "/index/summary":
            _only(query, {"catalog", "filters"})
            return Answer(200, self._listing(query, allowed).summary())
        match = re.fullmatch(rf"/index/({_KINDS})", path)
        if match and method in ("GET", "POST", "HEAD"):
            return self._list(match[1], query, allowed)
        match = re.fullmatch(rf"/index/({_KINDS})/([^/]+)", path)
        if match and method == "GET":
            return self._one(match[1], match[2], query, allowed)
        if path == "/manifest/files" and method == "PUT":
            return self._put_manifest(query, allowed, fetch)
        match = re.fullmatch(r"/manifest/files/([^/]+)", path)
        if match and method == "GET":
            return self._get_manifest(match[1], fetch)
        match = re.fullmatch(r"/repository/files/([^/]+)", path)
        if match and method == "GET":
            return self._file(match[1], query, allowed, fetch)
        return error(404, "NotFoundError", "No such path")

    def _document(self, path: str) -> Answer:
        from hca_azul.service import SERVICE

        if self.faults.old and path == "/openapi.json":
            return error(404, "NotFoundError", "No such path")
        document = json.loads(SERVICE.bundled_bytes() or b"{}")
        document["servers"] = [{"url": self.url}]
        return Answer(200, document)

    def _catalogs(self) -> dict[str, Any]:
        plugins = {
            "repository": {"name": "tdr_hca", "sources": ["tdr:bigquery:gcp:p:snapshot/x:/0"]},
            "metadata": {
                "name": "hca",
                "indices": {"files": {"default_sort": "fileName", "default_order": "asc"}},
            },
        }
        return {
            "default_catalog": self.atlas.default,
            "catalogs": {
                name: {"atlas": "lungmap" if name.startswith("lm") else "hca", "internal": internal, "plugins": plugins}
                for name, internal in self.atlas.catalogs.items()
            },
        }

    def _listing(self, query: dict[str, str], allowed: bool) -> Listing:
        from hca_azul.query.fields import FIELDS

        filters = parse_filters(query.get("filters"), FIELDS)
        catalog = query.get("catalog", self.atlas.default)
        return Listing(self.atlas, catalog, filters, allowed=allowed, url=self.url, old=self.faults.old)

    def _list(self, kind: str, query: dict[str, str], allowed: bool) -> Answer:
        from hca_azul.query.fields import FIELDS

        _only(query, _LIST_PARAMETERS)
        size = query.get("size", "10")
        if not size.isdecimal() or not 1 <= int(size) <= MAX_SIZES[kind]:
            raise BadRequest(f"Invalid value for parameter `size`, must not be greater than {MAX_SIZES[kind]}")
        sort, order = query.get("sort"), query.get("order")
        if sort is not None and (sort not in FIELDS or sort == "accessible"):
            raise BadRequest(f"Invalid value for parameter `sort`: {sort}")
        if order not in (None, "asc", "desc"):
            raise BadRequest("Invalid value for parameter `order`")
        listing = self._listing(query, allowed)
        after = int(query.get("search_after", "0").strip('"') or 0)
        hits, total = listing.page(kind, sort, order, int(size), after)
        following = None
        if after + len(hits) < total:
            kept = {name: value for name, value in query.items() if not name.startswith("search_after")}
            kept |= {"search_after": str(0 if self.faults.circle else after + len(hits)), "search_after_uid": "doc#x"}
            following = f"{self.url}/index/{kind}?{urlencode(kept)}"
        pagination = {
            "count": len(hits),
            "total": total,
            "size": int(size),
            "pages": -(-total // int(size)),
            "next": following,
            "previous": None,
            "sort": sort or "fileName",
            "order": order or "asc",
        }
        return Answer(200, {"pagination": pagination, "termFacets": listing.facets(), "hits": hits})

    def _one(self, kind: str, uuid: str, query: dict[str, str], allowed: bool) -> Answer:
        _only(query, {"catalog"})
        listing = self._listing(query, allowed)
        pairs = listing.groups(kind).get(uuid)
        if not pairs:
            return error(404, "NotFoundError", f"Can't find an entity in {kind} with an uuid, {uuid!r}.")
        return Answer(200, listing.hit(kind, uuid, pairs, whole=True))

    # -- manifests --

    def _put_manifest(self, query: dict[str, str], allowed: bool, fetch: bool) -> Answer:
        _only(query, {"catalog", "filters", "format"})
        form = query.get("format", "compact")
        if form not in FORMATS:
            raise BadRequest(f"Unknown manifest format `{form}`")
        identity = json.dumps([query.get("catalog"), query.get("filters"), form, allowed])
        key = hashlib.sha256(identity.encode()).hexdigest()[:32]
        with self._lock:
            if key not in self.manifests:
                self.manifests[key] = manifest(self._listing(query, allowed), form)
                self.made[key] += 1
        return self._step(key, 0, fetch, form)

    def _get_manifest(self, token: str, fetch: bool) -> Answer:
        with self._lock:
            key, step = self._pending.pop(token, (None, 0))
        if self.faults.take_gone():
            return error(410, "GoneError", "The requested manifest has expired, please request a new one")
        if key is None:
            raise BadRequest("Invalid token given")
        return self._step(key, step, fetch, "")

    def _step(self, key: str, step: int, fetch: bool, form: str) -> Answer:
        if step < self.faults.manifest_waits:
            token = secrets.token_urlsafe(12)
            with self._lock:
                self._pending[token] = (key, step + 1)
            place = f"{self.url}{'/fetch' if fetch else ''}/manifest/files/{token}"
            return _answer(301, place, fetch, self.faults.wait)
        return _answer(302, self.sign(f"/manifests/{key}"), fetch)

    # -- files --

    def _file(self, uuid: str, query: dict[str, str], allowed: bool, fetch: bool) -> Answer:
        _only(query, _FILE_PARAMETERS)
        found = self.atlas.by_uuid.get(uuid)
        if found is None or (found[0].managed and not allowed):
            return error(404, "NotFoundError", f"Unable to find file {uuid!r}")
        if found[1].phantom or found[1].external:
            told = f"File {uuid!r} was found in catalog, however no download is currently available"
            return error(404, "NotFoundError", told)
        step = int(query.get("requestIndex", "0"))
        if step < self.faults.file_waits or self.faults.file_waits_forever:
            further = query | {"requestIndex": str(step + 1), "token": secrets.token_urlsafe(6), "drsUri": "x"}
            place = f"{self.url}{'/fetch' if fetch else ''}/repository/files/{uuid}?{urlencode(further)}"
            return _answer(301, place, fetch, self.faults.wait)
        return _answer(302, self.sign(f"/files/{uuid}", found[1].name), fetch)

    def sign(self, path: str, name: str = "") -> str:
        """A URL of the storage that lapses."""
        expires = time.time() + self.faults.url_life
        told = f"&response-content-disposition={quote(name)}" if name else ""
        return f"{self.storage_url}/signed{path}?Expires={expires:.3f}&X-Goog-Signature={self.signature}{told}"

    # -- storage -----------------------------------------------------------------------------------------------------

    def stored(self, target: str) -> tuple[bytes, str] | Answer:
        """The object at a URL of the storage, and a name for it that is always the same."""
        parts = urlsplit(target)
        if parts.path.startswith("/signed/"):
            query = parse_qs(parts.query)
            if query.get("X-Goog-Signature") != [self.signature]:
                return Answer(403, b"<?xml version='1.0'?><Error><Code>SignatureDoesNotMatch</Code></Error>")
            if float(query["Expires"][0]) < time.time():
                return Answer(400, b"<?xml version='1.0'?><Error><Code>ExpiredToken</Code></Error>")
            kind, _, name = parts.path.removeprefix("/signed/").partition("/")
            if kind == "manifests" and name in self.manifests:
                return self.manifests[name], name
            found = self.atlas.by_uuid.get(name)
            return (found[1].bytes, name) if found else Answer(404)
        match = re.fullmatch(r"/mirror/mirror-bucket/(file|info)/([0-9a-f]{64})\.(sha256|json)", parts.path)
        if match:
            for _, file in self.atlas.by_uuid.values():
                if file.mirrored is True and file.sha256 == match[2]:
                    if match[1] == "info":
                        return b'{"content-type": "application/octet-stream", "$schema": "info/v1.json"}', "info"
                    return file.bytes, f"mirror {match[2]}"
        # Without the right to list a bucket, S3 does not say that something is not there.
        return Answer(403, b"<?xml version='1.0'?><Error><Code>AccessDenied</Code></Error>")

    def first_time(self, name: str) -> bool:
        """Whether this is the first time for ``name``."""
        with self._lock:
            known = name in self._cut
            self._cut.add(name)
            return not known

    # -- DRS ---------------------------------------------------------------------------------------------------------

    def drs(self, target: str, headers: dict[str, str]) -> Answer:
        """Answer a request to the DRS server."""
        if headers.get("Authorization") != f"Bearer {self.token}":
            return Answer(401, {"msg": "no token", "status_code": 401})
        match = re.fullmatch(r"/ga4gh/drs/v1/objects/v1_[^_/]+_([^_/]+)(/access/(.+))?", urlsplit(target).path)
        found: File | None = self.atlas.by_uuid[match[1]][1] if match and match[1] in self.atlas.by_uuid else None
        if match is None or found is None:
            return Answer(404, {"msg": "no such object", "status_code": 404})
        if match[2]:
            return Answer(200, {"url": self.sign(f"/files/{found.uuid}")})
        methods = [{"type": "gs", "access_id": "gcp-us*", "access_url": {"url": "gs://bucket/key"}}]
        return Answer(200, {"id": match[0], "size": found.size, "access_methods": methods})


def _only(query: dict[str, str], known: set[str]) -> None:
    unknown = sorted(set(query) - known)
    if unknown:
        raise BadRequest(f"Unknown query parameter `{unknown[0]}`")


def _answer(status: int, location: str, fetch: bool, wait: int | None = None) -> Answer:
    if not fetch:
        headers = {"Location": location}
        if wait is not None:
            headers["Retry-After"] = str(wait)
        return Answer(status, None, headers)
    body: dict[str, Any] = {"Status": status, "Location": location}
    if wait is not None:
        body["Retry-After"] = wait
    return Answer(200, body)


class _Listener(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256

    def __init__(self, azul: EmbeddedAzul, name: str) -> None:
        self.azul = azul
        self.name = name
        super().__init__(("127.0.0.1", 0), _Handler)
        self.url = f"http://127.0.0.1:{self.server_port}"
        threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True, name=f"azul-{name}").start()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Connections that clients give up are no news."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # Answers in one packet; without it, delayed acknowledgements make every small answer wait.
    wbufsize = 64 * 1024
    disable_nagle_algorithm = True

    def _handle(self) -> None:
        server: Any = self.server
        azul: EmbeddedAzul = server.azul
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        headers = {name.title(): value for name, value in self.headers.items()}
        azul.requests.append((server.name, self.command, self.path, headers))
        if server.name == "service":
            if azul.faults.happens(azul.faults.api_drop):
                self._cut()
                return
            self._send(azul.service(self.command, self.path, headers, body))
        elif server.name == "drs":
            self._send(azul.drs(self.path, headers))
        else:
            found = azul.stored(self.path)
            if isinstance(found, Answer):
                self._send(found)
            else:
                self._send_object(azul, *found)

    do_GET = do_POST = do_PUT = do_HEAD = _handle

    def _send(self, answer: Answer) -> None:
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(answer.body)

    def _send_object(self, azul: EmbeddedAzul, content: bytes, name: str) -> None:
        faults = azul.faults
        start, end, status = 0, len(content), 200
        asked = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
        etag = f'"{hashlib.md5(name.encode(), usedforsecurity=False).hexdigest()}"'
        if asked and self.headers.get("If-Range", etag) == etag and not faults.happens(faults.ignore_range):
            start, end, status = int(asked[1]), min(int(asked[2] or len(content)) + 1, len(content)), 206
            if start >= len(content):
                self._send(Answer(416, b"", {"Content-Range": f"bytes */{len(content)}"}))
                return
        part = content[start:end]
        if faults.happens(faults.truncate):
            part = part[: int(len(part) * faults.number())]
        self.send_response(status)
        self.send_header("ETag", etag)
        self.send_header("Accept-Ranges", "bytes")
        if status == 206:
            self.send_header("Content-Range", f"bytes {start}-{end - 1}/{len(content)}")
        self.send_header("Content-Length", str(len(part)))
        self.end_headers()
        cut = None
        if faults.happens(faults.drop):
            cut = int(len(part) * faults.number())
        elif faults.cut_at and len(part) > faults.cut_at and azul.first_time(name):
            cut = faults.cut_at
        step = 64 * 1024 if faults.chunk_pause else len(part) or 1
        whole = part if cut is None else part[:cut]
        for place in range(0, len(whole), step):
            self.wfile.write(whole[place : place + step])
            if faults.chunk_pause:
                self.wfile.flush()
                time.sleep(faults.chunk_pause)
        if cut is not None:
            self._cut()

    def _cut(self) -> None:
        import socket

        self.close_connection = True
        try:
            self.wfile.flush()
            self.connection.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass

    def log_message(self, *args: Any) -> None:
        """Nothing is logged."""
