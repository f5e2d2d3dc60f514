"""Descendants of terms, from the ontologies in CELLxGENE's own package. It is large; only this module imports it."""

from __future__ import annotations

import functools
from collections.abc import Iterable
from typing import Any

#: Field -> ontologies to look up its labels in, in order.
_ONTOLOGIES = {
    "assay": ("EFO",),
    "cell_type": ("CL", "FBbt", "ZFA", "WBbt"),
    "development_stage": ("HsapDv", "MmusDv", "FBdv", "ZFA", "WBls"),
    "disease": ("MONDO", "PATO"),
    "ethnicity": ("HANCESTRO", "AfPO"),
    "tissue": ("UBERON", "CL", "FBbt", "ZFA", "WBbt"),
}


def descendants(field: str, values: Iterable[str]) -> set[str]:
    """Return the IDs, in lower case, of the given terms and of all their descendants.

    :param field: a field of :data:`hca_cellxgene.filters.HIERARCHIES`
    :param values: labels or term IDs
    :raises MissingExtraError: the package is not installed
    :raises NotFoundError: a value is not a term of the field's ontologies
    """
    from hca_base.errors import NotFoundError

    found: set[str] = set()
    for value in values:
        term = _term_id(field, value.strip())
        if term is None:
            raise NotFoundError(
                f"{value!r} is not a term of {', '.join(_ONTOLOGIES[field])}",
                hint="use the label or the ID of an ontology term, or leave out --with-descendants",
            )
        found.update(one.lower() for one in _parser().get_term_descendants(term, include_self=True))
    return found


def _term_id(field: str, value: str) -> str | None:
    parser = _parser()
    if ":" in value:
        return value if parser.is_valid_term_id(value) else None
    for ontology in _ONTOLOGIES[field]:
        for spelling in dict.fromkeys((value, value.lower())):
            try:
                term = parser.get_term_id_by_label(spelling, ontology)
            except (KeyError, ValueError):
                continue
            if term:
                return str(term)
    return None


@functools.cache
def _parser() -> Any:
    try:
        from cellxgene_ontology_guide.ontology_parser import OntologyParser
    except ImportError:
        from hca_base.errors import UsageError

        raise UsageError(
            "--with-descendants requires the package cellxgene-ontology-guide",
            hint="pip install cellxgene-ontology-guide",
        ) from None
    return OntologyParser()
