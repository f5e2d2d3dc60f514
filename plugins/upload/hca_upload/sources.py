"""The files of an upload, and their names in the area."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from hca_base.errors import ExitCode, UsageError
from hca_base.output import warn
from hca_upload.api import RESERVED_NAMES
from hca_upload.errors import UploadException

if TYPE_CHECKING:
    from hca_base.config import Config

# S3's rules for bucket names; ARNs of access points are not checked here.
_BUCKET = re.compile(r"[A-Za-z0-9._-]{1,255}\Z|arn:")


@dataclass(frozen=True)
class SourceFile:
    """A file to upload.

    :ivar path: as given, or found below a directory; ``s3://BUCKET/KEY`` for an object
    :ivar name: in the area
    :ivar size: bytes
    :ivar etag: of an object: usually the MD5, or that of the parts' MD5s
    """

    path: str
    name: str
    size: int
    etag: str = ""

    @property
    def remote(self) -> bool:
        """Whether it is an object in a bucket."""
        return self.path.startswith("s3://")


def find_files(
    paths: Iterable[str | os.PathLike[str]],
    *,
    target_filename: str | None = None,
    file_extension: str | None = None,
    keep_paths: bool = False,
    config: Config | None = None,
) -> list[SourceFile]:
    """The files below the given paths.

    :param keep_paths: name files by their paths below the directory, not only by their last part
    :param config: configures the endpoint of ``s3://``; default: the user's
    :raises UsageError: the options conflict
    :raises UploadException: a path does not exist, or two files would have the same name in the area
    """
    given = [os.fspath(path) for path in paths]
    local = [path for path in given if not path.startswith("s3://")]
    for path in local:
        if not os.path.lexists(path):
            raise UploadException(f"{path or repr(path)} does not exist", exit_code=ExitCode.NOT_FOUND)
    if target_filename == "" or file_extension == "":
        raise UsageError(f"--{'file-extension' if file_extension == '' else 'target-filename'} must not be empty")
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
    if file_extension and not found:
        warn(f"no file with the suffix {file_extension!r} in {', '.join(given)}")
    if target_filename:
        if len(found) != 1:
            raise UsageError("--target-filename option may only be used when one file is being uploaded.")
        found = [replace(found[0], name=target_filename)]
    return _checked(found)


def _local(path: str, extension: str | None, keep_paths: bool) -> list[SourceFile]:
    root = Path(path)
    if not root.is_dir():
        return [SourceFile(path, root.name, _size(root))]

    def failed(error: OSError) -> None:
        raise UploadException(f"{error.filename} cannot be read: {error.strerror}")

    found = []
    for folder, folders, names in os.walk(path, onerror=failed):
        folders.sort()
        for name in folders:
            if Path(folder, name).is_symlink():
                warn(f"{Path(folder, name)} is a link to a directory, whose contents are skipped")
        for name in sorted(names):
            place = Path(folder, name)
            if extension and not name.endswith(extension):
                continue
            inner = place.relative_to(root).as_posix() if keep_paths else name
            found.append(SourceFile(str(place), inner, _size(place)))
    return found


def _size(place: Path) -> int:
    """The size of a regular file.

    :raises UploadException: not a regular file: a socket, a pipe, or a broken link; skipping it silently would
        lose it
    """
    try:
        if not place.is_file():
            raise UploadException(f"{place} is not a file")
        return place.stat().st_size
    except OSError as error:
        raise UploadException(f"{place} cannot be read: {error.strerror}") from None


def _objects(uri: str, keep_paths: bool, config: Config | None) -> list[SourceFile]:
    from hca_upload.bucket import source_client, telling

    if config is None:
        from hca_base.config import load

        config = load()
    bucket, _, prefix = uri.removeprefix("s3://").partition("/")
    if not _BUCKET.match(bucket):
        raise UsageError(f"{uri!r} is not a place in a bucket", hint="s3://BUCKET/PREFIX is")
    base = prefix if prefix.endswith("/") else prefix.rpartition("/")[0]
    found = []
    with telling(f"cannot list {uri}"):
        for page in source_client(config).get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
            for entry in page.get("Contents", ()):
                key = entry["Key"]
                if key.endswith("/"):
                    # Some tools create such an object to show a folder.
                    continue
                inner = key.removeprefix(base).lstrip("/") if keep_paths else key.rpartition("/")[2]
                found.append(SourceFile(f"s3://{bucket}/{key}", inner, entry["Size"], entry["ETag"].strip('"')))
    if not found:
        raise UploadException(f"nothing exists at {uri}", exit_code=ExitCode.NOT_FOUND)
    return found


def _checked(files: list[SourceFile]) -> list[SourceFile]:
    """The files, without duplicates.

    :raises UploadException: two of them would have the same name, or a name is invalid
    """
    by_name: dict[str, SourceFile] = {}
    for file in files:
        other = by_name.setdefault(file.name, file)
        if other is not file and not _same_file(other, file):
            raise UploadException(
                f"{other.path} and {file.path} would both be named {file.name!r} in the area",
                exit_code=ExitCode.REFUSED,
                hint="upload them in two runs with --target-filename, or rename one",
            )
        check_name(file.name, file.path)
    return list(by_name.values())


def _same_file(one: SourceFile, other: SourceFile) -> bool:
    """Whether a file was named twice (``reads`` and ``reads/R1.fastq.gz``)."""
    if one.remote or other.remote:
        return one.path == other.path
    return os.path.realpath(one.path) == os.path.realpath(other.path)


def check_name(name: str, path: str) -> None:
    """Check that the service supports a file name.

    :param path: the file's path, for the message
    :raises UploadException: the name is invalid
    """
    # A client or proxy would normalize "." and ".." in the URL.
    if name in RESERVED_NAMES or any(part in ("", ".", "..") for part in name.split("/")):
        raise UploadException(
            f"{path}: the service does not support the file name {name!r}",
            exit_code=ExitCode.REFUSED,
            hint="rename it, or pass --target-filename",
        )
    try:
        name.encode()
    except UnicodeEncodeError:
        raise UploadException(
            f"{path!r}: the name is not valid UTF-8", exit_code=ExitCode.REFUSED, hint="rename it"
        ) from None
