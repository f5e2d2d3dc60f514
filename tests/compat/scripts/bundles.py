# ruff: noqa: F841, PTH113, PTH118, PTH123, PTH202, UP032
# A script in the style of hca 7 users. It runs under hca 7.0.1 and under this version, and must not need a change.
import hashlib
import json
import os
import sys
import uuid

import hca
from hca.dss import DSSClient
from hca.util import tsv
from hca.util.exceptions import SwaggerAPIException

results = {}
source = sys.argv[1]
dss = DSSClient()

upload = dss.upload(src_dir=source, replica="aws", staging_bucket="dss-staging", no_progress=True)
results["upload"] = sorted(upload), sorted(each["name"] for each in upload["files"]), sorted(upload["files"][0])
bundle, version = upload["bundle_uuid"], upload["version"]

listed = dss.get_bundle(uuid=bundle, replica="aws")
results["bundle"] = (
    sorted(listed["bundle"]),
    sorted(
        (each["name"], each["size"], each["sha256"], each["content-type"], each["indexed"])
        for each in listed["bundle"]["files"]
    ),
)
files = {each["name"]: each for each in listed["bundle"]["files"]}
results["iterate files"] = sorted(
    each["name"] for each in dss.get_bundle.iterate(uuid=bundle, replica="aws", version=version)
)

found = dss.post_search(es_query={}, replica="aws", per_page=10)
results["search"] = sorted(found)
query = {"query": {"bool": {"must": [{"match": {"files.donor_organism_json.sex": "female"}}]}}}
hits = [hit["bundle_fqid"] for hit in dss.post_search.iterate(es_query=query, replica="aws")]
results["iterate"] = "{}.{}".format(bundle, version) in hits
results["everything"] = sum(1 for _ in dss.post_search.iterate(es_query={}, replica="aws"))
results["pages"] = [sorted(page) for page in dss.get_bundles_all.paginate(replica="aws", per_page=10)]
results["all"] = bundle in [each["uuid"] for each in dss.get_bundles_all.iterate(replica="aws", per_page=10)]

reads = files["reads_R1.fastq.gz"]
with dss.get_file.stream(uuid=reads["uuid"], replica="aws") as response:
    content = response.raw.read()
    results["stream"] = response.status_code, len(content), hashlib.sha256(content).hexdigest() == reads["sha256"]
results["whole"] = len(dss.get_file(uuid=reads["uuid"], replica="aws"))
results["json file"] = dss.get_file(uuid=files["donor_organism_0.json"]["uuid"], replica="aws", version=version)
head = dss.head_file(uuid=reads["uuid"], replica="aws")
results["head"] = head.status_code, head.headers["X-DSS-SHA256"] == reads["sha256"], head.headers["X-DSS-SIZE"]

dss.download(bundle_uuid=bundle, replica="aws", version=version, download_dir="whole")
dss.download(bundle, "aws", download_dir="some", metadata_filter=("links*",), data_filter=("*.gz",))
dss.download(bundle, "aws", download_dir="data", no_metadata=True)
try:
    dss.download(bundle, "aws", no_metadata=True, metadata_filter=("links*",))
except ValueError as error:
    results["both"] = "ValueError"

with open("list.tsv", "w", newline="") as stream:
    columns = ["bundle_uuid", "bundle_version", "file_name", "file_uuid", "file_version", "file_sha256", "file_size"]
    writer = tsv.DictWriter(stream, fieldnames=columns)
    writer.writeheader()
    for name in ("cells.csv", "reads_R1.fastq.gz"):
        row = {"bundle_uuid": bundle, "bundle_version": version}
        row.update({"file_" + key: files[name][key] for key in ("name", "uuid", "version", "sha256", "size")})
        writer.writerow(row)
dss.download_manifest(manifest="list.tsv", replica="aws", layout="none", download_dir="none")
with open("list.tsv") as stream:
    rows = list(tsv.DictReader(stream))
results["manifest"] = [sorted(row) for row in rows], [os.path.getsize(row["file_path"]) for row in rows]
dss.download_manifest("list.tsv", "aws", layout="bundle", download_dir="layout")

