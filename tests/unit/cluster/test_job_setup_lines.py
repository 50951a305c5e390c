"""The user's lines of --job_setup: how they may change the run, and that they cannot break the job's script."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from project import wait_until

from hpsearch.backends.cluster.script import run_script, scripts_for, setup_problem, write_scripts
from hpsearch.backends.cluster.slurm import Slurm, SlurmWishes
from hpsearch.backends.launcher import ExitNote, read_exit_note
from hpsearch.backends.scheduler import ClusterWishes, Submission
from hpsearch.core.model import Attempt, Configuration, Run

#: A run: makes a file when it has started, goes on until it is told to stop, saves something and ends.
RUN = """
import pathlib, signal, sys, time
folder = pathlib.Path(__file__).parent
def stop(number, frame):
    while not (folder / "saved").exists():
        time.sleep(0.01)
    # While Python ends, a further signal would have its usual effect again.
    for number in (signal.SIGTERM, signal.SIGUSR1, signal.SIGUSR2):
        signal.signal(number, signal.SIG_IGN)
    sys.exit(3)
for number in (signal.SIGTERM, signal.SIGUSR1, signal.SIGUSR2):
    signal.signal(number, stop)
(folder / "runs").touch()
while True:
    time.sleep(0.01)
"""


@dataclass
class JobBench:
    """A folder in which jobs of one run each are executed as a scheduler would."""

    folder: Path
    jobs: list[subprocess.Popen[str]] = field(default_factory=list)

    def attempt(self, *argv: str) -> Attempt:
        state = self.folder / "out" / ".hpsearch"
        run = Run(1, "sim_1", Configuration(()), "out/sim_1")
        return Attempt(run, 1, "sim_1.1.abc", argv, self.folder, state / "exits" / "sim_1.1.abc", state / "logs")

    def start(self, setup: str, *argv: str, environ: Mapping[str, str] | None = None) -> subprocess.Popen[str]:
        """Start a job with these lines before its run."""
        attempt = self.attempt(*(argv or (sys.executable, str(self.folder / "run.py"))))
        script = attempt.log_folder / f"{attempt.token}.sh"
        script.write_text(run_script(attempt, setup))
        script.chmod(0o755)
        with (self.folder / "printed").open("w") as printed:
            job = subprocess.Popen(
                [script],
                cwd="/",
                env={**os.environ, **(environ or {})},
                stdin=subprocess.DEVNULL,
                stdout=printed,
                stderr=subprocess.DEVNULL,
                text=True,
                start_new_session=True,
            )
        self.jobs.append(job)
        return job

    def output(self, setup: str, *argv: str, environ: Mapping[str, str] | None = None) -> str:
        """Return what a job printed, lines and run."""
        self.start(setup, *argv, environ=environ).wait(60)
        return (self.folder / "printed").read_text()

    def there(self, name: str) -> Callable[[], bool]:
        return (self.folder / name).exists

    def make(self, name: str) -> None:
        (self.folder / name).touch()

    @property
    def note(self) -> ExitNote:
        """What the job left in the run's exit file."""
        read = read_exit_note(self.attempt().exit_file.read_text())
        assert read is not None
        return read


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[JobBench]:
    for name in ("logs", "exits", "attempts"):
        (tmp_path / "out" / ".hpsearch" / name).mkdir(parents=True)
    (tmp_path / "run.py").write_text(RUN)
    made = JobBench(tmp_path)
    yield made
    for job in made.jobs:
        try:
            os.killpg(job.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass  # It has ended, as it should.
        job.wait()


#: Whatever the lines say, the run is told to stop, gets the time to save, and its exit status is kept.
STUBBORN_LINES = {
    "nothing": "",
    "strict mode": "set -euo pipefail",
    "noclobber": "set -o noclobber; set -f; set -C",
    "a trap for the end": "trap 'echo cleaned up' EXIT",
    "a trap for SIGTERM": "trap 'echo no; exit 9' TERM USR1",
    "an ignored SIGTERM": "trap '' TERM USR1",
    "traps for everything": "trap 'true' EXIT TERM USR1 ERR DEBUG RETURN",
    "strict mode and a trap for the end": "set -euo pipefail; trap 'echo cleaned up' EXIT",
    "our variables": "status=9 child=1 exit_file=/dev/null told_to_stop=0 is_interrupted=0 began=1",
    "our variables, for ever": "readonly status=9 child=1 exit_file=/dev/null told_to_stop=0 is_interrupted=0 lines=x",
    "our functions": "for f in kill wait printf stop keep_exit_status exec exit trap builtin set; do "
    'eval "$f() { echo $f; }"; done',
    "aliases": "shopt -s expand_aliases; alias exec=false wait=false kill=false builtin=false unset=false",
    "options": "shopt -s extglob nullglob failglob lastpipe execfail; set -o posix",
    "tracing": "set -xv",
    "another folder": "cd /",
    "a background process": "sleep 1000 &",
    "a function with the command's name": f'function {sys.executable} {{ command {sys.executable} "$@"; }}',
    "such a function and a trap for the end": f'function {sys.executable} {{ command {sys.executable} "$@"; }}; '
    "trap 'echo cleaned up' EXIT; set -eu",
    "a return": "return 0; echo not this",
    "a line that goes on": "export X=1 \\",
}


@pytest.mark.parametrize("lines", STUBBORN_LINES.values(), ids=STUBBORN_LINES.keys())
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGUSR1])
def test_a_run_gets_the_time_to_stop_whatever_the_lines_do(bench: JobBench, lines: str, number: signal.Signals) -> None:
    job = bench.start(lines)
    wait_until(bench.there("runs"), "the run")
    job.send_signal(number)
    job.send_signal(number)
    bench.make("saved")
    job.wait(60)
    assert (job.returncode, bench.note.exit_status, bench.note.was_told_to_stop) == (3, 3, True)


