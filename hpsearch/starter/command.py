"""``hpsearch init``: write a commented grid module beside an existing script."""

from __future__ import annotations

import argparse
import ast
import os
import re
import shlex
import stat
import textwrap
from collections.abc import Iterator, Sequence
from difflib import get_close_matches
from pathlib import Path

from hpsearch.backends.shell import Answer
from hpsearch.config.command_parser import CommandParser, ExampleFormatter
from hpsearch.config.given_paths import absolute
from hpsearch.config.program import program_of
from hpsearch.console.console import Console
from hpsearch.console.exit_status import clean_up_when_interrupted
from hpsearch.console.text import amount
from hpsearch.core.command import script_line, shell_line
from hpsearch.core.errors import ConfigError, UsageError, reason_of
from hpsearch.starter.grid_text import GridModule, module_text
from hpsearch.starter.placing import file_for, next_command
from hpsearch.starter.reading import HELP_TIMEOUT_S, ScriptFacts, ask_help, facts_of
from hpsearch.starter.script_options import ScriptOptions
from hpsearch.starter.sections import chosen, output_option
from hpsearch.starter.source_files import parsed, sources_of
from hpsearch.starter.summary_writing import WrittenSummary
from hpsearch.startup.classes import dataclass
from hpsearch.user_code.import_paths import add_current_folder, searched_folders

_DESCRIPTION = """\
Write a grid module beside your script, with its options and their defaults, its
output option and its summary, as far as the script's source tells them. Calls
the script with --help only where the source leaves something open.
"""
_EXAMPLE = """\
examples:
  hpsearch init train.py
  hpsearch init sims/mnist/train.py --out sims/mnist/my_grid.py
  hpsearch init -m package.train
  hpsearch init 'train.py resnet'      for a script that needs a first word

The last line on standard output is the next command.
"""
_TEMPLATE = Path(__file__).parents[1] / "hpsearch_config_template.py"


@dataclass(frozen=True)
class Script:
    """The script that a grid module is for.

    file: of its source. folder: where its runs start. name: as in ``_SCRIPT_NAME``.
    """

    file: Path
    folder: Path
    name: str
    has_words: bool = False


def main(argv: Sequence[str]) -> int:
    """Write a grid module; return the exit status."""
    parser = CommandParser(
        prog="hpsearch init", description=_DESCRIPTION, epilog=_EXAMPLE, formatter_class=ExampleFormatter
    )
    parser.add_argument(
        "script", metavar="SCRIPT", nargs="?", help="The script, with its first words if it needs some."
    )
    parser.add_argument("-m", dest="module", metavar="MODULE", help="A module instead of a script, as in python -m.")
    parser.add_argument("--out", metavar="FILE", help="The grid module. Default: grid_<script>.py beside the script.")
    text = "Command that runs the script instead of python3, as in a search."
    parser.add_argument("--interpreter", metavar="CMD", default="", help=text)
    options = parser.parse_args(argv)
    if (options.script is None) == (options.module is None):
        parser.error("name one script, as in: hpsearch init train.py (or: hpsearch init -m package.train)")
    return _init(options, Console(stamps=False))


def _init(options: argparse.Namespace, console: Console) -> int:
    add_current_folder()
    given = options.script if options.module is None else f"-m {options.module.strip()}"
    script = _script(given, Path.cwd())
    out = file_for(options.out, script.file)
    facts = _facts(script, options.interpreter, console)
    module = _module(script, facts, next_command(out, script.folder, options.interpreter))
    _write(out, module_text(module, _TEMPLATE.read_text(encoding="utf-8")))
    _say(module, facts, out, console)
    return console.results([f"{module.command} --dry_run"])


def _script(given: str, here: Path) -> Script:
    """Find the script that a user names. Raises UsageError if there is none."""
    try:
        line = script_line(given, lambda name: absolute(name, here).is_file())
    except (ValueError, OSError) as error:
        raise UsageError(f"{given!r}: expected a script, but {error}") from error
    if line.is_module:
        return Script(_module_file(line.script, here), here, shell_line(line.words), bool(line.after))
    file = absolute(line.script, here)
    _check_script(file, line.script)
    name = shell_line((*line.before, file.name, *line.after)) if line.before or line.after else file.name
    return Script(file, file.parent, name, bool(line.after))


def _check_script(file: Path, shown: str) -> None:
    if file.is_dir():
        hint = f"name the script in it: hpsearch init {shlex.quote(f'{shown}/train.py')}"
        raise UsageError(f"{shown}: expected a script, found a folder; {hint}")
    try:
        mode = file.stat().st_mode
    except (FileNotFoundError, NotADirectoryError) as error:
        raise UsageError(f"{shown}: there is no such script (looked for {file}){_meant(file, shown)}") from error
    except OSError as error:
        raise UsageError(f"{shown}: this script cannot be looked at ({reason_of(error)})") from error
    if not stat.S_ISREG(mode):
        raise UsageError(f"{shown}: expected a script, found something that is no file")


def _meant(file: Path, shown: str) -> str:
    """Return the end of a message: which script may be meant by a wrong name."""
    if "/" not in shown and (file.parent / f"{shown.replace('.', '/')}.py").is_file() and "." in shown:
        return f"; did you mean -m {shown}?"
    near = get_close_matches(file.name, [found.name for found in file.parent.glob("*.py")], 1)
    return f"; did you mean {Path(shown).with_name(near[0])}?" if near else ""


