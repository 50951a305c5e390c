"""The configurations that a sampler chooses from: from a space to the journal, and back."""

from __future__ import annotations

import base64
import binascii
import zlib
from typing import TYPE_CHECKING

from hpsearch.core.coding import Column, Selection
from hpsearch.core.errors import FolderError
from hpsearch.journal.events import SearchCandidates
from hpsearch.journal.values import decode, encode
from hpsearch.samplers.candidates import CandidateOption, Candidates

if TYPE_CHECKING:
    from hpsearch.core.coding import Codes

#: A space with more configurations than this is sampled.
MOST_CANDIDATES = 20_000
#: The longest list that is built only to sample from it.
MOST_LISTED = 1_000_000
#: The type of codes in the journal; wide enough, since no more values than candidates are in use.
_CODE = "<u2"


def listed(selection: Selection) -> SearchCandidates:
    """Return the journal's event for a space: all its configurations, or a sample of `MOST_CANDIDATES`."""
    report, count = selection.report, len(selection)
    if report.available is not None:
        is_all, available = count == report.available, report.available
    else:
        is_all, available = count < MOST_CANDIDATES and report.tried is None, 0
    return event_of(candidates_of(selection), None if is_all else available)


def candidates_of(selection: Selection) -> Candidates:
    """Return the chosen configurations in the order of the grid, with the values that they use."""
    import numpy as np

    rows = np.array([list(row) for row in selection.rows()], dtype=np.int32).reshape(len(selection), -1)
    options, columns = [], []
    for column, codes in zip(selection.columns, rows.T):
        kept, renamed = _in_use(column, codes)
        if kept:
            options.append(CandidateOption(column.name, tuple(column.values[code] for code in kept)))
            columns.append(renamed)
    rows = np.stack(columns, axis=1)
    return Candidates(tuple(options), rows[np.lexsort(rows.T[::-1])])


def _in_use(column: Column, codes: Codes) -> tuple[list[int], Codes]:
    """Return a column's values in use, each once, and the codes renumbered from 1 on."""
    import numpy as np

    number, kept, words = np.zeros(len(column.values), dtype=np.int32), list[int](), dict[int, int]()
    for code in np.unique(codes).tolist():
        if code:
            # A condition may list a value of the grid again.
            number[code] = words.setdefault(column.words[code], len(words) + 1)
            kept += [code] if len(words) > len(kept) else []
    return kept, number[codes]


def event_of(candidates: Candidates, available: int | None) -> SearchCandidates:
    """Return the journal's event for candidates. available: see `SearchCandidates`."""
    options = [[option.name, [encode(value) for value in option.values]] for option in candidates.options]
    # Column by column compresses much better.
    content = zlib.compress(candidates.rows.T.astype(_CODE).tobytes(), 9)
    return SearchCandidates(len(candidates), available, options, base64.b64encode(content).decode("ascii"))


def candidates_in(event: SearchCandidates) -> Candidates:
    """Return the candidates in a journal's event. Raises FolderError if `event_of` cannot have written it."""
    import numpy as np

    options = tuple(CandidateOption(name, tuple(decode(value) for value in values)) for name, values in event.options)
    if not 0 <= event.count <= MOST_LISTED:
        problem = f"is of {event.count:,} configurations; expected at most {MOST_LISTED:,}"
        raise FolderError(f"the journal's list of configurations {problem}")
    size = event.count * len(options) * np.dtype(_CODE).itemsize
    try:
        content = zlib.decompressobj().decompress(base64.b64decode(event.rows, validate=True), size + 1)
    except (zlib.error, binascii.Error) as error:
        raise FolderError(f"the journal's list of configurations cannot be read ({error})") from error
    if len(content) != size:
        raise FolderError(f"the journal's list of configurations has {len(content)} bytes instead of {size}")
    rows = np.frombuffer(content, dtype=_CODE).reshape(len(options), event.count).T.astype(np.int32)
    if any(codes.max(initial=0) > len(option.values) for codes, option in zip(rows.T, options)):
        raise FolderError("the journal's list of configurations names values that it lacks")
    return Candidates(options, rows)
