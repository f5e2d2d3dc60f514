"""Downloads a manifest with hca 7.0.1, from a server on plain http: ``hca7.py MANIFEST DIRECTORY``; for Python 3.8.

Its library is called, not its command, which first asks a service on the internet for another document.
"""

import os
import sys

import hca.util
from hca.dss import DSSClient

hca.util.SwaggerClient.scheme = "http"

if __name__ == "__main__":
    manifest, directory = sys.argv[1:3]
    client = DSSClient(swagger_url=os.environ["HCA_BENCH_URL"])
    client.download_manifest(manifest=manifest, replica="aws", layout="none", download_dir=directory)
