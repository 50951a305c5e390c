"""What a run leaves: its summary, from text to values, and a log that may end with a lack of GPU memory."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from hpsearch.core.errors import SummaryError
from hpsearch.core.model import Summary
from hpsearch.core.ranking import number_of
from hpsearch.core.value_text import whole_text

_NUMBER = re.compile(r"[+-]?(?:(?:\d+(?:\.\d*)?|\.\d+)(?:e[+-]?\d+)?|nan|inf(?:inity)?)", re.IGNORECASE)
_SEPARATORS = re.compile(r"[\s,;]+")
#: A number or a flat list as numpy, PyTorch and JAX write it: ``np.float64(0.5)``, ``tensor([1., 2.], device='cpu')``.
#: Compiled when it is used: few commands read a summary.
_WRAPPED = (
    r"(?:\b[a-z]+\.)?\b(?:u?int\d*|b?float\d*|bfloat16|longdouble|[tT]ensor|[aA]rray|DeviceArray)"
    r"\(\s*(?P<content>\[[^\[\]()]*\]|[^\[\](),\s]+)"
    r"(?:,\s*\w+=(?:'[^']*'|<[^<>]*>|\([^()]*\)|[\w.]+))*\s*\)"
)
_BRACKETS = {"[": "]", "(": ")"}
_MOST_BRACKETS = 8


def parse_summary(text: str, keywords: Sequence[str], name: str) -> dict[str, list[object]]:
    """Read the text of a summary file: a line for each keyword, ``keyword value...``, in any order.

    Lines without a keyword are ignored; of two lines for a keyword the first counts. name: the file, for messages.
    Returns keyword -> list with one string, keywords in the given order: ``['0.5']`` for one number or a word,
    ``['"1,2,3"']`` for several numbers (the inner quotes keep them in one cell of a spreadsheet), ``['']`` for nothing.
    Raises SummaryError, naming file, line and keyword, if a keyword is missing or a list goes on in the next line.
    """
    if not text.strip():
        raise SummaryError(f"{name}: the file is empty; expected a line for each of: {', '.join(keywords)}")
    found: dict[str, str] = {}
    by_first_word = _by_first_word(tuple(keywords))
    for number, line in enumerate(map(str.strip, text.split("\n")), start=1):
        keyword = _keyword_of(line, by_first_word.get(_first_word(line), ()))
        if keyword is None or keyword in found:
            continue
        value = line[len(keyword) :].strip()
        if _is_torn_list(value):
            raise SummaryError(f"{name}, line {number}: the list after {keyword!r} does not end on its line")
        found[keyword] = value
    missing = [keyword for keyword in keywords if keyword not in found]
    if missing:
        last = len(text.strip("\n").split("\n"))
        raise SummaryError(f"{name}, lines 1-{last}: no line starts with the keyword {', '.join(map(repr, missing))}")
    return {keyword: [cell_of(found[keyword])] for keyword in keywords}


@lru_cache
def _by_first_word(keywords: tuple[str, ...]) -> Mapping[str, Sequence[str]]:
    """Return the keywords that begin with a word, the longest first: word -> keywords."""
    by_word = dict[str, list[str]]()
    for keyword in sorted(keywords, key=len, reverse=True):
        by_word.setdefault(_first_word(keyword), []).append(keyword)
    return by_word


def _keyword_of(line: str, candidates: Sequence[str]) -> str | None:
    for keyword in candidates:
        # A blank of any kind behind the keyword tells `acc` from `acc_avg`.
        if line.startswith(keyword) and not line[len(keyword) : len(keyword) + 1].strip():
            return keyword
    return None


def _first_word(text: str) -> str:
    return text.split(None, 1)[0] if text.strip() else ""


def _is_torn_list(value: str) -> bool:
    """Return whether a list of numbers begins and does not end, as where numpy spreads an array over several lines."""
    if not value.startswith("["):
        return False
    bare = re.sub(_WRAPPED, r"\g<content>", value).lstrip("[(")
    return "]" not in value and ")" not in bare and _numbers_in(bare) is not None


def cell_of(value: str) -> str:
    """Return the table cell for the text after a keyword: a number, several numbers as ``"1,2,3"``, else the text."""
    if _NUMBER.fullmatch(value):
        return value
    text = re.sub(_WRAPPED, r"\g<content>", value)
    is_quoted = len(text) > 2 and text[0] == text[-1] and text[0] in "\"'"
    numbers = _numbers_in(text[1:-1] if is_quoted else _without_brackets(text))
    if not numbers or (is_quoted and len(numbers) > 1):
        return value
    return numbers[0] if len(numbers) == 1 else '"' + ",".join(numbers) + '"'


def _without_brackets(text: str) -> str:
    text = text.strip()
    for _ in range(_MOST_BRACKETS):
        if len(text) > 1 and _BRACKETS.get(text[0]) == text[-1]:
            text = text[1:-1].strip()
    return text


def _numbers_in(text: str) -> list[str] | None:
    """Return the numbers that a text consists of; None if there is anything else in it."""
    parts = [part for part in _SEPARATORS.split(text) if part]
    return parts if all(_NUMBER.fullmatch(part) for part in parts) else None


def numbers_of(cell: object) -> list[float]:
    """Return the numbers in a cell: one, or several of a learning curve; none if it holds anything else."""
    number = number_of(cell)
    if number is not None:
        return [number]
    text = re.sub(_WRAPPED, r"\g<content>", whole_text(cell).strip().strip('"'))
    return [float(part) for part in _numbers_in(_without_brackets(text)) or ()]


def as_lists(summary: Mapping[str, object]) -> dict[str, list[object]]:
    """Return a custom parser's answer as keyword -> list with one value; a tensor of one number is that number.

    Raises SummaryError where a list does not hold exactly one value.
    """
    lists: dict[str, list[object]] = {}
    for keyword, value in summary.items():
        entry = list(value) if isinstance(value, (list, tuple)) else [value]
        if len(entry) != 1:
            raise SummaryError(f"the summary parser gave {len(entry)} values for {keyword!r}; expected a list with one")
        lists[str(keyword)] = [_number_in_tensor(entry[0])]
    return lists


def numbers_in_tensors(summary: object) -> object:
    """Return a custom parser's answer with numbers in place of tensors of one number."""
    if not isinstance(summary, Mapping):
        return summary
    return {
        keyword: [_number_in_tensor(item) for item in value] if isinstance(value, list) else _number_in_tensor(value)
        for keyword, value in summary.items()
    }


