"""Create files under their final names: written, linked or copied, always atomically."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path
from typing import Any

from hca_base.errors import RefusedError
from hca_base.transfer._checksums import digest_file
from hca_base.transfer._store._disk import NO_LINK, copy_file, move_new, same_file, sync_directory, write_all
from hca_base.transfer._store._mark import stamp_mtime, stamp_new
from hca_base.transfer._store._staging import StagingArea


def write_new(
    path: str,
    data: Any,
    staging: StagingArea,
    *,
    fsync: bool = False,
    dir_fd: int | None = None,
    sha256: str | None = None,
) -> bool:
    """Create the file ``path`` with ``data`` atomically; return False if the name is taken (that file stays).

    On Linux the file has no name before it is complete (``O_TMPFILE``), so even a killed process leaves no file
    behind; elsewhere it is written to the staging directory and moved.

    :param sha256: mark it as a stored file
    """
    fd = staging.unnamed()
    if fd is not None:
        try:
            write_all(fd, data)
            if sha256 and staging.fractions:
                stamp_new(fd, sha256)
            elif sha256:
                staging.fractions = stamp_mtime(fd, sha256)
            if fsync:
                os.fsync(fd)
            # Link the open file itself; passing a source descriptor makes Python call linkat(2), which can follow
            # the link in /proc (open(2), O_TMPFILE).
            os.link(f"/proc/self/fd/{fd}", path, src_dir_fd=fd, dst_dir_fd=dir_fd, follow_symlinks=True)
            if fsync:
                sync_directory(path, dir_fd)
            return True
        except FileExistsError:
            return False
        finally:
            os.close(fd)
    temporary = staging.temporary()
    try:
        fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o666)
        try:
            write_all(fd, data)
            if fsync:
                os.fsync(fd)
        finally:
            os.close(fd)
        if sha256:
            stamp_mtime(temporary, sha256)
        made = move_new(temporary, path, dir_fd=dir_fd)
        if fsync:
            sync_directory(path, dir_fd)
        return made
    finally:
        Path(temporary).unlink(missing_ok=True)


def link_or_copy(
    source: str, leaf: str, *, how: str, staging: StagingArea, dir_fd: int | None = None, sha256: str | None = None
) -> None:
    """Link or copy the stored file ``source`` to ``leaf`` (relative to ``dir_fd``, if given).

    :param how: hard, copy or symlink
    :raises RefusedError: a file with other content has that name
    :raises OSError: the link or copy failed
    """
    try:
        if how == "symlink":
            os.symlink(os.path.abspath(source), leaf, dir_fd=dir_fd)
            return
        if how == "hard":
            try:
                os.link(source, leaf, dst_dir_fd=dir_fd)
                return
            except FileExistsError:
                raise
            except OSError as error:
                if error.errno not in NO_LINK:
                    raise
        if copy_into(source, leaf, staging, dir_fd=dir_fd):
            return
        raise FileExistsError
    except FileExistsError:
        if not _same_content(source, leaf, dir_fd, sha256 or os.path.basename(source)):
            raise RefusedError(
                f"{leaf} already exists with different content; it was not changed",
                hint="move it, or download to another directory",
            ) from None


def _same_content(source: str, leaf: str, dir_fd: int | None, sha256: str) -> bool:
    there = os.stat(leaf, dir_fd=dir_fd, follow_symlinks=False)
    if stat.S_ISLNK(there.st_mode):
        return os.readlink(leaf, dir_fd=dir_fd) in (source, os.path.abspath(source))
    ours = os.stat(source)
    if same_file(there, ours):
        return True
    if not stat.S_ISREG(there.st_mode) or there.st_size != ours.st_size:
        return False
    digests, _ = digest_file(leaf, ("sha256",), dir_fd)
    return digests["sha256"] == sha256


def copy_into(source: str, leaf: str, staging: StagingArea, *, dir_fd: int | None = None) -> bool:
    """Copy a file to a new name atomically; return False if the name is taken."""
    temporary = staging.temporary()
    try:
        copy_file(source, temporary)
        try:
            return move_new(temporary, leaf, dir_fd=dir_fd)
        except OSError as error:
            if error.errno != errno.EXDEV:
                raise
    finally:
        Path(temporary).unlink(missing_ok=True)
    # The target is on another disk than the staging directory, so copy it next to its final name.
    beside = f".hca-copy-{os.getpid()}-{staging.number()}"
    if dir_fd is None:
        beside = os.path.join(os.path.dirname(leaf), beside)
    try:
        copy_file(source, beside, dir_fd)
        try:
            os.stat(leaf, dir_fd=dir_fd, follow_symlinks=False)
            return False
        except FileNotFoundError:
            os.replace(beside, leaf, src_dir_fd=dir_fd, dst_dir_fd=dir_fd)
            return True
    finally:
        try:
            os.unlink(beside, dir_fd=dir_fd)
        except FileNotFoundError:
            pass
