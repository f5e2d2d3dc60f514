"""An embedded Azul: the documented protocol on loopback, over a few made-up projects, with faults on demand.

For tests and for trying things out. It is no Azul: it keeps everything in memory and knows only what is put into it.

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
