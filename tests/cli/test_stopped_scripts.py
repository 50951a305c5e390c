"""``--stop_early`` on scripts that know nothing of it; each reports its values in its own way."""

from __future__ import annotations

import pickle
import shlex

import pytest
from project import ROOT, Project, journal_events, rows

EVENTS = ROOT / "tests/fixtures/tensorboard/events.out.tfevents.1.tensorboard"
#: Reports the accuracy of five epochs; after that a bad run, with x = 1, would go on for a minute.
SCRIPT = """\
import json, os, struct, sys, time
options = dict(word[2:].partition("=")[::2] for word in sys.argv[1:])
out_dir, x = options["out_dir"], float(options["x"])
os.makedirs(out_dir)
def open_in(name, mode="w"):
    path = os.path.join(out_dir, name)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    return open(path, mode)
def summary(*lines):
    with open_in("summary.txt") as file:
        file.write("\\n".join(lines) + "\\n")
values = []
{start}
for epoch in range(1, 6):
    acc = x * epoch / 100
    values.append(acc)
    {tell}
end = time.monotonic() + (60 if x == 1 else 0)
while time.monotonic() < end:
    time.sleep(0.05)
summary(f"acc {values[-1]}", f"acc_during {values}", "epoch 5", "finished 1")
"""
SUMMARY_LIST = """summary("finished 0", "acc -1", f"acc_during {values}")"""
SUMMARY_EPOCH = """summary("finished 0", f"acc {acc}", f"epoch {epoch}")"""
PRINTED = """print(f"Epoch {epoch}/5, loss 0.1, val_acc: {acc:.3e}")"""
BAR = """sys.stderr.write(f"\\rTraining:  {epoch * 20}%|##  | {epoch}/5 [acc={acc}]"); sys.stderr.flush()"""
#: Lightning: training and validation in rows of their own, and a header that grows with the first validation.
LIGHTNING_START = """open_in("lightning_logs/version_0/metrics.csv").write("epoch,step,train_loss\\n0,10,0.9\\n")"""
LIGHTNING = """with open_in("lightning_logs/version_0/metrics.csv") as file:
        file.write("epoch,step,train_loss,val_acc\\n0,10,0.9,\\n")
        file.writelines(f"{k},{k}9,0.5,\\n{k},{k}9,,{value}\\n" for k, value in enumerate(values, 1))"""
HUGGING_FACE = """with open_in(f"checkpoint-{epoch}00/trainer_state.json") as file:
        history = [{"epoch": k, "eval_acc": value, "step": k * 100} for k, value in enumerate(values, 1)]
        json.dump({"best_metric": None, "log_history": [{"epoch": 0.5, "loss": 0.9, "step": 50}, *history]}, file)"""
JSON_LINES = """with open_in("log.jsonl", "a") as file:
        file.write(json.dumps({"step": epoch, "acc": acc}) + "\\n")"""
TABLE = """with open_in("progress.csv", "a") as file:
        file.write(f"{acc};0.1\\n")"""


def script(tell: str, start: str = "") -> str:
    return SCRIPT.replace("{tell}", tell).replace("{start}", start)


def events() -> str:
    """Return Python that writes what TensorBoard's own writer wrote, with the run's values in its place."""
    return f"""
content = open({str(EVENTS)!r}, "rb").read()
for value in (0.5, 0.6, 0.65, 0.7):
    content = content.replace(struct.pack("<f", value), struct.pack("<f", value * x / 10))
content = content.replace(struct.pack("<f", float("nan")), struct.pack("<f", x / 10))
open_in("tb/events.out.tfevents.17.host.1", "wb").write(content)
"""


@pytest.mark.parametrize(
    "text, attributes, options, step",
    [
        (script(SUMMARY_LIST), "_PROGRESS_KEYS = ('acc_during',)\n", "", 5),
        (script(SUMMARY_EPOCH), "", "", 5),
        (script(PRINTED), "", r"--progress_pattern 'Epoch (\d+)/.*acc: ([\d.]+)'", 5),
        (script(BAR), "", r"--stop_after 3 --progress_pattern 'acc=(?P<value>[^]]+)'", 4),
        (
            script(LIGHTNING, LIGHTNING_START),
            "_PROGRESS_FILE = 'lightning_logs/version_*/metrics.csv'\n_PROGRESS_KEYS = ('val_acc', 'step')\n",
            "",
            59,
        ),
        (
            script(HUGGING_FACE),
            "_PROGRESS_FILE = 'checkpoint-*/trainer_state.json'\n_PROGRESS_KEYS = ('eval_acc',)\n",
            "",
            5,
        ),
        (script(JSON_LINES), "_PROGRESS_FILE = 'log.jsonl'\n", "", 5),
        (script(TABLE, 'open_in("progress.csv").write("acc;loss\\n")'), "_PROGRESS_FILE = 'progress.csv'\n", "", 5),
        (script("pass", events()), "_PROGRESS_FILE = 'tb/*'\n_PROGRESS_KEYS = ('val/acc',)\n", "", 50),
    ],
    ids=["list", "epoch", "printed", "bar", "lightning", "hugging-face", "json-lines", "table", "events"],
)
def test_a_hopeless_run_is_stopped_by_what_its_script_tells_anyway(
    project: Project, monkeypatch: pytest.MonkeyPatch, text: str, attributes: str, options: str, step: int
) -> None:
    monkeypatch.delenv("PYTHONUNBUFFERED", raising=False)
    project.grid({"x": [5, 7, 6, 1, 8]}, script=text, more=attributes)
    result = project.search("--deterministic_search", "--stop_early=median", *shlex.split(options))
    (stopped,) = journal_events(result.folder, "stopped")
    assert (stopped["run"], stopped["rule"], float(stopped["step"])) == (4, "median", step)
    finished = [row["x"] for row in rows(result.folder) if row["finished"] == "1"]
    assert finished == ["8", "7", "6", "5"]
    assert [options["x"] for options in pickle.loads((result.folder / "not_completed.pickle").read_bytes())] == [1]
