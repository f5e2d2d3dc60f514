"""Options of generated commands that change a request: headers, and media types of body and response."""

from __future__ import annotations

import argparse
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from hca_base.output import own_flags

if TYPE_CHECKING:
    from hca_base.openapi import Operation

#: Headers with credentials, which all users of the machine could read on a command line.
_SECRET = ("authorization", "cookie", "proxy-authorization")
#: Headers for the body's length or the connection, which hca sets itself.
_FORBIDDEN = ("content-length", "host", "transfer-encoding", "connection")


def add_request_options(parser: argparse.ArgumentParser, operation: Operation, taken: set[str]) -> None:
    """Add ``-H``, ``--accept`` and ``--content-type`` to a parser.

    :param taken: the options of the operation's parameters
    """
    group = parser.add_argument_group("request options")
    group.add_argument(
        *own_flags(taken, "-H", "--header"),
        dest="request_headers",
        metavar="NAME:VALUE",
        action="append",
        type=_header,
        help="send this header; NAME:@FILE reads its value from a file, NAME:- from stdin; may be repeated",
    )
    listed = ", ".join(operation.produces[:8])
    group.add_argument(
        *own_flags(taken, "--accept"),
        dest="request_accept",
        metavar="TYPE",
        type=_media_type,
        help="request a response of this media type" + (f" ({listed})".replace("%", "%%") if listed else ""),
    )
    types = operation.body_types[:8] or ((operation.body_content_type,) if operation.body_content_type else ())
    if operation.body:
        group.add_argument(
            *own_flags(taken, "--content-type"),
            dest="request_content_type",
            metavar="TYPE",
            type=_media_type,
            help="send the body with this media type" + (f" ({', '.join(types)})".replace("%", "%%") if types else ""),
        )
    group.add_argument(
        *own_flags(taken, "--server"),
        dest="request_server",
        metavar="SERVER",
        help="send the request to this server of the document: its number, name, description or URL, or to another URL",
    )


def is_raw(words: Sequence[str]) -> bool:
    """Return True if words select a media type that is neither JSON nor a form, so the body is sent unchanged."""
    from hca_base.http import is_json, media_type

    for number, word in enumerate(words):
        name, _, value = word.partition("=")
        if name in ("--content-type", "--hca-content-type"):
            value = value or (words[number + 1] if number + 1 < len(words) else "")
            kind = media_type(value)
            return not is_json(kind) and kind not in ("multipart/form-data", "application/x-www-form-urlencoded")
    return False


def headers_of(args: argparse.Namespace) -> dict[str, str]:
    """Return the headers from the request options."""
    found: dict[str, str] = {}
    for name, value in getattr(args, "request_headers", None) or ():
        found[name] = value
    for name, option in (("Accept", "request_accept"), ("Content-Type", "request_content_type")):
        value = getattr(args, option, None)
        if value is not None:
            found = {each: found[each] for each in found if each.lower() != name.lower()}
            found[name] = value
    return found


def _header(word: str) -> tuple[str, str]:
    name, colon, value = word.partition(":")
    name = name.strip()
    if not colon or not re.fullmatch(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+", name):
        raise argparse.ArgumentTypeError(f"{word[:40]!r} is not a header; write NAME:VALUE")
    if name.lower() in _FORBIDDEN:
        raise argparse.ArgumentTypeError(f"{name} cannot be set: hca sends it with the right value")
    value = value.strip()
    if value == "-" or value.startswith("@"):
        value = _kept(name, value)
    elif name.lower() in _SECRET:
        from hca_base.output import warn

        warn(f"other users of this machine can see {name} in the process list; use -H {name}:@FILE or {name}:-")
    if re.search(r"[\x00-\x08\x0a-\x1f\x7f]", value):
        raise argparse.ArgumentTypeError(f"the value of {name} has line breaks or control characters")
    if name.lower() in _SECRET:
        _remember(value)
    return name, value


def _kept(name: str, source: str) -> str:
    """Return a value from a file or stdin, and redact it in traces."""
    from hca_base.commands import text_argument

    value = text_argument(source).rstrip("\r\n").strip()
    _remember(value)
    return value


def _remember(value: str) -> None:
    from hca_base.http import remember_secret

    remember_secret(value)
    _, _, rest = value.partition(" ")
    if rest:
        remember_secret(rest.strip())


def _media_type(word: str) -> str:
    if not re.fullmatch(r"[!-~]+/[ -~]+", word.strip()):
        raise argparse.ArgumentTypeError(f"{word!r} is not a media type; write TYPE/SUBTYPE")
    return word.strip()


_header.__name__ = "header"
