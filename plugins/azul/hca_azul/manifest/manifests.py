"""Manifests: file lists that the service prepares asynchronously.

A request starts the preparation; the service responds with where to poll and after how many seconds, and finally with
a signed URL of the manifest, which expires. This is implemented here because HTTP libraries follow such
redirects without waiting, and too few times. Of the service's two interfaces, the one with JSON bodies is preferred.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from hca_azul.manifest.pending import Pending
from hca_azul.query.calls import compact_json, send, send_long, url_of
from hca_base.errors import RefusedError, ServiceError, TimedOutError, UnreachableError, UsageError
from hca_base.http import check_redirect, iter_body, json_of, origin_of, parse_retry_after, remember_secret

if TYPE_CHECKING:
    import requests

    from hca_azul.query.connection import AzulConnection

#: Format -> file suffix. The service lists its formats; there may be others.
SUFFIXES = {
    "compact": ".tsv",
    "curl": ".curlrc",
    "terra.pfb": ".pfb",
    "terra.bdbag": ".zip",
    "verbatim.jsonl": ".jsonl",
    "verbatim.pfb": ".pfb",
}
#: Statuses for a poll URL or a signed URL that has expired.
_LAPSED = frozenset({400, 401, 403, 404, 410})
_NO_FETCH = frozenset({403, 404, 405, 501})
#: How often to restart the download of a ready manifest, after broken connections or expired URLs.
_TRIES = 5
#: Seconds to wait if the service does not tell; it starts with 1.
_PAUSE = 1.0

Say = Callable[[str], None]


def suffix_of(form: str) -> str:
    """The file suffix for a manifest format."""
    return SUFFIXES.get(form) or f".{form.rpartition('.')[2]}"


class _Lapsed(Exception):
    """The manifest's URL has expired; request a new one."""

    def __init__(self, error: ServiceError) -> None:
        super().__init__(str(error))
        self.error = error


