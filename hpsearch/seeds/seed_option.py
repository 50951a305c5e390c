"""Which option gives the script its seed, where the user of ``hpsearch seeds`` names none."""

from dataclasses import replace
from pathlib import Path

from hpsearch.console.console import Console
from hpsearch.core.model import RunState
from hpsearch.folder.reading import recorded_search
from hpsearch.seeds.options import SeedsOptions
from hpsearch.starter.seed_names import USUAL_SEED, declared_names, seed_option_in
from hpsearch.store.record import SearchRecord


def with_seed_option(options: SeedsOptions, folder: Path, console: Console) -> SeedsOptions:
    """Return the options with the option that takes the seed; say which one it is if it is not the usual one.

    folder: of the search, or of one of its runs.
    """
    if options.seed_option:
        return options
    record = recorded_search(folder) or recorded_search(folder.parent)
    name = (_option_of(record) if record is not None else "") or USUAL_SEED
    if name != USUAL_SEED:
        console.note(f"seeds go to --{name} (--seed_option=NAME for another)")
    return replace(options, seed_option=name)


def _option_of(record: SearchRecord) -> str:
    """Return the option that seeds the script, as its finished runs or its source tell; empty if neither does."""
    settings = record.known_settings()
    # A run that failed may have been given an option that the script does not know.
    finished = (entry.run.configuration for entry in record if entry.result.state is RunState.FINISHED)
    given = dict.fromkeys(name for configuration in finished for name, _ in configuration.options)
    return seed_option_in(given) or seed_option_in(declared_names(settings.program, Path(settings.run_cwd)))
