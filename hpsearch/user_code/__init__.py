"""The user's own Python code: finding it, importing it, and calling its functions in a separate process."""
