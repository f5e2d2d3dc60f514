"""Response limits of an embedded Azul; the defaults are those of the real service in September 2026."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass
class Limits:
    """Limits of the service, each of which its next release may change.

    :ivar page_sizes: kind -> maximum hits per page; ``None`` is the limit for all other kinds
    :ivar answer_bytes: maximum bytes of a response; a longer one becomes a 502 whose body mentions 504
    :ivar hits: pages with more hits become such a 502, regardless of their size; 0 for never
    :ivar retry_after: Retry-After seconds of such a 502
    :ivar url_length: maximum length of a URL
    :ivar message: of the 400 for a page that is too large
    """

    page_sizes: dict[str | None, int] = field(default_factory=lambda: {"projects": 50, "bundles": 100, None: 1000})
    answer_bytes: int = 6_291_556
    hits: int = 0
    retry_after: int = 10
    url_length: int = 8192
    message: str = "Invalid value for parameter `size`, must not be greater than {most}"

    def page_size(self, kind: str) -> int:
        """Maximum hits on a page of this kind."""
        found = self.page_sizes.get(kind)
        return self.page_sizes[None] if found is None else found
