"""Answers of the service, checked before anything relies on what is in them."""

from __future__ import annotations

import datetime
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from hca_base.errors import HCAError

if TYPE_CHECKING:
    import requests

# They are printed as settings for a shell: nothing that a shell would run may be among them.
_KEY = re.compile(r"[A-Za-z0-9+/=_.:~-]+")


def object_in(response: requests.Response, *texts: str) -> dict[str, Any]:
    """The JSON object of an answer.

    :param texts: members that must be there, and be texts
    :raises HCAError: it is none, or lacks one of them
    """
    found = _json(response)
    if not isinstance(found, dict):
        raise _unusable(response, "is not a JSON object")
    for name in texts:
        if not isinstance(found.get(name), str):
            raise _unusable(response, f"has no {name}")
    return found


def list_in(response: requests.Response) -> list[dict[str, Any]]:
    """The JSON list of an answer, of objects.

    :raises HCAError: it is none
    """
    found = _json(response)
    if not isinstance(found, list) or not all(isinstance(each, dict) for each in found):
        raise _unusable(response, "is not a JSON list of objects")
    return found


def counts_in(response: requests.Response) -> dict[str, int]:
    """The numbers of an answer, by name.

    :raises HCAError: there is something else in it
    """
    found = object_in(response)
    if not all(isinstance(value, int) for value in found.values()):
        raise _unusable(response, "has a value that is not a number")
    return found


def credentials_in(response: requests.Response) -> dict[str, str]:
    """AccessKeyId, SecretAccessKey, SessionToken and Expiration (ISO 8601).

    :raises HCAError: the answer lacks one of them, or it cannot be one
    """
    keys = ("AccessKeyId", "SecretAccessKey", "SessionToken")
    found = object_in(response, *keys, "Expiration")
    for key in keys:
        if not _KEY.fullmatch(found[key]):
            raise _unusable(response, f"has a {key} that cannot be one")
    try:
        datetime.datetime.fromisoformat(found["Expiration"].replace("Z", "+00:00"))
    except ValueError:
        raise _unusable(response, "has an Expiration that is not a time") from None
    return found


def checksums_in(response: requests.Response) -> dict[str, Any]:
    """``checksum_status`` and ``checksums`` of a file.

    :raises HCAError: the answer has neither
    """
    found = object_in(response, "checksum_status")
    if not isinstance(found.get("checksums") or {}, Mapping):
        raise _unusable(response, "has checksums that are not a JSON object")
    return found


def _json(response: requests.Response) -> Any:
    try:
        return response.json()
    except ValueError:
        return None


def _unusable(response: requests.Response, why: str) -> HCAError:
    return HCAError(f"the response from {response.url} {why}: is that an Upload Service?")
