"""The oracle: what must be true of every search that was resumed to its end, whatever was done to it before."""

from __future__ import annotations

import csv
import fcntl
import json
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from project import ROOT

from .facts import Facts
from .search import number_of, planned_keys, unfinished
from .simulation import Entry, key_of, never_finishes, read_ledger, x_of

#: What a controller says of each run that it starts.
_STARTED = re.compile(r"^\S+ \S+ run \d+/\d+ started", re.MULTILINE)
#: The lines about our first function in a traceback: until it has set its own way, Ctrl-C ends a process in Python's.
_BEGINNING = re.compile(r'  File ".*", line \d+, in (<module>\n    end_at_ctrl_c\(\)|end_at_ctrl_c)\n')
#: More files than any command of ours has reason to have open with a few runs.
MOST_FILES = 80


class Kind(Enum):
    """What a finding is about; reports count each."""

    LOST = "lost"
    REPEATED = "repeated"
    LEFT = "left"
    TRACEBACK = "tracebacks"
    STATUS = "status"
    OTHER = "other"


@dataclass(frozen=True)
class Finding:
    """A rule that is broken."""

    kind: Kind
    text: str

    def __str__(self) -> str:
        return f"{self.kind.value}: {self.text}"


def findings(facts: Facts) -> list[Finding]:
    """Return all that is wrong; nothing, if all is well."""
    ledger = read_ledger(facts.project)
    checks = (_table, _folders, _ends, _outputs, _journal, _rests, _statuses)
    found = [finding for check in checks for finding in check(facts)]
    return [*found, *_executions(facts, ledger)]


def _table(facts: Facts) -> Iterator[Finding]:
    """Each configuration that can finish has one row, with its own values, and no other configuration has one."""
    planned = planned_keys(facts.folder)
    rows = _rows(facts.folder)
    keys = Counter(_key_of_row(row) for row in rows)
    for key in sorted(facts.expected - keys.keys()):
        yield Finding(Kind.LOST, f"no row of {key}")
    for key in sorted(key for key, count in keys.items() if count > 1):
        yield Finding(Kind.REPEATED, f"{keys[key]} rows of {key}")
    for key in sorted(keys.keys() - set(planned.values())):
        yield Finding(Kind.OTHER, f"a row of {key}, which no run has")
    for row in rows:
        key = _key_of_row(row)
        if (row["acc"], row["finished"]) != (str(x_of(key)), "1"):
            yield Finding(Kind.OTHER, f"the row of {key} says acc {row['acc']}, finished {row['finished']}")
    counts = facts.status.get("counts")
    finished = counts.get("finished") if isinstance(counts, dict) else None
    if finished != len(rows):
        yield Finding(Kind.OTHER, f"status counts {finished} finished runs, the table has {len(rows)} rows")


def _rows(folder: Path) -> list[dict[str, str]]:
    path = folder / "search_results.csv"
    if not path.exists():
        return []
    with path.open(newline="") as file:
        return list(csv.DictReader(file, delimiter=";"))


def _key_of_row(row: dict[str, str]) -> str:
    return key_of((name, row[name]) for name in ("x", "random_seed") if row.get(name))


def _folders(facts: Facts) -> Iterator[Finding]:
    """Every folder of a run belongs to a planned run, and every configuration is planned once."""
    planned = planned_keys(facts.folder)
    for key, count in Counter(planned.values()).items():
        if count > 1:
            yield Finding(Kind.REPEATED, f"{count} runs are planned for {key}")
    names = {path.name for path in facts.folder.glob("sim_*")}
    numbers = {number_of(name) for name in names}
    for number in sorted(numbers - planned.keys()):
        yield Finding(Kind.LEFT, f"the folder of run {number}, which is not planned")
    if facts.status.get("runs") != len(planned):
        text = f"status knows {facts.status.get('runs')} runs, commands.pickle has {len(planned)}"
        yield Finding(Kind.OTHER, text)


def _ends(facts: Facts) -> Iterator[Finding]:
    """No process lives on, and everything came to its end."""
    for pid, words in facts.left.items():
        yield Finding(Kind.LEFT, f"process {pid}: {words}")
    for text in facts.stuck:
        yield Finding(Kind.OTHER, f"did not end: {text}")


