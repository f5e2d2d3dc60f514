"""Runs a script under hca 7.0.1 (Python 3.8) against a deployment on loopback; used by tests.

It changes nothing in hca 7 but the scheme of the service's URLs, which that version cannot configure, and S3 Transfer
Acceleration, which stores on loopback lack. The arguments are a script and its arguments; or ``-`` and
a command line.
"""

import runpy
import sys

from hca.util import SwaggerClient

SwaggerClient.scheme = "http"

import boto3.session  # noqa: E402

_resource = boto3.session.Session.resource


def resource(self, *args, config=None, **kwargs):
    if config is not None and (config.s3 or {}).get("use_accelerate_endpoint"):
        config = None
    return _resource(self, *args, config=config, **kwargs)


boto3.session.Session.resource = resource

script, arguments = sys.argv[1], sys.argv[2:]
if script == "-":
    from hca.cli import main

    sys.argv = ["hca", *arguments]
    main()
else:
    sys.argv = [script, *arguments]
    runpy.run_path(script, run_name="__main__")
