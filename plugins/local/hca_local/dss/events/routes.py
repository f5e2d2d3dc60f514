"""Events: journals of bundle changes, oldest first, and the document of one event."""

from __future__ import annotations

from typing import Any

from starlette.responses import Response

from hca_local.dss import versions
from hca_local.dss.call import Call, page
from hca_local.dss.errors import DSSError, not_found
from hca_local.dss.events import journal
from hca_local.dss.service import Service

_LAST = "9999-12-31T235959.999999Z"


def list_events(service: Service, call: Call) -> Response:
    """Journals of a period, both ends included; each contains one event here."""
    start = _date(call.args["from_date"], "from_date") or ""
    end = _date(call.args["to_date"], "to_date") or _LAST
    if start > end:
        raise DSSError(400, "bad_request", "from_date must not be later than to_date")
    token = _date(call.args["token"], "token") or ""
    length = call.args["per_page"]
    with service.store.read() as db:
        rows = db.execute(
            "SELECT * FROM dss_events WHERE replica = ? AND timestamp >= ? AND timestamp >= ? AND timestamp <= ?"
            " ORDER BY timestamp LIMIT ?",
            (call.replica, start, token, end, length + 1),
        ).fetchall()
    streams = [_stream(service, call.replica, row) for row in rows[:length]]
    following = call.url(token=rows[length]["timestamp"]) if len(rows) > length else None
    return page({"event_streams": streams}, "event_streams", following)


def get_event(service: Service, call: Call) -> Response:
    """The document of the latest event of a bundle version."""
    document = journal.read(service, call.replica, call.uuid, call.args["version"])
    if document is None:
        raise not_found("event")
    return Response(document, media_type="application/json")


def _stream(service: Service, replica: str, row: Any) -> dict[str, Any]:
    moment, size = row["timestamp"], row["size"]
    event = {"event_id": f"{row['uuid']}.{row['version']}", "timestamp": moment, "offset": 0, "size": size}
    return {
        "journal_id": f"{moment}--{moment}--{moment}--{row['journal']}",
        "from_date": moment,
        "to_date": moment,
        "size": size,
        "events": [event],
        "stream_url": journal.stream_url(service, replica, row["journal"]),
    }


def _date(text: str | None, name: str) -> str | None:
    if text is not None and not versions.is_version(text):
        raise DSSError(400, "bad_request", f"{name} should be a time with the format 'YYYY-MM-DDTHHMMSS.ffffffZ'")
    return text
