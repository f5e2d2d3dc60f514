"""Helpers of the commands for settings, and ``hca config edit``."""
