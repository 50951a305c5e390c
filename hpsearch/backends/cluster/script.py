"""The shell scripts of cluster jobs: they run the simulation, pass signals on, and keep how each run ended."""

from __future__ import annotations

import contextlib
import os
import re
import shlex
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from hpsearch.backends.scheduler import ClusterWishes, Scheduler, Submission, script_path
from hpsearch.backends.shell import run_command
from hpsearch.core.errors import BackendError
from hpsearch.core.model import Attempt

#: Users write their own lines (modules, conda) for bash. With -p, nothing in the caller's environment (BASH_ENV,
#: SHELLOPTS, exported functions) changes what these scripts do. The run's own shell reads that environment in full.
_SHEBANG = "#!/bin/bash -p"

#: The beginning of the scripts of runs, and of jobs with several runs.
#: - bash in POSIX mode (from the caller's environment) may not know `<(...)`.
#: - Slurm sends the signals of scancel and of the time limit to this shell only (sbatch(1), --signal), LSF to every
#:   process: the shell has to survive them and pass them on. A signal interrupts `wait`, which is then called again;
#:   bash keeps the status of a child that ended meanwhile.
#: - A note (see `launcher.ExitNote`) is written at once, and readers wait for its line break.
_SHARED = """\
set +o posix
printf -v began '%(%s)T' -1
told_to_stop=0
leave_note() {
    printf '%s %s %s %(%s)T %s\\n' "$1" "$told_to_stop" "$began" -1 "$HOSTNAME" >"$2"
}
stop() {
    told_to_stop=1
    is_interrupted=1
    if [ -n "$!" ]; then kill -s "$1" "$!" 2>/dev/null; else exit 143; fi
}
await() {
    is_interrupted=1
    while [ "$is_interrupted" = 1 ]; do
        is_interrupted=0
        wait "$1"
        status=$?
    done
}
pass_signals_on() {
    trap 'stop TERM' TERM INT HUP
    trap 'stop USR1' USR1
    trap 'stop USR2' USR2
}
"""

#: - A trap writes the exit status, so that it is kept even if a signal ends the script.
#: - Starting processes makes short jobs slow, so bash itself does everything but the run.
#: - If the scheduler starts a job again, the first execution has left a folder, which simulations refuse.
#: - A scheduler that crashed may start a job again although it has ended. Nothing is left to do if the run has left its
#:   exit status, or was collected already: then this script lies in the run's folder.
#: - The run's own shell reads the user's lines from a pipe: they can end, trap or rename nothing here, and need no
#:   further file. Without lines and BASH_ENV that shell has nothing to do, which saves a process.
_RUN = """\
{shared}exit_file={exit_file}
if [ ! -e {script} ]; then
    echo "this run has ended before and was collected" >&2
    exit 0
fi
if [ -e "$exit_file" ]; then
    read -r status was_told_to_stop _ <"$exit_file"
    if [ "$was_told_to_stop" = 0 ]; then exit "$status"; fi
fi
trap 'leave_note $? "$exit_file"' EXIT
pass_signals_on
{notes_saving}{enter_folder}
if [ -e "$exit_file" ]; then rm -f -- "$exit_file"; fi
{clears_folder}if {needs_shell} || [ -n "$BASH_ENV" ]; then
    "$BASH" <(printf '%s' {lines}) </dev/null{redirection} &
else
    {command} </dev/null{redirection} &
fi
await "$!"
exit "$status"
"""

_CLEAR_FOLDER = 'if [ -e {run_folder} ]; then mv -- {run_folder} {earlier}."$began"; fi\n'
#: A 2 in the note means SIGUSR1; a later signal replaces it.
_NOTE_SAVING = "trap 'stop USR1; told_to_stop=2' USR1\n"

#: What a shell does after the user's lines, which may have changed or redefined nearly everything in it.
#: - As a rule, the run replaces the shell, and so gets the signals itself.
#: - A function or alias with the command's name, or a trap on EXIT, needs the shell to stay: then it passes signals on.
#:   Variables may be read-only by now, so it uses $1: `-` if signals are for the whole process group of a function;
#:   $2: the process; $3: a signal that came before there was a process.
#: - A late signal must not replace the run's exit status; what a trap on EXIT starts still gets signals.
_THEN_RUN = """
\\unset -f builtin
\\builtin set +o posix
{before}if \\builtin declare -F -- {word} >/dev/null || \\builtin alias -- {word} >/dev/null 2>&1; then
    \\builtin set +eu -m -- - "" ""
elif [[ -n $(\\builtin trap -p EXIT) ]]; then
    \\builtin set +eu -- "" "" ""
else
    \\builtin exec -- {command} </dev/null
fi
\\builtin trap '\\builtin set -- "$1" "$2" TERM; \\builtin kill -s TERM -- "$1$2" 2>/dev/null' TERM HUP
\\builtin trap '\\builtin set -- "$1" "$2" USR1; \\builtin kill -s USR1 -- "$1$2" 2>/dev/null' USR1
\\builtin trap '\\builtin set -- "$1" "$2" USR2; \\builtin kill -s USR2 -- "$1$2" 2>/dev/null' USR2
if [[ -n $1 ]]; then
    {{ \\builtin trap : TERM HUP USR1 USR2; {command}; }} </dev/null &
else
    {command} </dev/null &
fi
\\builtin set -- "$1" "$!" "$3"
if [[ -n $3 ]]; then \\builtin kill -s "$3" -- "$1$2" 2>/dev/null; fi
while \\builtin kill -0 "$2" 2>/dev/null; do \\builtin wait "$2"; done
\\builtin trap '' TERM HUP USR1 USR2
\\builtin wait "$2"
\\builtin set -- "$?"
\\builtin trap : TERM HUP USR1 USR2
\\builtin exit "$1"
"""

