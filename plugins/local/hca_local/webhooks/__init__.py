"""Notifies subscribers of new and deleted bundles, by signed HTTP requests that survive a restart.

An event and its deliveries are written in one transaction (an outbox); threads send them afterwards, and
retry if a subscriber does not respond with 2xx.
"""

from hca_local.webhooks.notifier import Notifier
from hca_local.webhooks.subscription import BadSubscription, check_subscription, payload_for, wants

__all__ = ["BadSubscription", "Notifier", "check_subscription", "payload_for", "wants"]
