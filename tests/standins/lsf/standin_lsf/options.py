"""bsub's options: from the command line and #BSUB lines, and what LSF refuses in them."""

import re

from .cluster import Refusal

VALUED = "-J -W -n -R -q -o -e -oo -eo -cwd -M -P -w -gpu -G -g -app -sla -u -m -Jd -L -wa -wt".split()
FLAGS = "-H -x -r -rn -B -N".split()
REPEATED = "-R"
SECTION = re.compile(r"(\w+)\[([^\[\]]*)\]")
SECTIONS = ("select", "rusage", "span", "order", "cu", "same", "affinity")
RUSAGE_ITEM = re.compile(r"\s*\w+\s*=\s*\d+(\.\d+)?\w*(/\w+)?\s*")


def read_options(words):
    """Return option -> value (True for a flag, a list for -R) and the words after the options."""
    options, words = {}, list(words)
    while words and words[0].startswith("-"):
        name = words.pop(0)
        if name in FLAGS:
            options[name] = True
        elif name not in VALUED:
            raise Refusal(f"{name}: illegal option, or one that this stand-in does not know")
        elif not words:
            raise Refusal(f"Option {name} requires an argument")
        elif name == REPEATED:
            options.setdefault(name, []).append(words.pop(0))
        else:
            options[name] = words.pop(0)
    return options, words


def script_options(script):
    """Return the options of a script's #BSUB lines."""
    import shlex  # few scripts have such lines

    options = {}
    for line in script.splitlines():
        if line.startswith("#BSUB"):
            options.update(read_options(shlex.split(line[len("#BSUB") :], comments=True))[0])
    return options


def check(options, config):
    """Raise Refusal if LSF would refuse these options."""
    queue = options.get("-q", config["default_queue"])
    if queue not in config["queues"]:
        raise Refusal(f"{queue}: No such queue")
    for text in options.get("-R", []):
        check_resources(text)
    check_processors(options.get("-n", "1"), config["max_processors"])
    minutes = run_limit_minutes(options)
    limit = config["queues"][queue].get("max_run_limit_minutes")
    if limit is not None and minutes is not None and minutes > limit:
        raise Refusal("RUNLIMIT: Cannot exceed queue's hard limit(s)")
    if "-M" in options and not re.fullmatch(r"\d+\s*[KMGTkmgt]?[Bb]?", options["-M"]):
        raise Refusal("{}: Bad MEMLIMIT specification".format(options["-M"]))


def check_processors(text, maximum):
    """Raise Refusal unless `text` is "4" or "2,4" within the cluster's size."""
    if not re.fullmatch(r"[1-9]\d*(,[1-9]\d*)?", text):
        raise Refusal("Bad argument for option -n")
    if int(text.split(",")[0]) > maximum:
        raise Refusal("Too many processors requested")


def check_resources(text):
    """Raise Refusal if LSF would not understand a resource requirement."""
    if text[:1] in ("'", '"'):
        raise Refusal("Error in rusage section" if "rusage" in text else "Bad resource requirement syntax")
    seen = set()
    for name, content in SECTION.findall(text):
        if name not in SECTIONS:
            raise Refusal("Bad resource requirement syntax")
        if name in seen and name == "select":
            raise Refusal(f'Error near "{name}" : duplicate section')
        seen.add(name)
        check_section(name, content)
    rest = SECTION.sub("", text)
    if "[" in rest or "]" in rest or not text.strip():
        raise Refusal("Bad resource requirement syntax")


def check_section(name, content):
    if name == "rusage" and not all(map(RUSAGE_ITEM.fullmatch, re.split(r"\|\||[,:]", content))):
        raise Refusal("Error in rusage section")
    if name == "select" and not content.strip():
        expected = 'Expected number, string, name, or "("'
        raise Refusal(f"Error in select section: {expected} but found end of section")


def run_limit_minutes(options):
    """Return the minutes of `-W [hours:]minutes[/host]`, None without -W."""
    return minutes_of(options.get("-W"), "RUNLIMIT")


def minutes_of(text, what):
    """Return the minutes of `[hours:]minutes[/host]`, None if it is not given."""
    if text is None:
        return None
    match = re.fullmatch(r"(?:(\d+):)?(\d+)(?:/\S+)?", text)
    if match is None:
        raise Refusal(f"{text}: Bad {what} specification")
    return 60 * int(match.group(1) or 0) + int(match.group(2))


def warning_of(options):
    """Return the signal of `-wa` and the minutes of `-wt`, by which it comes before the run limit; None without."""
    if ("-wa" in options) != ("-wt" in options):
        raise Refusal("Job action warning time and job warning action must be specified together")
    minutes = minutes_of(options.get("-wt"), "job warning time")
    return None if minutes is None else {"signal": f"SIG{options['-wa']}", "minutes": minutes}


def array_of(name, maximum):
    """Split a job name "name[1-9:2,20]%5" into name, list of indices (None if no array), limit (None if none)."""
    match = re.fullmatch(r"(.*?)\[(.*)\](?:%(\d+))?", name)
    if match is None:
        if "[" in name:
            raise Refusal("Bad job name")
        return name, None, None
    indices = []
    for item in match.group(2).split(","):
        indices.extend(index_range(item.strip()))
    if not match.group(1) or len(set(indices)) != len(indices):
        raise Refusal("Bad job name" if not match.group(1) else "Job array index error")
    if len(indices) > maximum:
        raise Refusal("Job array index too large")
    return match.group(1), sorted(indices), int(match.group(3)) if match.group(3) else None


def index_range(item):
    """Return the indices of "3", "1-9" or "1-9:2"."""
    match = re.fullmatch(r"([1-9]\d*)(?:-([1-9]\d*)(?::([1-9]\d*))?)?", item)
    if match is None or (match.group(2) and int(match.group(2)) < int(match.group(1))):
        raise Refusal("Job array index error")
    first = int(match.group(1))
    return range(first, int(match.group(2) or first) + 1, int(match.group(3) or 1))
