"""The replacement for `typing` when a command runs: it behaves like the original."""

import subprocess
import sys
import typing
from types import ModuleType

import pytest

from hpsearch.startup import typing as startup_typing

both = pytest.mark.parametrize("module", [startup_typing, typing])


class Cards:
    gpus = ("0",)

    def ask(self) -> str:
        return ""


@both
def test_an_object_has_an_interface_if_it_has_all_that_the_interface_names(module: ModuleType) -> None:
    @module.runtime_checkable
    class NamesGpus(module.Protocol):
        gpus: tuple[str, ...]

        def ask(self) -> str: ...

    @module.runtime_checkable
    class Stops(NamesGpus, module.Protocol):
        def stop(self) -> None: ...

    assert (isinstance(Cards(), NamesGpus), isinstance(Cards(), Stops)) == (True, False)


@both
def test_a_class_may_take_types(module: ModuleType) -> None:
    T = module.TypeVar("T")

    class Mean(module.Generic[T]):
        size: module.ClassVar[int] = 3

    assert (Mean[int]().size, module.cast("int", "3")) == (3, "3")


def test_the_module_itself_is_imported_by_no_start() -> None:
    code = "import sys, hpsearch.startup.typing; print('typing' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
