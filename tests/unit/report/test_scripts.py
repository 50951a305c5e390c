"""The page's scripts share one scope: of two functions with one name, the later would silently replace the other."""

import re
from collections import defaultdict

from project import ROOT

#: A longer script has two subjects.
MOST_LINES = 400
SCRIPTS = ROOT / "hpsearch" / "report" / "page"
DECLARED = re.compile(r"^(?:async )?(?:function\*?|const|let|class) (\w+)", re.MULTILINE)


def test_a_script_has_few_lines():
    lines = {script.name: script.read_text(encoding="utf-8").count("\n") for script in SCRIPTS.glob("*.js")}
    assert {name: count for name, count in lines.items() if count > MOST_LINES} == {}


def test_no_name_is_declared_in_two_scripts():
    declared = defaultdict(list)
    for script in sorted(SCRIPTS.glob("*.js")):
        for name in DECLARED.findall(script.read_text(encoding="utf-8")):
            declared[name].append(script.name)
    assert {name: scripts for name, scripts in declared.items() if len(scripts) > 1} == {}
    assert len(declared) > 100
