"""Which files an upload is about, and what they are called in the area."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from hca_base.errors import ExitCode, UsageError

from .api import RESERVED_NAMES
from .errors import UploadException


@dataclass(frozen=True)
class SourceFile:
    """A file to upload.

    :ivar path: as the user named it, or found below a directory; ``s3://BUCKET/KEY`` for an object
    :ivar name: in the area
    :ivar size: bytes
    """

    path: str
    name: str
    size: int

    @property
    def remote(self) -> bool:
        """It is an object of a bucket."""
        return self.path.startswith("s3://")


def find_files(
    paths: Iterable[str | os.PathLike[str]],
    *,
    target_filename: str | None = None,
    file_extension: str | None = None,
    keep_paths: bool = False,
    config: object = None,
) -> list[SourceFile]:
    """The files below the given paths.

    :param keep_paths: name them by their paths below the directory, and not by their last part alone
    :raises UsageError: the options do not fit each other
    :raises UploadException: a path does not exist, or two files would get one name in the area
    """
    given = [os.fspath(path) for path in paths]
    local = [path for path in given if not path.startswith("s3://")]
    for path in local:
        if not os.path.lexists(path):
            raise UploadException(f"{path} does not exist", exit_code=ExitCode.NOT_FOUND)
    if target_filename and (len(given) != 1 or Path(given[0]).is_dir()):
        raise UsageError("--target-filename option may only be used when one file is being uploaded.")
    if file_extension and any(not Path(path).is_dir() for path in given):
        raise UsageError("--file-extension can only be used when paths targeted for upload are directories")
    found: list[SourceFile] = []
    for path in given:
        if path.startswith("s3://"):
            found += _objects(path, keep_paths, config)
        else:
            found += _local(path, file_extension, keep_paths)
    if target_filename:
        if len(found) != 1:
            raise UsageError("--target-filename option may only be used when one file is being uploaded.")
        found = [SourceFile(found[0].path, target_filename, found[0].size)]
    _check_names(found)
    return found


def _local(path: str, extension: str | None, keep_paths: bool) -> list[SourceFile]:
    root = Path(path)
    if not root.is_dir():
        if not root.is_file():
            raise UploadException(f"{path} is not a file")
        return [SourceFile(path, root.name, root.stat().st_size)]

    def failed(error: OSError) -> None:
        raise UploadException(f"{error.filename} cannot be read: {error.strerror}")

    found = []
    for folder, folders, names in os.walk(path, onerror=failed):
        folders.sort()
        for name in sorted(names):
            place = Path(folder, name)
            if extension and not name.endswith(extension):
                continue
            if not place.is_file():
                # A socket, a pipe, or a link that leads nowhere: leaving it out in silence would lose it.
                raise UploadException(f"{place} is not a file")
            inner = place.relative_to(root).as_posix() if keep_paths else name
            found.append(SourceFile(str(place), inner, place.stat().st_size))
    return found


def _objects(uri: str, keep_paths: bool, config: object) -> list[SourceFile]:
    from .bucket import s3_client, telling

    if config is None:
        from hca_base.config import load

        config = load()
    bucket, _, prefix = uri.removeprefix("s3://").partition("/")
    found = []
    with telling(f"cannot list {uri}"):
        client = s3_client(config)
        for page in client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
            for entry in page.get("Contents", ()):
                key = entry["Key"]
                if key.endswith("/"):
                    # What some tools make to show a folder.
                    continue
                base = prefix if prefix.endswith("/") else prefix.rpartition("/")[0]
                inner = key.removeprefix(base).lstrip("/") if keep_paths else key.rpartition("/")[2]
                found.append(SourceFile(f"s3://{bucket}/{key}", inner, entry["Size"]))
    if not found:
        raise UploadException(f"there is nothing at {uri}", exit_code=ExitCode.NOT_FOUND)
    return found


def _check_names(files: list[SourceFile]) -> None:
    by_name: dict[str, str] = {}
    for file in files:
        other = by_name.setdefault(file.name, file.path)
        if other != file.path:
            raise UploadException(
                f"{other} and {file.path} would both be {file.name!r} in the area, and one would be lost",
                exit_code=ExitCode.REFUSED,
                hint="upload them in two runs with --target-filename, or rename one",
            )
        if file.name in RESERVED_NAMES or file.name in ("", ".", ".."):
            raise UploadException(
                f"{file.path}: the service cannot have a file called {file.name!r}",
                exit_code=ExitCode.REFUSED,
                hint="rename it, or give --target-filename",
            )
        try:
            file.name.encode()
        except UnicodeEncodeError:
            raise UploadException(
                f"{file.path!r}: the name is not text in UTF-8", exit_code=ExitCode.REFUSED, hint="rename it"
            ) from None
