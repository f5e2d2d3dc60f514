"""The public names for type checkers and editors. In ``__init__.py`` they would tie every module to every other."""

from hca_base.config import Config as Config
from hca_base.openapi import Client as Client
from hca_base.plugins import Service as Service
from hca_base.plugins import client as client

__version__: str
__all__: list[str]

def __dir__() -> list[str]: ...
