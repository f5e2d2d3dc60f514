"""Uploads by different means: ``uploads.py MEANS LIST ENDPOINT``. Runs on Python 3.8 too, for hca 7.0.1."""

# ruff: noqa: B905, PTH123, SIM115, UP031 - they ask for what Python 3.8 does not know.

import json
import sys

TAGS = ["sha1", "sha256", "crc32c", "s3_etag"]


def ours(paths, endpoint):
    from hca_base.transfer import S3Credentials, S3Target, UploadItem, upload

    target = S3Target("null", endpoint_url=endpoint, credentials=S3Credentials("a", "b"))
    tags = {f"hca-dss-{name}": f"{{{name}}}" for name in TAGS}
    report = upload((UploadItem(path, path.rpartition("/")[2], tags=tags) for path in paths), target)
    report.raise_for_failures("uploaded")


def client(endpoint):
    import boto3
    from botocore.config import Config

    return boto3.client("s3", endpoint_url=endpoint, config=Config(max_pool_connections=16))


def with_boto3(paths, endpoint, checksums_first):
    """boto3's own managed upload in a thread pool; with the four checksums before it, as they must be somewhere."""
    from concurrent.futures import ThreadPoolExecutor

    from boto3.s3.transfer import TransferConfig

    s3 = client(endpoint)
    config = TransferConfig(multipart_threshold=64 << 20, multipart_chunksize=64 << 20)

    def one(path):
        extra = {}
        if checksums_first:
            import hashlib

            import google_crc32c

            md5, sha1, sha256, crc = hashlib.md5(), hashlib.sha1(), hashlib.sha256(), 0
            with open(path, "rb") as stream:
                while data := stream.read(1 << 20):
                    for value in (md5, sha1, sha256):
                        value.update(data)
                    crc = google_crc32c.extend(crc, data)
            told = (sha1.hexdigest(), sha256.hexdigest(), "%08x" % crc, md5.hexdigest())
            extra = {"Tagging": "&".join("hca-dss-%s=%s" % pair for pair in zip(TAGS, told))}
        with open(path, "rb") as stream:
            s3.upload_fileobj(stream, "null", path.rpartition("/")[2], Config=config, ExtraArgs=extra)

    with ThreadPoolExecutor(16) as pool:
        list(pool.map(one, paths))


def hca7(paths, endpoint):
    import boto3

    real = boto3.resource
    boto3.resource = lambda name, **more: real(name, **{**more, "endpoint_url": endpoint})
    real_client = boto3.client
    boto3.client = lambda name, **more: real_client(name, **{**more, "endpoint_url": endpoint})
    from hca.dss.upload_to_cloud import upload_to_cloud

    files = [open(path, "rb") for path in paths]
    upload_to_cloud(files, staging_bucket="null", replica="aws", from_cloud=False, log_progress=False)


if __name__ == "__main__":
    means, listed, endpoint = sys.argv[1:4]
    with open(listed, encoding="utf-8") as stream:
        paths = json.load(stream)
    if means == "ours":
        ours(paths, endpoint)
    elif means == "hca7":
        hca7(paths, endpoint)
    else:
        with_boto3(paths, endpoint, means == "two-pass")
