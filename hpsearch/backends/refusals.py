"""What a scheduler's refusal means, by its words: refused for now, for good, or for an unknown reason."""

from __future__ import annotations

import re
from collections.abc import Sequence

from hpsearch.core.errors import SearchError, SubmissionRefused, SubmissionUnexplained

#: The words of a refusal, and the error that it becomes.
Meaning = tuple[re.Pattern[str], type[SearchError]]

#: What the operating system on either side says, with any scheduler; room, or the network, may be back soon.
SYSTEM_IS_SHORT = (
    r"Resource temporarily unavailable|Cannot allocate memory|Too many open files|No space left|quota exceeded"
    r"|I/O error|Input/output error|Stale (?:NFS )?file handle|Read-only file system|resource busy|Text file busy"
    r"|Connection refused|No route to host|Network is (?:unreachable|down)|Host is down|Interrupted system call"
    r"|name resolution|Name or service not known|try again|retrying"
    r"|(?:presently|currently|temporarily) (?:un|dis|not\b|busy)"
)


def meanings(*pairs: tuple[type[SearchError], str]) -> tuple[Meaning, ...]:
    """Return a table of meanings; the first pattern that matches decides, in upper or lower case."""
    return tuple((re.compile(words, re.IGNORECASE), kind) for kind, words in pairs)


def meaning(text: str, table: Sequence[Meaning], errors: str = "") -> type[SearchError]:
    """Return what a scheduler's text means; SubmissionUnexplained if nothing in the table matches.

    errors: the part that tells of the refusal, if known; SubmissionRefused is looked for only there, because sites also
    print what a job asks for without refusing it ("account lab is used").
    """
    for words, kind in table:
        if words.search(errors or text if kind is SubmissionRefused else text):
            return kind
    return SubmissionUnexplained


def refusal(command: str, said: str, kind: type[SearchError]) -> SearchError:
    return kind(f"{command} refused the job: {said}" if issubclass(kind, SubmissionRefused) else said)
