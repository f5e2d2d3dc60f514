"""The description of a deployment's data: everything in which the Human Cell Atlas and AnVIL differ."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple

from hca_azul.flavours.hits import Hit
from hca_base.errors import UsageError


class Field(NamedTuple):
    """A field of the service.

    :ivar kind: text, number, boolean, age (value and unit), accession (NAMESPACE:ID), atlas (NAME:VERSION),
        object (JSON), or range (numbers; cannot be listed as terms)
    :ivar about: one-line description
    :ivar aliases: short names for it
    """

    name: str
    kind: str
    about: str
    aliases: tuple[str, ...] = ()


class Unit(NamedTuple):
    """A project or a dataset: the unit of access control, and what users name.

    :ivar uuid: entity's UUID
    :ivar key: value of :attr:`Flavour.unit_field` that selects its files
    :ivar accessible: whether the caller can access its files; None if the service does not tell
    :ivar duos_id: identifier in the Data Use Oversight System
    """

    uuid: str
    key: str
    short: str
    title: str
    accessible: bool | None
    duos_id: str
    restriction: str


@dataclass(frozen=True)
class Flavour:
    """One metadata plugin of the service, from a client's point of view.

    :ivar name: name of hca's service for it
    :ivar kinds: kinds of entities with a listing
    :ivar unit: singular of :attr:`units`: project or dataset
    :ivar units: the kind of entity that access is granted to
    :ivar unit_field: field that selects the files of one of them
    :ivar unit_names: fields with their names, the shortest first
    :ivar accession_field: field with accessions in other archives
    :ivar file_field: field that selects files by UUID
    :ivar document_field: field that selects files by the identifiers in verbatim manifests
    :ivar bundle_field: field that selects the contents of a bundle
    :ivar table: fields of the service, with their short names
    :ivar columns: kind -> columns of its table
    :ivar row: kind and entity -> all columns
    :ivar unit_of: an entity of :attr:`units` -> its unit
    :ivar unit_in: kind and values of an entity of a PFB or verbatim manifest -> (key, short name) if it is a project or
        dataset
    :ivar file_of: an entity of ``files`` and one of its files -> members of :class:`hca_azul.lists.entries.Entry`
    :ivar list_columns: member of an entry -> columns of compact manifests that can contain it
    :ivar list_required: required columns of a compact manifest
    :ivar summary: label -> member of the service's summary
    """

    name: str
    kinds: tuple[str, ...]
    unit: str
    units: str
    unit_field: str
    unit_names: tuple[str, ...]
    accession_field: str
    file_field: str
    document_field: str
    bundle_field: str
    table: tuple[Field, ...]
    columns: Mapping[str, tuple[str, ...]]
    row: Callable[[str, Hit], dict[str, Any]]
    unit_of: Callable[[Hit], Unit]
    unit_in: Callable[[str, Mapping[str, Any]], tuple[str, str] | None]
    file_of: Callable[[Hit, Mapping[str, Any]], dict[str, Any]]
    list_columns: Mapping[str, tuple[str, ...]]
    list_required: tuple[str, ...]
    summary: Mapping[str, str] = field(default_factory=dict)

    @cached_property
    def fields(self) -> dict[str, Field]:
        """Service's name -> field."""
        return {one.name: one for one in self.table}

    @cached_property
    def _aliases(self) -> dict[str, Field]:
        return {alias: one for one in self.table for alias in one.aliases}

    @cached_property
    def _folded(self) -> dict[str, Field]:
        both = self._aliases | self.fields
        return {_fold(name): one for name, one in both.items()} | {one.name.lower(): one for one in self.table}

    def field_of(self, name: str, known: object = ()) -> Field:
        """Find a field by the name that the user gave.

        :param known: further fields of the service (a container) that are not in this table
        :raises UsageError: the field does not exist; the hint suggests the nearest
        """
        found = self.fields.get(name) or self._aliases.get(name) or self._folded.get(_fold(name))
        if found is not None:
            return found
        if (isinstance(known, (set, frozenset, dict, list, tuple)) and name in known) or "." in name:
            # A dotted field of another deployment, of an unknown kind.
            return Field(name, "text", "")
        import difflib

        close = difflib.get_close_matches(name, [*self._aliases, *self.fields], 3, 0.6)
        raise UsageError(
            f"unknown field {name!r}",
            hint=f"did you mean {' or '.join(close)}? " * bool(close) + f"'hca {self.name} fields' lists all",
        )

    def unit_filter(self, keys: list[str]) -> dict[str, Any]:
        """Return the filter that selects these projects or datasets."""
        return {self.unit_field: {"is": keys}}


def _fold(name: str) -> str:
    return name.lower().replace("-", "").replace("_", "")
