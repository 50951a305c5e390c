"""What can be read from a copy of a grid module without executing it, and where only executing it helps."""

from __future__ import annotations

from pathlib import Path

import pytest

from hpsearch.config.recorded import config_for_folder
from hpsearch.core.errors import ConfigError
from hpsearch.store.layout import SearchFolder
from hpsearch.user_code.copied_module import certain_constants, constants_in, orders_of_grids

NAMES = ("_SUMMARY_KEYWORDS", "_PERFORMANCE_KEY", "_SUMMARY_PARSER_HANDLE")
KEYWORDS = "_SUMMARY_KEYWORDS = ['acc', 'finished']\n"


def module(folder: Path, text: str) -> Path:
    path = folder / "grid.py"
    path.write_text(text)
    return path


@pytest.mark.parametrize(
    ("text", "constants"),
    [
        (KEYWORDS, {"_SUMMARY_KEYWORDS": ["acc", "finished"]}),
        (KEYWORDS + "_SUMMARY_PARSER_HANDLE = None\n", {"_SUMMARY_KEYWORDS": ["acc", "finished"], NAMES[2]: None}),
        ("import no_such_module\nraise SystemExit\n" + KEYWORDS, {"_SUMMARY_KEYWORDS": ["acc", "finished"]}),
        ("grid = {'x': list(range(3))}\n", {}),
    ],
)
def test_constants_are_read_without_executing_the_module(
    tmp_path: Path, text: str, constants: dict[str, object]
) -> None:
    assert certain_constants(module(tmp_path, text), NAMES) == constants


@pytest.mark.parametrize(
    "text",
    [
        "_SUMMARY_PARSER_HANDLE = print\n",
        "def _SUMMARY_PARSER_HANDLE(out_dir, number): pass\n",
        "from other import parser as _SUMMARY_PARSER_HANDLE\n",
        "from other import *\n",
        "_PERFORMANCE_KEY = _SUMMARY_KEYWORDS[0]\n",
        "_SUMMARY_KEYWORDS.append('loss')\n",
        "_SUMMARY_KEYWORDS += ['loss']\n",
        "if True:\n    _SUMMARY_KEYWORDS = ['loss', 'finished']\n",
        "globals()['_PERFORMANCE_' + 'KEY'] = 'loss'\n",
        "import sys\nsetattr(sys.modules[__name__], '_PERFORMANCE_' + 'KEY', 'loss')\n",
        "def __getattr__(name): return None\n",
        "_PERFORMANCE_KEY: str = 'acc'\n",
        "_PERFORMANCE_KEY = 'ac' + 'c'\n",
        "no Python\n",
    ],
)
def test_what_may_be_set_by_code_is_not_guessed(tmp_path: Path, text: str) -> None:
    assert certain_constants(module(tmp_path, KEYWORDS + text), NAMES) is None


def test_constants_beside_code_are_read_where_nothing_may_be_executed(tmp_path: Path) -> None:
    path = module(tmp_path, KEYWORDS + "_PERFORMANCE_KEY = _SUMMARY_KEYWORDS[0]\n")
    assert constants_in(path) == {"_SUMMARY_KEYWORDS": ["acc", "finished"]}


@pytest.mark.parametrize(
    ("grid", "orders"),
    [
        ("{'lr': LogUniform(1, 2), 'size': ['small', 'large'], **more, f(): [1]}", {"size": ["small", "large"]}),
        ("[{'a': [2, 1]}, more, {'a': [3, 2], ('b', 'c'): [(1, 2)], 'd': 5}]", {"a": ["2", "1", "3"]}),
        ("f({'a': [1]})", {}),
    ],
)
def test_lists_beside_code_tell_the_order_of_values(tmp_path: Path, grid: str, orders: dict[str, list[str]]) -> None:
    module(tmp_path, f"grid = {{'x': [1]}}\ngrid = {grid}\n")
    assert orders_of_grids([SearchFolder(tmp_path)]) == orders


MODULE = KEYWORDS + "import no_such_module\n_SCRIPT_NAME = 'train.py'\n_SUMMARY_FILENAME = 'summary.txt'\n"
JUDGE = "def _PERFORMANCE_EVAL_HANDLE(summary, criterion): return True\n"


def test_a_copy_is_executed_for_functions_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.path", [])
    path = module(tmp_path, MODULE + JUDGE)
    config = config_for_folder(tmp_path, [path.name], None, "", tmp_path, needs_functions=False)
    assert (config.script_name, config.settings.summary_keywords) == ("train.py", ("acc", "finished"))
    with pytest.raises(ConfigError, match="no_such_module"):
        config_for_folder(tmp_path, [path.name], None, "", tmp_path, needs_functions=True)


def test_an_order_of_values_is_told_without_a_number_that_python_does_not_write(tmp_path: Path) -> None:
    module(tmp_path, f"grid = {{'a': [2, 1], 'b': [0x{'f' * 5000}], 'c': [1]}}\n")
    assert orders_of_grids([SearchFolder(tmp_path)]) == {"a": ["2", "1"], "c": ["1"]}


def test_what_python_finds_odd_in_a_grid_module_is_not_printed(
    tmp_path: Path, recwarn: pytest.WarningsRecorder
) -> None:
    assert constants_in(module(tmp_path, "_OUT_ARG = '\\d'\n")) == {"_OUT_ARG": "\\d"}
    assert list(recwarn) == []
