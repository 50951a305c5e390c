"""The names of jobs, and which of them the options -J, -u and -q choose, for bjobs and bkill."""

from .cluster import Refusal


def is_selected(job, options):
    """Say whether a job has the name, user and queue that the options ask for. "*" in a name stands for anything."""
    user, queue, name = options.get("-u", "all"), options.get("-q"), options.get("-J")
    if user not in ("all", job["user"]) or queue not in (None, job["queue"]):
        return False
    if name is None:
        return True
    from fnmatch import fnmatchcase  # few calls ask for names

    return fnmatchcase(job["name"], name) or element_name(job) == name


def key_of(number, index):
    """Return the key of a job: "1001", or "1001[3]" for the element of an array."""
    return f"{number}[{index}]" if index else str(number)


def element_name(job):
    """Return the job's name, for an element of an array with its index: "train[3]"."""
    return f"{job['name']}[{job['index']}]" if job["index"] else job["name"]


def keys_of(jobs, name):
    """Return the keys of the jobs that "123", "123[4]" or "123[1-3,5]" names."""
    number, bracket, indices = name.partition("[")
    if not number.isdigit() or (bracket and not indices.endswith("]")):
        return []
    try:
        wanted = indices_of(indices.removesuffix("]")) if bracket else set()
    except Refusal:
        return []
    elements = [key for key, job in jobs.items() if job["id"] == int(number)]
    return [key for key in elements if not wanted or jobs[key]["index"] in wanted]


def indices_of(text):
    from .options import index_range  # with `re`, whose import takes as long as half a call

    return {index for item in text.split(",") if item for index in index_range(item)}
