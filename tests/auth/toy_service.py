"""A service called toy, for tests of credentials that make no requests to it."""

from __future__ import annotations

from hca_base.plugins import CredentialScheme, Service

SETTINGS = {"services.toy.url": "https://toy.example/v1/openapi.json", "auth.store": "file"}
URL = "https://toy.example/v1/thing"


def service(**scheme):
    return Service(name="toy", credentials=CredentialScheme(**({"kind": "oauth2"} | scheme)))


def used(credentials):
    return next((state.name for state in credentials.describe() if state.used), None)
