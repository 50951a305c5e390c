"""Fuzzing of the functions that read text from outside."""
