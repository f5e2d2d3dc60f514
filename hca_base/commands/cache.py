"""``hca cache``: cached documents and plugin lists."""

from __future__ import annotations

import argparse
import datetime
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from hca_base.commands._bases._base import Command, Lister
from hca_base.config import paths
from hca_base.errors import HCAError


def _files() -> Iterator[Path]:
    folder = paths.cache_dir()
    if folder.is_dir():
        yield from sorted(path for path in folder.rglob("*") if path.is_file())


class CacheList(Lister):
    """List what is cached."""

    example = "cache list"

    def take_action(self, parsed_args: argparse.Namespace) -> Any:
        rows = []
        for path in _files():
            try:
                status = path.stat()
            except OSError:
                continue
            when = datetime.datetime.fromtimestamp(status.st_mtime, datetime.UTC).isoformat(timespec="seconds")
            rows.append((path.relative_to(paths.cache_dir()).as_posix(), status.st_size, when))
        return ["name", "bytes", "changed"], rows


class CacheClear(Command):
    """Delete cached documents and plugin lists.

    hca fetches cached documents again when it needs them. Downloaded files are not affected.
    """

    example = "cache clear"

    def take_action(self, parsed_args: argparse.Namespace) -> None:
        folder = paths.cache_dir()
        count = sum(1 for _ in _files())
        if folder.is_dir():
            try:
                for path in folder.iterdir():
                    if path.is_dir() and not path.is_symlink():
                        shutil.rmtree(path)
                    else:
                        path.unlink(missing_ok=True)
            except OSError as error:
                raise HCAError(f"{error.filename} cannot be deleted: {error.strerror}") from None
        self.note(f"{count} file{'' if count == 1 else 's'} deleted from {folder}")


class CacheClearOld(CacheClear):
    """Delete cached documents (as in hca 7)."""

    example = "clear-hca-cache"
