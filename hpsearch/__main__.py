"""The command ``hpsearch``, also ``python -m hpsearch``: one subcommand for each thing to do with a search."""

from __future__ import annotations

import _signal  # of this the module signal is made; it needs no import that Ctrl-C could break off
import os
import sys

#: Also the installed command imports this module and calls `main`.
_IS_COMMAND = __name__ == "__main__" or sys.argv[0].endswith("/hpsearch")
if _IS_COMMAND and _signal.getsignal(_signal.SIGINT) is _signal.default_int_handler:
    # Ctrl-C while the imports below go on: nothing is begun yet, so there is nothing to say.
    _signal.signal(_signal.SIGINT, lambda *_: os._exit(130))

from collections.abc import Callable, Sequence  # noqa: E402
from typing import TYPE_CHECKING  # noqa: E402

if TYPE_CHECKING:
    from hpsearch.console.console import Console


def _run(argv: Sequence[str]) -> int:
    from hpsearch.hpsearch import _DEFAULT_GRID
    from hpsearch.search.command import main as search

    return search(argv, _DEFAULT_GRID, prog="hpsearch run")


def _function(module: str, name: str = "main") -> Callable[[Sequence[str]], int]:
    """Return a subcommand that is imported only when it is called."""

    def call(argv: Sequence[str]) -> int:
        from importlib import import_module

        exit_status: int = getattr(import_module(module), name)(argv)
        return exit_status

    return call


def _postprocess(argv: Sequence[str]) -> int:
    from hpsearch.hpsearch_postprocessing import main as postprocess

    return postprocess(argv, prog="hpsearch postprocess")


def _seeds(argv: Sequence[str]) -> int:
    from hpsearch.gather_random_seeds import main as seeds

    return seeds(argv, prog="hpsearch seeds")


#: Subcommand -> what it does, and its function: arguments -> exit status.
_SUBCOMMANDS: dict[str, tuple[str, Callable[[Sequence[str]], int]]] = {
    "run": ("run a search, or resume one (the options of python -m hpsearch.hpsearch)", _run),
    "status": ("how far a search is, what is best so far, what runs where", _function("hpsearch.results.status")),
    "best": ("the best configurations, or their commands", _function("hpsearch.results.best")),
    "export": ("all runs as one table, CSV or JSON, for other programs", _function("hpsearch.results.export")),
    "logs": ("what a run printed, live or ended", _function("hpsearch.results.logs")),
    "cancel": ("stop a search and everything that belongs to it", _function("hpsearch.search.command", "cancel")),
    "resume": ("go on with a search that was interrupted", _function("hpsearch.search.command", "resume")),
    "retry": ("run failed runs again, or those that are named", _function("hpsearch.search.command", "retry")),
    "repair": ("make a search usable again whose own files are damaged", _function("hpsearch.folder.repair")),
    "postprocess": ("put the results of an ended or killed search in order", _postprocess),
    "seeds": ("repeat the best run under several random seeds: mean and spread", _seeds),
}


def _usage() -> str:
    from hpsearch import __version__

    listed = "\n".join(f"  {name:<13}{text}" for name, (text, _) in _SUBCOMMANDS.items())
    return f"hpsearch {__version__}\n\nusage: hpsearch SUBCOMMAND ...   (hpsearch SUBCOMMAND --help)\n\n{listed}\n"


def main(argv: Sequence[str] | None = None) -> int:
    """Run a subcommand; return the exit status. argv: None = the command line of this process."""
    from hpsearch.console.exit_status import told, whole_process

    if argv is None:
        return whole_process(lambda: told(_answer)(sys.argv[1:]))
    return told(_answer)(list(argv))


def _answer(words: Sequence[str]) -> int:
    if words and words[0] in _SUBCOMMANDS:
        return _SUBCOMMANDS[words[0]][1](words[1:])

    from hpsearch import __version__
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
