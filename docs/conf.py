"""Configuration of the documentation."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import hpsearch

project = "hpsearch"
author = "the hpsearch authors"
copyright = "the hpsearch authors"
version = release = hpsearch.__version__
extensions = ["sphinx.ext.autodoc"]
html_theme = "alabaster"
html_theme_options = {"description": "searches over the options of a script", "fixed_sidebar": True}
exclude_patterns = ["_build"]
autodoc_member_order = "bysource"
autodoc_typehints = "signature"
