"""The manifests of an embedded Azul, in the service's formats."""

from __future__ import annotations

import csv
import io
import json

from hca_azul.testing.listing import Listing
from hca_azul.testing.pfb import pfb

FORMATS = ("compact", "terra.pfb", "curl", "verbatim.jsonl", "verbatim.pfb")
#: A format of old releases.
BDBAG = "terra.bdbag"


def manifest(listing: Listing, form: str) -> bytes:
    """A manifest of the files in a listing."""
    if form == "compact":
        return compact(listing)
    if form == "curl":
        return curl(listing)
    if form == "verbatim.jsonl":
        return verbatim(listing)
    if form.endswith("pfb"):
        return pfb(listing, form == "verbatim.pfb")
    # Another container format: only its bytes matter here.
    return b"PK" + json.dumps([file.uuid for _, file in listing.pairs()]).encode()


def compact(listing: Listing) -> bytes:
    """A table, a row for each file and bundle."""
    text = io.StringIO(newline="")
    rows = [listing.shape.row(listing, project, file) for project, file in listing.pairs()]
    names = list(rows[0]) if rows else ["bundle_uuid", "file_uuid", "file_name", "file_size", "file_sha256"]
    writer = csv.DictWriter(text, names, dialect="excel-tab")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode()


def curl(listing: Listing) -> bytes:
    """A configuration file of curl."""
    lines = ["--create-dirs", "", "--compressed", "", "--location", "", "--globoff", "", "--fail", ""]
    lines += ['--write-out "Downloading to: %{filename_effective}\\n\\n"', ""]
    for project, file in listing.pairs():
        if listing.shape.curl_of_mirrored and not listing.shape.mirror_uri(project, file):
            # Other buckets are requester-pays, so their files are silently excluded.
            continue
        url = listing.file_url(file)
        if url is None or file.phantom:
            told = f"# File {file.uuid!r}, version {file.version!r} is currently not available"
            lines += [f"{told} in catalog {listing.catalog!r}.", ""]
            continue
        name = file.name.replace("\\", "\\\\").replace('"', '\\"')
        lines += [f'url="{url}"', f'output="{project.bundle(file.sample)}/{name}"', ""]
    return "\n".join(lines).encode()


def verbatim(listing: Listing) -> bytes:
    """Metadata as stored in the repository, one entity per line."""
    entities = listing.shape.replicas(listing)
    return "".join(json.dumps({"type": table, "value": facts}) + "\n" for table, _, facts in entities).encode()
