"""Validations: queued, run in the background, and their results."""

from __future__ import annotations

import json
import logging
import tempfile
import time
import uuid as uuids
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hca_local.upload_service import validators
from hca_local.upload_service.areas import Areas
from hca_local.upload_service.errors import bad_request, no_file, not_ready, problem
from hca_local.upload_service.files import Files

if TYPE_CHECKING:
    from hca_local.server import Context

logger = logging.getLogger("hca_local.upload")

#: The states in order. FAILED means that the validator found errors or could not run.
STATES = ("SCHEDULING_QUEUED", "SCHEDULED", "VALIDATING", "VALIDATED", "FAILED")


class Validations:
    """Queues and runs validations; their state is stored, and a restart resumes unfinished ones."""

    def __init__(self, ctx: Context, areas: Areas, files: Files) -> None:
        self._ctx = ctx
        self._areas = areas
        self._files = files
        self._faithful = bool(ctx.settings.simulate_waits)

    def schedule(self, area: str, body: Any, names: list[str] | None = None) -> dict[str, str]:
        """Queue a validation.

        :param body: of the request
        :param names: the file, if the path names it
        :raises UploadError: the area or a file does not exist, or the body is incomplete
        """
        self._areas.status(area)
        if not isinstance(body, Mapping):
            raise bad_request("the body is an object")
        wanted = body.get("files") if names is None else names
        image = body.get("validator_image")
        environment = body.get("environment") or {}
        if not isinstance(image, str) or not image:
            raise bad_request("'validator_image' is a required property")
        if not isinstance(wanted, list) or not wanted or not all(isinstance(name, str) for name in wanted):
            raise bad_request("'files' is a required property: the names of one or more files")
        if not isinstance(environment, Mapping):
            raise bad_request("'environment' is an object")
        found = [self._files.find(area, name).key.partition("/")[2] for name in wanted]
        identifier = str(uuids.uuid4())
        original = str(body.get("original_validation_id") or "")
        with self._ctx.store.write() as db:
            db.execute(
                "INSERT INTO upload_validations VALUES (?, ?, 'SCHEDULING_QUEUED', ?, ?, ?, NULL, ?)",
                (identifier, area, image, json.dumps(dict(environment)), original, time.time()),
            )
            rows = [(identifier, position, area, name) for position, name in enumerate(found)]
            db.executemany("INSERT INTO upload_validated_files VALUES (?, ?, ?, ?)", rows)
        self._ctx.background.later(float(self._ctx.settings.simulate_waits), self._run, identifier)
        return {"validation_id": identifier}

    def status(self, area: str, name: str) -> dict[str, Any]:
        """State and results of a file's latest validation.

        :raises UploadError: the file does not exist, or (with simulated waits) has no result yet
        """
        file = self._files.find(area, name).key.partition("/")[2]
        with self._ctx.store.read() as db:
            row = db.execute(
                "SELECT v.status, v.results FROM upload_validations v JOIN upload_validated_files f"
                " ON f.validation = v.id WHERE f.area = ? AND f.name = ? ORDER BY v.created DESC, v.id LIMIT 1",
                (area, file),
            ).fetchone()
        if row is None:
            return {"validation_status": "UNSCHEDULED", "validation_results": "N/A"}
        if row["results"] is None and self._faithful:
            raise not_ready()
        return {"validation_status": row["status"], "validation_results": row["results"]}

    def counts(self, area: str) -> dict[str, int]:
        """The number of files in each state; a file counts once for each of its validations."""
        self._areas.status(area)
        with self._ctx.store.read() as db:
            rows = db.execute(
                "SELECT v.status AS status, count(*) AS n FROM upload_validations v JOIN upload_validated_files f"
                " ON f.validation = v.id WHERE v.area = ? GROUP BY v.status",
                (area,),
            ).fetchall()
        return {"SCHEDULED": 0, "VALIDATING": 0, "VALIDATED": 0, **{row["status"]: row["n"] for row in rows}}

    def update(self, area: str, identifier: str, body: Any) -> None:
        """Record the report of an external validator.

        :raises UploadError: the validation does not exist, or the state is invalid
        """
        self._areas.status(area)
        if not isinstance(body, Mapping) or not isinstance(body.get("payload"), Mapping):
            raise bad_request("'status', 'job_id' and 'payload' are required properties")
        if body.get("status") not in STATES:
            raise problem(400, "Bad Request", f"a validation is never {body.get('status')!r}")
        with self._ctx.store.write() as db:
            row = db.execute("SELECT results FROM upload_validations WHERE id = ?", (identifier,)).fetchone()
            if row is None:
                raise problem(404, "No such validation", "No such validation in that upload area")
            results = body["payload"].get("stdout", row["results"])
            db.execute(
                "UPDATE upload_validations SET status = ?, results = ? WHERE id = ?",
                (body["status"], None if results is None else str(results), identifier),
            )

    def resume(self) -> None:
        """Rerun interrupted validations: a validator's only effect is its result."""
        with self._ctx.store.read() as db:
            rows = db.execute(
                "SELECT id FROM upload_validations WHERE status IN ('SCHEDULING_QUEUED', 'SCHEDULED', 'VALIDATING')"
            ).fetchall()
        for row in rows:
            self._ctx.background.submit(self._run, row["id"])

    def _run(self, identifier: str) -> None:
        with self._ctx.store.read() as db:
            row = db.execute("SELECT * FROM upload_validations WHERE id = ?", (identifier,)).fetchone()
            names = [
                found["name"]
                for found in db.execute(
                    "SELECT name FROM upload_validated_files WHERE validation = ? ORDER BY position", (identifier,)
                )
            ]
        if row is None:
            return
        command = validators.command_for(row["image"], self._ctx.settings.validators)
        if command is None:
            text = (
                f"no command is configured for the validator {row['image']!r}; "
                f"{validators.BUILT_IN!r} is built in, and the setting local.validators names others"
            )
            self._end(identifier, validators.Outcome(False, text))
            return
        self._set(identifier, "SCHEDULED")
        self._set(identifier, "VALIDATING")
        try:
            with tempfile.TemporaryDirectory(prefix="hca-content-") as folder:
                files = [(Path(name).name, self._content(row["area"], name, Path(folder))) for name in names]
                outcome = validators.run(command, files, json.loads(row["environment"]))
        except Exception as error:
            logger.exception("validation %s failed", identifier)
            outcome = validators.Outcome(False, f"the validation could not be run: {type(error).__name__}")
        self._end(identifier, outcome)

    def _content(self, area: str, name: str, folder: Path) -> Path:
        """A path to a readable copy of a file; a copy, so that validators cannot change stored content."""
        found = self._ctx.objects.head(self._ctx.settings.upload_bucket, f"{area}/{name}")
        if found is None:
            raise no_file()
        place = folder / found.sha256
        if not place.exists():
            self._ctx.store.blobs.copy_to(found.sha256, place)
        return place

    def _set(self, identifier: str, status: str) -> None:
        with self._ctx.store.write() as db:
            db.execute("UPDATE upload_validations SET status = ? WHERE id = ?", (status, identifier))

    def _end(self, identifier: str, outcome: validators.Outcome) -> None:
        status = "VALIDATED" if outcome.ok else "FAILED"
        with self._ctx.store.write() as db:
            db.execute(
                "UPDATE upload_validations SET status = ?, results = ? WHERE id = ?",
                (status, outcome.output, identifier),
            )
