"""The values of a job that `bjobs -o` can show, as text; `-` where there is none."""

import time

from .output import target
from .reasons import reason_line
from .selection import element_name, key_of

WIDTHS = {"jobid": 7, "stat": 5, "user": 7, "queue": 10, "from_host": 11, "exec_host": 11, "job_name": 10}
WIDTHS.update({"exit_code": 10, "jobindex": 8, "exit_reason": 50, "command": 15, "submit_time": 14})
OTHER_WIDTH = 15
ALIASES = {"name": "job_name", "jname": "job_name", "id": "jobid", "index": "jobindex", "proj": "proj_name"}
ALIASES.update({"project": "proj_name", "cmd": "command", "pend": "pend_reason", "ofile": "output_file"})


def field_values(job, config, now):
    """Return field -> text of one job."""
    state = shown_state(job, config)
    has_process = job["process"] is not None
    is_over = job["finish_time"] is not None
    ran_s = ((job["finish_time"] or now) - job["start_time"]) if has_process else 0
    minutes = job["run_limit_minutes"]
    return {
        "jobid": key_of(job["id"], job["index"]) if config["array_ids"] else str(job["id"]),
        "jobindex": str(job["index"]),
        "stat": state,
        "user": job["user"],
        "queue": job["queue"],
        "job_name": element_name(job),
        "proj_name": job["project"],
        "from_host": "login",
        "exec_host": job["host"] or "-",
        "first_host": job["host"] or "-",
        "nexec_host": "1" if job["host"] else "-",
        "submit_time": clock(job["submit_time"]),
        "start_time": clock(job["start_time"]),
        "finish_time": clock(job["finish_time"]) + (" E" if job["stat"] == "EXIT" else " L" if is_over else ""),
        "run_time": f"{ran_s:.0f} second(s)",
        "exit_code": str(job["exit_code"]) if job["exit_code"] else "-",
        "exit_reason": reason_line(job).rstrip(".") or "-",
        "command": job["command"].replace("\n", ";"),
        "sub_cwd": job["sub_cwd"],
        "exec_cwd": job["cwd"] if has_process else "-",
        "pids": str(job["process"]["pid"]) if has_process and not is_over else "-",
        "pend_reason": "New job is waiting for scheduling;" if state == "PEND" else "-",
        "runtimelimit": f"{minutes:.1f}" if minutes is not None else "-",
        "min_req_proc": str(job["processors"]),
        "nreq_slot": str(job["processors"]),
        "effective_resreq": job["resources"] or "-",
        "output_file": target(job, "out") or "-",
        "error_file": target(job, "err") or "-",
    }


def shown_state(job, config):
    """Return the state word that bjobs shows: a test may set another than the true one."""
    key = key_of(job["id"], job["index"])
    shown = config["shown_states"]
    return shown.get(key, shown.get(str(job["id"]), job["stat"]))


def clock(moment):
    return "-" if moment is None else time.strftime("%b %e %H:%M", time.localtime(moment))


def width_of(field):
    return WIDTHS.get(field, OTHER_WIDTH)
