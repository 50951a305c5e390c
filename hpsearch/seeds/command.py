"""The command that gathers seeds: options in, exit status out. Imports what it needs only after reading the options."""

from __future__ import annotations

from collections.abc import Sequence

from hpsearch.console.exit_status import told
from hpsearch.seeds.options import SeedsArguments, parse_seeds_options


@told
def main(argv: Sequence[str], arguments: SeedsArguments | None = None, prog: str | None = None) -> int:
    """Gather seeds; return the command's exit status, errors told on standard error.

    arguments: what a user's script says, so that its command line need not.
    """
    arguments = arguments or SeedsArguments()
    options = parse_seeds_options(argv, arguments, prog)
    from hpsearch.console.console import Console
    from hpsearch.seeds.gathering import gather_seeds

    return gather_seeds(options, arguments.hpmod_path, Console())
