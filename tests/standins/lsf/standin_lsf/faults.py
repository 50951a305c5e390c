"""The ways in which a call goes wrong, and when."""

import os
import sys
import time

from .cluster import is_named

LIBRARY_ERROR = "Failed in an LSF library call: A socket operation has failed: Connection reset by peer"
SAYINGS = {
    "non_lsf_host": "Request from non-LSF host rejected",
    "library_error": LIBRARY_ERROR,
    "esub_abort": "Request aborted by esub",
    "no_permission": "User permission denied",
}
LATER = ("lost_reply", "hang_after", "missing", "states", "noise", "ignored")
HOUR_S = 3600


def fault_now(config, command, number, argv):
    """Return the first fault that is due at this call, or an empty dict."""
    for fault in config["faults"]:
        is_due = fault["command"] == command and is_named(fault.get("calls"), number)
        if is_due and fault.get("match", "") in " ".join(argv):
            return fault
    return {}


def act_first(fault, command):
    """Do what a fault does before anything else; return the exit status, or None where the call goes on."""
    kind = fault.get("kind")
    if kind is None or kind in LATER:
        return None
    if kind in SAYINGS:
        return say({"stderr": SAYINGS[kind] + (". Job not submitted.\n" if command == "bsub" else "\n")})
    if kind == "say":
        return say(fault)
    if kind == "empty":
        return 0
    if kind == "crash":
        import signal  # what it imports takes longer than most calls

        os.kill(os.getpid(), fault.get("signal", signal.SIGKILL))
    if kind not in ("slow", "hang", "down", "query_limit"):
        raise ValueError(f"config.json: unknown fault {kind!r}")
    wait(kind, fault)
    return None


def say(fault):
    sys.stdout.write(fault.get("stdout", ""))
    sys.stderr.write(fault.get("stderr", ""))
    return fault.get("code", 255)


def wait(kind, fault):
    """Wait as long as the fault says, after the words that LSF has for it."""
    words = {"down": "LSF is down. Please wait ...\n", "query_limit": "Batch system concurrent query limit exceeded\n"}
    sys.stderr.write(words.get(kind, ""))
    sys.stderr.flush()
    time.sleep(fault.get("seconds", 1 if kind == "query_limit" else HOUR_S))
