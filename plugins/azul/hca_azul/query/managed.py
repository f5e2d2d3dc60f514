"""Data of managed access: saying that it is there when a result keeps silent about it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from hca_azul.query.calls import compact_json, send_long, url_of
from hca_azul.query.rows import inner
from hca_base.errors import HCAError, NotFoundError
from hca_base.http import json_of

if TYPE_CHECKING:
    from hca_azul.query.connection import AzulConnection
    from hca_azul.query.projects import Project

GUIDE = (
    "Access is granted by Terra (https://app.terra.bio): register a Google account there, accept the terms, ask for "
    "the data. To log in: gcloud auth application-default login, then hca config set auth.application_default true; "
    "or, for an hour: gcloud auth print-access-token | hca auth login azul --access-token -"
)


def hidden_projects(client: AzulConnection, filters: Mapping[str, Any], catalog: str | None = None) -> list[str]:
    """Short names of projects that match, whose samples and files the service does not show to this user.

    The service lists such projects, and leaves out everything in them.
    """
    wanted = {"accessible": {"is": [False]}, **filters}
    query = {"catalog": client.catalog(catalog), "size": 100, "filters": compact_json(wanted)}
    try:
        answer = json_of(send_long(client, "GET", url_of(client, "/index/projects", query)))
    except HCAError:
        # It is asked only to say more about a result; not every deployment has projects.
        return []
    hits = answer.get("hits") if isinstance(answer, dict) else None
    found = []
    for hit in hits if isinstance(hits, list) else []:
        if not isinstance(hit, dict):
            continue
        for project in inner(hit, "projects"):
            if project.get("accessible") is False:
                name = project.get("projectShortname")
                found.append(str(name[0] if isinstance(name, list) and name else name))
    return found


def tell_hidden(client: AzulConnection, filters: Mapping[str, Any], catalog: str | None = None) -> str | None:
    """What to say about an empty result, or None."""
    names = hidden_projects(client, filters, catalog)
    return told_of(client, names) if names else None


def left_out(
    client: AzulConnection, filters: Mapping[str, Any], named: Sequence[Project], catalog: str | None = None
) -> list[str]:
    """Short names of projects whose files are asked for and left out.

    :param filters: of the files, those that choose the projects included
    :param named: the projects, where they were asked for by their names
    """
    if not filters or (named and all(project.accessible is not False for project in named)):
        return []
    return hidden_projects(client, filters, catalog)


def check_shown(client: AzulConnection, project: Project) -> None:
    """See that the user may have what is in a project.

    :raises NotFoundError: the service would say that nothing is in it
    """
    if project.accessible is False:
        raise NotFoundError(
            f"nothing of the project {project.short or project.uuid} is shown to you",
            hint=told_of(client, [project.short or project.uuid]),
        )


def told_of(client: AzulConnection, names: Sequence[str]) -> str:
    """What to say about projects that are hidden."""
    shown = ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
    if client.has_credentials:
        return f"data of managed access matches ({shown}), and the account that is used may not see it. {GUIDE}"
    return f"data of managed access matches ({shown}), and is shown only to those who log in. {GUIDE}"
