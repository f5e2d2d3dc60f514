"""An embedded DRS server: the documented protocol on loopback, with invented objects and injectable faults.

For tests and offline use; all data is in memory.

::

    with EmbeddedDrs(sample()) as drs:
        drs.faults.drop = 0.01
        ...  # hca drs list {drs.uri("study")}
"""

from __future__ import annotations

from hca_drs.testing.contract import Contract
from hca_drs.testing.faults import Faults
from hca_drs.testing.model import Blob, Bundle, Member, Repository, sample
from hca_drs.testing.registry import EmbeddedRegistry
from hca_drs.testing.server import EmbeddedDrs

__all__ = [
    "Blob",
    "Bundle",
    "Contract",
    "EmbeddedDrs",
    "EmbeddedRegistry",
    "Faults",
    "Member",
    "Repository",
    "sample",
]
