"""The folder of one cluster: its settings, its jobs and the log of calls."""

import errno
import fcntl
import os
import time

import quick_json as json

from .processes import start_ticks

DEFAULTS = {
    "cluster_name": "standin",
    "user": None,  # default: the environment's USER
    "hosts": ["node1", "node2"],  # jobs are spread over them in turn
    "slots": 4,  # jobs that run at once; the others pend
    "queues": {"normal": {}, "short": {}},  # name -> {"max_run_limit_minutes": n}
    "default_queue": "normal",
    "max_processors": 64,
    "max_array_size": 1000,
    "first_job_id": 1001,
    "seconds_per_minute": 60.0,  # how long a minute of -W lasts
    "run_limit_grace_minutes": 10.0,  # from SIGUSR2 at the run limit until the job is killed
    "terminate_interval_s": 0.3,  # between SIGINT, SIGTERM and SIGKILL
    "start_delay_s": 0.0,  # a job pends at least this long
    "pending_limit": None,  # bsub retries while this many jobs pend, LSB_NTRIES times or for ever
    "pending_retry_s": 60.0,
    "clean_period_s": 3600.0,  # finished jobs are forgotten after this
    "forget_killed_pending": True,  # a job killed while it pends is forgotten at once
    "idle_exit_s": 0.5,  # the scheduler process ends after this time without jobs
    "esub_lines": [],  # printed by bsub before its answer
    "project_line": None,  # name of a project: "Job is submitted to <NAME> project." comes first
    "without_bash": False,  # no host can execute a job's script: it ends with 127
    "openlava": False,  # bjobs knows no -o, -noheader, -json
    "array_ids": False,  # LSB_BJOBS_DISPLAY_ENH: show 123[4] instead of 123
    "finished_by_id": True,  # bjobs ID shows a finished job without -a
    "consistent_exit_code": False,  # LSB_BJOBS_CONSISTENT_EXIT_CODE=Y: 255 where no job is found
    "code_unknown_ids": 255,  # bjobs, when none of the ids exists
    "code_some_unknown": 255,  # bjobs, when only some of them exist
    "shown_states": {},  # id -> state word that bjobs shows whatever the job does
    "faults": [],
}
UNFINISHED = ("PEND", "PSUSP", "RUN", "USUSP", "SSUSP")


class Refusal(Exception):
    """Why a command refuses, in LSF's words."""


class Locked:
    """The state of a cluster, held alone; what is changed in it is saved at the end, unless an error ends it.

    `contextlib` would do the same, but a call would take a tenth longer to start.
    """

    def __init__(self, cluster):
        self.cluster = cluster

    def __enter__(self):
        self.lock = open(self.cluster.path("lock"), "a", encoding="utf-8")
        fcntl.flock(self.lock, fcntl.LOCK_EX)
        self.state = self.cluster.read()
        return self.state

    def __exit__(self, kind, *_):
        if kind is None:
            half_written = self.cluster.path("state.json.new")
            with open(half_written, "w", encoding="utf-8") as file:
                json.dump(self.state, file)
            os.replace(half_written, self.cluster.path("state.json"))
        self.lock.close()


class Cluster:
    """One cluster's folder. Jobs are dicts, kept in order of submission under their id: "1001" or "1001[3]"."""

    def __init__(self, folder):
        self.folder = os.path.abspath(folder)
        os.makedirs(self.path("spool"), exist_ok=True)

    def path(self, *parts):
        return os.path.join(self.folder, *parts)

    def config(self):
        """Return the settings, those of config.json over the defaults."""
        try:
            with open(self.path("config.json"), encoding="utf-8") as file:
                own = json.load(file)
        except FileNotFoundError:
            own = {}
        unknown = set(own) - set(DEFAULTS)
        if unknown:
            raise ValueError("{}: unknown settings {}".format(self.path("config.json"), ", ".join(sorted(unknown))))
        config = {**DEFAULTS, **own}
        config["user"] = config["user"] or os.environ.get("USER", "someone")
        return config

    def read(self):
        """Return the state as it was last saved."""
        try:
            with open(self.path("state.json"), encoding="utf-8") as file:
                return json.load(file)
        except FileNotFoundError:
            return {"next_id": self.config()["first_job_id"], "scheduler": None, "stopped": False, "jobs": {}}

    def locked(self):
        """Hold the state alone for the time of a block."""
        return Locked(self)

    def log_call(self, command, argv):
        """Append this call to the log and return its number among the calls of this command."""
        with open(self.path("calls.log"), "a+", encoding="utf-8") as log:
            fcntl.flock(log, fcntl.LOCK_EX)
            log.seek(0)
            number = 1 + sum(json.loads(line)["command"] == command for line in log)
            pid = os.getpid()
            entry = {"command": command, "call": number, "time": time.time(), "pid": pid, "argv": argv}
            log.write(json.dumps({**entry, "start_ticks": start_ticks(pid)}) + "\n")
        return number

    def wake(self):
        """Tell the scheduler that something changed. One that is only starting reads the state anyway."""
        try:
            pipe = os.open(self.path("wake"), os.O_WRONLY | os.O_NONBLOCK)
        except OSError as error:
            if error.errno in (errno.ENXIO, errno.ENOENT):
                return
            raise
        try:
            os.write(pipe, b"!")
        finally:
            os.close(pipe)


def is_visible(job, config, now):
    """Say whether LSF still remembers a job."""
    if job["stat"] in UNFINISHED:
        return True
    return not job["forgotten"] and now < job["finish_time"] + config["clean_period_s"]


def is_named(calls, number):
    """Say whether `calls` (3, "3-5", "3-", or a list of those) names this number; None names all."""
    if calls is None:
        return True
    if isinstance(calls, list):
        return any(is_named(item, number) for item in calls)
    first, dash, last = str(calls).partition("-")
    if not dash:
        return number == int(first)
    return int(first) <= number and (not last or number <= int(last))
