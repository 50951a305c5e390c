#!/usr/bin/env python3
"""Run a hyperparameter search: ``python -m hpsearch.hpsearch --grid_module=...``.

This file may also be started from inside its own folder, or be copied beside a simulation, with `_DEFAULT_GRID`
edited. Its folder then comes first on Python's search path, so that this file hides its own package; the first lines
mend that.
"""

import _signal  # the core of the module signal; loading it runs no import that Ctrl-C could interrupt
import os
import sys

if __name__ == "__main__" and _signal.getsignal(_signal.SIGINT) is _signal.default_int_handler:
    # Ctrl-C during the imports below: nothing has begun yet, so there is nothing to say.
    _signal.signal(_signal.SIGINT, lambda *_: os._exit(130))

#: The module with the grid if ``--grid_module`` is not given.
_DEFAULT_GRID = ""


def _make_package_importable() -> None:
    """Let ``import hpsearch`` mean the package, wherever this file was started from."""
    here = os.path.dirname(os.path.abspath(__file__))  # noqa: PTH100, PTH120  (pathlib would cost every start 10 ms)

    def holds_package(folder: str) -> bool:
        return os.path.isfile(os.path.join(folder, "hpsearch", "core", "model.py"))  # noqa: PTH113, PTH118

    def is_here(entry: str) -> bool:
        return os.path.abspath(entry or os.getcwd()) == here  # noqa: PTH100, PTH109

    is_inside_package = holds_package(os.path.dirname(here)) and os.path.basename(here) == "hpsearch"  # noqa: PTH119, PTH120
    sys.path[:] = [entry for entry in sys.path if not is_here(entry)]
    root = os.path.dirname(here)  # noqa: PTH120
    while not holds_package(root) and root != os.path.dirname(root):  # noqa: PTH120
        root = os.path.dirname(root)  # noqa: PTH120
    if holds_package(root) and root not in sys.path:
        sys.path.insert(0, root)
    sys.modules.pop("hpsearch", None)
    import hpsearch.core  # noqa: F401  (from here on the name means the package)

    # A copy lies beside the modules of its simulation; our own folders must not hide those of the user.
    if is_inside_package:
        from hpsearch.user_code.import_paths import find_beside_commands

        find_beside_commands()
    else:
        sys.path.insert(0, here)


# Imported as top-level `hpsearch`, this file hides the package: hand the importer the package instead.
if __name__ in ("__main__", "hpsearch") and not __package__:
    _make_package_importable()


def hpsearch_cli_arguments(  # type: ignore[no-untyped-def]  # a parser or a group: argparse has no public common type
    parser,
    show_num_searches: bool = True,
    show_out_dir: bool = True,
    dout_dir: str = "./out/hyperparam_search",
    show_grid_module: bool = True,
) -> None:
    """Add the options of a search to an argparse parser or group.

    dout_dir: default of ``--out_dir``. The other arguments leave options out.
    """
    from hpsearch.config.parsers import hpsearch_cli_arguments as add

    add(parser, show_num_searches, show_out_dir, dout_dir, show_grid_module, _DEFAULT_GRID)


def run(argv: "list[str] | None" = None, dout_dir: str = "./out/hyperparam_search") -> str:
    """Run a search; return the path of ``search_results.csv`` (empty after ``--dry_run``).

    argv: the options, instead of those of the command line. dout_dir: default of ``--out_dir``.
    Raises hpsearch.core.errors.SearchError if it cannot be run.
    """
    from hpsearch.search.command import run as search

    return search(argv, dout_dir, _DEFAULT_GRID)


def main(argv: "list[str]", prog: "str | None" = None) -> int:
    """Run a search; return the exit status. Errors are printed on standard error."""
    from hpsearch.search.command import main as search

    beside = os.path.dirname(os.path.abspath(__file__)) if __name__ == "__main__" else ""  # noqa: PTH100, PTH120
    return search(argv, _DEFAULT_GRID, prog, beside)


def __getattr__(name: str):  # type: ignore[no-untyped-def]  # the old names differ in type
    """Give modules of the older tool the names that they expect here."""
    from hpsearch.config.old_names import old_attribute

    return old_attribute(name)


if __name__ == "__main__":
    from hpsearch.console.exit_status import whole_process

    sys.exit(whole_process(lambda: main(sys.argv[1:])))
