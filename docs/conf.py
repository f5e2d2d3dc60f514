"""How the site is built: ``tox -e docs``."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import hca_base

sys.path.insert(0, str(Path(__file__).parent / "_ext"))
# Help is as wide on every machine that builds the site.
os.environ["COLUMNS"] = "100"

project = "hca"
author = "Human Cell Atlas"
copyright = "Human Cell Atlas"
release = hca_base.__version__
version = ".".join(release.split(".")[:2])

extensions = ["sphinx.ext.autodoc", "sphinx.ext.viewcode", "hca_reference"]
exclude_patterns = ["_build", "requirements.txt"]
html_theme = "furo"
html_title = f"hca {release}"
# No fonts, scripts or counters of other sites: the pages, and their search, work without a network.
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_js_files = ["copy.js"]
html_logo = "images/logo.svg"
html_favicon = "images/favicon.svg"
# Options keep both their dashes.
smartquotes = False
# Types where the arguments are, as a reader of the code sees them; long signatures have a line for each argument.
autodoc_typehints = "signature"
python_maximum_signature_line_length = 88
autodoc_member_order = "bysource"
autodoc_inherit_docstrings = False
default_role = "literal"
nitpicky = False
