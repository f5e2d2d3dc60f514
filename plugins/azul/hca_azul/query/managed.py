"""Managed access: reports matching data that the service silently excludes."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import quote

from hca_azul.flavours.flavour import Unit
from hca_azul.query.search import Search
from hca_base.errors import AuthError, HCAError

if TYPE_CHECKING:
    from hca_azul.query.connection import AzulConnection

#: Where to request access to data.
DUOS_URL = "https://duos.org"
#: Most projects to name in a message; the rest is counted.
_SHOWN = 5
#: Packages to skip when attributing a warning to a line.
_OWN_PACKAGES = frozenset({"hca", "hca_azul", "hca_base"})


class ManagedDataWarning(UserWarning):
    """Some matching data have managed access, and were excluded."""


class ManagedDataError(AuthError):
    """All matching data, or data named by the user, have managed access.

    :ivar units: their projects or datasets
    """

    def __init__(self, message: str, *, hint: str, units: list[Unit]) -> None:
        super().__init__(message, hint=hint)
        self.units = units


class Managed(NamedTuple):
    """The matching projects or datasets whose files the user cannot access.

    :ivar unknown: why the service could not be queried for them; empty if it could
    """

    units: list[Unit]
    unknown: str = ""

    def __bool__(self) -> bool:
        return bool(self.units or self.unknown)

    def beside(self, error: BaseException | None) -> Managed:
        """What an error does not report of it."""
        told = {unit.uuid for unit in error.units} if isinstance(error, ManagedDataError) else set()
        return self._replace(units=[unit for unit in self.units if unit.uuid not in told])


def find_managed(client: AzulConnection, filters: Mapping[str, Any], catalog: str | None = None) -> Managed:
    """Find matching projects or datasets whose contents are not shown to this user.

    The service lists them, and excludes everything in them.
    """
    wanted = {**filters, "accessible": {"is": [False]}}
    if filters.get("accessible") == {"is": [True]}:
        # The user filtered them out.
        return Managed([])
    try:
        hits = list(Search(client, client.flavour.units, wanted, catalog=catalog))
    except HCAError as error:
        return Managed([], str(error))
    return Managed([client.flavour.unit_of(hit) for hit in hits])


def of_units(units: Iterable[Unit]) -> Managed:
    """Those of known projects or datasets that the user cannot access."""
    return Managed([unit for unit in units if unit.accessible is False])


def message(client: AzulConnection, managed: Managed) -> str:
    """Tell what was excluded, and where to request access."""
    if managed.unknown:
        unknown = f"cannot find out whether data of managed access match as well: {managed.unknown}"
        return f"{message(client, Managed(managed.units))} {unknown}" if managed.units else unknown
    flavour = client.flavour
    count = len(managed.units)
    what = f"{count:,} {flavour.unit if count == 1 else flavour.units} of managed access"
    who = (
        "the account in use has no access to it"
        if client.has_credentials
        else "you need to log in with an account that has access"
    )
    told = f"files of {what} are left out ({_names(managed.units)}): {who}."
    return f"{told} {_guide(client, managed.units)}"


def error_of(client: AzulConnection, units: list[Unit]) -> ManagedDataError:
    """The error if all matching data, or data named by the user, have managed access."""
    noun = client.flavour.unit if len(units) == 1 else client.flavour.units
    verb = "is" if len(units) == 1 else "are"
    who = ", and the account in use has no access" if client.has_credentials else ""
    told = f"the {noun} {_names(units)} {verb} of managed access{who}"
    return ManagedDataError(told, hint=_guide(client, units), units=units)


def warn_of(client: AzulConnection, managed: Managed) -> None:
    """Warn a Python program of what was left out, at the line of its own that led here.

    Python shows a warning once for each line by default.
    """
    if managed:
        warnings.warn(message(client, managed), ManagedDataWarning, stacklevel=_callers_level() + 1)


def _callers_level() -> int:
    """How many frames above this function's caller the first is that is of no package of ours."""
    # From Python 3.12 on, the argument skip_file_prefixes of warnings.warn does this.
    level, frame = 0, sys._getframe(1)
    while frame.f_back is not None and str(frame.f_globals.get("__name__")).partition(".")[0] in _OWN_PACKAGES:
        level, frame = level + 1, frame.f_back
    return level


def _names(units: list[Unit]) -> str:
    names = [ascii(unit.short or unit.uuid)[1:-1] for unit in units[:_SHOWN]]
    return ", ".join(names) + (f" and {len(units) - _SHOWN:,} more" if len(units) > _SHOWN else "")


def _guide(client: AzulConnection, units: list[Unit]) -> str:
    places = list(dict.fromkeys(where_to_ask(unit) for unit in units if unit.duos_id))[:3] or [DUOS_URL]
    name = client.service.name
    return (
        f"Request access at {', '.join(places)}, with a Google account that is registered with Terra "
        "(https://app.terra.bio). To log in: gcloud auth application-default login, then "
        "hca config set auth.application_default true; or, for an hour: "
        f"gcloud auth print-access-token | hca auth login {name} --access-token -"
    )


def where_to_ask(unit: Unit) -> str:
    """The page to request access to a project or dataset."""
    return f"{DUOS_URL}/dataset/{quote(unit.duos_id, safe='')}" if unit.duos_id else DUOS_URL


class OpenSearch(Search):
    """A listing that warns of matching data that it excludes.

    :raises AuthError: on iteration: all matches have managed access
    """

    def __iter__(self) -> Iterator[dict[str, Any]]:
        yield from self.hits()
        managed = self.left_out()
        if not managed:
            return
        if self.total == 0 and managed.units:
            raise error_of(self.client, managed.units)
        warn_of(self.client, managed)

    def hits(self) -> Iterator[dict[str, Any]]:
        """Iterate over the entities, without the warning."""
        return super().__iter__()

    def left_out(self) -> Managed:
        """The excluded matches; call this after the listing ended."""
        if self.kind == self.client.flavour.units:
            return Managed(self.managed)
        return find_managed(self.client, self.filters, self.catalog)
