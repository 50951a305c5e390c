"""bsub: check a job, hand it to the scheduler and answer."""

import os
import re
import sys
import time

import quick_json as json

from .cluster import Refusal
from .faults import HOUR_S, LIBRARY_ERROR
from .options import array_of, check, read_options, run_limit_minutes, script_options, warning_of
from .processes import is_same_alive, start_ticks
from .selection import key_of

ADMIN = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "admin.py")


def bsub(cluster, argv, fault):
    """Submit a job; return bsub's exit status."""
    config = cluster.config()
    try:
        options, words = read_options(argv)
        script = None
        if not words:
            script = sys.stdin.buffer.read().decode("utf-8", "surrogateescape")
            options = {**script_options(script), **options}
            if not script.strip():
                raise Refusal("Empty job")
        check(options, config)
        name, indices, limit = array_of(options.get("-J", ""), config["max_array_size"])
        wait_for_room(cluster, config)
        job = new_job(options, words, script, config)
        job.update(name=name or job["command"].split("\n")[0][:60], array_limit=limit)
        number = accept(cluster, job, script, indices)
    except Refusal as refusal:
        sys.stderr.write(f"{refusal}. Job not submitted.\n")
        return 255
    return reply(number, options, config, fault)


def wait_for_room(cluster, config):
    """Wait, as LSF does, while too many jobs pend; LSB_NTRIES limits how often it asks."""
    tries = int(os.environ.get("LSB_NTRIES", 0))
    asked = 0
    while True:
        pending = sum(job["stat"] in ("PEND", "PSUSP") for job in cluster.read()["jobs"].values())
        limit = cluster.config()["pending_limit"]
        if limit is None or pending < limit:
            return
        asked += 1
        if tries and asked >= tries:
            raise Refusal(f"User <{config['user']}>: Pending job threshold reached")
        sys.stderr.write(f"User <{config['user']}>: Pending job threshold reached. Retrying in 60 seconds...\n")
        sys.stderr.flush()
        time.sleep(config["pending_retry_s"])


def new_job(options, words, script, config):
    """Return the record of a job that pends; what each element of an array has of its own is set by `accept`."""
    return {
        "id": None,
        "index": 0,
        "index_end": 0,
        "stat": "PSUSP" if "-H" in options else "PEND",
        "user": config["user"],
        "queue": options.get("-q", config["default_queue"]),
        "project": options.get("-P", "default"),
        "command": (script if script is not None else " ".join(words))[:500].strip(),
        "from_script": script is not None,
        "interpreter": interpreter(script) if script is not None else ["/bin/sh", "-c"],
        "line": None if script is not None else " ".join(words),
        "sub_cwd": os.getcwd(),
        "cwd": os.path.normpath(os.path.join(os.getcwd(), options.get("-cwd", ""))),
        "out": options.get("-oo", options.get("-o")),
        "err": options.get("-eo", options.get("-e")),
        "out_overwrites": "-oo" in options,
        "err_overwrites": "-eo" in options,
        "run_limit_minutes": run_limit_minutes(options),
        "warning": warning_of(options),
        "processors": int(options.get("-n", "1").split(",")[0]),
        "resources": " ".join(options.get("-R", [])),
        "waits_for": dependencies(options.get("-w")),
        "submit_time": time.time(),
        "start_time": None,
        "finish_time": None,
        "host": None,
        "process": None,
        "exit_code": None,
        "died_of": None,
        "reason": None,
        "kill": None,
        "forgotten": False,
    }


def interpreter(script):
    """Return the words of a script's first line after #!, or /bin/sh."""
    first = script.split("\n", 1)[0]
    return first[2:].split() if first.startswith("#!") and first[2:].strip() else ["/bin/sh"]


def dependencies(text):
    """Return [condition, job id] of `-w "done(1) && ended(2)"`; other forms are refused."""
    found = []
    for part in (text or "").split("&&") if text else []:
        match = re.fullmatch(r"\s*(done|ended|exit)\((\d+)\)\s*", part)
        if match is None:
            raise Refusal("Dependency condition syntax error")
        found.append([match.group(1), int(match.group(2))])
    return found


def accept(cluster, job, script, indices):
    """Write the job, or every element of its array, into the state; return its id."""
    with cluster.locked() as state:
        if state["stopped"]:
            raise Refusal("LSF is down")
        number = state["next_id"]
        state["next_id"] += 1
        if script is not None:
            with open(cluster.path("spool", f"{number}.sh"), "wb") as file:
                file.write(script.encode("utf-8", "surrogateescape"))
        with open(cluster.path("spool", f"{number}.env.json"), "w", encoding="utf-8") as file:
            json.dump(dict(os.environ), file)
        for index in indices or [0]:
            key = key_of(number, index)
            own = {"id": number, "index": index, "index_end": indices[-1] if indices else 0}
            state["jobs"][key] = {**job, **own}
        ensure_scheduler(cluster, state)
    cluster.wake()
    return number


def ensure_scheduler(cluster, state):
    """Start the scheduler process unless it lives. It leaves only under the lock that the caller holds."""
    if is_same_alive(state["scheduler"]):
        return
    command = [sys.executable, "-S", "-E", ADMIN, "--scheduler", cluster.folder]
    log = (os.POSIX_SPAWN_OPEN, 1, cluster.path("scheduler.log"), os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    files = [(os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0), log, (os.POSIX_SPAWN_DUP2, 1, 2)]
    environment = {"PATH": os.environ.get("PATH", os.defpath), "FAKE_LSF_DIR": cluster.folder}
    pid = os.posix_spawn(sys.executable, command, environment, file_actions=files, setsid=True)
    state["scheduler"] = {"pid": pid, "start_ticks": start_ticks(pid)}


def reply(number, options, config, fault):
    """Print bsub's answer to an accepted job."""
    if fault.get("kind") == "lost_reply":
        sys.stderr.write(LIBRARY_ERROR + ". Job not submitted.\n")
        return 255
    if fault.get("kind") == "hang_after":
        time.sleep(fault.get("seconds", HOUR_S))
        return 255
    for line in config["esub_lines"]:
        sys.stdout.write(line + "\n")
    if config["project_line"]:
        sys.stdout.write(f"Job is submitted to <{config['project_line']}> project.\n")
    queue = f"queue <{options['-q']}>" if "-q" in options else f"default queue <{config['default_queue']}>"
    stream = sys.stderr if "BSUB_STDERR" in os.environ else sys.stdout
    stream.write(f"Job <{number}> is submitted to {queue}.\n")
    return 0
