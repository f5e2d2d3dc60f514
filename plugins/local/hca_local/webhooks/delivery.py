"""One delivery: the request to a subscriber, and its signature.

The signature is that of ``draft-cavage-http-signatures``, HMAC-SHA256 over the Date and Digest headers (as recorded
from the original); subscribers verify it with the key that they supplied when they subscribed.
"""

from __future__ import annotations

import base64
import email.utils
import hashlib
import hmac
import json
from collections.abc import Mapping
from typing import Any

TIMEOUT_SECONDS = 10.0


def prepare(subscription: Mapping[str, Any], payload: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments of ``requests.request`` for a notification.

    :raises ValueError: the subscription's encoding is unknown
    """
    from urllib3.filepost import encode_multipart_formdata

    encoding = subscription.get("encoding", "application/json")
    if encoding == "application/json":
        body, content_type = json.dumps(payload).encode(), "application/json"
    elif encoding == "multipart/form-data":
        fields = dict(subscription.get("form_fields") or {})
        fields[subscription.get("payload_form_field", "payload")] = json.dumps(payload)
        body, content_type = encode_multipart_formdata(fields)
    else:
        raise ValueError(f"the encoding {encoding!r} is not known")
    headers = {"Content-Type": content_type}
    secret = subscription.get("hmac_secret_key")
    if secret:
        key_id = subscription.get("hmac_key_id", f"hca-dss:{subscription['uuid']}")
        headers.update(sign(body, key_id, secret))
    return {
        "method": subscription.get("method", "POST"),
        "url": subscription["callback_url"],
        "data": body,
        "headers": headers,
        # A redirect could send the signed message to any host.
        "allow_redirects": False,
        "timeout": TIMEOUT_SECONDS,
    }


def sign(body: bytes, key_id: str, secret: str) -> dict[str, str]:
    """The Date, Digest and Authorization headers that authenticate ``body``."""
    date = email.utils.formatdate(usegmt=True)
    digest = "SHA-256=" + base64.b64encode(hashlib.sha256(body).digest()).decode()
    message = f"date: {date}\ndigest: {digest}".encode()
    signature = base64.b64encode(hmac.new(secret.encode(), message, hashlib.sha256).digest()).decode()
    fields = f'keyId="{key_id}",algorithm="hmac-sha256",headers="date digest",signature="{signature}"'
    return {"Date": date, "Digest": digest, "Authorization": f"Signature {fields}"}
