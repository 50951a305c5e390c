"""Searches for unit tests, planned without the command line."""

from __future__ import annotations

from hpsearch.journal.settings import Settings

SETTINGS = Settings(
    program=("true",),
    run_cwd="/",
    shown_folder="o",
    out_arg="out_dir",
    summary_filename="s.txt",
    summary_keywords=("acc", "finished"),
    performance_key="acc",
    sort_ascending=False,
    grid_module="m",
    grid_file="",
    has_parser=False,
    option_names=("x",),
)
