"""The process of the embedded deployment: settings, listeners, components and life cycle."""

from __future__ import annotations

from hca_local.server.context import Context
from hca_local.server.deployment import Deployment, DeploymentError
from hca_local.server.settings import Settings

__all__ = ["Context", "Deployment", "DeploymentError", "Settings"]
