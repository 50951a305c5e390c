"""``hpsearch reproduce``: execute a run again with the code it ran with, and compare the summaries."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from hpsearch.backends.git import ask_git
from hpsearch.backends.launcher import exit_reason
from hpsearch.backends.shell import run_command
from hpsearch.config.command_parser import folder_parser
from hpsearch.config.given_paths import absolute
from hpsearch.config.program import path_of_copy, path_of_snapshot, program_in_copy
from hpsearch.config.recorded import config_of
from hpsearch.console.console import Console
from hpsearch.console.exit_status import clean_up_when_interrupted
from hpsearch.console.text import aligned, amount
from hpsearch.core.command import argv as command_of
from hpsearch.core.errors import BackendError, FolderError, SummaryError, UsageError
from hpsearch.core.model import Summary
from hpsearch.core.summary import cell_under, same_cell
from hpsearch.folder.choice import choose_folder
from hpsearch.folder.provenance import Provenance, provenances
from hpsearch.folder.reading import SearchReader
from hpsearch.folder.run_files import read_summary
from hpsearch.journal.run_record import RunRecord
from hpsearch.results.logs import folder_and_run
from hpsearch.startup.classes import replace
from hpsearch.store.layout import make_folder

_EXAMPLE = """\
examples:
  hpsearch reproduce 7                     run 7 of the newest search
  hpsearch reproduce DIR 7 --out_dir=again

exit status: 0 equal; 1 different, or the run failed; 2 it cannot be repeated
"""
#: How long git may take to check out a commit, in seconds.
_CHECKOUT_S = 600.0


def main(argv: Sequence[str]) -> int:
    """Execute a run again and compare what it leaves; return the exit status."""
    description = (
        "Execute a run again, with the code of its --snapshot or of its commit, and compare the summary with the "
        "recorded one, keyword by keyword. The search stays as it is."
    )
    parser = folder_parser("reproduce", description, _EXAMPLE)
    parser.add_argument("run", nargs="?", metavar="K", help="The run's number.")
    parser.usage = "hpsearch reproduce [DIR] K [--out_dir DIR]"
    out_help = "The run's new output folder. Default: a temporary one, which is kept unless the results are equal."
    parser.add_argument("--out_dir", default="", metavar="DIR", help=out_help)
    options = parser.parse_intermixed_args(argv)
    console = Console(stamps=False)
    given, number = folder_and_run("reproduce", options.folder, options.run)
    reader = SearchReader(choose_folder(given, console))
    entry = reader.run(number).result
    if entry.reused:
        raise FolderError(f"run {number} was taken over from another search ({entry.reused}): reproduce it there")
    if entry.summary is None:
        raise FolderError(f"run {number} left no summary to compare with: it is {entry.state.value}")
    clean_up_when_interrupted()
    with _folder_for(entry, options.out_dir) as (worktree, out_dir):
        again = _summary_again(reader, entry, worktree, out_dir, console)
        names = [] if again is None else [k for k in entry.summary if not same_cell(*_cells(k, entry.summary, again))]
        is_equal = again is not None and not names
        if again is not None:
            console.table([*_table(entry, again), _verdict(number, names, len(entry.summary))])
        if is_equal and not options.out_dir:
            shutil.rmtree(out_dir, ignore_errors=True)
        elif out_dir.exists():
            console.note(f"its output: {out_dir}")
    return 0 if is_equal else 1


@contextlib.contextmanager
def _folder_for(entry: RunRecord, given: str) -> Iterator[tuple[Path, Path]]:
    """Yield the path for a worktree and the run's new output folder, which does not exist yet."""
    root = Path(tempfile.mkdtemp(prefix="hpsearch_reproduce_"))
    out_dir = absolute(given, Path.cwd(), "--out_dir") if given else root / entry.run.folder
    try:
        if os.path.lexists(out_dir):
            raise UsageError(f"--out_dir={given}: it exists already; give another one")
        make_folder(out_dir.parent)
        yield root / "code", out_dir
    except BaseException:
        shutil.rmtree(root, ignore_errors=True)
        raise
    with contextlib.suppress(OSError):
        root.rmdir()  # Fails, as it should, if something is kept in there.


def _summary_again(
    reader: SearchReader, entry: RunRecord, worktree: Path, out_dir: Path, console: Console
) -> Summary | None:
    """Execute a run again; return its summary; None, and a warning, if it left none."""
    settings = reader.record.known_settings()
    config = config_of(settings)
    with _code_of(reader, entry, worktree, console) as (cwd, program):
        command = command_of(program, entry.run.configuration, settings.out_arg, str(out_dir))
        answer = run_command(command, None, folder=cwd, is_killed_by_ctrl_c=True, shows_output=True)
    status = answer.exit_status or 0
    ended = exit_reason(status if status >= 0 else 128 - status)
    try:
        summary = read_summary(out_dir, replace(entry.run, folder=out_dir.name), config)
    except SummaryError as error:
        console.warn(f"run {entry.run.number} left no summary this time: {f'{ended}; ' if ended else ''}{error}")
        return None
    if ended:
        console.warn(f"run {entry.run.number}: {ended}")
    return summary


