"""Scripts written for hca 7 run unchanged, and get the same results as with hca 7.0.1."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.xdist_group("hca7")


def test_a_script_for_the_dss(ours: Any, bundle_source: Path) -> None:
    results, printed = ours.script("bundles", bundle_source)
    assert results["missing"][:2] == [404, "not_found"]
    assert results["iterate"] is True
    assert results["version"] is False, "create_version returns the version now"
    assert results["stream"][1:] == [102400, True]
    assert printed.endswith("Z")
    # The login in hca 7's file was moved to the token store.
    assert "oauth2_token" not in json.loads(ours.file.read_text())


def test_a_script_for_the_upload_service(ours: Any, api_key: str, bundle_source: Path) -> None:
    results, _ = ours.script("areas", api_key, bundle_source / "reads_R1.fastq.gz")
    assert results["list"] == ["reads_R1.fastq.gz"]
    assert results["deleted"] is True


def test_a_script_that_keeps_settings(ours: Any) -> None:
    before = json.loads(ours.file.read_text())
    for step in ("first", "second", "third"):
        results, _ = ours.script("settings", step)
    assert results["kept"] == ["http://127.0.0.1:1/v1/swagger.json", 3]
    after = json.loads(ours.file.read_text())
    assert after["late"] == "saved at the end"
    assert ours.file.stat().st_mode & 0o777 == 0o600
    # The file contains only what the script set.
    assert set(after) <= {*before, "late"}
    assert set(after["upload"]) == {"areas", "current_area"}


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_the_dss_script_gets_the_same_from_hca_7(ours: Any, theirs: Any, bundle_source: Path, stable: Any) -> None:
    old, old_printed = theirs.script("bundles", bundle_source)
    new, new_printed = ours.script("bundles", bundle_source)
    # create_version printed the version and returned None; now it also returns it.
    assert (old.pop("version"), new.pop("version")) == (True, False)
    assert stable(old_printed).splitlines()[-1] == stable(new_printed).splitlines()[-1] == "VERSION"
    # Both use the same deployment, so the second finds one bundle (or two) more.
    assert new.pop("everything") > old.pop("everything")
    assert set(old.pop("commands")) - set(new.pop("commands")) == set()
    assert set(old.pop("methods")) - set(new.pop("methods")) == set()
    new, old = json.loads(stable(json.dumps(new))), json.loads(stable(json.dumps(old)))
    # hca 7 used the encoding of a compressed file as its media type.
    fixed = {"application/gzip": "gzip"}
    new["bundle"][1] = [[fixed.get(value, value) for value in file] for file in new["bundle"][1]]
    for key in old:
        assert new[key] == old[key], key


@pytest.mark.timeout(1200)
def test_the_upload_script_gets_the_same_from_hca_7(
    ours: Any, theirs: Any, api_key: str, bundle_source: Path, stable: Any
) -> None:
    old, _ = theirs.script("areas", api_key, bundle_source / "reads_R1.fastq.gz")
    new, _ = ours.script("areas", api_key, bundle_source / "reads_R1.fastq.gz")
    assert new == old


@pytest.mark.timeout(1200)
def test_the_settings_script_gets_the_same_from_hca_7(ours: Any, theirs: Any) -> None:
    for step in ("first", "second", "third"):
        assert ours.script("settings", step) == theirs.script("settings", step)