#: If several runs follow, all functions are exported if one has the command's name. The traps are reset because the
#: next script could not trap signals that the user's lines ignore.
_HAND_ON = """\
if \\builtin declare -F -- {word} >/dev/null; then
    IFS=$' \\t\\n'
    \\builtin export -f -- $(\\builtin compgen -A function) >/dev/null 2>&1 || \\builtin :
fi
\\builtin trap - TERM INT HUP USR1 USR2
"""

#: In a job of several runs, a shell executes the user's lines once and then becomes this script again, with an
#: argument. If the lines exit before that, no run starts, and each run gets the lines' exit status.
_READ_LINES = """\
has_begun={folder}/{name}."$number".begun
if [ -z "${{1-}}" ]; then
    trap 'rm -f -- "$has_begun"' EXIT
    pass_signals_on
    cd -- {cwd} || exit 126
    for run in "${{runs[@]}}"; do : >{folder}/"$run".out 2>{folder}/"$run".err; done
    first={folder}/"${{runs[0]}}"
    "$BASH" <(printf '%s' {lines}) </dev/null >"$first".out 2>"$first".err &
    await "$!"
    if [ -e "$has_begun" ]; then exit "$status"; fi
    for run in "${{runs[@]}}"; do
        if [ ! -e {folder}/"$run".sh ]; then continue; fi
        if [ "$run" != "${{runs[0]}}" ]; then printf '%s\\n' "$(<"$first".err)" >{folder}/"$run".err; fi
        leave_note "$status" {exits}/"$run"
    done
    exit "$status"
fi
: >"$has_begun"
"""

#: The script lists the runs of all jobs: so an array of any size needs one file, and a job found in the queue tells
#: which runs it has. After SIGTERM the job is about to be killed: no further run starts.
_BATCH = """\
{shared}number=${{{index_variable}:-0}}
# LSF gives the number 0 to a job outside an array.
if [ "$number" = 0 ]; then number=1; fi
runs=()
mapfile -t lines <{script}
for line in "${{lines[@]}}"; do
    if [[ $line == "#RUN $number "* ]]; then runs+=("${{line##* }}"); fi
done
if [ "${{#runs[@]}}" -eq 1 ]; then
    exec "$BASH" -p {folder}/"${{runs[0]}}".sh >{folder}/"${{runs[0]}}".out 2>{folder}/"${{runs[0]}}".err
fi
{read_lines}started=() failed=0 is_over=0
stop() {{
    local process
    is_interrupted=1
    if [ "$1" = TERM ]; then is_over=1; fi
    for process in "${{started[@]}}"; do kill -s "$1" "$process" 2>/dev/null; done
}}
pass_signals_on
await_started() {{
    local process
    for process in "${{started[@]}}"; do
        await "$process"
        if [ "$status" != 0 ]; then failed=1; fi
    done
}}
for run in "${{runs[@]}}"; do
    if [ "$is_over" = 1 ]; then break; fi
    "$BASH" -p {folder}/"$run".sh {to}{folder}/"$run".out 2{to}{folder}/"$run".err &
    started+=("$!")
    {after_start}
done
await_started
if [ "$is_over" = 1 ]; then exit 143; fi
exit "$failed"
"""

#: What bash says about an open quote or here-document.
_UNFINISHED = re.compile(r"line (\d+): (?:syntax error: |warning: )?((?:unexpected (?:E|end of f)|here-document ).*)")
#: A run's line in the script of a submission with several runs: the number of its job, and its token.
RUN_LINE = re.compile(r"^#RUN ([0-9]{1,18}) (\S+)$", re.MULTILINE)


def scripts_for(submission: Submission, scheduler: Scheduler, wishes: ClusterWishes) -> dict[Path, str]:
    """Return path -> text: with several runs or an array, a script for each run; last, the submission's script."""
    header, setup, saves = scheduler.header(submission, wishes), wishes.setup, wishes.saves_on_signal
    if submission.single is not None:
        single = run_script(submission.single, setup, not scheduler.writes_output_live, header, saves=saves)
        return {submission.script: single}
    scripts = {}
    for job in submission.jobs:
        is_after_lines = len(job) > 1 and bool(setup.strip())
        for attempt in job:
            lines = "" if is_after_lines else setup
            text = run_script(attempt, lines, is_after_lines=is_after_lines, saves=saves)
            scripts[script_path(attempt.log_folder, attempt.token)] = text
    return {**scripts, submission.script: _batch_script(submission, scheduler.index_variable, header, wishes)}


