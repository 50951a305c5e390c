"""The options of a script, read from the text that its ``--help`` prints."""

from __future__ import annotations

import re

import pytest

from hpsearch.starter.help_text import options_in_help
from hpsearch.starter.script_options import Kind, Option

ARGPARSE = """\
usage: train.py [-h] [-b N] [--lr LR] [--opt {sgd,adam}] [--layers LAYERS [LAYERS ...]] [--amp | --no-amp]
                [--nesterov] --save-dir SAVE_DIR [--l1 | --l2] [--a-very-long-name-of-an-option TEXT]
                data [more]

positional arguments:
  data                  data folder
  more

options:
  -h, --help            show this help message and exit
  -b N, --batch-size N  mini-batch size (default: 64), of all GPUs (default: 32)
  --lr LR, --learning-rate LR
                        initial learning rate,
                        small (default: 0.001)
  --opt {sgd,adam}
  --layers LAYERS [LAYERS ...]
  --amp, --no-amp
  --nesterov
  --save-dir SAVE_DIR
  --l1
  --l2
  --a-very-long-name-of-an-option TEXT
                        (default: x)
"""
CLICK = """\
Usage: train.py [OPTIONS] DATA

Options:
  --lr FLOAT            Learning rate.  [default: 0.1]
  -e, --epochs INTEGER  [default: 10]
  --opt [sgd|adam]      [default: sgd]
  --bn / --no-bn        [default: bn]
  --verbose
  --wd FLOAT RANGE      [0<=x<=1; required]
  --help                Show this message and exit.
"""
TYPER = """\
 Usage: train.py [OPTIONS] {data}

╭─ Arguments ────────────────────────────────────────────────────────╮
│ *    data      <str>  [required]                                   │
╰────────────────────────────────────────────────────────────────────╯
╭─ Options ──────────────────────────────────────────────────────────╮
│    --lr                         <float>  [default: 0.1]            │
│    --epochs                     INTEGER  Epochs. [default: 10]     │
│    --bn          --no-bn        <bool>   [default: bn]             │
│    --cool        --no-cool               [default: no-cool]        │
│ *  --must                       <float>  [required]                │
│    --install-completion         <bool>   Install completion.       │
│    --help                       <bool>   Show this message.        │
╰────────────────────────────────────────────────────────────────────╯
"""
ABSL = """\
       USAGE: train.py [flags]
flags:

train.py:
  --[no]bn: Normalise.
    (default: 'true')
  --dims: Sizes.
    (default: '1,2')
    (a comma separated list)
  --lr: Learning rate.
    (default: '0.1')
    (a number)
  --opt: <sgd|adam>: Which.
    (default: 'sgd')
"""
DOCOPT = """\
Usage:
  train.py [options] --out=<dir>

Options:
  -h --help        Show this.
  --lr=<x>         Learning rate [default: 1e-3].
  --bn             Batch norm.
  --out=<dir>      Output.
"""
#: Python 3.13 shows an option's metavar once.
ARGPARSE_3_13 = """\
usage: t [-h] [--lr LR] [--bn]

options:
  -h, --help            show this help message and exit
  -l, --lr, --learning-rate LR
                        rate (default: 0.5)
  -b, --bn, --norm
"""
COLOURED = (
    "usage: t [--lr LR]\n\noptions:\n  \x1b[1;36m--lr\x1b[0m \x1b[1;33mLR\x1b[0m  rate (default: \x1b[36m2\x1b[0m)\n"
)


def flag(name: str, text: str = "", **known: bool) -> Option:
    return Option(name, Kind.FLAG, False, help=text, **known)


@pytest.mark.parametrize(
    "text, options",
    [
        (
            ARGPARSE,
            (
                Option("batch-size", Kind.INTEGER, 32, help="mini-batch size , of all GPUs"),
                Option("lr", Kind.FLOAT, 0.001, help="initial learning rate, small"),
                Option("opt", choices=("sgd", "adam")),
                Option("layers", Kind.SEVERAL),
                flag("amp"),
                flag("nesterov"),
                Option("save-dir", is_required=True),
                flag("l1", is_exclusive=True),
                flag("l2", is_exclusive=True),
                Option("a-very-long-name-of-an-option", Kind.TEXT, "x"),
            ),
        ),
        (
            CLICK,
            (
                Option("lr", Kind.FLOAT, 0.1, help="Learning rate."),
                Option("epochs", Kind.INTEGER, 10),
                Option("opt", Kind.TEXT, "sgd", ("sgd", "adam")),
                flag("no-bn"),
                flag("verbose"),
                Option("wd", Kind.FLOAT, is_required=True),
            ),
        ),
        (
            TYPER,
            (
                Option("lr", Kind.FLOAT, 0.1),
                Option("epochs", Kind.INTEGER, 10, help="Epochs."),
                flag("no-bn"),
                flag("cool"),
                Option("must", Kind.FLOAT, is_required=True),
            ),
        ),
        (
            ABSL,
            (
                flag("nobn", "Normalise."),
                Option("dims", Kind.SEVERAL, "1,2", help="Sizes.  (a comma separated list)"),
                Option("lr", Kind.FLOAT, 0.1, help="Learning rate.  (a number)"),
                Option("opt", Kind.TEXT, "sgd", ("sgd", "adam"), help="<sgd|adam>: Which."),
            ),
        ),
        (
            DOCOPT,
            (
                Option("lr", Kind.FLOAT, 0.001, help="Learning rate ."),
                flag("bn", "Batch norm."),
                Option("out", is_required=True, help="Output."),
            ),
        ),
        (ARGPARSE_3_13, (Option("lr", Kind.FLOAT, 0.5, help="rate"), flag("bn"))),
        (COLOURED, (Option("lr", Kind.INTEGER, 2, help="rate"),)),
        ("Training...\nepoch 1: loss 0.3\n", ()),
        ("", ()),
    ],
    ids=["argparse", "click", "typer", "absl", "docopt", "argparse of 3.13", "coloured", "no help", "nothing"],
)
def test_a_help_text_tells_its_options(text: str, options: tuple[Option, ...]) -> None:
    assert options_in_help(text).options == options


@pytest.mark.parametrize("text, names", [(ARGPARSE, ("data",)), (CLICK, ("DATA",)), (TYPER, ("data",)), (ABSL, ())])
def test_a_help_text_tells_the_words_that_a_script_needs(text: str, names: tuple[str, ...]) -> None:
    assert options_in_help(text).arguments == names


def test_brackets_in_brackets_by_the_thousand_hold_nobody_up(monkeypatch: pytest.MonkeyPatch) -> None:
    rounds = list[str]()
    sub = re.sub
    monkeypatch.setattr(re, "sub", lambda pattern, *others: rounds.append(pattern) or sub(pattern, *others))
    options_in_help("usage: t.py " + "(" * 3000 + "--lr LR" + ")" * 3000 + "\n\n  --lr LR  rate\n")
    assert len(rounds) < 200
