"""Which redirects may be followed."""

from __future__ import annotations

from dataclasses import dataclass, field

from hca_base.errors import HCAError, RefusedError, UsageError
from hca_base.http import Origin, check_redirect, origin_of


@dataclass
class RedirectChecker:
    """Decides which redirects may be followed, and remembers it: a name is looked up once, not once per file."""

    resolve: bool = True
    _known: dict[tuple[Origin, Origin, Origin], HCAError | None] = field(default_factory=dict)

    def check(self, start: Origin, previous: Origin, url: str) -> Origin:
        """Return the origin of a redirect's target.

        :raises RefusedError: the redirect must not be followed
        """
        try:
            target = origin_of(url)
        except UsageError as error:
            raise RefusedError(f"{previous.host} sent a redirect that is not followed: {error}") from None
        key = (start, previous, target)
        if key not in self._known:
            try:
                check_redirect(start, previous, target, resolve=self.resolve)
                self._known[key] = None
            except HCAError as error:
                self._known[key] = error
        known = self._known[key]
        if known is not None:
            raise known
        return target
