"""Readers of text from outside, given what nobody would write."""
