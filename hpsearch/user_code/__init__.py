"""The user's own Python: found, imported, and its functions called in a process of their own."""
