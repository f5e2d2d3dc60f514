"""Maps each operation of the document to its function."""

from __future__ import annotations

from collections.abc import Callable

from starlette.responses import Response

from hca_local.dss import collection_routes, search_routes
from hca_local.dss.bundles import changes as bundles
from hca_local.dss.bundles import checkout
from hca_local.dss.bundles import views as bundle_views
from hca_local.dss.call import Call
from hca_local.dss.events import routes as event_routes
from hca_local.dss.events import subscriptions as subscription_routes
from hca_local.dss.files import routes as files
from hca_local.dss.service import Service

Handler = Callable[[Service, Call], Response]

HANDLERS: dict[str, Handler] = {
    "GET /files/{uuid}": files.get_file,
    "HEAD /files/{uuid}": files.head_file,
    "PUT /files/{uuid}": files.put_file,
    "GET /bundles/all": bundle_views.get_all_bundles,
    "GET /bundles/{uuid}": bundle_views.get_bundle,
    "PUT /bundles/{uuid}": bundles.put_bundle,
    "PATCH /bundles/{uuid}": bundles.patch_bundle,
    "DELETE /bundles/{uuid}": bundles.delete_bundle,
    "POST /bundles/{uuid}/checkout": checkout.post_checkout,
    "GET /bundles/checkout/{checkout_job_id}": checkout.get_checkout,
    "GET /collections": collection_routes.list_collections,
    "PUT /collections": collection_routes.put_collection,
    "GET /collections/{uuid}": collection_routes.get_collection,
    "PATCH /collections/{uuid}": collection_routes.patch_collection,
    "DELETE /collections/{uuid}": collection_routes.delete_collection,
    "GET /events": event_routes.list_events,
    "GET /events/{uuid}": event_routes.get_event,
    "POST /search": search_routes.post_search,
    "GET /subscriptions": subscription_routes.list_subscriptions,
    "PUT /subscriptions": subscription_routes.put_subscription,
    "GET /subscriptions/{uuid}": subscription_routes.get_subscription,
    "DELETE /subscriptions/{uuid}": subscription_routes.delete_subscription,
}
