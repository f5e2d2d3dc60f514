"""An embedded Azul: routes of the service, and its listeners."""

from __future__ import annotations

import hashlib
import json
import re
import secrets
import threading
from collections import Counter
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from hca_azul.testing.answers import Answer, BadRequest, accept_only, error, redirect, too_large
from hca_azul.testing.anvil_shape import AnvilShape
from hca_azul.testing.faults import Faults
from hca_azul.testing.hca_shape import HcaShape
from hca_azul.testing.limits import Limits
from hca_azul.testing.listeners import Listener
from hca_azul.testing.listing import Listing, Shape, parse_filters
from hca_azul.testing.manifests import BDBAG, FORMATS, manifest
from hca_azul.testing.model import Atlas, sample
from hca_azul.testing.storage import Storage

_FILE_PARAMETERS = {"catalog", "version", "fileName", "replica"}
#: Parameters of the service's own redirects, rejected in other requests since release 17.
_OWN_PARAMETERS = {"wait", "requestIndex", "drsUri", "token"}
_LIST_PARAMETERS = {"catalog", "filters", "size", "sort", "order", "search_after", "search_after_uid"}
_SHAPES: dict[str, Callable[[], Shape]] = {"azul": HcaShape, "anvil": AnvilShape}


class EmbeddedAzul:
    """An Azul on loopback. A context manager; it listens from its creation until :meth:`close`.

    :param atlas: its data
    :param faults: faults to inject
    :param limits: limits of responses
    :param token: the bearer token that may see managed data
    :param service: azul or anvil
    :ivar url: of the service
    :ivar requests: (listener, method, path with query, headers) of all requests
    :ivar arrivals: ("METHOD URL", arrival time in seconds of the monotonic clock) of all requests
    """

    def __init__(
        self,
        atlas: Atlas | None = None,
        faults: Faults | None = None,
        token: str = "",
        *,
        limits: Limits | None = None,
        service: str = "azul",
    ) -> None:
        self.atlas = atlas if atlas is not None else sample()
        self.faults = faults or Faults()
        self.limits = limits or Limits()
        self.token = token or "token-of-the-tests-" + secrets.token_hex(8)
        self.service_name = service
        self.shape = _SHAPES[service]()
        self.requests: list[tuple[str, str, str, dict[str, str]]] = []
        self.arrivals: list[tuple[str, float]] = []
        self.made: Counter[str] = Counter()
        self._storage = Storage(self.atlas, self.faults, self.token)
        self._pending: dict[str, tuple[str, int]] = {}
        self._listings: dict[str, Listing] = {}
        self._lock = threading.Lock()
        self._servers = {name: Listener(self, name) for name in ("service", "storage", "drs")}
        self.url = self._servers["service"].url
        self.storage_url = self._servers["storage"].url
        self.drs_url = self._servers["drs"].url

    def __enter__(self) -> EmbeddedAzul:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def close(self) -> None:
        """Stop listening."""
        for name in list(self._servers):
            self.stop(name)

    def stop(self, listener: str) -> None:
        """Stop one listener: service, storage or drs."""
        server = self._servers.pop(listener, None)
        if server is not None:
            server.shutdown()
            server.server_close()

    @property
    def settings(self) -> dict[str, Any]:
        """Settings for hca to use this service."""
        return {
            self.service_name: {
                "url": f"{self.url}/openapi.json",
                "mirror_url": f"{self.storage_url}/mirror",
                "drs_url": self.drs_url,
            }
        }

    @property
    def signature(self) -> str:
        """Part of every signed URL, for tests that search for leaks."""
        return self._storage.signature

    @property
    def manifests(self) -> dict[str, bytes]:
        """The prepared manifests: key -> bytes."""
        return self._storage.manifests

    def first_time(self, name: str) -> bool:
        """Whether this is the first call with ``name``."""
        return self._storage.first_time(name)

    def count(self, listener: str = "", method: str = "", prefix: str = "") -> int:
        """The number of requests."""
        return sum(
            where.startswith(listener) and how.startswith(method) and path.startswith(prefix)
            for where, how, path, _ in list(self.requests)
        )

    def answer(self, listener: str, method: str, target: str, headers: dict[str, str], body: bytes) -> Any:
        """A response, or an object of the storage and its name."""
        if listener == "service":
            return self.service(method, target, headers, body)
        if listener == "drs":
            return self.drs(target, headers)
        return self._storage.stored(target)

    def drs(self, target: str, headers: dict[str, str]) -> Answer:
        """Respond to a request to the DRS server."""
        return self._storage.drs(self.storage_url, target, headers)

    # The service

    def service(self, method: str, target: str, headers: dict[str, str], body: bytes) -> Answer:
        """Respond to a request to the service."""
        faults = self.faults
        if faults.refuses():
            return Answer(429, {"message": "Too Many Requests"}, {"Retry-After": str(faults.retry_after)})
        if faults.happens(faults.errors) or (faults.index_down and target.startswith("/index/")):
            return Answer(503, b"<html><head><title>503 Service Unavailable</title></head></html>")
        if len(self.url + target) > self.limits.url_length:
            return Answer(413, {"message": "Request Too Long"})
        if faults.repeats(f"{method} {target} {body.decode()}"):
            return redirect(307, self.url + target, False, faults.same_url_wait)  # type: ignore[arg-type]
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
            found = self._route(method, parts.path, query, authorization is not None)
        except BadRequest as problem:
            return error(400, "BadRequestError", str(problem))
        return found if len(found.body) <= self.limits.answer_bytes else too_large(self.limits.retry_after)

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
        plain = self._plain(path, query, allowed) if method == "GET" else None
        if plain is not None:
            return plain
        if path == "/index/summary":
            accept_only(query, {"catalog", "filters"})
            return Answer(200, self.shape.summary(self._listing(query, allowed)))
        match = re.fullmatch(r"/index/([a-z]+)(?:/([^/]+))?", path)
        if match and match[1] not in self.shape.kinds:
            raise BadRequest(f"Entity type {match[1]!r} is invalid. Must be one of {set(self.shape.kinds)}.")
        if match and match[2] is None and method in ("GET", "POST", "HEAD"):
            return self._list(match[1], query, allowed)
        if match and match[2] is not None and method == "GET":
            return self._one(match[1], match[2], query, allowed)
        if path == "/manifest/files" and method == "PUT":
            return self._put_manifest(query, allowed, fetch)
        match = re.fullmatch(r"/(manifest|repository)/files/([^/]+)", path)
        if match and method == "GET":
            prepared = match[1] == "manifest"
            return self._get_manifest(match[2], fetch) if prepared else self._file(match[2], query, allowed, fetch)
        return error(404, "NotFoundError", "No such path")

    def _plain(self, path: str, query: dict[str, str], allowed: bool) -> Answer | None:
        """The responses that do not depend on the data."""
        if path in ("/openapi", "/openapi.json"):
            return self._document(path)
        if path == "/version":
            return Answer(200, {"git": {"commit": "0" * 40, "dirty": False}, "changes": []})
        if path.startswith("/health"):
            return Answer(200, {"up": True})
        if path == "/index/catalogs":
            return Answer(200, self._catalogs())
        if path == "/repository/sources":
            accept_only(query, {"catalog"})
            return Answer(200, {"sources": []})
        return None

    def _document(self, path: str) -> Answer:
        from hca_azul.service import ANVIL_SERVICE, SERVICE

        if self.faults.old and path == "/openapi.json":
            return error(404, "NotFoundError", "No such path")
        service = ANVIL_SERVICE if self.service_name == "anvil" else SERVICE
        document = json.loads(service.bundled_bytes() or b"{}")
        document["servers"] = [{"url": self.url}]
        return Answer(200, document)

    def _catalogs(self) -> dict[str, Any]:
        indices = {
            name: {"default_sort": sort, "default_order": order} for name, (sort, order) in self.shape.kinds.items()
        }
        plugins = {
            "repository": {"name": "tdr_hca", "sources": ["tdr:bigquery:gcp:p:snapshot/x:/0"]},
            "metadata": {"name": self.shape.plugin, "indices": indices},
        }
        atlas = "hca" if self.service_name == "azul" else "anvil"
        return {
            "default_catalog": self.atlas.default,
            "catalogs": {
                name: {"atlas": "lungmap" if name.startswith("lm") else atlas, "internal": internal, "plugins": plugins}
                for name, internal in self.atlas.catalogs.items()
            },
        }

    def _listing(self, query: dict[str, str], allowed: bool) -> Listing:
        """The listing for a request; cached for its next page as long as the atlas does not change."""
        catalog = query.get("catalog", self.atlas.default)
        projects = [(one.short, one.managed, one.accessions, len(one.files)) for one in self.atlas.projects]
        key = repr((catalog, query.get("filters"), allowed, self.faults.old, projects))
        found = self._listings.get(key)
        if found is None:
            filters = parse_filters(query.get("filters"), self.shape.known)
            found = Listing(
                self.atlas, self.shape, catalog, filters, allowed=allowed, url=self.url, old=self.faults.old
            )
            self._listings[key] = found
        return found

    def _list(self, kind: str, query: dict[str, str], allowed: bool) -> Answer:
        accept_only(query, _LIST_PARAMETERS)
        size, most = query.get("size", "10"), self.limits.page_size(kind)
        if not size.isdecimal() or int(size) < 1:
            raise BadRequest("Invalid value for parameter `size`, must be greater than 0")
        if int(size) > most:
            raise BadRequest(self.limits.message.format(most=most))
        sort, order = query.get("sort"), query.get("order")
        if sort is not None and (sort not in self.shape.known or sort == "accessible"):
            raise BadRequest(f"Invalid value for parameter `sort`: {sort}")
        if order not in (None, "asc", "desc"):
            raise BadRequest("Invalid value for parameter `order`")
        listing = self._listing(query, allowed)
        after = int(query.get("search_after", "0").strip('"') or 0)
        default = self.shape.kinds[kind]
        by, direction = sort or default[0], order or (default[1] if sort is None else "asc")
        hits, total = listing.page(kind, by, direction, int(size), after)
        if self.limits.hits and len(hits) > self.limits.hits:
            return too_large(self.limits.retry_after)
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
            "sort": by,
            "order": direction,
        }
        return Answer(200, {"pagination": pagination, "termFacets": listing.facets(kind), "hits": hits})

    def _one(self, kind: str, uuid: str, query: dict[str, str], allowed: bool) -> Answer:
        accept_only(query, {"catalog"})
        listing = self._listing(query, allowed)
        pairs = listing.groups(kind).get(uuid)
        if not pairs:
            return error(404, "NotFoundError", f"Can't find an entity in {kind} with an uuid, {uuid!r}.")
        return Answer(200, self.shape.hit(listing, kind, uuid, pairs))

    # Manifests and files

    def _put_manifest(self, query: dict[str, str], allowed: bool, fetch: bool) -> Answer:
        accept_only(query, {"catalog", "filters", "format"})
        form = query.get("format", "compact")
        if form not in FORMATS and not (self.faults.old and form == BDBAG):
            raise BadRequest(f"Unknown manifest format `{form}`. Must be one of {set(FORMATS)}.")
        identity = json.dumps([query.get("catalog"), query.get("filters"), form, allowed])
        key = hashlib.sha256(identity.encode()).hexdigest()[:32]
        with self._lock:
            if key not in self.manifests:
                self.manifests[key] = manifest(self._listing(query, allowed), form)
                self.made[key] += 1
        return self._step(key, 0, fetch)

    def _get_manifest(self, token: str, fetch: bool) -> Answer:
        ready = token if token in self.manifests else None
        with self._lock:
            key, step = self._pending.pop(token, (ready, self.faults.manifest_waits))
        if self.faults.take_gone():
            return error(410, "GoneError", "The requested manifest has expired, please request a new one")
        if key is None:
            raise BadRequest("Invalid token given")
        return self._step(key, step, fetch)

    def _step(self, key: str, step: int, fetch: bool) -> Answer:
        if step < self.faults.manifest_waits:
            token = secrets.token_urlsafe(12)
            with self._lock:
                self._pending[token] = (key, step + 1)
            place = f"{self.url}{'/fetch' if fetch else ''}/manifest/files/{token}"
            return redirect(301, place, fetch, self.faults.wait)
        return redirect(302, self.sign(f"/manifests/{key}"), fetch)

    def _file(self, uuid: str, query: dict[str, str], allowed: bool, fetch: bool) -> Answer:
        own = _OWN_PARAMETERS if self.faults.file_waits or self.faults.file_waits_forever else set()
        accept_only(query, _FILE_PARAMETERS | own)
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
            return redirect(301, place, fetch, self.faults.wait)
        return redirect(302, self.sign(f"/files/{uuid}", found[1].name), fetch)

    def sign(self, path: str, name: str = "") -> str:
        """A URL of the storage that expires."""
        return self._storage.sign(self.storage_url, path, name)
