"""The table of 10,000 configurations under 10 seeds against pandas, which groups and sums up the table of runs."""

from __future__ import annotations

import random
import sys
import tempfile
import time
from pathlib import Path

from _measure import ROOT, answer, seconds

CONFIGURATIONS, SEEDS, MOST_S = 10_000, 10, 3.0
_STATISTICS = """\
import pandas
table = pandas.read_csv("search_results.csv", sep=";")
groups = table.groupby(["lr", "units", "optimizer"])[["acc", "loss"]]
found = groups.agg(["count", "mean", "std", "sem", "min", "max"])
found.sort_values(("acc", "mean"), ascending=False).to_csv("means.csv", sep=";")
"""


def main() -> None:
    """Print the ratio, and what the whole `hpsearch export --over` takes."""
    sys.path.insert(0, str(ROOT))
    from hpsearch.core.model import Configuration, Run
    from hpsearch.journal.events import AttemptIntended, RunCollected
    from hpsearch.journal.settings import Settings
    from hpsearch.store.configuration_table import repetitions, write_configurations
    from hpsearch.store.layout import SearchFolder
    from hpsearch.store.live import LiveSearch

    with tempfile.TemporaryDirectory() as name:
        names, keywords = ("lr", "units", "optimizer", "random_seed"), ("acc", "loss", "finished")
        settings = Settings(
            program=("python3", "t.py"),
            run_cwd=name,
            shown_folder=name,
            summary_filename="s.txt",
            summary_keywords=keywords,
            performance_key="acc",
            option_names=names,
        )
        values = ((k / 1000, k % 100, "adam", seed) for seed in range(SEEDS) for k in range(CONFIGURATIONS))
        numbered = enumerate((Configuration(tuple(zip(names, each))) for each in values), start=1)
        runs = [Run(k, f"sim_{k}", configuration, f"{name}/sim_{k}") for k, configuration in numbered]
        draw = random.Random(0).random
        with LiveSearch(SearchFolder(Path(name))) as search:
            search.add_plan(runs, settings, 0.0)
            search.open_for_work()
            for run in runs:
                summary = {"acc": [str(draw())], "loss": [str(draw())], "finished": ["1"]}
                begun, token = AttemptIntended(run.number, f"t{run.number}", 0.0), f"t{run.number}"
                search.note(begun, RunCollected(run.number, token, "finished", 0.0, summary))
            search.finish()
            started = time.perf_counter()
            rows = write_configurations(search.folder, repetitions(search.record), settings, ("random_seed",))
            ours = time.perf_counter() - started
        assert len(rows) == CONFIGURATIONS
        pandas = [seconds([sys.executable, "-c", program], Path(name)) for program in ("import pandas", _STATISTICS)]
        export = [sys.executable, "-m", "hpsearch", "export", name, "--over=random_seed"]
        details = (
            f"{ours:.2f} s (at most {MOST_S:.0f}); with the journal and Python's start {seconds(export, ROOT):.2f} s"
        )
    answer("table by configuration / pandas", ours / (pandas[1] - pandas[0]), 10, details)


if __name__ == "__main__":
    main()
