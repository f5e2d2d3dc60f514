"""Reads file lists from a file, stdin, a pipe, or a URL shown by the data portal."""

from __future__ import annotations

import codecs
import gzip
import json
import re
import shutil
import sys
import tempfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, BinaryIO, NamedTuple
from urllib.parse import parse_qsl, urlsplit

from hca_base.errors import HCAError, UsageError

if TYPE_CHECKING:
    from hca_azul.query.connection import AzulConnection

_GZIP, _ZIP, _AVRO = b"\x1f\x8b", b"PK\x03\x04", b"Obj\x01"
#: Paths where manifests are requested, and where prepared ones are downloaded by key.
_PATH = re.compile(r"(?:/fetch)?/manifest/files(?:/([^/]+))?/?")


class ListFile(NamedTuple):
    """A file list that can be read more than once.

    :ivar path: of its content, decompressed
    :ivar name: its name in messages
    :ivar kind: text, zip or avro
    """

    path: Path
    name: str
    kind: str


@contextmanager
def open_list(client: AzulConnection, source: Path | str) -> Iterator[ListFile]:
    """Open a list: a file, ``-``, a pipe, or a manifest URL; gzip is decompressed.

    :raises UsageError: it is not readable
    """
    with tempfile.TemporaryDirectory(prefix="hca-azul-") as directory:
        copy = Path(directory) / "list"
        text = str(source)
        try:
            if is_manifest_url(text):
                _fetch(client, text, copy)
                path, name = copy, "the manifest"
            elif text == "-":
                with copy.open("wb") as stream:
                    shutil.copyfileobj(sys.stdin.buffer, stream)
                path, name = copy, "stdin"
            elif Path(source).is_file():
                path, name = Path(source), text
            else:
                # A pipe can only be read once.
                with Path(source).open("rb") as pipe, copy.open("wb") as stream:
                    shutil.copyfileobj(pipe, stream)
                path, name = copy, text
            path = _unpacked(path, Path(directory) / "unpacked")
            yield ListFile(path, name, _kind(path))
        except OSError as error:
            raise UsageError(f"{text} cannot be read: {error.strerror or error}") from None


def is_manifest_url(text: str) -> bool:
    """Whether a string is the URL of a manifest of the service, as shown by the data portal."""
    return _match(text) is not None


def _match(text: str) -> re.Match[str] | None:
    if not text.lower().startswith(("https://", "http://")):
        return None
    try:
        return _PATH.fullmatch(urlsplit(text).path)
    except ValueError:
        return None


class Asked(NamedTuple):
    """The parameters of a manifest URL.

    :ivar filters: in the service's JSON form
    :ivar catalog: empty if the URL has none
    """

    filters: dict[str, Any]
    catalog: str


def asked_by(text: str) -> Asked | None:
    """Return the parameters of a manifest URL; None for anything else, and for a key, which does not contain them."""
    match = _match(text)
    if match is None or match[1]:
        return None
    query = dict(parse_qsl(urlsplit(text).query))
    try:
        filters = json.loads(query.get("filters") or "{}")
    except ValueError:
        return None
    return Asked(filters, query.get("catalog", "")) if isinstance(filters, dict) else None


def _fetch(client: AzulConnection, url: str, path: Path) -> None:
    """Request the manifest with the URL's parameters; the URLs in the response to the portal's own request expire."""
    from hca_azul.manifest.manifests import Manifest
    from hca_base.http import origin_of

    if origin_of(url) != origin_of(client.base_url):
        raise UsageError(
            f"{urlsplit(url).netloc} is not the configured service ({urlsplit(client.base_url).netloc})",
            hint=f"set {client.service.client_section}.url, or use the command of the service that it belongs to",
        )
    match = _match(url)
    if match is not None and match[1]:
        _fetch_prepared(client, match[1], path)
        return
    query = dict(parse_qsl(urlsplit(url).query))
    try:
        filters = json.loads(query.get("filters") or "{}")
    except ValueError:
        filters = None
    if not isinstance(filters, dict):
        raise UsageError("the filters in the address of the manifest are not a JSON object")
    form = query.get("format", "compact")
    Manifest(client, filters, form, catalog=query.get("catalog")).save(path)


def _fetch_prepared(client: AzulConnection, key: str, path: Path) -> None:
    """Download a prepared manifest by its key, like the curl commands that the portal shows."""
    from hca_azul.query.calls import explained
    from hca_base.http import iter_body

    try:
        # The key is sufficient: the service rejects a token with it.
        url = f"{client.base_url}/manifest/files/{key}"
        with client.session.call("GET", url, stream=True, auth="no") as response, path.open("wb") as stream:
            for chunk in iter_body(response):
                stream.write(chunk)
    except HCAError as error:
        raise explained(client, error) from None


def _unpacked(path: Path, target: Path) -> Path:
    with path.open("rb") as stream:
        if stream.read(2) != _GZIP:
            return path
    try:
        with gzip.open(path) as packed, target.open("wb") as copy:
            shutil.copyfileobj(packed, copy)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise UsageError(f"{path} is a damaged gzip file: {error}") from None
    return target


def _kind(path: Path) -> str:
    with path.open("rb") as stream:
        start = stream.read(4)
    return {_ZIP: "zip", _AVRO: "avro"}.get(start, "text")


def open_text(source: Path | BinaryIO) -> IO[str]:
    """Open a text file in UTF-8 or UTF-16, with or without a byte order mark."""
    import io

    stream: BinaryIO = source.open("rb") if isinstance(source, Path) else source
    start = stream.read(4)
    stream.seek(0)
    encoding = "utf-8-sig"
    if start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        encoding = "utf-16"
    elif start[1:2] == b"\0" or start[:1] == b"\0":
        # Without a BOM; every list starts with an ASCII letter.
        encoding = "utf-16-le" if start[1:2] == b"\0" else "utf-16-be"
    errors = "surrogateescape" if encoding == "utf-8-sig" else "strict"
    return io.TextIOWrapper(stream, encoding=encoding, errors=errors, newline="")


def damaged(name: str, error: Exception) -> HCAError:
    """The error for a list with an invalid format."""
    return UsageError(f"{name} is damaged: {error}")
