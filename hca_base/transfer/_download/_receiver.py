"""Shared by all receivers of large files: checks of each response, and the delays between attempts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hca_base.errors import UnreachableError
from hca_base.transfer._download._context import Context
from hca_base.transfer._download._locate import SourceResolver, content_range
from hca_base.transfer._model import Item
from hca_base.transfer._network._limits import HostUnreachableError
from hca_base.transfer._network._retries import RetryError, backoff
from hca_base.transfer._store._partial import Partial
from hca_base.transfer._store._verify import check_size

if TYPE_CHECKING:
    from hca_base.transfer._network._response import Response

#: Bytes per read. Larger buffers are no faster, and each connection has one.
BUFFER = 512 * 1024


class ObjectChangedError(Exception):
    """Raised when the object at the address is not the one that the partial file came from."""

    def __init__(self, etag: str | None) -> None:
        super().__init__("the object changed")
        self.etag = etag


class EncodedError(Exception):
    """Raised when the server compresses the response to a range request: the file requires a single stream."""


class Receiver:
    """Receives the bytes of one file of known size into a partial file.

    :param compares_etags: False if the server's ETags differ although the object is the same
    :ivar one_stream: the server does not send the requested ranges, so the file arrives in one response
    """

    def __init__(
        self,
        context: Context,
        item: Item,
        resolver: SourceResolver,
        partial: Partial,
        size: int,
        compares_etags: bool = True,
    ) -> None:
        self.context = context
        self.item = item
        self.resolver = resolver
        self.partial = partial
        self.size = size
        self.compares_etags = compares_etags
        self.one_stream = False

    def open(self, start: int, end: int | None = None) -> Response:
        """Request the bytes from ``start`` to ``end`` of the object that the partial file came from."""
        etag = self.partial.etag
        return self.resolver.open(start, end, etag if etag and not etag.startswith("W/") else None)

    def check_response(self, response: Response, wanted: int, begun: bool = False) -> int:
        """Return where in the file the response's body starts.

        :param wanted: the first byte that was asked for
        :param begun: other bytes of the file have been received already
        :raises ObjectChangedError: the object has changed
        :raises RetryError: the response is not for the requested range
        """
        partial = self.partial
        etag = (response.header("ETag") or None) if self.compares_etags else None
        if partial.etag and etag and etag != partial.etag and (wanted or begun):
            response.close()
            raise ObjectChangedError(etag)
        if etag != partial.etag and not (wanted or begun):
            partial.restart(etag)
        if response.status == 206:
            return self._check_range(response, wanted)
        if is_encoded(response) and response.length != self.size:
            response.close()
            raise EncodedError
        if response.length is not None and response.length != self.size:
            response.close()
            check_size(self.item, response.length)
        return 0

    def _check_range(self, response: Response, wanted: int) -> int:
        found = content_range(response)
        if found is not None and found.start <= wanted < found.end and found.total in (None, self.size):
            # Some storages start at the block that holds the byte; skip the bytes before it.
            return found.start
        header = response.header("Content-Range")
        encoded = is_encoded(response)
        response.close()
        if found is not None and found.total not in (None, self.size):
            if encoded:
                raise EncodedError
            check_size(self.item, found.total or 0)
        # Request the whole rest; if that fails too, the whole file.
        self.resolver.use_ranges = not self.one_stream
        self.one_stream = True
        raise RetryError(UnreachableError(f"{self.item.name}: requested bytes from {wanted}, received {header!r}"))

    def skip(self, response: Response, count: int, buffer: memoryview) -> None:
        """Read and discard bytes that are already written (the server sent more than requested)."""
        while count > 0:
            self.context.cancel.check()
            received = response.readinto(buffer[: min(len(buffer), count)])
            if not received:
                raise ended_early(self.item)
            count -= received

    def received(self, count: int) -> None:
        """Report received bytes, and apply the rate limit."""
        self.context.moved(self.item, count)
        self.context.rate.pace(count, self.context.cancel)

    def pause(self, retry: RetryError, failures: int, progressed: bool) -> int:
        """Wait before the next attempt; return how many have failed in a row.

        :raises HCAError: no attempt is left
        """
        if not retry.free:
            failures = 1 if progressed else failures + 1
        if failures > self.context.options.retries:
            raise retry.error
        options = self.context.options
        self.context.cancel.sleep(retry.after if retry.after is not None else backoff(options, failures))
        return failures


def as_retry(error: Exception) -> Exception:
    """Return a broken connection as worth a retry; other errors as they are."""
    broken = isinstance(error, UnreachableError) and not isinstance(error, HostUnreachableError)
    return RetryError(error) if broken else error  # type: ignore[arg-type]


def ended_early(item: Item) -> UnreachableError:
    """Make the error for a body that ends before the file does."""
    return UnreachableError(f"the response for {item.name} ended early")


def is_encoded(response: Response) -> bool:
    """Return True if the server compressed the body despite ``Accept-Encoding: identity``."""
    return response.header("Content-Encoding").lower() not in ("", "identity")
