"""Verifies files by the ETags of stored objects. The service publishes no checksums."""

from __future__ import annotations

import re
import threading
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hca_base.http import Session
    from hca_base.transfer import Row

_ETAG = re.compile(r"[0-9a-f]{32}(-[0-9]{1,5})?")


class Etags:
    """The ETags of the files of one download.

    The ETag of an object that was uploaded in one piece, without a KMS key, is the MD5 of its bytes. The ETag of a
    multipart object depends on the part size, which is unknown: common part sizes are tried,
    and if none of them matches, only the file's size is verified.
    """

    def __init__(self, session: Session) -> None:
        self.session = session
        self._of_parts: dict[str, str] = {}
        self._with_md5: set[str] = set()
        self._rows: list[Row] = []
        self._verified = 0
        self._by_size: list[str] = []
        self._lock = threading.Lock()

    def checksums(self, name: str, url: str) -> dict[str, str]:
        """Return a file's checksums for the transfer engine: the MD5 from the object's ETag, or none."""
        from hca_base.errors import HCAError

        try:
            answer = self.session.call("HEAD", url, auth="no", raise_for_status=False)
        except HCAError:
            # The download itself will report the error.
            return {}
        tag = answer.headers.get("ETag", "").strip('"').lower()
        encrypted = "kms" in answer.headers.get("x-amz-server-side-encryption", "")
        if answer.status_code != 200 or encrypted or not _ETAG.fullmatch(tag):
            return {}
        with self._lock:
            if "-" in tag:
                self._of_parts[name] = tag
                return {}
            self._with_md5.add(name)
        return {"md5": tag}

    def add(self, item: Any, row: Row) -> None:
        """Add the outcome of a file."""
        if row.good:
            self._rows.append(row)

    def compare(self) -> None:
        """Compare the files of multipart objects once they are complete."""
        from hca_base.transfer import matches_etag

        for row in self._rows:
            tag = self._of_parts.get(row.name)
            if row.name in self._with_md5 or (tag is not None and matches_etag(row.path, tag)):
                self._verified += 1
            else:
                self._by_size.append(row.name)
        self._rows.clear()

    def summary(self) -> str:
        """Report how the files were verified."""
        from hca_base.output import counted

        told = [f"{counted(self._verified, 'file')} verified by ETag"] if self._verified else []
        if self._by_size:
            more = len(self._by_size) - 3
            shown = ", ".join(self._by_size[:3]) + (f" and {more:,} more" if more > 0 else "")
            told.append(f"{counted(len(self._by_size), 'file')} by size alone: {shown}")
        return f"CELLxGENE publishes no checksums: {'; '.join(told) or 'no file was verified'}"
