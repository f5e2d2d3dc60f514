"""Programs that upload odd names with a client, and download them again; run by the client's own Python.

``python s3_clients.py CLIENT ENDPOINT FROM TO``: each file of the folder FROM goes to ``s3://odd/CLIENT/NAME`` and
comes back as TO/NAME. The names in a listing are printed as JSON.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit

KEY, SECRET = os.environ["AWS_ACCESS_KEY_ID"], os.environ["AWS_SECRET_ACCESS_KEY"]
BIN = Path(sys.executable).parent


def run(*words: object) -> None:
    subprocess.run([str(word) for word in words], check=True, stdout=subprocess.DEVNULL)


def aws(endpoint: str, source: Path, target: Path) -> None:
    s3 = [BIN / "aws", "--endpoint-url", endpoint, "s3", "cp", "--recursive", "--only-show-errors"]
    run(*s3, source, "s3://odd/aws/")
    run(*s3, "s3://odd/aws/", target)


def rclone(endpoint: str, source: Path, target: Path) -> None:
    remote = f":s3,provider=Other,env_auth=true,endpoint='{endpoint}':odd/rclone"
    copy = [BIN / "rclone", "copy", "--config", "", "--retries", "1", "--no-unicode-normalization"]
    run(*copy, source, remote)
    run(*copy, remote, target)


def s5cmd(endpoint: str, source: Path, target: Path) -> None:
    copy = [BIN / "s5cmd", "--endpoint-url", endpoint, "cp"]
    run(*copy, f"{source}/", "s3://odd/s5cmd/")
    run(*copy, "s3://odd/s5cmd/*", f"{target}/")


def minio(endpoint: str, source: Path, target: Path) -> list[str]:
    from minio import Minio

    client = Minio(urlsplit(endpoint).netloc, access_key=KEY, secret_key=SECRET, secure=False)
    for path in source.iterdir():
        client.fput_object("odd", f"minio/{path.name}", str(path))
    for path in source.iterdir():
        client.fget_object("odd", f"minio/{path.name}", str(target / path.name))
    return [found.object_name for found in client.list_objects("odd", prefix="minio/")]


def s3fs(endpoint: str, source: Path, target: Path) -> list[str]:
    from s3fs import S3FileSystem

    files = S3FileSystem(key=KEY, secret=SECRET, client_kwargs={"endpoint_url": endpoint, "region_name": "us-east-1"})
    for path in source.iterdir():
        files.pipe_file(f"odd/s3fs/{path.name}", path.read_bytes())
    for path in source.iterdir():
        (target / path.name).write_bytes(files.cat_file(f"odd/s3fs/{path.name}"))
    return [name.removeprefix("odd/") for name in files.ls("odd/s3fs", detail=False)]


def obstore(endpoint: str, source: Path, target: Path) -> list[str]:
    from obstore.store import S3Store

    store = S3Store(
        "odd", endpoint=endpoint, region="us-east-1", access_key_id=KEY, secret_access_key=SECRET,
        client_options={"allow_http": True},
    )  # fmt: skip
    for path in source.iterdir():
        store.put(f"obstore/{path.name}", path)
    for path in source.iterdir():
        (target / path.name).write_bytes(bytes(store.get(f"obstore/{path.name}").bytes()))
    return [found["path"] for page in store.list("obstore") for found in page]


if __name__ == "__main__":
    client, endpoint, source, target = sys.argv[1:]
    print(json.dumps(globals()[client](endpoint, Path(source), Path(target))))