known = {each["sha256"] for each in files.values()}


def place(top, folder, name):
    # The bundle's manifest is in the store too, under a name that differs between runs.
    path = os.path.relpath(os.path.join(folder, name), top).replace("{}.{}".format(bundle, version), "BUNDLE")
    return path if name in known or not path.startswith(".hca") else ".hca/.../bundle.json"


results["folders"] = {
    # hca 9 keeps records next to the store, so that 'hca transfer gc' knows which files have no other name.
    top: sorted(
        place(top, folder, name) for folder, _, names in os.walk(top) for name in names if name != "references.jsonl"
    )
    for top in ("whole", "some", "data", "none", "layout")
}

contents = [{"type": "bundle", "uuid": bundle, "version": version}]
key = str(uuid.uuid4())
made = dss.put_collection(
    replica="aws", uuid=key, version=version, name="n", description="d", details={"a": [1]}, contents=contents
)
results["collection"] = made == {"uuid": key, "version": version}
dss.download_collection(uuid=key, replica="aws", download_dir="collection")
results["collected"] = os.path.isfile(os.path.join("collection", "{}.{}".format(bundle, version), "cells.csv"))
dss.patch_collection(uuid=key, replica="aws", version=version, name="other")
got = dss.get_collection(uuid=key, replica="aws")
results["patched"] = got["name"], got["details"], sorted(got)
results["collections"] = key in [each["uuid"] for each in dss.get_collections()["collections"]]
dss.delete_collection(uuid=key, replica="aws")

hook = dss.put_subscription(
    replica="aws", callback_url="http://127.0.0.1:9/", es_query={"query": {"match_all": {}}}, method="PUT"
)
results["subscription"] = sorted(hook)
results["subscribed"] = sorted(
    dss.get_subscription(uuid=hook["uuid"], replica="aws", subscription_type="elasticsearch")
)
subscriptions = dss.get_subscriptions(replica="aws", subscription_type="elasticsearch")["subscriptions"]
results["subscriptions"] = hook["uuid"] in [each["uuid"] for each in subscriptions]
gone = dss.delete_subscription(uuid=hook["uuid"], replica="aws", subscription_type="elasticsearch")
results["unsubscribed"] = sorted(gone)

results["checkout"] = sorted(dss.post_bundles_checkout(uuid=bundle, replica="aws"))

# A staged file registered again, and a bundle with it.
removed = {key: reads[key] for key in ("name", "uuid", "version", "indexed")}
patched = dss.patch_bundle(uuid=bundle, replica="aws", version=version, remove_files=[removed])
results["patch"] = patched["uuid"] == bundle, patched["version"] > version
one = dss.put_bundle(
    uuid=str(uuid.uuid4()), version=version, replica="aws", creator_uid=0, files=[dict(removed, indexed=False)]
)
results["put"] = sorted(one), one["version"] == version

try:
    dss.get_bundle(uuid=key, replica="aws")
except SwaggerAPIException as error:
    results["missing"] = error.code, error.reason, error.title, sorted(error.details), bool(error.stacktrace)
    results["response"] = error.response.status_code, error.response.json()["code"], str(error).splitlines()[0]
import requests  # noqa: E402

try:
    dss.delete_bundle(uuid=bundle, replica="aws", version=version, reason="because")
except requests.HTTPError as error:
    results["forbidden"] = error.code, isinstance(error, SwaggerAPIException), isinstance(error, IOError)

results["version"] = dss.create_version() is None
config = hca.get_config()
results["config"] = "DSSClient" in config, config.DSSClient.swagger_url == dss.swagger_url, config.get("no such")
own = hca.HCAConfig(save_on_exit=False)
own["DSSClient"].swagger_url = dss.swagger_url
other = DSSClient(config=own)
results["other"] = other.get_bundle(uuid=bundle, replica="aws", version=version)["bundle"]["uuid"] == bundle
results["host"] = dss.host == other.host, dss.host.rpartition("/")[2]
results["methods"] = sorted(dss.methods)
results["commands"] = sorted(command.__name__ for command in dss.commands)
print(json.dumps(results, sort_keys=True))
