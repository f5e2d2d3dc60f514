"""Shared test code: running ``hca``, and servers on loopback with scripted responses.

Fixtures that create these objects are in the ``conftest.py`` of each folder; tests import the classes for their types.
"""

from tests.lib.loopback import Loopback
from tests.lib.plugin_directory import PluginDirectory
from tests.lib.run import Run
from tests.lib.runner import Runner

__all__ = ["Loopback", "PluginDirectory", "Run", "Runner"]
