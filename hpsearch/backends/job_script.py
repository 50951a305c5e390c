"""The shell scripts of cluster jobs: they run the simulation, pass signals on, and keep how each run ended.

bash, not sh: users' own lines (modules, conda) are written for it.
"""

from __future__ import annotations

import contextlib
import re
import shlex
from collections.abc import Iterable, Sequence
from pathlib import Path

from hpsearch.backends.scheduler import Submission, script_path
from hpsearch.core.model import Attempt

#: - The exit status is written by a trap, so that it is kept also when the user's own lines end the script; in one
#:   write, and readers wait for the line break. The fields are those of `launcher.ExitNote`.
#: - Processes are what makes short jobs slow: everything but the run itself is done by bash.
#: - Slurm sends the signals of scancel and of the time limit to this shell only (sbatch(1), --signal), LSF to every
#:   process: it has to live on and to pass them on. A signal interrupts `wait`, which is then called again; bash keeps
#:   the status of a child that ended meanwhile.
#: - Where the scheduler itself starts a job again, the first execution has left a folder, which simulations refuse.
#: - A scheduler that crashed may start a job again whose end it has not written down: then nothing is left to do if the
#:   run has left its exit status, or was collected already, when this script went to the run's folder.
_RUN = """\
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
child=
keep_exit_status() {{
    printf '%s %s %s %(%s)T %s\\n' "$1" "$told_to_stop" "$started" -1 "$HOSTNAME" >"$exit_file"
}}
stop() {{
    told_to_stop=1
    if [ -n "$child" ]; then kill -s "$1" "$child"; else exit 143; fi
}}
trap 'keep_exit_status $?' EXIT
trap 'stop TERM' TERM INT HUP
trap 'stop USR1' USR1
trap 'stop USR2' USR2
cd -- {cwd} || exit 126
if [ -e "$exit_file" ]; then rm -f -- "$exit_file"; fi
if [ -e {run_folder} ]; then mv -- {run_folder} {earlier}."$started"; fi
{setup}{command} </dev/null{redirection} &
child=$!
wait "$child"
status=$?
while kill -0 "$child" 2>/dev/null; do
    wait "$child"
    status=$?
done
exit "$status"
"""

#: The jobs' runs stand in the script itself, so that an array needs one file whatever its size, and whoever finds a
#: job in the queue can tell which runs it has.
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
    exec bash {folder}/"${{runs[0]}}".sh >{folder}/"${{runs[0]}}".out 2>{folder}/"${{runs[0]}}".err
fi
children=
stop() {{
    for child in $children; do kill -s "$1" "$child" 2>/dev/null; done
}}
trap 'stop TERM' TERM INT HUP
trap 'stop USR1' USR1
trap 'stop USR2' USR2
start() {{
    bash {folder}/"$1".sh >{folder}/"$1".out 2>{folder}/"$1".err &
    children="$children $!"
}}
await() {{
    for child in $children; do
        wait "$child" || failed=1
        while kill -0 "$child" 2>/dev/null; do wait "$child"; done
    done
}}
failed=0
for run in "${{runs[@]}}"; do
    start "$run"
    {after_start}
done
await
exit "$failed"
"""

_RUN_LINE = re.compile(r"^#RUN ([0-9]{1,18}) (\S+)$", re.MULTILINE)


def run_script(attempt: Attempt, setup: str = "", redirects: bool = False, header: Sequence[str] = ()) -> str:
    """Return the script of one run.

    setup: the user's lines, executed before the command in the same shell. redirects: the run's output is written to
    its log files by the script, and not by the scheduler. header: lines that the scheduler reads.
    """
    logs = attempt.log_folder
    streams = {">": f"{attempt.token}.out", " 2>": f"{attempt.token}.err"}
    earlier = logs.parent / "attempts" / f"{attempt.token}.restart"
    body = _RUN.format(
        exit_file=_quoted(attempt.exit_file),
        script=_quoted(script_path(logs, attempt.token)),
        cwd=_quoted(attempt.cwd),
        run_folder=_quoted(_run_folder(attempt)),
        earlier=_quoted(earlier),
        setup=setup if not setup or setup.endswith("\n") else f"{setup}\n",
        command=shlex.join(attempt.argv),
        redirection="".join(f" {sign}{_quoted(logs / name)}" for sign, name in streams.items()) if redirects else "",
    )
    return "\n".join(["#!/bin/bash", *header, body])


def _run_folder(attempt: Attempt) -> object:
    return attempt.log_folder.parent.parent / attempt.run.folder


def batch_script(
    submission: Submission, index_variable: str, one_after_another: bool, header: Sequence[str] = ()
) -> str:
    """Return the script of jobs with several runs each, or of an array of jobs."""
    body = _BATCH.format(
        index_variable=index_variable,
        folder=_quoted(submission.log_folder),
        script=_quoted(submission.script),
        after_start="await; children=" if one_after_another else ":",
    )
    runs = [f"#RUN {number} {run.token}" for number, job in enumerate(submission.jobs, start=1) for run in job]
    return "\n".join(["#!/bin/bash", *header, body, *runs]) + "\n"


def runs_in_script(text: str) -> list[tuple[int, str]]:
    """Return the number of the job and the token of each run in a batch script; none in that of a single run."""
    return [(int(number), token) for number, token in _RUN_LINE.findall(text)]


def write_scripts(submission: Submission, text: str, setup: str) -> None:
    """Write a submission's script, and those of its runs if they have their own.

    Raises OSError if one cannot be written.
    """
    if submission.single is None:
        for attempt in (attempt for job in submission.jobs for attempt in job):
            path = script_path(attempt.log_folder, attempt.token)
            path.write_bytes(_encoded(run_script(attempt, setup)))
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