def _module_file(dotted: str, here: Path) -> Path:
    parts = dotted.split(".")
    path = Path(here, *parts)
    candidates = (path.with_name(f"{path.name}.py"), path / "__main__.py") if all(parts) else ()
    found = next((file for file in candidates if file.is_file()), None)
    if found is None:
        listed = " nor ".join(str(file.relative_to(here)) for file in candidates)
        hint = f"found neither {listed}" if listed else "expected a dotted name"
        raise UsageError(f"-m {dotted}: there is no such module in the current folder ({hint})")
    return found


def _facts(script: Script, interpreter: str, console: Console) -> ScriptFacts:
    """Return what is known of a script; empty for an executable that is not Python."""
    is_python = script.file.suffix in (".py", ".pyw")
    try:
        tree = parsed(script.file)
    except OSError as error:
        raise UsageError(f"{script.file}: this script cannot be read ({reason_of(error)})") from error
    except ConfigError as error:
        if is_python or not os.access(script.file, os.X_OK):
            raise ConfigError(f"{error}; init reads the options of Python scripts") from error
        return ScriptFacts(ScriptOptions(), WrittenSummary())
    if not is_python and not _looks_like_script(tree):
        raise UsageError(f"{script.file}: this is no script, as far as its text shows; expected a Python file")
    program = program_of(script.name, script.folder, interpreter)
    local = [Path(folder) for folder in searched_folders() if not _is_of_python(folder)]
    folders = list(dict.fromkeys([script.file.parent, script.folder, *local]))

    def ask() -> Answer:
        clean_up_when_interrupted()
        console.note(f"reading {script.name} --help (at most {HELP_TIMEOUT_S:.0f} s) ...")
        return ask_help(program, script.folder)

    try:
        sources = sources_of(script.file, tree, folders)
        return facts_of(sources, ast.get_docstring(tree, clean=False) or "", script.has_words, ask)
    except RecursionError:
        # For example generated code: an expression with a thousand terms.
        return ScriptFacts(ScriptOptions(), WrittenSummary())


def _looks_like_script(tree: ast.Module) -> bool:
    return any(isinstance(node, (ast.Import, ast.ImportFrom, ast.FunctionDef)) for node in tree.body)


def _is_of_python(folder: str) -> bool:
    return Path(folder).is_relative_to(os.path.dirname(os.__file__)) or folder.endswith(".zip")  # noqa: PTH120


def _module(script: Script, facts: ScriptFacts, command: str) -> GridModule:
    out_arg = output_option(facts.taken.options)
    arguments = () if script.has_words else facts.taken.arguments
    return GridModule(script.name, chosen(facts.taken.options, out_arg), out_arg, facts.summary, arguments, command)


def _write(out: Path, text: str) -> None:
    try:
        with out.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError as error:
        raise UsageError(f"{out}: this file exists and is not overwritten; name another one with --out") from error
    except OSError as error:
        raise UsageError(f"{out}: cannot be written ({reason_of(error)}); name another place with --out") from error


def _say(module: GridModule, facts: ScriptFacts, out: Path, console: Console) -> None:
    shown = os.path.relpath(out) if out.is_relative_to(Path.cwd()) else out
    runs = f", {amount(module.num_runs, 'run')} as it stands" if module.num_runs else ""
    console.note(f"wrote {shown}: {amount(len(facts.taken.options), 'option')} of {module.script_name}{runs}")
    console.notes([*_findings(module), *_warnings(module, facts)])
    console.note("change what is marked CHANGE in it, then see what would run:")


def _findings(module: GridModule) -> Iterator[str]:
    """Yield conclusions from names and texts of the script, for the user to check."""
    if module.out_arg is not None:
        yield f"  output folder: --{module.out_arg}"
    if module.summary.keywords:
        keywords = textwrap.shorten(", ".join(module.summary.keywords), 50, placeholder=" ...")
        yield f"  summary: {module.summary.filename or 'a file'} with {keywords}"


def _warnings(module: GridModule, facts: ScriptFacts) -> Iterator[str]:
    name = module.script_name
    if facts.trouble:
        yield f"  {name} --help showed no options, so some may be missing: {facts.trouble}"
    if not facts.taken.options:
        yield f"  {name} seems to take no options; if it does (--lr=0.1), write them into the grid"
    elif module.out_arg is None:
        yield f"  {name} has no option that looks like its output folder: see _OUT_ARG"
    if module.arguments:
        yield f"  {name} needs words besides its options ({', '.join(module.arguments)}): {_with_words(module)}"
    if module.summary.filename and not module.summary.keywords:
        yield f"  the source does not show which results {module.summary.filename} holds: see _SUMMARY_KEYWORDS"
    elif not module.summary.keywords:
        yield f"  {name} writes no summary yet, as far as its source shows: see _SUMMARY_FILENAME"
    elif not module.summary.filename:
        yield "  the source does not show the name of the summary file: see _SUMMARY_FILENAME"
    if facts.imports_relatively and not name.startswith("-"):
        yield f"  {name} imports from its package: try hpsearch init -m PACKAGE.MODULE if it does not start"


def _with_words(module: GridModule) -> str:
    """Say what to do for a script that needs words: if they choose its options, read it again with one."""
    listed = re.fullmatch(r"\{([^,}]+).*\}", module.arguments[0])
    if listed is None:
        return "see _SCRIPT_NAME"
    return f"name one, hpsearch init {shlex.quote(f'{module.script_name} {listed[1]}')}"
