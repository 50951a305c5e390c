"""A script's options and results, read from its source; its help is read only where the source leaves gaps."""

from __future__ import annotations

import ast
from collections.abc import Callable
from pathlib import Path

import pytest

from hpsearch.backends.shell import Answer
from hpsearch.core.errors import BackendError, ConfigError
from hpsearch.starter.reading import ScriptFacts, facts_of, options_in_sources
from hpsearch.starter.script_options import Kind, Option
from hpsearch.starter.source_files import UNKNOWN, Source, parsed, sources_of
from hpsearch.starter.summary_writing import WrittenSummary

ARGPARSE = """\
import argparse
BASE = 0.05
MODELS = {"mlp": 1, "cnn": 2}
parser = argparse.ArgumentParser()
parser.add_argument("data")
parser.add_argument("more", nargs="?")
parser.add_argument("-b", "--batch-size", type=int, default=2 ** 6, help="mini" "batch")
parser.add_argument("--lr", "--rate", type=float, default=BASE * 2)
parser.add_argument("--decay", default="1e-4", type=float)
parser.add_argument("--model", choices=sorted(MODELS.keys()), default="mlp")
parser.add_argument("--layers", nargs="+", default=[1, 2])
parser.add_argument("--extra", action="append")
parser.add_argument("--amp", action=argparse.BooleanOptionalAction, default=True)
parser.add_argument("--bn", action="store_true")
parser.add_argument("--trap", type=bool, default=False)
parser.add_argument("--truth", type=str2bool, default=True)
parser.add_argument("--needed", type=float, required=True)
parser.add_argument("-v", "--verbose", action="count")
parser.add_argument("-q", type=int)
parser.add_argument("--steps", type=at_least(1), default=3)
group = parser.add_mutually_exclusive_group()
group.add_argument("--one", action="store_true")
parser.set_defaults(steps=5)
"""
OF_ARGPARSE = (
    Option("batch-size", Kind.INTEGER, 64, help="minibatch"),
    Option("lr", Kind.FLOAT, 0.1),
    Option("decay", Kind.FLOAT, 0.0001),
    Option("model", Kind.TEXT, "mlp", ("cnn", "mlp")),
    Option("layers", Kind.SEVERAL, [1, 2]),
    Option("extra", Kind.SEVERAL),
    Option("no-amp", Kind.FLAG, False),
    Option("bn", Kind.FLAG, False),
    Option("trap", Kind.ANY_TRUTH, False),
    Option("truth", Kind.TRUTH, True),
    Option("needed", Kind.FLOAT, is_required=True),
    Option("steps", Kind.INTEGER, 5),
    Option("one", Kind.FLAG, False, is_exclusive=True),
)
CLICK = """\
import click
@click.command()
@click.argument("data")
@click.option("--lr", default=0.1, help="Rate.")
@click.option("--epochs", "-e", type=int, default=10)
@click.option("--opt", type=click.Choice(["sgd", "adam"]), default="sgd")
@click.option("--bn/--no-bn", default=True)
@click.option("--fast", is_flag=True)
@click.option("--wd", type=click.FloatRange(0, 1), required=True)
@click.option("--dims", multiple=True, type=int)
def main(**given): ...
main()
"""
OF_CLICK = (
    Option("lr", Kind.FLOAT, 0.1, help="Rate."),
    Option("epochs", Kind.INTEGER, 10),
    Option("opt", Kind.TEXT, "sgd", ("sgd", "adam")),
    Option("no-bn", Kind.FLAG, False),
    Option("fast", Kind.FLAG, False),
    Option("wd", Kind.FLOAT, is_required=True),
    Option("dims", Kind.SEVERAL),
)
TYPER = """\
import typer
app = typer.Typer()
@app.command()
def main(data: str, lr: float = 0.1, num_epochs: int = typer.Option(10, help="E."), bn: bool = True,
         opt: Annotated[str, typer.Option("--optimizer")] = "sgd", must: float = typer.Option(...)): ...
app()
"""
OF_TYPER = (
    Option("lr", Kind.FLOAT, 0.1),
    Option("num-epochs", Kind.INTEGER, 10, help="E."),
    Option("no-bn", Kind.FLAG, False),
    Option("optimizer", Kind.TEXT, "sgd"),
    Option("must", Kind.FLOAT, is_required=True),
)
ABSL = """\
from absl import app, flags
flags.DEFINE_float("lr", 0.1, "Rate.")
flags.DEFINE_enum("opt", "sgd", ["sgd", "adam"], "Which.")
flags.DEFINE_bool("bn", True, "")
flags.DEFINE_string("logdir", None, "", required=True)
flags.DEFINE_list("dims", ["1"], "")
"""
OF_ABSL = (
    Option("lr", Kind.FLOAT, 0.1, help="Rate."),
    Option("opt", Kind.TEXT, "sgd", ("sgd", "adam"), help="Which."),
    Option("nobn", Kind.FLAG, False),
    Option("logdir", Kind.TEXT, is_required=True),
    Option("dims", Kind.SEVERAL, ["1"]),
)
FIRE = """\
import fire
def train(data, lr=0.1, epochs: int = 10, bn=True, kind: Literal["a", "b"] = "a"): ...
fire.Fire(train)
"""
OF_FIRE = (
    Option("data", Kind.TEXT, is_required=True),
    Option("lr", Kind.FLOAT, 0.1),
    Option("epochs", Kind.INTEGER, 10),
    Option("bn", Kind.TRUTH, True),
    Option("kind", Kind.TEXT, "a", ("a", "b")),
)
TYRO = """\
import tyro
@dataclass
class Args:
    lr: float = 0.1
    num_epochs: int = field(default=3, metadata={"help": "E."})
    bn: bool = True
    dims: list[int] = field(default_factory=list)
    seed: int | None = None
tyro.cli(Args)
"""
OF_TYRO = (
    Option("lr", Kind.FLOAT, 0.1),
    Option("num-epochs", Kind.INTEGER, 3, help="E."),
    Option("no-bn", Kind.FLAG, False),
    Option("dims", Kind.SEVERAL),
    Option("seed", Kind.INTEGER),
)

