"""Mean and spread of results over random seeds, and whether two configurations differ by more than chance."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from itertools import zip_longest

from hpsearch.core.errors import ConfigError
from hpsearch.startup.classes import dataclass

#: Digits after the decimal point: at least, and at most.
_USUAL_DECIMALS, _MOST_DECIMALS = 2, 12
#: From here on a number is written with an exponent.
_HUGE = 1e9
#: How the table of configurations estimates the spread, for people.
SAMPLE_STD = "std divides by n - 1"
#: Equal values can differ from their mean by the last bit: a difference below this share of the value is none.
_LAST_BITS = 1e-12
#: A number without an exponent, and its decimals.
_PLAIN = re.compile(r"-?\d+(?:\.(\d+))?")
#: How many more decimals than another a number of the same column may need.
_ALIKE = 2
#: Simpson's rule: the number of steps, and how far below the largest angle the sine's power is practically 0.
_STEPS, _STEEP = 200, 12
#: A test with fewer values on either side gives no verdict.
FEWEST_FOR_TEST = 3


@dataclass(frozen=True)
class Statistic:
    """One keyword over all seeds.

    count: how many runs gave a number; without any, mean and spread are NaN.
    decimals: digits after the decimal point; None = numbers have an exponent, as in 3.6e+24.
    """

    keyword: str
    mean: float
    spread: float
    count: int
    decimals: int | None

    @property
    def texts(self) -> tuple[str, str]:
        """Mean and spread, rounded; both with an exponent where they have too many digits otherwise."""
        if self.decimals is None:
            return f"{self.mean:.{_digits(self.mean, self.spread)}e}", f"{self.spread:.1e}"
        return f"{self.mean:.{self.decimals}f}", f"{self.spread:.{self.decimals}f}"


def statistic(
    keyword: str, values: Iterable[float | None], use_sem: bool = False, decimals: int | None = None
) -> Statistic:
    """Return mean and spread of a keyword's values; None and NaN are left out.

    use_sem: the spread is the standard error of the mean instead of the standard deviation, which divides by n, not by
    n - 1.
    decimals: digits after the decimal point; None = as many as show two digits of the spread, at least two; or an
    exponent where that would hide the magnitude.
    """
    numbers = _numbers(values)
    count = len(numbers)
    if not count:
        return Statistic(keyword, math.nan, math.nan, 0, _USUAL_DECIMALS if decimals is None else decimals)
    mean = _mean(numbers)
    spread = _distance(numbers, mean) / math.sqrt(count)
    if use_sem:
        spread /= math.sqrt(count)
    return Statistic(keyword, mean, spread, count, _decimals(mean, spread) if decimals is None else decimals)


def _numbers(values: Iterable[float | None]) -> list[float]:
    # NaN is not equal to itself.
    return [value for value in values if value is not None and value == value]


def _mean(numbers: Sequence[float]) -> float:
    try:
        return math.fsum(numbers) / len(numbers)
    except (OverflowError, ValueError):
        # Too large together, or infinities of both signs.
        return sum(number / len(numbers) for number in numbers)


def _distance(numbers: Sequence[float], mean: float) -> float:
    """Return the root of the summed squares of all differences from the mean; NaN if some are infinite."""
    return math.hypot(*(number - mean for number in numbers)) if math.isfinite(mean) else math.nan


def _decimals(mean: float, spread: float) -> int | None:
    """Return how many decimals show two significant digits of the spread, or of the mean where there is none.

    None if numbers need an exponent: they are huge, or tiny.
    """
    if math.isfinite(mean) and abs(mean) >= _HUGE:
        return None
    smallest = spread if spread > _LAST_BITS * abs(mean) else abs(mean)
    if not smallest or not math.isfinite(smallest):
        return _USUAL_DECIMALS
    # The exponent of the rounded number: 0.0998 is shown as 0.10.
    exponent = int(f"{smallest:.1e}".partition("e")[2])
    decimals = max(_USUAL_DECIMALS, 1 - exponent)
    return decimals if decimals <= _MOST_DECIMALS else None


def _digits(mean: float, spread: float) -> int:
    """Return how many digits a mean with an exponent needs behind its point to be as exact as its spread."""
    if not mean or not spread or not math.isfinite(mean) or not math.isfinite(spread):
        return _USUAL_DECIMALS
    more = math.floor(math.log10(abs(mean))) - math.floor(math.log10(spread)) + 1
    return min(max(more, _USUAL_DECIMALS), _MOST_DECIMALS)


def decimals_of(precisions: int | Sequence[int] | None, keywords: Sequence[str]) -> list[int | None]:
    """Return the wanted number of decimals of each keyword; None where nothing is said.

    Raises ConfigError if there is not one number for each keyword.
    """
    if precisions is None or isinstance(precisions, int):
        return [precisions] * len(keywords)
    if len(precisions) != len(keywords):
        raise ConfigError(
            f"summary_precs has {len(precisions)} numbers, summary_keys {len(keywords)} keywords "
            f"({', '.join(keywords)}); expected one number for each keyword, or one for all"
        )
    return list(precisions)


def divisor_text(use_sem: bool) -> str:
    """Say what number the spread divides by."""
    std = "std divides by n, the number of seeds (as numpy.std does)"
    return f"sem is std / sqrt(n), where {std}" if use_sem else std


def statistics_lines(statistics: Sequence[Statistic], seeds: int, use_sem: bool) -> list[str]:
    """Return the statistics as lines: one a keyword, the number of seeds, and a row of a LaTeX table."""
    spread_name = "sem" if use_sem else "std"
    lines = []
    for entry in statistics:
        count = "" if entry.count == seeds else f" ({entry.count} of {seeds} seeds have a number)"
        lines.append(f"{entry.keyword} (mean +/- {spread_name}): {' +- '.join(entry.texts)}{count}")
    lines += [f"Number of seeds: {seeds}", "", "Row of a LaTeX table:"]
    lines += [" & ".join(entry.keyword.replace("_", r"\_") for entry in statistics)]
    return [*lines, " & ".join(r" $\pm$ ".join(entry.texts) for entry in statistics)]


@dataclass(frozen=True)
class Spread:
    """The numbers that the runs of one configuration gave under one keyword.

    std estimates the standard deviation of all such runs: it divides by count - 1. sem is std / sqrt(count). Both are
    NaN for a single number, and where infinity is among the numbers. low, high: the smallest and the largest number.
    """

    count: int
    mean: float
    std: float
    sem: float
    low: float
    high: float


def spread_of(values: Iterable[float | None]) -> Spread | None:
    """Return mean and spread of values, None and NaN left out; None if that leaves none."""
    numbers = _numbers(values)
    count = len(numbers)
    if not count:
        return None
    low, high, mean = min(numbers), max(numbers), _mean(numbers)
    if low == high:
        mean = low
    std = _distance(numbers, mean) / math.sqrt(count - 1) if count > 1 else math.nan
    return Spread(count, mean, std, std / math.sqrt(count), low, high)


def spreads_of(lists: Iterable[Sequence[float]]) -> list[Spread | None]:
    """Return mean and spread of lists (learning curves), element by element.

    Where the lists differ in length, an element counts the lists that reach it.
    """
    return [spread_of(values) for values in zip_longest(*lists)]


def mean_text(spread: Spread) -> str:
    """Return ``0.951 +- 0.004 (5)``: mean, standard deviation and count; ``0.951 (1)`` for a single number."""
    mean, std = _rounded(spread)
    return f"{mean} +- {std} ({spread.count})" if std else f"{mean} ({spread.count})"


def _rounded(spread: Spread) -> tuple[str, str]:
    """Return mean and standard deviation as texts; the second is empty for a single number.

    They show one significant digit of the standard deviation, or two if it begins with 1 or 2.
    """
    if math.isnan(spread.std):
        return f"{spread.mean:.6g}", ""
    if spread.std <= _LAST_BITS * abs(spread.mean):
        return f"{spread.mean:.6g}", "0"
    decimals = _decimals(spread.mean, spread.std)
    if decimals is not None:
        more = f"{spread.std:.1e}"[0] in "12"
        decimals = max(0, more - int(f"{spread.std:.0e}".partition("e")[2]))
    return Statistic("", spread.mean, spread.std, spread.count, decimals).texts


def column_texts(spreads: Sequence[Spread]) -> list[tuple[str, str]]:
    """Return mean and standard deviation of each, as `mean_text` shows them, but all with the same decimals.

    If their decimals differ by more than two, or numbers need an exponent, each keeps its own: else a small number
    would be rounded to 0.
    """
    texts = [_rounded(spread) for spread in spreads]
    finite = [text for spread, text in zip(spreads, texts) if math.isfinite(spread.mean)]
    spread_out = [mean for mean, std in finite if std not in ("", "0")]
    plain = [_PLAIN.fullmatch(mean) for mean in spread_out or [mean for mean, _ in finite]]
    decimals = [len(match[1] or "") for match in plain if match]
    if len(decimals) < len(plain) or not decimals or (spread_out and max(decimals) - min(decimals) > _ALIKE):
        return texts
    return [_with_decimals(spread, own, max(decimals)) for spread, own in zip(spreads, texts)]


def _with_decimals(spread: Spread, own: tuple[str, str], decimals: int) -> tuple[str, str]:
    """Return the texts with this many decimals, or `own` if rounding would hide the numbers."""
    mean = f"{spread.mean:.{decimals}f}"
    if not _PLAIN.fullmatch(own[0]) or (spread.mean and not float(mean)):
        return own
    return mean, own[1] and f"{spread.std:.{decimals}f}"


def welch_p(first: Spread, second: Spread) -> float | None:
    """Return the probability of a difference as large as this one or larger if both had the same mean (Welch's t-test).

    None if there is no verdict: fewer than three numbers on one side, or infinity among them.
    """
    if not math.isfinite(first.mean) or not math.isfinite(second.mean):
        return None
    lower, higher = sorted((first, second), key=lambda spread: spread.mean)
    one_sided = worse_p(lower, higher, ascending=True)
    return None if one_sided is None else 2 * one_sided


def worse_p(best: Spread, other: Spread, ascending: bool) -> float | None:
    """Return the one-sided probability of Welch's t-test: small if `other` is worse than `best` by more than chance.

    ascending: small numbers are good. An infinite mean is worse, or better, than any other for certain.
    None if there is no verdict: fewer than three numbers on one side, or the same infinity on both.
    """
    if min(best.count, other.count) < FEWEST_FOR_TEST:
        return None
    gap = other.mean - best.mean if ascending else best.mean - other.mean
    if math.isnan(gap) or math.inf in (best.std, other.std):
        return None
    if math.isinf(gap):
        return 0.0 if gap > 0 else 1.0
    error, largest = math.hypot(best.sem, other.sem), max(abs(best.mean), abs(other.mean))
    if error <= _LAST_BITS * largest:
        return 0.5 if abs(gap) <= _LAST_BITS * largest else float(gap < 0)
    freedom = 1 / sum((spread.sem / error) ** 4 / (spread.count - 1) for spread in (best, other))
    tail = _student_tail(abs(gap) / error, freedom)
    return tail if gap > 0 else 1 - tail


def _student_tail(t: float, freedom: float) -> float:
    """Return the probability that Student's t, with two degrees of freedom or more, is above `t`, 0 or more.

    With t as the cotangent of an angle (times the root of `freedom`), it is the area under a power of the sine.
    """
    most = math.atan2(math.sqrt(freedom), t)
    least = max(0.0, most - _STEEP / math.sqrt(freedom))
    step = (most - least) / _STEPS
    weights = (1 if k in (0, _STEPS) else 4 if k % 2 else 2 for k in range(_STEPS + 1))
    area = math.fsum(w * math.sin(least + k * step) ** (freedom - 1) for k, w in enumerate(weights)) * step / 3
    return min(0.5, area * math.exp(math.lgamma((freedom + 1) / 2) - math.lgamma(freedom / 2)) / math.sqrt(math.pi))
