"""What calls and their answers need of the command that they are made for."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

if TYPE_CHECKING:
    from hca_base.commands import Context
    from hca_base.config import Config
    from hca_base.openapi import Plan
    from hca_base.plugins import Service


class Caller(Protocol):
    """What a call needs of the command that it is made for."""

    service: ClassVar[Service]

    @property
    def context(self) -> Context: ...

    @property
    def config(self) -> Config: ...

    @property
    def stdout(self) -> Any: ...

    def service_client(self, name: str) -> Any: ...

    def emit(self, data: Any, args: argparse.Namespace | None = None, **options: Any) -> None: ...

    @property
    def paging(self) -> Plan | None: ...

    def note(self, message: str) -> None: ...

    def remember(self, data: Any) -> None: ...

    def remembered(self, items: Iterable[Any]) -> Iterator[Any]: ...
