"""The world of `script/torture` on a real Slurm does what it says."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from crash.torture.worlds import TROUBLES, WORLDS
from slurm_cluster import need_cluster, wait_for_line, wait_until


def test_a_requeued_job_runs_again_though_it_does_not_allow_that(tmp_path: Path) -> None:
    need_cluster()
    began = tmp_path / "began"
    script = f"#!/bin/sh\necho began >>{began}\nexec sleep 600\n"
    with WORLDS["slurm"](tmp_path) as world:
        words = ["sbatch", "--no-requeue", "--open-mode=append", f"--output={tmp_path}/out"]
        subprocess.run(words, input=script, text=True, env={**os.environ, **world.environment}, check=True)
        wait_for_line(began)
        world.troubles["requeued"]()
        wait_until("the second start", lambda: began.read_text().count("\n") == 2)
        assert tuple(world.troubles) == TROUBLES["slurm"]
