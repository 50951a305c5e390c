"""Lets old versions of pip install the project; everything is declared in pyproject.toml."""

from setuptools import setup

setup()
