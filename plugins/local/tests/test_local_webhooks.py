"""Notifications: signed like the original's, retried until they arrive, kept across a restart."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hca_local.server.background import Background
from hca_local.store import Store
from hca_local.webhooks import BadSubscription, Notifier, check_subscription

EVENT = {
    "event_type": "CREATE",
    "bundle_info": {"uuid": "b1", "version": "v1"},
    "files": {"a_json": [{"n": 1}, {"n": 2}]},
}


class Subscriber:
    """A real HTTP server that records notifications, and fails as often as requested."""

    def __init__(self) -> None:
        self.received: list[tuple[str, dict[str, str], bytes]] = []
        self.failures = 0
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                outer.received.append((self.command, dict(self.headers.items()), body))
                outer.failures -= 1
                self.send_response(503 if outer.failures >= 0 else 204)
                self.end_headers()

            do_PUT = do_POST

            def log_message(self, *args: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_port}/hook"


@pytest.fixture
def subscriber() -> Iterator[Subscriber]:
    subscriber = Subscriber()
    yield subscriber
    subscriber.server.shutdown()
    subscriber.server.server_close()


@pytest.fixture
def deployment(tmp_path: Path) -> Iterator[Any]:
    background = Background()
    store = Store(tmp_path / "data")
    yield SimpleNamespace(background=background, settings=SimpleNamespace(api_url="http://127.0.0.1:8765"), store=store)
    background.stop()
    store.close()


def until(condition: Callable[[], bool]) -> None:
    limit = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < limit, "it did not happen"
        time.sleep(0.02)


def publish(notifier: Notifier, deployment: Any, *subscriptions: dict[str, Any], event: str = "CREATE") -> int:
    with deployment.store.write() as db:
        return notifier.publish(db, subscriptions, event, "b1", "v1", {**EVENT, "event_type": event})


def pending(deployment: Any) -> int:
    with deployment.store.read() as db:
        return int(db.execute("SELECT count(*) FROM webhook_outbox").fetchone()[0])


def test_a_signed_notification(deployment: Any, subscriber: Subscriber) -> None:
    notifier = Notifier(deployment.store, deployment)
    subscription = {
        "uuid": "s1",
        "callback_url": subscriber.url,
        "jmespath_query": "event_type=='CREATE'",
        "hmac_key_id": "kid",
        "hmac_secret_key": "topsecret",
        "attachments": {
            "n": {"type": "jmespath", "expression": "files.a_json[].n"},
            "bad": {"type": "jmespath", "expression": "length(`1`)"},
        },
    }
    assert publish(notifier, deployment, subscription) == 1
    until(lambda: len(subscriber.received) == 1)
    method, headers, body = subscriber.received[0]
    assert method == "POST"
    payload = json.loads(body)
    assert payload["match"] == {"bundle_uuid": "b1", "bundle_version": "v1"}
    assert payload["bundle_url"] == "http://127.0.0.1:8765/v1/bundles/b1?version=v1"
    assert payload["attachments"]["n"] == [1, 2]
    assert "length" in payload["attachments"]["_errors"]["bad"]
    assert b"topsecret" not in body
    # Verified with an independent implementation of the signature scheme.
    assert headers["Digest"] == "SHA-256=" + base64.b64encode(hashlib.sha256(body).digest()).decode()
    message = f"date: {headers['Date']}\ndigest: {headers['Digest']}".encode()
    signature = base64.b64encode(hmac.new(b"topsecret", message, hashlib.sha256).digest()).decode()
    assert headers["Authorization"] == (
        f'Signature keyId="kid",algorithm="hmac-sha256",headers="date digest",signature="{signature}"'
    )
    until(lambda: pending(deployment) == 0)


def test_multipart_to_a_put_callback(deployment: Any, subscriber: Subscriber) -> None:
    notifier = Notifier(deployment.store, deployment)
    subscription = {
        "uuid": "s2",
        "callback_url": subscriber.url,
        "method": "PUT",
        "encoding": "multipart/form-data",
        "form_fields": {"a": "b"},
        "payload_form_field": "pl",
    }
    publish(notifier, deployment, subscription, event="TOMBSTONE")
    until(lambda: len(subscriber.received) == 1)
    method, headers, body = subscriber.received[0]
    assert method == "PUT"
    assert headers["Content-Type"].startswith("multipart/form-data; boundary=")
    assert b'name="pl"' in body
    assert b'"event_type": "TOMBSTONE"' in body
    assert "Authorization" not in headers


def test_only_what_asks_for_the_event_is_told(deployment: Any, subscriber: Subscriber) -> None:
    notifier = Notifier(deployment.store, deployment)
    others = [
        {"uuid": "s3", "callback_url": subscriber.url, "jmespath_query": "event_type=='TOMBSTONE'"},
        {"uuid": "s4", "callback_url": subscriber.url, "jmespath_query": "length(event_type) > length(`1`)"},
        {"uuid": "s5", "callback_url": subscriber.url, "es_query": {"query": {"term": {"state": "new"}}}},
    ]
    assert publish(notifier, deployment, *others) == 0
    with deployment.store.write() as db:
        assert notifier.publish(db, others, "CREATE", "b1", "v1", EVENT, {"state": "new"}) == 1


def test_it_is_sent_again_until_it_arrives(deployment: Any, subscriber: Subscriber) -> None:
    notifier = Notifier(deployment.store, deployment, delays=(0.01, 0.01, 0.01))
    notifier.start()
    subscriber.failures = 2
    publish(notifier, deployment, {"uuid": "s6", "callback_url": subscriber.url})
    until(lambda: len(subscriber.received) == 3)
    until(lambda: pending(deployment) == 0)
    # Identical notifications, so that subscribers can detect repeats.
    assert len({body for _, _, body in subscriber.received}) == 1


def test_what_a_restart_left_is_sent(tmp_path: Path, deployment: Any, subscriber: Subscriber) -> None:
    stopped = SimpleNamespace(background=Background(), settings=deployment.settings, store=deployment.store)
    stopped.background.stop()
    publish(Notifier(deployment.store, stopped), stopped, {"uuid": "s7", "callback_url": subscriber.url})
    assert pending(deployment) == 1
    Notifier(deployment.store, deployment).start()
    until(lambda: len(subscriber.received) == 1)


def test_giving_up_and_forgetting(deployment: Any, subscriber: Subscriber, caplog: pytest.LogCaptureFixture) -> None:
    notifier = Notifier(deployment.store, deployment, delays=())
    subscriber.failures = 1
    publish(notifier, deployment, {"uuid": "s8", "callback_url": subscriber.url, "hmac_secret_key": "topsecret"})
    until(lambda: pending(deployment) == 0)
    assert "gave up" in caplog.text
    assert "topsecret" not in caplog.text
    with deployment.store.write() as db:
        notifier.publish(db, [{"uuid": "s9", "callback_url": "http://127.0.0.1:9/"}], "CREATE", "b", "v", EVENT)
        notifier.forget(db, "s9")
    assert pending(deployment) == 0


@pytest.mark.parametrize("url", ["http://[", "http://a b/", "http://[::1"])
def test_an_address_that_is_none_is_given_up_like_any_other(deployment: Any, url: str) -> None:
    notifier = Notifier(deployment.store, deployment, delays=(0.01,))
    publish(notifier, deployment, {"uuid": "s1", "callback_url": url})
    notifier.start()
    until(lambda: pending(deployment) == 0)


@pytest.mark.parametrize(
    ("subscription", "code"),
    [
        ({"jmespath_query": "a=="}, "invalid_jmespath"),
        ({"attachments": {"_x": {"type": "jmespath", "expression": "a"}}}, "invalid_attachment_name"),
        ({"attachments": {"x": {"type": "jmespath", "expression": "a=="}}}, "invalid_attachment_expression"),
        ({"es_query": {"query": {"nested": {}}}}, "illegal_arguments"),
    ],
)
def test_a_subscription_that_cannot_be(subscription: dict[str, Any], code: str) -> None:
    with pytest.raises(BadSubscription) as error:
        check_subscription(subscription)
    assert error.value.code == code
