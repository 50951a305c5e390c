"""The text of a new grid module: comments from the template, values from a script."""

from __future__ import annotations

import math
import re
import textwrap
from collections.abc import Iterable, Iterator, Sequence

from hpsearch.config.options import USUAL_SEED
from hpsearch.core.ranking import low_is_good
from hpsearch.starter.script_options import Kind
from hpsearch.starter.sections import GridEntry, Section
from hpsearch.starter.seed_names import seed_option_in
from hpsearch.starter.summary_writing import WrittenSummary
from hpsearch.startup.classes import dataclass

_WIDTH = 116
_MOST_HELP = 60
_ASSIGNED = re.compile(r"^(\w+) = ", re.MULTILINE)
#: "(default: 0.1)", "Default: %(default)s.": left out, since the values show it.
_DEFAULT = re.compile(
    r"[(\[]defaults?\b[^()\[\]]*(\([^()]*\)[^()\[\]]*)?[)\]]|[(\[]?\bdefaults?(:| is|=)\s*\S*", re.IGNORECASE
)
_SUMMARY_FILENAME = "summary.txt"


@dataclass(frozen=True)
class GridModule:
    """The content of a new grid module. script_name: as in ``_SCRIPT_NAME``. arguments: positional ones of the script.

    out_arg: None if the script seems to have no output option. command: the command that runs the search.
    """

    script_name: str
    entries: Sequence[GridEntry]
    out_arg: str | None
    summary: WrittenSummary
    arguments: tuple[str, ...] = ()
    command: str = ""

    @property
    def num_runs(self) -> int:
        """How many runs the grid has; 0 if it is empty."""
        tried = [len(entry.values) for entry in self.entries if entry.section is Section.GRID]
        return math.prod(tried) if tried else 0


def module_text(module: GridModule, template: str) -> str:
    """Return the text of a grid module. template: the text of the template, for its comments."""
    comments = _comments_of(template)
    parts = [
        _docstring(module),
        _block(comments["grid"], ["grid = {", *_grid_lines(module.entries), "}"]),
        _block(_optional(comments["conditions"]), ["conditions = []"]),
        _script_block(module, comments["_SCRIPT_NAME"]),
        *_summary_blocks(module, comments),
        _out_block(module, comments["_OUT_ARG"]),
        _order_block(module, comments["_PERFORMANCE_KEY"]),
        _block(comments["_CONTINUE_ARG"], ["_CONTINUE_ARG = None"]),
        _block(comments["_SUMMARY_PARSER_HANDLE"], ["_SUMMARY_PARSER_HANDLE = None"]),
        _block(comments["_PERFORMANCE_EVAL_HANDLE"], ["_PERFORMANCE_EVAL_HANDLE = None"]),
    ]
    return "\n\n".join(parts) + "\n"


def _comments_of(template: str) -> dict[str, list[str]]:
    """Return the comment above each attribute of the template."""
    blocks = {found[1]: block for block in template.split("\n\n") if (found := _ASSIGNED.search(block))}
    return {name: [line for line in block.splitlines() if line.startswith("#")] for name, block in blocks.items()}


def _block(comment: Iterable[str], lines: Iterable[str]) -> str:
    return "\n".join([*comment, *lines])


def _optional(comment: Sequence[str]) -> list[str]:
    """Remove CHANGE from a comment about something that need not be changed."""
    first = comment[0].replace("# CHANGE: ", "# ", 1)
    return [first[:2] + first[2:3].upper() + first[3:], *comment[1:]]


def _commented(text: str) -> list[str]:
    return textwrap.wrap(text, _WIDTH, initial_indent="# ", subsequent_indent="# ")


def _docstring(module: GridModule) -> str:
    # A file name may hold any character.
    name, command = (_safe(text) for text in (module.script_name, module.command))
    return (
        f'"""Which options of {name} to try, and how to read its results. Change what is marked; then start\n\n'
        f'  {command}\n\nWith --dry_run, that only prints the commands.\n"""'
    )


def _safe(text: str) -> str:
    """Return a text that is safe in a docstring: nothing in it ends the docstring or the line."""
    plain = text if text.isprintable() else text.encode("unicode_escape").decode()
    return plain.replace("\\", "\\\\").replace('"', '\\"')


def _grid_lines(entries: Sequence[GridEntry]) -> Iterator[str]:
    yield from (_grid_line(entry) for entry in entries if entry.section is Section.GRID)
    for section, heading in (
        (Section.UNSURE, "No value of these is known: take the # away and write some."),
        (Section.SEED, _seed_heading([entry.option.name for entry in entries if entry.section is Section.SEED])),
        (
            Section.WORKING,
            "Seldom worth a search: where and how the script works, or more flags than a first grid needs.",
        ),
        (Section.NOWHERE, "Not possible in a grid: they take several words, or any text (also False) for true."),
    ):
        listed = [entry for entry in entries if entry.section is section]
        yield from [f"    # {heading}"] if listed else []
        yield from (f"    # {_grid_line(entry).strip()}" for entry in listed)


