"""The names of `typing` that annotations use, without that module: it takes 4 ms, and nothing asks for annotations.

All modules of the package import these names from here.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any as Any
    from typing import BinaryIO as BinaryIO
    from typing import ClassVar as ClassVar
    from typing import Generic as Generic
    from typing import Literal as Literal
    from typing import NoReturn as NoReturn
    from typing import ParamSpec as ParamSpec
    from typing import Protocol as Protocol
    from typing import TextIO as TextIO
    from typing import TypeVar as TypeVar
    from typing import cast as cast
    from typing import runtime_checkable as runtime_checkable
else:
    Any = BinaryIO = NoReturn = TextIO = object

    class ClassVar:
        """Stands for a class that takes types in brackets."""

        def __class_getitem__(cls, types):
            return cls

    class Generic(ClassVar): ...

    class Literal(ClassVar): ...

    class _Interface(type):
        def __instancecheck__(cls, found):
            """Return whether an object has all that an interface names."""
            names = {name for each in cls.__mro__[:-2] for name in (*vars(each), *each.__annotations__)}
            return all(hasattr(found, name) for name in names if not name.startswith("_"))

    class Protocol(metaclass=_Interface): ...

    def runtime_checkable(interface):
        return interface

    def TypeVar(name, *types, **how):
        return object

    def ParamSpec(name):
        return ...

    def cast(kind, value):
        return value
