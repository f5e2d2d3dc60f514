"""Explain a missing command: the document is missing or old, or another service has the name."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hca_base.commands import Context
    from hca_base.config import Config
    from hca_base.openapi import Index

_HELP = frozenset({"-h", "--help", "--hca-help"})


def asks_for_help(words: Sequence[str]) -> bool:
    """Return True if words do not name a service's command, or request its help."""
    return len(words) < 2 or words[1].startswith("-") or not _HELP.isdisjoint(words)


def fetched_index(context: Context, service: str) -> Index:
    """Fetch the document of a service, and print a note.

    :raises hca_base.errors.HCAError: it cannot be fetched
    """
    from hca_base.errors import HCAError
    from hca_base.output import note

    try:
        index: Index = context.client(service).refresh()
    except HCAError as error:
        error.hint = f"{error.hint or ''}{hidden_hint(service, context.config)}".removeprefix("; ") or None
        raise
    if not context.options.quiet:
        note(f"the document of {service} was missing; fetched it from {index.url}")
    return index


def age_hint(service: str, index: Index, config: Config) -> str:
    """Return a document's age as the end of a hint; "" if it was not fetched."""
    from hca_base.openapi import DocumentCache

    age = DocumentCache(config).age(index)
    if not index.head.get("fetched") or not 0 <= age < 10**10:
        return ""
    days = int(age // 86400)
    when = "today" if days == 0 else "yesterday" if days == 1 else f"{days} days ago"
    return f"; the document was fetched or checked {when}: 'hca service refresh {service}' fetches it again"


def hidden_hint(service: str, config: Config) -> str:
    """Return the plugin whose service is hidden by the user's own, as the end of a hint; "" if none is."""
    from hca_base.plugins import registry

    newcomer = registry().hidden_service(service, config)
    if newcomer is None:
        return ""
    return (
        f"; this {service} is the service that you added, which hides the one of {newcomer.distribution}: "
        f"'hca service rename {service} NEW' renames yours"
    )
