"""Whole numbers in texts that others wrote: schedulers, drivers, exit files."""

#: More digits than any id, status, size or time has; Python refuses to read numbers of some thousand digits.
_MOST_DIGITS = 18


def integer(text: str) -> int | None:
    """Return the whole number that a text is, in ASCII digits and nothing else; None if it is none.

    ``str.isdigit`` also accepts what `int` refuses (a superscript two, say), so it must not decide this.
    """
    is_number = text.isascii() and text.isdigit() and len(text) <= _MOST_DIGITS
    return int(text) if is_number else None
