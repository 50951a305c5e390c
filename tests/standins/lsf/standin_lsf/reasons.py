"""Why a job was ended, in LSF's words."""

REASONS = {
    "TERM_ADMIN": "job killed by root or LSF administrator.",
    "TERM_CPULIMIT": "job killed after reaching LSF CPU usage limit.",
    "TERM_EXTERNAL_SIGNAL": "job killed by a signal external to LSF.",
    "TERM_LOAD": "job killed after load exceeds threshold.",
    "TERM_MEMLIMIT": "job killed after reaching LSF memory usage limit.",
    "TERM_OWNER": "job killed by owner.",
    "TERM_PREEMPT": "job killed after preemption.",
    "TERM_RUNLIMIT": "job killed after reaching LSF run time limit.",
    "TERM_SWAP": "job killed after reaching LSF swap usage limit.",
    "TERM_UNKNOWN": "unknown reason.",
}


def reason_line(job):
    """Return "TERM_X: words" for a job that was ended from outside, else an empty text."""
    reason = job["reason"]
    if reason is None and job["died_of"] is not None:
        reason = "TERM_EXTERNAL_SIGNAL"
    if reason is None or job["stat"] != "EXIT":
        return ""
    return f"{reason}: {REASONS[reason]}"
