"""The shell scripts of cluster jobs: they run the simulation, pass signals on, and keep how each run ended.

bash, not sh: users' own lines (modules, conda) are written for it.
"""

from __future__ import annotations

import contextlib
import os
import re
import shlex
from collections.abc import Iterable, Sequence
from pathlib import Path

from hpsearch.backends.scheduler import Submission, script_path
from hpsearch.backends.shell import run_command
from hpsearch.core.errors import BackendError
from hpsearch.core.model import Attempt

#: Privileged mode (-p): nothing of the caller's environment changes what these scripts do, no BASH_ENV, no exported
#: function with the name of a command, no SHELLOPTS. The run's own shell reads them all.
_SHEBANG = "#!/bin/bash -p"

#: - The exit status is written by a trap, so that it is kept also when a signal ends the script; in one write, and
#:   readers wait for the line break. The fields are those of `launcher.ExitNote`.
#: - Processes are what makes short jobs slow: everything but the run itself is done by bash.
#: - Slurm sends the signals of scancel and of the time limit to this shell only (sbatch(1), --signal), LSF to every
#:   process: it has to live on and to pass them on. A signal interrupts `wait`, which is then called again; bash keeps
#:   the status of a child that ended meanwhile.
#: - Where the scheduler itself starts a job again, the first execution has left a folder, which simulations refuse.
#: - A scheduler that crashed may start a job again whose end it has not written down: then nothing is left to do if the
#:   run has left its exit status, or was collected already, when this script went to the run's folder.
#: - The run's own shell reads its lines from a pipe: nothing in them can end, trap or rename anything here, and they
#:   need no further file. bash in POSIX mode (from the caller's environment) may not know the form for that. Without
#:   lines and BASH_ENV that shell has nothing to do, and a process can be saved.
_RUN = """\
set +o posix
exit_file={exit_file}
if [ ! -e {script} ]; then
    echo "this run has ended before and was collected" >&2
    exit 0
fi
if [ -e "$exit_file" ]; then
    read -r status told_to_stop _ <"$exit_file"
    if [ "$told_to_stop" = 0 ]; then exit "$status"; fi
fi
printf -v started '%(%s)T' -1
told_to_stop=0
keep_exit_status() {{
    printf '%s %s %s %(%s)T %s\\n' "$1" "$told_to_stop" "$started" -1 "$HOSTNAME" >"$exit_file"
}}
stop() {{
    told_to_stop=1
    is_interrupted=1
    if [ -n "$!" ]; then kill -s "$1" "$!" 2>/dev/null; else exit 143; fi
}}
trap 'keep_exit_status $?' EXIT
trap 'stop TERM' TERM INT HUP
trap 'stop USR1' USR1
trap 'stop USR2' USR2
{enter_folder}
if [ -e "$exit_file" ]; then rm -f -- "$exit_file"; fi
if [ -e {run_folder} ]; then mv -- {run_folder} {earlier}."$started"; fi
if {needs_shell} || [ -n "$BASH_ENV" ]; then
    "$BASH" <(printf '%s' {lines}) </dev/null{redirection} &
else
    {command} </dev/null{redirection} &
fi
is_interrupted=1
while [ "$is_interrupted" = 1 ]; do
    is_interrupted=0
    wait "$!"
    status=$?
done
exit "$status"
"""

#: What a shell does after the user's lines, which may have changed or redefined nearly everything in it.
#: - As a rule the run takes the shell's place, so that it gets the signals.
#: - A function or an alias with the command's name, or a trap for the end, need the shell to stay: then it passes
#:   signals on. It uses no variables, which the lines may have made unchangeable, but $1: `-` if signals are for the
#:   whole group of processes that a function starts; $2: the process; $3: the signal that came before there was one.
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
\\builtin wait "$2"
\\builtin exit
"""

#: Where several runs follow, a function with the command's name is handed on, and those that it may call. Signals that
#: the lines ignore could not be trapped by the script that passes them on to the runs.
_HAND_ON = """\
if \\builtin declare -F -- {word} >/dev/null; then
    IFS=$' \\t\\n'
    \\builtin export -f -- $(\\builtin compgen -A function) >/dev/null 2>&1 || \\builtin :
