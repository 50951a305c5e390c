"""When a controller asks its scheduler, and when it looks at the jobs' exit files."""

from __future__ import annotations

#: The shortest pause, in seconds, is a share of the search's age, within limits: an old search asks less often.
_SHORTEST_S, _SHARE, _SHORTEST_LATER_S = 1.0, 0.01, 15.0
#: Or it is this long for each job, if that is more: the length of an answer grows with the jobs.
_SHORTEST_PER_JOB_S = 0.01
#: The longest pause while a failed run may have been out of memory: so several questions fit into the wait for that.
_FOR_CAUSE_S = 5.0


class PollSchedule:
    """When a controller asks its scheduler: soon while things change, less and less often while nothing does."""

    def __init__(self, longest_s: float, now: float) -> None:
        self._longest_s, self._began = longest_s, now
        self._jobs = 0
        self._asked_at, self._pause_s = now, self._shortest(now)

    def seconds_left(self, now: float) -> float:
        """Return the time until the next question; 0 = ask now."""
        return max(0.0, self._pause_s - (now - self._asked_at))

    def asked(self, now: float, has_news: bool, jobs: int = 1, waits_for_cause: bool = False) -> None:
        """Set the time of the next question: later than before, or sooner if the answer had news.

        jobs: how many the question was about. waits_for_cause: one has ended, and only the scheduler may know why.
        """
        self._asked_at, self._jobs = now, jobs
        pause_s = min(self._pause_s * (1 / 3 if has_news else 1.5), self._longest_s)
        self._pause_s = max(self._shortest(now), pause_s)
        if waits_for_cause:
            self._pause_s = min(self._pause_s, _FOR_CAUSE_S)

    def hurry(self, now: float) -> None:
        """Ask soon: something was submitted."""
        self._pause_s = self._shortest(now)

    def hurry_for_cause(self, now: float) -> None:
        """Ask soon, even with many jobs: one has ended for an unknown reason."""
        self._pause_s = min(self._shortest(now), _FOR_CAUSE_S)

    def _shortest(self, now: float) -> float:
        later_s = max(_SHARE * (now - self._began), _SHORTEST_PER_JOB_S * self._jobs)
        return min(max(_SHORTEST_S, min(later_s, _SHORTEST_LATER_S)), self._longest_s)


#: Pauses between two looks at the exit files, which bother no scheduler: the first, the longest, and the growth.
_FIRST_LOOK_S, _LAST_LOOK_S, _LOOK_GROWTH = 0.05, 2.0, 1.3
#: The first pause is at least this long for each job: with 500 jobs a look takes 2 ms and finds several ends at once.
_LOOK_PER_JOB_S = 0.002


def look_pause_s(jobs: int, last_s: float | None = None) -> float:
    """Return the pause until the next look at exit files. jobs: how many. last_s: the last pause, if no news came."""
    first_s = max(_FIRST_LOOK_S, _LOOK_PER_JOB_S * jobs)
    return min(first_s if last_s is None else last_s * _LOOK_GROWTH, _LAST_LOOK_S)
