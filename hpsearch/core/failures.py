"""Why a run failed, in one line: what its log says last; which runs failed alike, and what they have in common."""

from __future__ import annotations

import re
import signal
from collections.abc import Hashable, Iterator, Mapping, Sequence
from pathlib import PurePath

from hpsearch.core.model import RunState
from hpsearch.core.value_text import cut
from hpsearch.startup.classes import dataclass

#: Most characters of a cause.
MOST_CAUSE = 360
#: Signals by which a program ends itself: what it printed before may say why.
_CRASHES = (signal.SIGSEGV, signal.SIGABRT, signal.SIGBUS, signal.SIGILL, signal.SIGFPE)


@dataclass(frozen=True)
class RunEnd:
    """How a run ended without finishing.

    reason: what its backend says; may be empty. is_outside: the reason explains it all: a scheduler ended the run, or
    it could not be started. problem: what is wrong with its summary. err, out: the ends of its logs.
    """

    state: RunState
    exit_status: int | None
    reason: str = ""
    is_outside: bool = False
    problem: str = ""
    err: str = ""
    out: str = ""


def cause_of(end: RunEnd) -> str:
    """Return why a run did not finish, in one line of at most `MOST_CAUSE` characters; never empty."""
    return cut(_cause_of(end), MOST_CAUSE) or end.state.value


def _cause_of(end: RunEnd) -> str:
    if end.is_outside:
        return end.reason
    said = error_line(end.err)
    if end.state is RunState.OUT_OF_MEMORY:
        return str(said) if said is not None and said.is_sure else end.problem
    if end.exit_status == 0:
        sure = f"; it said: {said}" if said is not None and said.is_sure else ""
        return f"exit status 0, but {end.problem}{sure}"
    number = _signal_of(end.exit_status)
    if number is not None:
        return _killed_by(number, said)
    if said is None or not said.is_sure:
        # Some log everything on standard output.
        printed = error_line(end.out)
        said = printed if printed is not None and printed.is_sure else said
    if said is not None and (said.is_sure or end.exit_status is not None):
        # Python's sys.exit("...") ends with 1.
        status = f" (exit status {end.exit_status})" if said.is_plain and end.exit_status != 1 else ""
        return f"{said}{status}"
    last = f"; the last line it printed: {line}" if (line := last_line(end.out)) else ""
    return f"{end.reason or end.problem}{last}"


def _signal_of(exit_status: int | None) -> signal.Signals | None:
    try:
        return signal.Signals((exit_status or 0) - 128)
    except ValueError:
        return None


def _killed_by(number: signal.Signals, said: ErrorLine | None) -> str:
    ended = f"ended by signal {number.value} ({number.name})"
    if number == signal.SIGKILL:
        return f"{ended}; the machine may have run out of memory"
    return f"{ended}: {said}" if said is not None and said.is_sure and number in _CRASHES else ended


_CODE_LINE = re.compile(r" \(([^()\s]+:\d+)\)$")
_PATH = re.compile(r"[\w.~@+-]*/[^\s'\"(),;]*")
_ADDRESS = re.compile(r"\b0x[0-9a-fA-F]+|\b(?=[a-f\d-]*\d)[0-9a-f]{6,}(?:-[0-9a-f]{4,})*\b")
_NUMBER = re.compile(r"[-+]?(?:\d[\d_]*(?:\.\d*)?|\.\d+)(?:[eE][-+]?\d+)?")
_NUMBERS = re.compile(r"#(?:\s*[,x×]\s*#)*,?")


def likeness(state: RunState, cause: str) -> Hashable:
    """Return a key that two failed runs share if they failed alike.

    Numbers, addresses and paths do not count; the line of the user's script does.
    """
    match = _CODE_LINE.search(cause)
    code_line, text = (match[1], cause[: match.start()]) if match else ("", cause)
    text = _NUMBER.sub("#", _ADDRESS.sub("#", _PATH.sub("/", text)))
    return state, _NUMBERS.sub("#", text), code_line


def shared_options(members: Sequence[Mapping[str, str]], names: Sequence[str]) -> dict[str, str]:
    """Return the options among `names` that have the same value in all members: name -> text."""
    first, *others = members
    return {
        name: first[name] for name in names if name in first and all(other.get(name) == first[name] for other in others)
    }