@contextlib.contextmanager
def _code_of(
    reader: SearchReader, entry: RunRecord, worktree: Path, console: Console
) -> Iterator[tuple[Path, Sequence[str]]]:
    """Yield the folder in which to execute a run, and the words of its command before the options.

    Raises FolderError if the run's code is no longer known.
    """
    folder, settings = reader.folder, reader.record.known_settings()
    if settings.options.get("snapshot"):
        cwd = folder.work_folder(settings)
        if not cwd.is_dir():
            raise FolderError(f"{cwd}: the snapshot of this search's code is gone")
        console.note(f"code: the snapshot {folder.code}")
        yield cwd, (*path_of_snapshot(settings, folder), *settings.program)
        return
    start = _start_of(reader, entry)
    top, run_cwd = Path(start.top), Path(settings.run_cwd)
    console.note(f"code: commit {start.commit[:10]} of {top}{f' with {start.diff}' if start.diff else ''}")
    with _worktree(start, folder.provenance / start.diff, worktree, console):
        program = program_in_copy(settings.program, top, run_cwd, lambda name: os.path.lexists(worktree / name))
        yield worktree / run_cwd.relative_to(top), (*path_of_copy(top, run_cwd), *program)


def _start_of(reader: SearchReader, entry: RunRecord) -> Provenance:
    """Return the record of the search's start that executed a run. Raises FolderError if its code was not recorded."""
    starts = provenances(reader.folder)
    at = entry.submitted.at if entry.submitted is not None else float("inf")
    start = next((each for each in reversed(starts) if each.at <= at), Provenance(0.0))
    problem = ""
    if not start.commit:
        problem = "; ".join(start.problems[:1]) or "nothing is recorded"
    elif not start.is_whole:
        problem = f"what its commit lacked was too long to be kept whole ({start.diff})"
    elif not Path(reader.record.known_settings().run_cwd).is_relative_to(start.top):
        problem = f"its working directory does not lie in the repository {start.top}"
    if problem:
        advice = "a search with --snapshot keeps its code"
        raise FolderError(f"the code of run {entry.run.number} is not known: {problem}; {advice}")
    return start


@contextlib.contextmanager
def _worktree(start: Provenance, diff: Path, worktree: Path, console: Console) -> Iterator[None]:
    """Check out a commit, apply the recorded changes, link untracked files; remove the worktree afterwards."""
    top = Path(start.top)
    try:
        ask_git(top, "worktree", "add", "--quiet", "--detach", str(worktree), start.commit, limit_s=_CHECKOUT_S)
        if start.diff:
            ask_git(worktree, "apply", "--whitespace=nowarn", str(diff), limit_s=_CHECKOUT_S)
        if "160000 " in ask_git(worktree, "ls-tree", "-r", "HEAD", limit_s=_CHECKOUT_S):
            console.warn("the code has submodules, which are not checked out here; a search with --snapshot keeps them")
        for name in ask_git(top, "ls-files", "-z", "--others", "--directory", limit_s=_CHECKOUT_S).split("\0"):
            link = worktree / name.rstrip("/")
            if name and link.parent.is_dir() and not os.path.lexists(link):
                link.symlink_to(top / name.rstrip("/"))
        if unknown := [line[3:] for line in start.changed if line.startswith("?? ")]:
            console.warn(f"git did not know {', '.join(unknown[:5])}: taken as it is now")
        yield
    except BackendError as error:
        raise FolderError(f"commit {start.commit[:10]} cannot be checked out: {error}") from error
    finally:
        with contextlib.suppress(BackendError):
            ask_git(top, "worktree", "remove", "--force", "--force", str(worktree), limit_s=_CHECKOUT_S)
        shutil.rmtree(worktree, ignore_errors=True)
        with contextlib.suppress(BackendError):
            ask_git(top, "worktree", "prune", limit_s=_CHECKOUT_S)


def _cells(keyword: str, *summaries: Summary | None) -> list[object]:
    return [cell_under(summary, keyword) for summary in summaries]


def _table(entry: RunRecord, again: Summary) -> list[str]:
    rows = [["keyword", f"run {entry.run.number}", "again", ""]]
    for keyword in entry.summary or ():
        first, second = _cells(keyword, entry.summary, again)
        rows.append([keyword, str(first), str(second), "" if same_cell(first, second) else "differs"])
    return aligned(rows)


def _verdict(number: int, names: Sequence[str], count: int) -> str:
    if not names:
        return f"equal: run {number} gave the same {amount(count, 'value')} again"
    return f"different: {len(names)} of {amount(count, 'keyword')} ({', '.join(names)})"
