"""Lists for other programs that download: aria2, s5cmd, curl, datalad.

The addresses in them are the service's own, which do not lapse: each leads to a fresh signed address when it is used.
No token is written unless that is asked for; then only the owner may read the file.
"""

from __future__ import annotations

import csv
import io
import unicodedata
from collections.abc import Callable
from typing import NamedTuple

from hca_azul.download.entries import Entry
from hca_azul.download.plan import Plan, Planned
from hca_azul.download.sources import Sources
from hca_base.errors import RefusedError, UsageError
from hca_base.http import origin_of, redact_url, same_host
from hca_base.transfer import safe_name

TOOLS = {
    "aria2": "aria2c --input-file FILE --max-concurrent-downloads 8 --continue",
    "s5cmd": "s5cmd --no-sign-request run FILE",
    "curl": "curl --config FILE",
    "datalad": "datalad addurls --key 'SHA256-s{size}--{sha256}' FILE '{url}' '{path}'",
}


class Exported(NamedTuple):
    """What an export holds.

    :ivar left_out: files that the tool cannot get: name -> why
    """

    text: str
    files: int
    bytes: int
    left_out: dict[str, str]


def export(plan: Plan, sources: Sources, tool: str, authorization: str | None = None) -> Exported:
    """A list of the plan's files.

    :param authorization: value of the header ``Authorization`` to write into it; only files of the service itself are
        listed then, because curl sends it to every host that is
    :raises UsageError: the tool is not known, or cannot keep a token to one host
    """
    if tool not in TOOLS:
        raise UsageError(f"{tool!r} is none of {', '.join(TOOLS)}")
    if authorization and tool != "curl":
        raise UsageError(
            f"a list for {tool} cannot hold a token safely", hint="curl can, and 'hca azul download' needs no list"
        )
    left_out = {planned.path: planned.entry.missing for planned in plan.missing()}
    lines = [_HEADS.get(tool, "")]
    if authorization:
        # Since 7.58, curl keeps it from the hosts that it is redirected to.
        lines.append(f'header = "Authorization: {_curl_text(authorization)}"\n\n')
    files = size = 0
    for planned in plan:
        address = _address(planned.entry, sources, tool, bool(authorization))
        why = _fault(planned, address, tool)
        if why:
            left_out[planned.path] = why
            continue
        lines.append(_WRITERS[tool](planned, address))
        files += 1
        size += planned.entry.size or 0
    return Exported("".join(lines), files, size, left_out)


def _address(entry: Entry, sources: Sources, tool: str, own: bool) -> str:
    """Where a tool gets a file; empty for nowhere.

    :param own: from the service itself only
    """
    if tool == "s5cmd":
        return entry.mirror if entry.mirror.startswith("s3://") else ""
    for name in sources.order:
        if name == "mirror" and entry.mirror and not own and (url := sources.mirror_url(entry.mirror)):
            return url
        if name == "azul" and entry.url and (not own or _is_own(entry.url, sources.client.base_url)):
            return entry.url
    return ""


def _is_own(url: str, base_url: str) -> bool:
    return same_host(origin_of(url), origin_of(base_url))


def _fault(planned: Planned, address: str, tool: str) -> str:
    """Why a file cannot be in a list; empty if it can."""
    entry = planned.entry
    if not address:
        return "the public mirror does not have it" if tool == "s5cmd" else "no source offers it"
    if redact_url(address) != address:
        return "its address is signed: it lapses, and is as good as a password until then"
    if tool == "datalad" and (not entry.sha256 or entry.size is None):
        return "its sha256 or size is not known"
    try:
        # Names that leave their folder, and the like, must not reach another program either.
        safe_name(planned.path)
    except RefusedError as error:
        return str(error)
    return ""


def _aria2(planned: Planned, address: str) -> str:
    text = f"{_one_line(address)}\n  out={planned.path}\n"
    return text + (f"  checksum=sha-256={planned.entry.sha256}\n" if planned.entry.sha256 else "")


def _s5cmd(planned: Planned, address: str) -> str:
    return f"cp {_shell(address)} {_shell(_no_option(planned.path))}\n"


def _curl(planned: Planned, address: str) -> str:
    return f'url = "{_curl_text(address)}"\noutput = "{_curl_text(_no_option(planned.path))}"\n\n'


def _datalad(planned: Planned, address: str) -> str:
    row = [planned.path, _one_line(address), *(str(getattr(planned.entry, name)) for name in _COLUMNS[2:])]
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\n").writerow(row)
    return text.getvalue()


_COLUMNS = ("path", "url", "sha256", "size", "uuid", "version", "project", "sample", "organ", "species", "format")
_WRITERS: dict[str, Callable[[Planned, str], str]] = {
    "aria2": _aria2,
    "s5cmd": _s5cmd,
    "curl": _curl,
    "datalad": _datalad,
}
_HEADS = {
    "datalad": ",".join(_COLUMNS) + "\n",
    # Of these, "http1.1" makes curl heed the service's requests to wait, and "continue-at" takes up parts.
    "curl": "create-dirs\nlocation\ngloboff\nfail\nhttp1.1\nretry = 15\ncontinue-at = -\n\n",
}


def _curl_text(text: str) -> str:
    return _one_line(text).replace("\\", "\\\\").replace('"', '\\"')


def _one_line(text: str) -> str:
    # Other blanks than ours are no less a part of a name.
    return "".join(c for c in text if unicodedata.category(c) not in ("Cc", "Cs", "Zl", "Zp"))


def _no_option(path: str) -> str:
    return f"./{path}" if path.startswith("-") else path


def _shell(text: str) -> str:
    import shlex

    return shlex.quote(_one_line(text))
