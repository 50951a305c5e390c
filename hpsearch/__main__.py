"""The command ``hpsearch``, also ``python -m hpsearch``: one subcommand for each thing to do with a search."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence


def _run(argv: Sequence[str]) -> int:
    from hpsearch.app.command import main as search
    from hpsearch.hpsearch import _DEFAULT_GRID

    return search(argv, _DEFAULT_GRID, prog="hpsearch run")


def _postprocess(argv: Sequence[str]) -> int:
    from hpsearch.hpsearch_postprocessing import main as postprocess

    return postprocess(argv, prog="hpsearch postprocess")


def _seeds(argv: Sequence[str]) -> int:
    from hpsearch.app.seeds_command import main as seeds

    return seeds(argv, prog="hpsearch seeds")


#: Subcommand -> what it does, and its function: arguments -> exit status.
_SUBCOMMANDS: dict[str, tuple[str, Callable[[Sequence[str]], int]]] = {
    "run": ("run a search, or resume one (the options of python -m hpsearch.hpsearch)", _run),
    "postprocess": ("put the results of an ended or killed search in order", _postprocess),
    "seeds": ("repeat the best run under several random seeds: mean and spread", _seeds),
}


def _usage() -> str:
    from hpsearch import __version__

    listed = "\n".join(f"  {name:<12}{text}" for name, (text, _) in _SUBCOMMANDS.items())
    return f"hpsearch {__version__}\n\nusage: hpsearch SUBCOMMAND ...   (hpsearch SUBCOMMAND --help)\n\n{listed}\n"


def main(argv: Sequence[str] | None = None) -> int:
    """Run a subcommand; return the exit status."""
    words = list(sys.argv[1:] if argv is None else argv)
    if words[:1] in (["-h"], ["--help"]):
        sys.stdout.write(_usage())
        return 0
    if words[:1] == ["--version"]:
        from hpsearch import __version__

        sys.stdout.write(f"hpsearch {__version__}\n")
        return 0
    if not words or words[0] not in _SUBCOMMANDS:
        found = f"there is no subcommand {words[0]!r}" if words else "a subcommand is missing"
        sys.stderr.write(f"hpsearch: {found}\n\n{_usage()}")
        return 2
    return _SUBCOMMANDS[words[0]][1](words[1:])


if __name__ == "__main__":
    sys.exit(main())
