"""Subscriptions: which events they match, and what their notifications contain."""

from __future__ import annotations

import datetime
import json
import uuid
from collections.abc import Mapping
from typing import Any

from hca_local.search import BadQuery, compile_query

# Largest attachment of a notification, in bytes of JSON; the original's limit.
ATTACHMENTS_LIMIT = 128 * 1024


class BadSubscription(ValueError):
    """A subscription is invalid.

    :ivar code: the service's error code
    :ivar title: the message for people
    """

    def __init__(self, code: str, title: str) -> None:
        super().__init__(title)
        self.code = code
        self.title = title


def check_subscription(subscription: Mapping[str, Any]) -> None:
    """Check what the document's schema cannot: expressions, queries and names of attachments.

    :raises BadSubscription: the first problem found
    """
    import jmespath
    from jmespath.exceptions import JMESPathError

    query = subscription.get("jmespath_query")
    if query is not None:
        try:
            jmespath.compile(query)
        except (JMESPathError, RecursionError):
            raise BadSubscription("invalid_jmespath", "JMESPath query is invalid") from None
    if subscription.get("es_query") is not None:
        try:
            compile_query(subscription["es_query"])
        except BadQuery as error:
            raise BadSubscription("illegal_arguments", str(error)) from None
    for name, definition in (subscription.get("attachments") or {}).items():
        if name.startswith("_"):
            raise BadSubscription(
                "invalid_attachment_name", f"Attachment names must not start with underscore ({name})"
            )
        try:
            jmespath.compile(definition["expression"])
        except (JMESPathError, RecursionError):
            title = f"Unable to compile JMESPath expression for attachment {name}"
            raise BadSubscription("invalid_attachment_expression", title) from None


def wants(
    subscription: Mapping[str, Any], document: Mapping[str, Any], search_document: Mapping[str, Any] | None
) -> bool:
    """Whether a subscription matches this event.

    :param document: the event's metadata document, for JMESPath queries
    :param search_document: the bundle's search document, for Elasticsearch queries; None if it was deleted
    """
    import jmespath

    if subscription.get("es_query") is not None:
        if search_document is None:
            return False
        return compile_query(subscription["es_query"]).matches(search_document)
    query = subscription.get("jmespath_query")
    if not query:
        return True
    try:
        return bool(jmespath.search(query, document))
    except Exception:  # noqa: BLE001  a query that fails on this document does not ask for it
        return False


def payload_for(
    subscription: Mapping[str, Any],
    event_type: str,
    bundle_uuid: str,
    bundle_version: str,
    document: Mapping[str, Any],
    api_url: str,
) -> dict[str, Any]:
    """The body of a notification, as the original sent it.

    :param event_type: ``CREATE``, ``TOMBSTONE`` or ``DELETE``
    :param document: the event's metadata document, the source of attachments
    :param api_url: the deployment's, such as ``http://127.0.0.1:8765``
    """
    now = datetime.datetime.now(datetime.UTC)
    payload: dict[str, Any] = {
        "bundle_url": f"{api_url}/v1/bundles/{bundle_uuid}?version={bundle_version}",
        "dss_api": api_url,
        "subscription_id": subscription["uuid"],
        "event_timestamp": now.strftime("%Y-%m-%dT%H%M%S.%fZ"),
        "event_type": event_type,
        "match": {"bundle_uuid": bundle_uuid, "bundle_version": bundle_version},
        "transaction_id": str(uuid.uuid4()),
    }
    for query in ("jmespath_query", "es_query"):
        if subscription.get(query) is not None:
            payload[query] = subscription[query]
    if event_type == "CREATE" and subscription.get("attachments") is not None:
        payload["attachments"] = _attachments(subscription["attachments"], document)
    return payload


def _attachments(definitions: Mapping[str, Mapping[str, str]], document: Mapping[str, Any]) -> dict[str, Any]:
    import jmespath

    attachments: dict[str, Any] = {}
    errors: dict[str, str] = {}
    for name, definition in definitions.items():
        try:
            attachments[name] = jmespath.search(definition["expression"], document)
        except Exception as error:  # noqa: BLE001  the subscriber is told, and gets the others
            errors[name] = str(error)
    if errors:
        attachments["_errors"] = errors
    size = len(json.dumps(attachments).encode())
    if size > ATTACHMENTS_LIMIT:
        return {"_errors": f"Attachments too large ({size} > {ATTACHMENTS_LIMIT})"}
    return attachments