def test_lines_that_are_told_to_stop_end_the_job_before_its_run(bench: JobBench) -> None:
    job = bench.start("touch lines; sleep 1000 & wait")
    wait_until(bench.there("lines"), "the lines")
    job.send_signal(signal.SIGTERM)
    job.wait(60)
    assert (bench.note.exit_status, bench.note.was_told_to_stop, bench.there("runs")()) == (143, True, False)


#: Lines -> what a run that is a shell command prints.
HELD = {
    "the environment": ("export FLAVOUR='sweet one'", "echo $FLAVOUR", "sweet one"),
    "the folder": ("cd /usr", "pwd", "/usr"),
    "the mask of files": ("umask 027", "umask", "0027"),
    "limits": ("ulimit -Sn 77", "ulimit -Sn", "77"),
    "exported functions": ("f() { echo f; }; export -f f", "f", "f"),
    "an emptied list of arguments": ("set -- a b c; shift", "echo $#", "0"),
}


@pytest.mark.parametrize("lines, command, printed", HELD.values(), ids=HELD.keys())
def test_what_the_lines_set_holds_for_the_run(bench: JobBench, lines: str, command: str, printed: str) -> None:
    assert bench.output(lines, "bash", "-c", command) == f"{printed}\n"


@pytest.mark.parametrize(
    "lines",
    [
        'python3() { echo "wrapped"; command python3 "$@"; }',
        "shopt -s expand_aliases\nalias python3='echo wrapped; python3'",
    ],
)
def test_a_function_or_an_alias_with_the_commands_name_runs_it(bench: JobBench, lines: str) -> None:
    assert bench.output(lines, "python3", "-c", "print('trained')") == "wrapped\ntrained\n"


def test_a_process_that_the_lines_start_lives_beside_the_run(bench: JobBench) -> None:
    lines = "(while [ ! -e go ]; do sleep 0.02; done; touch served) &"
    printed = bench.output(lines, "bash", "-c", "touch go; until [ -e served ]; do sleep 0.02; done; echo trained")
    assert printed == "trained\n"


def test_a_trap_for_the_end_is_called_once_when_the_run_has_ended(bench: JobBench) -> None:
    printed = bench.output("trap 'echo cleaned up' EXIT", "bash", "-c", "echo trained; exit 4")
    assert (printed, bench.note.exit_status) == ("trained\ncleaned up\n", 4)


def test_the_lines_are_executed_once(bench: JobBench) -> None:
    bench.output("echo x >>executed", "true")
    assert (bench.folder / "executed").read_text() == "x\n"


ENDING_LINES = {
    "exit": ("exit 5", 5),
    "a failure in strict mode": ("set -e\nfalse", 1),
    "another program": ("exec bash -c 'exit 6'", 6),
    "a quote that is left open": ("echo 'never closed", 2),
    "a syntax error": ("if fi", 2),
}


@pytest.mark.parametrize("lines, status", ENDING_LINES.values(), ids=ENDING_LINES.keys())
def test_lines_that_end_the_job_leave_their_exit_status(bench: JobBench, lines: str, status: int) -> None:
    bench.output(lines)
    assert (bench.note.exit_status, bench.note.was_told_to_stop, bench.there("runs")()) == (status, False, False)


HOSTILE = "trap 'exit 9' EXIT TERM; set -e; kill() { echo no; }; wait() { echo no; }\n"


