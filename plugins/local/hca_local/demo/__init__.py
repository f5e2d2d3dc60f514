"""A small, realistic data set, and the walkthrough that ``hca local demo`` runs with it."""

from __future__ import annotations

from hca_local.demo.sample import SHORT_NAME, write_bundle
from hca_local.demo.story import Story, StoryError

__all__ = ["SHORT_NAME", "Story", "StoryError", "write_bundle"]
