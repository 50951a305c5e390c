"""What a search needs to know after its planning, as its journal keeps it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from hpsearch.store.checked import build, check_path


@dataclass(frozen=True)
class Settings:
    """What a search needs to know after its planning; kept in the journal.

    program: the words before the options, e.g. ``('python3', 'train.py')``. run_cwd: absolute.
    shown_folder: the search folder as the user wrote it. option_names: all options of all runs, in order.
    import_paths: what was added to Python's search path to find the grid module.
    options: the command-line options of the search, name -> value.
    """

    program: tuple[str, ...]
    run_cwd: str
    shown_folder: str
    out_arg: str
    summary_filename: str
    summary_keywords: tuple[str, ...]
    performance_key: str
    sort_ascending: bool
    grid_module: str
    grid_file: str
    has_parser: bool
    option_names: tuple[str, ...]
    import_paths: tuple[str, ...] = ()
    options: Mapping[str, Any] = field(default_factory=dict)  # Any: whatever JSON can hold

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns of the table of results: options, the output option, summary keywords; each once."""
        return tuple(dict.fromkeys((*self.option_names, self.out_arg, *self.summary_keywords)))

    def to_json(self) -> dict[str, Any]:  # Any: see above
        """Return the settings as JSON can hold them."""
        return asdict(self)

    @classmethod
    def from_json(cls, found: Mapping[str, Any]) -> Settings:  # Any: see above
        """Read settings back; what a later version added is left out.

        Raises ValueError naming what is missing or of another type.
        """
        settings = build(cls, {name: value for name, value in found.items() if name in cls.__dataclass_fields__})
        lists = {name: tuple(value) for name, value in vars(settings).items() if isinstance(value, list)}
        settings = cls(**{**vars(settings), **lists})
        check_path("run_cwd", settings.run_cwd)
        check_path("shown_folder", settings.shown_folder)
        if not settings.program or "\0" in "".join(settings.program):
            raise ValueError("program is empty or has a NUL character; expected the words of a command")
        return settings
