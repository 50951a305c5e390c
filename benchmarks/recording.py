"""The cost of recording the 10,000th result against that of the 10th: journal, state and table together."""

from __future__ import annotations

import statistics
import tempfile
import time
from pathlib import Path

from _measure import ROOT, answer

COUNT, AROUND = 10_000, 200


def main() -> None:
    """Print the ratio of the median costs at the end and at the start."""
    import sys

    sys.path.insert(0, str(ROOT))
    from hpsearch.core.model import Configuration, Run
    from hpsearch.journal.events import (
        AttemptEnded,
        AttemptIntended,
        AttemptSubmitted,
        RunCollected,
    )
    from hpsearch.journal.settings import Settings
    from hpsearch.store.layout import SearchFolder
    from hpsearch.store.live import LiveSearch

    with tempfile.TemporaryDirectory() as name:
        settings = Settings(
            program=("python3", "t.py"),
            run_cwd=name,
            shown_folder=name,
            summary_filename="s.txt",
            summary_keywords=("acc", "finished"),
            performance_key="acc",
            option_names=("x",),
        )
        with LiveSearch(SearchFolder(Path(name))) as search:
            runs = (Run(k, f"sim_{k}", Configuration((("x", k),)), f"{name}/sim_{k}") for k in range(1, COUNT + 1))
            search.add_plan(runs, settings, 0.0)
            search.open_for_work()
            costs = []
            for run in range(1, COUNT + 1):
                token = f"t{run}"
                started = time.perf_counter()
                search.note(AttemptIntended(run, token, 0.0))
                search.note(AttemptSubmitted(run, token, "1", "host", 0.0))
                search.note(AttemptEnded(run, token, 0, 0.0))
                search.note(
                    RunCollected(run, token, "finished", 0.0, {"acc": ["0.5"], "finished": ["1"]}), durable=True
                )
                search.add_row(search.record.runs[run])
                costs.append(time.perf_counter() - started)
    first, last = statistics.median(costs[10 : 10 + AROUND]), statistics.median(costs[-AROUND:])
    details = f"{first * 1e6:.0f} us around the 10th, {last * 1e6:.0f} us around the {COUNT}th"
    answer("recording a result, 10,000th / 10th", last / first, 1.5, details)


if __name__ == "__main__":
    main()
