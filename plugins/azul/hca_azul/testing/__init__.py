"""An embedded Azul: the documented protocol on loopback, with a few invented projects and injectable faults.

For tests and offline use. It is not a real Azul: all data is in memory, and only what was added exists.

::

    with EmbeddedAzul(sample()) as azul:
        azul.faults.drop = 0.01
        ...  # hca config set azul.url {azul.url}/openapi.json
"""

from __future__ import annotations

from hca_azul.testing.faults import Faults
from hca_azul.testing.limits import Limits
from hca_azul.testing.model import Atlas, File, Project, sample
from hca_azul.testing.server import EmbeddedAzul

__all__ = ["Atlas", "EmbeddedAzul", "Faults", "File", "Limits", "Project", "sample"]
