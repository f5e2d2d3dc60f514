"""Subscriptions: who is notified of which bundles, and how."""

from __future__ import annotations

import json
import uuid as uuids
from typing import Any

from starlette.responses import Response

from hca_local.dss import versions
from hca_local.dss.call import Call, answer
from hca_local.dss.errors import DSSError, not_found
from hca_local.dss.service import Service, dump
from hca_local.webhooks import BadSubscription, check_subscription

#: The original's limit for one owner in one replica.
MAX_SUBSCRIPTIONS = 100
_SECRET = "hmac_secret_key"


def list_subscriptions(service: Service, call: Call) -> Response:
    """The caller's subscriptions of one type, all of them, oldest first."""
    owner = _owner(call)
    with service.store.read() as db:
        rows = db.execute(
            "SELECT document FROM dss_subscriptions WHERE replica = ? AND owner = ? AND type = ? ORDER BY created",
            (call.replica, owner, call.args["subscription_type"]),
        ).fetchall()
    return answer({"subscriptions": [_shown(row["document"]) for row in rows]})


def put_subscription(service: Service, call: Call) -> Response:
    """Each call creates one. Only this response contains its secret."""
    owner = _owner(call)
    kind = _check(call.body)
    uuid = str(uuids.uuid4())
    document = {**call.body, "owner": owner, "replica": call.replica, "uuid": uuid}
    with service.store.write() as db:
        (count,) = db.execute(
            "SELECT count(*) FROM dss_subscriptions WHERE replica = ? AND owner = ? AND type = ?",
            (call.replica, owner, kind),
        ).fetchone()
        if count >= MAX_SUBSCRIPTIONS:
            raise DSSError(
                406, "not_acceptable", f"Users cannot exceed {MAX_SUBSCRIPTIONS} subscriptions; delete some first"
            )
        db.execute(
            "INSERT INTO dss_subscriptions (replica, uuid, owner, type, created, document) VALUES (?, ?, ?, ?, ?, ?)",
            (call.replica, uuid, owner, kind, versions.now(), dump(document)),
        )
    return answer(document, 201)


def get_subscription(service: Service, call: Call) -> Response:
    owner = _owner(call)
    with service.store.read() as db:
        row = db.execute(
            "SELECT document FROM dss_subscriptions WHERE replica = ? AND uuid = ? AND owner = ? AND type = ?",
            (call.replica, call.uuid, owner, call.args["subscription_type"]),
        ).fetchone()
    if row is None:
        raise not_found("subscription")
    return answer(_shown(row["document"]))


def delete_subscription(service: Service, call: Call) -> Response:
    owner = _owner(call)
    with service.store.write() as db:
        gone = db.execute(
            "DELETE FROM dss_subscriptions WHERE replica = ? AND uuid = ? AND owner = ? AND type = ?",
            (call.replica, call.uuid, owner, call.args["subscription_type"]),
        ).rowcount
        if gone:
            service.notifier.forget(db, call.uuid)
    if not gone:
        raise not_found("subscription")
    return answer({"timeDeleted": versions.now()})


def _owner(call: Call) -> str:
    call.require_group("hca", "public")
    return call.require_email()


def _check(body: dict[str, Any]) -> str:
    """A subscription's type: Elasticsearch if it has such a query, otherwise JMESPath. Raises a DSSError."""
    if "es_query" in body and "jmespath_query" in body:
        raise DSSError(400, "invalid_query_type", "Only one of es_query and jmespath_query may be given")
    try:
        check_subscription(body)
    except BadSubscription as error:
        raise DSSError(400, error.code, error.title) from None
    return "elasticsearch" if "es_query" in body else "jmespath"


def _shown(stored: str) -> dict[str, Any]:
    document = json.loads(stored)
    return {name: value for name, value in document.items() if name != _SECRET}