@pytest.mark.parametrize(
    "variable", ["BASH_ENV", "BASH_FUNC_kill%%", "BASH_FUNC_wait%%", "SHELLOPTS", "POSIXLY_CORRECT"]
)
def test_the_callers_environment_does_not_change_the_jobs_script(bench: JobBench, variable: str) -> None:
    (bench.folder / "bash_env").write_text(HOSTILE)
    values = {"BASH_ENV": str(bench.folder / "bash_env"), "SHELLOPTS": "errexit:nounset:noclobber"}
    value = values.get(variable, "() {  echo no\n}")
    job = bench.start("", environ={variable: value})
    wait_until(bench.there("runs"), "the run")
    job.send_signal(signal.SIGTERM)
    bench.make("saved")
    job.wait(60)
    assert (bench.note.was_told_to_stop, job.returncode) == (True, bench.note.exit_status)


def test_what_bash_reads_at_its_start_holds_for_the_lines(bench: JobBench) -> None:
    (bench.folder / "bash_env").write_text("module() { echo module $*; }\n")
    printed = bench.output("module load cuda", "true", environ={"BASH_ENV": str(bench.folder / "bash_env")})
    assert printed == "module load cuda\n"


UNFINISHED = {
    "a quote": ("export X=1\necho 'open\n", "line 2: unexpected EOF while looking for matching `''"),
    "a here-document": ("cat <<END\ntext\n", "line 2: here-document at line 1 delimited by end-of-file (wanted `END')"),
    "an if": ("if true; then\n  true\n", "line 3: unexpected end of file"),
    "a list": ("true &&\n", "line 2: unexpected end of file"),
}


@pytest.mark.parametrize("lines, words", UNFINISHED.values(), ids=UNFINISHED.keys())
def test_lines_that_would_swallow_the_run_are_refused(lines: str, words: str) -> None:
    assert setup_problem(lines) == f"something is not closed, {words}"


@pytest.mark.parametrize("lines", ["a\nb\r\nc\n", "a\nb\r"])
def test_lines_from_windows_are_refused_with_the_remedy(lines: str) -> None:
    assert setup_problem(lines) == (
        "line 2 ends with a carriage return, as lines do on Windows, which bash takes for a part of the last word; "
        "convert the file: sed -i 's/\\r$//' FILE"
    )


def test_a_byte_order_mark_before_the_lines_is_refused() -> None:
    assert setup_problem("\ufeffmodule load cuda\n").startswith("it begins with a byte order mark")


@pytest.mark.parametrize("lines", ["", "true", "shopt -s extglob\ncase x in @(x|y)) :;; esac\n", "echo 'a\rb'\n"])
def test_other_lines_are_taken_as_they_are(lines: str) -> None:
    assert setup_problem(lines) == ""


#: Runs of one job: the first saves something when told to stop, the second ends at once.
SLOW = (
    "trap 'until [ -e saved ]; do sleep 0.02; done; touch kept; exit 3' TERM; touch slow; while :; do sleep 0.02; done"
)
QUICK = "touch quick; exec sleep 1000"


STRICT = "set -e; status=7 child=1"


def batch(
    bench: JobBench,
    one_after_another: bool,
    setup: str = STRICT,
    commands: Sequence[str] = (SLOW, QUICK),
) -> subprocess.Popen[str]:
    """Start a job with several runs."""
    state = bench.folder / "out" / ".hpsearch"
    attempts = [
        Attempt(
            Run(number, f"sim_{number}", Configuration(()), f"out/sim_{number}"),
            1,
            f"sim_{number}.1.abc",
            ("bash", "-c", command),
            bench.folder,
            state / "exits" / f"sim_{number}.1.abc",
            state / "logs",
        )
        for number, command in enumerate(commands, start=1)
    ]
    submission = Submission("both.batch.1", "both", state / "logs", (tuple(attempts),))
    wishes = ClusterWishes(runs_per_job=2, one_after_another=one_after_another, setup=setup)
    write_scripts(scripts_for(submission, Slurm(SlurmWishes()), wishes))
    job = subprocess.Popen(["bash", "-p", submission.script], cwd="/", start_new_session=True, text=True)
    bench.jobs.append(job)
    return job


def logs(bench: JobBench, stream: str) -> list[str]:
    """Return what the two runs of a job printed."""
    return [(bench.folder / f"out/.hpsearch/logs/sim_{n}.1.abc.{stream}").read_text() for n in (1, 2)]


