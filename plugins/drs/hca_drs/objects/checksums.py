"""Normalizes the checksums that servers send to the names and the form used by the transfer engine.

DRS does not fix either: ``sha-256`` (IANA), ``sha256``, ``SHA256``; hexadecimal in any case, or base64 as in Google's
storage. Unsupported ones are kept separately for the report.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from hca_base.transfer import part_size_of, usual_part_sizes

#: Digest size in bytes, by the engine's name; the strongest first.
LENGTHS = {"sha512": 64, "sha256": 32, "trunc512": 24, "sha1": 20, "md5": 16, "crc32c": 4}
_NAMES = {
    **{name: name for name in LENGTHS},
    "sha2512": "sha512",
    "sha2256": "sha256",
    "sha512t24": "trunc512",
    "sha512t24u": "trunc512",
    "ga4gh": "trunc512",
    "sha": "sha1",
    "md5sum": "md5",
    "castagnoli": "crc32c",
}
_ETAGS = frozenset({"etag", "s3etag", "awsetag"})
_HEX = re.compile(r"[0-9a-f]+")
_PARTS = re.compile(r"([0-9a-f]{32})-(\d{1,5})")


@dataclass(frozen=True)
class Digests:
    """The checksums of an object.

    :ivar known: hexadecimal, by the engine's names
    :ivar unknown: unsupported ones: (type, reason)
    :ivar etag: of a multipart object: compared using common part sizes, if there is no other
        checksum
    """

    known: dict[str, str] = field(default_factory=dict)
    unknown: tuple[tuple[str, str], ...] = ()
    etag: str = ""

    @property
    def strongest(self) -> str:
        """``NAME:DIGEST`` of the checksum used for verification; empty if there is none."""
        for name in (*LENGTHS, "s3_etag"):
            if name in self.known:
                return f"{name}:{self.known[name]}"
        return f"etag:{self.etag}" if self.etag else ""

    @property
    def unverifiable(self) -> str:
        """Why the bytes cannot be verified; empty if they can."""
        if self.known or self.etag:
            return ""
        if not self.unknown:
            return "the server provides no checksum"
        return "; ".join(f"{kind}: {why}" for kind, why in self.unknown)


def read_checksums(values: Any, size: int | None) -> Digests:
    """Parse the ``checksums`` of an object.

    :param values: objects with ``type`` and ``checksum``; some servers send a single object, or digests by type
    :param size: bytes of the object; needed to interpret a multipart ETag
    """
    known: dict[str, str] = {}
    unknown: list[tuple[str, str]] = []
    etag = ""
    for kind, text in _pairs(values):
        if text is None:
            unknown.append((ascii(kind[:40])[1:-1], "not in a form that hca reads"))
            continue
        name = re.sub(r"[^a-z0-9]", "", kind.lower())
        shown = ascii(kind[:40])[1:-1]
        if name in _ETAGS:
            found, why = _etag(text, size, by_rule=name == "s3etag")
            if why:
                unknown.append((shown, why))
            elif found[0] == "etag":
                etag = etag or found[1]
            else:
                known.setdefault(*found)
            continue
        known_name = _NAMES.get(name)
        if known_name is None:
            unknown.append((shown, "a type of checksum that hca does not support"))
            continue
        digest = _digest(text, LENGTHS[known_name])
        if digest is None:
            unknown.append((shown, f"not a valid digest: {text[:80]!a}"))
        else:
            known.setdefault(known_name, digest)
    return Digests(known, tuple(unknown), etag)


def _pairs(values: Any) -> Iterator[tuple[str, str | None]]:
    """Types and digests, from any of the forms; None for a digest that is not a string."""
    if values is None:
        return
    for value in values if isinstance(values, list) else [values]:
        if not isinstance(value, dict):
            yield "checksums", None
        elif "type" in value or "checksum" in value:
            digest = value.get("checksum")
            yield str(value.get("type") or ""), digest.strip() if isinstance(digest, str) else None
        else:
            for kind, digest in value.items():
                yield str(kind), digest.strip() if isinstance(digest, str) else None


def _digest(text: str, length: int) -> str | None:
    """A digest in hexadecimal; None if it does not have the expected number of bytes."""
    low = text.lower()
    # GA4GH identifiers have their digest after the last dot: ga4gh:SQ.…
    if len(low) == 2 * length and _HEX.fullmatch(low):
        return low
    text = text.rpartition(".")[2]
    try:
        found = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_" if set(text) & set("-_") else None)
    except (ValueError, binascii.Error):
        return None
    return found.hex() if len(found) == length and re.fullmatch(r"[A-Za-z0-9+/_-]+=*", text) else None


def _etag(text: str, size: int | None, by_rule: bool) -> tuple[tuple[str, str], str]:
    """An S3 ETag as (name, value): the MD5 of the object, or of its parts' MD5s; or why it is not usable.

    :param by_rule: its type is s3_etag, with parts of 64 MiB by the rule of the Human Cell Atlas
    """
    value = text.removeprefix("W/").strip('"').lower()
    if len(value) == 32 and _HEX.fullmatch(value):
        return ("md5", value), ""
    match = _PARTS.fullmatch(value)
    if match is None:
        return ("", ""), f"not an ETag of S3: {text[:80]!a}"
    parts = int(match[2])
    if size is not None and by_rule and parts > 1 and -(-size // part_size_of(size)) == parts:
        return ("s3_etag", value), ""
    if size is not None and usual_part_sizes(size, parts):
        return ("etag", value), ""
    return ("", ""), f"an ETag of {parts} parts, whose size is not known"
