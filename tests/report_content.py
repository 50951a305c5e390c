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
    return [None if rest is None else values["base"] + rest for rest in values["rest"]]