def _seed_heading(names: Sequence[str]) -> str:
    option = seed_option_in(names) or next(iter(names), USUAL_SEED)
    named = "" if option == USUAL_SEED else f" --seed_option={option}"
    return f"Seeds: `hpsearch run --num_seeds=5{named}` runs each configuration under five of them."


def _grid_line(entry: GridEntry) -> str:
    values = ", ".join(_literal(value) for value in entry.values) or _example(entry)
    line = f"    {_literal(entry.option.name)}: [{values}],"
    return f"{line}  # {remark}" if (remark := _remark(entry)) else line


def _example(entry: GridEntry) -> str:
    return {Kind.INTEGER: "1, 2", Kind.FLOAT: "0.01, 0.1"}.get(entry.option.kind, "...")


def _remark(entry: GridEntry) -> str:
    """Return the comment after an entry: what to change, other values, the script's own help."""
    change = "CHANGE: required, and has no default" if entry.must_change else ""
    listed = ", ".join(_literal(value) for value in entry.more)
    others = f"for example [{listed}]" if entry.more and entry.section is not Section.SEED else ""
    return "; ".join(filter(None, (change, _help_of(entry), others)))


def _help_of(entry: GridEntry) -> str:
    text = _DEFAULT.sub("", entry.option.help.replace("%(default)s", "default: "))
    text = " ".join("".join(c if c.isprintable() else " " for c in text).split()).strip(" .;,")
    return textwrap.shorten(text, _MOST_HELP, placeholder=" ...") if text else ""


def _literal(value: object) -> str:
    """Return a value as Python source, with double quotes if that needs no escapes."""
    if isinstance(value, float) and not math.isfinite(value):
        return f'float("{value}")'
    text = repr(value)
    return f'"{text[1:-1]}"' if isinstance(value, str) and text[0] == "'" and '"' not in text else text


def _script_block(module: GridModule, comment: Sequence[str]) -> str:
    lines = [f"_SCRIPT_NAME = {_literal(module.script_name)}"]
    if not module.arguments:
        return _block(_optional(comment), lines)
    needed = " ".join(module.arguments)
    change = (
        f"CHANGE: the script needs words besides its options: write them behind its name, {module.script_name} {needed}"
    )
    return _block([*_optional(comment), *_commented(change)], lines)


def _summary_blocks(module: GridModule, comments: dict[str, list[str]]) -> list[str]:
    summary = module.summary
    filename = summary.filename or _SUMMARY_FILENAME
    file_lines = [f"_SUMMARY_FILENAME = {_literal(filename)}"]
    keyword_lines = [
        f"_SUMMARY_KEYWORDS = [{', '.join(map(_literal, summary.keywords or ('performance', 'finished')))}]"
    ]
    file_comment, keywords_comment = comments["_SUMMARY_FILENAME"], comments["_SUMMARY_KEYWORDS"]
    known = _optional(file_comment) if summary.filename else file_comment
    if summary.keywords:
        keyword_lines = ["_SUMMARY_KEYWORDS = [", *(f"    {_literal(word)}," for word in summary.keywords), "]"]
        return [_block(known, file_lines), _block(_optional(keywords_comment), keyword_lines)]
    if summary.filename:
        return [_block(known, file_lines), _block(keywords_comment, keyword_lines)]
    return [_block([*file_comment, *_three_lines(module)], file_lines), _block(keywords_comment, keyword_lines)]


def _three_lines(module: GridModule) -> list[str]:
    out = (module.out_arg or "out_dir").replace("-", "_")
    return [
        "#   The source of the script shows no such file yet. Three lines write one, when the script has its results:",
        f"#     os.makedirs(args.{out}, exist_ok=True)",
        f'#     with open(os.path.join(args.{out}, "{_SUMMARY_FILENAME}"), "w") as file:',
        '#         file.write(f"performance {performance}\\nfinished 1\\n")',
    ]


def _out_block(module: GridModule, comment: Sequence[str]) -> str:
    if module.out_arg is not None:
        return _block(comment, [f"_OUT_ARG = {_literal(module.out_arg)}"])
    change = (
        "CHANGE: no option of the script looks like it. Write the name of the right one, or give the script one: "
        'parser.add_argument("--out_dir", required=True)'
    )
    return _block([*comment, *_commented(change)], ['_OUT_ARG = "out_dir"'])


def _order_block(module: GridModule, comment: Sequence[str]) -> str:
    keywords = [keyword for keyword in module.summary.keywords if keyword != "finished"]
    # Not a test result: choosing runs by it would leave nothing to test them with.
    key = next((keyword for keyword in keywords if re.search(r"val|dev", keyword)), next(iter(keywords), None))
    is_low_good = key is not None and low_is_good(key)
    return _block(comment, [f"_PERFORMANCE_KEY = {_literal(key)}", f"_PERFORMANCE_SORT_ASC = {is_low_good}"])
