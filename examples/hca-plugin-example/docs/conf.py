"""Sphinx configuration."""

project = "hca-plugin-example"
extensions = ["sphinx.ext.autodoc"]
html_theme = "alabaster"