fi
\\builtin trap - TERM INT HUP USR1 USR2
"""

#: How a job of several runs has the user's lines read once: by a shell that then becomes this script again, with an
#: argument. Where that never comes about, because the lines exit, no run starts, and theirs is each run's exit status.
_READ_LINES = """\
has_begun={folder}/{name}."$number".begun
if [ -z "${{1-}}" ]; then
    printf -v started '%(%s)T' -1
    told_to_stop=0
    stop() {{
        told_to_stop=1
        is_interrupted=1
        if [ -n "$!" ]; then kill -s "$1" "$!" 2>/dev/null; else exit 143; fi
    }}
    trap 'rm -f -- "$has_begun"' EXIT
    trap 'stop TERM' TERM INT HUP
    trap 'stop USR1' USR1
    trap 'stop USR2' USR2
    set +o posix
    cd -- {cwd} || exit 126
    for run in "${{runs[@]}}"; do : >{folder}/"$run".out 2>{folder}/"$run".err; done
    first={folder}/"${{runs[0]}}"
    "$BASH" <(printf '%s' {lines}) </dev/null >"$first".out 2>"$first".err &
    is_interrupted=1
    while [ "$is_interrupted" = 1 ]; do
        is_interrupted=0
        wait "$!"
        status=$?
    done
    if [ -e "$has_begun" ]; then exit "$status"; fi
    for run in "${{runs[@]}}"; do
        if [ ! -e {folder}/"$run".sh ]; then continue; fi
        if [ "$run" != "${{runs[0]}}" ]; then printf '%s\\n' "$(<"$first".err)" >{folder}/"$run".err; fi
        printf '%s %s %s %(%s)T %s\\n' "$status" "$told_to_stop" "$started" -1 "$HOSTNAME" >{exits}/"$run"
    done
    exit "$status"
fi
: >"$has_begun"
"""

#: The jobs' runs stand in the script itself, so that an array needs one file whatever its size, and whoever finds a
#: job in the queue can tell which runs it has. After SIGTERM the job is about to be killed: no further run starts.
_BATCH = """\
number=${{{index_variable}:-0}}
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
{read_lines}started=()
failed=0
is_over=0
stop() {{
    local process
    is_interrupted=1
    if [ "$1" = TERM ]; then is_over=1; fi
    for process in "${{started[@]}}"; do kill -s "$1" "$process" 2>/dev/null; done
}}
trap 'stop TERM' TERM INT HUP
trap 'stop USR1' USR1
trap 'stop USR2' USR2
start() {{
    "$BASH" -p {folder}/"$1".sh {to}{folder}/"$1".out 2{to}{folder}/"$1".err &
    started+=("$!")
}}
await() {{
    local process status
    for process in "${{started[@]}}"; do
        is_interrupted=1
        while [ "$is_interrupted" = 1 ]; do
            is_interrupted=0
            wait "$process"
            status=$?
        done
        if [ "$status" != 0 ]; then failed=1; fi
    done
}}
for run in "${{runs[@]}}"; do
    if [ "$is_over" = 1 ]; then break; fi
    start "$run"
    {after_start}
done
await
if [ "$is_over" = 1 ]; then exit 143; fi
exit "$failed"
"""

_RUN_LINE = re.compile(r"^#RUN ([0-9]{1,18}) (\S+)$", re.MULTILINE)


def run_script(
    attempt: Attempt,
    setup: str = "",
    redirects: bool = False,
    header: Sequence[str] = (),
    is_after_lines: bool = False,
) -> str:
    """Return the script of one run.

    setup: the user's lines, executed in a shell of their own, which then becomes the run. redirects: the output of both
    is written to the run's log files by the script, and not by the scheduler. header: lines that the scheduler reads.
    is_after_lines: the job's script has executed the user's lines, and the run starts where those have led.
    """
    logs = attempt.log_folder
    streams = {">": f"{attempt.token}.out", " 2>": f"{attempt.token}.err"}
    earlier = logs.parent / "attempts" / f"{attempt.token}.restart"
    body = _RUN.format(
        exit_file=_quoted(attempt.exit_file),
        script=_quoted(script_path(logs, attempt.token)),
        enter_folder=":" if is_after_lines else f"cd -- {_quoted(attempt.cwd)} || exit 126",
        run_folder=_quoted(_run_folder(attempt)),
        earlier=_quoted(earlier),
        needs_shell="true" if setup.strip() or is_after_lines else "false",
        lines=_quoted(_lines(setup, attempt.argv)),
        command=shlex.join(attempt.argv),
        redirection="".join(f" {sign}{_quoted(logs / name)}" for sign, name in streams.items()) if redirects else "",
    )
    return "\n".join([_SHEBANG, *header, body])


def _lines(setup: str, argv: Sequence[str], before: str = "") -> str:
    """Return what a shell for the user's lines executes. A line break more ends also a line that says it goes on."""
    return f"{setup}\n{_THEN_RUN.format(before=before, word=shlex.quote(argv[0]), command=shlex.join(argv))}"


