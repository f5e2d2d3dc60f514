"""The digests that servers send, under the names and in the form that the transfer engine compares them.

DRS leaves both open: ``sha-256`` (IANA), ``sha256``, ``SHA256``; hexadecimal in either case, or base64 as Google's
storage writes them. What is not understood is kept apart, to be reported.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from hca_base.transfer import part_size_of, usual_part_sizes

#: Bytes of a digest, by the engine's name of it; the strongest first.
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
    """The digests of an object.

    :ivar known: hexadecimal, by the engine's names
    :ivar unknown: those that cannot be compared: (type, why)
    :ivar etag: of an object that was uploaded in parts: compared with parts of the usual sizes, where nothing else is
        known
    """

    known: dict[str, str] = field(default_factory=dict)
    unknown: tuple[tuple[str, str], ...] = ()
    etag: str = ""

    @property
    def strongest(self) -> str:
        """``NAME:DIGEST`` of the digest that vouches for the object; empty if there is none."""
        for name in (*LENGTHS, "s3_etag"):
            if name in self.known:
                return f"{name}:{self.known[name]}"
        return f"etag:{self.etag}" if self.etag else ""

    @property
    def unverifiable(self) -> str:
        """Why the bytes cannot be compared with any digest; empty if they can."""
        if self.known or self.etag:
            return ""
        if not self.unknown:
            return "the server provides no checksum"
        return "; ".join(f"{kind}: {why}" for kind, why in self.unknown)


def read_checksums(values: Any, size: int | None) -> Digests:
    """Read the ``checksums`` of an object.

    :param values: objects with ``type`` and ``checksum``; some servers send one such object, or digests by type
    :param size: bytes of the object; settles what an ETag of several parts stands for
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
    """Types and digests, whatever they are in; None for a digest that is not a text."""
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
    """A digest in hexadecimal digits; None if it is not one of that many bytes."""
    low = text.lower()
    # ga4gh identifiers carry their digest after the last dot: ga4gh:SQ.…
    if len(low) == 2 * length and _HEX.fullmatch(low):
        return low
    text = text.rpartition(".")[2]
    try:
        found = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_" if set(text) & set("-_") else None)
    except (ValueError, binascii.Error):
        return None
    return found.hex() if len(found) == length and re.fullmatch(r"[A-Za-z0-9+/_-]+=*", text) else None


def _etag(text: str, size: int | None, by_rule: bool) -> tuple[tuple[str, str], str]:
    """What an ETag of S3 says, as (name, value): the MD5 of the whole, or of the MD5s of its parts; or why it does not.

    :param by_rule: it is called s3_etag, whose parts are of 64 MiB by the rule of the Human Cell Atlas
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
