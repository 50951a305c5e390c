"""A new grid module: which options it tries, which it only shows, and its text."""

from __future__ import annotations

import ast
from collections.abc import Sequence

import pytest
from project import ROOT

from hpsearch.starter.grid_text import GridModule, module_text
from hpsearch.starter.script_options import Kind, Option
from hpsearch.starter.sections import GridEntry, Section, chosen, output_option, suggestions
from hpsearch.starter.summary_writing import WrittenSummary

TEMPLATE = (ROOT / "hpsearch" / "hpsearch_config_template.py").read_text()


@pytest.mark.parametrize(
    "names, out_arg",
    [
        (["lr", "out_dir"], "out_dir"),
        (["save-dir", "output-dir"], "output-dir"),
        (["log_dir", "data_dir"], "log_dir"),
        (["train.outputDir", "logdir"], "logdir"),
        (["Output_Dir"], "Output_Dir"),
        (["data_dir", "checkout"], None),
    ],
)
def test_the_output_option_is_known_by_its_name(names: list[str], out_arg: str | None) -> None:
    assert output_option([Option(name) for name in names]) == out_arg


def test_a_flag_is_no_output_option() -> None:
    assert output_option([Option("save", Kind.FLAG, False)]) is None


@pytest.mark.parametrize(
    "option, section",
    [
        (Option("lr", Kind.FLOAT, 0.1), Section.GRID),
        (Option("opt", choices=("a", "b")), Section.GRID),
        (Option("model", Kind.TEXT, "mlp"), Section.GRID),
        (Option("bn", Kind.FLAG, False), Section.GRID),
        (Option("wd", Kind.FLOAT), Section.UNSURE),
        (Option("comment", Kind.TEXT, ""), Section.UNSURE),
        (Option("seed", Kind.INTEGER, 1), Section.SEED),
        (Option("data_random_seed", Kind.INTEGER, 1), Section.SEED),
        (Option("config", Kind.TEXT, "a.yml"), Section.WORKING),
        (Option("num-workers", Kind.INTEGER, 4), Section.WORKING),
        (Option("no-cuda", Kind.FLAG, False), Section.WORKING),
        (Option("dry_run", Kind.FLAG, False), Section.WORKING),
        (Option("words", Kind.TEXT, "/usr/share/words"), Section.WORKING),
        (Option("l1", Kind.FLAG, False, is_exclusive=True), Section.WORKING),
        (Option("layers", Kind.SEVERAL, [1]), Section.NOWHERE),
        (Option("trap", Kind.ANY_TRUTH, False), Section.NOWHERE),
        (Option("data_dir", is_required=True), Section.GRID),
    ],
)
def test_an_option_has_its_section(option: Option, section: Section) -> None:
    assert [entry.section for entry in chosen([Option("first", Kind.FLOAT, 1.0), option], "out_dir")][1:] == [section]


@pytest.mark.parametrize(
    "option, values",
    [
        (Option("lr", Kind.FLOAT, 0.1), (0.01, 0.1, 1.0)),
        (Option("lr", Kind.FLOAT, 3e-4), (3e-05, 0.0003, 0.003)),
        (Option("momentum", Kind.FLOAT, 0.9), (0.45, 0.9, 0.95)),
        (Option("x", Kind.FLOAT, 2.0), (1.0, 2.0, 4.0)),
        (Option("x", Kind.FLOAT, 0.0), (0.0, 0.1)),
        (Option("x", Kind.FLOAT, -1.5), ()),
        (Option("x", Kind.FLOAT, float("inf")), ()),
        (Option("units", Kind.INTEGER, 32), (16, 32, 64)),
        (Option("units", Kind.INTEGER, 1), (0, 1, 2)),
        (Option("units", Kind.INTEGER, 0), (0, 1)),
        (Option("units", Kind.INTEGER, -1), ()),
        (Option("opt", Kind.TEXT, "sgd"), ()),
    ],
)
def test_values_around_a_default_are_suggested(option: Option, values: tuple[object, ...]) -> None:
    assert suggestions(option) == values


def test_a_first_grid_stays_small() -> None:
    many = [Option(f"x{k}", Kind.TEXT, "b", ("a", "b", "c")) for k in range(5)]
    entries = chosen([*many, Option("bn", Kind.FLAG, False)], None)
    assert [len(entry.values) for entry in entries if entry.section is Section.GRID] == [3, 3, 3, 1, 1]
    assert entries[3] == GridEntry(many[3], Section.GRID, ("b",), ("a", "b", "c"))


def test_a_required_option_without_a_default_is_to_be_changed() -> None:
    needed = Option("data", is_required=True)
    assert chosen([needed], None) == [GridEntry(needed, Section.GRID, ("CHANGE",), must_change=True)]


@pytest.mark.parametrize("option", [Option("seed", Kind.INTEGER, 1), Option("workers", Kind.INTEGER, 2)])
def test_a_grid_is_not_empty_where_any_option_has_a_value(option: Option) -> None:
    assert [entry.section for entry in chosen([option], None)] == [Section.GRID]


