"""Lists for other download programs: aria2, s5cmd, curl, datalad.

Their URLs are the service's own and do not expire: each redirects to a new signed URL when it is used.
A token is only written if requested; then only the owner can read the file.
"""

from __future__ import annotations

import csv
import io
import unicodedata
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from hca_azul.download.downloading import catalog_of
from hca_azul.download.naming import DEFAULT, LISTED, Template
from hca_azul.download.outcome import OFFLINE
from hca_azul.download.plan import Plan, Planned
from hca_azul.download.selection import Chosen, Selection, managed_of
from hca_azul.download.sources import Sources, signed_address
from hca_azul.flavours.flavour import Unit
from hca_azul.lists.entries import Entry
from hca_azul.lists.managed import ManagedFiles
from hca_azul.query.managed import Managed, error_of
from hca_base.errors import AuthError, HCAError, NotFoundError, RefusedError, UnreachableError, UsageError
from hca_base.http import origin_of, redact_url, same_host
from hca_base.output import counted
from hca_base.transfer import safe_name

if TYPE_CHECKING:
    from hca_azul.query.connection import AzulConnection

TOOLS = {
    "aria2": "aria2c --input-file FILE --max-concurrent-downloads 8 --continue",
    "s5cmd": "s5cmd --no-sign-request run FILE",
    "curl": "curl --config FILE",
    "datalad": "datalad addurls --key 'SHA256-s{size}--{sha256}' FILE '{url}' '{path}'",
}


_NOT_MIRRORED, _NO_SOURCE = "the public mirror does not have it", "no source offers it"


class ExportRequest(NamedTuple):
    """Settings of an export.

    :ivar tool: one of :data:`TOOLS`
    :ivar template: for names; None: as in a download
    :ivar policy: for files with the same name
    :ivar sources: where to get files, in order of preference
    :ivar with_token: include the credentials that files with managed access require
    """

    selection: Selection
    tool: str
    catalog: str | None = None
    template: str | None = None
    policy: str = "rename"
    sources: tuple[str, ...] = ("mirror", "azul")
    with_token: bool = False


class Export(NamedTuple):
    """A list for another program.

    :ivar secret: it contains a token or signed URLs: only its owner may read it
    :ivar left_out: files that the tool cannot download: name -> reason
    :ivar managed: what was selected and is excluded, because it has managed access
    :ivar named: projects or datasets with managed access that were named, directly or through their files
    :ivar command: how to use the list; FILE is its placeholder
    :ivar offline: how many files are left out because the service is unavailable
    """

    text: str
    files: int
    bytes: int
    secret: bool
    left_out: dict[str, str]
    managed: Managed
    named: list[Unit]
    command: str
    offline: int = 0


def build_export(client: AzulConnection, request: ExportRequest) -> Export:
    """Make a list of files for another program.

    :raises AuthError: a token is requested and none is stored, or all selected files have managed access
    :raises NotFoundError: nothing matches
    :raises UsageError: the tool is unknown, or cannot use a token
    """
    tool = request.tool
    if tool not in TOOLS:
        raise UsageError(f"unknown tool {tool!r}", hint=f"use {', '.join(TOOLS)}")
    authorization = _authorization(client, tool) if request.with_token else ""
    catalog, online = catalog_of(client, request.selection, request.catalog)
    with request.selection.chosen(client, catalog or None, online=online) as chosen:
        plan = Plan(Template(request.template or (LISTED if chosen.has_paths else DEFAULT)), request.policy)
        try:
            managed, named = _fill(client, plan, chosen, catalog)
            order = request.sources if online else ("mirror",)
            sources = Sources(client, order, online=online, trusted=not request.selection.manifest)
            export = _ListWriter(client, sources, tool, authorization).write(plan, managed, named)
        finally:
            plan.close()
    if export.files:
        return export if online else export._replace(offline=_without_source(export))
    if managed.units:
        raise error_of(client, managed.units)
    if not export.left_out:
        raise NotFoundError(f"no file in catalog {catalog} matches")
    if not online:
        raise UnreachableError(f"none of {counted(len(export.left_out), 'file')} exported: {OFFLINE}")
    name, why = next(iter(export.left_out.items()))
    raise NotFoundError(
        f"{tool} can get none of {counted(len(export.left_out), 'matching file')}; "
        f"the first: {ascii(name)[1:-1]}: {why}"
    )


def _without_source(export: Export) -> int:
    """How many files are left out that other sources than the mirror may have."""
    return sum(why in (_NOT_MIRRORED, _NO_SOURCE) for why in export.left_out.values())


def _fill(client: AzulConnection, plan: Plan, chosen: Chosen, catalog: str) -> tuple[Managed, list[Unit]]:
    """Plan the files; find what has managed access in the selection, and what of that was named."""
    if chosen.names_files:
        files = ManagedFiles(client, catalog)
        plan.fill(files.watch(chosen.entries, look_up=True), files.review)
        return files.managed, files.managed.units
    plan.fill(chosen.entries)
    return managed_of(client, chosen, catalog), [unit for unit in chosen.units if unit.accessible is False]


