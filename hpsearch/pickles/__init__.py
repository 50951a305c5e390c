"""Pickles of people we do not know, read without executing anything of them."""