#: How many characters of a line are looked at, and how many of a message are kept.
_LONGEST_LINE, _MOST_MESSAGE = 2000, 240
#: Colours, cursor movements, titles: all that begins with an escape character.
_ESCAPE = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[ -/]*[0-~])")
#: What launchers put before the lines of each process: ``[rank0]: ``, ``[default1]:``, ``(train pid=12) ``, ``0: ``.
_SOURCE = re.compile(r"(\[[\w, .:/-]*\d\](?:<\w+>)?:|\([\w.]+ pid=\d+[^)]*\)|\d+:(?= )) ?(?=.)")
#: The frames that rich and other printers draw around a traceback, and the margin of an exception group.
_BOX = " ─━═╭╮╰╯┌┐└┘├┤│┃❱"
_GROUP_MARGIN = re.compile(r"^\s*(?:\+-\+|[|+])(?:-{8,}.*| ?)")

_HEADER = re.compile(r"Traceback \(most recent call last\):?")
_GROUP_HEADER = re.compile(r"\s*\+ Exception Group Traceback ")
_FRAME = re.compile(r"\s*>? ?File \"(?P<file>[^\"]+)\", line (?P<line>\d+)|(?P<rich>\S+\.py):(?P<number>\d+) in ")
#: Files that are not the user's: installed packages, Python's own library, code without a file.
_LIBRARY = re.compile(r"[/\\](?:site|dist)-packages[/\\]|[/\\]lib(?:64)?[/\\]python\d|^<|[/\\]bin[/\\]\w+$")

#: Tracebacks that do not end the program: ignored by Python; of threads, child processes and callbacks.
_IGNORED = re.compile(r"Exception ignored in")
_ASIDE = re.compile(r"Exception in thread|Process \S+:$|Error in atexit|Exception in callback|never retrieved")
#: Lines that only report that something else has failed, or follow from that.
_WRAPPER = re.compile(
    r"ChildFailedError|CalledProcessError|DistBackendError|Connection closed by (?:remote )?peer"
    r"|srun: error: |slurmstepd: (?!.*oom)|Exited with exit code|exits with return code|exit code: \d+\)? local_rank"
    r"|\(exitcode: |elastic/(?:multiprocessing|agent)|Killing subprocess|Sending process \d+ closing signal"
    r"|^make(?:\[\d+\])?: \*\*\*|conda\.cli\.main_run|mpirun (?:detected|has exited)|Execution halted"
)
#: Warnings, progress bars, and what services print at the end of every program.
_NOISE = re.compile(
    r"^(?:wandb|COMET|mlflow|neptune)\b|^\S+:\d+: \w*Warning\b|^\w*Warning: |^\[[WI][\d ]|^[WI]\d{4} "
    r"|\d+%\|| \[\d+:\d+<|\bit/s\b|\bs/it\b|^\d+/\d+ (?:\[|[━─])|\bETA[: ]"
    r"|^[^A-SU-Ya-z]*(?:[\w.]+ - )?(?:INFO|DEBUG|WARNING|WARN|info|warning)\b|\[(?:INFO|DEBUG|WARNING)\]"
    r"|HYDRA_FULL_ERROR|^Try '.*' for help|^usage: |^Usage: |To enable traceback see|^Failures:|NO_OTHER_FAILURES"
    r"|^\s*(?:time|host|rank|exitcode|error_file) +: |^\[\d+\]:$|^Root Cause |^\S+ FAILED$|leaked \w+ objects"
    r"|^[\W_]*$|^OMP_NUM_THREADS|^Setting OMP_NUM_THREADS|^During handling of|^The above exception was"
)
#: Programs end with these lines: from argparse and click, from Python, from C++.
_FINAL = re.compile(r"^(?:\S+: )?(?:fatal |internal )?error: \S|^Fatal Python error: |^\s*what\(\): ", re.IGNORECASE)
_EXCEPTION = re.compile(r"[\w.]*(?:Error|Exception|Interrupt|Exit|Iteration)\b")
_ERROR = re.compile(
    r"^[\w.]*(?:Error|Exception|Interrupt|Exit)\b|\b(?:ERROR|CRITICAL|FATAL|panic)\b|\b(?:[Ee]rror|fatal)(?::|$| in )"
    r"|^F\d{4} |command not found|: not found$|No such file|Permission denied|can't open file|No module named"
    r"|cannot execute|Assertion .*failed|out of memory|Signal \d+ \(SIG|terminate called|Could not override"
    r"|not in struct|\b(?:Killed|Segmentation fault|Aborted|Bus error|Floating point exception|Illegal instruction)\b"
)
_FINAL_RANK, _ERROR_RANK, _WRAPPER_RANK, _PLAIN_RANK = 4, 3, 2, 1


