"""What each start of a search ran with: the code's commit and changes, Python and packages, host and GPUs."""

from __future__ import annotations

import json
import os
import shlex
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from hpsearch.backends.git import changed_files, head_of, write_diff
from hpsearch.backends.gpu.cards import gpus_by_driver
from hpsearch.backends.shell import run_command
from hpsearch.console.text import amount
from hpsearch.core.errors import BackendError, SearchError
from hpsearch.journal.values import build
from hpsearch.startup.classes import asdict, dataclass, replace
from hpsearch.startup.host import host_name
from hpsearch.store.layout import SearchFolder, make_folder, read_whole, write_whole
from hpsearch.user_code.import_paths import installed_packages

#: How long git may take for the commit, which the start waits for; and the rest in all, in the background.
_COMMIT_S, _REST_S = 1.0, 5.0
#: Limits: bytes of a diff; number of changed files; bytes of a whole file.
_MOST_DIFF, _MOST_CHANGED, _MOST_BYTES = 1_000_000, 200, 4_000_000
#: The most starts shown besides the first.
_SHOWN = 3
#: A program for an interpreter other than ours: prints its version and its packages.
_PACKAGES = """\
import sys
from importlib.metadata import distributions
print(sys.version.split()[0], *sorted({f"{each.metadata['Name']}=={each.version}" for each in distributions()}))
"""


@dataclass(frozen=True)
class Provenance:
    """What one start of a search ran with; unknown facts are empty, and `problems` says why.

    at: seconds since the epoch. top: the repository's folder. changed: as in ``git status --short``, at most 200.
    diff: file beside this one with the changes since the commit; empty if none. is_whole: False if it was cut.
    packages: as in ``numpy==1.26``. gpus: the name of each. driver: of the GPUs.
    """

    at: float
    host: str = ""
    top: str = ""
    commit: str = ""
    branch: str = ""
    changed: tuple[str, ...] = ()
    diff: str = ""
    is_whole: bool = True
    interpreter: str = ""
    python: str = ""
    packages: tuple[str, ...] = ()
    gpus: tuple[str, ...] = ()
    driver: str = ""
    problems: tuple[str, ...] = ()


def provenances(folder: SearchFolder) -> list[Provenance]:
    """Return the records of a search's starts, oldest first, without unreadable ones."""
    starts = []
    for path in sorted(folder.provenance.glob("*.json"), key=lambda path: (len(path.name), path.name)):
        try:
            fields = json.loads(read_whole(path, _MOST_BYTES))
            starts.append(build(Provenance, {k: tuple(v) if isinstance(v, list) else v for k, v in fields.items()}))
        except (OSError, ValueError, TypeError, AttributeError, RecursionError):
            continue
    return starts


