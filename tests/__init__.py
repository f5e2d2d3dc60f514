"""The tests; shared code is in :mod:`tests.lib`."""
