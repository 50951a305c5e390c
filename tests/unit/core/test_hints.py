"""Commands in messages are spelled as the user types them."""

from __future__ import annotations

from pathlib import Path

import pytest

from hpsearch.core.hints import Spelling, shown_path, spelling_of, started_words, typed_line


@pytest.mark.parametrize(
    "started, spelling",
    [
        ("/venv/bin/python /venv/bin/hpsearch", Spelling(("hpsearch",))),
        ("/other/bin/python .venv/bin/hpsearch", Spelling((".venv/bin/hpsearch",))),
        ("python -m hpsearch", Spelling(("python", "-m", "hpsearch"))),
        (
            "python3.11 -m hpsearch.hpsearch",
            Spelling(("python3.11", "-m", "hpsearch"), ("python3.11", "-m", "hpsearch.hpsearch")),
        ),
        (
            "python -m hpsearch.gather_random_seeds",
            Spelling(("python", "-m", "hpsearch"), ("python", "-m", "hpsearch.hpsearch")),
        ),
        ("python hpsearch.py", Spelling(classic=("python", "hpsearch.py"))),
        ("python sims/hpsearch.py", Spelling(classic=("python", "sims/hpsearch.py"))),
        ("python -m pytest", Spelling()),
        ("python my_script.py", Spelling()),
        ("", Spelling()),
    ],
)
def test_the_words_that_started_a_process_tell_how_its_user_types(started: str, spelling: Spelling) -> None:
    assert spelling_of(started.split(), "/venv/bin/hpsearch") == spelling


@pytest.mark.parametrize(
    "original, arguments, started",
    [
        ("python -m hpsearch run --a=1", "run --a=1", "python -m hpsearch"),
        ("python hpsearch.py", "", "python hpsearch.py"),
        ("/bin/python -X utf8 -m hpsearch run", "run", "/bin/python -m hpsearch"),
        ("python script.py a", "b", ""),
    ],
)
def test_arguments_do_not_belong_to_the_words_that_start_a_program(original: str, arguments: str, started: str) -> None:
    assert started_words(original.split(), arguments.split()) == started.split()


@pytest.mark.parametrize(
    "path, shown",
    [("out/s", "out/s"), ("", "."), ("..", ".."), ("-x", "./-x"), ("/a", "/a"), ("a/../out/s", "out/s")],
)
def test_a_path_is_relative_where_that_is_shorter(
    path: str, shown: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    assert shown_path(tmp_path / "here" / path) == shown


BOTH = Spelling(("python", "-m", "hpsearch"), ("python", "-m", "hpsearch.hpsearch"))


@pytest.mark.parametrize(
    "words, spelling, line",
    [
        (("resume", "a b"), Spelling(("hpsearch",)), "hpsearch resume 'a b'"),
        (("resume", "s"), BOTH, "python -m hpsearch.hpsearch --resume s"),
        (("retry", "s", "--run=3"), BOTH, "python -m hpsearch retry s --run=3"),
        (("retry", "s"), Spelling(classic=("python", "hpsearch.py")), ""),
        (("resume", "s"), Spelling(), ""),
    ],
)
def test_a_line_is_typed_as_its_user_types(
    words: tuple[str, ...], spelling: Spelling, line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    subcommand, folder, *more = words
    assert typed_line(subcommand, tmp_path / folder, *more, spelling=spelling) == line
