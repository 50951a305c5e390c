"""The three forms of bjobs' answer: the classic table, `-o` records, JSON."""

from .cluster import Refusal
from .fields import ALIASES, field_values, width_of

HEADER = ("JOBID", "USER", "STAT", "QUEUE", "FROM_HOST", "EXEC_HOST", "JOB_NAME", "SUBMIT_TIME")
COLUMNS = ("jobid", "user", "stat", "queue", "from_host", "exec_host", "job_name", "submit_time")
LAYOUT = "%-7s %-7s %-5s %-10s %-11s %-11s %-10s %s\n"


def default_table(jobs, config, now, is_wide):
    """Return the classic table. Narrow: long values are cut, names keep their end behind a `*`."""
    rows = [LAYOUT % HEADER]
    for job in jobs:
        values = field_values(job, config, now)
        cells = [values[column] for column in COLUMNS]
        if not is_wide:
            cells = [cut(text, column) for text, column in zip(cells, COLUMNS)]
            cells[5] = "" if cells[5] == "-" else cells[5]
        rows.append(LAYOUT % tuple(cells))
    return "".join(rows)


def cut(text, column):
    width = width_of(column)
    if len(text) <= width or column in ("jobid", "submit_time"):
        return text
    return "*" + text[1 - width :] if column == "job_name" else text[:width]


def format_of(text):
    """Return the fields, as pairs (name, width or None), and the delimiter or None, of `-o "a b:8 delimiter='^'"`."""
    text, is_given, value = text.partition("delimiter=")
    delimiter = None
    if is_given and value[:1] in ("'", '"'):
        delimiter, _, rest = value[1:].partition(value[0])
        text += rest
    elif is_given:
        delimiter, _, rest = value.partition(" ")
        text += " " + rest
    fields = []
    for word in text.split():
        name, _, width = word.lower().partition(":")
        name = ALIASES.get(name, name)
        if width.removeprefix("-").strip("0123456789"):
            raise Refusal(f'Format string "{word}" is not correct')
        fields.append((name, abs(int(width)) if width.strip("-") else None))
    if not fields:
        raise Refusal("The output format string is empty")
    return fields, delimiter


def records(jobs, form, config, now, has_header):
    """Return one line a job, with a delimiter or in columns of fixed width."""
    fields, delimiter = form
    lines = [[name.upper() for name, _ in fields]] if has_header and jobs else []
    lines += [row_of(job, form, config, now) for job in jobs]
    if delimiter is not None:
        return "".join(delimiter.join(line) + "\n" for line in lines)
    widths = [width or width_of(name) for name, width in fields]
    return "".join(" ".join(fitted(cell, width) for cell, width in zip(line, widths)) + "\n" for line in lines)


def row_of(job, form, config, now):
    values = field_values(job, config, now)
    unknown = [name for name, _ in form[0] if name not in values]
    if unknown:
        raise ValueError("bjobs stand-in: it does not know the field {}".format(", ".join(unknown)))
    return [values[name] for name, _ in form[0]]


def fitted(text, width):
    return (text if len(text) <= width else "*" + text[len(text) - width + 1 :]).ljust(width)


def json_text(jobs, form, config, now, unknown):
    """Return the JSON answer: missing values are empty, and an unknown id is a record with an ERROR."""
    rows = []
    for job in jobs:
        values = ["" if value == "-" else value for value in row_of(job, form, config, now)]
        rows.append(dict(zip((name.upper() for name, _ in form[0]), values)))
    rows += [{"JOBID": name, "ERROR": f"Job <{name}> is not found"} for name in unknown]
    import json  # few calls ask for it

    return json.dumps({"COMMAND": "bjobs", "JOBS": len(rows), "RECORDS": rows}, indent=2) + "\n"
