"""What it means when a scheduler takes no job: by its words, for the moment, for good, or nobody here knows."""

from __future__ import annotations

import re
from collections.abc import Sequence

from hpsearch.core.errors import SearchError, SubmissionRefused, SubmissionUnexplained

#: Words by which a refusal is recognised, and the error that it becomes.
Meaning = tuple[re.Pattern[str], type[SearchError]]

#: Said by the operating system of either side, whichever the scheduler: it may have room, or a network, again soon.
SYSTEM_IS_SHORT = (
    r"Resource temporarily unavailable|Cannot allocate memory|Too many open files|No space left|quota exceeded"
    r"|I/O error|Input/output error|Stale (?:NFS )?file handle|Read-only file system|resource busy|Text file busy"
    r"|Connection refused|No route to host|Network is (?:unreachable|down)|Host is down|Interrupted system call"
    r"|name resolution|Name or service not known|try again|retrying"
    r"|(?:presently|currently|temporarily) (?:un|dis|not\b|busy)"
)


def meanings(*pairs: tuple[type[SearchError], str]) -> tuple[Meaning, ...]:
    """Return a table of words, in which capitals do not count; of several that are found the first holds."""
    return tuple((re.compile(words, re.IGNORECASE), kind) for kind, words in pairs)


def meaning(text: str, table: Sequence[Meaning], errors: str = "") -> type[SearchError]:
    """Return what a scheduler's text means; words that are in no table may mean anything.

    errors: the part that tells of the refusal, if that is known: what a job asks for is also named in the chatter of
    sites ("account lab is used").
    """
    for words, kind in table:
        if words.search(errors or text if kind is SubmissionRefused else text):
            return kind
    return SubmissionUnexplained


def refusal(command: str, said: str, kind: type[SearchError]) -> SearchError:
    """Return the error, with the words of the scheduler."""
    return kind(f"{command} refuses the job: {said}" if issubclass(kind, SubmissionRefused) else said)