def run_script(
    attempt: Attempt,
    setup: str = "",
    redirects: bool = False,
    header: Sequence[str] = (),
    is_after_lines: bool = False,
    saves: bool = False,
) -> str:
    """Return the script of one run.

    setup: the user's lines, executed by a shell that then becomes the run; is_after_lines: the job's script executes
    them. redirects: the script, not the scheduler, writes the output. header: lines for the scheduler.
    saves: see `ClusterWishes.saves_on_signal`.
    """
    logs, output = attempt.log_folder, attempt.log_folder / attempt.token
    clear_folder = _CLEAR_FOLDER.format(
        run_folder=_quoted(logs.parent.parent / attempt.run.folder),
        earlier=_quoted(logs.parent / "attempts" / f"{attempt.token}.restart"),
    )
    body = _RUN.format(
        shared=_SHARED,
        exit_file=_quoted(attempt.exit_file),
        script=_quoted(script_path(logs, attempt.token)),
        enter_folder=":" if is_after_lines else f"cd -- {_quoted(attempt.cwd)} || exit 126",
        notes_saving=_NOTE_SAVING if saves else "",
        clears_folder="" if attempt.keeps_folder else clear_folder,
        needs_shell="true" if setup.strip() or is_after_lines else "false",
        lines=_quoted(_lines(setup, attempt.argv)),
        command=shlex.join(attempt.argv),
        redirection=f" >{_quoted(f'{output}.out')} 2>{_quoted(f'{output}.err')}" if redirects else "",
    )
    return "\n".join([_SHEBANG, *header, body])


def _batch_script(submission: Submission, index_variable: str, header: Sequence[str], wishes: ClusterWishes) -> str:
    first, folder = submission.jobs[0][0], _quoted(submission.log_folder)
    reads_lines = bool(wishes.setup.strip()) and any(len(job) > 1 for job in submission.jobs)
    again = ("/bin/bash", "-p", str(submission.script), "after-lines")
    read_lines = _READ_LINES.format(
        folder=folder,
        name=_quoted(submission.name),
        cwd=_quoted(first.cwd),
        lines=_quoted(_lines(wishes.setup, again, _HAND_ON.format(word=shlex.quote(first.argv[0])))),
        exits=_quoted(first.exit_file.parent),
    )
    body = _BATCH.format(
        shared=_SHARED,
        index_variable=index_variable,
        folder=folder,
        script=_quoted(submission.script),
        read_lines=read_lines if reads_lines else "",
        to=">>" if reads_lines else ">",
        after_start="await_started; started=()" if wishes.one_after_another else ":",
    )
    runs = [f"#RUN {number} {run.token}" for number, job in enumerate(submission.jobs, start=1) for run in job]
    return "\n".join([_SHEBANG, *header, body, *runs]) + "\n"


def _lines(setup: str, argv: Sequence[str], before: str = "") -> str:
    """Return the user's lines and what follows; the line break between them also ends a last line with a backslash."""
    return f"{setup}\n{_THEN_RUN.format(before=before, word=shlex.quote(argv[0]), command=shlex.join(argv))}"


def _quoted(path: object) -> str:
    return shlex.quote(str(path))


def write_scripts(scripts: Mapping[Path, str]) -> None:
    """Write scripts. Raises OSError."""
    for path, text in scripts.items():
        path.write_bytes(text.encode("utf-8", "surrogateescape"))


def remove_scripts(scripts: Iterable[Path]) -> None:
    """Remove scripts that are not needed. Never fails: a script that stays does no harm."""
    for script in scripts:
        with contextlib.suppress(OSError):
            script.unlink(missing_ok=True)


def setup_problem(lines: str) -> str:
    """Return why bash is sure to misread the user's lines, and what to do; the job itself reports other mistakes."""
    if lines.startswith("\ufeff"):
        return "it begins with a byte order mark, which bash takes for a part of the first word; save it without one"
    carriage_return = re.search(r"\r(?:\n|$)", lines)
    if carriage_return is not None:
        number = lines.count("\n", 0, carriage_return.start()) + 1
        return (
            f"line {number} ends with a carriage return, as lines do on Windows, which bash takes for a part of the "
            "last word; convert the file: sed -i 's/\\r$//' FILE"
        )
    text = lines.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    try:
        answer = run_command(["bash", "-n", "/dev/stdin"], 10.0, text, {**os.environ, "LC_ALL": "C", "BASH_ENV": ""})
    except BackendError:
        return ""  # No bash on this machine.
    match = _UNFINISHED.search(answer.stderr)
    return f"something is not closed, line {match.group(1)}: {match.group(2)}" if match else ""
