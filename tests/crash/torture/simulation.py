"""The script that histories run, which keeps a ledger; grids for it; and a reader of the ledger."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

LEDGER = "ledger.txt"
#: Names its options as its key, and adds one line for each thing that happens to it to the ledger, in one write each:
#: begin; clash (its folder is there already); twice (the same key runs at the same time); done (the summary is whole).
#: What x ends with decides: 7 fails always, 3 fails until it has begun twice. The rest sleep for a moment and finish.
SCRIPT = """\
#!/bin/sh
key=
for word; do
    case $word in
        --out_dir=*) out=${word#*=};;
        --x=*) x=${word#*=}; key="$key ${word#--}";;
        --*) key="$key ${word#--}";;
    esac
done
key=$(printf '%s\\n' $key | sort | tr '\\n' ',')
of=$(dirname "$out")
note() { echo "$1 $key $$ $out" >>ledger.txt; }
note begin
mkdir "$out" || { note clash; exit 3; }
mkdir -p running
running=running/$(basename "$of")-$key
# Its state, and when it began: the number of an ended process is given to another one.
seen() { set -- $(sed 's/.*) //' "/proc/$1/stat" 2>/dev/null); echo "$1 ${20}"; }
if [ -e "$running" ]; then
    read -r pid since <"$running"
    case $(seen "$pid") in [!ZX]" $since") note twice;; esac
fi
set -- $(seen $$)
echo "$$ $2" >"$running"
echo "x is $x"
sleep "0.$((x % 5))"
case $x in
    *7) note fail; exit 1;;
    *3) [ "$(grep -c "^begin $key " ledger.txt)" -ge 3 ] || { note fail; exit 1; };;
esac
printf 'acc %s\\nfinished 1\\n' "$x" >"$out/summary.part"
mv "$out/summary.part" "$out/summary.txt"
note done
"""
MODULE = """\
grid = {{"x": {values!r}}}
conditions = []
_SCRIPT_NAME = "train.sh"
_SUMMARY_FILENAME = "summary.txt"
_SUMMARY_KEYWORDS = ["acc", "finished"]
"""


@dataclass(frozen=True)
class Entry:
    """One line of the ledger. kind: begin, clash, twice, fail or done. key: see `key_of`. folder: of the run."""

    kind: str
    key: str
    pid: int
    folder: Path


def key_of(options: Iterable[tuple[str, object]]) -> str:
    """Return the key of a configuration in the ledger: ``random_seed=0,x=3``."""
    return ",".join(sorted(f"{name}={value}" for name, value in options))


def x_of(key: str) -> int:
    """Return the value of x in a key."""
    return int(dict(pair.split("=") for pair in key.split(","))["x"])


def never_finishes(key: str) -> bool:
    """Return whether the script fails with this key, always."""
    return x_of(key) % 10 == 7


def write_script(project: Path) -> None:
    """Write the script into a project."""
    script = project / "train.sh"
    script.write_text(SCRIPT)
    script.chmod(0o755)


def write_grid(project: Path, values: Sequence[int]) -> None:
    """Write the grid module `config` with these values of x, whole."""
    part = project / "config.part"
    part.write_text(MODULE.format(values=list(values)))
    part.replace(project / "config.py")


def read_ledger(project: Path) -> list[Entry]:
    """Return the lines of a project's ledger, in order."""
    path = project / LEDGER
    lines = path.read_text().splitlines() if path.exists() else []
    return [_entry(line) for line in lines]


def _entry(line: str) -> Entry:
    kind, key, pid, folder = line.split(" ", 3)
    return Entry(kind, key.rstrip(","), int(pid), Path(folder))
