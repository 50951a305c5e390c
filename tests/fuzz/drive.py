"""Give each target many inputs: ``script/fuzz [INPUTS] [--only NAME]``.

Each target has processes of its own: first atheris makes a part of the inputs and keeps what reaches new code, if it is
installed; the others are random changes of what was kept. What is found is printed with the input.
"""

from __future__ import annotations

import argparse
import ast
import gc
import multiprocessing
import os
import re
import resource
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Callable
from importlib.util import find_spec
from multiprocessing.connection import Connection
from pathlib import Path

from fuzz.target import CORPUS, FAST_FOLDER, Target

_MOST_S = 10.0
#: How many of the inputs atheris makes, which takes several times as long for one as chance does.
_GUIDED_SHARE = 0.1
_MOST_MEMORY = 4 << 30
#: Longer inputs are seldom needed for new code, and are slow.
_LONGEST = 4096
#: The limit for all inputs of one target that are kept in the repository, together.
_MOST_KEPT = 3000


class Finds:
    """What was found: one input for each place in the code."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._known: set[str] = set()

    def note(self, content: bytes, error: BaseException) -> None:
        """Keep an input by the place in which its error was raised."""
        frames = [frame for frame in traceback.extract_tb(error.__traceback__) if "hpsearch/" in frame.filename]
        place = f"{Path(frames[-1].filename).stem}-{frames[-1].lineno}" if frames else "check"
        name = re.sub(r"[^\w-]", "_", f"{type(error).__name__}-{place}")
        if name not in self._known:
            self._known.add(name)
            (self._folder / name).write_bytes(content)
            text = "".join(traceback.format_exception(error)[-8:])
            print(f"FOUND {name}: {content[:300]!r}\n{text}", flush=True)


def _reader_of(target: Target, finds: Finds, scratch: Path) -> Callable[[bytes], None]:
    """Return a function that reads an input, watched."""
    from fuzz.watch import Forbidden, Watch

    os.fsync = lambda _: None
    for content in target.kept():
        target.read(content, scratch)
    watch = Watch(_MOST_S)
    # The garbage collector need not look again and again at what was imported.
    gc.freeze()

    def read(content: bytes) -> None:
        try:
            with watch:
                target.read(content, scratch)
        except (Exception, Forbidden) as error:  # noqa: BLE001  (all that is raised here is a find)
            finds.note(content, error)

    return read


def _one(target: Target, least: int, finds: Path, corpus: Path, seed: int, told: Connection) -> None:
    """Fuzz one target by random changes, in a process of its own; send how many inputs it was given."""
    from fuzz.mutations import STRANGE, Mutator

    resource.setrlimit(resource.RLIMIT_AS, (_MOST_MEMORY, _MOST_MEMORY))
    kept = [*target.kept(), *(path.read_bytes() for path in sorted(corpus.iterdir()))]
    mutator, first = Mutator(kept, seed), [*kept, *STRANGE]
    with tempfile.TemporaryDirectory(dir=FAST_FOLDER) as scratch:
        read = _reader_of(target, Finds(finds), Path(scratch))
        for content in first:
            read(content)
        for _ in range(least - len(first)):
            read(mutator.next())
    told.send(max(least, len(first)))


def _one_by_atheris(name: str, most: int, finds: Path, corpus: Path, seed: int) -> None:
    """Fuzz one target guided by its coverage; this ends the process."""
    import atheris

    with atheris.instrument_imports(include=["hpsearch"]):
        from fuzz.targets import TARGETS
    target = next(target for target in TARGETS if target.name == name)
    for number, content in enumerate(target.kept()):
        (corpus / f"kept{number}").write_bytes(content)
    read = _reader_of(target, Finds(finds), Path(tempfile.gettempdir()))
    words = ["fuzz", f"-runs={most}", f"-max_len={_LONGEST}", f"-seed={seed}"]
    atheris.Setup([*words, "-print_final_stats=1", "-rss_limit_mb=4000", str(corpus)], read)
    atheris.Fuzz()


def _fuzz(target: Target, options: argparse.Namespace, folder: Path) -> int:
    """Fuzz a target in processes of its own; return how many inputs it was given."""
    finds, corpus = folder / target.name / "finds", folder / target.name / "corpus"
    finds.mkdir(parents=True, exist_ok=True)
    corpus.mkdir(exist_ok=True)
    count = 0
    if find_spec("atheris") is not None and not options.mutate_only:
        count = _fuzz_guided(target.name, int(options.inputs * _GUIDED_SHARE), options.seed, folder)
    receiver, sender = multiprocessing.Pipe(duplex=False)
    arguments = (target, options.inputs - count, finds, corpus, options.seed, sender)
    process = multiprocessing.get_context("fork").Process(target=_one, args=arguments)
    process.start()
    sender.close()
    process.join()
    return count + int(receiver.recv())


def _fuzz_guided(name: str, most: int, seed: int, folder: Path) -> int:
    """Fuzz a target with atheris; return how many inputs it was given."""
    words = ["--one", name, "--folder", str(folder), "--seed", str(seed)]
    command = [sys.executable, "-W", "ignore", "-m", "fuzz.drive", str(most), *words]
    with tempfile.TemporaryDirectory(dir=FAST_FOLDER) as scratch:
        environ = {**os.environ, "TMPDIR": scratch}
        answer = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=environ, check=False)
    said = answer.stdout.decode("utf-8", "replace")
    told = re.findall(r"^stat::number_of_executed_units: +(\d+)", said, re.MULTILINE)
    print("".join(re.findall(r"^FOUND [\s\S]*?\n\n", said, re.MULTILINE)), end="")
    print("" if told else f"atheris ended with {answer.returncode}: {said[-2000:]}\n", end="")
    return int(told[-1]) if told else 0


def _keep(name: str, folder: Path) -> None:
    """Write the shortest inputs that atheris kept into the repository, as far as there is room."""
    path, room, lines = CORPUS / f"{name}.txt", _MOST_KEPT, list[str]()
    inputs = {file.read_bytes() for file in (folder / name / "corpus").iterdir() if not file.name.startswith("kept")}
    old = path.read_text(encoding="ascii").splitlines() if path.exists() else []
    for line in (*old, *map(repr, sorted(inputs, key=lambda content: (len(content), content)))):
        if line not in lines and len(line) < room:
            lines.append(line)
            room -= len(line) + 1
    assert all(isinstance(ast.literal_eval(line), bytes) for line in lines)
    if lines:
        path.write_text("\n".join(lines) + "\n", encoding="ascii")


def _children_s() -> float:
    """Return the processor time of all processes that this one started and that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="script/fuzz", description="Give readers what nobody would write.")
    parser.add_argument("inputs", type=int, nargs="?", default=20_000, help="for each target (default: 20000)")
    parser.add_argument("--only", action="append", default=[], metavar="NAME", help="this target; may be repeated")
    parser.add_argument("--seed", type=int, default=1, help="the same seed gives the same inputs (default: 1)")
    parser.add_argument("--mutate_only", action="store_true", help="without atheris, which is slower")
    parser.add_argument("--folder", type=Path, help="keeps the corpus and what is found (default: a temporary one)")
    parser.add_argument("--keep", action="store_true", help="add what reached new code to tests/fuzz/corpus")
    parser.add_argument("--one", help=argparse.SUPPRESS)
    return parser


def main() -> int:
    """Fuzz, and say how much; return 1 if anything was found."""
    options = _parser().parse_args()
    if options.one:
        finds, corpus = (options.folder / options.one / name for name in ("finds", "corpus"))
        _one_by_atheris(options.one, options.inputs, finds, corpus, options.seed)
    from fuzz.targets import TARGETS

    folder = (options.folder or Path(tempfile.mkdtemp(prefix="fuzz-"))).absolute()
    targets = [target for target in TARGETS if not options.only or target.name in options.only]
    for target in targets:
        before_s = _children_s()
        count = _fuzz(target, options, folder)
        found, took_s = len(list((folder / target.name / "finds").iterdir())), _children_s() - before_s
        print(f"{target.name:20} {count:>12,} inputs {took_s:6.0f} s of processor {found:>4} found", flush=True)
        if options.keep:
            _keep(target.name, folder)
    print(f"corpus and finds: {folder}")
    return int(any(any((folder / target.name / "finds").iterdir()) for target in targets))


if __name__ == "__main__":
    sys.exit(main())
