"""The options of a search, written down: as the journal keeps them, and as words of a command line."""

from __future__ import annotations

import shlex
from typing import Any

from hpsearch.config.options import SearchOptions, all_options
from hpsearch.core.errors import UsageError
from hpsearch.startup.classes import fields

#: Options newer than the first journals; a journal leaves out those not used, and so looks as it always did.
_NEWER = (
    *("set", "reuse", "num_seeds", "seeds_list", "seed_option", "vary_data_seed", "on_end", "snapshot"),
    *("race", "race_p", "max_runs", "max_continuations", "signal_before_end", "sampler", "budgets", "optuna_sampler"),
    *("stop_early", "stop_after", "progress_pattern", "stop_dry_run"),
)


def recorded(options: SearchOptions) -> dict[str, Any]:  # Any: of the options' types
    """Return the options as the journal keeps them."""
    defaults = {each.name: each.default for each in fields(SearchOptions)}
    # An option given with its default takes back the search's earlier value.
    left_out = {name for name in _NEWER if name not in options.given_by_hand}
    return {k: v for k, v in vars(options).items() if k not in left_out or v != defaults[k]}


def to_argv(options: SearchOptions) -> list[str]:
    """Return the command-line words for these options, without defaults that the user did not give by hand."""
    words = []
    for name, field in all_options().items():
        value = getattr(options, name)
        if value == field.default and name not in options.given_by_hand:
            continue
        values = value if isinstance(value, tuple) else (value,)
        words += [f"--{name}"] if value is True else [f"--{name}={item}" for item in values]
    return words


def option_words(options: SearchOptions, name: str) -> tuple[str, ...]:
    """Return the words of an option whose value is options of another command.

    Raises UsageError if a quote in it is not closed.
    """
    try:
        return tuple(word for text in getattr(options, name) for word in shlex.split(text))
    except ValueError as error:
        raise UsageError(f"--{name}={' '.join(getattr(options, name))}: a quote is not closed ({error})") from error