def attributes_of(module: GridModule) -> dict[str, object]:
    """Return the attributes of a new module, as Python reads it."""
    tree = ast.parse(module_text(module, TEMPLATE))
    return {node.targets[0].id: ast.literal_eval(node.value) for node in tree.body if isinstance(node, ast.Assign)}  # type: ignore[attr-defined]


def module_of(options: Sequence[Option], **more: object) -> GridModule:
    known = {"script_name": "train.py", "out_arg": "out_dir", "summary": WrittenSummary(), **more}
    return GridModule(entries=chosen(options, "out_dir"), **known)  # type: ignore[arg-type]


OPTIONS = (
    Option("lr", Kind.FLOAT, 0.1, help="rate"),
    Option("bn", Kind.FLAG, False),
    Option("wd", Kind.FLOAT),
    Option("seed", Kind.INTEGER, 1),
    Option("workers", Kind.INTEGER, 2),
    Option("layers", Kind.SEVERAL, [1]),
    Option("data", is_required=True),
)
GRID = """\
grid = {
    "lr": [0.1],  # rate; for example [0.01, 0.1, 1.0]
    "bn": [False, True],
    "data": ["CHANGE"],  # CHANGE: required, and has no default
    # No value of these is known: take the # away and write some.
    # "wd": [0.01, 0.1],
    # Seeds: `hpsearch run --num_seeds=5 --seed_option=seed` runs each configuration under five of them.
    # "seed": [1],
    # Seldom worth a search: where and how the script works, or more flags than a first grid needs.
    # "workers": [2],  # for example [1, 2, 4]
    # Not possible in a grid: they take several words, or any text (also False) for true.
    # "layers": [[1]],
}
"""


@pytest.mark.parametrize(
    ("names", "command"),
    [
        (["random_seed", "seed"], "`hpsearch run --num_seeds=5`"),
        (["data_seed", "manualSeed"], "`hpsearch run --num_seeds=5 --seed_option=manualSeed`"),
        (["data_seed"], "`hpsearch run --num_seeds=5 --seed_option=data_seed`"),
    ],
)
def test_the_comment_names_the_seed_option_where_it_is_not_the_usual_one(names: list[str], command: str) -> None:
    options = [Option("lr", Kind.FLOAT, 0.1), *(Option(name, Kind.INTEGER, 1) for name in names)]
    assert f"    # Seeds: {command} runs each" in module_text(module_of(options), TEMPLATE)


def test_the_grid_shows_every_option() -> None:
    assert GRID in module_text(module_of(OPTIONS), TEMPLATE)


def test_a_new_module_says_everything_that_a_search_needs() -> None:
    summary = WrittenSummary("s.txt", ("acc_test", "loss_val", "finished"))
    assert attributes_of(module_of(OPTIONS, summary=summary)) == {
        "grid": {"lr": [0.1], "bn": [False, True], "data": ["CHANGE"]},
        "conditions": [],
        "_SCRIPT_NAME": "train.py",
        "_SUMMARY_FILENAME": "s.txt",
        "_SUMMARY_KEYWORDS": ["acc_test", "loss_val", "finished"],
        "_OUT_ARG": "out_dir",
        "_PERFORMANCE_KEY": "loss_val",
        "_PERFORMANCE_SORT_ASC": True,
        "_CONTINUE_ARG": None,
        "_SUMMARY_PARSER_HANDLE": None,
        "_PERFORMANCE_EVAL_HANDLE": None,
    }


@pytest.mark.parametrize(
    "module, marks",
    [
        (module_of([], summary=WrittenSummary("s.txt", ("acc", "finished"))), 1),
        (module_of([]), 3),
        (module_of([], out_arg=None), 4),
        (module_of([], arguments=("data",)), 4),
    ],
    ids=["all known", "no summary", "no output option", "words"],
)
def test_what_is_not_known_is_marked(module: GridModule, marks: int) -> None:
    assert module_text(module, TEMPLATE).count("# CHANGE: ") == marks


NASTY = ['"""', "\\", "a\nb", "'\"", "#\n}", "ü", "\x1b[1m", "{}", "\udc80"]


@pytest.mark.parametrize("text", NASTY)
def test_texts_of_a_script_stay_texts(text: str) -> None:
    options = [
        Option("lr", Kind.TEXT, text, help=text),
        Option("opt", choices=(text, 1, None, float("nan")), help=text),
    ]
    module = module_of(options, script_name=text, command=text, arguments=(text,))
    compile(module_text(module, TEMPLATE).encode("utf-8", "surrogateescape"), "grid.py", "exec")


@pytest.mark.parametrize(
    "text, shown",
    [
        ("learning rate (default: 0.1)", "learning rate"),
        ("learning rate (%(default)s)", "learning rate"),
        ("Learning rate. Default: %(default)s.", "Learning rate"),
        ("size (default: (3, 4)), of images", "size , of images"),
        ("the default\nchoice", "the default choice"),
        ("x" * 50 + " and so on for a long time", "x" * 50 + " and ..."),
    ],
)
def test_the_help_of_an_option_stands_behind_it_without_its_default(text: str, shown: str) -> None:
    option = Option("lr", Kind.TEXT, "a", help=text)
    assert f'    "lr": ["a"],  # {shown}\n' in module_text(module_of([option]), TEMPLATE)
