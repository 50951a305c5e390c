"""The fixtures, for the tests of the stand-ins themselves."""

from .fixtures import fake_gpus, fake_lsf

__all__ = ["fake_gpus", "fake_lsf"]
