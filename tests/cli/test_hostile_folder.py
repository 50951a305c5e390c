"""A search folder that somebody made to harm its readers: looking at it executes nothing and never hangs."""

from __future__ import annotations

import os
import pickle
import pty
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from project import Project, Result, run_folders
from searches import SETTINGS

from hpsearch.core.model import Configuration, Run
from hpsearch.journal.events import (
    AttemptEnded,
    AttemptIntended,
    AttemptSubmitted,
    ControllerStarted,
    RunCollected,
    RunPlanned,
    SearchStarted,
    encode_summary,
)
from hpsearch.journal.lines import to_line
from hpsearch.store.layout import SearchFolder
from hpsearch.store.lock import Holder, record_of

#: Codes that clear the screen, set the title and the clipboard, hide text (in 8 bits, too), and reverse the line.
CODES = "\033[2J\033]0;title\007\033]52;c;aGk=\007\033[8m\x9b2J\r\u202e"
HARM = "import pathlib\npathlib.Path(__file__).with_name('executed').touch()\n"
LOOKING = [
    *("status out", "status out --verbose", "status out --json", "list", "list out", "why out 2"),
    *("best out", "best out --json", "best out --command", "logs out 2", "logs out 2 --err", "logs out 2 -f"),
    *("export out --all", "table out --rows=x", "report out -o page.html"),
]

#: The command `hpsearch`, which notes in the file "noticed" what it executes, starts, or asks the network.
WATCHED = """\
import os, sys
here, noticed = os.getcwd(), []
def notice(event, args):
    is_own_code = event == "exec" and str(getattr(args[0], "co_filename", "")).startswith(here)
    if is_own_code or event.startswith(EVENTS):
        noticed.append(event)
sys.addaudithook(notice)
from hpsearch.__main__ import main
status = main(sys.argv[1:])
open("noticed", "w").write(" ".join(noticed))
sys.exit(status)
"""
NETWORK = ("socket.connect", "socket.bind", "socket.getaddrinfo", "socket.sendto", "socket.gethostbyname", "urllib.")
PROCESSES = ("subprocess.", "os.exec", "os.fork", "os.posix_spawn", "os.spawn", "os.system", "pty.")


def watched(project: Project, words: str, *events: str) -> tuple[Result, str]:
    """Run a subcommand to its end; return its result, and those of these events that happened."""
    process = project.start_python(WATCHED.replace("EVENTS", repr(events)), *words.split())
    try:
        result = project.end(process, timeout=60)
    finally:
        process.kill()
    noticed = project.path / "noticed"
    return result, noticed.read_text() if noticed.exists() else "it came to no end"


