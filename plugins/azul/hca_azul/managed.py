"""Data of managed access: saying that it is there when a result keeps silent about it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from hca_base.errors import HCAError

from .calls import compact_json, get_json
from .rows import inner

if TYPE_CHECKING:
    from .client import AzulClient

GUIDE = (
    "Access is granted by Terra (https://app.terra.bio): register a Google account there, accept the terms, ask for "
    "the data. To log in: gcloud auth application-default login, then hca config set auth.application_default true; "
    "or, for an hour: gcloud auth print-access-token | hca auth login azul --access-token -"
)


def hidden_projects(client: AzulClient, filters: Mapping[str, Any], catalog: str | None = None) -> list[str]:
    """Short names of projects that match, whose samples and files the service does not show to this user.

    The service lists such projects, and leaves out everything in them.
    """
    query = {"catalog": client.catalog(catalog), "size": 100, "filters": compact_json(filters) if filters else None}
    try:
        answer = get_json(client, "/index/projects", query)
    except HCAError:
        # It is asked only to say more about an empty result.
        return []
    found = []
    for hit in answer.get("hits") or []:
        for project in inner(hit, "projects"):
            if project.get("accessible") is False:
                name = project.get("projectShortname")
                found.append(str(name[0] if isinstance(name, list) and name else name))
    return found


def tell_hidden(client: AzulClient, filters: Mapping[str, Any], catalog: str | None = None) -> str | None:
    """What to say about an empty result, or None."""
    names = hidden_projects(client, filters, catalog)
    if not names:
        return None
    shown = ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
    if client.has_credentials:
        return f"data of managed access matches ({shown}), and the account that is used may not see it. {GUIDE}"
    return f"data of managed access matches ({shown}), and is shown only to those who log in. {GUIDE}"
