"""Mean and spread of results over random seeds."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from hpsearch.core.errors import ConfigError

#: Digits after the decimal point: at least, and at most.
_USUAL_DECIMALS, _MOST_DECIMALS = 2, 12
#: From here on a number is written with an exponent.
_HUGE = 1e9


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

    use_sem: the spread is the standard error of the mean, instead of the standard deviation (of these values, not
    estimated for more: divided by their number).
    decimals: digits after the decimal point; None = as many as show two digits of the spread, at least two; or an
    exponent where that would hide the magnitude.
    """
    numbers = [value for value in values if value is not None and not math.isnan(value)]
    count = len(numbers)
    if not count:
        return Statistic(keyword, math.nan, math.nan, 0, _USUAL_DECIMALS if decimals is None else decimals)
    mean = _mean(numbers)
    spread = math.hypot(*(number - mean for number in numbers)) / math.sqrt(count) if math.isfinite(mean) else math.nan
    if use_sem:
        spread /= math.sqrt(count)
    return Statistic(keyword, mean, spread, count, _decimals(mean, spread) if decimals is None else decimals)


def _mean(numbers: Sequence[float]) -> float:
    try:
        return math.fsum(numbers) / len(numbers)
    except (OverflowError, ValueError):
        # Too large together, or infinities of both signs.
        return sum(number / len(numbers) for number in numbers)


def _decimals(mean: float, spread: float) -> int | None:
    """Return how many decimals show two significant digits of the spread, or of the mean where there is none.

    None if numbers need an exponent: they are huge, or tiny.
    """
    if math.isfinite(mean) and abs(mean) >= _HUGE:
        return None
    # Equal values can differ from their mean by the last bit, which is no spread to show.
    smallest = spread if spread > 1e-12 * abs(mean) else abs(mean)
    if not smallest or not math.isfinite(smallest):
        return _USUAL_DECIMALS
    # Of the rounded number: 0.0998 is shown as 0.10.
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


def spread_text(use_sem: bool) -> str:
    """Return for people by which number the spread divides."""
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
