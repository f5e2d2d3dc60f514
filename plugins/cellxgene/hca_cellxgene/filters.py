"""Filters over the metadata of datasets, by label or by ontology term ID."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

#: Filter (an option, with "-" for "_") -> member of a dataset. Each member is a list of ontology terms or of strings.
FIELDS = {
    "assay": "assay",
    "cell_type": "cell_type",
    "development_stage": "development_stage",
    "disease": "disease",
    "ethnicity": "self_reported_ethnicity",
    "organism": "organism",
    "sex": "sex",
    "suspension_type": "suspension_type",
    "tissue": "tissue",
}
#: Filters whose values have a hierarchy.
HIERARCHIES = frozenset({"assay", "cell_type", "development_stage", "disease", "ethnicity", "tissue"})


@dataclass(frozen=True)
class Filter:
    """One filter.

    :ivar field: key of :data:`FIELDS`
    :ivar values: labels and term IDs in lower case; one of them must match
    :ivar given: the values as the user wrote them
    """

    field: str
    values: frozenset[str]
    given: tuple[str, ...] = ()

    def matches(self, dataset: Mapping[str, Any]) -> bool:
        """Return whether the dataset has one of the values."""
        return any(text.lower() in self.values for term in terms(dataset, self.field) for text in term if text)


def terms(dataset: Mapping[str, Any], field: str) -> Iterator[tuple[str, str]]:
    """Yield (label, term ID) for each value of a field; the ID is empty if the field contains plain strings."""
    for value in dataset.get(FIELDS[field]) or ():
        if isinstance(value, Mapping):
            yield str(value.get("label") or ""), str(value.get("ontology_term_id") or "")
        else:
            yield str(value), ""


def labels(dataset: Mapping[str, Any], field: str) -> list[str]:
    """Return the labels of a field; the term ID if a term has no label."""
    return [label or term for label, term in terms(dataset, field)]


def make_filters(chosen: Mapping[str, Sequence[str]], *, with_descendants: bool = False) -> list[Filter]:
    """Build filters from values by field.

    :param chosen: such as ``{"tissue": ["lung"], "disease": ["MONDO:0100096"]}``; values of a field are alternatives
    :param with_descendants: also match terms below the given ones (requires the extra ``ontology``)
    :raises UsageError: an unknown field, or descendants for a field without a hierarchy
    :raises NotFoundError: a term is not in the ontology
    """
    from hca_base.errors import UsageError

    made = []
    for field, values in chosen.items():
        if field not in FIELDS:
            raise UsageError(f"unknown filter {field!r}", hint=f"use one of {', '.join(FIELDS)}")
        given = tuple(dict.fromkeys(value.strip() for value in values if value.strip()))
        wanted = {value.lower() for value in given}
        if not wanted:
            raise UsageError(f"the filter {field} has no value", hint="pass a label or an ontology term ID")
        if with_descendants and field in HIERARCHIES:
            from hca_cellxgene.ontology import descendants

            wanted |= descendants(field, values)
        made.append(Filter(field, frozenset(wanted), given))
    return made


def matching(datasets: Iterable[dict[str, Any]], filters: Sequence[Filter]) -> Iterator[dict[str, Any]]:
    """Yield the datasets that match all filters."""
    for dataset in datasets:
        if all(one.matches(dataset) for one in filters):
            yield dataset


def unmatched(datasets: Iterable[Mapping[str, Any]], filters: Sequence[Filter]) -> list[tuple[str, str, list[str]]]:
    """Return (field, value, similar labels) for each value that no dataset has, to explain an empty result."""
    import difflib

    known: dict[str, set[str]] = {one.field: set() for one in filters}
    for dataset in datasets:
        for one in filters:
            for pair in terms(dataset, one.field):
                known[one.field].update(text.lower() for text in pair if text)
    return [
        (one.field, value, difflib.get_close_matches(value.lower(), known[one.field], n=3))
        for one in filters
        for value in one.given
        if value.lower() not in known[one.field]
    ]
