"""The page as a whole: it opens without errors, and nothing of it is loaded or sent anywhere."""

from __future__ import annotations

import pytest


@pytest.mark.parametrize(
    "body, complaint",
    [
        ("<img src='http://192.0.2.1/picture.png'>", "request: http://192.0.2.1/picture.png"),
        ("<script>throw new Error('wrong')</script>", "error: wrong"),
        ("<script>console.error('wrong')</script>", "console: wrong"),
        ("<script>alert('hello')</script>", "dialog: hello"),
    ],
)
def test_what_a_page_must_not_do_is_noticed(show, tmp_path, body, complaint):
    file = tmp_path / "page.html"
    file.write_text(f"<!doctype html><html data-ready=yes>{body}", encoding="utf-8")
    shown = show(file)
    assert complaint in shown.complaints
    shown.expected = [""]
