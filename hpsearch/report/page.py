"""The text of the page: template, style, scripts, plotly's JavaScript and the content, each escaped for its place."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from hpsearch.core.errors import UsageError, reason_of
from hpsearch.report.packing import packed

_FOLDER = Path(__file__).with_name("page")
#: All other scripts need page.js, so it comes first; the second starts the page.
_FIRST, _START = "page.js", "start();"
_DOCTYPE = "<!doctype html>"
#: Each page begins with this; other files are not ours to overwrite.
MARK = f"{_DOCTYPE}\n<!-- made by hpsearch report -->"
_PLACES = re.compile(r"/\*(?:STYLE|SCRIPTS|PLOTLY)\*/|<!--CONTENT-->")
#: Text that would end a script element, or change how its end is found.
_ENDS_SCRIPT = re.compile(r"<(?=/script|script|!--)", re.IGNORECASE)
_INSTALL = 'pip install "hpsearch[report]"'


def page_html(content: Mapping[str, Any], plotly_js: str) -> str:  # Any: whatever JSON can hold
    """Return the whole page; it has no lone surrogates. Raises ValueError if JSON cannot hold the content."""
    element = f'<script type="application/json" id="content">{_escaped_json(content)}</script>'
    filled = {
        "/*STYLE*/": lambda: _text_of("page.css"),
        "/*SCRIPTS*/": lambda: _in_script(_scripts()),
        "/*PLOTLY*/": lambda: _in_script(plotly_js),
        "<!--CONTENT-->": lambda: element,
    }
    # In one pass over the template: the filled-in text may hold markers, too.
    return _PLACES.sub(lambda match: filled[match[0]](), _text_of("page.html").replace(_DOCTYPE, MARK, 1))


def plotly_javascript() -> str:
    """Return plotly's JavaScript. Raises UsageError, naming the remedy, if plotly is not installed."""
    # Importing plotly takes half a second, and only one of its files is needed.
    spec = find_spec("plotly")
    for folder in (spec.submodule_search_locations or ()) if spec is not None else ():
        path = Path(folder) / "package_data" / "plotly.min.js"
        try:
            return path.read_text(encoding="utf-8")
        except FileNotFoundError:
            continue
        except (OSError, UnicodeDecodeError) as error:
            raise UsageError(f"{path}: cannot be read ({reason_of(error)}); reinstall: {_INSTALL}") from error
    raise UsageError(f"the report needs plotly, which is not installed: {_INSTALL}")


def _text_of(name: str) -> str:
    return (_FOLDER / name).read_text(encoding="utf-8")


def _scripts() -> str:
    """Return all scripts of the page, in the scope of one function."""
    names = sorted((path.name for path in _FOLDER.glob("*.js")), key=lambda name: (name != _FIRST, name))
    parts = (_text_of(name) for name in names)
    return "\n".join(["(() => {", '"use strict";', *parts, _START, "})();"])


def _in_script(text: str) -> str:
    # In strings and regular expressions of JavaScript, a backslash before these characters changes nothing.
    return _ENDS_SCRIPT.sub(r"\\x3c", text)


def _escaped_json(content: Mapping[str, Any]) -> str:  # Any: see page_html
    # json escapes all but ASCII, so also lone surrogates and line separators.
    return json.dumps(packed(content), separators=(",", ":"), allow_nan=False).replace("<", "\\u003c")