DOCOPT = '"""Usage: t [--lr=<x>]\n\n  --lr=<x>  Rate [default: 2]\n"""\nimport docopt'


def refused() -> Answer:
    raise AssertionError("the script was called")


@pytest.fixture
def facts(tmp_path: Path) -> Callable[..., ScriptFacts]:
    def read(text: str, ask: Callable[[], Answer] = refused, has_words: bool = False) -> ScriptFacts:
        script = tmp_path / "train.py"
        script.write_text(text)
        tree = parsed(script)
        return facts_of(
            sources_of(script, tree, [tmp_path]), ast.get_docstring(tree, clean=False) or "", has_words, ask
        )

    return read


@pytest.mark.parametrize(
    "text, options, arguments",
    [
        (ARGPARSE, OF_ARGPARSE, ("data",)),
        (CLICK, OF_CLICK, ("data",)),
        (TYPER, OF_TYPER, ("data",)),
        (ABSL, OF_ABSL, ()),
        (FIRE, OF_FIRE, ()),
        (TYRO, OF_TYRO, ()),
        (DOCOPT, (Option("lr", Kind.INTEGER, 2, help="Rate"),), ()),
        ("import time\nprint('training')\n", (), ()),
        ("import argparse\nprint(argparse.Namespace(lr=0.1))\n", (), ()),
    ],
    ids=["argparse", "click", "typer", "absl", "fire", "tyro", "docopt", "no options", "no parser"],
)  # fmt: skip
def test_the_source_tells_the_options_and_the_script_is_not_called(
    facts: Callable[..., ScriptFacts], text: str, options: tuple[Option, ...], arguments: tuple[str, ...]
) -> None:
    found = facts(text)
    assert (found.taken.options, found.taken.arguments) == (options, arguments)


