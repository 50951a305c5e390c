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
# Dashes in options are not punctuation.
smartquotes = False
html_theme = "furo"
html_title = f"hpsearch {version}"
html_static_path = ["static"]
html_css_files = ["page.css"]
exclude_patterns = ["_build"]
# Blocks after `::` show a terminal; Python says so with `code-block:: python`.
highlight_language = "console"
# Of a block with prompts, the button copies the commands without their output; of any other block, all of it.
copybutton_prompt_text = "$ "
copybutton_line_continuation_character = "\\"
autodoc_member_order = "bysource"
autodoc_typehints = "signature"
