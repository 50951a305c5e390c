"""Every error that a user can see, each with the exit status it leads to."""

from __future__ import annotations

import errno

#: What the system says where a disk is full or a quota is used up.
NO_ROOM = (errno.ENOSPC, errno.EDQUOT)


class SearchError(Exception):
    """An error with a message for people; `exit_status` is what the command ends with."""

    exit_status = 2


class UsageError(SearchError):
    """The command line asks for something that cannot be."""


class ConfigError(SearchError):
    """The grid module or the grid configuration file says something that cannot be searched."""


class FolderError(SearchError):
    """The search folder cannot be used: it exists, is locked by another controller, or is not ours."""


class ControllerPresent(FolderError):
    """Another controller works on the search folder, or may."""


class BackendError(SearchError):
    """The place where runs should execute cannot be used at all; found out before anything is written."""


class StoreError(SearchError):
    """Something could not be written, to the search folder or to standard output (a full disk, say)."""

    exit_status = 1


class NoRoomError(StoreError):
    """Something could not be written because the disk is full or a quota is used up; there may be room again."""


class SummaryError(SearchError):
    """A run's summary cannot be read; concerns that run only."""

    exit_status = 1


class SummaryUnreadable(SummaryError):
    """The system does not let a run's summary be read now; reading it may succeed later."""


class ParserTimeout(SummaryUnreadable):
    """The user's own parser gave no answer in time; it is tried once more, at the end."""


class SubmissionRefused(SearchError):
    """The scheduler said no, and would say no again to the same submission.

    asked: what it was asked and what it answered, word for word; empty if it was not asked.
    """

    asked = ""


class SubmissionUnexplained(SubmissionRefused):
    """The scheduler said no in words that are not known here: for good, or for the moment."""


class ArrayTooLarge(SubmissionRefused):
    """The scheduler never takes a job array of this size; it may take a smaller one."""


class SubmissionDelayed(SearchError):
    """The scheduler said no for the moment (a limit, a restart): the same submission may succeed later."""


class SubmitLimitReached(SubmissionDelayed):
    """The user would have more jobs than the scheduler allows for now; it may take fewer of these."""


class SubmissionUnsure(SearchError):
    """No clear answer came: the job may exist, and must be looked for by its unique name before a new try."""


class SearchInterrupted(SearchError):
    """A signal ended the controller; the search can be resumed."""

    def __init__(self, message: str, signal_number: int) -> None:
        super().__init__(message)
        self.exit_status = 128 + signal_number


def is_forbidden(error: Exception) -> bool:
    """Return whether an error comes from missing rights, so that waiting does not help."""
    return isinstance(error.__cause__, OSError) and error.__cause__.errno in (errno.EACCES, errno.EPERM, errno.EROFS)


def unwritable(what: object, error: OSError) -> StoreError:
    """Return the error that says that something (a path) cannot be written, and why."""
    kind = NoRoomError if error.errno in NO_ROOM else StoreError
    return kind(f"{what}: cannot be written ({reason_of(error)})")


def reason_of(error: OSError | ValueError) -> str:
    """Return why something was refused, for people; never empty, and without the path if the system refused it."""
    return getattr(error, "strerror", None) or str(error) or type(error).__name__