@pytest.mark.parametrize(
    "main, module",
    [
        (
            "from opts import get\nget()",
            "def get():\n    return parser()\ndef parser():\n    CALL\ndef other():\n    OTHER",
        ),
        ("import opts\nopts.get()", "def get():\n    CALL\ndef other():\n    OTHER"),
        ("import opts as o\no.get()", "def get():\n    CALL\nif __name__ == '__main__':\n    OTHER"),
        ("from opts import *\nget()", "def get():\n    CALL\ndef other():\n    OTHER"),
        ("def main():\n    from opts import get\n    get()", "def get():\n    CALL\ndef other():\n    OTHER"),
    ],
)
def test_what_a_script_uses_of_modules_beside_it_is_read_too(
    facts: Callable[..., ScriptFacts], tmp_path: Path, main: str, module: str
) -> None:
    calls = {"CALL": 'p.add_argument("--lr", default=0.1)', "OTHER": 'p.add_argument("--other")'}
    (tmp_path / "opts.py").write_text(module.replace("CALL", calls["CALL"]).replace("OTHER", calls["OTHER"]))
    assert facts(main).taken.options == (Option("lr", Kind.FLOAT, 0.1),)


LOOP = 'for name in NAMES:\n    p.add_argument(f"--{name}")\np.add_argument("--lr", type=float)\np.parse_args()\n'
HELP = "usage: t [--lr LR]\n\noptions:\n  --lr LR   rate (default: 3)\n  --wd WD   (default: 0.5)\n"


def test_where_the_source_leaves_gaps_the_help_fills_them(facts: Callable[..., ScriptFacts]) -> None:
    found = facts(LOOP, lambda: Answer(0, HELP, ""))
    assert found.taken.options == (Option("lr", Kind.FLOAT, 3.0), Option("wd", Kind.FLOAT, 0.5))


def test_behind_a_first_word_of_the_script_the_help_is_asked(facts: Callable[..., ScriptFacts]) -> None:
    text = 'p.add_argument("--lr", type=float)\np.parse_args()\n'
    assert [option.name for option in facts(text, lambda: Answer(0, HELP, ""), True).taken.options] == ["lr", "wd"]


def no_interpreter() -> Answer:
    raise BackendError("python9: cannot be started")


@pytest.mark.parametrize(
    "ask, trouble",
    [
        (lambda: Answer(1, "", "Traceback ...\nOSError: x\n"), "it ended with exit status 1: OSError: x"),
        (lambda: Answer(None, "", ""), "it did not end within 60 seconds"),
        (lambda: Answer(0, "", ""), "it ended with exit status 0: no output"),
        (no_interpreter, "python9: cannot be started"),
    ],
)  # fmt: skip
def test_without_help_the_source_alone_counts(
    facts: Callable[..., ScriptFacts], ask: Callable[[], Answer], trouble: str
) -> None:
    found = facts(LOOP, ask)
    assert (found.taken.options, found.trouble) == ((Option("lr", Kind.FLOAT),), trouble)


@pytest.mark.parametrize(
    "text", ["x = 9 ** 9 ** 9", "y = 'a' * 10 ** 12", "z = range(10 ** 12)", "w = 1 / 0", "x = [x]"]
)
def test_no_expression_is_computed_that_could_take_long(facts: Callable[..., ScriptFacts], text: str) -> None:
    name = text.partition(" ")[0]
    found = facts(f'{text}\np.add_argument("--lr", default={name})', no_interpreter)
    assert found.taken.options == (Option("lr"),)


@pytest.mark.parametrize("content", [b"def f(:\n", b"x = '\0'", b"\xff\xfe", b"(" * 5000])
def test_a_file_that_is_not_python_is_refused_in_one_line(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "t.py").write_bytes(content)
    with pytest.raises(ConfigError, match=r"^[^\n]*t\.py[^\n]*: this is not Python \([^\n]*\)$"):
        parsed(tmp_path / "t.py")


FINISHED = ("acc_val", "loss", "finished")


