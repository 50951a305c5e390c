"""The table of all that is fuzzed."""

from __future__ import annotations

from fuzz.folder_targets import FOLDER_TARGETS
from fuzz.progress_targets import PROGRESS_TARGETS
from fuzz.scheduler_targets import SCHEDULER_TARGETS
from fuzz.user_targets import USER_TARGETS

TARGETS = (*FOLDER_TARGETS, *SCHEDULER_TARGETS, *PROGRESS_TARGETS, *USER_TARGETS)
