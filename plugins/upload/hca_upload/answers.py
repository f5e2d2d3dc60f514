"""Validates the service's responses before they are used."""

from __future__ import annotations

import datetime
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from hca_base.errors import HCAError

if TYPE_CHECKING:
    import requests

# They are printed as shell settings, so they must not contain anything that a shell would execute.
_KEY = re.compile(r"[A-Za-z0-9+/=_.:~-]+")


def object_in(response: requests.Response, *texts: str) -> dict[str, Any]:
    """The JSON object of a response.

    :param texts: required string members
    :raises HCAError: it is not an object, or a member is missing
    """
    found = _json(response)
    if not isinstance(found, dict):
        raise _unusable(response, "is not a JSON object")
    for name in texts:
        if not isinstance(found.get(name), str):
            raise _unusable(response, f"has no {name}")
    return found


def list_in(response: requests.Response) -> list[dict[str, Any]]:
    """The JSON list of objects in a response.

    :raises HCAError: it is not a list of objects
    """
    found = _json(response)
    if not isinstance(found, list) or not all(isinstance(each, dict) for each in found):
        raise _unusable(response, "is not a JSON list of objects")
    return found


def counts_in(response: requests.Response) -> dict[str, int]:
    """The numbers in a response, by name.

    :raises HCAError: a value is not a number
    """
    found = object_in(response)
    if not all(isinstance(value, int) for value in found.values()):
        raise _unusable(response, "has a value that is not a number")
    return found


def credentials_in(response: requests.Response) -> dict[str, str]:
    """AccessKeyId, SecretAccessKey, SessionToken and Expiration (ISO 8601).

    :raises HCAError: one of them is missing or invalid
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

    :raises HCAError: the response has neither
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
