"""Curl configurations: the service's own lists for curl; only UUID, catalog and path are used."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote, urlsplit

from hca_azul.lists.addresses import Addresses
from hca_azul.lists.entries import Entry, is_address
from hca_azul.lists.inputs import open_text
from hca_base.errors import UsageError

_FILE_URL = re.compile(r"/repository/files/([^/?#]+)")
_MIRROR_URL = re.compile(r"/file/([0-9a-f]{32,64})\.(sha256|md5)$")
_PAIR = re.compile(r"(url|output)\s*=?\s*\"((?:[^\"\\]|\\.)*)\"")
#: An unquoted pair: valid syntax, which must not be ignored.
_OTHER_PAIR = re.compile(r"-{0,2}(url|output)(\s|=)")
_COMMENT = re.compile(r"#.*?['\"]?([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})")
_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def is_curl(path: Path) -> bool:
    """Whether a file is a curl configuration."""
    with open_text(path) as stream:
        for number, line in enumerate(stream):
            if _PAIR.match(line.strip()):
                return True
            if number > 1000:
                break
    return False


def read_curl(path: Path, addresses: Addresses) -> Iterator[Entry]:
    """Read the files of a curl configuration.

    :raises UsageError: a line cannot be parsed
    """
    url = ""
    with open_text(path) as stream:
        for number, line in enumerate(stream, 1):
            text = line.strip()
            comment = _COMMENT.match(text)
            if comment:
                told = "according to the configuration, it is not available"
                yield Entry(comment[1], comment[1], missing=told)
                continue
            pair = _PAIR.match(text)
            if pair is None:
                if _OTHER_PAIR.match(text):
                    raise UsageError(f"{path}, line {number}: cannot be parsed: {text[:80]!r}")
                continue
            value = re.sub(r"\\(.)", r"\1", pair[2])
            if pair[1] == "url":
                if url:
                    yield _of_url(path, url, "", addresses)
                url = value
            elif url:
                yield _of_url(path, url, value, addresses)
                url = ""
    if url:
        yield _of_url(path, url, "", addresses)


def _of_url(path: Path, url: str, output: str, addresses: Addresses) -> Entry:
    target = urlsplit(url).path if is_address(url) else ""
    mirrored = _MIRROR_URL.search(target)
    name = output.rsplit("/", 1)[-1]
    if mirrored and is_address(url):
        # Related files, such as parts of Zarr stores, are listed only with a mirror URL.
        entry = Entry(mirrored[1], name or mirrored[1], mirror=url, path=output)
        return entry._replace(md5=mirrored[1]) if mirrored[2] == "md5" else entry._replace(sha256=mirrored[1])
    match = _FILE_URL.search(target)
    if match is None:
        raise UsageError(f"{path} contains a URL that is not one of Azul's files", hint="signed URLs cannot be resumed")
    uuid = unquote(match[1])
    # The service puts each file into a folder named after its bundle.
    bundle = output.partition("/")[0]
    return Entry(
        uuid,
        name or uuid,
        path=output,
        catalog=addresses.catalog_of(url),
        bundle=bundle if _UUID.fullmatch(bundle) else "",
    )
