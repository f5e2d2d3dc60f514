"""The embedded server: the DRS API, its storage, and Gen3's key exchange, each with a listener of its own."""

from __future__ import annotations

import hashlib
import json
import secrets
import threading
import time
from collections import Counter
from typing import Any
from urllib.parse import parse_qsl, quote, unquote, urlsplit

from hca_drs.testing.contract import Contract
from hca_drs.testing.faults import Faults
from hca_drs.testing.model import HEADER_SHAPES, Blob, Bundle, Repository, sample
from hca_drs.testing.storage import Answer, Listener, Storage, error

API = "/ga4gh/drs/v1"
_CREATED = "2026-01-02T03:04:05Z"


class EmbeddedDrs:
    """A DRS server on loopback. A context manager; it listens from its creation until :meth:`close`.

    :param repository: its objects
    :param token: the required bearer token; empty: access is public
    :param passports: passports (JWTs) that are accepted as well
    :param issuers: visa issuers that it lists
    :param gen3_key: the API key that can be exchanged for :attr:`token`
    :param version: of DRS: bulk requests since 1.4, OPTIONS since 1.3
    :param header_shape: include headers in access URLs, in this format; requests for bytes must send them
    :param bulk_limit: maximum number of objects in a bulk request
    :ivar requests: (listener, method, path with query, headers) of all requests
    :ivar problems: violations of the bundled document
    """

    def __init__(
        self,
        repository: Repository | None = None,
        faults: Faults | None = None,
        *,
        token: str = "",
        passports: tuple[str, ...] = (),
        issuers: tuple[str, ...] = (),
        gen3_key: str = "",
        version: str = "1.5.0",
        header_shape: str = "",
        bulk_limit: int = 100,
        requester_pays: tuple[str, ...] = (),
    ) -> None:
        self.repository = repository if repository is not None else sample()
        self.faults = faults or Faults()
        self.token = token
        self.passports = set(passports)
        self.issuers = list(issuers)
        self.gen3_key = gen3_key
        self.version = version
        self.header_shape = header_shape
        self.bulk_limit = bulk_limit
        self.requests: list[tuple[str, str, str, dict[str, str]]] = []
        self.problems: list[str] = []
        self.contract: Contract | None = Contract.bundled()
        self.data_token = f"DATA{secrets.token_hex(12)}"
        self.bytes = Storage(
            self.repository, self.faults, secrets.token_bytes(16), self.data_token, set(requester_pays)
        )
        self.bytes.requires_header = bool(header_shape)
        self._told_to_wait: Counter[str] = Counter()
        self._lock = threading.Lock()
        self._listeners = {name: Listener(self, name) for name in ("api", "storage")}
        self.host = f"127.0.0.1:{self._listeners['api'].server_port}"
        self.url = f"http://{self.host}{API}"
        self.storage_url = f"http://127.0.0.1:{self._listeners['storage'].server_port}"

    def __enter__(self) -> EmbeddedDrs:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def close(self) -> None:
        """Stop listening."""
        for listener in self._listeners.values():
            listener.shutdown()
            listener.server_close()

    def uri(self, identifier: str) -> str:
        """The hostname-based URI of an object."""
        return f"drs://{self.host}/{quote(identifier, safe='')}"

    def count(self, listener: str = "", method: str = "", part: str = "") -> int:
        """The number of requests."""
        return sum(
            where.startswith(listener) and how.startswith(method) and part in path
            for where, how, path, _ in list(self.requests)
        )

    # The API

    def api(self, method: str, target: str, headers: dict[str, str], body: bytes) -> Answer:
        """Respond to an API request, and validate the exchange."""
        parts = urlsplit(target)
        if parts.path == "/user/credentials/api/access_token" and method == "POST" and self.gen3_key:
            return self._exchange(body)
        if not parts.path.startswith(API):
            return error(404, "no such path")
        path = parts.path.removeprefix(API)
        request = json.loads(body) if body else None
        faults = self.faults
        if faults.happens("busy"):
            return Answer(429, {"msg": "slower"}, {"Retry-After": str(faults.retry_after)})
        if faults.happens("errors"):
            return Answer(503, b"<html>not now</html>")
        try:
            answer = self._answer(method, path, dict(parse_qsl(parts.query)), headers, request)
        except Answer as found:
            answer = found
        if self.contract is not None and not self.header_shape.startswith(("object", "pairs")):
            self.problems += self.contract.problems(method, path, answer.status, request, answer.json)
        return answer

    def _answer(self, method: str, path: str, query: dict[str, str], headers: dict[str, str], body: Any) -> Answer:
        words = [unquote(word) for word in path.strip("/").split("/")]
        if words == ["service-info"] and method == "GET":
            return Answer(200, self._info())
        if words[0] != "objects" or len(words) > 4:
            return error(404, "no such path")
        body = body if isinstance(body, dict) else {}
        if len(words) == 1 or (words == ["objects", "access"] and method == "POST"):
            return self._bulk(method, words, headers, body)
        if method == "OPTIONS":
            if not self._at_least(1, 3):
                return Answer(405)
            self._object(words[1])
            return Answer(200, {"drs_object_id": words[1], **self._authorizations()})
        if method not in ("GET", "POST"):
            return Answer(405)
        self._authorize(method, headers, body)
        found = self._object(words[1])
        self._maybe_wait(path)
        if len(words) == 2:
            return Answer(200, self._described(words[1], found))
        if len(words) == 4 and words[2] == "access" and isinstance(found, Blob):
            return Answer(200, self._address(words[1], found, words[3]))
        return error(404, "no such path")

    def _bulk(self, method: str, words: list[str], headers: dict[str, str], body: dict[str, Any]) -> Answer:
        if not self._at_least(1, 4) or method != "POST":
            return error(404, "no such path")
        self._authorize(method, headers, body)
        wanted = body.get("bulk_object_ids" if len(words) == 1 else "bulk_object_access_ids") or []
        if len(wanted) > self.bulk_limit:
            return error(413, "too many objects")
        missing: list[str] = []
        given: list[dict[str, Any]] = []
        for entry in wanted:
            identifier = entry if isinstance(entry, str) else str(entry.get("bulk_object_id"))
            found = self.repository.objects.get(identifier)
            if found is None:
                missing.append(identifier)
            elif isinstance(entry, str):
                given.append(self._described(identifier, found))
            elif isinstance(found, Blob):
                for access_id in entry.get("bulk_access_ids") or []:
                    address = self._address(identifier, found, access_id)
                    given.append({"drs_object_id": identifier, "drs_access_id": access_id, **address})
        key = "resolved_drs_object" if len(words) == 1 else "resolved_drs_object_access_urls"
        summary = {"requested": len(wanted), "resolved": len(wanted) - len(missing), "unresolved": len(missing)}
        lost = [{"error_code": 404, "object_ids": missing}] if missing else []
        return Answer(200, {"summary": summary, "unresolved_drs_objects": lost, key: given})

    def _object(self, identifier: str) -> Blob | Bundle:
        found = self.repository.objects.get(identifier)
        if found is None:
            raise error(404, f"no object {identifier}")
        return found

    def _authorize(self, method: str, headers: dict[str, str], body: dict[str, Any]) -> None:
        if not self.token and not self.passports:
            return
        if self.token and headers.get("Authorization") == f"Bearer {self.token}":
            return
        if method == "POST" and self.passports & set(body.get("passports") or []):
            return
        raise error(403 if headers.get("Authorization") or body.get("passports") else 401, "not for you")

    def _authorizations(self) -> dict[str, Any]:
        kinds = [*(["BearerAuth"] if self.token else []), *(["PassportAuth"] if self.passports else [])]
        found: dict[str, Any] = {"supported_types": kinds or ["None"]}
        if self.passports:
            found["passport_auth_issuers"] = self.issuers
        return found

    def _maybe_wait(self, path: str) -> None:
        with self._lock:
            self._told_to_wait[path] += 1
            if self._told_to_wait[path] <= self.faults.accepted:
                raise Answer(202, None, {"Retry-After": str(self.faults.wait)})

    def _described(self, identifier: str, found: Blob | Bundle) -> dict[str, Any]:
        described: dict[str, Any] = {
            "id": identifier,
            "name": found.name or identifier.rpartition("/")[2],
            "self_uri": self.uri(identifier),
            "size": self.repository.size(identifier),
            "created_time": _CREATED,
        }
        if isinstance(found, Bundle):
            members = []
            for member in found.members:
                entry: dict[str, Any] = {"name": member.name}
                entry |= {"id": member.id} if member.id is not None else {}
                entry |= {"drs_uri": list(member.uris)} if member.uris else {}
                members.append(entry)
            empty = hashlib.md5(b"").hexdigest()
            return {**described, "checksums": [{"type": "md5", "checksum": empty}], "contents": members}
        methods = [self._method(identifier, found, kind) for kind in found.access]
        return {**described, "checksums": found.digests, "access_methods": methods, **found.extra}

    def _method(self, identifier: str, found: Blob, kind: str) -> dict[str, Any]:
        method: dict[str, Any] = {"type": kind, "region": found.region} if found.region else {"type": kind}
        if not found.available:
            method["available"] = False
        if kind in ("s3", "gs") and not found.signed:
            return {**method, "access_url": {"url": f"{kind}://{kind}-bucket/{quote(identifier)}"}}
        if kind in ("https", "s3", "gs") and not found.signed:
            return {**method, "access_url": self._address(identifier, found, kind)}
        return {**method, "access_id": f"{kind}-access"}

    def _address(self, identifier: str, found: Blob, access_id: str) -> dict[str, Any]:
        if access_id.removesuffix("-access") not in found.access:
            raise error(404, f"no access {access_id}")
        expires = f"{time.time() + self.faults.url_life:.3f}"
        name = "t" if self.faults.opaque else "Expires"
        shown = expires if self.faults.opaque else str(round(float(expires)))
        signature = self.bytes.signature(identifier, shown)
        url = f"{self.storage_url}/data/{quote(identifier, safe='')}?{name}={shown}&Signature={signature}"
        shape = HEADER_SHAPES.get(self.header_shape)
        return {"url": url, **({"headers": shape({"X-Data-Token": self.data_token})} if shape else {})}

    def _info(self) -> dict[str, Any]:
        info: dict[str, Any] = {
            "id": "org.example.embedded",
            "name": "Embedded DRS",
            "type": {"group": "org.ga4gh", "artifact": "drs", "version": self.version},
            "organization": {"name": "Example", "url": "https://example.org"},
            "version": "1",
        }
        if self._at_least(1, 4):
            info["maxBulkRequestLength"] = self.bulk_limit
        if self._at_least(1, 5):
            info["drs"] = {"maxBulkRequestLength": self.bulk_limit}
        return info

    def _at_least(self, *version: int) -> bool:
        return tuple(int(part) for part in self.version.split(".")) >= version

    def _exchange(self, body: bytes) -> Answer:
        if json.loads(body).get("api_key") != self.gen3_key:
            return Answer(401, {"message": "no such key"})
        return Answer(200, {"access_token": self.token})

    def storage(self, method: str, target: str, headers: dict[str, str], body: bytes) -> Answer:
        """Respond to a request for bytes."""
        return self.bytes.answer(method, target, headers, body)
