"""Which files are wanted: of projects, of filters, by UUID, or of a list."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hca_azul.download.entries import Entry, by_filters, by_uuids
from hca_base.errors import UsageError

if TYPE_CHECKING:
    from hca_azul.query.connection import AzulConnection
    from hca_azul.query.projects import Project


@dataclass
class Selection:
    """Files that are wanted. Projects and filters narrow each other; the other ways stand alone.

    :ivar projects: by UUID, short name or title
    :ivar filters: as the service wants them
    :ivar uuids: of files
    :ivar manifest: path of a manifest or a curl configuration
    :ivar entries: files that were chosen already
    """

    projects: list[str] = field(default_factory=list)
    filters: Mapping[str, Any] = field(default_factory=dict)
    uuids: list[str] = field(default_factory=list)
    manifest: Path | str | None = None
    entries: Iterable[Entry] | None = None

    def check(self) -> None:
        """See that it says something, in one way.

        :raises UsageError: it does not
        """
        ways = [bool(self.projects or self.filters), bool(self.uuids), bool(self.manifest), self.entries is not None]
        if sum(ways) == 0:
            raise UsageError(
                "nothing is chosen", hint="name a project, or use --filter, --file UUID or --manifest FILE"
            )
        if not all(name.strip() for name in (*self.projects, *self.uuids)):
            raise UsageError("the name of a project or the UUID of a file is empty")
        if sum(ways) > 1:
            raise UsageError("projects and filters, --file, and --manifest do not go together")

    def found(
        self, client: AzulConnection, catalog: str | None
    ) -> tuple[Iterator[Entry], dict[str, Any], list[Project]]:
        """The files, what to note in the lock file, and the projects that were named.

        :raises NotFoundError: there is no such project
        """
        self.check()
        if self.entries is not None:
            return iter(self.entries), {}, []
        if self.manifest:
            from hca_azul.download.lists import read_list

            return read_list(client, self.manifest, catalog), {"manifest": Path(self.manifest).name}, []
        if self.uuids:
            return by_uuids(client, self.uuids, catalog), {"files": self.uuids[:1000]}, []
        from hca_azul.query.projects import find_project

        named = [find_project(client, name, catalog) for name in self.projects]
        filters = self.whole_filters(named)
        return by_filters(client, filters, catalog), {"filters": filters}, named

    def whole_filters(self, named: list[Project]) -> dict[str, Any]:
        """The filters and the projects together."""
        if not named:
            return dict(self.filters)
        if "projectId" in self.filters:
            raise UsageError("a project is named, and projectId is filtered, too")
        return {**self.filters, "projectId": {"is": [project.uuid for project in named]}}
