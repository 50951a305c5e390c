"""Readers of what a user writes: values of options, ``_SCRIPT_NAME``, scripts, their help, copies of grid modules."""

from __future__ import annotations

import argparse
import ast
from collections.abc import Callable, Sequence
from pathlib import Path

from fuzz.target import Target, is_text, text_of
from hpsearch import starter
from hpsearch.config import option_values as values
from hpsearch.core.command import script_line
from hpsearch.core.conditions import Range
from hpsearch.core.value_text import integer, why_not_text
from hpsearch.starter.grid_text import GridModule, module_text
from hpsearch.starter.help_text import options_in_help
from hpsearch.starter.reading import options_in_sources
from hpsearch.starter.script_options import ScriptOptions
from hpsearch.starter.sections import chosen, output_option
from hpsearch.starter.source_files import parsed, sources_of
from hpsearch.starter.summary_writing import WrittenSummary, summary_in
from hpsearch.stopping.output_values import LineMatcher
from hpsearch.store.layout import SearchFolder
from hpsearch.user_code.copied_module import (
    certain_constants,
    constants_in,
    lines_in,
    orders_of_grids,
    tied_options,
)

_TEMPLATE = (Path(starter.__file__).parents[1] / "hpsearch_config_template.py").read_text(encoding="utf-8")
#: The reader of an option's value, and the types that it returns.
_READERS: Sequence[tuple[Callable[[str], object], tuple[type, ...]]] = (
    (values.whole, (int,)),
    (values.at_least(1), (int,)),
    (values.search_limit, (int,)),
    (values.seed, (int,)),
    (values.option_name, (str,)),
    (values.option_names, (tuple,)),
    (values.whole_numbers, (str,)),
    (values.rising_numbers, (str,)),
    (values.search_name, (str,)),
    (values.race_limit, (float, int)),
    (values.share, (float, int)),
    (values.positive, (float, int)),
    (values.hours, (float, int)),
    (values.hours_or_forever, (float, int)),
    (values.stop_rules, (str,)),
    (values.gpu_list, (str,)),
    (values.scheduler_name, (str,)),
    (integer, (int, type(None))),
)


def _option_values(content: bytes, _: Path) -> None:
    reader, types = _READERS[content[0] % len(_READERS) if content else 0]
    found = reader(text_of(content[1:]))
    assert type(found) in types
    # What an option holds is written down, and read back when a search is resumed.
    if isinstance(found, str):
        assert reader(found) == found


def _settings(content: bytes, _: Path) -> None:
    texts = text_of(content).split("\n")
    for text in texts:
        values.setting(text)
    for key, listed in values.values_set(texts).items():
        assert is_text(key) or all(map(is_text, key))
        assert isinstance(listed, (list, Range))
        problems = map(why_not_text, listed if isinstance(listed, list) else ())
        assert all(map(is_text, problems))


def _script_name(content: bytes, _: Path) -> None:
    for is_python in (True, False):
        line = script_line(text_of(content), lambda name: name.endswith(".py"), is_python)
        assert all(map(is_text, line.words))


def _pattern(content: bytes, _: Path) -> None:
    pattern, _, lines = content.decode("utf-8", "replace").partition("\n")
    matcher = LineMatcher(pattern, most_s=0.2)
    assert is_text(matcher.value_name)
    for step, value in matcher.found(line[:2000] for line in lines.split("\n")):
        assert type(value) is float and (step is None or type(step) is float)


def _help(content: bytes, _: Path) -> None:
    _check_module(options_in_help(text_of(content)), WrittenSummary())


def _script(content: bytes, folder: Path) -> None:
    path = folder / "train.py"
    path.write_bytes(content)
    tree = parsed(path)
    sources = sources_of(path, tree, [folder])
    _check_module(options_in_sources(sources), summary_in(sources))


def _check_module(found: ScriptOptions, summary: WrittenSummary) -> None:
    """Assert that a grid module can be written with the found options, and that it is Python with a grid."""
    assert all(map(is_text, found.arguments)) and all(is_text(option.name) for option in found.options)
    out_arg = output_option(found.options)
    module = GridModule("train.py", chosen(found.options, out_arg), out_arg, summary, found.arguments, "hpsearch")
    text = module_text(module, _TEMPLATE)
    tree = ast.parse(text.encode("utf-8", "surrogateescape"))
    assert any(isinstance(node, ast.Assign) and isinstance(node.value, ast.Dict) for node in tree.body)


def _copied_module(content: bytes, folder: Path) -> None:
    path = folder / "grid.py"
    path.write_bytes(content)
    assert all(map(is_text, constants_in(path))) and all(map(is_text, lines_in(path)))
    found = certain_constants(path, ("_SCRIPT_NAME", "_OUT_ARG", "_SUMMARY_KEYWORDS"))
    assert found is None or all(map(is_text, found))
    search = SearchFolder(folder)
    assert all(is_text(text) for texts in orders_of_grids([search]).values() for text in texts)
    tied_options(search)


