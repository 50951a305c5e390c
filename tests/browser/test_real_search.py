"""From a search to its page: the command `hpsearch report` on folders that `hpsearch run` has left."""

from __future__ import annotations

SCRIPT = """\
import os, sys
options = dict(word[2:].partition("=")[::2] for word in sys.argv[1:])
print("x is", options["x"], flush=True)
if options["x"] == "3":
    sys.exit("ValueError: <b>x</b> is too large")
os.makedirs(options["out_dir"])
with open(os.path.join(options["out_dir"], "summary.txt"), "w") as file:
    acc = options["x"] + options.get("seed", "")
    file.write("acc 0.%s\\nper_epoch 0.1 0.2\\nword %s\\nfinished 1\\n" % (acc, options["act"]))
"""


def test_a_real_search_with_a_failed_configuration_becomes_a_page(project, show):
    project.grid(
        {"x": [1, 2, 3], "act": ["relu"], "seed": [4, 5]},
        script=SCRIPT,
        keywords=("acc", "per_epoch", "word", "finished"),
    )
    folder = project.run("--out_dir=out", "--force_out_dir").folder
    assert project.ask("report", str(folder), "--over", "seed").exit_status == 0
    shown = show(project.path / "report.html")
    text = shown.whole_text()
    missing = [each for each in ("6 runs", "0.25", "ValueError: <b>x</b> is too large") if each not in text]
    assert missing == []


def test_a_search_without_any_run_that_finished_becomes_a_page(project, show):
    project.grid({"x": [3]}, script=SCRIPT)
    folder = project.run("--out_dir=out", "--force_out_dir").folder
    assert project.ask("report", str(folder)).exit_status == 0
    assert "ValueError: <b>x</b> is too large" in show(project.path / "report.html").whole_text()
