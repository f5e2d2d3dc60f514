"""Telling subscribers about new and deleted bundles, by signed HTTP requests that outlive a restart.

An event and the deliveries it causes are written in one transaction (an outbox); threads send them afterwards, and try
again when a subscriber does not answer with 2xx.
"""

from hca_local.webhooks.notifier import Notifier
from hca_local.webhooks.subscription import BadSubscription, check_subscription, payload_for, wants

__all__ = ["BadSubscription", "Notifier", "check_subscription", "payload_for", "wants"]
