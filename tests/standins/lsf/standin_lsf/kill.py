"""bkill: signals to jobs, and the words that go with them."""

import signal
import sys
import time

from .cluster import UNFINISHED, is_visible
from .processes import signal_session
from .selection import is_selected, keys_of
from .submit import ensure_scheduler

VALUED = ("-s", "-J", "-u", "-q", "-m", "-g")
FORCE_STEP = 2
ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGKILL)


def bkill(cluster, argv, fault):
    """Kill jobs, or send them a signal; return bkill's exit status."""
    options, ids = read_arguments(argv)
    if not ids and not set(options) - {"-s", "-r"}:
        sys.stderr.write("Job ID, -g, -J, -m, -q or -u must be specified. Command aborted.\n")
        return 255
    now, config = time.time(), cluster.config()
    with cluster.locked() as state:
        jobs = {key: job for key, job in state["jobs"].items() if is_visible(job, config, now)}
        answers, complaints = [], []
        for label, keys in chosen(jobs, options, ids):
            unfinished = [jobs[key] for key in keys if jobs[key]["stat"] in UNFINISHED]
            complaint = complaint_about(keys, unfinished)
            if complaint is None and fault.get("kind") != "ignored":
                complaint = signal_all(unfinished, options, now)
            word = "signaled" if "-s" in options else "terminated"
            prefix = f"Job <{label}>" if label else ""
            if complaint is None:
                answers.append(f"{prefix} is being {word}")
            else:
                complaints.append(f"{prefix}: {complaint}" if prefix else complaint)
        if any(job["stat"] in UNFINISHED for job in jobs.values()):
            ensure_scheduler(cluster, state)
    cluster.wake()
    sys.stdout.write("".join(line + "\n" for line in answers))
    sys.stderr.write("".join(line + "\n" for line in complaints))
    return 255 if complaints else 0


def read_arguments(argv):
    """Return option -> value (True for -r and the like) and the job ids."""
    options, ids, words = {}, [], list(argv)
    while words:
        word = words.pop(0)
        if word in VALUED:
            options[word] = words.pop(0) if words else ""
        elif word.startswith("-"):
            options[word] = True
        else:
            ids.append(word.strip('"'))
    return options, ids


def chosen(jobs, options, ids):
    """Return [label, keys of jobs] for each id asked for; the label is what LSF calls it.

    Without ids, or with the id 0, the other options choose: all jobs for 0, else the one submitted last.
    """
    if ids and ids != ["0"]:
        return [[name, keys_of(jobs, name)] for name in ids]
    keys = [key for key, job in jobs.items() if job["stat"] in UNFINISHED and is_selected(job, options)]
    if not keys:
        return [["", []]]
    if ids == ["0"]:
        return [[key, [key]] for key in keys]
    last = jobs[keys[-1]]["id"]
    return [[str(last), [key for key in keys if jobs[key]["id"] == last]]]


def complaint_about(keys, unfinished):
    if not keys:
        return "No matching job found"
    return None if unfinished else "Job has already finished"


def signal_all(jobs, options, now):
    """Kill or signal jobs; return a complaint, or None."""
    if "-s" not in options:
        for job in jobs:
            step = FORCE_STEP if "-r" in options else 0
            job["kill"] = job["kill"] or {"reason": "TERM_OWNER", "at": now, "step": step}
        return None
    number = signal_number(options["-s"])
    if number is None:
        return f"{options['-s']}: Illegal signal value"
    return next(filter(None, [signal_one(job, number, now) for job in jobs]), None)


def signal_number(text):
    """Return the signal that "KILL", "SIGKILL" or "9" names; None for any other word."""
    try:
        return signal.Signals(int(text)) if text.isdigit() else signal.Signals["SIG" + text.upper().removeprefix("SIG")]
    except (KeyError, ValueError):
        return None


def signal_one(job, number, now):
    """Send one signal to one unfinished job; return a complaint, or None."""
    if number in (signal.SIGSTOP, signal.SIGTSTP) and job["stat"] == "PEND":
        job["stat"] = "PSUSP"
    elif number == signal.SIGCONT and job["stat"] == "PSUSP":
        job["stat"] = "PEND"
    elif job["process"] is None and number not in ENDING:
        return "Job has not started yet"
    elif job["process"] is None:
        job["kill"] = {"reason": "TERM_OWNER", "at": now, "step": 0}
    else:
        signal_session(job["process"]["pid"], number)
        if number in ENDING:
            job["reason"] = "TERM_OWNER"
        if number in (signal.SIGSTOP, signal.SIGTSTP, signal.SIGCONT):
            job["stat"] = "RUN" if number == signal.SIGCONT else "USUSP"
    return None
