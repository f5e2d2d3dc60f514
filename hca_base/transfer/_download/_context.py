"""Shared state of a run's fetches, and helpers for one item."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hca_base.errors import ServiceError, TimedOutError
from hca_base.transfer._model import Item, Source, TransferOptions

if TYPE_CHECKING:
    from hca_base.http import WaitNotes
    from hca_base.transfer._network._limits import Cancel, HostLimiters, RateLimit
    from hca_base.transfer._network._redirect_checks import RedirectChecker
    from hca_base.transfer._network._settings import LazyConnectionPool
    from hca_base.transfer._store._interface import Destination


#: Half the limit for API calls: a redirect loop is retried once per file, and no known storage needs more than two
#: redirects.
MAX_REDIRECTS = 10


@dataclass(slots=True)
class Context:
    """Shared state of a run's fetches.

    :param moved: called with an item and the number of bytes of each piece received
    :param resumed: called with an item and the number of bytes that an earlier run left
    :param is_crowded: return True if other large files are being fetched at the same time
    :param max_receivers: connections that one large file may use
    :param shows_progress: False if the values passed to ``moved`` are not displayed
    :param wait_notes: shows what the run is waiting for; None to show nothing
    """

    options: TransferOptions
    connections: LazyConnectionPool
    limiters: HostLimiters
    redirects: RedirectChecker
    cancel: Cancel
    destination: Destination
    rate: RateLimit
    moved: Callable[[Item, int], None]
    resumed: Callable[[Item, int], None]
    is_crowded: Callable[[], bool]
    max_receivers: int
    shows_progress: bool = True
    wait_notes: WaitNotes | None = None


def sources_of(item: Item) -> list[Source | Callable[[], Source]]:
    """Return the sources of an item, in order of preference."""
    source = item.source
    if isinstance(source, Source) or callable(source):
        return [source]
    return list(source)


def status_error(status: int, what: str, host: str) -> ServiceError:
    """Make the error for an HTTP status in response to a request for one file."""
    import http

    try:
        phrase = http.HTTPStatus(status).phrase
    except ValueError:
        phrase = "unknown status"
    return ServiceError(f"{host} answered {status} ({phrase}) for {what}", status=status, reason=phrase)


def not_ready(host: str, item: Item, waited: float) -> TimedOutError:
    """Make the error for a service that asked for more waiting than the budget allows."""
    return TimedOutError(
        f"{host} was still not ready for {item.name} after {waited:.0f} s of waiting",
        hint="run the same command later: it resumes where it stopped",
    )
