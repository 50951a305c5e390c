"""End a whole cluster, with all processes that were started in it."""

import signal
import time

import quick_json as json

from .cluster import UNFINISHED
from .processes import is_same_alive, kill_session, send


def stop(cluster):
    """Kill by recorded process ids, and only what still is the recorded process. No job is accepted afterwards."""
    scheduler = cluster.read()["scheduler"]
    if is_same_alive(scheduler):
        send(scheduler["pid"], signal.SIGKILL)
    with cluster.locked() as state:
        if is_same_alive(state["scheduler"]):
            send(state["scheduler"]["pid"], signal.SIGKILL)
        state.update(scheduler=None, stopped=True)
        for job in state["jobs"].values():
            if job["process"] is not None:
                kill_session(job["process"], cluster.folder)
            if job["stat"] in UNFINISHED:
                job.update(stat="EXIT", exit_code=137, reason="TERM_ADMIN", finish_time=time.time())
    for call in calls(cluster):
        if is_same_alive(call):
            send(call["pid"], signal.SIGKILL)


def calls(cluster):
    try:
        with open(cluster.path("calls.log"), encoding="utf-8") as log:
            return [json.loads(line) for line in log]
    except FileNotFoundError:
        return []
