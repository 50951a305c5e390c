"""What --help prints: on a usual terminal no line is wrapped or cut."""

import contextlib

import pytest

from hpsearch.__main__ import _SUBCOMMANDS, main


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
