"""Readers of what schedulers and nvidia-smi answer."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from pathlib import Path

import GPUtil  # noqa: F401  (imported where it is first needed, which would look as if a text had asked for it)
from backends.pbs import Pbs

from fuzz.target import Target, answer_of, is_text, text_of
from hpsearch.backends.cluster.lsf import Lsf, LsfWishes, check_further_options, composed, load_package, resource_text
from hpsearch.backends.cluster.sbatch import FurtherWishes
from hpsearch.backends.cluster.slurm import Slurm, SlurmWishes
from hpsearch.backends.cluster.submission_names import SubmissionNames
from hpsearch.backends.gpu.cards import query_cards, usable_cards
from hpsearch.backends.gpu.nvidia_smi import GpuReader, Remarks, query_processes
from hpsearch.backends.gpu.slots import GpuLimits
from hpsearch.backends.scheduler import JobRow, Reporter, Scheduler
from hpsearch.backends.shell import Answer, Conversation
from hpsearch.core.model import Attempt, Configuration, JobPhase, Run, RunState, Status, is_job_id
from hpsearch.journal.events import AttemptSubmitted
from hpsearch.journal.lines import from_line, to_line

load_package()
_SLURM, _LSF, _PBS = Slurm(SlurmWishes()), Lsf(LsfWishes()), Pbs()


def _check_id(job_id: object) -> None:
    """Assert that the journal returns an accepted id unchanged."""
    assert is_text(job_id)
    if not is_job_id(job_id):
        return
    event = AttemptSubmitted(1, "sim_1.1.abcdef", str(job_id), "h", 1.0, is_queued=True)
    assert from_line(to_line(event)) == event


def _check_rows(rows: Sequence[JobRow] | None, scheduler: Scheduler) -> None:
    for row in rows or ():
        _check_id(row.id)
        assert is_text(row.name) and is_text(row.trouble) and (row.label is None or is_text(row.label))
        assert row.number is None or type(row.number) is int
        _check_status(row.status)
        assert all(map(is_text, scheduler.cancel_command([row.id], False).argv))
        assert scheduler.array_of(row.id) is None or is_text(scheduler.array_of(row.id))


def _check_status(status: Status) -> None:
    assert type(status.phase) is JobPhase and is_text(status.reason) and is_text(status.place)
    assert status.exit_status is None or type(status.exit_status) is int
    assert status.cause is None or type(status.cause) is RunState


def _rows(scheduler: Scheduler) -> Callable[[bytes, Path], None]:
    return lambda content, _: _check_rows(scheduler.rows(answer_of(content)), scheduler)


def _history(scheduler: Scheduler) -> Callable[[bytes, Path], None]:
    return lambda content, _: _check_rows(scheduler.history_rows(answer_of(content)), scheduler)


def _submitted(scheduler: Scheduler) -> Callable[[bytes, Path], None]:
    return lambda content, _: _check_id(scheduler.submitted_id(answer_of(content)))


def _site(content: bytes, _: Path) -> None:
    """Read answers about a whole cluster: scontrol show config, bparams, lsid, versions."""
    answer = answer_of(content)
    for scheduler in (_SLURM, Lsf(LsfWishes())):
        limit = scheduler.array_limit(answer)
        assert type(limit) is int and limit >= 1
        assert is_text(scheduler.own_cluster(answer))
        scheduler.check_version(answer)


def _report(content: bytes, _: Path) -> None:
    assert isinstance(_LSF, Reporter)
    said = _LSF.report_words(content.decode("utf-8", "replace"))
    assert is_text(said) and len(said) <= 300


def _further(content: bytes, _: Path) -> None:
    """Read a user's own options of sbatch and bsub, a word a line, and variables behind a NUL."""
    words, _, variables = text_of(content).partition("\0")
    environ = dict(line.partition("=")[::2] for line in variables.split("\n"))
    resource_text(words)
    wishes = FurtherWishes(words.split("\n"), environ)
    assert is_text(wishes.clusters) and all(map(is_text, wishes.variables_for("gres")))
    assert all(is_text(part) for pair in wishes.environment(environ, True).items() for part in pair)


def _bsub_options(content: bytes, _: Path) -> None:
    words = text_of(content).split("\n")
    check_further_options(words)
    assert all(map(is_text, composed("sim_1", {"q": words[0], "R": resource_text(words[-1])})))


def _scripts(content: bytes, folder: Path) -> None:
    (folder / "sim_1.1.abcdef.batch.x.sh").write_bytes(content)
    attempt = Attempt(Run(1, "sim_1", Configuration(()), "o/sim_1"), 1, "sim_1.1.abcdef", (), folder, folder, folder)
    name, number = SubmissionNames().of(attempt)
    assert is_text(name) and (number is None or type(number) is int)


class _Driver(Conversation):
    """Gives the same answer to every question."""

    def __init__(self, answer: Answer) -> None:
        super().__init__({})
        self._answer = answer

    def ask(self, *_: object, **__: object) -> Answer:
        """Give the answer."""
        return self._answer


def _gpus(content: bytes, _: Path) -> None:
    reader, raised = GpuReader(_Driver(answer_of(content))), list[BaseException | None]()
    before, threading.excepthook = threading.excepthook, lambda found: raised.append(found.exc_value)
    try:
        readings = reader.read_now()
        for error in filter(None, raised):
            raise error
        assert bool(readings) or reader.problem
        for reading in readings:
            figures = (reading.load, reading.memory_used_mb, reading.memory_free_mb, reading.memory_total_mb)
            assert type(reading.index) is int and is_text(reading.uuid)
            assert all(figure is None or type(figure) is float for figure in figures)
        assert all(map(is_text, Remarks().news(reader.remarks)))
    finally:
        threading.excepthook = before
        reader.close()


