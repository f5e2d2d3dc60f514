"""Shared state of a run's uploads, and retries of one request."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from hca_base.errors import UnreachableError
from hca_base.transfer._model import TransferOptions, UploadItem
from hca_base.transfer._network._retries import backoff
from hca_base.transfer._upload._s3 import S3Error, S3Target

if TYPE_CHECKING:
    from hca_base.transfer._network._limits import Cancel, HostLimiters, RateLimit
    from hca_base.transfer._network._settings import LazyConnectionPool

T = TypeVar("T")
#: Renewals of credentials for one request before a refusal is treated as permanent.
_RENEWALS = 3


@dataclass(slots=True)
class UploadContext:
    """Shared state of a run's uploads."""

    options: TransferOptions
    target: S3Target
    connections: LazyConnectionPool
    limiters: HostLimiters
    cancel: Cancel
    rate: RateLimit
    moved: Callable[[UploadItem, int], None]
    resumed: Callable[[UploadItem, int], None]
    crowd: Callable[[], int]


class Attempts:
    """Retries a request while that may help; a file's requests share the reported count, not the limit."""

    def __init__(self, context: UploadContext, count: int = 0) -> None:
        self.context = context
        self.count = count
        self._store = context.limiters.store()

    def run(self, send: Callable[[], T]) -> T:
        """Call ``send`` until it succeeds, and return its response.

        :raises HCAError: the last failure
        """
        failures = 0
        renewed = 0
        while True:
            self.context.cancel.check()
            self._store.check()
            self.count += 1
            try:
                result = send()
                self._store.on_response()
                return result
            except S3Error as error:
                self._store.on_response()
                # Revoked and expired keys have different error codes; a single renewal tells whether new keys help.
                if (error.lapsed and renewed < _RENEWALS) or (
                    error.status in (401, 403) and self.context.target.renewable and not renewed
                ):
                    renewed += 1
                    self.context.target.refresh()
                    self.context.cancel.sleep(0.0 if renewed == 1 else backoff(self.context.options, renewed))
                    continue
                if not error.passing:
                    raise
                failures += 1
                if failures > self.context.options.retries:
                    raise
            except UnreachableError as error:
                failures += 1
                self._store.on_no_response(error, self.context.options.patience)
                if failures > self.context.options.retries or self._store.unreachable is not None:
                    raise
            self.context.cancel.sleep(backoff(self.context.options, failures))
