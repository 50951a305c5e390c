"""Which processes belong to a run: known by their mark and their parents, never by a number alone."""

from __future__ import annotations

import os
import secrets
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import pytest
from project import wait_until

from hpsearch.backends.process_identity import is_alive, job_id
from hpsearch.backends.run_family import MARK, end_family, mark_of, members_of


@contextmanager
def process_with(environ: Mapping[str, str], code: str = "") -> Iterator[subprocess.Popen[str]]:
    """A process with this environment that has executed the code, and waits for its input's end."""
    argv = [sys.executable, "-S", "-c", f"{code}\nprint('here', flush=True)\ninput()"]
    with subprocess.Popen(
        argv, env=dict(environ), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "here\n"
        yield process
        process.kill()


@pytest.fixture
def token() -> str:
    """A token that only this test uses."""
    return f"sim_{os.getpid()}.{secrets.token_hex(4)}"


def with_token(environ: Mapping[str, str], token: str) -> dict[str, str]:
    return {name: value.replace("TOKEN", token) for name, value in environ.items()}


def found(token: str, leaders: tuple[str, ...] = ()) -> list[tuple[str, bool]]:
    return [(member.id, member.is_nested) for member in members_of([token], leaders)]


@pytest.mark.parametrize(
    ("environ", "mark"),
    [
        ({}, "/b"),
        ({MARK: "/a"}, "/a,b"),
        ({MARK: "/z,a"}, "/z,a,b"),
        ({MARK: "/a", "SLURM_JOB_ID": "7"}, "7/b"),
        ({MARK: "7/a", "SLURM_JOB_ID": "7"}, "7/a,b"),
        ({MARK: "7/a", "LSB_JOBID": "8"}, "8/b"),
        ({MARK: ""}, "/b"),
    ],
)
def test_a_mark_names_the_runs_around_a_search_within_one_job(environ: dict[str, str], mark: str) -> None:
    assert mark_of("b", environ) == mark


@pytest.mark.parametrize(
    ("environ", "is_nested"),
    [({MARK: "/TOKEN"}, False), ({MARK: "/TOKEN,inner"}, True), ({MARK: "/outer,TOKEN"}, False)],
    ids=str,
)
def test_a_marked_process_is_found(environ: dict[str, str], is_nested: bool, token: str) -> None:
    with process_with(with_token(environ, token)) as process:
        assert found(token) == [(job_id(process.pid), is_nested)]


@pytest.mark.parametrize(
    "environ",
    [
        {},
        {MARK: "/other"},
        {MARK: "/TOKEN2"},
        {MARK: "/TOKEN", "SLURM_JOB_ID": "8"},
        {MARK: "7/TOKEN"},
        {"NOT_" + MARK: "/TOKEN"},
        {"TEXT": f"{MARK}=/TOKEN"},
    ],
    ids=str,
)
def test_no_other_process_is_found(environ: dict[str, str], token: str) -> None:
    with process_with(with_token(environ, token)):
        assert found(token) == []


def test_the_process_that_looks_is_not_found(token: str) -> None:
    code = f"""
import sys
sys.path[:0] = {sys.path!r}
from hpsearch.backends.run_family import end_family, members_of
assert members_of([{token!r}]) == end_family([{token!r}]) == []
"""
    with process_with({**os.environ, MARK: f"/{token}"}, code) as process:
        assert process.poll() is None


STARTS_A_CHILD = """
import subprocess
print(subprocess.Popen(["sleep", "600"], env={}, start_new_session=True).pid, flush=True)
input()
"""


def test_descendants_are_found_without_a_mark_and_from_a_leader(token: str) -> None:
    argv = [sys.executable, "-S", "-c", STARTS_A_CHILD]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        child = job_id(int(parent.stdout.readline()))
        leader = job_id(parent.pid)
        members = members_of([token], [leader])
        ended = end_family([token], members)
    assert {member.id for member in members} == {member.id for member in ended} == {leader, child}
    wait_until(lambda: not is_alive(child), "its end")


#: Its child has no mark, and soon no parent; what is left of its family is the session.
LOSES_A_CHILD = """
import subprocess
code = "import os; os.fork() and os._exit(0); print(os.getpid(), flush=True); os.execvp('sleep', ['sleep', '600'])"
subprocess.Popen([__import__("sys").executable, "-S", "-c", code], env={"PATH": "/usr/bin:/bin"}).wait()
input()
"""


def test_an_orphan_without_a_mark_is_found_in_its_leaders_session(token: str) -> None:
    argv = [sys.executable, "-S", "-c", LOSES_A_CHILD]
    with subprocess.Popen(
        argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True
    ) as parent:
        assert parent.stdout is not None
        orphan = job_id(int(parent.stdout.readline()))
        members = members_of([token], [job_id(parent.pid)])
        end_family([token], members)
    assert orphan in {member.id for member in members}
    wait_until(lambda: not is_alive(orphan), "its end")


def test_a_leader_whose_number_was_given_out_again_leads_nobody(token: str) -> None:
    with process_with({}) as process:
        assert found(token, (f"{process.pid}@1.earlier",)) == []