def _gpu_cards(content: bytes, _: Path) -> None:
    """Read the caller's CUDA_VISIBLE_DEVICES, a NUL, and an answer about the cards."""
    caller, _, answer = text_of(content).partition("\0")
    cards, remarks = query_cards(_Driver(answer_of(answer.encode("utf-8", "surrogateescape"))))
    assert all(map(is_text, remarks))
    assert all(type(card.index) is int and "/" not in card.lock_name and "\0" not in card.lock_name for card in cards)
    usable, complaints = usable_cards(cards, GpuLimits(), caller or None)
    assert set(usable) <= set(cards) and all(map(is_text, complaints))


def _gpu_processes(content: bytes, _: Path) -> None:
    found = query_processes(_Driver(answer_of(content)), 1.0)
    for uuid, pids in (found or {}).items():
        assert uuid.startswith(("GPU-", "MIG-")) and all(type(pid) is int and pid >= 0 for pid in pids)


_SQUEUE = (
    b"0CLUSTER: c1\n4711|1|PENDING|(Resources)||/x/sim_1_1.1.abcdef.sh\n4712|N/A|RUNNING|None|n1|/x/a|b.sh\n"
    b"4713|2|CANCELLED|JobHeldUser|n2|/x.sh\n"
)
_SACCT = b"04711_1|COMPLETED|0:0|sim_1\n4712|CANCELLED by 0|0:15|a|b\nc1|4713|FAILED|3:0|x\nc1|4714|TIMEOUT|0:0|y\n"
_BJOBS = (
    b"04711^1^EXIT^140^n1^/x/sim_1.1.abcdef.lsf.1^TERM_RUNLIMIT: x^-\n4712[2]^0^PEND^-^-^/x/a^b.lsf^-^New job; held\n"
    b"4713^0^DONE^0^n1^/x.lsf^-^-\n"
)
_QSTAT = (
    b"0Job Id: 12.s\n    Job_Name = sim_1\n    job_state = F\n    Exit_status = 271\n    substate = 92\n"
    b"Job Id: 13.s\n    Job_Name = sim\n\t_2\n    job_state = H\n    comment = held\n"
)
_SMI = (
    b"00, GPU-1, 5, 16000, 100, 15900, 535.1, Tesla V100, 0123, Disabled, Disabled, 40\n"
    b"1, GPU-2, [N/A], 0, ERR!, [Not Supported], 535.1, A, B, [N/A], Enabled, 40\n\0WARNING: infoROM 0000:0B:00.0\n"
)
_CARDS = (
    b"\x0000, GPU-1, [N/A], Default, 5, 16000, 100, Tesla V100, old\n1, GPU-2, Enabled, Default, [N/A], 0, ERR!, A100\n"
    b"2, GPU-3, [N/A], Prohibited, [GPU is lost], 9, 1, B\n\0WARNING: infoROM 0000:0B:00.0\n"
)
_OUT_OF_QUEUE = b"1\0slurm_load_jobs error: Invalid job id specified\n"

SCHEDULER_TARGETS = (
    Target("squeue", _rows(_SLURM), [_SQUEUE, _OUT_OF_QUEUE, b"0\0Unable to contact slurm controller"]),
    Target("sacct", _history(_SLURM), [_SACCT]),
    Target("sbatch", _submitted(_SLURM), [b"04711;c1\n", b"0note\n4711\n", b"1\0sbatch: error: QOSMaxJobs reached\n"]),
    Target(
        "scontrol",
        _site,
        [b"0ClusterName = c1\nMaxArraySize = 1001\n", b"0MAX_JOB_ARRAY_SIZE = 99\nMy cluster name is c"],
    ),
    Target(
        "sbatch_options",
        _further,
        [b"--gres=gpu:1\n-Mc1\n--comment=a b\0SBATCH_GRES=gpu:2\nSLURM_JOB_ID=1", b"--ti\n5"],
    ),
    Target("bjobs", _rows(_LSF), [_BJOBS, b"2\0Job <4711> is not found\n"]),
    Target(
        "bsub",
        _submitted(_LSF),
        [b"0Job <4711> is submitted to default queue <normal>.\n", b"2\0Request aborted by esub. Job not submitted.\n"],
    ),
    Target("bsub_options", _bsub_options, [b"-P\nmy lab\n-gpu\nnum=1", b"'rusage[mem=1]'"]),
    Target("lsf_report", _report, [b"out\nSender: LSF System <x>\nThe output (if any) follows:\nfailed\nPS:\n"]),
    Target("qstat", _rows(_PBS), [_QSTAT, b"1\0qstat: Unknown Job Id 12.s\n"]),
    Target("qsub", _submitted(_PBS), [b"0note\n123.server\n", b"1\0qsub: would exceed queue limit\n"]),
    Target("job_scripts", _scripts, [b"#!/bin/bash\n#RUN 1 sim_1.1.abcdef\n#RUN 2 sim_2.1.012345\n"]),
    Target("nvidia_smi", _gpus, [_SMI]),
    Target("gpu_cards", _gpu_cards, [_CARDS, b"GPU-2,0" + _CARDS, b"\x009NVIDIA-SMI has failed\0version mismatch"]),
    Target(
        "gpu_processes", _gpu_processes, [b"0123, GPU-1\n[Insufficient Permissions], MIG-2\n", b"5\0x 0000:0B:00.0"]
    ),
)
