"""Runs hca 7.0.1 (Python 3.8) against a DSS on loopback; used by a test.

It changes nothing in hca 7 but the scheme of the service's URLs, which that version cannot configure. The first
argument is a JSON file with ``swagger_url``, ``token``, ``bucket``, ``source`` (a directory), ``work`` (an empty one)
and ``collection`` (a UUID); the results are printed as one JSON object.
"""

# Python 3.8: newer annotation syntax is not available.
import json
import os
import sys
import time
from pathlib import Path


def main(path):
    setup = json.loads(Path(path).read_text())
    os.chdir(setup["work"])
    from hca.util import SwaggerClient

    SwaggerClient.scheme = "http"
    import hca

    config = hca.get_config()
    config.DSSClient = {"swagger_url": setup["swagger_url"]}
    client_settings = {"client_id": "x", "client_secret": "x", "token_uri": "http://127.0.0.1:9/token"}
    config.application_secrets = {"installed": client_settings}
    config.oauth2_token = {
        "access_token": setup["token"],
        "refresh_token": None,
        "id_token": None,
        "expires_at": time.time() + 86400,
        "token_type": "Bearer",
    }
    from hca.dss import DSSClient

    dss = DSSClient()
    results = {"methods": sorted(dss.methods)}

    upload = dss.upload(src_dir=setup["source"], replica="aws", staging_bucket=setup["bucket"], no_progress=True)
    results["upload"] = upload
    bundle, version = upload["bundle_uuid"], upload["version"]

    dss.download(bundle, "aws", download_dir="whole")
    dss.download(bundle, "aws", version=version, download_dir="metadata", no_data=True)

    listed = dss.get_bundle(uuid=bundle, replica="aws")["bundle"]["files"]
    results["bundle"] = listed
    names = ["bundle_uuid", "bundle_version", "file_name", "file_uuid", "file_version", "file_sha256", "file_size"]
    rows = [names]
    for each in listed:
        if each["size"]:  # hca 7 fails on empty files
            rows.append([bundle, version] + [str(each[key]) for key in ("name", "uuid", "version", "sha256", "size")])
    Path("list.tsv").write_text("".join("\t".join(row) + "\n" for row in rows))
    dss.download_manifest("list.tsv", "aws", layout="none", download_dir="none")
    results["copy"] = Path("list.tsv").read_bytes().decode()
    dss.download_manifest("list.tsv", "aws", layout="bundle", download_dir="layout")

    made = {"name": "n", "description": "d", "details": {}, "contents": []}
    made["contents"].append({"type": "bundle", "uuid": bundle, "version": version})
    collection = dss.put_collection(replica="aws", uuid=setup["collection"], version=version, **made)
    dss.download_collection(collection["uuid"], "aws", download_dir="collection")
    results["collections"] = dss.get_collections()
    dss.patch_collection(uuid=collection["uuid"], replica="aws", version=version, name="other")
    results["collection"] = dss.get_collection(uuid=collection["uuid"], replica="aws")
    dss.delete_collection(uuid=collection["uuid"], replica="aws")

    query = {"query": {"match": {"files.donor_organism_json.sex": "female"}}}
    results["search"] = [each["bundle_fqid"] for each in dss.post_search.iterate(es_query=query, replica="aws")]
    results["all"] = [each["uuid"] for each in dss.get_bundles_all.iterate(replica="aws", per_page=10)]

    subscription = dss.put_subscription(replica="aws", callback_url="http://127.0.0.1:9/", method="PUT")
    results["subscription"] = dss.get_subscription(uuid=subscription["uuid"], replica="aws")
    results["subscriptions"] = dss.get_subscriptions(replica="aws")
    dss.delete_subscription(uuid=subscription["uuid"], replica="aws")

    a_file = next(each for each in listed if each["name"].endswith(".gz"))
    with dss.get_file.stream(uuid=a_file["uuid"], replica="aws") as response:
        results["streamed"] = len(response.raw.read())
    results["head"] = dict(dss.head_file(uuid=a_file["uuid"], replica="aws").headers)
    results["checkout"] = dss.post_bundles_checkout(uuid=bundle, replica="aws")
    removed = {key: a_file[key] for key in ("name", "uuid", "version", "indexed")}
    results["patch"] = dss.patch_bundle(uuid=bundle, replica="aws", version=version, remove_files=[removed])
    try:
        dss.get_bundle(uuid=setup["collection"], replica="aws")
    except Exception as error:
        results["missing"] = [type(error).__name__, error.code, error.reason]
    print(json.dumps(results))


if __name__ == "__main__":
    main(sys.argv[1])