@dataclass(frozen=True)
class ErrorLine:
    """What a log says last about a failure. code_line: ``train.py:88``, the user's own line; empty = not said.

    is_sure: this ended the program. is_plain: it is merely the last line, without any word for an error.
    """

    message: str
    code_line: str = ""
    is_sure: bool = False
    is_plain: bool = False

    def __str__(self) -> str:
        return f"{self.message} ({self.code_line})" if self.code_line else self.message


def error_line(log: str) -> ErrorLine | None:
    """Return the line near a log's end that says why its program failed; None if there is nothing but noise."""
    lines = clean_lines(log)
    found = max(_candidates(lines), key=lambda candidate: candidate[:2], default=None)
    if found is None:
        return None
    rank, _, message, code_line = found
    return ErrorLine(cut(message, _MOST_MESSAGE), code_line, rank == _FINAL_RANK, rank == _PLAIN_RANK)


def last_line(log: str) -> str:
    """Return the last line of a program's output that is no progress bar or the like; empty if there is none."""
    lines = (line.strip() for line in reversed(clean_lines(log)))
    return cut(next((line for line in lines if line and not _NOISE.search(line)), ""), _MOST_MESSAGE)


def clean_lines(log: str) -> list[str]:
    """Return the lines of a log without escape and control characters; text that a `\\r` overwrote is a line."""
    lines = re.split(r"\r?\n|\r", _ESCAPE.sub("", log))
    return [_clean(line[:_LONGEST_LINE]).rstrip() for line in lines]


def _clean(line: str) -> str:
    # Most lines are printable; looking at each character takes a hundred times as long.
    return line if line.isprintable() else "".join(map(_shown, line))


def _shown(character: str) -> str:
    return character if character.isprintable() else " " if character.isspace() else ""


#: Rank, index of the line, message, code line. The highest rank counts; among equal ranks, the last line.
_Candidate = tuple[int, int, str, str]


def _candidates(lines: Sequence[str]) -> Iterator[_Candidate]:
    index = 0
    while index < len(lines):
        text = _bare(lines[index])
        if _GROUP_HEADER.match(lines[index]):
            index, candidate = _of_group(lines, index)
        elif _HEADER.search(text) or _FRAME.match(text):
            index, candidate = _of_traceback(lines, index)
        elif text.startswith("Fatal Python error: "):
            # Its frames begin with the innermost call, and no exception follows.
            end = _end_of_frames(lines, index)
            code_line = _first_code_line(lines[index : end + 1])
            candidate = _FINAL_RANK, index, text.removeprefix("Fatal Python error: "), code_line
            index = end
        else:
            candidate = _of_line(lines, index)
        if candidate is not None:
            yield candidate
        index += 1


def _bare(line: str) -> str:
    """Return a line without a launcher's prefix and without a box around it."""
    text = line[match.end() :] if (match := _SOURCE.match(line)) else line
    return text.strip(_BOX) if "│" in text or "─" in text else text


def _source(line: str) -> str:
    match = _SOURCE.match(line)
    return match.group(1) if match else ""


def _of_line(lines: Sequence[str], index: int) -> _Candidate | None:
    text = _bare(lines[index]).strip()
    is_call = index > 0 and lines[index].startswith("  ") and re.search(r":\d+: \w*Warning\b", lines[index - 1])
    if not text or is_call or "╭" in lines[index] or _NOISE.search(text):
        return None
    if _WRAPPER.search(text):
        return _WRAPPER_RANK, index, text, ""
    if text.startswith("what(): ") and index > 0 and "instance of '" in lines[index - 1]:
        thrown = lines[index - 1].partition("instance of '")[2].partition("'")[0]
        return _FINAL_RANK, index, f"{thrown}: {text.removeprefix('what(): ').strip()}", ""
    rank = _FINAL_RANK if _FINAL.search(text) else _ERROR_RANK if _ERROR.search(text) else _PLAIN_RANK
    return rank, index, _with_next(lines, index, text) if rank > _PLAIN_RANK else text, ""


