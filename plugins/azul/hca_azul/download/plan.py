"""The plan of a download: the name of each file, and how name collisions are resolved.

It is stored in a temporary file, so that selections of a million files need no more memory than small ones.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from hca_azul.download.naming import Template, folded, marked
from hca_azul.lists.entries import Entry
from hca_base.errors import HCAError, RefusedError
from hca_base.output import counted

Review = Callable[[], Callable[[Entry], Entry] | None]
POLICIES = ("error", "error-if-different", "take-first", "take-last", "rename")


class Planned(NamedTuple):
    """A file and its name."""

    number: int
    path: str
    entry: Entry


class LeftOut(NamedTuple):
    """A file that gets no name of its own.

    :ivar kept: the number of the file that has its name
    :ivar same: that file has the same content
    """

    number: int
    path: str
    kept: int
    same: bool


class Totals(NamedTuple):
    """Number of files and bytes; ``unsized`` of them have an unknown size."""

    files: int
    bytes: int
    unsized: int = 0


class Plan:
    """Files with their names.

    :param template: for names
    :param policy: for files with the same name: see :data:`POLICIES`
    :param native: names that differ in case or Unicode form are different names
    """

    def __init__(self, template: Template, policy: str = "rename", *, native: bool = False) -> None:
        self.template = template
        self.policy = policy
        self._fold = str if native else folded
        # An empty name is a private database that SQLite keeps on disk and deletes itself.
        self._db = sqlite3.connect("", isolation_level=None, check_same_thread=False)
        self._db.execute("PRAGMA journal_mode=OFF")
        self._db.execute("PRAGMA cache_size=-8192")
        self._db.execute(
            "CREATE TABLE files (n INTEGER PRIMARY KEY, path TEXT, folded TEXT, identity TEXT, uuid TEXT, "
            "size INTEGER, missing TEXT, left_out INTEGER DEFAULT 0, kept INTEGER, entry TEXT)"
        )
        self.renamed = 0
        self.left_out = 0

    def close(self) -> None:
        """Delete the plan."""
        self._db.close()

    def fill(self, entries: Iterable[Entry], review: Review | None = None) -> None:
        """Add files, and assign the names.

        :param review: called after all files were added; returns for each why it is unavailable
        :raises RefusedError: two files have the same name, and the policy forbids that
        """
        self._db.execute("BEGIN")
        try:
            self._db.executemany(
                "INSERT INTO files (path, folded, identity, uuid, size, missing, entry) VALUES (?, ?, ?, ?, ?, ?, ?)",
                (self._row(entry) for entry in entries),
            )
        except sqlite3.Error as error:
            raise HCAError(f"the list of files cannot be stored: {error}") from None
        finally:
            self._db.execute("COMMIT")
        self._db.execute("CREATE INDEX folded ON files (folded)")
        reviewed = review() if review is not None else None
        if reviewed is not None:
            self._revise(reviewed)
        self._settle()

    def _revise(self, reviewed: Callable[[Entry], Entry]) -> None:
        """Replace files by the result of a second lookup."""
        last = 0
        while rows := self._db.execute(
            "SELECT n, entry FROM files WHERE n > ? ORDER BY n LIMIT 1000", (last,)
        ).fetchall():
            entries = [(number, Entry(*json.loads(told))) for number, told in rows]
            changed = [(number, new) for number, entry in entries if (new := reviewed(entry)) is not entry]
            self._db.executemany(
                "UPDATE files SET missing = ?, entry = ? WHERE n = ?",
                [(_storable(new.missing), json.dumps(new), number) for number, new in changed],
            )
            last = rows[-1][0]

    def _row(self, entry: Entry) -> tuple[object, ...]:
        path = self.template.name(entry)
        told = json.dumps(entry)
        texts = [_storable(text) for text in (path, self._fold(path), entry.identity, entry.uuid)]
        return *texts, entry.size, _storable(entry.missing), told

    def _settle(self) -> None:
        shared = self._db.execute(
            "SELECT folded, COUNT(DISTINCT identity), COUNT(*) FROM files WHERE missing = '' GROUP BY folded "
            "HAVING COUNT(*) > 1 ORDER BY MIN(n)"
        ).fetchall()
        different = [form for form, identities, _ in shared if identities > 1]
        if self.policy == "error" and shared:
            raise self._refusal([form for form, _, _ in shared], "one name")
        if self.policy == "error-if-different" and different:
            raise self._refusal(different, "one name and different content")
        self._db.execute("BEGIN")
        for form, identities, _ in shared:
            rows = self._db.execute(
                "SELECT n, path, identity, uuid FROM files WHERE folded = ? AND missing = '' ORDER BY n", (form,)
            ).fetchall()
            if identities > 1 and self.policy == "rename":
                self._rename(rows)
            elif identities > 1:
                kept = rows[0] if self.policy == "take-first" else rows[-1]
                self._leave_out([row[0] for row in rows if row[0] != kept[0]], kept[0])
            else:
                # The same file listed several times, for example in several bundles.
                self._leave_out([row[0] for row in rows[1:]], rows[0][0], count=False)
        self._db.execute("COMMIT")

    def _rename(self, stored: list[tuple[int, str, str, str]]) -> None:
        """Mark each with a prefix of its UUID, or all of it: names do not depend on the order of the list."""
        rows = [(number, _restored(path), _restored(same), _restored(uuid)) for number, path, same, uuid in stored]
        first = {row[2]: row for row in reversed(rows)}
        short = {row[3][:8] for row in first.values()}
        for number, path, identity, uuid in rows:
            if first[identity][0] != number:
                self._leave_out([number], first[identity][0], count=False)
                continue
            name = marked(path, uuid[:8] if len(short) == len(first) else uuid)
            forms = _storable(name), _storable(self._fold(name))
            self._db.execute("UPDATE files SET path = ?, folded = ? WHERE n = ?", (*forms, number))
            self.renamed += 1

    def _leave_out(self, numbers: list[int], kept: int, count: bool = True) -> None:
        self._db.executemany("UPDATE files SET left_out = 1, kept = ? WHERE n = ?", [(kept, n) for n in numbers])
        self.left_out += len(numbers) if count else 0

    def _refusal(self, forms: list[str], what: str) -> RefusedError:
        shown = []
        for form in forms[:5]:
            found = self._db.execute("SELECT path, COUNT(*) FROM files WHERE folded = ?", (form,)).fetchone()
            shown.append(f"{ascii(_restored(found[0]))[1:-1]} ({counted(found[1], 'file')})")
        more = f" and {len(forms) - 5:,} more" if len(forms) > 5 else ""
        return RefusedError(
            f"several files have {what}: {', '.join(shown)}{more}; nothing was downloaded",
            hint="use --on-collision rename, or a --name-template such as '{project}/{uuid}/{name}'",
        )

    # Contents

    def __iter__(self) -> Iterator[Planned]:
        """The files to download."""
        return self._select("missing = '' AND left_out = 0")

    def missing(self) -> Iterator[Planned]:
        """The unavailable files."""
        return self._select("missing != ''")

    def without_name(self) -> Iterator[LeftOut]:
        """The files that are left out because another one has their name."""
        rows = self._db.execute(
            "SELECT a.n, a.path, a.kept, a.identity = b.identity FROM files a JOIN files b ON b.n = a.kept "
            "WHERE a.left_out = 1 ORDER BY a.n"
        )
        for number, path, kept, same in rows:
            yield LeftOut(number, _restored(path), kept, bool(same))

    def _select(self, where: str) -> Iterator[Planned]:
        for number, path, told in self._db.execute(f"SELECT n, path, entry FROM files WHERE {where} ORDER BY n"):
            yield Planned(number, _restored(path), Entry(*json.loads(told)))

    def planned(self, number: int) -> Planned:
        """The file with this number."""
        path, told = self._db.execute("SELECT path, entry FROM files WHERE n = ?", (number,)).fetchone()
        return Planned(number, _restored(path), Entry(*json.loads(told)))

    def totals(self) -> Totals:
        """Number and size of the files to download."""
        found = self._db.execute(
            "SELECT COUNT(*), COALESCE(SUM(size), 0), SUM(size IS NULL) FROM files WHERE missing = '' AND left_out = 0"
        ).fetchone()
        return Totals(found[0], found[1], found[2] or 0)

    def missing_count(self) -> int:
        """Number of unavailable files."""
        return int(self._db.execute("SELECT COUNT(*) FROM files WHERE missing != ''").fetchone()[0])


def _storable(text: str) -> str | bytes:
    # SQLite rejects lone surrogates, which represent bytes that are not UTF-8.
    try:
        text.encode()
        return text
    except UnicodeEncodeError:
        return text.encode("utf-8", "surrogatepass")


def _restored(text: str | bytes) -> str:
    return text if isinstance(text, str) else text.decode("utf-8", "surrogatepass")
