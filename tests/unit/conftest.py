"""Settings of Hypothesis for all unit tests: no deadline, since times on a busy machine say nothing."""

from hypothesis import settings

settings.register_profile("any machine", deadline=None)
settings.load_profile("any machine")
