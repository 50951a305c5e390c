"""Which option of a script takes its random seed, judging by names; and the names that its source declares."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from hpsearch.config.given_paths import absolute
from hpsearch.config.options import USUAL_SEED
from hpsearch.core.errors import ConfigError, UsageError
from hpsearch.starter.reading import options_in_sources
from hpsearch.starter.source_files import parsed, sources_of

#: Names of options that seed a whole script, in the form of `_plain`.
_SEED_NAMES = frozenset(
    "random_seed randomseed seed rng_seed rngseed manual_seed manualseed global_seed torch_seed rand_seed train_seed "
    "training_seed random_state".split()
)
#: Also matches seeds of a part of the script, such as data_seed.
_ANY_SEED = re.compile(r"(.*_)?(seed|seeds|random_state|rng|randomseed|manualseed|rngseed)(_.*)?")


def _plain(name: str) -> str:
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower().replace("-", "_").replace(".", "_")


def is_seed(name: str) -> bool:
    """Return whether an option seeds the script or a part of it."""
    return _ANY_SEED.fullmatch(_plain(name)) is not None


def seed_option_in(names: Iterable[str]) -> str:
    """Return the option that seeds the whole script; empty if no name fits, or several do."""
    found = [name for name in dict.fromkeys(names) if _plain(name) in _SEED_NAMES]
    if USUAL_SEED in found:
        return USUAL_SEED
    return found[0] if len(found) == 1 else ""


def declared_names(program: Sequence[str], folder: Path) -> list[str]:
    """Return the options that a script's source declares; empty if it cannot be read. Executes nothing.

    program: the words of a run's command before its options. folder: where runs start.
    """
    try:
        file = next((path for path in _possible_files(program, folder) if path.is_file()), None)
        sources = [] if file is None else sources_of(file, parsed(file), [file.parent, folder])
        return [option.name for option in options_in_sources(sources).options]
    except (ConfigError, UsageError, OSError, RecursionError):
        return []


def _possible_files(program: Sequence[str], folder: Path) -> Iterator[Path]:
    """Yield possible paths of a script's source, the likeliest first."""
    if "-m" in program[:-1]:
        path = Path(folder, *program[program.index("-m") + 1].split("."))
        yield from (path.with_name(f"{path.name}.py"), path / "__main__.py")
    words = program[1:] or program
    yield from (absolute(word, folder) for word in words if word.endswith((".py", ".pyw")))
    yield from (absolute(word, folder) for word in words)
