"""The scripts of the repository tell when there was nothing to do."""

import subprocess
from pathlib import Path

import pytest
from project import ROOT


@pytest.mark.parametrize(
    ("only", "missing"), [("", "any Python from 3.10 to 3.14"), ("3.1O 3.10-odest", "3.1O 3.10-odest")]
)
def test_tests_on_no_python_are_no_success(tmp_path: Path, only: str, missing: str) -> None:
    (tmp_path / "dirname").symlink_to("/usr/bin/dirname")
    environment = {"PATH": str(tmp_path), "HOME": str(tmp_path), "ONLY": only}
    done = subprocess.run(
        ["/bin/sh", ROOT / "script" / "pythons"], env=environment, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (2, f"script/pythons: not found: {missing}\n")
