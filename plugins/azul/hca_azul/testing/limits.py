"""How much an embedded Azul gives at once; the defaults are those that the real service had in September 2026."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass
class Limits:
    """Limits of the service, each of which its next release may change.

    :ivar page_sizes: kind -> most hits a page; ``None`` is the limit of all other kinds
    :ivar answer_bytes: most bytes of an answer; a longer one is a 502 whose body speaks of 504
    :ivar hits: pages of more hits are such a 502, however many bytes they have; 0 for never
    :ivar retry_after: seconds that such a 502 asks for
    :ivar url_length: longest URL
    :ivar message: what a 400 says about a page that is too large
    """

    page_sizes: dict[str | None, int] = field(default_factory=lambda: {"projects": 50, "bundles": 100, None: 1000})
    answer_bytes: int = 6_291_556
    hits: int = 0
    retry_after: int = 10
    url_length: int = 8192
    message: str = "Invalid value for parameter `size`, must not be greater than {most}"

    def page_size(self, kind: str) -> int:
        """Most hits on a page of this kind."""
        found = self.page_sizes.get(kind)
        return self.page_sizes[None] if found is None else found