class Harmful:
    """An object whose pickle makes a file when it is loaded."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __reduce__(self) -> object:
        return Path.touch, (self._path,)


def events_of_run(number: int, state: str) -> list[bytes]:
    token, run = f"sim_{number}.1.abcdef", Run(number, f"sim_{number}", Configuration(()), f"out/sim_{number}{CODES}")
    options = Configuration((("x", f"{number}{CODES}"), (f"y{CODES}", number)))
    events = [
        RunPlanned.of(replace(run, configuration=options)),
        AttemptIntended(number, token, 10.0),
        AttemptSubmitted(number, token, "4194305@1", f"host{CODES}", 10.0, f"GPU{CODES}"),
    ]
    summary = {"acc": ["0.5"], f"more{CODES}": [CODES], "finished": ["1"]} if state == "finished" else {}
    if state != "live":
        events.append(AttemptEnded(number, token, 1, 20.0, "failed", CODES))
        events.append(RunCollected(number, token, state, 21.0, encode_summary(summary) or None, CODES, f"boom{CODES}"))
    return [to_line(event) for event in events]


@pytest.fixture
def hostile(project: Project) -> Path:
    """A search folder `out` of ours, whose journal names code, and in which everything else is a trap."""
    folder = SearchFolder(project.path / "out")
    folder.create_state()
    code = project.path / "code"
    code.mkdir()
    for place in (code, folder.path):
        (place / "evil.py").write_text(HARM)
    settings = replace(
        SETTINGS,
        grid_module="evil",
        grid_file=str(code / "evil.py"),
        import_paths=(str(code),),
        has_parser=True,
        run_cwd=str(code),
        shown_folder=f"out{CODES}",
        option_names=("x", f"y{CODES}"),
        summary_keywords=("acc", f"more{CODES}", "finished"),
        options={"name": f"name{CODES}", "scheduler": CODES, "run_cluster": True},
    )
    lines = [to_line(SearchStarted(settings.to_json(), 1.0)), to_line(ControllerStarted(CODES, 1, 2.0))]
    for number, state in ((1, "finished"), (2, "failed"), (3, "live")):
        lines += events_of_run(number, state)
    folder.journal.write_bytes(b"".join(lines))
    folder.lock.write_bytes(record_of(Holder(f"host{CODES}", 1, 3.0, "1@2.3.4", boot="there", beat_s=5.0)))
    for number in (1, 2, 3):
        run = folder.path / f"sim_{number}"
        run.mkdir()
        os.mkfifo(run / "s.txt")
        (run / "config.pickle").write_bytes(pickle.dumps(Harmful(project.path / "executed")))
    (folder.path / "sim_2" / "job_sim_2.err").write_text(f"ValueError: boom{CODES}\n")
    (folder.path / "sim_2" / "job_sim_2.out").write_text(f"{CODES}\n")
    folder.commands_pickle.write_bytes(pickle.dumps(Harmful(project.path / "executed")))
    for trap in (folder.settings_copy, folder.log, folder.conversation, folder.cancel_request, folder.not_completed):
        os.mkfifo(trap)
    os.mkfifo(folder.path / "fifo.py")
    (folder.path / "endless.py").symlink_to("/dev/zero")
    folder.provenance.mkdir()
    os.mkfifo(folder.provenance / "1.json")
    (folder.provenance / "2.json").symlink_to("/dev/zero")
    return folder.path


def state_of(folder: Path) -> dict[str, tuple[int, ...]]:
    """Return all that lies in a folder, with what would change if anything was written there."""
    found = {str(path): path.lstat() for path in (folder, *folder.rglob("*"))}
    return {path: (each.st_ino, each.st_mode, each.st_size, each.st_mtime_ns) for path, each in found.items()}


@pytest.mark.parametrize("words", LOOKING)
def test_looking_executes_and_changes_nothing_and_waits_for_nothing(
    project: Project, hostile: Path, words: str
) -> None:
    before = state_of(hostile)
    result, noticed = watched(project, words, *NETWORK, *PROCESSES)
    assert (result.exit_status, "Traceback" in result.stderr) == (0, False), result.stderr
    assert (state_of(hostile), [*project.path.rglob("executed")], noticed) == (before, [], "")


def test_a_search_listens_to_nobody_and_calls_nobody(project: Project) -> None:
    project.grid({"x": [1, 2]})
    words = "run --grid_module=config --visible_gpus=-1 --deterministic_search --out_dir=out --force_out_dir"
    result, noticed = watched(project, words, *NETWORK)
    # The grid module is executed, from its file.
    assert (result.exit_status, noticed) == (0, "exec"), result.stderr


def on_terminal(project: Project, words: str) -> str:
    """Return what a command sends to a terminal."""
    terminal, other_end = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "hpsearch", *words.split()],
        cwd=project.path,
        env={**project.environ(), "TERM": "xterm"},
        stdin=subprocess.DEVNULL,
        stdout=other_end,
        stderr=other_end,
    )
    os.close(other_end)
    shown = b""
    try:
        while piece := os.read(terminal, 65536):
            shown += piece
    except OSError:
        pass  # Linux says so where the other end is closed.
    os.close(terminal)
    assert process.wait(timeout=30) == 0, shown
    return shown.decode()


@pytest.mark.parametrize("words", [each for each in LOOKING if "report" not in each])
def test_no_code_of_a_folder_reaches_the_terminal(project: Project, hostile: Path, words: str) -> None:
    shown = on_terminal(project, words)
    # The terminal's own line breaks, our colours, and what is left of a log or a table for programs.
    kept = r"|\x1b\[8m|\r" if words.startswith(("logs", "export")) else ""
    rest = re.sub(rf"\r\n|\x1b\[(?:31|32|0)m{kept}", "", shown)
    assert shown and [character for character in rest if not character.isprintable()] == []


def plant_link(path: Path) -> None:
    secret = path.parent.parent.parent / "secret"
    secret.write_text("ValueError: secret\n")
    path.symlink_to(secret)


def plant_device(path: Path) -> None:
    path.symlink_to("/dev/zero")


@pytest.mark.parametrize("plant", [plant_link, os.mkfifo, plant_device])
def test_a_log_that_is_none_is_neither_shown_nor_waited_for(project: Project, plant: Callable[[Path], None]) -> None:
    project.grid({"x": [1]}, script="import sys\nsys.exit('boom')\n")
    folder = project.run("--out_dir=out", "--force_out_dir").folder
    log = next(run_folders(folder)[0].glob("*.err"))
    log.unlink()
    plant(log)
    # A journal of an earlier version, which does not say why the run failed.
    journal = folder / ".hpsearch" / "journal.jsonl"
    journal.write_text(re.sub(r', ?"cause": ?"[^"]*"', "", journal.read_text()))
    shown = [
        project.ask(*words.split(), timeout=30)
        for words in ("logs out 1 --err", "logs out 1 --err -f", "status out", "status out --json")
    ]
    assert [result.exit_status for result in shown] == [2, 2, 0, 0]
    assert [result.stderr.startswith(f"hpsearch: {log}: expected a ") for result in shown[:2]] == [True, True]
    assert [result for result in shown if "secret" in result.stdout] == []
    assert project.ask("report", "out", timeout=30).exit_status == 0
    assert "secret" not in (project.path / "report.html").read_text()