class Manifest:
    """One manifest.

    :param filters: of its files, in the service's JSON form
    :param form: format
    :param wait: maximum seconds to wait for it; default: the setting ``http.wait_budget``
    :param say: called with progress messages
    :param resume: continue waiting for a manifest from an earlier run
    """

    def __init__(
        self,
        client: AzulConnection,
        filters: Mapping[str, Any] | None = None,
        form: str = "compact",
        *,
        catalog: str | None = None,
        wait: float | None = None,
        say: Say | None = None,
        resume: bool = True,
    ) -> None:
        self.client = client
        self.form = form
        self.catalog = client.catalog(catalog)
        self._filters = compact_json(filters) if filters else "{}"
        self._say = say or (lambda text: None)
        self._wait = client.session.settings.wait_budget if wait is None else wait
        self._resume = resume
        self._pending = Pending(client.base_url, self.catalog, self._filters, form, client.has_credentials)

    def save(self, path: Path | str, *, mode: int = 0o666) -> int:
        """Download and save it: the file is created once complete. Return its size in bytes.

        If a connection breaks, or the URL expires before it is used, the manifest is requested again: the service
        still has it.

        :param mode: of a new file, before the umask
        """
        from hca_base.config import open_atomic

        for number in range(1, _TRIES + 1):
            try:
                with self._open() as response, open_atomic(path, new_mode=mode) as stream:
                    size = self._copy(response, stream)
                self._pending.forget()
                return size
            except OSError as error:
                raise UsageError(f"cannot write {path}: {error.strerror or error}") from None
            except TimedOutError:
                raise
            except (UnreachableError, _Lapsed) as error:
                told = error.error if isinstance(error, _Lapsed) else error
                if number == _TRIES:
                    raise told from None
                self._say(f"the request for the manifest failed ({told}); trying again")
        raise AssertionError("not reached")

    def write(self, stream: BinaryIO) -> int:
        """Write it to a stream, when it is ready. Output cannot be taken back, so there are no retries."""
        try:
            with self._open() as response:
                size = self._copy(response, stream)
        except _Lapsed as lapsed:
            raise lapsed.error from None
        self._pending.forget()
        return size

    @contextmanager
    def _open(self) -> Iterator[requests.Response]:
        location = self.ready()
        remember_secret(location.partition("?")[2])
        try:
            response = self.client.session.call("GET", location, stream=True, auth="no")
        except ServiceError as error:
            if error.status in _LAPSED:
                raise _Lapsed(error) from None
            raise
        try:
            yield response
        finally:
            response.close()

    def _copy(self, response: requests.Response, stream: BinaryIO) -> int:
        from hca_base.output import Progress

        length = response.headers.get("Content-Length", "")
        total = 0
        with Progress("manifest", bytes=int(length) if length.isdecimal() else None) as progress:
            with progress.task(f"{self.form} manifest", int(length) if length.isdecimal() else None) as task:
                for chunk in iter_body(response):
                    stream.write(chunk)
                    total += len(chunk)
                    task.advance(len(chunk))
        return total

    # Preparation

    def ready(self) -> str:
        """Wait until it is ready; return its URL, which expires, and is as secret as a password until then.

        :raises TimedOutError: it was not ready in time; a later run can resume waiting
        """
        started = time.monotonic()
        told = 0.0
        response = self._first()
        while True:
            status, location, pause = self._step_of(response)
            if status != 301:
                return location
            self._pending.write(location)
            waited = time.monotonic() - started
            if waited + pause > self._wait:
                raise TimedOutError(
                    f"the service was still preparing the manifest after {waited:.0f} s",
                    hint="run the same command later: it continues with the manifest that is being prepared",
                )
            if waited >= told:
                self._say(f"the service is preparing the manifest ({waited:.0f} s so far)")
                told = max(5.0, waited * 1.5)
            time.sleep(pause)
            response = self._ask(location)

    def _first(self) -> requests.Response:
        place = self._pending.read() if self._resume else None
        if place is not None:
            try:
                response = self._ask(place)
                self._say("continuing with the manifest that an earlier run requested")
                return response
            except ServiceError as error:
                if error.status not in _LAPSED:
                    raise
            except (RefusedError, UsageError):
                pass
            self._pending.forget()
        return self._start()

    def _start(self) -> requests.Response:
        params = {"catalog": self.catalog, "format": self.form, "filters": self._filters}
        options: dict[str, Any] = {"redirect": "no", "follow_waits": "repeat", "wait_budget": self._wait}
        try:
            return send_long(self.client, "PUT", url_of(self.client, "/fetch/manifest/files", params), **options)
        except ServiceError as error:
            # Old releases only support plain redirects; gateways respond with 403 to unknown paths.
            if error.status not in _NO_FETCH or error.reason == "ForbiddenError":
                raise
        return send_long(self.client, "PUT", url_of(self.client, "/manifest/files", params), **options)

    def _ask(self, location: str) -> requests.Response:
        home = origin_of(self.client.base_url)
        check_redirect(home, home, origin_of(location))
        for number in range(3):
            try:
                found: requests.Response = send(
                    self.client, "GET", location, redirect="no", follow_waits="repeat", wait_budget=self._wait
                )
                return found
            except ServiceError as error:
                if error.status != 410 or number == 2:
                    raise
            self._say("the request has expired; sending it again")
            response = self._start()
            status, location, pause = self._step_of(response)
            if status != 301:
                return response
            time.sleep(pause)
        raise AssertionError("not reached")

    def _step_of(self, response: requests.Response) -> tuple[int, str, float]:
        """(301 or 302, location, Retry-After in seconds) from both interfaces."""
        from urllib.parse import urljoin

        status: Any = response.status_code
        location: Any = response.headers.get("Location")
        pause: Any = response.headers.get("Retry-After")
        if status == 200:
            answer = json_of(response)
            if isinstance(answer, dict):
                status, location, pause = answer.get("Status"), answer.get("Location"), answer.get("Retry-After")
        try:
            if status not in (301, 302) or not isinstance(location, str) or not location:
                raise ValueError
            location = urljoin(self.client.base_url, location)
            target = origin_of(location)
        except (UsageError, ValueError):
            raise ServiceError(
                "the service's response about the manifest is invalid", status=response.status_code, response=response
            ) from None
        home = origin_of(self.client.base_url)
        check_redirect(home, home, target)
        # A number in the body, a string in a header.
        seconds = parse_retry_after(str(pause))
        return status, location, min(max(_PAUSE if seconds is None else seconds, 0.02), 600.0)


def save_manifest(manifest: Manifest, output: str | None, *, secret: bool, force: bool) -> tuple[str, int]:
    """Save a manifest to ``output`` (``-`` for stdout, None for a default name); return the name and the size in bytes.

    :param secret: it contains a token: only its owner may read it
    :param force: replace an existing file
    :raises UsageError: the file exists
    """
    if output == "-":
        from hca_base.output import is_terminal

        if is_terminal(sys.stdout) and suffix_of(manifest.form) in (".pfb", ".zip"):
            raise UsageError("the manifest is binary, and stdout is a terminal", hint="use --output FILE")
        sys.stdout.flush()
        return "-", manifest.write(sys.stdout.buffer)
    name = output or f"manifest{suffix_of(manifest.form)}"
    path = Path(name)
    if path.exists() and not force and path.is_file():
        raise UsageError(f"{name} already exists", hint="pass --force to replace it, or --output FILE for another name")
    return name, manifest.save(path, mode=0o600 if secret else 0o666)
