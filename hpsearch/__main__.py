"""The command ``hpsearch``, also ``python -m hpsearch``: one subcommand for each thing to do with a search."""

from __future__ import annotations

import sys

from hpsearch import __version__, end_at_ctrl_c

# Also the installed command imports this module and calls `main`.
if __name__ == "__main__" or sys.argv[0].endswith("/hpsearch"):
    end_at_ctrl_c()

from collections.abc import Sequence
from typing import TYPE_CHECKING

from hpsearch.console.exit_status import told, whole_process

if TYPE_CHECKING:
    from hpsearch.console.console import Console

#: Subcommand -> what it does, and its function as MODULE:NAME, imported when it is called: arguments -> exit status.
_SUBCOMMANDS = {
    "run": ("run a search, or resume one (the options of python -m hpsearch.hpsearch)", "hpsearch:main"),
    "status": ("how far a search is, what is best so far, what runs where", "results.status:main"),
    "best": ("the best configurations, or their commands", "results.best:main"),
    "export": ("all runs as one table, CSV or JSON, for other programs", "results.export:main"),
    "logs": ("what a run printed, live or ended", "results.logs:main"),
    "cancel": ("stop a search and everything that belongs to it", "search.command:cancel"),
    "resume": ("go on with a search that was interrupted", "search.command:resume"),
    "retry": ("run failed runs again, or those that are named", "search.command:retry"),
    "repair": ("make a search usable again whose own files are damaged", "folder.repair:main"),
    "postprocess": ("put the results of an ended or killed search in order", "hpsearch_postprocessing:main"),
    "seeds": ("repeat the best run under several random seeds: mean and spread", "gather_random_seeds:main"),
}
#: Those that are commands of their own, too, and have to be told by what name they were called.
_COMMANDS = ("run", "postprocess", "seeds")


def _usage() -> str:
    listed = "\n".join(f"  {name:<13}{text}" for name, (text, _) in _SUBCOMMANDS.items())
    return f"hpsearch {__version__}\n\nusage: hpsearch SUBCOMMAND ...   (hpsearch SUBCOMMAND --help)\n\n{listed}\n"


def main(argv: Sequence[str] | None = None) -> int:
    """Run a subcommand; return the exit status. argv: None = the command line of this process."""
    return whole_process(lambda: _answer(sys.argv[1:])) if argv is None else _answer(argv)


@told
def _answer(words: Sequence[str]) -> int:
    if words and words[0] in _SUBCOMMANDS:
        from importlib import import_module

        module, _, name = _SUBCOMMANDS[words[0]][1].partition(":")
        named = {"prog": f"hpsearch {words[0]}"} if words[0] in _COMMANDS else {}
        return int(getattr(import_module(f"hpsearch.{module}"), name)(words[1:], **named))

    from hpsearch.console.console import Console

    console = Console(stamps=False)
    if words[:1] in (["-h"], ["--help"]):
        return console.results(_usage().splitlines())
    if words[:1] == ["--version"]:
        return console.results([f"hpsearch {__version__}"])
    return _refuse(words, console)


def _refuse(words: Sequence[str], console: Console) -> int:
    if not words:
        console.error(f"a subcommand is missing\n\n{_usage().rstrip()}")
        return 2
    from difflib import get_close_matches

    if words[0].startswith("-"):
        console.error(f"a subcommand is missing before {words[0]!r}; for a search: hpsearch run {words[0]} ...")
        return 2
    near = get_close_matches(words[0], _SUBCOMMANDS, 1)
    meant = f"; did you mean {near[0]}?" if near else ""
    console.error(f"there is no subcommand {words[0]!r}{meant} (hpsearch --help lists them)")
    return 2


if __name__ == "__main__":
    sys.exit(main())
