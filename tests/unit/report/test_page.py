"""The text of the page: nothing that is filled in can break out of its element, and a page is recognised as ours."""

from __future__ import annotations

import json
import re
from collections import Counter
from html.parser import HTMLParser
from pathlib import Path

import pytest

from hpsearch.report import page
from hpsearch.report.page import MARK, page_html, plotly_javascript

#: Texts that would end the page's elements if they were not escaped, or that cannot be encoded.
HOSTILE = ("</script><script>alert(1)</script>", "<!--<script>", "/*PLOTLY*/ <!--CONTENT-->", "\u2028\u2029", "\ud800")


class _Elements(HTMLParser):
    """The content of each script of a page."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=False)
        self.scripts: list[str] = []
        self._is_in_script = False

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self._is_in_script = tag == "script"
        self.scripts += [""] * self._is_in_script

    def handle_endtag(self, tag: str) -> None:
        self._is_in_script = False

    def handle_data(self, text: str) -> None:
        if self._is_in_script:
            self.scripts[-1] += text


def scripts_of(page: str) -> list[str]:
    parser = _Elements()
    parser.feed(page)
    return parser.scripts


@pytest.mark.parametrize("text", HOSTILE, ids=ascii)
def test_hostile_text_comes_back_from_the_page_as_it_was(text: str) -> None:
    found = scripts_of(page_html({"text": text}, ""))
    assert [json.loads(script) for script in found[:1]] == [{"text": text}]
    assert len(found) == 3


@pytest.mark.parametrize("text", HOSTILE, ids=ascii)
def test_a_page_with_hostile_text_can_be_written_as_utf_8(text: str) -> None:
    assert page_html({"text": text}, "").encode()


def test_a_script_of_a_library_cannot_end_its_element() -> None:
    found = scripts_of(page_html({}, 'const text = "</script><script>"; const mark = "<!--";'))
    assert found[1].strip() == 'const text = "\\x3c/script>\\x3cscript>"; const mark = "\\x3c!--";'
    assert len(found) == 3


def test_a_page_begins_with_our_mark() -> None:
    assert page_html({}, "").startswith(MARK)


def test_a_number_that_json_lacks_is_refused() -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        page_html({"value": float("nan")}, "")


def test_the_page_may_load_nothing() -> None:
    policy = re.search('Content-Security-Policy" content="([^"]*)"', page_html({}, ""))
    assert policy is not None
    assert policy[1] == (
        "default-src 'none'; script-src 'unsafe-inline' 'unsafe-eval' blob:; style-src 'unsafe-inline'; "
        "img-src data: blob:; connect-src 'none'; form-action 'none'; base-uri 'none'"
    )


def test_no_marker_of_the_template_is_left() -> None:
    assert re.findall(r"/\*[A-Z]+\*/|<!--CONTENT-->", page_html({}, "")) == []


def test_all_scripts_stand_in_one_scope_and_the_page_starts_last() -> None:
    own = scripts_of(page_html({}, ""))[2].strip()
    assert own.startswith('(() => {\n"use strict";\n')
    assert own.endswith("start();\n})();")


def test_plotly_brings_its_javascript() -> None:
    assert "plotly.js" in plotly_javascript()[:200]


def test_scripts_declare_each_name_once() -> None:
    """They share one scope, in which a second function of a name would silently take the place of the first."""
    declared = re.findall(
        r"^(?:async )?(?:function|class|const|let) (\w+)", scripts_of(page_html({}, ""))[2], re.MULTILINE
    )
    assert [name for name, count in Counter(declared).items() if count > 1] == []


def test_no_two_names_of_the_scripts_are_the_same() -> None:
    # All share one scope, in which the later of two functions replaces the earlier without a word.
    folder = Path(page.__file__).with_name("page")
    scripts = [path.read_text(encoding="utf-8") for path in sorted(folder.glob("*.js"))]
    names = [
        name for text in scripts for name in re.findall(r"^(?:async )?(?:function|const|let|class) (\w+)", text, re.M)
    ]
    assert [name for name, count in Counter(names).items() if count > 1] == []