_ARGPARSE_HELP = b"""usage: train.py [-h] [--lr LR] --out_dir OUT_DIR [--opt {sgd,adam}] (--a | --b) data

positional arguments:
  data

options:
  -h, --help            show this help message and exit
  --lr LR, --rate LR    learning rate (default: 0.1)
  --out_dir OUT_DIR     where [required]
  --opt {sgd,adam}      optimizer (default: 'adam')
  --[no-]amp            mixed precision (default: True)
"""
_TYPER_HELP = """ Usage: train.py [OPTIONS] NAME

╭─ Options ──────────────────────────╮
│ *  --lr    -l      FLOAT  Rate [default: 0.1] [required]  │
│    --amp   --no-amp       [default: no-amp]   │
╰────────────────────────────────────╯
""".encode()
_ARGPARSE = b'''"""Train."""
import argparse
RATES = [0.1, 1e-3]
parser = argparse.ArgumentParser()
group = parser.add_mutually_exclusive_group()
parser.add_argument("--lr", type=float, default=RATES[0] * 2 ** 3, help="rate")
group.add_argument("--amp", action="store_true")
parser.add_argument("--opt", choices=sorted(["sgd", "adam"]), default="sgd")
parser.add_argument("--n", type=int, nargs="+", default=list(range(3)))
parser.set_defaults(lr=0.5)
with open("summary.txt", "w") as f:
    f.write(f"acc {1}\\nfinished 1\\n")
'''
_CLICK = b"""import click
@click.command()
@click.option("--lr", "-l", type=click.FLOAT, default=0.1, show_default=True)
@click.option("--amp/--no-amp", default=True)
@click.option("--opt", type=click.Choice(["a", "b"]), required=True, multiple=False)
@click.argument("data")
def main(lr, amp, opt, data): pass
"""
_OTHERS = b"""import tyro, typer, fire
from absl import flags
from dataclasses import dataclass, field
from typing import Annotated, Literal, Optional
flags.DEFINE_float("lr", 0.1, "rate"); flags.DEFINE_enum("opt", "a", ["a", "b"], "x")
@dataclass
class Config:
    rate: float = field(default=1e-3, metadata={"help": "x"})
    mode: Literal["a", "b"] = "a"
    flag: bool = True
def main(lr: Annotated[float, typer.Option("--lr", help="x")] = 0.1, *, n: Optional[int] = 1, d: list[int] = [1]): pass
tyro.cli(Config); typer.run(main); fire.Fire(main)
summary = {}; summary["acc"] = 1; summary["finished"] = 1
"""
_GRID = b"""grid = {'a': [1, 2], ('b', 'c'): [(1, 2)], "x": Uniform(0, 1)}
conditions = [({'a': [1]}, {'d': [0.5]})]
_SCRIPT_NAME = 'train.py'
_SUMMARY_KEYWORDS = ['acc', 'finished']
grid['e'] = [1]
"""
_REFUSED = (argparse.ArgumentTypeError,)
_VALUES = (b"5", b"42,43,44", b"random_seed,fold", b"1.5", b"1:30", b"-1", b"nan", b"median,asha", b"0,1", b"m.n:Name")

USER_TARGETS = (
    Target("option_values", _option_values, [bytes([at]) + text for at in range(18) for text in _VALUES], _REFUSED),
    Target(
        "set",
        _settings,
        [b"lr=0.1,0.2\nname=a,'b,c',[1,2]", b"lr,momentum=(0.1, 0.9),(1,2)", b"x=LogUniform(1e-4, 0.1)\ny=#1,{1:2}"],
        _REFUSED,
    ),
    Target(
        "script_name",
        _script_name,
        [b"train.py a", b"-u -Wignore -m pkg.mod x", b"'my script.py' --x", b"torchrun a.py"],
        (ValueError,),
    ),
    Target(
        "pattern",
        _pattern,
        [b"acc=(\\S+)\nacc=0.5\n", b"(?P<step>\\d+).*loss: (?P<value>[\\d.]+)\n3 loss: 1.5e-3", b"(a*)*b\naaaa"],
        mutations=200,
    ),
    Target(
        "help",
        _help,
        [_ARGPARSE_HELP, _TYPER_HELP, b"flags:\n\ntrain.py:\n  --lr: rate\n    (default: '0.1')\n    (a number)\n"],
    ),
    Target("script", _script, [_ARGPARSE, _CLICK, _OTHERS]),
    Target("copied_module", _copied_module, [_GRID], mutations=200),
)
