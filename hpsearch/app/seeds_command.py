"""The command that gathers seeds: options in, exit status out. Imports what it needs only after reading the options."""

from __future__ import annotations

from collections.abc import Sequence

from hpsearch.app.command import tell_end
from hpsearch.app.seeds_options import SeedsArguments, parse_seeds_options
from hpsearch.core.errors import SearchError, reason_of


def main(argv: Sequence[str], arguments: SeedsArguments | None = None, prog: str | None = None) -> int:
    """Gather seeds; return the command's exit status, errors told on standard error.

    arguments: what a user's script says, so that its command line need not.
    """
    arguments = arguments or SeedsArguments()
    try:
        options = parse_seeds_options(argv, arguments, prog)
        from hpsearch.app.screen import Screen
        from hpsearch.app.seeds import gather_seeds

        return gather_seeds(options, arguments.hpmod_path, Screen())
    except SearchError as error:
        return tell_end(str(error), error.exit_status)
    except OSError as error:
        # Another user's folder, a disk that does not answer: nothing that a traceback would explain better.
        return tell_end(f"{error.filename or 'a file'}: {reason_of(error)}", 2)
    except KeyboardInterrupt:
        return tell_end("stopped before the search was started", 130)