def _of_traceback(lines: Sequence[str], start: int) -> tuple[int, _Candidate | None]:
    """Return the index of a traceback's last line, and what it says; None if it ended no program, or is torn."""
    source, first = _source(lines[start]), _bare(lines[start])
    is_headless, last = not _HEADER.search(first), start
    depth = _indent(first) - 2 if is_headless else _indent(first)
    frame = _LastFrame()
    frame.see(first)
    for index in range(start + 1, len(lines)):
        if _source(lines[index]) != source:
            continue
        last = index if last == index - 1 else last
        text = _bare(lines[index])
        if _FRAME.match(text) or not text.strip() or "│" in lines[index] or "─" in lines[index]:
            frame.see(text)
        elif _HEADER.search(text):
            return index - 1, None
        elif _indent(text) <= max(depth, 0) and not text.startswith(">"):
            is_message = is_headless and not _EXCEPTION.match(text.strip())
            return index, None if is_message else _of_exception(lines, start, index, text.strip(), frame.text)
    # Lines that other processes wrote in between and behind have yet to be looked at.
    return last, None


def _of_exception(lines: Sequence[str], start: int, index: int, text: str, code_line: str) -> _Candidate | None:
    before = " ".join(line for line in lines[max(0, start - 2) : start] if line.strip())
    if _IGNORED.search(before):
        return None
    rank = _WRAPPER_RANK if _WRAPPER.search(text) else _ERROR_RANK if _ASIDE.search(before) else _FINAL_RANK
    return rank, index, _with_next(lines, index, text), code_line


def _of_group(lines: Sequence[str], start: int) -> tuple[int, _Candidate | None]:
    """Return the index of an exception group's last line, and what it says, with its first exception."""
    end = start + 1
    while end < len(lines) and re.match(r"\s*[|+]", lines[end]):
        end += 1
    inside = [_GROUP_MARGIN.sub("", line) for line in lines[start + 1 : end]]
    whole, frame = "", _LastFrame()
    for text in inside:
        frame.see(text)
        if text and not text.startswith(" ") and not _HEADER.search(text):
            if whole and "Group" not in text.partition(":")[0]:
                return end - 1, (_FINAL_RANK, end - 1, f"{whole}, first: {text}", frame.text)
            whole = whole or text
    return end - 1, (_FINAL_RANK, end - 1, whole, frame.text) if whole else None


def _with_next(lines: Sequence[str], index: int, text: str) -> str:
    """Return a message, with the line after it if the message only announces something (``...:``)."""
    if not (text.endswith(":") or re.search(r"\d+ validation errors? for ", text)):
        return text
    following = (_bare(line).strip() for line in lines[index + 1 : index + 6])
    return " ".join([text, *[line for line in following if re.search(r"\w", line)][:1]])


def _indent(text: str) -> int:
    return len(text) - len(text.lstrip())


class _LastFrame:
    """The last frame that is the user's own, else the last one."""

    def __init__(self) -> None:
        self.text = ""
        self._is_own = False

    def see(self, line: str) -> None:
        match = _FRAME.match(line)
        if match is None:
            return
        file, number = match["file"] or match["rich"], match["line"] or match["number"]
        is_own = not _LIBRARY.search(file)
        if is_own or not self._is_own:
            self.text, self._is_own = cut(f"{PurePath(file).name}:{number}", 80), is_own


def _first_code_line(lines: Sequence[str]) -> str:
    """Return the user's innermost line in frames that begin with the innermost call; of threads, the current one's."""
    start = next((number for number, line in enumerate(lines) if _bare(line).startswith("Current thread")), 0)
    frames = (match for line in lines[start:] if (match := _FRAME.match(_bare(line))))
    own = (f"{PurePath(m['file']).name}:{m['line']}" for m in frames if m["file"] and not _LIBRARY.search(m["file"]))
    return cut(next(own, ""), 80)


def _end_of_frames(lines: Sequence[str], index: int) -> int:
    # Without the blank behind it, `_SOURCE` would not see a launcher's prefix on an otherwise empty line.
    while index + 1 < len(lines) and re.match(r"\s|$|Current thread |Thread ", _bare(f"{lines[index + 1]} ")):
        index += 1
    return index
