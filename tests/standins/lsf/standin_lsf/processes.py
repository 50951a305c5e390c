"""Processes and sessions: who is alive, who belongs to a job, and signals to all of them."""

import os


def stat_fields(pid):
    """Return the fields of /proc/PID/stat after the name (state first), or None if the process is gone."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            return file.read().rpartition(b")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None


def start_ticks(pid):
    """Return when a process started, in kernel ticks; None if it is dead or a zombie. (Without /proc: 0.)"""
    if not os.path.isdir("/proc/self"):
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return None
        return 0
    fields = stat_fields(pid)
    return None if fields is None or fields[0] in (b"Z", b"X") else int(fields[19])


def is_same_alive(record):
    """Say whether the process of a record {pid, start_ticks} is alive and not a later one with its number."""
    if record is None or record["start_ticks"] is None:
        return False
    return start_ticks(record["pid"]) == record["start_ticks"]


def session_members(session):
    """Return the pids of all live processes of a session, which outlives its leader."""
    if not os.path.isdir("/proc/self"):
        return []
    members = []
    for name in os.listdir("/proc"):
        if name.isdigit():
            fields = stat_fields(int(name))
            if fields is not None and fields[0] not in (b"Z", b"X") and int(fields[3]) == session:
                members.append(int(name))
    return members


def signal_session(session, number):
    """Send a signal to every process of a session. Where there is no /proc: to its first process group."""
    if not os.path.isdir("/proc/self"):
        send_group(session, number)
        return
    for pid in session_members(session):
        send(pid, number)


def send_group(group, number):
    try:
        os.killpg(group, number)
    except ProcessLookupError:
        pass  # all of it ended meanwhile


def send(pid, number):
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        pass  # it ended meanwhile


def belongs_to(pid, folder):
    """Say whether a process was started inside the cluster of this folder, by its environment."""
    try:
        with open(f"/proc/{pid}/environ", "rb") as file:
            return b"FAKE_LSF_DIR=" + os.fsencode(folder) in file.read().split(b"\0")
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        return False


def kill_session(record, folder):
    """Kill what is left of a job's session, sparing strangers that got its number later."""
    import signal  # what it imports takes longer than most calls

    if is_same_alive(record):
        signal_session(record["pid"], signal.SIGKILL)
        return
    for pid in session_members(record["pid"]):
        if belongs_to(pid, folder):
            send(pid, signal.SIGKILL)