def _authorization(client: AzulConnection, tool: str) -> str:
    """The authorization header with the user's token.

    :raises UsageError: the tool would send it to other hosts, and signed URLs are not possible
    """
    if tool not in ("curl", "aria2"):
        raise UsageError(
            f"a list for {tool} cannot contain a token safely",
            hint=f"use curl or aria2; 'hca {client.service.name} download' needs no list",
        )
    found = client.credentials.headers_for(client.base_url).get("Authorization")
    if not found:
        raise AuthError("no token is available", hint="'hca auth status' shows what is stored")
    return str(found)


class _ListWriter:
    """Writes the list for one tool.

    :param authorization: header with the user's token, if requested. curl does not send it to other hosts on
        redirects (since 7.58), if only the service's own URLs are listed; aria2 does, and gets signed URLs instead.
    """

    def __init__(self, client: AzulConnection, sources: Sources, tool: str, authorization: str) -> None:
        self.client, self.sources, self.tool, self.authorization = client, sources, tool, authorization
        self._signed = False

    def write(self, plan: Plan, managed: Managed, named: Sequence[Unit] = ()) -> Export:
        """The list of a plan's files."""
        left_out = {planned.path: planned.entry.missing for planned in plan.missing() if not planned.entry.managed}
        lines = [_HEADS.get(self.tool, "")]
        token = bool(self.authorization) and self.tool == "curl"
        if token:
            lines.append(f'header = "Authorization: {_curl_text(self.authorization)}"\n\n')
        files = size = 0
        for planned in plan:
            address, why = self._address(planned)
            if why:
                left_out[planned.path] = why
                continue
            lines.append(_WRITERS[self.tool](planned, address))
            files += 1
            size += planned.entry.size or 0
        secret = token or self._signed
        return Export("".join(lines), files, size, secret, left_out, managed, list(named), TOOLS[self.tool])

    def _address(self, planned: Planned) -> tuple[str, str]:
        """A file's URL for the tool, or why it cannot download it; one of them is empty."""
        entry = planned.entry
        address = self._public(entry)
        why = _fault(planned, address, self.tool)
        if address and not why and self.authorization and self.tool == "aria2" and address == entry.url:
            try:
                address = signed_address(self.client, entry.url)
                self._signed = True
            except HCAError as error:
                why = str(error)
        return ("", why) if why else (address, "")

    def _public(self, entry: Entry) -> str:
        """A URL that does not expire; empty for none."""
        mirror = self.sources.mirror
        if self.tool == "s5cmd":
            found = entry.mirror.startswith("s3://") and mirror.public_url(entry.mirror)
            return entry.mirror if found else ""
        own = bool(self.authorization) and self.tool == "curl"
        for name in self.sources.order:
            if name == "mirror" and entry.mirror and not own and (url := mirror.public_url(entry.mirror)):
                return url
            if name == "azul" and entry.url and (not own or _is_own(entry.url, self.client.base_url)):
                return entry.url
        return ""


def _is_own(url: str, base_url: str) -> bool:
    return same_host(origin_of(url), origin_of(base_url))


def save_export(export: Export, path: Path) -> None:
    """Write a list to a file; one with a token or signed URLs is readable by its owner only.

    :raises HCAError: the file cannot be written
    """
    from hca_base.config import open_atomic

    try:
        with open_atomic(path, mode=0o600 if export.secret else None, new_mode=0o666) as stream:
            stream.write(export.text.encode("utf-8", "surrogateescape"))
    except OSError as error:
        raise HCAError(f"cannot write {path}: {error.strerror or error}") from None


def _fault(planned: Planned, address: str, tool: str) -> str:
    """Why a file cannot be listed; empty if it can."""
    entry = planned.entry
    if not address:
        return _NOT_MIRRORED if tool == "s5cmd" else _NO_SOURCE
    if redact_url(address) != address:
        return "its URL is signed: anyone who has it can download the file until it expires"
    if tool == "datalad" and (not entry.sha256 or entry.size is None):
        return "its sha256 or size is not known"
    try:
        # Unsafe names, such as those that leave the folder, must not reach other programs either.
        safe_name(planned.path)
    except RefusedError as error:
        return str(error)
    return ""


def _aria2(planned: Planned, address: str) -> str:
    text = f"{_one_line(address)}\n  out={planned.path}\n"
    entry = planned.entry
    digest = f"sha-256={entry.sha256}" if entry.sha256 else f"md5={entry.md5}" if entry.md5 else ""
    return text + (f"  checksum={digest}\n" if digest else "")


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
    # "http1.1" makes curl honour the service's Retry-After, and "continue-at" resumes partial files.
    "curl": "create-dirs\nlocation\ngloboff\nfail\nhttp1.1\nretry = 15\ncontinue-at = -\n\n",
}


def _curl_text(text: str) -> str:
    return _one_line(text).replace("\\", "\\\\").replace('"', '\\"')


def _one_line(text: str) -> str:
    # Other whitespace characters are part of a name.
    return "".join(c for c in text if unicodedata.category(c) not in ("Cc", "Cs", "Zl", "Zp"))


def _no_option(path: str) -> str:
    return f"./{path}" if path.startswith("-") else path


def _shell(text: str) -> str:
    import shlex

    return shlex.quote(_one_line(text))
