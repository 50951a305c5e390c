"""LSF's commands, as text."""

from __future__ import annotations

from pathlib import Path

import pytest

from hpsearch.backends.base import LogFile
from hpsearch.backends.cluster.lsf import Lsf, LsfWishes
from hpsearch.backends.scheduler import ClusterWishes, Submission
from hpsearch.backends.shell import Answer
from hpsearch.core.errors import BackendError, SubmissionRefused, SubmissionUnsure
from hpsearch.core.model import Attempt, Configuration, Job, Place, Run

LOGS = Path("/s/my search/.hpsearch/logs")
FORM = "jobid jobindex stat exit_code exec_host output_file exit_reason pend_reason delimiter='^'"


def attempt(number: int) -> Attempt:
    run = Run(number, f"sim_{number}", Configuration(()), f"/s/my search/sim_{number}")
    return Attempt(run, 1, f"sim_{number}.1.abc", ("true",), Path("/"), Path("/exits"), LOGS)


def array(after: str | None = None) -> Submission:
    jobs = ((attempt(1),), (attempt(2),))
    return Submission("sim_1.batch.abc", "sim_1-2", LOGS, jobs, is_array=True, at_once=2, after=after)


def submit_words(wishes: LsfWishes, submission: Submission | None = None) -> list[str]:
    single = Submission("sim_1.1.abc", "sim_1", LOGS, ((attempt(1),),))
    return list(Lsf(wishes).submit_command(submission or single, "script", ClusterWishes(hours=0.5)).argv)


def test_a_job_is_submitted_with_everything_that_was_asked_for() -> None:
    wishes = LsfWishes('"rusage[mem=8000, ngpus_excl_p=1]"', "gpu.4h", ("-P", "the lab"))
    assert submit_words(wishes) == [
        *("bsub", "-W", "0:30", "-n", "1", "-R", "rusage[mem=8000, ngpus_excl_p=1]", "-q", "gpu.4h"),
        *("-J", "job_sim_1", "-rn", "-P", "the lab", "-o", f"{LOGS}/sim_1.1.abc.lsf"),
    ]


def test_an_array_is_submitted_as_one() -> None:
    assert submit_words(LsfWishes(""), array("1000")) == [
        *("bsub", "-W", "0:30", "-n", "1", "-w", "ended(1000)", "-J", "job_sim_1-2[1-2]%2", "-rn"),
        *("-o", f"{LOGS}/sim_1.batch.abc.lsf.%I"),
    ]


def test_a_folder_that_bjobs_could_not_tell_is_refused() -> None:
    torn = Submission("sim_1.1.abc", "sim_1", Path("/s/two\nlines"), ((attempt(1),),))
    with pytest.raises(SubmissionRefused, match="contains a line break"):
        submit_words(LsfWishes(), torn)


def test_the_users_own_options_come_instead_of_ours() -> None:
    words = submit_words(LsfWishes("rusage[mem=1]", "", ("-n", "4", "-W", "9:00", "-R", "span[hosts=1]", "-r")))
    assert words[:5] == ["bsub", "-R", "rusage[mem=1]", "-J", "job_sim_1"]
    assert words[5:-2] == ["-n", "4", "-W", "9:00", "-R", "span[hosts=1]", "-r"]


def test_the_script_goes_to_standard_input() -> None:
    assert Lsf(LsfWishes()).submit_command(array(), "#!/bin/bash\n", ClusterWishes()).stdin == "#!/bin/bash\n"


def test_a_query_asks_once_for_each_job_and_array() -> None:
    assert Lsf(LsfWishes()).query_command(["7", "9[1]", "9[2]", "8"]).argv == [
        *("bjobs", "-a", "-noheader", "-o", FORM, "7", "9", "8")
    ]


def test_jobs_are_killed_by_their_ids() -> None:
    assert Lsf(LsfWishes()).cancel_command(["7", "9[1]"], False).argv == ["bkill", "7", "9[1]"]
    assert Lsf(LsfWishes()).cancel_command(["7"], True).argv == ["bkill", "-s", "KILL", "7"]


def test_what_hides_answers_is_not_handed_on() -> None:
    environ = {"BSUB_QUIET": "1", "BSUB_STDERR": "1", "LSB_NTRIES": "9", "LSF_ENVDIR": "/etc", "LSB_DEFAULTQUEUE": "q"}
    kept = {"LSB_NTRIES": "1", "LSF_ENVDIR": "/etc", "LSB_DEFAULTQUEUE": "q"}
    assert Lsf(LsfWishes()).environment(environ) == kept


def test_what_lsf_gave_to_a_surrounding_job_is_not_handed_on() -> None:
    environ = {"LSB_JOBID": "5", "LSB_JOBINDEX": "3", "LSB_HOSTS": "a", "LSB_DEFAULTQUEUE": "q", "LSF_ENVDIR": "/etc"}
    kept = {"LSB_NTRIES": "1", "LSB_DEFAULTQUEUE": "q", "LSF_ENVDIR": "/etc"}
    assert Lsf(LsfWishes()).environment(environ) == kept


@pytest.mark.parametrize(
    "answer, limit",
    [
        (Answer(0, "  MAX_JOB_ARRAY_SIZE = 250\n", ""), 250),
        (Answer(0, "Maximum size of a job array:\n MAX_JOB_ARRAY_SIZE=5000", ""), 5000),
        (Answer(255, "", "LSF is down"), 1000),
        (None, 1000),
    ],
)
def test_an_array_s_size_is_the_site_s_limit(answer: Answer | None, limit: int) -> None:
    assert Lsf(LsfWishes()).array_limit(answer) == limit


def test_a_bjobs_without_records_is_refused_at_the_start() -> None:
    with pytest.raises(BackendError, match=r"bjobs does not know its option -o .*LSF 9.1 or later is needed"):
        Lsf(LsfWishes()).check_version(Answer(255, "", "bjobs: illegal option -- noheader\n"))


def test_a_field_that_an_older_bjobs_does_not_know_is_not_asked_for() -> None:
    lsf = Lsf(LsfWishes())
    lsf.check_version(Answer(255, "", "pend_reason: Bad field name\n"))
    assert lsf.own_jobs_command().argv[-1] == FORM.replace(" pend_reason", "")


def test_a_runs_files_are_named_after_its_folder_in_its_own_folder() -> None:
    logs = Lsf(LsfWishes()).log_files(Job(attempt(1), "7", Place(), 0.0))
    ends = (".out", ".err", ".sh", ".lsf")
    assert logs == [LogFile(LOGS / f"sim_1.1.abc{end}", f"job_sim_1{end}") for end in ends]


def test_lsid_tells_the_name_of_the_cluster() -> None:
    said = "IBM Spectrum LSF 10.1.0.13\nMy cluster name is main\nMy master name is node1\n"
    assert Lsf(LsfWishes()).own_cluster_command().argv == ["lsid"]
    assert Lsf(LsfWishes()).own_cluster(Answer(0, said, "")) == "main"


def test_an_answer_that_names_several_jobs_is_unclear() -> None:
    said = "".join(f"Job <{number}> is submitted to default queue <normal>.\n" for number in (8, 7))
    with pytest.raises(SubmissionUnsure, match=r"^bsub named several jobs: 7, 8$"):
        Lsf(LsfWishes()).submitted_id(Answer(0, said, ""))
