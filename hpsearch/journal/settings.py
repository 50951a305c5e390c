"""What a search needs to know after planning, as its journal keeps it."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

from hpsearch.journal.values import build, check_path
from hpsearch.startup.classes import asdict, dataclass, field, fields

#: Settings newer than the first journals; a journal leaves out those not used, and so looks as it always did.
_NEWER = ("keep_out_dir", "continue_arg", "progress_file", "progress_keys", "budget_arg")


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What a search needs to know after planning; kept in the journal. A grid module alone leaves some at defaults.

    program: the words before the options, e.g. ``('python3', 'train.py')``. run_cwd: absolute.
    shown_folder: as the user wrote it. option_names: all options of all runs, in order.
    import_paths: added to Python's search path to find the grid module. options: on the command line, name -> value.
    keep_out_dir, continue_arg: how another attempt goes on from the one before; see `continues`.
    progress_file, progress_keys: where a live run writes values; the names of values and steps in there.
    budget_arg: the option that says how long a run trains.
    """

    program: tuple[str, ...] = ()
    run_cwd: str = ""
    shown_folder: str = ""
    out_arg: str = "out_dir"
    summary_filename: str
    summary_keywords: tuple[str, ...]
    performance_key: str
    sort_ascending: bool = False
    grid_module: str = ""
    grid_file: str = ""
    has_parser: bool = False
    option_names: tuple[str, ...] = ()
    import_paths: tuple[str, ...] = ()
    options: Mapping[str, Any] = field(default_factory=dict)  # Any: whatever JSON can hold
    keep_out_dir: bool = False
    continue_arg: str = ""
    progress_file: str = ""
    progress_keys: tuple[str, ...] = ()
    budget_arg: str = ""

    @property
    def continues(self) -> bool:
        """True if the script saves its state, so that another attempt at a run goes on from the one before."""
        return self.keep_out_dir or bool(self.continue_arg)

    @property
    def budget_option(self) -> str:
        """The option that sets a run's budget; empty in a search without ``--budgets``."""
        return self.budget_arg if self.options.get("budgets") else ""

    @property
    def grid_source(self) -> str:
        """The grid module for messages: its file, or its name if it has none."""
        return self.grid_file or self.grid_module

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns of the table of results: options, the output option, summary keywords; each once."""
        return tuple(dict.fromkeys((*self.option_names, self.out_arg, *self.summary_keywords)))

    @property
    def name(self) -> str:
        """The search's ``--name``; empty if it has none."""
        return str(self.options.get("name") or "")

    @cached_property
    def home(self) -> Path:
        """The user's own folder, in which runs execute unless there is a snapshot of their code."""
        return Path(self.options["run_cwd"] if self.options.get("snapshot") else self.run_cwd)

    def to_json(self) -> dict[str, Any]:  # Any: see above
        """Return the settings as JSON can hold them."""
        return {name: value for name, value in asdict(self).items() if value or name not in _NEWER}

    @classmethod
    def from_json(cls, found: Mapping[str, Any]) -> Settings:  # Any: see above
        """Read settings, leaving out what a later version added. Raises ValueError naming the field that is wrong."""
        names = {each.name for each in fields(cls)}
        values = {name: tuple(value) if isinstance(value, list) else value for name, value in found.items()}
        settings = build(cls, {name: value for name, value in values.items() if name in names})
        missing = names - {*found, "import_paths", "options", *_NEWER}
        if missing:
            raise ValueError(f"the field {min(missing)} is missing")
        check_path("run_cwd", settings.run_cwd)
        check_path("shown_folder", settings.shown_folder)
        if not settings.program or "\0" in "".join(settings.program):
            raise ValueError("program is empty or has a NUL character; expected the words of a command")
        return settings
