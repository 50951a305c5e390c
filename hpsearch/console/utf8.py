"""Texts reach runs, files and people as UTF-8, whatever the locale in which this process was started."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable

from hpsearch.core.errors import UsageError


def restart_in_utf8_mode() -> None:
    """Start this process anew in Python's UTF-8 mode if its locale has another encoding.

    Nothing may have been done yet. The environment stays as it is, so that the runs start as the user wants.
    """
    if sys.getfilesystemencoding() != "utf-8" and sys.executable and "utf8" not in sys._xoptions:
        os.execv(sys.executable, [sys.executable, "-X", "utf8", *sys.orig_argv[1:]])


def check_texts(texts: Iterable[str]) -> None:
    """Make sure that other processes and the file system get these texts as UTF-8.

    They do not if a program of the user was started in another locale, and a text has more than ASCII.
    Raises UsageError, naming the first such text.
    """
    encoding = sys.getfilesystemencoding()
    for text in texts if encoding != "utf-8" else ():
        if not _arrives(text):
            raise UsageError(
                f"{text!a} cannot be passed on in this locale ({encoding}): "
                "start Python with -X utf8, or with LC_ALL=C.UTF-8"
            )


def _arrives(text: str) -> bool:
    try:
        return os.fsencode(text) == text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return False
