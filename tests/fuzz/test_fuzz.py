"""Readers of text from outside soon return valid values or raise an error of our own, whatever the text holds."""

from __future__ import annotations

import io
import os
import pickle
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from fuzz.mutations import STRANGE, Mutator
from fuzz.target import CORPUS, FAST_FOLDER, Target
from fuzz.targets import TARGETS
from fuzz.watch import Forbidden, Watch

_MOST_S = 5.0
_SEED = 1


@pytest.fixture(scope="session")
def watch() -> Watch:
    return Watch(_MOST_S)


@pytest.fixture
def scratch() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(dir=FAST_FOLDER) as folder:
        yield Path(folder)


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")
@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.name)
def test_no_text_breaks_its_reader(
    target: Target, watch: Watch, scratch: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Thousands of small files: whether they outlive the machine does not matter.
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)
    kept = target.kept()
    for content in kept:
        # Modules that are imported where they are first needed are imported here.
        target.read(content, scratch)
    mutator = Mutator(kept, _SEED)
    mutated = [mutator.next() for _ in range(target.mutations)]
    for content in (*kept, *STRANGE, *mutated):
        with watch:
            target.read(content, scratch)


#: What was found -> the reader, and an input like the one that found it.
FINDS = {
    "choices in a help text that end at a blank": ("help", b"  --opt {" + b"a," * 60 + b" b}  which\n"),
    "a NUL in a word that a script needs": (
        "help",
        b"usage: t.py\n\npositional arguments:\n  da\0ta\n\n  --lr X  rate\n",
    ),
    "brackets in brackets in a usage": (
        "help",
        b"usage: t.py " + b"(" * 20000 + b")" * 20000 + b"\n\n  --lr X  rate\n",
    ),
    "a default of 5,000 digits": ("script", b"p.add_argument('--lr', type=int, default=0x" + b"f" * 5000 + b")\n"),
    "an import of a name that no file can have": ("script", b"import " + b"a" * 5000 + b" as b\nb.c()\n"),
    "a type of 5,000 digits": ("script", b"import fire\ndef f(a: 0x" + b"f" * 5000 + b" = 1): pass\nfire.Fire(f)\n"),
    "an option's type of 5,000 digits": ("script", b"p.add_argument('--lr', type=0x" + b"f" * 5000 + b")\n"),
    "a key of 400 sums": ("copied_module", b"grid = {('lr'" + b" + 'x'" * 400 + b", 'b'): [1]}\n"),
    "a key of 5,000 digits": ("copied_module", b"grid = {0x" + b"f" * 5000 + b": [1]}\n"),
    "a subscript of 5,000 digits": ("copied_module", b"grid[0x" + b"f" * 5000 + b"] = [1]\n"),
    "a value of 5,000 digits": ("copied_module", b"grid = {'a': [0x" + b"f" * 5000 + b"]}\n"),
    "a huge count of candidates": (
        "candidates",
        b'{"event":"candidates","count":4611686018427387904,"available":null,"options":[["x",[1]]],"rows":""}\n',
    ),
}


@pytest.mark.parametrize("found", FINDS)
def test_what_was_found_stays_mended(found: str, watch: Watch, scratch: Path) -> None:
    name, content = FINDS[found]
    target = next(target for target in TARGETS if target.name == name)
    with watch:
        target.read(content, scratch)


@pytest.mark.parametrize(
    "reads",
    [
        lambda content: exec(content),
        lambda content: os.system("true"),  # noqa: S605  (it is never started)
        lambda content: pickle.Unpickler(io.BytesIO(pickle.dumps(Path))).load(),
        lambda content: __import__("nobodys_module"),
        lambda content: [each for each in iter(int, 1) if each],
    ],
    ids=["executes", "starts", "looks up", "imports", "never ends"],
)
def test_a_reader_is_caught_that(reads: Callable[[bytes], object]) -> None:
    watch = Watch(0.05)
    with pytest.raises(Forbidden), watch:
        reads(b"1")


def test_a_reader_is_caught_that_raises_or_returns_something_else(tmp_path: Path) -> None:
    def reads(content: bytes, _: Path) -> None:
        assert int(content) == 5

    target = Target("five", reads, [b"5"], (OverflowError,))
    target.read(b"5", tmp_path)
    with pytest.raises(ValueError, match="invalid literal"):
        target.read(b"x", tmp_path)
    with pytest.raises(AssertionError):
        target.read(b"6", tmp_path)


def test_the_same_seed_gives_the_same_inputs() -> None:
    ones, others = ([mutator.next() for _ in range(50)] for mutator in (Mutator([b"ab 1", b"c"], 7) for _ in range(2)))
    assert ones == others
    assert len(set(ones)) > 25


def test_the_corpus_is_small_and_belongs_to_targets() -> None:
    files = list(CORPUS.iterdir())
    assert {file.stem for file in files} <= {target.name for target in TARGETS}
    assert sum(file.stat().st_size for file in files) < 200_000
