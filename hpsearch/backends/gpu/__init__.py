"""Runs on the GPUs of this machine."""
