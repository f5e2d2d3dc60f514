"""An embedded CELLxGENE Discover API on loopback, for tests and offline use.

::

    from hca_cellxgene.testing import EmbeddedCellxgene

    with EmbeddedCellxgene() as service:
        ...  # service.settings are the settings for it
"""

from __future__ import annotations

from hca_cellxgene.testing.model import Library, sample
from hca_cellxgene.testing.server import EmbeddedCellxgene, Faults

__all__ = ["EmbeddedCellxgene", "Faults", "Library", "sample"]