def _number_in_tensor(value: Any) -> object:  # Any: told by its attributes, no library is imported
    # The text of numpy's own scalars is complete already.
    if type(value).__module__ == "numpy" or not (hasattr(value, "dtype") and hasattr(value, "item")):
        return value
    try:
        number: object = value.item()
    except (ValueError, TypeError, RuntimeError):
        return value  # It holds several numbers.
    return number


def is_finished(summary: Summary) -> bool:
    """Return whether the run finished. Raises SummaryError if the keyword ``finished`` is missing or is no number."""
    if "finished" not in summary:
        raise SummaryError("the summary has no keyword 'finished'")
    value = summary["finished"][0]
    try:
        return int(float(str(value))) == 1
    except (ValueError, OverflowError):
        raise SummaryError(f"the summary's 'finished' is {str(value)[:60]!r}; expected 0 or 1") from None


def same_cell(first: object, second: object) -> bool:
    """Return whether two values under a keyword are equal, as text or as numbers (``nan`` is ``nan``)."""
    ones, others = numbers_of(first), numbers_of(second)
    are_equal = all(a == b or (a != a and b != b) for a, b in zip(ones, others))
    return str(first) == str(second) or (bool(ones) and len(ones) == len(others) and are_equal)


def cell_under(summary: Summary | None, key: str) -> object:
    """Return the value under a keyword; empty if the summary is missing or lacks the keyword."""
    return (summary or {}).get(key, [""])[0]


#: What PyTorch, TensorFlow, JAX, CuPy and CUDA's own libraries say when GPU memory (not host memory) runs out.
_SIGNS = (
    r"CUDA out of memory|CUDA error: out of memory|OutOfMemoryError: (?:CUDA|HIP)|cuda\.OutOfMemoryError"
    r"|cudaErrorMemoryAllocation|CUDA_ERROR_OUT_OF_MEMORY|CUBLAS_STATUS_ALLOC_FAILED|CUDNN_STATUS_ALLOC_FAILED"
    r"|RESOURCE_EXHAUSTED: (?:Out of memory|OOM)|ResourceExhaustedError|OOM when allocating tensor"
)
#: The run survived an error further up.
_LAST_LINES = 60


def says_gpu_out_of_memory(log: str) -> str:
    """Return the line of a log's end that says that the GPU had no more memory; empty if none does."""
    lines = log.splitlines()[-_LAST_LINES:]
    return next((line.strip() for line in reversed(lines) if re.search(_SIGNS, line)), "")
