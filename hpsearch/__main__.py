"""The command ``hpsearch``, also ``python -m hpsearch``: one command for each thing to do with searches."""

from __future__ import annotations

import sys

from hpsearch import __version__, end_at_ctrl_c

# The installed command, too, imports this module and calls `main`.
if __name__ == "__main__" or sys.argv[0].endswith("/hpsearch"):
    end_at_ctrl_c()

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from hpsearch.console.exit_status import whole_process, with_exit_status

if TYPE_CHECKING:
    from hpsearch.console.console import Console

#: Command -> (help, MODULE:NAME of its function, imported only when called). The function: arguments -> exit status.
_SUBCOMMANDS = {
    "init": ("Write a grid module for a script.", "starter.command:main"),
    "run": ("Run a search.", "hpsearch:main"),
    "list": ("List searches: their state, how far they are, what is best.", "results.listing:main"),
    "status": ("Show how far a search is, its best run and its failures.", "results.status:main"),
    "best": ("Show the best configurations, or their commands.", "results.best:main"),
    "logs": ("Show what a run printed.", "results.logs:main"),
    "why": ("Show why a sampler chose a run, or why it was stopped early.", "results.why:main"),
    "reproduce": ("Run a run again with its code, and compare the results.", "results.reproduce:main"),
    "cancel": ("Stop a search and all its runs.", "search.command:cancel"),
    "resume": ("Continue a search that was stopped.", "search.command:resume"),
    "extend": ("Run what is new in the grid of a search.", "search.command:extend"),
    "retry": ("Run failed runs again, or those you name.", "search.command:retry"),
    "seeds": ("Repeat the best configurations with several random seeds.", "gather_random_seeds:subcommand"),
    "report": ("Write one page in HTML with results, plots and failures.", "report.command:main"),
    "table": ("Print the table of a paper: means over seeds, the best marked.", "results.paper.table:main"),
    "export": ("Write all runs as one table: CSV, JSON, Parquet, ...", "results.export:main"),
    "postprocess": ("Complete the results of a search that was killed.", "hpsearch_postprocessing:main"),
    "repair": ("Repair a damaged search folder.", "folder.repair:main"),
    "completion": ("Print a script for completion in bash, zsh or fish.", "starter.completion:main"),
}
#: Commands that can also be started on their own, and so are told the name by which they were called.
_COMMANDS = ("run", "postprocess")


def _usage() -> str:
    listed = "\n".join(f"  {name:<13}{text}" for name, (text, _) in _SUBCOMMANDS.items())
    about = "Run a script with many option values and gather the results in a table."
    usage = "usage: hpsearch COMMAND ...   (hpsearch COMMAND --help explains one)"
    return f"{usage}\n\n{about}\n\n{listed}\n\nversion {__version__}\n"


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command; return the exit status. argv: None = the command line of this process."""
    return whole_process(lambda: _answer(sys.argv[1:])) if argv is None else _answer(argv)


@with_exit_status
def _answer(words: Sequence[str]) -> int:
    if words and words[0] in _SUBCOMMANDS:
        return _command(words[0])(words[1:])

    from hpsearch.console.console import Console

    console = Console(stamps=False)
    if words[:1] in (["-h"], ["--help"]):
        return console.results(_usage().splitlines())
    if words[:1] == ["--version"]:
        return console.results([f"hpsearch {__version__}"])
    return _refuse(words, console)


def _command(name: str) -> Callable[[Sequence[str]], int]:
    """Import the function of a command."""
    from functools import partial
    from importlib import import_module

    module, _, function = _SUBCOMMANDS[name][1].partition(":")
    command: Callable[..., int] = getattr(import_module(f"hpsearch.{module}"), function)
    if name in _COMMANDS:
        return partial(command, prog=f"hpsearch {name}")
    if name == "completion":
        return partial(
            command, commands={each: (text, partial(_command, each)) for each, (text, _) in _SUBCOMMANDS.items()}
        )
    return command


def _refuse(words: Sequence[str], console: Console) -> int:
    if not words:
        console.error(f"a command is missing\n\n{_usage().rstrip()}")
        return 2
    from difflib import get_close_matches

    if words[0].startswith("-"):
        console.error(f"a command is missing before {words[0]!r}; for a search: hpsearch run {words[0]} ...")
        return 2
    near = get_close_matches(words[0], _SUBCOMMANDS, 1)
    meant = f"; did you mean {near[0]}?" if near else ""
    console.error(f"there is no command {words[0]!r}{meant} (hpsearch --help lists them)")
    return 2


if __name__ == "__main__":
    sys.exit(main())
