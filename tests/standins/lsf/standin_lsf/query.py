"""bjobs: which jobs are asked for, what is shown of them, and the exit status."""

import sys
import time

from .cluster import UNFINISHED, Refusal, is_visible
from .listing import default_table, format_of, json_text, records
from .selection import is_selected, keys_of

VALUED = ("-J", "-u", "-q", "-o", "-P", "-m", "-g", "-app")
FLAGS = ("-a", "-w", "-W", "-r", "-p", "-s", "-d", "-noheader", "-json", "-A", "-X", "-x")
NEWER = ("-o", "-noheader", "-json")
RUNNING, PENDING, SUSPENDED, FINISHED = ("RUN",), ("PEND", "PSUSP"), ("PSUSP", "USUSP", "SSUSP"), ("DONE", "EXIT")


def bjobs(cluster, argv, fault):
    """Show jobs; return bjobs' exit status."""
    config, now = cluster.config(), time.time()
    try:
        options, ids = read_arguments(argv, config)
        form = format_of(options["-o"]) if "-o" in options else None
    except Refusal as refusal:
        sys.stderr.write(f"{refusal}\n")
        return 255
    config["shown_states"] = {**config["shown_states"], **fault.get("states", {})}
    jobs = remembered(cluster, config, now, fault)
    keys, unknown = by_id(jobs, ids, config) if ids else (selected(jobs, options), [])
    found = [jobs[key] for key in keys]
    if fault.get("silent"):
        unknown = []
    if fault.get("kind") == "noise":
        sys.stdout.write(fault["stdout"])
    if "-json" in options:
        sys.stdout.write(json_text(found, form, config, now, unknown))
    else:
        sys.stderr.write("".join(f"Job <{name}> is not found\n" for name in unknown))
        if form is not None and (found or ids):
            sys.stdout.write(records(found, form, config, now, "-noheader" not in options))
        elif found:
            sys.stdout.write(default_table(found, config, now, "-w" in options or "-W" in options))
        if not found and not ids:
            sys.stderr.write(nothing_found(options))
    return exit_status(found, ids, unknown, config)


def read_arguments(argv, config):
    """Return option -> value (True for a flag) and the ids; Refusal carries bjobs' complaint."""
    options, ids, words = {}, [], list(argv)
    while words:
        word = words.pop(0)
        if config["openlava"] and word in NEWER:
            raise Refusal(f"bjobs: illegal option -- {word[1:]}")
        if word in VALUED and words:
            options[word] = words.pop(0)
        elif word in FLAGS:
            options[word] = True
        elif word.startswith("-"):
            raise Refusal(f"bjobs: illegal option -- {word[1:]}")
        else:
            ids += word.strip('"').split()
    if "-json" in options and ("-o" not in options or "-noheader" in options):
        raise Refusal("bjobs: -json needs -o and conflicts with -noheader")
    return options, [name for name in ids if name != "0"]


def remembered(cluster, config, now, fault):
    """Return the jobs that LSF still knows, without those that a fault hides."""
    jobs = {key: job for key, job in cluster.read()["jobs"].items() if is_visible(job, config, now)}
    if fault.get("kind") != "missing":
        return jobs
    hidden = fault.get("jobs")
    if hidden is None:
        hidden = [key for key, job in jobs.items() if job["stat"] == "RUN"][: fault.get("count", 1)]
    hidden = {str(name) for name in hidden}
    return {key: job for key, job in jobs.items() if key not in hidden and str(job["id"]) not in hidden}


def by_id(jobs, ids, config):
    """Return the keys of the jobs with these ids, in the order asked, and the ids that are unknown."""
    found, unknown = [], []
    for name in ids:
        keys = keys_of(jobs, name)
        if not config["finished_by_id"]:
            keys = [key for key in keys if jobs[key]["stat"] in UNFINISHED]
        found += [key for key in keys if key not in found]
        if not keys:
            unknown.append(name)
    return found, unknown


def selected(jobs, options):
    """Return the keys of the jobs that the options choose: the unfinished ones, without -a, -d, -p, -r or -s."""
    wanted = {"-r": RUNNING, "-p": PENDING, "-s": SUSPENDED, "-d": FINISHED, "-a": UNFINISHED + FINISHED}
    states = [state for option, some in wanted.items() if option in options for state in some] or UNFINISHED
    return [key for key, job in jobs.items() if job["stat"] in states and is_selected(job, options)]


def nothing_found(options):
    if "-J" in options:
        return f"Job <{options['-J']}> is not found\n"
    kind = {"-a": "", "-r": "running ", "-p": "pending ", "-s": "suspended ", "-d": "finished "}
    word = next((text for option, text in kind.items() if option in options), "unfinished ")
    return f"No {word}job found\n"


def exit_status(found, ids, unknown, config):
    """Return what bjobs exits with, which differs from site to site."""
    if (ids and not unknown) or (found and not ids):
        return 0
    if config["consistent_exit_code"]:
        return 255
    if not ids:
        return 254 if config["openlava"] else 0
    return config["code_some_unknown"] if found else config["code_unknown_ids"]
