"""The scheduler process: starts jobs, notices their ends, enforces limits and kills. It waits without polling."""

import os
import select
import signal
import subprocess
import time
from collections import Counter

import quick_json as json

from .cluster import UNFINISHED
from .output import deliver, open_live
from .processes import is_same_alive, kill_session, signal_session, start_ticks
from .selection import element_name

KILL_STEPS = (signal.SIGINT, signal.SIGTERM, signal.SIGKILL)
ORPHAN_CHECK_S = 0.2


class Scheduler:
    """The one scheduler process of a cluster, parent of all its running jobs."""

    def __init__(self, cluster):
        self.cluster = cluster
        self.children = {}

    def serve(self):
        """Work until there has been no job for a while."""
        wakers = self.open_wakers()
        idle_since = None
        while True:
            with self.cluster.locked() as state:
                config, now = self.cluster.config(), time.time()
                due = self.work(state["jobs"], config, now)
                has_work = any(job["stat"] in UNFINISHED for job in state["jobs"].values())
                idle_since = None if has_work else idle_since or now
                if idle_since is not None:
                    due.append(idle_since + config["idle_exit_s"])
                    if now >= due[-1]:
                        state["scheduler"] = None
                        return
            wait_for(wakers, max(0.0, min(due) - time.time()) if due else None)

    def open_wakers(self):
        """Return the pipes that wake the scheduler: one for calls of bsub and bkill, one for ends of jobs."""
        for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGTERM, signal.SIGUSR2):
            signal.signal(number, signal.SIG_DFL)  # a shell's background job would hand on that they are ignored
        path = self.cluster.path("wake")
        if not os.path.exists(path):
            os.mkfifo(path)
        pipe = os.open(path, os.O_RDWR | os.O_NONBLOCK)
        ends, signal_end = os.pipe()
        os.set_blocking(ends, False)
        os.set_blocking(signal_end, False)
        signal.set_wakeup_fd(signal_end)
        signal.signal(signal.SIGCHLD, lambda number, frame: None)
        return [pipe, ends]

    def work(self, jobs, config, now):
        """Do everything that is due, and return the times at which more will be due."""
        due = []
        for key, job in jobs.items():
            if job["process"] is not None and job["stat"] in UNFINISHED:
                due += self.look_after(key, job, config, now)
        return due + self.start_what_fits(jobs, config, now)

    def start_what_fits(self, jobs, config, now):
        """Start pending jobs in order while there are slots, and drop the killed ones; return when to look again."""
        due = []
        running = Counter(job["id"] for job in jobs.values() if job["stat"] in ("RUN", "USUSP", "SSUSP"))
        for key, job in jobs.items():
            if job["stat"] in ("PEND", "PSUSP") and job["kill"] is not None:
                cancel_pending(job, config, now)
            elif job["stat"] == "PEND" and now < job["submit_time"] + config["start_delay_s"]:
                due.append(job["submit_time"] + config["start_delay_s"])
            elif job["stat"] == "PEND" and may_start(job, jobs, running, config):
                self.start(key, job, config, now)
                running[job["id"]] += job["stat"] == "RUN"
                due += limit_run_time(job, config, now) if job["stat"] == "RUN" else [now]
        return due

    def look_after(self, key, job, config, now):
        """Notice the end of a started job, or enforce its limits; return when to look again."""
        child = self.children.get(key)
        if child is None and not is_same_alive(job["process"]):
            self.finish(key, job, None, config, now)
        elif child is not None and child.poll() is not None:
            del self.children[key]
            self.finish(key, job, child.returncode, config, now)
        else:
            due = limit_run_time(job, config, now) + go_on_killing(job, config, now)
            return due + ([now + ORPHAN_CHECK_S] if child is None else [])
        return []

    def finish(self, key, job, returncode, config, now):
        """Record how a job ended. status: None if it is unknown, because an earlier scheduler died."""
        job["finish_time"] = now
        if returncode is None:
            job["exit_code"], job["reason"] = 1, job["reason"] or "TERM_UNKNOWN"
        else:
            job["exit_code"] = returncode if returncode >= 0 else 128 - returncode
            job["died_of"] = -returncode if returncode < 0 else None
        job["stat"] = "EXIT" if job["exit_code"] else "DONE"
        if job["kill"] is not None and job["process"] is not None:
            kill_session(job["process"], self.cluster.folder)  # what ignored the signals that ended the job itself
        deliver(job, self.cluster, key, is_direct(self.environment(job)), config)

    def start(self, key, job, config, now):
        """Start a job's process, in a session of its own."""
        job.update(stat="RUN", start_time=now, host=config["hosts"][job["id"] % len(config["hosts"])])
        environment = self.environment(job)
        script = self.cluster.path("spool", f"{job['id']}.sh")
        out, err = open_live(job, self.cluster, key, is_direct(environment))
        with out, err:
            try:
                interpreter = ["/nowhere/bash"] if config["without_bash"] else job["interpreter"]
                child = subprocess.Popen(
                    [*interpreter, script if job["from_script"] else job["line"]],
                    cwd=job["cwd"] if os.path.isdir(job["cwd"]) else "/tmp",  # where LSF puts a job without its folder
                    env=environment,
                    stdin=subprocess.DEVNULL,
                    stdout=out,
                    stderr=err,
                    start_new_session=True,
                )
            except OSError as error:
                err.write((f"{error}\n").encode())
                child = None
        if child is None:
            self.finish(key, job, 127, config, now)
            return
        self.children[key] = child
        job["process"] = {"pid": child.pid, "start_ticks": start_ticks(child.pid)}

    def environment(self, job):
        """Return the environment of bsub's call with what LSF adds to it."""
        with open(self.cluster.path("spool", f"{job['id']}.env.json"), encoding="utf-8") as file:
            environment = json.load(file)
        environment.update(
            FAKE_LSF_DIR=self.cluster.folder,
            LSB_JOBID=str(job["id"]),
            LSB_JOBINDEX=str(job["index"]),
            LSB_JOBNAME=element_name(job),
            LSB_QUEUE=job["queue"],
            LSB_HOSTS=" ".join([job["host"]] * job["processors"]),
            LSB_DJOB_NUMPROC=str(job["processors"]),
            LSB_SUB_HOST="login",
            LS_SUBCWD=job["sub_cwd"],
        )
        if job["index"]:
            environment["LSB_JOBINDEX_END"] = str(job["index_end"])
        return environment


