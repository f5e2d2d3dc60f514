"""Runs hca 7.0.1 against plain http; for its own Python (3.8)."""

import os
import sys

import hca.util
from hca.cli import main
from hca.config import get_config

hca.util.SwaggerClient.scheme = "http"
config = get_config()
config["DSSClient"].swagger_url = os.environ["HCA_BENCH_URL"]

if __name__ == "__main__":
    sys.argv[0] = "hca"
    main()
