"""The tests; what they share is :mod:`tests.lib`."""