class Recorder:
    """Finds out, in a thread, what a start of a search runs with, and writes that into the search folder."""

    def __init__(
        self,
        folder: SearchFolder,
        run_cwd: Path,
        interpreter: str,
        at: float,
        gpus: Sequence[tuple[str, str]] = (),
        commit_s: float = _COMMIT_S,
    ) -> None:
        """Ask for the commit, for `commit_s` at most. interpreter: as given; at: seconds since the epoch.

        gpus: name and driver of each, if the backend knows them.
        """
        self._folder, self._run_cwd, self._interpreter = folder, run_cwd, interpreter
        self._found = Provenance(at, host_name())
        self._cards = gpus
        self._problems: list[str] = []
        try:
            head = head_of(run_cwd, commit_s)
            self._found = replace(self._found, top=str(head.top), commit=head.commit, branch=head.branch)
        except BackendError as error:
            self._problems.append(str(error))
        self._end = time.monotonic() + _REST_S
        self._thread = threading.Thread(target=self._record, daemon=True)

    def other_commit(self) -> str:
        """Return a note if earlier starts of this search had another commit; empty if not, or if unknown."""
        now = self._found.commit
        others = [each for each in provenances(self._folder) if each.commit not in ("", now)]
        if not others or not now:
            return ""
        return f"the code is at {_commit_text(self._found)} now; earlier runs started at {_commit_text(others[-1])}"

    def __enter__(self) -> Recorder:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._thread.join(max(0.0, self._end - time.monotonic()) + 1)

    def _record(self) -> None:
        """Find out the rest and write it; failing to write does not stop a search."""
        folder = self._folder.provenance
        try:
            number = 1 + max((int(path.stem) for path in folder.glob("*.json") if path.stem.isdecimal()), default=0)
            make_folder(folder)
            for find_out in (self._code, self._python, self._gpus):
                try:
                    find_out(folder / f"{number}.diff")
                except BackendError as error:
                    self._problems.append(str(error))
            start = replace(self._found, problems=tuple(self._problems))
            write_whole(folder / f"{number}.json", json.dumps(asdict(start), indent=1).encode())
        except (SearchError, OSError):
            return

    def _code(self, diff: Path) -> None:
        if not self._found.commit:
            return
        top, changed = Path(self._found.top), changed_files(Path(self._found.top), self._left_s)
        self._found = replace(self._found, changed=tuple(changed[:_MOST_CHANGED]))
        if any(not name.startswith("??") for name in changed):
            write_diff(top, diff, _MOST_DIFF, self._left_s)
            self._found = replace(self._found, diff=diff.name, is_whole=diff.stat().st_size < _MOST_DIFF)

    def _python(self, _: Path) -> None:
        words = shlex.split(self._interpreter) or [sys.executable]
        self._found = replace(self._found, interpreter=shlex.join(words))
        if not self._interpreter:
            self._found = replace(self._found, python=sys.version.split()[0], packages=installed_packages())
        elif os.path.basename(words[-1]).startswith(("python", "pypy")):  # noqa: PTH119  (it may be no path)
            said = self._said(*words, "-c", _PACKAGES).split()
            self._found = replace(self._found, python=said[0], packages=tuple(said[1:]))

    def _gpus(self, _: Path) -> None:
        gpus = self._cards or gpus_by_driver()
        self._found = replace(self._found, gpus=tuple(name for name, _ in gpus), driver=gpus[0][1] if gpus else "")

    def _said(self, *argv: str) -> str:
        """Return what a command prints. Raises BackendError if it fails or prints nothing in time."""
        answer = run_command(argv, self._left_s, folder=self._run_cwd)
        if answer.exit_status != 0 or not answer.stdout.strip():
            raise BackendError(f"{argv[0]}: {answer.words or 'no answer in time'}")
        return answer.stdout

    @property
    def _left_s(self) -> float:
        return max(0.1, self._end - time.monotonic())


def provenance_lines(starts: Sequence[Provenance], folder: SearchFolder) -> Iterator[str]:
    """Yield, for people, what the first start and the last ones ran with."""
    has_snapshot = bool(starts) and folder.code.is_dir()
    if has_snapshot:
        yield f"all runs execute the code as it was at the first start: {folder.short(folder.code)}"
    for number, each in enumerate(starts, start=1):
        if number > 1 and number <= len(starts) - _SHOWN:
            continue
        when = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(each.at))
        packages = f", {amount(len(each.packages), 'package')}" if each.packages else ""
        python = f": Python {each.python}{packages}" if each.python else ""
        gpus = [f"{count} x {name}" for name, count in Counter(each.gpus).items()]
        cards = f"; {', '.join(gpus)} (driver {each.driver})" if gpus else ""
        yield f"{when} on {each.host}{python}{cards}"
        yield from [_code_text(each, folder)] if each.commit and (number == 1 or not has_snapshot) else []
        yield from each.problems


def provenance_facts(starts: Sequence[Provenance], folder: SearchFolder) -> list[tuple[str, str]]:
    """Return the facts about the first start of a search; for later starts, only time and place."""
    facts = []
    for number, each in enumerate(starts):
        when = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(each.at))
        facts.append(("resumed" if number else "started", f"{when} on {each.host}"))
        if each.commit and (number == 0 or each.commit != starts[number - 1].commit):
            facts.append(("code", _code_text(each, folder)))
        if number == 0:
            gpus = [f"{count} x {name}" for name, count in Counter(each.gpus).items()]
            texts = {
                "Python": " ".join(filter(None, [each.python, f"({each.interpreter})" if each.interpreter else ""])),
                "GPUs": f"{', '.join(gpus)} (driver {each.driver})" if gpus else "",
                "packages": " ".join(each.packages),
            }
            facts += [(name, text) for name, text in texts.items() if text]
        facts += [("not known", problem) for problem in each.problems]
    return facts


def _code_text(each: Provenance, folder: SearchFolder) -> str:
    tracked = [name for name in each.changed if not name.startswith("??")]
    untracked = len(each.changed) - len(tracked)
    parts = [_commit_text(each)]
    if each.diff:
        cut = "" if each.is_whole else ", cut"
        where = folder.short(folder.provenance / each.diff)
        parts.append(f"{amount(len(tracked), 'changed file')} ({where}{cut})")
    parts += [f"{amount(untracked, 'file')} that git does not know"] if untracked else []
    return ", ".join(parts)


def _commit_text(each: Provenance) -> str:
    return f"commit {each.commit[:10]}" + (f" ({each.branch})" if each.branch != "HEAD" else "")
