"""What --help prints: on a usual terminal no line is wrapped or cut."""

import contextlib

import pytest

from hpsearch.__main__ import _SUBCOMMANDS, main


@pytest.mark.parametrize("name", _SUBCOMMANDS)
def test_an_option_that_does_not_exist_is_told_with_the_one_that_is_meant(
    capfd: pytest.CaptureFixture[str], name: str
) -> None:
    needed = {"completion": ["bash"], "logs": ["1"], "reproduce": ["1"], "table": ["--rows=x"]}.get(name, [])
    with pytest.raises(SystemExit, match="2"):
        main([name, *needed, "--hellp=3"])
    assert capfd.readouterr().err.endswith("unrecognized arguments: --hellp=3; did you mean '--help'?\n")


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        (["run", "--num_sead=3"], "; did you mean '--num_seeds'?"),
        (["run", "--num-cpu-jobs", "3"], "; did you mean '--num_cpu_jobs'?"),
        (["run", "--wholly_other", "x", "--ressume=out"], "; did you mean '--resume'?"),
        (["run", "--wholly_other"], ""),
        (["status", "out", "more"], ""),
    ],
    ids=lambda words: " ".join(words),
)
def test_only_what_is_near_is_named(capfd: pytest.CaptureFixture[str], words: list[str], hint: str) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(words)
    said = capfd.readouterr().err.splitlines()[-1]
    assert (said.count("did you mean"), said.endswith(hint)) == (bool(hint), True)


@pytest.mark.parametrize("words", [[], *([name] for name in _SUBCOMMANDS)], ids=" ".join)
def test_every_help_fits_on_80_columns(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], words: list[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    with contextlib.suppress(SystemExit):
        main([*words, "--help"])
    shown = capfd.readouterr().out
    assert "usage: hpsearch" in shown
    assert [line for line in shown.splitlines() if len(line) > 80] == []