def notes(bench: JobBench) -> list[tuple[int, bool]]:
    """Return exit status, and whether it was told to stop, of the two runs of a job."""
    read = [read_exit_note((bench.folder / f"out/.hpsearch/exits/sim_{n}.1.abc").read_text()) for n in (1, 2)]
    return [(note.exit_status, note.was_told_to_stop) for note in read if note is not None]


LASTING_LINES = {
    "environment": ("export X=5", "echo $X", "5\n"),
    "a folder": ("mkdir -p deep; cd deep", "basename $PWD", "deep\n"),
    "a umask": ("umask 027", "umask", "0027\n"),
    "a limit": ("ulimit -n 99", "ulimit -n", "99\n"),
    "a background process": ("sleep 1000 & export P=$!", "kill -0 $P && echo there", "there\n"),
    "a function with the command's name": (
        'bash() { name; command bash "$@"; }; name() { echo f; }',
        "echo x",
        "f\nx\n",
    ),
    "a separator of its own": ('IFS=x; set -eu; bash() { g "$@"; }; g() { echo g; }', "true", "g\n"),
}


@pytest.mark.parametrize("one_after_another", [True, False])
@pytest.mark.parametrize("lines, command, printed", LASTING_LINES.values(), ids=LASTING_LINES.keys())
def test_what_the_lines_set_holds_for_every_run_of_a_job(
    bench: JobBench, lines: str, command: str, printed: str, one_after_another: bool
) -> None:
    job = batch(bench, one_after_another, f"echo read >>times\n{lines}", (command, command))
    assert (job.wait(60), logs(bench, "out"), notes(bench)) == (0, [printed] * 2, [(0, False)] * 2)
    assert (bench.folder / "times").read_text() == "read\n"


def test_lines_that_exit_are_the_end_of_every_run_of_the_job(bench: JobBench) -> None:
    job = batch(bench, False, "echo no licence >&2; exit 4", ("touch began", "touch began"))
    assert (job.wait(60), logs(bench, "err"), notes(bench)) == (4, ["no licence\n"] * 2, [(4, False)] * 2)
    assert not (bench.folder / "began").exists()


def test_lines_that_are_told_to_stop_are_the_end_of_every_run_of_the_job(bench: JobBench) -> None:
    job = batch(bench, False, "touch began; sleep 1000", ("touch ran", "touch ran"))
    wait_until(bench.there("began"), "the lines")
    job.send_signal(signal.SIGTERM)
    assert (job.wait(60), notes(bench), bench.there("ran")()) == (143, [(143, True)] * 2, False)


def test_a_job_of_several_runs_leaves_no_mark_of_its_lines(bench: JobBench) -> None:
    assert batch(bench, False, "true", ("true", "true")).wait(60) == 0
    names = {path.name for path in (bench.folder / "out/.hpsearch/logs").iterdir()}
    assert {name for name in names if "batch" in name} == {"both.batch.1.sh"}


STUBBORN_LINES_IN_PLACE = {name: lines for name, lines in STUBBORN_LINES.items() if name != "another folder"}


@pytest.mark.parametrize("lines", STUBBORN_LINES_IN_PLACE.values(), ids=STUBBORN_LINES_IN_PLACE.keys())
def test_a_job_of_several_runs_waits_for_the_slowest_whatever_the_lines_do(bench: JobBench, lines: str) -> None:
    job = batch(bench, False, lines)
    wait_until(lambda: bench.there("slow")() and bench.there("quick")(), "both runs")
    job.send_signal(signal.SIGTERM)
    wait_until(bench.there("out/.hpsearch/exits/sim_2.1.abc"), "the end of the quick run")
    bench.make("saved")
    job.wait(60)
    assert (bench.there("kept")(), notes(bench)) == (True, [(3, True), (143, True)])


def test_a_job_of_several_runs_waits_for_the_slowest_to_stop(bench: JobBench) -> None:
    job = batch(bench, one_after_another=False)
    wait_until(lambda: bench.there("slow")() and bench.there("quick")(), "both runs")
    job.send_signal(signal.SIGTERM)
    wait_until(bench.there("out/.hpsearch/exits/sim_2.1.abc"), "the end of the quick run")
    is_waiting = job.poll() is None
    bench.make("saved")
    job.wait(60)
    assert (is_waiting, bench.there("kept")(), bench.note.exit_status) == (True, True, 3)


def test_a_job_that_is_told_to_end_starts_none_of_its_other_runs(bench: JobBench) -> None:
    job = batch(bench, one_after_another=True)
    wait_until(bench.there("slow"), "the first run")
    bench.make("saved")
    job.send_signal(signal.SIGTERM)
    assert (job.wait(60), bench.there("kept")(), bench.there("quick")()) == (143, True, False)
