"""The services behind an embedded Azul: storage with signed URLs, the mirror, and a DRS server."""

from __future__ import annotations

import re
import secrets
import threading
import time
from collections.abc import Mapping
from urllib.parse import parse_qs, quote, urlsplit

from hca_azul.testing.answers import Answer
from hca_azul.testing.faults import Faults
from hca_azul.testing.hca_shape import PUBLIC_BUCKET
from hca_azul.testing.model import Atlas, File

_MIRRORED = re.compile(rf"/mirror/{PUBLIC_BUCKET}/(file|info)/([0-9a-f]+)\.(sha256|md5|json)")


class Storage:
    """Files, at signed URLs and in the mirror, and manifests.

    :ivar manifests: key -> bytes
    """

    def __init__(self, atlas: Atlas, faults: Faults, token: str) -> None:
        self.atlas, self.faults, self.token = atlas, faults, token
        #: Part of every signed URL, for tests that search for leaks.
        self.signature = "SIGNATURE" + secrets.token_hex(12)
        self.manifests: dict[str, bytes] = {}
        self._cut: set[str] = set()
        self._lock = threading.Lock()

    def sign(self, home: str, path: str, name: str = "") -> str:
        """A URL of the storage that expires."""
        expires = time.time() + self.faults.url_life
        told = f"&response-content-disposition={quote(name)}" if name else ""
        return f"{home}/signed{path}?Expires={expires:.3f}&X-Goog-Signature={self.signature}{told}"

    def stored(self, target: str) -> tuple[bytes, str] | Answer:
        """The object at a URL of the storage, and a name for it that is always the same."""
        parts = urlsplit(target)
        if parts.path.startswith("/signed/"):
            return self._signed(parts.path, parse_qs(parts.query))
        match = _MIRRORED.fullmatch(parts.path)
        if match:
            for _, file in self.atlas.by_uuid.values():
                if file.mirrored is True and match[2] in (file.sha256, file.true_md5):
                    if match[1] == "info":
                        return b'{"content-type": "application/octet-stream", "$schema": "info/v1.json"}', "info"
                    return file.bytes, f"mirror {match[2]}"
        # Without list permission, S3 does not reveal that an object is missing.
        return Answer(403, b"<?xml version='1.0'?><Error><Code>AccessDenied</Code></Error>")

    def _signed(self, path: str, query: Mapping[str, list[str]]) -> tuple[bytes, str] | Answer:
        if query.get("X-Goog-Signature") != [self.signature]:
            return Answer(403, b"<?xml version='1.0'?><Error><Code>SignatureDoesNotMatch</Code></Error>")
        if float(query["Expires"][0]) < time.time():
            return Answer(400, b"<?xml version='1.0'?><Error><Code>ExpiredToken</Code></Error>")
        kind, _, name = path.removeprefix("/signed/").partition("/")
        if kind == "manifests" and name in self.manifests:
            return self.manifests[name], name
        found = self.atlas.by_uuid.get(name)
        return (found[1].bytes, name) if found else Answer(404)

    def first_time(self, name: str) -> bool:
        """Whether this is the first call with ``name``."""
        with self._lock:
            known = name in self._cut
            self._cut.add(name)
            return not known

    def drs(self, home: str, target: str, headers: Mapping[str, str]) -> Answer:
        """Respond to a request to the DRS server.

        :param home: URL of the storage
        """
        if headers.get("Authorization") != f"Bearer {self.token}":
            return Answer(401, {"msg": "no token", "status_code": 401})
        match = re.fullmatch(r"/ga4gh/drs/v1/objects/v1_[^_/]+_([^_/]+)(/access/(.+))?", urlsplit(target).path)
        found: File | None = self.atlas.by_uuid[match[1]][1] if match and match[1] in self.atlas.by_uuid else None
        if match is None or found is None:
            return Answer(404, {"msg": "no such object", "status_code": 404})
        if match[2]:
            return Answer(200, {"url": self.sign(home, f"/files/{found.uuid}")})
        methods = [{"type": "gs", "access_id": "gcp-us*", "access_url": {"url": "gs://bucket/key"}}]
        return Answer(200, {"id": match[0], "size": found.size, "access_methods": methods})
