"""Filters on the command line."""

from __future__ import annotations

import pytest
from hca_azul.flavours.hca import HCA
from hca_azul.query.filters import checked, parse_filters

from hca_base.errors import UsageError


@pytest.mark.parametrize(
    ("terms", "expected"),
    [
        (["organ=brain"], {"organ": {"is": ["brain"]}}),
        (["species=Homo sapiens,Mus musculus"], {"genusSpecies": {"is": ["Homo sapiens", "Mus musculus"]}}),
        (["organ=brain", "organ=heart", "organ=brain"], {"organ": {"is": ["brain", "heart"]}}),
        (["organ=null"], {"organ": {"is": [None]}}),
        (["organ="], {"organ": {"is": [None]}}),
        (['contact="Laura,,Huerta",x'], {"contactName": {"is": ["Laura,,Huerta", "x"]}}),
        (["library=10x 3' v2"], {"libraryConstructionApproach": {"is": ["10x 3' v2"]}}),
        (["cellCount=1000..5000"], {"cellCount": {"within": [[1000, 5000]]}}),
        (["cells=1k..2M"], {"cellCount": {"within": [[1000, 2_000_000]]}}),
        (["cells=1000.."], {"cellCount": {"within": [[1000, 2**53 - 1]]}}),
        (["size=..1.5G"], {"fileSize": {"within": [[0, 1_500_000_000]]}}),
        (["cells=7,8"], {"cellCount": {"is": [7, 8]}}),
        (["age=20 years"], {"organismAge": {"is": [{"value": "20", "unit": "year"}]}}),
        (["age=20..30 year"], {"organismAgeRange": {"within": [[630_720_000, 946_080_000]]}}),
        (["age=6..18 months"], {"organismAgeRange": {"within": [[15_768_000, 47_304_000]]}}),
        (["age=.. 12.5 weeks"], {"organismAgeRange": {"within": [[0, 7_560_000]]}}),
        (["age=20..year"], {"organismAgeRange": {"within": [[630_720_000, 2**53 - 1]]}}),
        (['contact="a ""b"" c",d'], {"contactName": {"is": ['a "b" c', "d"]}}),
        (["accession=geo:GSE1"], {"accessions": {"is": [{"namespace": "geo", "accession": "GSE1"}]}}),
        (["accession=GSE1"], {"accessions": {"is": [{"accession": "GSE1"}]}}),
        (["paired=yes"], {"pairedEnd": {"is": [True]}}),
        (["accessible=false"], {"accessible": {"is": [False]}}),
        (["organ-part=islet"], {"organPart": {"is": ["islet"]}}),
        (["ORGANPART=islet"], {"organPart": {"is": ["islet"]}}),
        (["atlas=Lung:v1.0,Gut"], {"tissueAtlas": {"is": [{"atlas": "Lung", "version": "v1.0"}, {"atlas": "Gut"}]}}),
        (["files.file_size=1"], {"files.file_size": {"is": ["1"]}}),
        (["name=a=b"], {"fileName": {"is": ["a=b"]}}),
        ([], {}),
    ],
)
def test_terms(terms: list[str], expected: object) -> None:
    assert parse_filters(HCA, terms) == expected


@pytest.mark.parametrize(
    ("terms", "told"),
    [
        (["brain"], "FIELD=VALUE"),
        (["=brain"], "FIELD=VALUE"),
        (["orgn=brain"], "unknown field"),
        (["cells=many"], "requires a number"),
        (["cells=5..1"], "has its limits reversed"),
        (["cells=.."], "no limits"),
        (["cells=5", "cells=1..2"], "combine single values and a range"),
        (["cells=1..2", "cells=5..6"], "two ranges"),
        (["age=old"], "not a valid age"),
        (["age=20..30"], "not a range of ages"),
        (["age=20... year"], "not a range of ages"),
        (["age=inf..30 year"], "not a range of ages"),
        (["age=0.." + "9" * 400 + " year"], "not a range of ages"),
        (["cells=" + "9" * 5000], "never as large"),
        (["cells=" + "9" * 400 + ".5"], "never as large"),
        (["organ=a\nb"], "cannot be read"),
        (['contact="Laura,,Huerta'], "cannot be read"),
        (["age-range=20"], "takes a range"),
        (["paired=maybe"], "true or false"),
        (["accessible=null"], "never missing"),
        (["accession=a,b"], "one accession"),
    ],
)
def test_terms_that_make_no_sense(terms: list[str], told: str) -> None:
    with pytest.raises(UsageError, match=told):
        parse_filters(HCA, terms)


def test_raw_filters_are_passed_on_and_join_the_others() -> None:
    raw = {"cellCount": {"intersects": [[1, 2]]}, "brandNew": {"is": [None]}}
    assert parse_filters(HCA, ["organ=brain"], raw) == {**raw, "organ": {"is": ["brain"]}}
    with pytest.raises(UsageError, match="and in --filters"):
        parse_filters(HCA, ["organ=brain"], {"organ": {"is": ["heart"]}})


@pytest.mark.parametrize("raw", [[], "x", {"organ": "brain"}, {"organ": {"is": "brain"}}, {"organ": {"was": []}}])
def test_raw_filters_that_are_none(raw: object) -> None:
    with pytest.raises(UsageError):
        checked(raw)  # type: ignore[arg-type]


def test_no_alias_hides_a_field_and_each_stands_for_one() -> None:
    seen: set[str] = set()
    for field in HCA.fields.values():
        for alias in field.aliases:
            assert alias not in HCA.fields and alias not in seen
            seen.add(alias)
            assert HCA.field_of(alias) is field
        assert HCA.field_of(field.name) is field