def _run_folder(attempt: Attempt) -> object:
    return attempt.log_folder.parent.parent / attempt.run.folder


def batch_script(
    submission: Submission,
    index_variable: str,
    one_after_another: bool,
    header: Sequence[str] = (),
    setup: str = "",
) -> str:
    """Return the script of jobs with several runs each, or of an array of jobs.

    setup: the user's lines, executed once in each job of several runs.
    """
    has_lines = _reads_lines_once(submission, setup)
    body = _BATCH.format(
        index_variable=index_variable,
        folder=_quoted(submission.log_folder),
        script=_quoted(submission.script),
        read_lines=_lines_once(submission, setup) if has_lines else "",
        to=">>" if has_lines else ">",
        after_start="await; started=()" if one_after_another else ":",
    )
    runs = [f"#RUN {number} {run.token}" for number, job in enumerate(submission.jobs, start=1) for run in job]
    return "\n".join([_SHEBANG, *header, body, *runs]) + "\n"


def _reads_lines_once(submission: Submission, setup: str) -> bool:
    return bool(setup.strip()) and any(len(job) > 1 for job in submission.jobs)


def _lines_once(submission: Submission, setup: str) -> str:
    first = submission.jobs[0][0]
    again = ("/bin/bash", "-p", str(submission.script), "after-lines")
    return _READ_LINES.format(
        folder=_quoted(submission.log_folder),
        name=_quoted(submission.name),
        cwd=_quoted(first.cwd),
        lines=_quoted(_lines(setup, again, _HAND_ON.format(word=shlex.quote(first.argv[0])))),
        exits=_quoted(first.exit_file.parent),
    )


def runs_in_script(text: str) -> list[tuple[int, str]]:
    """Return the number of the job and the token of each run in a batch script; none in that of a single run."""
    return [(int(number), token) for number, token in _RUN_LINE.findall(text)]


def write_scripts(submission: Submission, text: str, setup: str) -> None:
    """Write a submission's script, and those of its runs if they have their own.

    Raises OSError if one cannot be written.
    """
    if submission.single is None:
        for job in submission.jobs:
            is_after_lines = len(job) > 1 and bool(setup.strip())
            for attempt in job:
                text_of_run = run_script(attempt, "" if is_after_lines else setup, is_after_lines=is_after_lines)
                script_path(attempt.log_folder, attempt.token).write_bytes(_encoded(text_of_run))
    submission.script.write_bytes(_encoded(text))


def scripts_of(submission: Submission) -> list[Path]:
    """Return all that `write_scripts` writes for a submission."""
    tokens = [attempt.token for job in submission.jobs for attempt in job]
    return [script_path(submission.log_folder, name) for name in (submission.name, *tokens)]


def remove(scripts: Iterable[Path]) -> None:
    """Remove scripts of attempts that are no jobs. One that stays does no harm."""
    for script in scripts:
        with contextlib.suppress(OSError):
            script.unlink(missing_ok=True)


def _encoded(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


def _quoted(path: object) -> str:
    return shlex.quote(str(path))


_BASH_PATIENCE_S = 10.0
#: What bash says of lines that go on behind their end, in its own English.
_UNFINISHED = re.compile(
    r"line (\d+): (?:syntax error: |warning: )?((?:unexpected E|unexpected end of f|here-document ).*)"
)


def setup_problem(lines: str) -> str:
    """Return why bash could not take these lines as they are meant, and what to do; nothing if it can.

    Only what is sure: other mistakes may depend on options that the lines themselves set, and the job tells of them.
    """
    if lines.startswith("\ufeff"):
        return "it begins with a byte order mark, which bash takes for a part of the first word; save it without one"
    carriage_return = re.search(r"\r(?:\n|$)", lines)
    if carriage_return is not None:
        number = lines.count("\n", 0, carriage_return.start()) + 1
        return (
            f"line {number} ends with a carriage return, as lines do on Windows, which bash takes for a part of the "
            "last word; convert the file: sed -i 's/\\r$//' FILE"
        )
    return _unfinished(lines)


def _unfinished(lines: str) -> str:
    """Return which quotes or here-document have no end; nothing where there is no bash to tell."""
    environment = {**os.environ, "LC_ALL": "C", "BASH_ENV": ""}
    try:
        text = lines.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
        answer = run_command(["bash", "-n", "/dev/stdin"], _BASH_PATIENCE_S, text, environment)
    except BackendError:
        return ""
    match = _UNFINISHED.search(answer.stderr)
    return f"bash misses an end, line {match.group(1)}: {match.group(2)}" if match else ""
