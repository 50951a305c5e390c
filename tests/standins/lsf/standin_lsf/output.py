"""The files of -o and -e: the job report, and the job's output around it."""

import os
import time

from .reasons import reason_line
from .selection import element_name

RULE = "-" * 60


def target(job, which):
    """Return the absolute path of -o ("out") or -e ("err"), None if not asked for. "DIR/" is created, nothing else."""
    text = job[which]
    if text is None:
        return None
    path = os.path.join(job["cwd"], text.replace("%J", str(job["id"])).replace("%I", str(job["index"])))
    if path.endswith("/"):
        os.makedirs(path, exist_ok=True)
    if os.path.isdir(path):
        element = str(job["id"]) + (f".{job['index']}" if job["index"] else "")
        path = os.path.join(path, f"{element}.{which}")
    return path


def open_live(job, cluster, key, is_direct):
    """Open the two files a starting job writes to: the final ones with LSB_STDOUT_DIRECT=Y, else spool files."""
    out, err = target(job, "out"), target(job, "err")
    if not (is_direct and out):
        out, err = cluster.path("spool", key + ".out"), err and cluster.path("spool", key + ".err")
    out_file = open_to_write(out, job["out_overwrites"])
    return out_file, open_to_write(err, job["err_overwrites"]) if err else out_file


def open_to_write(path, overwrites):
    """Open a file to append to or to overwrite; in a folder that does not exist, output is lost without a word."""
    try:
        return open(path, "wb" if overwrites else "ab")
    except OSError:
        return open(os.devnull, "wb")


def deliver(job, cluster, key, is_direct, config):
    """Write the report of an ended job, and its output where it did not go there itself."""
    out, err = target(job, "out"), target(job, "err")
    if out is None:
        os.makedirs(cluster.path("mail"), exist_ok=True)
        out, is_direct = cluster.path("mail", key + ".txt"), False
    with open_to_write(out, job["out_overwrites"] and not is_direct) as file:
        file.write(report(job, config, is_direct).encode("utf-8", "surrogateescape"))
        if not is_direct:
            copy_spooled(cluster.path("spool", key + ".out"), file)
            file.write(
                b"\n\nPS:\n\nRead file <%s> for stderr output of this job.\n\n" % os.fsencode(err) if err else b"\n"
            )
    if err and not is_direct:
        with open_to_write(err, job["err_overwrites"]) as file:
            copy_spooled(cluster.path("spool", key + ".err"), file)


def copy_spooled(path, file):
    try:
        with open(path, "rb") as spooled:
            file.write(spooled.read())
    except FileNotFoundError:
        return  # the job never came to write
    os.unlink(path)


def report(job, config, is_direct):
    """Return LSF's report of an ended job."""
    name = element_name(job)
    word = "Done" if job["stat"] == "DONE" else "Exited"
    user, host, place = job["user"], job["host"], f"cluster <{config['cluster_name']}>"
    submitted, started, ended = (time.ctime(job[moment]) for moment in ("submit_time", "start_time", "finish_time"))
    head = [
        "",
        RULE,
        f"Sender: LSF System <lsfadmin@{host}>",
        f"Subject: Job {job['id']}: <{name}> in {place} {word}",
        "",
        f"Job <{name}> was submitted from host <login> by user <{user}> in {place} at {submitted}",
        f"Job was executed on host(s) <{host}>, in queue <{job['queue']}>, as user <{user}> in {place} at {started}",
        f"<{job['cwd']}> was used as the working directory.",
        f"Started at {started}",
        f"Terminated at {ended}",
        f"Results reported at {ended}",
        "",
        "Your job looked like:",
        "",
        RULE,
        "# LSBATCH: User input",
        job["command"],
        RULE,
        "",
    ]
    return "\n".join(head + result_lines(job) + usage_lines(job) + [where(is_direct), "", ""])


def result_lines(job):
    if job["stat"] == "DONE":
        return ["Successfully completed.", ""]
    line = f"Exited with exit code {job['exit_code']}."
    if job["died_of"] is not None and job["reason"] is None:
        line = f"Exited with signal termination: {job['died_of']}."
    return [text for text in (reason_line(job), line) if text] + [""]


def usage_lines(job):
    wall_s = job["finish_time"] - job["start_time"]
    whole_s = job["finish_time"] - job["submit_time"]
    return [
        "Resource usage summary:",
        "",
        f"    Run time :                                   {wall_s:.0f} sec.",
        f"    Turnaround time :                            {whole_s:.0f} sec.",
        "",
    ]


def where(is_direct):
    return "The output (if any) is above this job summary." if is_direct else "The output (if any) follows:"