def _outputs(facts: Facts) -> Iterator[Finding]:
    """No command prints a traceback."""
    texts = {command.words: command.output for command in facts.ended}
    log = facts.folder / ".hpsearch" / "controller.log"
    texts["controller.log"] = log.read_text(errors="replace") if log.exists() else ""
    for name, text in texts.items():
        shown = text[text.index("Traceback") :] if "Traceback" in text else ""
        # If Ctrl-C comes before our first function has done its work, Python shows one of its own.
        if shown and (f"{ROOT}/hpsearch/" in _BEGINNING.sub("", shown) or "KeyboardInterrupt" not in shown):
            yield Finding(Kind.TRACEBACK, f"{name}: {shown.strip()[-1500:]}")


def _journal(facts: Facts) -> Iterator[Finding]:
    """Every line of the journal can be read, and the lock is free."""
    path = facts.folder / ".hpsearch" / "journal.jsonl"
    lines = path.read_bytes().split(b"\n") if path.exists() else []
    if not lines or lines.pop():
        yield Finding(Kind.OTHER, "the journal does not end with a whole line")
    for number, line in enumerate(lines, 1):
        try:
            json.loads(line)
        except ValueError:
            yield Finding(Kind.OTHER, f"line {number} of the journal is no JSON: {line[:100]!r}")
    lock = facts.folder / ".hpsearch" / "lock"
    if lock.exists():
        with lock.open("rb") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                yield Finding(Kind.LEFT, "the lock is taken")
            if content := file.read():
                yield Finding(Kind.LEFT, f"the lock names a holder: {content[:100]!r}")


def _rests(facts: Facts) -> Iterator[Finding]:
    """No temporary file is left: parts of files, exit statuses that were read, logs of ended runs."""
    state = facts.folder / ".hpsearch"
    parts = [path for path in facts.folder.rglob("*") if path.suffix in (".part", ".new", ".tmp")]
    # A killed execution leaves its own half-written summary; the folder of that attempt was moved aside.
    own = [path for path in parts if path.name != "summary.part"]
    # LSF writes its report of a job when it likes; what comes after the search's end, the next command places.
    logs = [path for path in (state / "logs").glob("*") if path.suffix != ".lsf"]
    left = [*own, *(state / "exits").glob("*"), *logs, *state.glob("cancel-requested")]
    for path in sorted(left):
        yield Finding(Kind.LEFT, f"the file {path.relative_to(facts.folder)}")


def _statuses(facts: Facts) -> Iterator[Finding]:
    """Exit statuses are true, and no command opens more and more files."""
    for command in facts.ended:
        said = command.output.strip()[-600:]
        if command.status not in command.allowed:
            yield Finding(Kind.STATUS, f"{command.words}: exit status {command.status}: {said}")
        if command.status == 2 and _STARTED.search(command.output):
            yield Finding(Kind.STATUS, f"{command.words}: exit status 2, but it has started runs: {said}")
        if command.status == 0 and command.unfinished:
            yield Finding(Kind.STATUS, f"{command.words}: exit status 0, but {command.unfinished} runs did not finish")
        if command.most_files > MOST_FILES:
            yield Finding(Kind.OTHER, f"{command.words}: had {command.most_files} files open")
    if facts.ended:
        last, wanted = facts.ended[-1], int(bool(unfinished(facts.folder)))
        if last.status != wanted:
            yield Finding(Kind.STATUS, f"at the end: {last.words}: exit status {last.status}, expected {wanted}")


def _executions(facts: Facts, ledger: list[Entry]) -> Iterator[Finding]:
    """No configuration runs twice at once, into a folder that exists, or again after it has finished."""
    copies = {copy.folder.name: copy for copy in facts.copies}
    done = Counter[str]()
    for entry in ledger:
        copy = copies.get(entry.folder.parent.name)
        if entry.kind in ("clash", "twice"):
            yield Finding(Kind.REPEATED, f"{entry.kind}: {entry.key} in {entry.folder}")
        elif entry.kind == "begin" and copy is not None and entry.key in copy.done:
            yield Finding(Kind.REPEATED, f"{entry.key} began in a copy, and was done before it was made")
        elif entry.kind == "begin" and copy is None and done[entry.key] > facts.repeats.get(entry.key, 0):
            yield Finding(Kind.REPEATED, f"{entry.key} began in {entry.folder} after it was done")
        elif entry.kind == "done" and copy is None:
            done[entry.key] += 1
    for key in sorted(key for key in facts.expected if never_finishes(key)):
        yield Finding(Kind.OTHER, f"{key} is expected to finish, but the script never does")
