"""What a report's page holds, as its script sees it."""

from __future__ import annotations

from typing import Any


def unpacked(content: dict[str, Any]) -> dict[str, Any]:
    """Return the content as it was before `packed`, as the page's script does."""
    tables = {
        table: {name: _whole(values) for name, values in content[table].items()} for table in ("runs", "attempts")
    }
    return {**content, **tables}


def _whole(values: Any) -> list[Any]:
    if isinstance(values, list):
        return values
    if "all" in values:
        return [values["all"]] * values["count"]
    if "first" in values:
        return list(range(values["first"], values["first"] + values["count"]))
    return [None if rest is None else values["base"] + rest for rest in values["rest"]]


#: The keys of the content -> the type of each value.
KEYS = {
    **dict.fromkeys(("made", "version"), str),
    **dict.fromkeys(("searches", "seeds", "columns", "states", "places", "causes", "programs"), list),
    **dict.fromkeys(("slots", "failures", "cut", "away", "use"), list),
    **dict.fromkeys(("performance", "runs", "attempts", "logs"), dict),
}
RUN_COLUMNS = {
    *("search", "number", "state", "seconds", "submitted", "ended", "place", "job", "cause", "folder", "attempts"),
    *("program", "out"),
}
ATTEMPT_COLUMNS = {"run", "attempt", "slot", "submitted", "started", "ended", "state", "queued"}
#: Column of a table -> what its numbers are indexes into.
INDEXES = {
    "runs": {"search": "searches", "state": "states", "place": "places", "cause": "causes", "program": "programs"},
    "attempts": {"state": "states", "slot": "slots"},
}


def problems_of(content: dict[str, Any]) -> list[str]:
    """Return where the content is not what the page's script expects."""
    problems = [f"{key} is no {kind.__name__}" for key, kind in KEYS.items() if type(content.get(key)) is not kind]
    for table, names in (("runs", RUN_COLUMNS), ("attempts", ATTEMPT_COLUMNS)):
        if set(content[table]) != names:
            problems.append(f"{table} has {sorted(set(content[table]) ^ names)} too many or too few")
        if len({len(values) for values in content[table].values()}) > 1:
            problems.append(f"columns of {table} differ in length")
        for name, texts in INDEXES[table].items():
            known = (None, *range(len(content[texts])))
            problems += [f"{table}.{name} is {code}" for code in content[table][name] if code not in known]
    count = len(content["runs"]["number"])
    problems += [problem for column in content["columns"] for problem in _problems_of_column(column, count)]
    return problems


def _problems_of_column(column: dict[str, Any], count: int) -> list[str]:
    name, values, codes = column["name"], column.get("values"), column.get("codes")
    cells = column.get("cells") if values is None else [None if code is None else values[code] for code in codes]
    allowed = {"number": (int, float, str), "word": (str,), "list": (int, float, str, list)}[column["kind"]]
    problems = [] if len(cells) == count else [f"{name} has {len(cells)} cells, not {count}"]
    problems += [f"{name} has {cell!r}" for cell in cells if not (cell is None or isinstance(cell, allowed))]
    if column["role"] == "option" and len(column["words"]) != len(cells if values is None else values):
        problems.append(f"{name} has {len(column['words'])} words")
    return problems
