"""Configuration of the documentation."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import hpsearch

project = "hpsearch"
author = "the hpsearch authors"
copyright = "the hpsearch authors"
version = release = hpsearch.__version__
extensions = ["sphinx.ext.autodoc", "sphinx_copybutton"]
html_theme = "furo"
html_title = f"hpsearch {version}"
html_static_path = ["static"]
html_css_files = ["page.css"]
exclude_patterns = ["_build"]
# Blocks after `::` show a terminal; Python says so with `code-block:: python`.
highlight_language = "console"
copybutton_prompt_text = "$ "
copybutton_only_copy_prompt_lines = False
autodoc_member_order = "bysource"
autodoc_typehints = "signature"