def wait_for(wakers, timeout_s):
    """Sleep until a waker is readable or the time is over."""
    for pipe in select.select(wakers, [], [], timeout_s)[0]:
        os.read(pipe, 65536)


def is_direct(environment):
    return environment.get("LSB_STDOUT_DIRECT", "").upper() == "Y"


def may_start(job, jobs, running, config):
    """Say whether slots, array limit and dependencies let a pending job start. running: job id -> how many."""
    if running.total() >= config["slots"] or (job["array_limit"] and running[job["id"]] >= job["array_limit"]):
        return False
    return all(is_met(condition, number, jobs) for condition, number in job["waits_for"])


def is_met(condition, number, jobs):
    """Say whether a dependency on a job holds; on an array, it must hold for all of it."""
    states = {"done": ("DONE",), "exit": ("EXIT",), "ended": ("DONE", "EXIT")}[condition]
    others = [job for job in jobs.values() if job["id"] == number]
    return bool(others) and all(job["stat"] in states for job in others)


def cancel_pending(job, config, now):
    """End a job that never ran."""
    job.update(stat="EXIT", finish_time=now, reason=job["kill"]["reason"], forgotten=config["forget_killed_pending"])


def limit_run_time(job, config, now):
    """Send SIGUSR2 at the run limit and ask for the kill after the grace time; return when to look again."""
    if job["run_limit_minutes"] is None or job["kill"] is not None:
        return []
    limit_at = job["start_time"] + job["run_limit_minutes"] * config["seconds_per_minute"]
    warning = job["warning"]
    warn_at = limit_at if warning is None else limit_at - warning["minutes"] * config["seconds_per_minute"]
    if now < warn_at:
        return [warn_at]
    if now < limit_at:
        signal_session(job["process"]["pid"], signal.Signals[warning["signal"]])
        job["warning"] = None
        return [limit_at]
    grace_s = config["run_limit_grace_minutes"] * config["seconds_per_minute"]
    job["reason"] = "TERM_RUNLIMIT"
    job["kill"] = {"reason": "TERM_RUNLIMIT", "at": now + grace_s, "step": 0}
    signal_session(job["process"]["pid"], signal.SIGUSR2)
    return [now + grace_s]


def go_on_killing(job, config, now):
    """Send the next of SIGINT, SIGTERM, SIGKILL when it is due; return when to look again."""
    kill = job["kill"]
    if kill is None or kill["step"] >= len(KILL_STEPS):
        return []
    if now >= kill["at"]:
        job["reason"] = kill["reason"]
        signal_session(job["process"]["pid"], KILL_STEPS[kill["step"]])
        if job["stat"] == "USUSP":
            signal_session(job["process"]["pid"], signal.SIGCONT)  # a stopped process takes no other signal
        kill["step"] += 1
        kill["at"] = now + config["terminate_interval_s"]
    return [kill["at"]]
