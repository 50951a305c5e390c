"""Whole searches on file systems without locks, and on those whose locks only one machine sees."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
from project import Project, journal_has, rows, wait_until

ONE_FOLDER = ("--out_dir=s", "--force_out_dir", "--dont_force_new_dir", "--visible_gpus=-1")

#: flock refuses or grants every lock; the machine has the name that the environment says, and a boot id of its own if
#: that is not `here`.
LIBRARY = """\
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
int flock(int descriptor, int operation) {
    const char *number = getenv("FLOCK_ERRNO");
    if (number == NULL || atoi(number) == 0) return 0;
    errno = atoi(number);
    return -1;
}
int gethostname(char *name, size_t size) {
    const char *given = getenv("HOST_NAME");
    strncpy(name, given != NULL ? given : "here", size);
    return 0;
}
int open64(const char *path, int flags, ...) {
    static int (*real)(const char *, int, ...) = NULL;
    const char *name = getenv("HOST_NAME"), *boot = getenv("BOOT_FILE");
    va_list more;
    va_start(more, flags);
    mode_t mode = va_arg(more, mode_t);
    va_end(more);
    if (real == NULL) real = (int (*)(const char *, int, ...)) dlsym(RTLD_NEXT, "open64");
    if (name != NULL && boot != NULL && strcmp(name, "here") && !strcmp(path, "/proc/sys/kernel/random/boot_id"))
        path = boot;
    return real(path, flags, mode);
}
"""
ENOLCK, ENOSYS = 37, 38


@pytest.fixture(scope="session")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    compiler = shutil.which("gcc") or shutil.which("cc")
    if compiler is None:
        pytest.skip("no C compiler for a library that takes the place of flock")
    folder = tmp_path_factory.mktemp("flock")
    (folder / "flock.c").write_text(LIBRARY)
    (folder / "boot_id").write_text("00000000-0000-4000-8000-000000000000\n")
    made = folder / "flock.so"
    subprocess.run(
        [compiler, "-shared", "-fPIC", "-o", str(made), str(folder / "flock.c"), "-ldl"], check=True, timeout=120
    )
    return made


def on_machine(project: Project, library: Path, name: str = "here", flock_errno: int = 0) -> Project:
    """Return the project as a machine of this name sees it."""
    boot = library.with_name("boot_id")
    environment = {
        "LD_PRELOAD": str(library),
        "HOST_NAME": name,
        "FLOCK_ERRNO": str(flock_errno),
        "BOOT_FILE": str(boot),
    }
    return replace(project, environment={**project.environment, **environment})


def assert_journal_is_whole(folder: Path) -> None:
    for line in (folder / ".hpsearch" / "journal.jsonl").read_text().splitlines():
        json.loads(line)


@pytest.mark.parametrize("flock_errno", [ENOSYS, ENOLCK])
def test_a_search_without_locks_runs_and_is_resumed_after_a_kill(
    project: Project, library: Path, flock_errno: int
) -> None:
    here = on_machine(project, library, flock_errno=flock_errno)
    here.grid({"x": [1, 2, 3], "sleep": [0.3]})
    controller = here.start(*ONE_FOLDER)
    wait_until(lambda: journal_has(here.path / "s", "collected", 1), "a result")
    controller.kill()
    controller.communicate()
    result = here.ask("resume", "s")
    assert (result.exit_status, "watching" in result.stderr) == (0, False), result.stderr
    assert sorted(row["acc"] for row in rows(here.path / "s")) == ["1", "2", "3"]


@pytest.mark.parametrize("flock_errno", [ENOSYS, 0], ids=["no locks", "locks that exclude nobody"])
def test_of_searches_that_start_at_once_without_locks_none_overwrites_another(
    project: Project, library: Path, flock_errno: int
) -> None:
    here = on_machine(project, library, flock_errno=flock_errno)
    here.grid({"x": [1, 2]})
    together = [here.start(*ONE_FOLDER) for _ in range(4)]
    outputs = [each.communicate(timeout=90) for each in together]
    statuses = Counter(each.returncode for each in together)
    assert (set(statuses) <= {0, 2}, any("Traceback" in told for _, told in outputs)) == (True, False), outputs
    assert len(rows(here.path / "s")) == 2 * statuses[0] > 0
    assert_journal_is_whole(here.path / "s")


def test_a_live_search_is_not_resumed_on_a_machine_that_does_not_see_its_lock(project: Project, library: Path) -> None:
    here, far = on_machine(project, library), on_machine(project, library, "far")
    here.grid({"x": [1], "sleep": [30]})
    controller = here.start(*ONE_FOLDER)
    try:
        wait_until(lambda: journal_has(here.path / "s", "submitted", 1), "a live run")
        refused = far.ask("resume", "s")
        assert refused.exit_status == 2
        assert f"this search is already running (process {controller.pid} on here, since " in refused.stderr
        assert controller.poll() is None
    finally:
        here.ask("cancel", "s")
        controller.communicate(timeout=60)
    assert controller.returncode == 130
    assert_journal_is_whole(here.path / "s")


def test_a_search_of_a_machine_that_is_gone_is_taken_over_after_its_heart_stood_still(
    project: Project, library: Path
) -> None:
    here, far = on_machine(project, library), on_machine(project, library, "far")
    here.grid({"x": [1, 2], "sleep": [0.5]})
    controller = here.start(*ONE_FOLDER)
    wait_until(lambda: journal_has(here.path / "s", "collected", 1), "a result")
    controller.kill()
    controller.communicate()
    result = far.ask("resume", "s", "--runs_are_gone")
    assert result.exit_status == 0, result.stderr
    assert f"whether this search still runs elsewhere (process {controller.pid} on here, since " in result.stderr
    assert sorted(row["acc"] for row in rows(here.path / "s")) == ["1", "2"]


def test_a_controller_on_a_machine_that_is_gone_is_not_waited_for_when_its_search_is_cancelled(
    project: Project, library: Path
) -> None:
    here, far = on_machine(project, library), on_machine(project, library, "far")
    here.grid({"x": [1, 2]}, script="import time\ntime.sleep(0.5)\n")
    controller = here.start(*ONE_FOLDER)
    wait_until(lambda: journal_has(here.path / "s", "submitted", 1), "a live run")
    controller.kill()
    controller.communicate()
    result = far.ask("cancel", "s")
    assert "the controller shows no sign of life" in result.stderr
    # Its runs can only be ended on its machine.
    assert (result.exit_status, "can only be stopped there" in result.stderr) == (1, True)
