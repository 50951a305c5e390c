"""Hypothesis for all tests of rules: how long an example takes on a busy machine says nothing about a rule."""

from hypothesis import settings

settings.register_profile("any machine", deadline=None)
settings.load_profile("any machine")