@pytest.mark.parametrize(
    "text, summary",
    [
        ('open(f"{out}/sum.txt", "w").write(f"acc_val {a}\\nloss {b:.3f}\\nfinished 1\\n")', ("sum.txt", FINISHED)),
        ('(out / "results.txt").write_text("acc_val %f\\nloss %g\\nfinished 1" % (a, b))', ("results.txt", FINISHED)),
        ('N = "x.txt"\nf("acc_val {}\\n".format(a))\nf("loss {}\\nfinished {:d}".format(b, 1))', ("x.txt", FINISHED)),
        ('SUMMARY_FILE = "perf"\ns = {"acc_val": 1, "loss": 2, "finished": 1}', ("perf", FINISHED)),
        ('s = dict(acc_val=1, loss=2, finished=1)', ("", FINISHED)),
        ('s = {}\ns["acc_val"] = 1\ns["loss"] = 2\ns["finished"] = 1', ("", FINISHED)),
        ('for k, v in [("acc_val", a), ("loss", b), ("finished", 1)]: f.write(f"{k} {v}\\n")', ("", FINISHED)),
        ('@dataclass\nclass Summary:\n    acc_val: float\n    loss: float\n    finished: int = 0', ("", FINISHED)),
        ('open("log.txt", "w").write(f"acc_val {a}\\n")', ("", ())),
        ('print("acc_val", a, file=f)\nprint("loss", b, 2, file=f)\nprint("finished", 1, file=f)', ("", FINISHED)),
        ('open("s.txt", "w").write("acc_val " + str(a) + "\\nloss " + str(b) + "\\nfinished 1")', ("s.txt", FINISHED)),
        ('f.write("acc_val " + str(a) + "\\n" + f"loss {b}\\n" + "finished " + str(1))', ("", FINISHED)),
        ('print("acc", a)\nopen("s.txt", "w").write("finished 1\\n")', ("s.txt", ())),
        ('write_all(results, "s.txt")\nf.write("finished 1")', ("s.txt", ())),
        ('print("training has finished 1 epoch")', ("", ())),
        ('json.dump({"acc": 1}, open("metrics.json", "w"))', ("", ())),
    ],
)  # fmt: skip
def test_the_source_shows_the_summary_that_a_script_writes(
    facts: Callable[..., ScriptFacts], text: str, summary: tuple[str, tuple[str, ...]]
) -> None:
    assert facts(text).summary == WrittenSummary(*summary)


def test_a_relative_import_is_noticed(facts: Callable[..., ScriptFacts]) -> None:
    assert facts("from .model import Net").imports_relatively


def test_a_module_that_cannot_be_parsed_is_left_out(facts: Callable[..., ScriptFacts], tmp_path: Path) -> None:
    (tmp_path / "opts.py").write_text("def get(:")
    assert (
        options_in_sources(sources_of(tmp_path / "t.py", ast.parse("from opts import get\nget()"), [tmp_path])).options
        == ()
    )


@pytest.mark.parametrize(
    "value",
    [f"0x{'f' * 5000}", f"(10 ** 64) ** 64{' * 10 ** 64' * 4}", f"[1, 0x{'f' * 5000}]"],
    ids=["one", "a product", "in a list"],
)
def test_a_number_that_python_does_not_write_is_not_known(value: str) -> None:
    assert Source((), {}).value(ast.parse(value, mode="eval").body) is UNKNOWN


def test_no_list_is_made_that_is_longer_than_what_is_taken_of_it() -> None:
    # A whole list of these would not fit into memory.
    node = ast.parse("list(range(LEAST, 5, 100_000))", mode="eval").body
    found = Source((), {"LEAST": -(10**16)}).value(node)
    assert isinstance(found, list) and len(found) == 100


def test_what_python_finds_odd_in_a_script_is_not_printed(tmp_path: Path, recwarn: pytest.WarningsRecorder) -> None:
    script = tmp_path / "train.py"
    script.write_text("pattern = '\\d'\n")
    assert parsed(script).body
    assert list(recwarn) == []
