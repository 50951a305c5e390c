"""``hpsearch completion``: its scripts are tested in the shells themselves."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from project import ROOT

from hpsearch.__main__ import _SUBCOMMANDS
from hpsearch.__main__ import main as hpsearch


def needs(shell: str) -> pytest.MarkDecorator:
    return pytest.mark.skipif(shutil.which(shell) is None, reason=f"there is no {shell}")


@pytest.fixture
def script(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> Callable[[str], Path]:
    """Write the script of a shell beside two folders and a file."""

    def write(shell: str) -> Path:
        assert hpsearch(["completion", shell]) == 0
        path = tmp_path / "script"
        path.write_text(capfd.readouterr().out)
        (tmp_path / "searches" / "old").mkdir(parents=True)
        (tmp_path / "seeds").touch()
        return path

    return write


def told(argv: list[str], folder: Path) -> list[str]:
    """Run a shell in a folder; return its lines."""
    environ = {**os.environ, "HOME": str(folder.parent)}
    done = subprocess.run(argv, cwd=folder, env=environ, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.splitlines()


CASES = {
    "hpsearch st": ["status"],
    "hpsearch run --num_c": ["--num_cpu_jobs"],
    "hpsearch run --scheduler ": ["lsf", "slurm"],
    "hpsearch status se": ["searches"],
    "hpsearch run --run_cwd searches/": ["searches/old"],
    "hpsearch best --low": ["--lowest"],
    "hpsearch export --format ": ["csv", "json", "latex", "markdown", "parquet"],
    "hpsearch init se": ["searches", "seeds"],
}


def test_bash_completes_commands_options_and_folders(script: Callable[[str], Path]) -> None:
    path = script("bash")
    calls = "".join(f"try {line if line[-1] != ' ' else line + repr('')}\n" for line in CASES)
    program = (
        f"source {path}\n"
        'try() { COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)); _shtab_hpsearch; '
        'mapfile -t found < <(printf "%s\\n" "${COMPREPLY[@]}" | sort); echo "${found[*]}"; }\n'
        f"{calls}"
    )
    assert told(["bash", "--norc", "-c", program], path.parent) == [" ".join(words) for words in CASES.values()]


@needs("fish")
def test_fish_completes_commands_options_and_folders(script: Callable[[str], Path]) -> None:
    path = script("fish")
    calls = "; ".join(f'echo (complete -C "{line}" | string split -f1 \\t | sort)' for line in CASES)
    lines = told(["fish", "--no-config", "-c", f"source {path}; {calls}"], path.parent)
    assert [line.replace("/ ", " ").rstrip("/") for line in lines] == [" ".join(words) for words in CASES.values()]


@needs("zsh")
def test_zsh_takes_its_script(script: Callable[[str], Path]) -> None:
    path = script("zsh")
    program = f'autoload -U compinit; compinit -u -D; eval "$(<{path})"; echo $_comps[hpsearch]'
    assert told(["zsh", "-f", "-c", program], path.parent) == ["_shtab_hpsearch"]


def test_every_command_has_its_options_in_the_script(script: Callable[[str], Path]) -> None:
    text = script("bash").read_text()
    assert [name for name in _SUBCOMMANDS if f"_shtab_hpsearch_{name}_option_strings=(-h --help" not in text] == []


def test_without_the_library_one_line_says_how_to_install_it(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "shtab", None)
    assert hpsearch(["completion", "bash"]) == 2
    said = capfd.readouterr().err
    assert said.startswith("hpsearch: completion needs shtab, which is not installed: ")
    assert said.endswith(" -m pip install shtab\n")


def test_no_other_command_needs_the_library() -> None:
    program = "import sys; sys.modules['shtab'] = None\nfrom hpsearch.__main__ import main\nmain(['--help'])"
    line = f"{shlex.quote(sys.executable)} -c {shlex.quote(program)}"
    assert told(["bash", "-c", line], ROOT)[0].startswith("usage: hpsearch")
